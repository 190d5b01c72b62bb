"""What a plan costs: API calls, beside what is left of the day's.

In: changes, capabilities, an API that has read. Out: one sentence, or none for an empty plan. Never: asks the server.
"""

from collections.abc import Sequence

from orgsync.adapter import Capabilities
from orgsync.adapters.counting import writes
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
    about = "about " if options.bundled or options.ranked else ""
    enough = "" if needed <= api.left else ": not enough, so that it would end in the middle"
    return f"this apply needs {about}{needed:,} of {api.left:,} remaining calls{enough}"
