"""Permission set groups: Salesforce works out what they give some time after it was told to.

In: an API, a prefix. Out: the groups that are not up to date. Never: waits for ever.
"""

import time
from collections.abc import Iterable

from orgsync.adapters.salesforce.api import Api, Row
from orgsync.adapters.salesforce.convert import Names
from orgsync.adapters.salesforce.soql import begins, select
from orgsync.finding import Finding, Severity
from orgsync.resources import Address, RemoteId

UP_TO_DATE, FAILED = "Updated", "Failed"
"""Object Reference, PermissionSetGroup: the others are Outdated and Updating, and pass by themselves."""
PAUSES = (0, 1, 2, 4, 8, 15, 30, 60)
"""Seconds before each look: two minutes altogether."""


def stuck(records: Iterable[Row]) -> dict[RemoteId, str]:
    return {record["Id"]: record["Status"] for record in records if record["Status"] != UP_TO_DATE}


def awaited(api: Api, names: Names) -> dict[RemoteId, str]:
    """Those that are not up to date after all: id -> status. Raises IncompleteRead."""
    soql = select(("Id", "Status"), "PermissionSetGroup", begins("DeveloperName", names.bundle("")))
    left: dict[RemoteId, str] = {}
    for pause in PAUSES:
        time.sleep(pause)
        left = stuck(api.query(soql, "permission set groups"))
        if not passing(left):
            break
    return left


def passing(found: dict[RemoteId, str]) -> bool:
    return any(status != FAILED for status in found.values())


def outdated(address: Address, status: str) -> Finding:
    return Finding(
        code="not-recalculated",
        severity=Severity.WARNING,
        summary="the target has not worked out yet what a role gives",
        detail=f"the permission set group of {address} is {status}: whoever holds it may have less, or more",
        remedy="wait, or open it in Setup, Permission Set Groups: it says why, and recalculates",
        address=address,
    )
