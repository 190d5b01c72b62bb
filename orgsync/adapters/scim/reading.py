"""Read a provider: all groups, and whoever is of interest or belongs to one of ours.

In: the API, the settings, a scope. Out: a Snapshot. Never: half an organization; a guess.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from orgsync.adapter import Capabilities, Changed, Foreign, Scope, Snapshot
from orgsync.adapters.canonical import FOREIGN
from orgsync.adapters.scim import people
from orgsync.adapters.scim.api import Api
from orgsync.adapters.scim.keys import Keys, keys
from orgsync.adapters.scim.options import Options, Roles
from orgsync.adapters.scim.values import Group, User, group_of
from orgsync.adapters.scim.vendors import Deviations
from orgsync.finding import Finding, Severity
from orgsync.resources import (
    FIELDS,
    NO_FIELDS,
    NO_UNIT,
    Address,
    Fields,
    Json,
    Kind,
    RemoteId,
    Shape,
    key_of,
    kind_of,
    well_formed,
)

NESTING: Mapping[tuple[Kind, Kind], str] = {
    (Kind.UNIT, Kind.UNIT): "parent",
    (Kind.UNIT, Kind.BUSINESS_UNIT): "businessUnit",
    (Kind.UNIT, Kind.ROLE): "roles",
    (Kind.BUSINESS_UNIT, Kind.BUSINESS_UNIT): "parent",
    (Kind.ROLE, Kind.ROLE): "includes",
}
"""(kind of a group, kind of a group that contains it) -> the field that this says."""

_GROUP = ("displayName", "externalId", "members", "meta")


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """
    versions    remote id -> what If-Match takes
    strangers   group id -> how many foreign groups are in it
    homes       what the enterprise extension says of a home -> ids of the users there
    """

    snapshot: Snapshot = Snapshot()  # noqa: RUF009  (frozen)
    versions: Mapping[RemoteId, str] = field(default_factory=dict)
    strangers: Mapping[RemoteId, int] = field(default_factory=dict)
    homes: Mapping[str, Sequence[RemoteId]] = field(default_factory=dict)


@dataclass(slots=True, kw_only=True)
class _Reading:
    options: Options
    known: Deviations
    capabilities: Capabilities
    scope: Scope
    api: Api
    groups: Mapping[RemoteId, Group]
    keys: Keys
    users: Mapping[RemoteId, User] = field(default_factory=dict)
    logins: Mapping[RemoteId, str] = field(default_factory=dict)
    resources: dict[Address, Fields] = field(default_factory=dict)
    ids: dict[Address, RemoteId] = field(default_factory=dict)
    changed: dict[Address, Changed] = field(default_factory=dict)
    foreign: list[Foreign] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)
    strangers: dict[RemoteId, int] = field(default_factory=lambda: defaultdict(int))

    def stored(self, kind: Kind) -> frozenset[str]:
        return self.capabilities.of(kind).fields

    def keep(self, address: Address, fields: Fields, id_: RemoteId, changed: Changed | None) -> None:
        self.resources[address], self.ids[address] = fields, id_
        if changed is not None:
            self.changed[address] = changed


def read(api: Api, options: Options, known: Deviations, capabilities: Capabilities, scope: Scope) -> Found:
    """Raises IncompleteRead, AdapterError."""
    groups = {one.id: one for one in map(group_of, api.listed("Groups", _GROUP))} if api.offer.groups else {}
    bound = scope.bound if options.roles is Roles.GROUPS else {}
    reading = _Reading(
        options=options,
        known=known,
        capabilities=capabilities,
        scope=scope,
        api=api,
        groups=groups,
        keys=keys(groups.values(), options, bound),
    )
    reading.findings += reading.keys.findings
    _read_users(reading)
    if not known.members_listed:
        members = people.members(reading.api, sorted(reading.logins))
        reading.groups = {id_: replace(one, members=members.get(id_, ())) for id_, one in reading.groups.items()}
    _put_groups(reading)
    _put_users(reading)
    _put_edges(reading)
    _put_words(reading)
    return Found(
        snapshot=_snapshot(reading),
        versions=_versions(reading),
        strangers=reading.strangers,
        homes=_homes(reading),
    )


def _snapshot(reading: _Reading) -> Snapshot:
    return Snapshot(
        resources=reading.resources,
        ids=reading.ids,
        changed=reading.changed,
        foreign=sorted(reading.foreign, key=lambda one: (one.kind, one.name, one.id)),
        findings=tuple(reading.findings),
    )


def _versions(reading: _Reading) -> dict[RemoteId, str]:
    both: list[Group | User] = [*reading.groups.values(), *reading.users.values()]
    return {one.id: one.version for one in both if one.version} if reading.api.offer.etag else {}


def _homes(reading: _Reading) -> dict[str, list[RemoteId]]:
    found = defaultdict[str, list[RemoteId]](list)
    for user in reading.users.values():
        found[user.home].append(user.id)
    return found


def _read_users(reading: _Reading) -> None:
    members = _ids_of_members(reading)
    found = people.fetched(reading.api, reading.options, reading.known, reading.scope, members)
    sorted_ = people.sort(found, reading.scope, members)
    reading.users, reading.logins = {user.id: user for user in found}, sorted_.logins
    reading.foreign += sorted_.foreign
    reading.findings += sorted_.findings


def _ids_of_members(reading: _Reading) -> set[RemoteId]:
    """Of our groups, without the groups among them."""
    ours = (reading.groups[id_] for id_ in reading.keys.addresses)
    return {member.id for group in ours for member in group.members} - reading.groups.keys()


def _put_groups(reading: _Reading) -> None:
    containers = _containers(reading)
    for group in reading.groups.values():
        address = reading.keys.addresses.get(group.id)
        if address is None or kind_of(address) not in reading.capabilities.kinds or not _is_group(reading, address):
            reading.foreign.append(Foreign(kind=Kind.UNIT, id=group.id, name=group.name, changed=group.changed))
            reading.keys.addresses.pop(group.id, None)
            continue
        fields = {"name": group.name or None, **_links(kind_of(address), containers[group.id], reading)}
        stored = reading.stored(kind_of(address))
        kept = {name: value for name, value in fields.items() if name in stored}
        reading.keep(address, kept, group.id, group.changed)


def _is_group(reading: _Reading, address: Address) -> bool:
    return kind_of(address) is not Kind.ROLE or reading.options.roles is Roles.GROUPS


def _containers(reading: _Reading) -> Mapping[RemoteId, list[RemoteId]]:
    """Group id -> the ids of our groups that contain it; counts the foreign ones inside ours on the way."""
    found = defaultdict[RemoteId, list[RemoteId]](list)
    for id_ in reading.keys.addresses:
        for member in reading.groups[id_].members:
            if member.id in reading.keys.addresses:
                found[member.id].append(id_)
            elif member.id in reading.groups:
                reading.strangers[id_] += 1
    return found


def _links(kind: Kind, containers: list[RemoteId], reading: _Reading) -> dict[str, Json]:
    """A reference that two groups claim differs from either, so that a plan puts it right."""
    by_field = defaultdict[str, list[RemoteId]](list)
    for id_ in containers:
        if name := NESTING.get((kind, kind_of(reading.keys.addresses[id_]))):
            by_field[name].append(id_)
    return {name: _link(kind, name, sorted(by_field[name]), reading) for name in _LINKED[kind]}


_LINKED = {kind: {name for (one, _), name in NESTING.items() if one is kind} for kind, _ in NESTING}


def _link(kind: Kind, name: str, ids: list[RemoteId], reading: _Reading) -> Json:
    found = [key_of(reading.keys.addresses[id_]) for id_ in ids]
    if FIELDS[kind][name].shape is Shape.REFS:
        return [*sorted(found)]
    if len(ids) > 1:
        return FOREIGN + ",".join(ids)
    return found[0] if found else None


def _put_users(reading: _Reading) -> None:
    of_interest, stored = reading.scope.logins, reading.stored(Kind.USER)
    for id_, login in reading.logins.items():
        if of_interest is None or login in of_interest:
            user = reading.users[id_]
            fields: dict[str, Json] = {
                "name": user.name,
                "active": user.active,
                "businessUnit": _home(user.home, reading),
                "manager": (reading.logins.get(user.manager) or FOREIGN + user.manager) if user.manager else None,
            }
            kept = {name: value for name, value in fields.items() if name in stored}
            reading.keep(f"{Kind.USER}/{login}", kept, id_, user.changed)


def _home(home: str, reading: _Reading) -> Json:
    """Whatever somebody else wrote there is foreign, so that it differs from nothing and from every key."""
    if not home:
        return None
    address = f"{Kind.BUSINESS_UNIT}/{home}"
    known = address in reading.resources or Kind.BUSINESS_UNIT not in reading.capabilities.kinds
    return home if known and well_formed(address) else FOREIGN + home


def _put_edges(reading: _Reading) -> None:
    for id_, address in reading.keys.addresses.items():
        group, gone = reading.groups[id_], []
        for member in group.members:
            if login := reading.logins.get(member.id):
                if edge := _edge(address, login):
                    reading.keep(edge, NO_FIELDS, member.id, group.changed)
            elif member.id not in reading.users and member.id not in reading.groups:
                gone.append(member.id)
        if gone:
            reading.findings.append(_dangling(address, group, gone))
            reading.foreign += [_nobody(address, group, id_) for id_ in gone]


def _edge(address: Address, login: str) -> Address:
    kind, key = kind_of(address), key_of(address)
    if kind is Kind.UNIT:
        return f"{Kind.MEMBERSHIP}/{key}/{login}"
    return f"{Kind.GRANT}/{NO_UNIT}/{login}/{key}" if kind is Kind.ROLE else ""


def _nobody(address: Address, group: Group, id_: RemoteId) -> Foreign:
    """So that drift shows it."""
    kind = Kind.GRANT if kind_of(address) is Kind.ROLE else Kind.MEMBERSHIP
    return Foreign(kind=kind, id=id_, name=f"in {group.name}, of nobody", changed=group.changed)


def _dangling(address: Address, group: Group, gone: list[RemoteId]) -> Finding:
    return Finding(
        code="dangling-member",
        severity=Severity.WARNING,
        summary="a group has members who do not exist any more",
        detail=f"{group.name} ({address}): {', '.join(sorted(gone))}",
        remedy="the provider keeps who was deleted; take them out of the group there",
        address=address,
    )


def _put_words(reading: _Reading) -> None:
    """Where roles are words, they are all there; a word that nobody declared is ours only if it says so."""
    if reading.options.roles is not Roles.WORDS or Kind.ROLE not in reading.capabilities.kinds:
        return
    reading.resources |= dict.fromkeys(reading.scope.roles | reading.scope.bound.keys(), NO_FIELDS)
    declared = {word: key_of(role) for role, word in words(reading.scope).items()}
    foreign = set[str]()
    for id_, login in reading.logins.items():
        for word in reading.users[id_].words:
            key = declared.get(word.value)
            if key is None and reading.options.role_type and word.sort == reading.options.role_type:
                key = word.value
            edge = f"{Kind.GRANT}/{NO_UNIT}/{login}/{key}"
            if key is not None and well_formed(edge):
                reading.keep(edge, NO_FIELDS, id_, reading.users[id_].changed)
            else:
                foreign.add(word.value)
    reading.foreign += [Foreign(kind=Kind.ROLE, id=word, name=word) for word in foreign]


def words(scope: Scope) -> dict[Address, str]:
    """Role -> the word for it: its key, or what a document binds it to."""
    return {role: key_of(role) for role in scope.roles} | dict(scope.bound)
