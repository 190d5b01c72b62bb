"""Who gave or took a membership or a grant, by the Setup Audit Trail: it has sentences and no ids.

In: rows of the trail, what things and people are called. Out: address -> who. Never: chooses between two that a
sentence may mean; relies on how a sentence is worded.
"""

import re
from collections.abc import Iterable, Mapping

from orgsync.adapter import Changed
from orgsync.adapters.salesforce.api import Api, Row
from orgsync.adapters.salesforce.convert import parsed
from orgsync.adapters.salesforce.soql import quoted, select
from orgsync.errors import IncompleteRead
from orgsync.resources import NO_UNIT, Address, Kind, address, key_of

Names = Mapping[Address, Iterable[str]]
ACTIONS: Mapping[str, Kind] = {
    "groupMembership": Kind.MEMBERSHIP,
    "PermSetAssign": Kind.GRANT,
    "PermSetUnassign": Kind.GRANT,
    "PermSetGroupAssign": Kind.GRANT,
    "PermSetGroupUnassign": Kind.GRANT,
}
MOST = 500
"""Rows, the newest: one page, unless pages are to be smaller."""
_FIELDS = ("Id", "Action", "Display", "CreatedDate", "CreatedBy.Username")
_BAD_REQUEST = 400


def trail(api: Api, days: int) -> list[Row]:
    """Newest first; nothing where the org does not let us read it, since a plan does without. Raises IncompleteRead."""
    actions = ", ".join(map(quoted, ACTIONS))
    where = f"CreatedDate = LAST_N_DAYS:{days} AND Action IN ({actions})"
    soql = select(_FIELDS, "SetupAuditTrail", where, order=f"CreatedDate DESC LIMIT {MOST}")
    try:
        return api.query(soql, "the setup audit trail")
    except IncompleteRead as error:
        if error.status == _BAD_REQUEST:
            return []
        raise


def told(rows: Iterable[Row], units: Names, roles: Names, people: Names) -> dict[Address, Changed]:
    """The newest word on each membership and grant, whether it is still there or not."""
    things = {Kind.MEMBERSHIP: _by_name(units), Kind.GRANT: _by_name(roles)}
    logins = _by_name(people)
    found: dict[Address, Changed] = {}
    for row in rows:
        kind, said = ACTIONS[row["Action"]], str(row["Display"] or "")
        thing, person = _meant(things[kind], said), _meant(logins, said)
        if thing and person:
            user, key = key_of(person), key_of(thing)
            edge = address(kind, key, user) if kind is Kind.MEMBERSHIP else address(kind, NO_UNIT, user, key)
            who = (row["CreatedBy"] or {}).get("Username") or "somebody"
            found.setdefault(edge, Changed(by=f"{who} (Setup Audit Trail)", at=parsed(row["CreatedDate"])))
    return found


def _by_name(named: Names) -> dict[str, set[Address]]:
    found: dict[str, set[Address]] = {}
    for one, names in named.items():
        for name in filter(None, names):
            found.setdefault(name, set()).add(one)
    return found


def _meant(named: Mapping[str, set[Address]], said: str) -> Address:
    """The only one whose name stands there, a longer name first; empty where it may be several."""
    meant: set[Address] = set()
    for name in sorted((name for name in named if name in said), key=len, reverse=True):
        said, count = re.subn(rf"(?<!\w){re.escape(name)}(?!\w)", "", said)
        meant |= named[name] if count else set()
    return meant.pop() if len(meant) == 1 else ""
