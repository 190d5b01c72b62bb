"""Read the embedded CRM: every table once, in the order in which things refer to each other.

In: queries to one consistent state of the database. Out: a Snapshot. Never: returns half an organization; what
cannot be understood (a row that refers to nothing) raises KeyError or ValueError, for the adapter to report.
"""

import json
from array import array
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import cache
from types import MappingProxyType
from typing import Any

from orgsync.adapter import Changed, Foreign, Scope, Snapshot
from orgsync.adapters.canonical import EMPTY, FOREIGN
from orgsync.adapters.local.names import AS_JSON, COLUMNS, FLAGS, LINKS, NAMED, REFERENCES, table_of
from orgsync.resources import FIELDS, Address, Fields, Json, Kind, Shape

Query = Callable[[str], Iterable[Sequence[Any]]]
"""A SELECT that every database understands -> all its rows."""
_NO_MEMBERSHIP_FIELDS: Fields = MappingProxyType(EMPTY[Kind.MEMBERSHIP])
_NO_GRANT_FIELDS: Fields = MappingProxyType(EMPTY[Kind.GRANT])


class _Later(Mapping[Address, Any]):
    """Made when it is first asked: hardly anybody asks who changed a hundred thousand rows."""

    def __init__(self, make: Callable[[], dict[Address, Any]]) -> None:
        self._made = cache(make)

    def __getitem__(self, address: Address) -> Any:
        return self._made()[address]

    def __iter__(self) -> Iterator[Address]:
        return iter(self._made())

    def __len__(self) -> int:
        return len(self._made())


@dataclass(slots=True)
class _Reading:
    """``keys``: per kind, row id -> key, or ``foreign:<id>``; ``rows``: (address, row id, who changed it) in three
    lists, which takes less time and memory than a mapping for each; an array holds a number in a fifth of the room."""

    query: Query
    scope: Scope
    keys: dict[Kind, dict[int, str]] = field(default_factory=dict)
    resources: dict[Address, Fields] = field(default_factory=dict)
    rows: "tuple[list[Address], array[int], list[Changed]]" = field(default_factory=lambda: ([], array("q"), []))
    foreign: list[Foreign] = field(default_factory=list)


def read(query: Query, scope: Scope, seats: int | None) -> Snapshot:
    reading = _Reading(query, scope)
    for kind in NAMED:
        _read_keys(reading, kind)
    for kind in NAMED:
        _read_named(reading, kind)
    _read_users(reading)
    _read_edges(reading)
    addresses, numbers, changed = reading.rows
    return Snapshot(
        resources=reading.resources,
        ids=_Later(lambda: dict(zip(addresses, map(str, numbers), strict=True))),
        changed=_Later(lambda: dict(zip(addresses, changed, strict=True))),
        foreign=sorted(reading.foreign, key=lambda thing: (thing.kind, thing.name)),
        seats=(_used_seats(query), seats) if seats is not None else None,
    )


def _used_seats(query: Query) -> int:
    return sum(bool(active) for (active,) in query("SELECT active FROM crm_user"))


def _rows(reading: _Reading, table: str, columns: str) -> Iterable[Sequence[Any]]:
    return reading.query(f"SELECT {columns} FROM {table}")  # noqa: S608  (the words of ``names`` alone)


def _read_keys(reading: _Reading, kind: Kind) -> None:
    """A foreign role that a document binds to goes by the key of that document."""
    rows = [*_rows(reading, table_of(kind), "id, external_id, name")]
    ours = {key for _, key, _ in rows if key is not None}
    bound = {
        name: address.partition("/")[2]
        for address, name in reading.scope.bound.items()
        if kind is Kind.ROLE and address.partition("/")[2] not in ours
    }
    reading.keys[kind] = {
        number: key if key is not None else bound.get(name, f"{FOREIGN}{number}") for number, key, name in rows
    }


def _read_named(reading: _Reading, kind: Kind) -> None:
    columns, references = COLUMNS[kind], REFERENCES.get(kind, {})
    links = {name: _read_links(reading, kind, name) for name in LINKS.get(kind, {})}
    named = ", ".join([*columns.values(), *(column for column, _ in references.values())])
    for number, by, at, *values in _rows(reading, table_of(kind), f"id, changed_by, changed_at, {named}"):
        stored = dict(zip([*columns, *references], values, strict=True))
        key = reading.keys[kind][number]
        if key.startswith(FOREIGN):
            found = Foreign(kind=kind, id=str(number), name=stored["name"] or "", changed=_changed(by, at))
            reading.foreign.append(found)
            continue
        fields = {name: _plain(name, stored[name]) for name in columns}
        for name, (_, to) in references.items():
            fields[name] = reading.keys[to][stored[name]] if stored[name] is not None else None
        for name, links_of in links.items():
            fields[name] = links_of.get(number) or _nothing(kind, name)
        _keep(reading, f"{kind}/{key}", fields, number, _changed(by, at))


def _plain(name: str, value: Any) -> Json:
    """SQLite has no JSON and no flags of its own; a database that has them answers with values."""
    if name in FLAGS and value is not None:
        return bool(value)
    plain: Json = json.loads(value) if name in AS_JSON and isinstance(value, str) else value
    return plain


def _nothing(kind: Kind, name: str) -> Json:
    return [] if FIELDS[kind][name].shape is Shape.REFS else {}


def _read_links(reading: _Reading, kind: Kind, name: str) -> Mapping[int, Json]:
    """Owner's row id -> the field's value; links to foreign things are left out."""
    links = LINKS[kind][name]
    order = ", ".join((links.owner, *links.key))
    columns = order if links.value is None else f"{order}, {links.value}"
    rows = _rows(reading, f"{links.table} ORDER BY {order}", columns)
    if links.to is not None:
        return _linked(rows, reading.keys[links.to], with_value=links.value is not None)
    return _privileges(rows, with_value=links.value is not None)


def _linked(rows: Iterable[Any], keys: Mapping[int, str], *, with_value: bool) -> Mapping[int, Json]:
    found: dict[int, dict[str, Json]] = defaultdict(dict)
    for owner, number, *value in rows:
        if not keys[number].startswith(FOREIGN):
            found[owner][keys[number]] = value[0] if value else None
    return {owner: dict(sorted(links.items())) if with_value else [*sorted(links)] for owner, links in found.items()}


def _privileges(rows: Iterable[Any], *, with_value: bool) -> Mapping[int, Json]:
    found: dict[int, dict[str, Any]] = defaultdict(dict)
    for owner, subject, action, *scope in rows:
        if with_value:
            found[owner].setdefault(subject, {})[action] = scope[0]
        else:
            found[owner].setdefault(subject, []).append(action)
    return {owner: _sorted(value) for owner, value in found.items()}


def _sorted(privileges: Mapping[str, Any]) -> Json:
    """The database's collation may order words in another way than Python does."""
    return {
        subject: dict(sorted(actions.items())) if isinstance(actions, dict) else sorted(actions)
        for subject, actions in sorted(privileges.items())
    }


def _read_users(reading: _Reading) -> None:
    logins = reading.scope.logins
    keys = reading.keys[Kind.USER] = {}
    for number, login, name, active, by, at in _rows(
        reading, "crm_user", "id, login, name, active, changed_by, changed_at"
    ):
        keys[number] = login
        if logins is None or login in logins:
            _keep(reading, f"user/{login}", {"name": name, "active": bool(active)}, number, _changed(by, at))


def _keep(reading: _Reading, address: Address, fields: Fields, number: int, changed: Changed) -> None:
    reading.resources[address] = fields
    addresses, numbers, changes = reading.rows
    addresses.append(address)
    numbers.append(number)
    changes.append(changed)


def _read_edges(reading: _Reading) -> None:
    """Row by row with local names alone: there are a hundred times more of these than of anything else."""
    resources, (addresses, numbers, changed) = reading.resources, reading.rows
    ours, roles = _read_memberships(reading), reading.keys[Kind.ROLE]
    strange = {number for number, key in roles.items() if key.startswith(FOREIGN)}
    for number, member, role, until, by, at in _rows(
        reading, "crm_grant", "id, membership_id, role_id, until, changed_by, changed_at"
    ):
        if (membership := ours[member]) and role not in strange:
            address = f"grant/{membership[_EDGE]}/{roles[role]}"
            resources[address] = {"until": until} if until else _NO_GRANT_FIELDS
            addresses.append(address)
            numbers.append(number)
            changed.append(_changed(by, at))


_EDGE = slice(len("membership/"), None)


def _read_memberships(reading: _Reading) -> dict[int, Address]:
    """Row id -> address, empty for a member of a foreign unit."""
    resources, (addresses, numbers, changed) = reading.resources, reading.rows
    units, users = reading.keys[Kind.UNIT], reading.keys[Kind.USER]
    strange = {number for number, key in units.items() if key.startswith(FOREIGN)}
    ours: dict[int, Address] = {}
    texts: dict[str, str] = {}  # one text for all that say the same: a third of the reasons, and few dates
    for number, unit, user, until, reason, by, at in _rows(
        reading, "crm_membership", "id, unit_id, user_id, until, reason, changed_by, changed_at"
    ):
        if unit in strange:
            ours[number] = ""
            continue
        ours[number] = address = f"membership/{units[unit]}/{users[user]}"
        if until or reason:
            same = texts.setdefault
            resources[address] = {"until": same(until, until), "reason": same(reason, reason)}
        else:
            resources[address] = _NO_MEMBERSHIP_FIELDS
        addresses.append(address)
        numbers.append(number)
        changed.append(_changed(by, at))
    return ours


@cache
def _changed(by: str, at: str) -> Changed:
    """One value for all that was changed in one transaction."""
    return Changed(by=by, at=datetime.fromisoformat(at))
