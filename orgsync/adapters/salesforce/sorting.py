"""Make of the records a snapshot in the words of an organization, and an index of what stands behind it.

In: records, options, a scope. Out: an index with its snapshot. Never: chooses between two that claim to be one.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from orgsync.adapter import Changed, Foreign, Scope, Snapshot
from orgsync.adapters.canonical import FOREIGN
from orgsync.adapters.salesforce.api import Row
from orgsync.adapters.salesforce.audit import told
from orgsync.adapters.salesforce.bundles import outdated, stuck
from orgsync.adapters.salesforce.convert import EVERYTHING, Names, changed, day, full_name, privileges
from orgsync.adapters.salesforce.index import Index
from orgsync.adapters.salesforce.options import Options
from orgsync.adapters.salesforce.reading import World
from orgsync.finding import Finding, Severity
from orgsync.resources import NO_UNIT, Address, Fields, Kind, RemoteId, kind_of


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
    index: Index = field(default_factory=Index)

    def put(self, address: Address, record: Row, fields: Mapping[str, Any]) -> None:
        self.resources[address], self.ids[address] = dict(fields), record["Id"]
        self.changed[address] = changed(record)
        self.address[record["Id"]] = address

    def touch(self, address: Address, record: Row) -> None:
        """Another record of the same thing: whoever changed any of them last changed it."""
        self.changed[address] = max(self.changed[address], changed(record), key=lambda one: one.at)


def index(world: World, options: Options, scope: Scope, acting: RemoteId) -> Index:
    work = _Sorting(options, scope, world)
    _sort_groups(work)
    _sort_sets(work)
    _sort_users(work)
    _sort_members(work)
    if options.bundled:
        _sort_bundles(work)
    if options.ranked:
        _sort_nodes(work)
    _sort_grants(work)
    _keep_people_of_interest(work)
    if world.trail:
        _attribute(work)
    work.index.snapshot = Snapshot(
        resources=work.resources,
        ids=work.ids,
        changed=work.changed,
        foreign=sorted(work.foreign, key=lambda one: (one.kind, one.name, one.id)),
        findings=work.findings,
        acting=next((_login(user, options) for user in world.users if user["Id"] == acting), ""),
    )
    work.index.rows = {(row["ParentId"], row["SobjectType"]): row["Id"] for row in world.rows}
    return work.index


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
        name = full_name(record, "Name")
        key = names.key(Kind.ROLE, name)
        if name in bound:
            work.put(bound[name], record, {})
        elif key:
            fields = {"name": record["Label"], "description": record["Description"]}
            work.findings += _everything(f"{Kind.ROLE}/{key}", record)
            given = privileges(beneath.get(record["Id"], []), words)
            work.put(f"{Kind.ROLE}/{key}", record, {**fields, "privileges": given})
            for row in beneath.get(record["Id"], ()):
                work.touch(f"{Kind.ROLE}/{key}", row)
        else:
            work.foreign.append(_foreign(Kind.ROLE, record, record["Label"]))
    work.index.sets = {record["Id"]: record for record in work.world.sets}


def _everything(role: Address, record: Row) -> list[Finding]:
    """What orgsync never gives, and nobody would look for in a permission set of its own."""
    given = [label for name, label in EVERYTHING.items() if record[name]]
    if not given:
        return []
    told = Finding(
        code="more-than-declared",
        severity=Severity.WARNING,
        summary="somebody gave a role what no document can state",
        detail=f"the permission set of {role} has {', '.join(given)}: whatever it declares, its holders have more",
        remedy="take it back in Salesforce: Setup, Permission Sets, System Permissions",
        address=role,
    )
    return [told]


def _login(user: Row, options: Options) -> str:
    return str(user[options.login_field] or "").lower().removesuffix(options.login_suffix.lower())


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


def _sort_members(work: _Sorting) -> None:
    for record in work.world.members:
        group, member = work.address.get(record["GroupId"], ""), work.address.get(record["UserOrGroupId"], "")
        kinds = group.partition("/")[0], member.partition("/")[0]
        if kinds == (Kind.UNIT, Kind.USER):
            address = f"{Kind.MEMBERSHIP}/{group.partition('/')[2]}/{member.partition('/')[2]}"
            work.resources[address], work.ids[address] = {}, record["Id"]
        elif name := _LINKS.get(kinds):
            work.index.links[record["GroupId"], record["UserOrGroupId"]] = record["Id"]
            _refer(work, member, name, group)
        elif group:
            work.findings.append(_stranger(group, record["UserOrGroupId"]))


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
    detail = f"{member} belongs to {group} and is nothing of ours"
    return _odd(
        code="foreign-member",
        summary="somebody put something of theirs into what is ours",
        detail=detail,
        address=group,
    )


def _direct(role: Address, user: Address) -> Finding:
    return Finding(
        code="assigned-directly",
        severity=Severity.WARNING,
        summary="somebody holds a part of a role",
        detail=f"{user} has the permission set of {role}, and not by its permission set group",
        remedy="take it from them in Salesforce: Setup, Permission Sets; granting or revoking the role does so, too",
        address=role,
    )


def _odd(*, code: str, summary: str, detail: str, address: Address) -> Finding:
    remedy = "take it out in Salesforce: Setup, Public Groups, Permission Set Groups or Roles"
    return Finding(code=code, severity=Severity.WARNING, summary=summary, detail=detail, remedy=remedy, address=address)


def _sort_bundles(work: _Sorting) -> None:
    """Which roles a role includes: of whose permission sets its group is made."""
    names, index = Names(prefix=work.options.prefix), work.index
    roles: dict[RemoteId, RemoteId] = {}
    for record in work.world.bundles:
        role = f"{Kind.ROLE}/{names.bundle_key(full_name(record, 'DeveloperName'))}"
        if not work.resources.get(role):  # nor is that of a role that is bound to another set by now
            work.foreign.append(_foreign(Kind.ROLE, record, record["MasterLabel"]))
        else:
            own = work.ids[role]
            index.bundles[own], roles[record["Id"]] = record["Id"], own
            work.touch(role, record)
    for address, fields in work.resources.items():
        if fields and address.startswith(f"{Kind.ROLE}/"):
            fields["includes"] = []
    for record in work.world.parts:
        _include(work, record, roles)
    for own, bundle in index.bundles.items():
        if (bundle, own) not in index.parts:  # whoever holds the group has nothing of it
            work.resources[work.address[own]]["privileges"] = {}
    index.stuck = {id_: status for id_, status in stuck(work.world.bundles).items() if id_ in roles}
    work.findings += [outdated(work.address[roles[id_]], status) for id_, status in index.stuck.items()]


def _include(work: _Sorting, record: Row, roles: Mapping[RemoteId, RemoteId]) -> None:
    bundle, part = record["PermissionSetGroupId"], record["PermissionSetId"]
    if bundle not in roles:
        return
    role = work.address[roles[bundle]]
    work.index.parts[bundle, part] = record["Id"]
    if part not in work.address:
        work.findings.append(_stranger(role, part))
    elif work.address[part] != role:
        included = work.resources[role]["includes"]
        included.append(work.address[part].partition("/")[2])
        included.sort()


def _sort_nodes(work: _Sorting) -> None:
    """Where units stand in the role hierarchy, and who is at them."""
    names, index = Names(prefix=work.options.prefix), work.index
    keys = {one["Id"]: names.key(Kind.UNIT, one["DeveloperName"]) for one in work.world.nodes}
    for address in [one for one in work.resources if one.startswith(f"{Kind.UNIT}/")]:
        work.resources[address] |= {"node": None, "nodeParent": None}
    for record in work.world.nodes:
        key = keys[record["Id"]]
        fields = work.resources.get(f"{Kind.UNIT}/{key}")
        if key and fields is None:
            index.strays[key] = record["Id"]
        elif fields is not None:
            index.nodes[work.ids[f"{Kind.UNIT}/{key}"]] = record["Id"]
            work.touch(f"{Kind.UNIT}/{key}", record)
            fields |= {"node": record["Name"], "nodeParent": _unit(record["ParentRoleId"], keys)}
    for user in work.world.users:
        if user["Id"] in work.address:
            _sit(work, work.address[user["Id"]], user, keys)


def _sit(work: _Sorting, address: Address, user: Row, keys: Mapping[RemoteId, str]) -> None:
    seat = user["UserRoleId"]
    work.resources[address]["unit"] = unit = _unit(seat, keys)
    if seat is not None:
        work.index.seats[user["Id"]] = seat
    membership = f"{Kind.MEMBERSHIP}/{unit}/{address.partition('/')[2]}"
    if f"{Kind.UNIT}/{unit}" in work.resources and membership not in work.resources:
        work.findings.append(_stranger(f"{Kind.UNIT}/{unit}", address))


def _unit(node: RemoteId | None, keys: Mapping[RemoteId, str]) -> str | None:
    return (keys.get(node) or FOREIGN + node) if node else None


def _sort_grants(work: _Sorting) -> None:
    """Of a role that has a group, the group is assigned; its permission set alone is less."""
    roles = {bundle: own for own, bundle in work.index.bundles.items()}
    for record in work.world.grants:
        held, person = record["PermissionSetId"], record["AssigneeId"]
        own = roles.get(str(record.get("PermissionSetGroupId")), str(held))
        role, user = work.address.get(own, ""), work.address.get(person, "")
        if own == held:
            work.index.direct[person, held] = record["Id"]
        if role and user and own == held and held in work.index.bundles:
            work.findings.append(_direct(role, user))
        elif role and user:
            address = f"{Kind.GRANT}/{NO_UNIT}/{user.partition('/')[2]}/{role.partition('/')[2]}"
            work.resources[address] = {"until": day(record["ExpirationDate"], work.options.zone)}
            work.ids[address] = record["Id"]
            work.findings += [] if record["IsActive"] else [_not_in_force(role, user)]


def _not_in_force(role: Address, user: Address) -> Finding:
    return Finding(
        code="grant-not-in-force",
        severity=Severity.WARNING,
        summary="somebody holds a role that gives them nothing now",
        detail=f"the assignment of {role} to {user} is not active: revoked, ended, or without its session",
        remedy="look at it in Salesforce: Setup, Users, Permission Set Assignments; or take the role from them",
        address=role,
    )


def _keep_people_of_interest(work: _Sorting) -> None:
    """Everybody was read, in as many pages as there are; who is neither asked for nor in anything of ours is left."""
    if work.scope.logins is None:
        return
    wanted = {*work.scope.logins, *_people(work.resources)}
    for address in [one for one in work.resources if one.startswith(f"{Kind.USER}/")]:
        if address.partition("/")[2] not in wanted:
            del work.resources[address], work.ids[address], work.changed[address]


def _attribute(work: _Sorting) -> None:
    """To whoever gave or took memberships and grants: their own records do not say."""
    names: dict[Kind, dict[Address, list[str]]] = {Kind.UNIT: {}, Kind.ROLE: {}, Kind.USER: {}}
    for records, called in (
        (work.world.groups, ("Name", "DeveloperName")),
        (work.world.sets, ("Label", "Name")),
        (work.world.users, ("Name", "Username")),
    ):
        for record in records:
            address = work.address.get(record["Id"], "")
            if address in work.resources and (kind := kind_of(address)) in names:
                names[kind][address] = [record[name] for name in called]
    work.changed |= told(work.world.trail, names[Kind.UNIT], names[Kind.ROLE], names[Kind.USER])


def _people(resources: Mapping[Address, Fields]) -> Iterator[str]:
    for address in resources:
        if address.startswith((f"{Kind.MEMBERSHIP}/", f"{Kind.GRANT}/")):
            yield address.split("/")[2]
