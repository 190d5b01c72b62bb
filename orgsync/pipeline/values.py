"""What the pipeline answers."""

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime

from orgsync.adapter import Changed, Foreign
from orgsync.change import Outcome, Status
from orgsync.finding import Finding
from orgsync.plan import Plan
from orgsync.resources import Address

Environment = Mapping[str, str]
Clock = Callable[[], datetime]


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """What an apply did. ``differences``: what the CRM says it did and did not; ``journal``: its head afterwards."""

    run: str
    outcomes: tuple[Outcome, ...]
    differences: tuple[Finding, ...]
    journal: str

    @property
    def summary(self) -> dict[str, int]:
        found = Counter(one.status for one in self.outcomes)
        return {str(status): found[status] for status in Status}

    @property
    def complete(self) -> bool:
        return not self.differences and all(one.status is Status.APPLIED for one in self.outcomes)


@dataclass(frozen=True, slots=True, kw_only=True)
class Drift:
    """How the CRM differs from what is declared: the plan that would take it back, foreign things, who changed what.

    ``broken``: policies that do not hold of what lives.
    """

    plan: Plan
    foreign: tuple[Foreign, ...]
    changed: Mapping[Address, Changed]
    broken: tuple[Finding, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Checked:
    """The journal's chain: how many entries, the head to keep elsewhere, and a sentence per fault."""

    entries: int
    head: str
    faults: tuple[str, ...]
