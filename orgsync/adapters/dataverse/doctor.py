"""Can we log in, is everything there, may we write: asked without writing.

In: an API, options. Out: findings, in Dataverse's words where it has some. Never: raises for what it finds.
"""

from collections.abc import Iterator, Mapping, Sequence

from orgsync.adapters.dataverse.api import Api, Row
from orgsync.adapters.dataverse.convert import VERBS, flag, privilege_name
from orgsync.adapters.dataverse.options import Options
from orgsync.adapters.dataverse.probes import probe
from orgsync.adapters.dataverse.rights import EDITOR, everywhere
from orgsync.adapters.dataverse.tables import organization, rows_of
from orgsync.adapters.diagnosis import fact, trouble, warning
from orgsync.errors import AdapterError
from orgsync.finding import Finding

_TABLES: Mapping[str, tuple[str, ...]] = {
    "BusinessUnit": ("create", "read", "update", "delete", "append", "append-to"),
    "Team": ("create", "read", "update", "delete", "append", "append-to"),
    "User": ("read", "update", "append", "append-to"),
    "Role": ("create", "read", "update", "delete", "append", "append-to", "assign"),
    "Organization": ("read",),
}
_TITLES = {"BusinessUnit": "Business Unit", "Role": "Security Role"}
_MISCELLANEOUS: Mapping[str, str] = {
    "prvReparentBusinessUnit": "Reparent business unit",
    "prvDisableBusinessUnit": "Enable or Disable Business Unit",
    "prvReparentTeam": "Reparent team",
    "prvDisableUser": "Enable or Disable User",
}
_MOVING: Mapping[str, str] = {"prvReparentUser": "Reparent user"}
_AUDIT = "prvReadAuditSummary"


def needed(options: Options) -> dict[str, str]:
    """Privilege -> how the editor of security roles calls it: exactly what the application user needs."""
    found = {
        privilege_name(table, action): f"{_TITLES.get(table, table)}: {_verb(action)}"
        for table, actions in _TABLES.items()
        for action in actions
    }
    return {**found, **_MISCELLANEOUS, **(_MOVING if options.homes else {})}


def _verb(action: str) -> str:
    return "Append To" if action == "append-to" else VERBS[action]


def examine(api: Api, options: Options) -> list[Finding]:
    found: list[Finding] = []
    try:
        found += _findings(api, options)
    except AdapterError as error:
        found.append(trouble(str(error), error.remedy))
    return found


def _findings(api: Api, options: Options) -> Iterator[Finding]:
    me = api.me
    yield fact("Dataverse answers", f"organization {me['OrganizationId']}, user {me['UserId']}")
    privileges = rows_of(api, "privileges")
    held = everywhere(api, privileges)
    yield from _own(held, options)
    yield from _given(held, privileges, options)
    yield from _tables(privileges, options)
    yield from _organization(api, held)
    yield from probe(api)
    if api.at_once > 1:
        yield fact("the environment recommends calls at once", str(api.at_once))


def _own(held: set[str], options: Options) -> Iterator[Finding]:
    wanted = needed(options)
    if lacking := [f"{label} ({name})" for name, label in wanted.items() if name not in held]:
        yield trouble(f"the application user lacks: {', '.join(lacking)}", EDITOR)
    else:
        yield fact("the application user has the privileges", ", ".join(wanted.values()))


def _given(held: set[str], privileges: Sequence[Row], options: Options) -> Iterator[Finding]:
    """Nobody can give what they do not have."""
    known = {row["name"] for row in privileges}
    words = [privilege_name(table, action) for table in options.models.values() for action in VERBS]
    if lacking := sorted(name for name in words if name in known and name not in held):
        yield warning(
            "the application user cannot give what it does not have",
            f"roles with these are refused: {', '.join(lacking)}",
            f"{EDITOR}, as far as roles are to give them",
        )


def _tables(privileges: Sequence[Row], options: Options) -> Iterator[Finding]:
    known = {row["name"] for row in privileges}
    if lacking := [
        f"{word} ({t})" for word, t in sorted(options.models.items()) if privilege_name(t, "read") not in known
    ]:
        yield fact("some words mean tables that the environment does not have", ", ".join(lacking))


def _organization(api: Api, held: set[str]) -> Iterator[Finding]:
    settings = organization(api)
    if settings["isauditenabled"] is not True:
        yield fact("auditing is off", "who added a member or gave a role is not known; modifiedby names the rest")
    elif _AUDIT not in held:
        yield warning(
            "the application user lacks: View Audit Summary (prvReadAuditSummary)",
            "who added a member or gave a role is not known",
            EDITOR,
        )
    kept = flag(settings["orgdborgsettings"], "DoNotRemoveRolesOnChangeBusinessUnit")
    matrix = flag(settings["orgdborgsettings"], "EnableOwnershipAcrossBusinessUnits")
    yield fact("roles after a move to another business unit", "are kept" if kept else "are removed")
    yield fact("record ownership across business units", "is on" if matrix else "is off")
