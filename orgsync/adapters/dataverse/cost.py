"""What a plan costs: calls, and the requests that Power Platform counts.

In: changes, capabilities. Out: one sentence, or none for an empty plan. Never: asks the server.
"""

from collections.abc import Sequence

from orgsync.adapter import Capabilities
from orgsync.adapters.counting import writes
from orgsync.change import Change


def cost_of(changes: Sequence[Change], able: Capabilities, reads: int) -> str:
    """``reads``: calls that the last reading took; an apply reads before and after. The requests are the least."""
    if not changes:
        return ""
    calls = writes(changes, able) + 2 * reads
    requests = len(changes) + 2 * reads
    return f"this apply needs {calls:,} calls, and at least {requests:,} of a day's Power Platform requests"
