"""What a plan costs: calls, and the requests that Power Platform counts.

In: changes, capabilities. Out: one sentence, or none for an empty plan. Never: asks the server.
"""

from collections.abc import Sequence

from orgsync.adapter import Capabilities
from orgsync.adapters.counting import writes
from orgsync.change import Change


def cost_of(changes: Sequence[Change], able: Capabilities, reads: int) -> str:
    """``reads``: calls that the last reading took; an apply reads before and after.

    At least: new roles and business units are looked up once more, and a change may take several operations.
    """
    if not changes:
        return ""
    asking = 2 * reads + ONCE
    calls, requests = asking + writes(changes, able), asking + len(changes)
    return f"this apply needs at least {calls:,} calls, which count as {requests:,} Power Platform requests of the day"


ONCE = 3
"""Who we are, what we may, and which privileges there are."""
