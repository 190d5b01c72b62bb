"""Watching a run: which stage is on, and what became of the steps. Implementations print; the engine only tells."""

import re
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from orgsync.change import Outcome


class Watch(Protocol):
    def stage(self, name: str) -> AbstractContextManager[None]: ...
    def outcomes(self, outcomes: Sequence[Outcome], done: int, total: int) -> None: ...


def peak_memory() -> int | None:
    """Bytes that this process has taken at most so far; None where the system does not tell."""
    with suppress(OSError):  # Linux; its getrusage starts with what the parent process had taken
        status = Path("/proc/self/status").read_text(encoding="utf-8")
        if found := re.search(r"^VmHWM:\s+(\d+) kB$", status, re.MULTILINE):
            return int(found[1]) * 1024
    if sys.platform == "win32":
        return None
    import resource  # noqa: PLC0415  (Windows has none)

    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)


@dataclass(slots=True)
class Timings:
    """Collects wall and CPU seconds per stage, in the order in which the stages began, and the peak of memory when each
    ended; prints nothing."""

    clock: Callable[[], float] = time.perf_counter
    cpu: Callable[[], float] = time.process_time
    memory: Callable[[], int | None] = peak_memory
    seconds: dict[str, float] = field(default_factory=dict)
    cpu_seconds: dict[str, float] = field(default_factory=dict)
    peaks: dict[str, int | None] = field(default_factory=dict)

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        self.seconds.setdefault(name, 0.0)
        self.cpu_seconds.setdefault(name, 0.0)
        start, busy = self.clock(), self.cpu()
        try:
            yield
        finally:
            self.seconds[name] += self.clock() - start
            self.cpu_seconds[name] += self.cpu() - busy
            self.peaks[name] = self.memory()

    def outcomes(self, outcomes: Sequence[Outcome], done: int, total: int) -> None:
        """Nothing to time: a batch belongs to the stage ``apply``."""
