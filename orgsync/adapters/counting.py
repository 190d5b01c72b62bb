"""How many calls the changes of a plan take: what waits for something cannot go together with it.

In: changes in order, capabilities. Out: a number. Never: asks a server.
"""

from collections import Counter
from collections.abc import Iterator, Sequence

from orgsync.adapter import Capabilities
from orgsync.change import Action, Change, strata
from orgsync.resources import Kind

Group = tuple[Kind, Action]


def writes(changes: Sequence[Change], able: Capabilities, twice: frozenset[Group] = frozenset()) -> int:
    """One call per batch, two of what is among ``twice``; what waits for something goes after it."""
    return sum(
        -(-count // able.of(group[0]).max_batch) * (2 if group in twice else 1) for group, count in _groups(changes)
    )


def _groups(changes: Sequence[Change]) -> Iterator[tuple[Group, int]]:
    by_id = {change.id: change for change in changes}
    sorter = strata([change for change in changes if by_id.keys() >= {*change.waits_for}])
    while sorter.is_active():
        ready = sorter.get_ready()
        yield from Counter((by_id[one].kind, by_id[one].action) for one in ready).items()
        sorter.done(*ready)
