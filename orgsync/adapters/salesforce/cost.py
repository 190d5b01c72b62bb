"""What a plan costs: API calls, beside what is left of the day's.

In: changes, capabilities, an API that has read. Out: one sentence, or none for an empty plan. Never: asks the server.
"""

from collections.abc import Sequence

from orgsync.adapter import Capabilities
from orgsync.adapters.counting import writes
from orgsync.adapters.salesforce.api import Api
from orgsync.change import Change


def cost_of(changes: Sequence[Change], able: Capabilities, api: Api, reads: int) -> str:
    """``reads``: calls that the last reading took; an apply reads before and after."""
    if not changes or api.left is None:
        return ""
    needed = writes(changes, able) + 2 * reads
    enough = "" if needed <= api.left else ": not enough, so that it would end in the middle"
    return f"this apply needs {needed:,} of {api.left:,} remaining calls{enough}"
