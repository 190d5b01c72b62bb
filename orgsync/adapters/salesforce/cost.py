"""What a plan costs: API calls, beside what is left of the day's.

In: changes, capabilities, an API that has read. Out: one sentence, or none for an empty plan. Never: asks the server.
"""

from collections import Counter
from collections.abc import Iterator, Sequence

from orgsync.adapter import Capabilities
from orgsync.adapters.salesforce.api import Api
from orgsync.adapters.salesforce.options import Options
from orgsync.change import Action, Change, strata
from orgsync.resources import Kind


def cost_of(changes: Sequence[Change], able: Capabilities, api: Api, options: Options, reads: int) -> str:
    """``reads``: calls that the last reading took; an apply reads before and after.

    How often a recalculation is looked at, and how many sit where they leave, shows only then.
    """
    if not changes or api.left is None:
        return ""
    needed = writes(changes, able, ranked=options.ranked) + 2 * reads
    about = "about " if options.bundled or options.ranked else ""
    enough = "" if needed <= api.left else ": not enough, so that it would end in the middle"
    return f"this apply needs {about}{needed:,} of {api.left:,} remaining calls{enough}"


def writes(changes: Sequence[Change], able: Capabilities, *, ranked: bool) -> int:
    """One call per batch; what waits for something goes after it. Who leaves a unit leaves its role before."""
    leaving = (Kind.MEMBERSHIP, Action.DELETE)
    return sum(
        -(-count // able.of(group[0]).max_batch) * (2 if ranked and group == leaving else 1)
        for count, group in _groups(changes)
    )


def _groups(changes: Sequence[Change]) -> Iterator[tuple[int, tuple[Kind, Action]]]:
    by_id = {change.id: change for change in changes}
    sorter = strata([change for change in changes if by_id.keys() >= {*change.waits_for}])
    while sorter.is_active():
        ready = sorter.get_ready()
        counted: Counter[tuple[Kind, Action]] = Counter((by_id[one].kind, by_id[one].action) for one in ready)
        yield from ((count, group) for group, count in counted.items())
        sorter.done(*ready)
