"""What a plan costs: API calls, beside what is left of the day's.

In: changes in order, an API that has read. Out: one sentence, or none for an empty plan. Never: asks the server.
"""

from collections import Counter
from collections.abc import Sequence

from orgsync.adapters.counting import sentence, together
from orgsync.adapters.hubspot.api import BATCH, Api
from orgsync.change import Action, Change
from orgsync.resources import Kind, parts_of


def cost_of(changes: Sequence[Change], api: Api, besides: int, *, through_teams: bool) -> str:
    """``besides``: calls that an apply takes whatever it writes."""
    if not changes or api.left is None:
        return ""
    return sentence(writes(changes, through_teams=through_teams) + besides, api.left)


def writes(changes: Sequence[Change], *, through_teams: bool) -> int:
    """One call per step, but one per team for all who join it together, and none for whoever joins their main team."""
    mains = {(one.address.partition("/")[2], (one.after or {}).get("unit")) for one in changes if one.kind is Kind.USER}
    total = 0
    for ready in together(changes):
        joining: Counter[str] = Counter()
        for change in ready:
            unit, login = parts_of(change.address)[:2] if change.kind is Kind.MEMBERSHIP else ("", "")
            if change.action is not Action.CREATE or not unit:
                total += 1
            elif (login, unit) not in mains:
                joining[unit] += 1
        total += sum(-(-count // BATCH) for count in joining.values()) if through_teams else joining.total()
    return total
