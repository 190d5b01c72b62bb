"""Runs one command as a whole process and says what it took.

In: a command. Out: wall and CPU seconds, peak memory, its output. Never interprets the output.
"""

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

_LAUNCH = [sys.executable, "-I", "-S", str(Path(__file__).with_name("launch.py"))]


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
    """Raises CommandFailed for an exit code other than 0."""
    with tempfile.TemporaryDirectory() as folder:
        out, err, report = (Path(folder) / name for name in ("out", "err", "report"))
        env = {**os.environ, **(environment or {})}
        with out.open("wb") as stdout, err.open("wb") as stderr:
            launch = [*_LAUNCH, str(report), *command]
            subprocess.run(
                launch, cwd=cwd, env=env, stdin=subprocess.DEVNULL, stdout=stdout, stderr=stderr, check=False
            )
        texts = _text(out), _text(err)
        took = json.loads(report.read_text()) if report.exists() else {"code": "none: it did not start"}
    if (code := took.pop("code")) != 0:
        ends = "".join(text[-2000:] for text in texts)
        raise CommandFailed(f"{' '.join(command)}\nexit code {code}\n{ends}")
    return Measured(**took, stdout=texts[0], stderr=texts[1])


def _text(path: Path) -> str:
    return path.read_text(encoding="utf-8", errors="replace")
