"""Read the whole organization in seven queries, and in a few more where the settings ask for more.

In: an API, options, a scope. Out: the records as they came. Never: half of them.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from orgsync.adapter import Scope
from orgsync.adapters.salesforce.api import Api, Row
from orgsync.adapters.salesforce.audit import trail
from orgsync.adapters.salesforce.bundles import UP_TO_DATE, awaited, passing, stuck
from orgsync.adapters.salesforce.convert import EVERYTHING, FLAGS, Names, full_name
from orgsync.adapters.salesforce.options import Options
from orgsync.adapters.salesforce.soql import begins, quoted, select
from orgsync.resources import Kind

_WHO = ("LastModifiedDate", "LastModifiedBy.Username")
_GROUPS = ("Id", "Name", "DeveloperName", "Description", *_WHO)
_MEMBERS = ("Id", "GroupId", "UserOrGroupId")
_SETS = ("Id", "Name", "NamespacePrefix", "Label", "Description", *EVERYTHING, *_WHO)
_ROWS = ("Id", "ParentId", "SobjectType", *FLAGS, *_WHO)
_GRANTS = ("Id", "AssigneeId", "PermissionSetId", "ExpirationDate", "IsActive")
_BUNDLES = ("Id", "DeveloperName", "NamespacePrefix", "MasterLabel", "Description", "Status", *_WHO)
_PARTS = ("Id", "PermissionSetGroupId", "PermissionSetId")
_USERS = ("Id", "Username", "Name", "Email", "FederationIdentifier", "IsActive", *_WHO)
_SEAT = ("UserRoleId",)
_NODES = ("Id", "Name", "DeveloperName", "ParentRoleId", *_WHO)
_REGULAR = "IsOwnedByProfile = false AND Type = 'Regular'"


@dataclass(frozen=True, slots=True, kw_only=True)
class World:
    """The records as they came; what the settings do not ask for is empty."""

    groups: Sequence[Row]
    members: Sequence[Row]
    sets: Sequence[Row]
    rows: Sequence[Row]
    grants: Sequence[Row]
    users: Sequence[Row]
    bundles: Sequence[Row] = ()
    parts: Sequence[Row] = ()
    nodes: Sequence[Row] = ()
    trail: Sequence[Row] = ()


def fetch(api: Api, options: Options, scope: Scope) -> World:
    """Raises IncompleteRead, AdapterError."""
    names = Names(prefix=options.prefix)
    people = (*_USERS, *(_SEAT if options.ranked else ()))
    return World(
        groups=api.query(select(_GROUPS, "Group", "Type = 'Regular'"), "groups"),
        members=api.query(select(_MEMBERS, "GroupMember", _members(names)), "group members"),
        sets=api.query(select(_SETS, "PermissionSet", _REGULAR), "permission sets"),
        rows=api.query(select(_ROWS, "ObjectPermissions", _rows(names)), "object permissions"),
        grants=_grants(api, options, names, scope),
        users=api.query(select(people, "User", "UserType = 'Standard'"), "users"),
        nodes=api.query(_nodes(names), "roles of the role hierarchy") if options.ranked else (),
        trail=trail(api, options.audit_days) if options.audit_days else (),
        **(_bundles(api, names) if options.bundled else {}),
    )


def _members(names: Names) -> str:
    kinds = (Kind.UNIT, Kind.BUSINESS_UNIT)
    ours = " OR ".join(begins("Group.DeveloperName", names.api_name(kind, "")) for kind in kinds)
    return f"Group.Type = 'Regular' AND ({ours})"


def _rows(names: Names) -> str:
    """By a semi-join: a parent may be of several objects by now, and fields behind such a reference are not sure."""
    sets = select(("Id",), "PermissionSet", f"{_REGULAR} AND {begins('Name', names.api_name(Kind.ROLE, ''))}", order="")
    return f"ParentId IN ({sets})"


def _nodes(names: Names) -> str:
    return select(_NODES, "UserRole", begins("DeveloperName", names.api_name(Kind.UNIT, "")))


def _grants(api: Api, options: Options, names: Names, scope: Scope) -> list[Row]:
    fields: Sequence[str] = _GRANTS
    ours = begins("PermissionSet.Name", names.api_name(Kind.ROLE, ""))
    if scope.bound:
        named = {name.rpartition("__")[2] for name in scope.bound.values()}  # a package's comes behind its namespace
        ours += f" OR PermissionSet.Name IN ({', '.join(map(quoted, sorted(named)))})"
    where = f"PermissionSet.IsOwnedByProfile = false AND ({ours})"
    if options.bundled:
        fields = (*_GRANTS, "PermissionSetGroupId")
        where = f"({where}) OR {begins('PermissionSetGroup.DeveloperName', names.bundle(''))}"
    return api.query(select(fields, "PermissionSetAssignment", where), "permission set assignments")


def _bundles(api: Api, names: Names) -> dict[str, list[Row]]:
    ours = begins("PermissionSetGroup.DeveloperName", names.bundle(""))
    parts = select(_PARTS, "PermissionSetGroupComponent", ours)
    return {
        "bundles": _settled(api, names, api.query(select(_BUNDLES, "PermissionSetGroup"), "permission set groups")),
        "parts": api.query(parts, "permission set group components"),
    }


def _settled(api: Api, names: Names, records: list[Row]) -> list[Row]:
    """With the status that they have once Salesforce has worked out what ours give."""
    ours = {record["Id"] for record in records if names.bundle_key(full_name(record, "DeveloperName"))}
    if not passing({id_: status for id_, status in stuck(records).items() if id_ in ours}):
        return records
    late = awaited(api, names)
    return [
        {**record, "Status": late.get(record["Id"], UP_TO_DATE)} if record["Id"] in ours else record
        for record in records
    ]
