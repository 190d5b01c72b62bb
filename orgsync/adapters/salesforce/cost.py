"""What a plan costs: API calls, beside what is left of the day's.

In: changes, capabilities, an API that has read. Out: one sentence, or none for an empty plan. Never: asks the server.
"""

from collections.abc import Sequence

from orgsync.adapter import Capabilities
from orgsync.adapters.counting import sentence, writes
from orgsync.adapters.salesforce.api import Api
from orgsync.adapters.salesforce.options import Options
from orgsync.change import Action, Change
from orgsync.resources import Kind

_LEAVING = frozenset({(Kind.MEMBERSHIP, Action.DELETE)})
"""Who leaves a unit leaves its role in the hierarchy before."""


def cost_of(changes: Sequence[Change], able: Capabilities, api: Api, options: Options, reads: int) -> str:
    """``reads``: calls that the last reading took; an apply reads before and after.

    How often a recalculation is looked at, and how many sit where they leave, shows only then.
    """
    if not changes or api.left is None:
        return ""
    needed = writes(changes, able, twice=_LEAVING if options.ranked else frozenset()) + 2 * reads
    return sentence(needed, api.left, exact=not (options.bundled or options.ranked))
