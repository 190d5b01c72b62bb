"""The targets as data, and the ratios that are held against them.

In: what was measured. Out: ratios, each beside its target where one is set for that size. Never measures.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import median

from bench.contestants import (
    ACCESS_WORK,
    BARE,
    COLD,
    HASH,
    HELP,
    JSON,
    OCTODNS,
    TERRAFORM,
    UNCHANGED,
    VALIDATE,
    WARM,
    cold_at,
)

Runs = Mapping[str, Mapping[str, Sequence[float]]]
"""contestant -> wall, cpu (seconds) or peak (bytes) -> one figure per round"""


COLDLY, WARMLY, GROWN, MEMORY = "1 cold plan", "2 warm plan", "3 growth", "3 memory"
CALLS, APPLIED, OVERLAP, START, ACCESS = "4 calls", "5 apply", "6 plan with network", "7 start-up", "8 access"
TARGETS = (COLDLY, WARMLY, GROWN, MEMORY, CALLS, APPLIED, OVERLAP, START, ACCESS)


@dataclass(frozen=True, slots=True, kw_only=True)
class Pair:
    """``over`` divided by ``under``, round by round; ``wanted``: size -> target (0: of what has no size)."""

    target: str = ""
    over: str
    under: str
    what: str = "wall"
    wanted: Mapping[int, float]
    at_least: bool = True


PAIRS = (
    Pair(target=COLDLY, over=OCTODNS, under=COLD, wanted={100_000: 20}),
    Pair(target=COLDLY, over=TERRAFORM, under=COLD, wanted={10_000: 60}),
    Pair(target=WARMLY, over=OCTODNS, under=WARM, wanted={100_000: 50}),
    Pair(target=WARMLY, over=OCTODNS, under=UNCHANGED, wanted={10_000: 100, 100_000: 300}),
    Pair(target=MEMORY, over=TERRAFORM, under=COLD, what="peak", wanted={10_000: 30}),
    Pair(over=OCTODNS, under=COLD, what="peak", wanted={}),
    Pair(target=START, over=HELP, under=BARE, wanted={0: 6}, at_least=False),
    Pair(target=START, over=VALIDATE, under=BARE, wanted={0: 20}, at_least=False),
    Pair(target=ACCESS, over=ACCESS_WORK, under=COLD, wanted={100_000: 1}, at_least=False),
    Pair(over=COLD, under=HASH, wanted={}, at_least=False),
    Pair(over=COLD, under=JSON, wanted={}, at_least=False),
)
BYTES_EACH = 1.5 * 1024
GROWTH = 1.2


@dataclass(frozen=True, slots=True, kw_only=True)
class Ratio:
    """``target``: which of them this is held against, "" for none."""

    name: str
    value: float
    wanted: float | None = None
    at_least: bool = True
    target: str = ""

    @property
    def met(self) -> bool | None:
        if self.wanted is None:
            return None
        return self.value >= self.wanted if self.at_least else self.value <= self.wanted


def ratios(runs: Runs, size: int) -> list[Ratio]:
    """The median of the ratios of each round: a slow moment of the machine hits both sides of a pair."""
    found = [_ratio(pair, runs, size) for pair in PAIRS if pair.over in runs and pair.under in runs]
    if COLD in runs:
        each = median(runs[COLD]["peak"]) / size
        wanted = BYTES_EACH if size >= 100_000 else None
        name = "bytes of peak memory per assignment"
        found.append(Ratio(target=MEMORY, name=name, value=each, wanted=wanted, at_least=False))
    return found


def growth(runs: Runs, few: int, many: int) -> list[Ratio]:
    """Time and memory per assignment of ``many``, over those of ``few`` that were measured beside them."""
    wanted = GROWTH if (few, many) == (100_000, 1_000_000) else None
    return [
        Ratio(
            target=GROWN,
            name=f"{name} per assignment, {many:,} / {few:,}",
            value=_paired(runs, COLD, cold_at(few), what) * few / many,
            wanted=wanted,
            at_least=False,
        )
        for name, what in (("time", "wall"), ("memory", "peak"))
    ]


def _paired(runs: Runs, over: str, under: str, what: str) -> float:
    both = zip(runs[over][what], runs[under][what], strict=True)
    return median(above / below for above, below in both)


def _ratio(pair: Pair, runs: Runs, size: int) -> Ratio:
    suffix = "" if pair.what == "wall" else f" ({pair.what})"
    return Ratio(
        target=pair.target,
        name=f"{pair.over} / {pair.under}{suffix}",
        value=_paired(runs, pair.over, pair.under, pair.what),
        wanted=pair.wanted.get(size),
        at_least=pair.at_least,
    )
