"""Can we log in, is everything there, may we write: asked without writing.

In: an API, a login, options. Out: findings, in Salesforce's words where it has some. Never: raises for what it finds.
"""

from collections.abc import Iterator

from orgsync.adapters.counting import budget
from orgsync.adapters.diagnosis import fact, trouble
from orgsync.adapters.salesforce.api import Api, Row
from orgsync.adapters.salesforce.login import Login
from orgsync.adapters.salesforce.options import Options
from orgsync.adapters.salesforce.soql import quoted, select
from orgsync.errors import AdapterError
from orgsync.finding import Finding

PERMISSIONS = {
    "PermissionsApiEnabled": "API Enabled",
    "PermissionsViewSetup": "View Setup and Configuration",
    "PermissionsManageUsers": "Manage Users",
    "PermissionsManageProfilesPermissionsets": "Manage Profiles and Permission Sets",
    "PermissionsAssignPermissionSets": "Assign Permission Sets",
}
"""API name -> how Setup calls it: exactly what the integration user needs."""


def examine(api: Api, login: Login, options: Options) -> list[Finding]:
    found: list[Finding] = []
    try:
        found += _findings(api, login, options)
    except AdapterError as error:
        found.append(trouble(str(error), error.remedy))
    return found


def _findings(api: Api, login: Login, options: Options) -> Iterator[Finding]:
    yield fact("Salesforce answers", f"API version {api.version}")
    yield from _permissions(api, login)
    yield from _objects(api, options)
    yield from budget(api.left, api.limit, "wait: the calls of the last 24 hours count")


def _permissions(api: Api, login: Login) -> Iterator[Finding]:
    """Of all that the integration user has: its profile and its permission sets."""
    owned = f"Assignee.Id = {quoted(login.user)}"
    fields = ["Id", *(f"PermissionSet.{name}" for name in PERMISSIONS)]
    rows = api.query(select(fields, "PermissionSetAssignment", owned), "the integration user's permissions")
    lacking = [label for name, label in PERMISSIONS.items() if not any(_given(row, name) for row in rows)]
    if lacking:
        yield trouble(
            f"the integration user lacks: {', '.join(lacking)}",
            "Setup, Permission Sets: the set of the integration user, System Permissions; enable them",
        )
    else:
        yield fact("the integration user has the permissions", ", ".join(PERMISSIONS.values()))


def _given(row: Row, name: str) -> bool:
    held = row.get("PermissionSet")
    return isinstance(held, dict) and held.get(name) is True


def _objects(api: Api, options: Options) -> Iterator[Finding]:
    """An object that the org's edition or licences lack can have no permissions."""
    known = {str(one.get("name")) for one in api.call("GET", api.path("sobjects")).value.get("sobjects", [])}
    if lacking := [f"{word} ({name})" for word, name in sorted(options.models.items()) if name not in known]:
        yield fact("some words mean objects that the org does not have", ", ".join(lacking))
