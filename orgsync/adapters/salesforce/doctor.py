"""Can we log in, is everything there, may we write: asked without writing.

In: an API, a login, options. Out: findings, in Salesforce's words where it has some. Never: raises for what it finds.
"""

from collections.abc import Iterator, Mapping
from urllib.parse import quote

from orgsync.adapters.counting import budget
from orgsync.adapters.diagnosis import fact, trouble, warning
from orgsync.adapters.salesforce.api import Api, Row
from orgsync.adapters.salesforce.convert import Names
from orgsync.adapters.salesforce.login import Login
from orgsync.adapters.salesforce.options import ACCESS, Options
from orgsync.adapters.salesforce.soql import begins, quoted, select
from orgsync.errors import AdapterError
from orgsync.finding import Finding
from orgsync.resources import Kind

PERMISSIONS = {
    "PermissionsApiEnabled": "API Enabled",
    "PermissionsViewSetup": "View Setup and Configuration",
    "PermissionsManageUsers": "Manage Users",
    "PermissionsManageProfilesPermissionsets": "Manage Profiles and Permission Sets",
    "PermissionsAssignPermissionSets": "Assign Permission Sets",
}
"""API name -> how Setup calls it: exactly what the integration user needs."""
FOR_ROLES = {"PermissionsViewRoles": "View Roles and Role Hierarchy", "PermissionsManageRoles": "Manage Roles"}
"""And these for units in the role hierarchy."""
_LEAST = {"Private": "None", "Read": "Read", "ReadSelect": "Read"}
"""Org-wide default of opportunities -> the least access that a role may give; Edit for the wider ones."""


def examine(api: Api, login: Login, options: Options) -> list[Finding]:
    found: list[Finding] = []
    try:
        found += _findings(api, login, options)
    except AdapterError as error:
        found.append(trouble(str(error), error.remedy))
    return found


def _findings(api: Api, login: Login, options: Options) -> Iterator[Finding]:
    yield fact("Salesforce answers", f"API version {api.version}")
    yield from _permissions(api, login, PERMISSIONS | (FOR_ROLES if options.ranked else {}))
    yield from _objects(api, options)
    yield from _leftovers(api, options)
    yield from _trail(api, options)
    yield from budget(api.left, api.limit, "wait: the calls of the last 24 hours count")


def _permissions(api: Api, login: Login, needed: Mapping[str, str]) -> Iterator[Finding]:
    """Of all that the integration user has: its profile and its permission sets."""
    owned = f"Assignee.Id = {quoted(login.user)}"
    fields = ["Id", *(f"PermissionSet.{name}" for name in needed)]
    rows = api.query(select(fields, "PermissionSetAssignment", owned), "the integration user's permissions")
    lacking = [label for name, label in needed.items() if not any(_given(row, name) for row in rows)]
    if lacking:
        yield trouble(
            f"the integration user lacks: {', '.join(lacking)}",
            "Setup, Permission Sets: the set of the integration user, System Permissions; enable them",
        )
    else:
        yield fact("the integration user has the permissions", ", ".join(needed.values()))


def _given(row: Row, name: str) -> bool:
    held = row.get("PermissionSet")
    return isinstance(held, dict) and held.get(name) is True


def _objects(api: Api, options: Options) -> Iterator[Finding]:
    """Which objects there are, and how far ``own`` reaches: not by describing them, since the integration user opens no
    records and is shown none of them so."""
    there = {*options.models.values()}
    try:
        found = _defaults(api, options)
    except AdapterError as error:
        yield fact("the org-wide defaults cannot be read: what own reaches is not known", str(error))
    else:
        yield from _lacking(found, options)
        yield from _sharing(found, options)
        there = {*found}
    for word, name in sorted(options.models.items()):
        if name in there and name.endswith("__c"):
            yield from _belonging(api, options, word, name)


def _defaults(api: Api, options: Options) -> Mapping[str, str]:
    """Object -> its org-wide default; what is missing here the org does not have. Raises AdapterError."""
    named = ", ".join(map(quoted, sorted(options.models.values())))
    fields = ("QualifiedApiName", "InternalSharingModel")
    soql = select(fields, "EntityDefinition", f"QualifiedApiName IN ({named})", order="")
    records = api.call("GET", api.path(f"query?q={quote(soql, safe='')}")).value["records"]
    return {str(one["QualifiedApiName"]): str(one["InternalSharingModel"]) for one in records}


def _lacking(found: Mapping[str, str], options: Options) -> Iterator[Finding]:
    """An object that the org's edition or licences lack can have no permissions."""
    if lacking := [f"{word} ({name})" for word, name in sorted(options.models.items()) if name not in found]:
        yield fact("some words mean objects that the org does not have", ", ".join(lacking))


def _belonging(api: Api, options: Options, word: str, name: str) -> Iterator[Finding]:
    """The masters of a custom object are those that its master-detail fields refer to."""
    try:
        described = api.call("GET", api.path(f"sobjects/{name}/describe")).value.get("fields", [])
    except AdapterError as error:
        why = f"{error}; the integration user is shown it only with Read on it"
        yield fact(f"what {word} ({name}) belongs to is not known here: state it under parents", why)
        return
    above = {one for field in described if field.get("relationshipOrder") is not None for one in field["referenceTo"]}
    stated = {options.models[master] for master in options.masters.get(word, ())}
    if missing := sorted(above - stated):
        words = {model: one for one, model in options.models.items()}
        named = ", ".join(words.get(one, one) for one in missing)
        yield warning(
            f"{word} ({name}) belongs to {', '.join(missing)}: Salesforce lets nobody read it without",
            "a role that states it alone would be refused",
            f"state parents: {{{word}: [{named}]}}, and under objects what has no word yet",
        )


def _sharing(found: Mapping[str, str], options: Options) -> Iterator[Finding]:
    """What ``own`` reaches is the org-wide default's business, and a role of the hierarchy gives no less than that."""
    words = {name: word for word, name in options.models.items()}
    if wide := [f"{words[name]} ({model})" for name, model in sorted(found.items()) if model != "Private"]:
        yield fact("for some words, own reaches more than one's own: their org-wide default is wider", ", ".join(wide))
    least = _LEAST.get(found.get("Opportunity", "Private"), "Edit")
    if options.ranked and ACCESS.index(options.opportunity_access) < ACCESS.index(least):
        yield trouble(
            f"a role cannot give {options.opportunity_access} access to opportunities, less than the org-wide default",
            f"state opportunityAccess: {least}",
        )


def _leftovers(api: Api, options: Options) -> Iterator[Finding]:
    """Of a setting that was in force before, whoever still has something by it."""
    names = Names(prefix=options.prefix)
    for asked, sobject, start, setting in (
        (options.bundled, "PermissionSetGroup", names.bundle(""), "includes: groups"),
        (options.ranked, "UserRole", names.api_name(Kind.UNIT, ""), "hierarchy: roles"),
    ):
        if not asked and (left := _left(api, sobject, start)):
            yield warning(
                f"there are {len(left)} of {sobject} from a time when the target said {setting}",
                "what they give, people still have",
                f"delete them in Setup, or state {setting} again",
            )


def _left(api: Api, sobject: str, start: str) -> list[Row]:
    """Nothing where the integration user may not see them: without the setting it need not."""
    try:
        return api.query(select(("Id",), sobject, begins("DeveloperName", start)), sobject)
    except AdapterError:
        return []


def _trail(api: Api, options: Options) -> Iterator[Finding]:
    if not options.audit_days:
        return
    try:
        api.query(select(("Id",), "SetupAuditTrail", order="CreatedDate DESC LIMIT 1"), "the setup audit trail")
    except AdapterError as error:
        remedy = "state auditDays: 0, or let the integration user view Setup and Configuration"
        yield warning("nobody can be told who gave or took memberships and grants", str(error), remedy)
    else:
        yield fact("the Setup Audit Trail can be read", "it tells who gave or took memberships and grants")
