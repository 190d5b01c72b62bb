"""Runs one command as a whole process and says what it took.

In: a command. Out: wall and CPU seconds, peak memory, its output. Never interprets the output.
"""

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO


class CommandFailed(Exception):
    pass


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """``wall`` and ``cpu`` (user + system, children included) in seconds; ``peak`` in bytes: the largest resident size
    of any one process of the command (not the sum over processes)."""

    wall: float
    cpu: float
    peak: int
    stdout: str
    stderr: str


def measure(command: Sequence[str], *, cwd: Path, environment: Mapping[str, str] | None = None) -> Measured:
    """Raises CommandFailed for an exit code other than 0.

    On Linux a child's peak begins with what its parent held when it was started, so the caller should be small.
    """
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        env = {**os.environ, **(environment or {})}
        start = time.perf_counter()
        process = subprocess.Popen(command, cwd=cwd, env=env, stdin=subprocess.DEVNULL, stdout=out, stderr=err)
        _, status, usage = os.wait4(process.pid, 0)
        wall = time.perf_counter() - start
        process.returncode = os.waitstatus_to_exitcode(status)
        stdout, stderr = (_text(file) for file in (out, err))
    if process.returncode != 0:
        raise CommandFailed(f"{' '.join(command)}\nexit code {process.returncode}\n{stdout[-2000:]}{stderr[-2000:]}")
    scale = 1 if sys.platform == "darwin" else 1024
    return Measured(
        wall=wall, cpu=usage.ru_utime + usage.ru_stime, peak=usage.ru_maxrss * scale, stdout=stdout, stderr=stderr
    )


def _text(file: IO[bytes]) -> str:
    file.seek(0)
    return file.read().decode("utf-8", "replace")
