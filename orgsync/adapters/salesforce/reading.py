"""Read the whole organization in six queries, and make of it a snapshot and an index of the records behind it.

In: an API, options, a scope. Out: what was found. Never: half of it; chooses between two that claim to be one.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from orgsync.adapter import Changed, Foreign, Scope, Snapshot
from orgsync.adapters.salesforce.api import Api, Row
from orgsync.adapters.salesforce.convert import FLAGS, Names, changed, day, privileges
from orgsync.adapters.salesforce.options import Options
from orgsync.adapters.salesforce.soql import begins, quoted, select
from orgsync.finding import Finding, Severity
from orgsync.resources import NO_UNIT, Address, Fields, Kind, RemoteId

_WHO = ("LastModifiedDate", "LastModifiedBy.Username")
_GROUPS = ("Id", "Name", "DeveloperName", "Description", *_WHO)
_MEMBERS = ("Id", "GroupId", "UserOrGroupId")
_SETS = ("Id", "Name", "Label", "Description", *_WHO)
_ROWS = ("Id", "ParentId", "SobjectType", *FLAGS)
_GRANTS = ("Id", "AssigneeId", "PermissionSetId", "ExpirationDate")
_USERS = ("Id", "Username", "Email", "FederationIdentifier", "IsActive", *_WHO)


@dataclass(frozen=True, slots=True, kw_only=True)
class World:
    """The records as they came."""

    groups: list[Row]
    members: list[Row]
    sets: list[Row]
    rows: list[Row]
    grants: list[Row]
    users: list[Row]


@dataclass(slots=True, kw_only=True)
class Index:
    """Where the records stand that belong to no address: kept up to date by the writer.

    links   (group, member group) -> id of the GroupMember
    rows    (permission set, object) -> id of the ObjectPermissions
    """

    snapshot: Snapshot = field(default_factory=Snapshot)
    links: dict[tuple[RemoteId, RemoteId], RemoteId] = field(default_factory=dict)
    rows: dict[tuple[RemoteId, str], RemoteId] = field(default_factory=dict)


def fetch(api: Api, options: Options, scope: Scope) -> World:
    """Raises IncompleteRead, AdapterError."""
    start = options.prefix
    bound = ", ".join(quoted(name) for name in sorted(set(scope.bound.values())))

    def ours(field: str) -> str:
        mine = begins(field, f"{start}_")
        return f"({mine} OR {field} IN ({bound}))" if bound else mine

    groups = f"({begins('Group.DeveloperName', f'{start}_')} OR {begins('Group.DeveloperName', f'{start}bu_')})"
    regular = "IsOwnedByProfile = false AND Type = 'Regular'"
    return World(
        groups=api.query(select(_GROUPS, "Group", "Type = 'Regular'"), "groups"),
        members=api.query(select(_MEMBERS, "GroupMember", f"Group.Type = 'Regular' AND {groups}"), "group members"),
        sets=api.query(select(_SETS, "PermissionSet", regular), "permission sets"),
        rows=api.query(select(_ROWS, "ObjectPermissions", _beneath("Parent", start)), "object permissions"),
        grants=api.query(
            select(
                _GRANTS,
                "PermissionSetAssignment",
                f"PermissionSet.IsOwnedByProfile = false AND {ours('PermissionSet.Name')}",
            ),
            "permission set assignments",
        ),
        users=api.query(select(_USERS, "User", "UserType = 'Standard'"), "users"),
    )


def _beneath(parent: str, start: str) -> str:
    return f"{parent}.IsOwnedByProfile = false AND {begins(f'{parent}.Name', f'{start}_')}"


@dataclass(slots=True)
class _Sorting:
    options: Options
    scope: Scope
    world: World
    resources: dict[Address, dict[str, Any]] = field(default_factory=dict)
    ids: dict[Address, RemoteId] = field(default_factory=dict)
    changed: dict[Address, Changed] = field(default_factory=dict)
    foreign: list[Foreign] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)
    address: dict[RemoteId, Address] = field(default_factory=dict)

    def put(self, address: Address, record: Row, fields: Mapping[str, Any]) -> None:
        self.resources[address], self.ids[address] = dict(fields), record["Id"]
        self.changed[address] = changed(record)
        self.address[record["Id"]] = address


def index(world: World, options: Options, scope: Scope, acting: RemoteId) -> Index:
    work = _Sorting(options, scope, world)
    _sort_groups(work)
    _sort_sets(work)
    _sort_users(work)
    links = _sort_members(work)
    _sort_grants(work)
    _keep_people_of_interest(work)
    snapshot = Snapshot(
        resources=work.resources,
        ids=work.ids,
        changed=work.changed,
        foreign=sorted(work.foreign, key=lambda one: (one.kind, one.name, one.id)),
        findings=work.findings,
        acting=next((_login(user, options) for user in world.users if user["Id"] == acting), ""),
    )
    rows = {(row["ParentId"], row["SobjectType"]): row["Id"] for row in world.rows}
    return Index(snapshot=snapshot, links=links, rows=rows)


def _sort_groups(work: _Sorting) -> None:
    names = Names(prefix=work.options.prefix)
    for record in work.world.groups:
        for kind in (Kind.UNIT, Kind.BUSINESS_UNIT):
            if key := names.key(kind, record["DeveloperName"]):
                fields: dict[str, Any] = {"name": record["Name"], "description": record["Description"], "parent": None}
                work.put(f"{kind}/{key}", record, fields | ({"businessUnit": None} if kind is Kind.UNIT else {}))
        if record["Id"] not in work.address:
            work.foreign.append(_foreign(Kind.UNIT, record, record["Name"]))


def _foreign(kind: Kind, record: Row, name: str) -> Foreign:
    return Foreign(kind=kind, id=record["Id"], name=name, changed=changed(record))


def _sort_sets(work: _Sorting) -> None:
    names, words = Names(prefix=work.options.prefix), {name: word for word, name in work.options.models.items()}
    bound = {name: address for address, name in work.scope.bound.items()}
    beneath: dict[RemoteId, list[Row]] = {}
    for row in work.world.rows:
        beneath.setdefault(row["ParentId"], []).append(row)
    for record in work.world.sets:
        key = names.key(Kind.ROLE, record["Name"])
        if record["Name"] in bound:
            work.put(bound[record["Name"]], record, {})
        elif key:
            fields = {"name": record["Label"], "description": record["Description"]}
            given = privileges(beneath.get(record["Id"], []), words)
            work.put(f"{Kind.ROLE}/{key}", record, {**fields, "privileges": given})
        else:
            work.foreign.append(_foreign(Kind.ROLE, record, record["Label"]))


def _login(user: Row, options: Options) -> str:
    return str(user[options.login_field] or "").lower()


def _sort_users(work: _Sorting) -> None:
    for user in work.world.users:
        address = f"{Kind.USER}/{_login(user, work.options)}"
        if address in work.resources:
            wanted = work.scope.logins
            work.findings += [_twice(address)] if wanted is None or address.partition("/")[2] in wanted else []
        elif address != f"{Kind.USER}/" and "/" not in address.partition("/")[2]:
            work.put(address, user, {"active": user["IsActive"]})


def _twice(address: Address) -> Finding:
    return Finding(
        code="duplicate-login",
        summary="two people of the CRM have one login",
        detail=f"{address.partition('/')[2]} is the login of two Salesforce users",
        remedy="find people by their username, which is unique: login: username",
        address=address,
    )


def _sort_members(work: _Sorting) -> dict[tuple[RemoteId, RemoteId], RemoteId]:
    links: dict[tuple[RemoteId, RemoteId], RemoteId] = {}
    for record in work.world.members:
        group, member = work.address.get(record["GroupId"], ""), work.address.get(record["UserOrGroupId"], "")
        kinds = group.partition("/")[0], member.partition("/")[0]
        if kinds == (Kind.UNIT, Kind.USER):
            address = f"{Kind.MEMBERSHIP}/{group.partition('/')[2]}/{member.partition('/')[2]}"
            work.resources[address], work.ids[address] = {}, record["Id"]
        elif name := _LINKS.get(kinds):
            links[record["GroupId"], record["UserOrGroupId"]] = record["Id"]
            _refer(work, member, name, group)
        elif group:
            work.findings.append(_stranger(group, record["UserOrGroupId"]))
    return links


_LINKS = {
    (str(Kind.UNIT), str(Kind.UNIT)): "parent",
    (str(Kind.BUSINESS_UNIT), str(Kind.BUSINESS_UNIT)): "parent",
    (str(Kind.BUSINESS_UNIT), str(Kind.UNIT)): "businessUnit",
}


def _refer(work: _Sorting, member: Address, name: str, group: Address) -> None:
    fields, key = work.resources[member], group.partition("/")[2]
    if fields[name] is None:
        fields[name] = key
        return
    detail = f"{member} is in the groups of {fields[name]} and {key}: as its {name}, the first one counts"
    work.findings.append(
        _odd(code="nested-twice", summary="a group is nested in two others", detail=detail, address=member)
    )


def _stranger(group: Address, member: RemoteId) -> Finding:
    detail = f"{member} belongs to {group} and is neither a standard user nor a group of ours"
    return _odd(
        code="foreign-member",
        summary="somebody put something of theirs into what is ours",
        detail=detail,
        address=group,
    )


def _odd(*, code: str, summary: str, detail: str, address: Address) -> Finding:
    remedy = "take it out in Salesforce: Setup, Public Groups"
    return Finding(code=code, severity=Severity.WARNING, summary=summary, detail=detail, remedy=remedy, address=address)


def _sort_grants(work: _Sorting) -> None:
    for record in work.world.grants:
        role, user = work.address.get(record["PermissionSetId"], ""), work.address.get(record["AssigneeId"], "")
        if role and user:
            address = f"{Kind.GRANT}/{NO_UNIT}/{user.partition('/')[2]}/{role.partition('/')[2]}"
            work.resources[address] = {"until": day(record["ExpirationDate"], work.options.zone)}
            work.ids[address] = record["Id"]


def _keep_people_of_interest(work: _Sorting) -> None:
    """Everybody was read, in as many pages as there are; who is neither asked for nor in anything of ours is left."""
    if work.scope.logins is None:
        return
    wanted = {*work.scope.logins, *_people(work.resources)}
    for address in [one for one in work.resources if one.startswith(f"{Kind.USER}/")]:
        if address.partition("/")[2] not in wanted:
            del work.resources[address], work.ids[address], work.changed[address]


def _people(resources: Mapping[Address, Fields]) -> Iterator[str]:
    for address in resources:
        if address.startswith((f"{Kind.MEMBERSHIP}/", f"{Kind.GRANT}/")):
            yield address.split("/")[2]
