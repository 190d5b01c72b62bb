"""From Tryton's records to a Snapshot: what is in effect, not only what is linked.

In: an index of the world. Out: resources, who changed them, what is foreign, what is odd. Never: talks to the server.

A membership is there while its row holds *and* its user really has the unit's groups and its company: Tryton updates
them only when the user is written. A role's privileges that somebody has without any row read as a grant, so that
they can be taken away.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol
from zoneinfo import ZoneInfo

from orgsync.adapter import Changed, Foreign, Scope, Snapshot
from orgsync.adapters.canonical import FOREIGN
from orgsync.adapters.tryton.convert import INHERIT, INHERITED, PRIVILEGES, SCOPE, privileges_of, remote_id, until_of
from orgsync.adapters.tryton.index import BUSINESS_UNIT, ROLE, UNIT, BusinessUnitParts, Index, Parts
from orgsync.adapters.tryton.oddities import odd_things, without_assignment
from orgsync.adapters.tryton.world import Group, Role, Row, User
from orgsync.finding import Finding
from orgsync.resources import NO_UNIT, Address, Fields, Json, Kind, RemoteId


@dataclass(slots=True)
class _Reading:
    index: Index
    scope: Scope
    models: Mapping[str, str]
    zone: ZoneInfo
    resources: dict[Address, Fields] = field(default_factory=dict)
    ids: dict[Address, RemoteId] = field(default_factory=dict)
    changed: dict[Address, Changed] = field(default_factory=dict)

    @property
    def now(self) -> datetime:
        return self.index.world.now

    def keep(self, address: Address, fields: Fields, remote: RemoteId | None, *changes: Changed | None) -> None:
        self.resources[address] = fields
        if remote is not None:
            self.ids[address] = remote
        if known := [change for change in changes if change is not None]:
            self.changed[address] = max(known, key=lambda change: change.at)

    def keep_parts(self, address: Address, fields: Fields, *parts: "_Part | None", also: int | None = None) -> None:
        """The ids of all parts, in their order, ``also`` after the first; the last change of any of them."""
        first, *rest = (part.id if part is not None else None for part in parts)
        more = [also] if address.startswith(BUSINESS_UNIT) else []
        self.keep(address, fields, remote_id(first, *more, *rest), *(part.changed for part in parts if part))


class _Part(Protocol):
    @property
    def id(self) -> int: ...

    @property
    def changed(self) -> Changed | None: ...


class Attribution(dict[Address, Changed]):
    """Also says who last assigned roles to somebody whose membership or grant is gone: of that nothing else is left."""

    def __init__(self, known: Mapping[Address, Changed], assigned: Mapping[str, Changed]) -> None:
        super().__init__(known)
        self._assigned = assigned

    def __contains__(self, address: object) -> bool:
        return super().__contains__(address) or self._of_user(address) is not None

    def __missing__(self, address: Address) -> Changed:
        if (found := self._of_user(address)) is not None:
            return found
        raise KeyError(address)

    def _of_user(self, address: object) -> Changed | None:
        kind, *parts = str(address).split("/")
        return self._assigned.get(parts[1]) if kind in {Kind.MEMBERSHIP, Kind.GRANT} and len(parts) > 1 else None


def snapshot(index: Index, scope: Scope, *, models: Mapping[str, str], zone: ZoneInfo, acting: str) -> Snapshot:
    reading = _Reading(index, scope, models, zone)
    for key, whole in index.business_units.items():
        _business_unit(reading, key, whole)
    for key, parts in index.roles.items():
        _role(reading, key, parts)
    for key, role in index.bound.items():
        reading.keep(f"{ROLE}/{key}", {"name": role.name, "privileges": {}}, remote_id(role.id), role.changed)
    for key, parts in index.units.items():
        _unit(reading, key, parts)
    _users(reading)
    _edges(reading)
    assigned = {index.login[user]: change for user, change in index.world.assigned.items() if user in index.login}
    return Snapshot(
        resources=reading.resources,
        ids=reading.ids,
        changed=Attribution(reading.changed, assigned),
        foreign=_foreign(index),
        findings=[*index.findings, *odd_things(index, acting), *_leftovers(reading)],
        acting=acting,
    )


def _parent(reading: _Reading, marker: Group | None, word: str) -> str | None:
    if marker is None or marker.parent is None:
        return None
    mark = reading.index.mark(marker.parent)
    return mark[1] if mark is not None and mark[0] == word else f"{FOREIGN}{marker.parent}"


def _business_unit(reading: _Reading, key: str, parts: BusinessUnitParts) -> None:
    """One of which something is missing has no name, so that a plan restores it."""
    company, marker = parts.company, parts.marker
    parent = _parent(reading, marker, BUSINESS_UNIT)
    fields: Fields = {"name": company.name if company is not None else None, "parent": parent}
    reading.keep_parts(f"{BUSINESS_UNIT}/{key}", fields, company, marker, also=marker.party)


def _role(reading: _Reading, key: str, parts: Parts) -> None:
    role, marker, group = parts.role, parts.marker, parts.privileges
    name = role.name if role and marker else None
    fields: Fields = {"name": name, "privileges": _privileges(reading, role, group)}
    reading.keep_parts(f"{ROLE}/{key}", fields, role, marker, group)


def _privileges(reading: _Reading, role: Role | None, group: Group | None) -> Json:
    """What a holder of the role really gets: nothing through a group that is deactivated or not the role's any more."""
    if group is None or not group.active or (role is not None and group.id not in role.groups):
        return {}
    found = privileges_of(group.access, reading.models)
    inherited = reading.index.world.groups.get(group.parent) if group.parent is not None else None
    if inherited is not None:
        found[f"{INHERITED}{inherited.name}"] = {INHERIT: SCOPE}
    return found


def _unit(reading: _Reading, key: str, parts: Parts) -> None:
    role, marker = parts.role, parts.marker
    groups = role.groups if role is not None else frozenset[int]()
    homes = reading.index.keys(groups, BUSINESS_UNIT)
    fields: Fields = {
        "name": role.name if role is not None else None,
        "businessUnit": homes[0] if len(homes) == 1 else f"{FOREIGN}{'+'.join(homes)}" if homes else None,
        "parent": _parent(reading, marker, UNIT),
        "roles": [*_held(reading.index, groups)],
    }
    reading.keep_parts(f"{UNIT}/{key}", fields, role, marker)


def _held(index: Index, groups: frozenset[int]) -> list[str]:
    """The roles of a unit: those of ours by their privileges, those that were there before by all of their groups."""
    bound = [key for key, role in index.bound.items() if role.groups and role.groups <= groups]
    return sorted({*index.keys(groups, PRIVILEGES), *bound})


def _users(reading: _Reading) -> None:
    wanted = reading.scope.logins
    for number, login in reading.index.login.items():
        user = reading.index.world.users[number]
        if wanted is None or login in wanted:
            fields: Fields = {"name": user.name, "active": user.active}
            reading.keep(f"{Kind.USER}/{login}", fields, str(user.id), user.changed)


def _edges(reading: _Reading) -> None:
    for kind, key, role in reading.index.assigned_roles():
        by_user: dict[int, list[Row]] = defaultdict(list)
        for row in role.rows:
            if row.holds(reading.now):
                by_user[row.user].append(row)
        for number, rows in by_user.items():
            login = reading.index.login.get(number)
            if login is not None and _in_effect(reading.index, kind, role, reading.index.world.users[number]):
                _edge(reading, _address(kind, key, login), rows)


def _address(kind: Kind, key: str, login: str) -> Address:
    return f"{Kind.MEMBERSHIP}/{key}/{login}" if kind is Kind.UNIT else f"{Kind.GRANT}/{NO_UNIT}/{login}/{key}"


def _in_effect(index: Index, kind: Kind, role: Role, user: User) -> bool:
    company = index.company_of(role) if kind is Kind.UNIT else None
    return role.groups <= user.groups and (company is None or company.id in user.companies)


def _edge(reading: _Reading, address: Address, rows: list[Row]) -> None:
    """Of two rows for one and the same the longer one counts, as it does for Tryton."""
    ends = [row.ends for row in rows]
    latest = None if None in ends else max(end for end in ends if end is not None)
    reading.keep(address, {"until": until_of(latest, reading.zone)}, str(rows[0].id), *(row.changed for row in rows))


def _leftovers(reading: _Reading) -> Iterable[Finding]:
    """Privileges that somebody has although no row gives them: Tryton leaves them after the last role."""
    for number, keys in leftovers(reading.index).items():
        login, user = reading.index.login[number], reading.index.world.users[number]
        for key in keys:
            address = f"{Kind.GRANT}/{NO_UNIT}/{login}/{key}"
            if address not in reading.resources:
                reading.keep(address, {"until": None}, None, reading.index.world.assigned.get(number, user.changed))
            yield without_assignment(login, key, user)


def leftovers(index: Index) -> dict[int, list[str]]:
    """User -> keys of roles whose privileges they have without an assignment that holds."""
    given: dict[int, set[int]] = defaultdict(set)
    for role in index.world.roles.values():
        for row in role.rows:
            if row.holds(index.world.now):
                given[row.user] |= role.groups
    found = {
        number: index.keys(index.world.users[number].groups - given.get(number, set()), PRIVILEGES)
        for number in index.login
    }
    return {number: keys for number, keys in found.items() if keys}


def _foreign(index: Index) -> list[Foreign]:
    ours = {role.id for _, _, role in index.assigned_roles()}
    mine = {parts.company.id for parts in index.business_units.values() if parts.company is not None}
    world = index.world
    found = [
        Foreign(kind=Kind.ROLE, id=str(role.id), name=role.name, changed=role.changed)
        for role in world.roles.values()
        if role.id not in ours
    ]
    found += [
        Foreign(kind=Kind.BUSINESS_UNIT, id=str(company.id), name=company.name, changed=company.changed)
        for company in world.companies.values()
        if company.id not in mine
    ]
    return sorted(found, key=lambda thing: (thing.kind, thing.name, thing.id))
