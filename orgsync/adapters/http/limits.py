"""How long, how much and how often, and where time comes from."""

import random
import time
from collections.abc import Callable
from dataclasses import dataclass

_BUSY = frozenset({429})


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """Seconds, bytes and counts.

    connect   until the connection stands
    read      between two bytes
    answer    until one answer is complete
    total     for a call with all its repetitions and waits
    size      of an answer, unpacked
    attempts  at most, the first among them
    backoff   before the first repetition; doubled each time, up to ``longest``, less up to half of it by chance
    busy      statuses by which the server surely did nothing and wants to be asked again later
    locked    whether a refusal, by what it says, is such a one whatever its status
    """

    connect: float = 10
    read: float = 30
    answer: float = 120
    total: float = 600
    size: int = 64 << 20
    attempts: int = 5
    backoff: float = 0.5
    longest: float = 60
    busy: frozenset[int] = _BUSY
    locked: Callable[[object], bool] = lambda _: False


def _sleep(seconds: float) -> None:
    """Looked up when it is needed: a test may have made time short."""
    time.sleep(seconds)


@dataclass(frozen=True, slots=True, kw_only=True)
class Time:
    """``clock``: seconds that only grow; ``wall``: seconds since 1970; ``chance``: from 0 to 1."""

    clock: Callable[[], float] = time.monotonic
    wall: Callable[[], float] = time.time
    sleep: Callable[[float], None] = _sleep
    chance: Callable[[], float] = random.random
