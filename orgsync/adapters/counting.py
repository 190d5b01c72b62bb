"""How many calls the changes of a plan take: what waits for something cannot go together with it.

In: changes in order, capabilities. Out: a number. Never: asks a server.
"""

from collections import Counter
from collections.abc import Iterator, Sequence

from orgsync.adapter import Capabilities
from orgsync.change import Action, Change, strata
from orgsync.resources import Kind


def writes(changes: Sequence[Change], able: Capabilities) -> int:
    """One call per batch; what waits for something goes after it."""
    return sum(-(-count // able.of(kind).max_batch) for count, kind in _groups(changes))


def _groups(changes: Sequence[Change]) -> Iterator[tuple[int, Kind]]:
    by_id = {change.id: change for change in changes}
    sorter = strata([change for change in changes if by_id.keys() >= {*change.waits_for}])
    while sorter.is_active():
        ready = sorter.get_ready()
        counted: Counter[tuple[Kind, Action]] = Counter((by_id[one].kind, by_id[one].action) for one in ready)
        yield from ((count, kind) for (kind, _), count in counted.items())
        sorter.done(*ready)
