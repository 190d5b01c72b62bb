"""What a plan costs at a CRM that counts calls, and what a doctor says of those that are left.

In: changes in order, capabilities, numbers of calls. Out: numbers, sentences, findings. Never: asks a CRM.
"""

from collections import Counter
from collections.abc import Iterator, Sequence

from orgsync.adapter import Capabilities
from orgsync.adapters.diagnosis import fact, warning
from orgsync.change import Action, Change, strata
from orgsync.finding import Finding
from orgsync.resources import Kind

SPARE = 0.05
"""Below this share of the day's calls a run may end in the middle."""

Group = tuple[Kind, Action]


def writes(changes: Sequence[Change], able: Capabilities, twice: frozenset[Group] = frozenset()) -> int:
    """One call per batch, two of what is among ``twice``; what waits for something goes after it."""
    return sum(
        -(-count // able.of(group[0]).max_batch) * (2 if group in twice else 1)
        for ready in together(changes)
        for group, count in Counter((one.kind, one.action) for one in ready).items()
    )


def together(changes: Sequence[Change]) -> Iterator[list[Change]]:
    """Stratum by stratum, what can be sent at once; without what waits for something that is not among them."""
    by_id = {change.id: change for change in changes}
    sorter = strata([change for change in changes if by_id.keys() >= {*change.waits_for}])
    while sorter.is_active():
        ready = sorter.get_ready()
        yield [by_id[one] for one in ready]
        sorter.done(*ready)


def sentence(needed: int, left: int, *, exact: bool = True) -> str:
    about = "" if exact else "about "
    enough = "" if needed <= left else ": not enough, so that it would end in the middle"
    return f"this apply needs {about}{needed:,} of {left:,} remaining calls{enough}"


def budget(left: int | None, limit: int | None, remedy: str) -> Iterator[Finding]:
    """``remedy``: when there are more again. Nothing where the CRM tells no numbers."""
    if left is None or not limit:
        return
    told = f"{left:,} of {limit:,}"
    if left < limit * SPARE:
        yield warning("few API calls remain today", told, remedy)
    else:
        yield fact("API calls remain", told)
