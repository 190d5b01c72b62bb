"""Watching a run: which stage is on, and what became of the steps. Implementations print; the engine only tells."""

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from typing import Protocol

from orgsync.change import Outcome


class Watch(Protocol):
    def stage(self, name: str) -> AbstractContextManager[None]: ...
    def outcomes(self, outcomes: Sequence[Outcome], done: int, total: int) -> None: ...


@dataclass(slots=True)
class Timings:
    """Collects wall seconds per stage, in the order in which the stages began; prints nothing."""

    clock: Callable[[], float] = time.perf_counter
    seconds: dict[str, float] = field(default_factory=dict)

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        self.seconds.setdefault(name, 0.0)
        start = self.clock()
        try:
            yield
        finally:
            self.seconds[name] += self.clock() - start

    def outcomes(self, outcomes: Sequence[Outcome], done: int, total: int) -> None:
        """Nothing to time: a batch belongs to the stage ``apply``."""
