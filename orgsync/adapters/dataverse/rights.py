"""What the application user may do everywhere: Dataverse leaves rows out, without a word, that somebody may not read.

In: an API, privileges. Out: their names. Never: takes a part of the environment for all of it.
"""

from collections.abc import Iterable

from orgsync.adapters.dataverse.api import Api, Row
from orgsync.errors import IncompleteRead

READING = ("prvReadBusinessUnit", "prvReadOrganization", "prvReadRole", "prvReadTeam", "prvReadUser")
EDITOR = (
    "Power Platform admin center, Settings, Security roles: the role of the application user; set them to Organization"
)
_GLOBAL = "Global"


def everywhere(api: Api, privileges: Iterable[Row]) -> set[str]:
    """Names of the privileges that we have at level Organization. Raises IncompleteRead, CallRefused."""
    names = {row["privilegeid"]: row["name"] for row in privileges}
    held = api.privileges_of(api.me["UserId"])
    return {names.get(row["PrivilegeId"], "") for row in held if row.get("Depth") == _GLOBAL}


def check_reading(held: set[str]) -> None:
    """Raises IncompleteRead where rows would be left out."""
    if lacking := [name for name in READING if name not in held]:
        why = f"the application user does not see everything: {', '.join(lacking)} at level Organization is lacking"
        raise IncompleteRead(why, remedy=EDITOR)
