"""What a plan costs: API calls, beside what is left of the day's.

In: changes, capabilities, an API that has read. Out: one sentence, or none for an empty plan. Never: asks the server.
"""

from collections import Counter
from collections.abc import Iterator, Sequence

from orgsync.adapter import Capabilities
from orgsync.adapters.counting import sentence, together
from orgsync.adapters.salesforce.api import Api
from orgsync.change import Action, Change
from orgsync.resources import Kind


def cost_of(changes: Sequence[Change], able: Capabilities, api: Api, reads: int) -> str:
    """``reads``: calls that the last reading took; an apply reads before and after."""
    if not changes or api.left is None:
        return ""
    return sentence(writes(changes, able) + 2 * reads, api.left)


def writes(changes: Sequence[Change], able: Capabilities) -> int:
    """One call per batch; what waits for something goes after it."""
    return sum(-(-count // able.of(kind).max_batch) for count, kind in _groups(changes))


def _groups(changes: Sequence[Change]) -> Iterator[tuple[int, Kind]]:
    for ready in together(changes):
        counted: Counter[tuple[Kind, Action]] = Counter((one.kind, one.action) for one in ready)
        yield from ((count, kind) for (kind, _), count in counted.items())
