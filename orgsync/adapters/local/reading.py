"""Read the embedded CRM: every table once, in the order in which things refer to each other.

In: a connection inside one consistent read transaction. Out: a Snapshot. Never: returns half an organization; what
cannot be understood (a row that refers to nothing) raises KeyError or ValueError, for the adapter to report.
"""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import cache
from types import MappingProxyType
from typing import Any

from sqlalchemy import Connection, select

from orgsync.adapter import Changed, Foreign, Scope, Snapshot
from orgsync.adapters.canonical import EMPTY, FOREIGN
from orgsync.adapters.local import schema
from orgsync.adapters.local.api import used_seats
from orgsync.resources import FIELDS, Address, Fields, Json, Kind, RemoteId, Shape

_NO_MEMBERSHIP_FIELDS: Fields = MappingProxyType(EMPTY[Kind.MEMBERSHIP])
_NO_GRANT_FIELDS: Fields = MappingProxyType(EMPTY[Kind.GRANT])


@dataclass(slots=True)
class _Reading:
    """``keys``: per kind, row id -> key, or ``foreign:<id>``."""

    connection: Connection
    scope: Scope
    keys: dict[Kind, dict[int, str]] = field(default_factory=dict)
    resources: dict[Address, Fields] = field(default_factory=dict)
    ids: dict[Address, RemoteId] = field(default_factory=dict)
    changed: dict[Address, Changed] = field(default_factory=dict)
    foreign: list[Foreign] = field(default_factory=list)


def read(connection: Connection, scope: Scope, seats: int | None) -> Snapshot:
    reading = _Reading(connection, scope)
    for kind in schema.NAMED:
        _read_keys(reading, kind)
    for kind in schema.NAMED:
        _read_named(reading, kind)
    _read_users(reading)
    _read_edges(reading)
    return Snapshot(
        resources=reading.resources,
        ids=reading.ids,
        changed=reading.changed,
        foreign=sorted(reading.foreign, key=lambda thing: (thing.kind, thing.name)),
        seats=(used_seats(connection), seats) if seats is not None else None,
    )


def _read_keys(reading: _Reading, kind: Kind) -> None:
    """A foreign role that a document binds to goes by the key of that document."""
    table = schema.TABLES[kind]
    rows = reading.connection.execute(select(table.c.id, table.c.external_id, table.c.name)).all()
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
    table, keys = schema.TABLES[kind], reading.keys[kind]
    columns = schema.COLUMNS[kind]
    links = {name: _read_links(reading, kind, name) for name in schema.LINKS.get(kind, {})}
    for row in reading.connection.execute(select(table)).mappings():
        key = keys[row["id"]]
        if key.startswith(FOREIGN):
            changed = _changed(row["changed_by"], row["changed_at"])
            reading.foreign.append(Foreign(kind=kind, id=str(row["id"]), name=row["name"] or "", changed=changed))
            continue
        fields: dict[str, Json] = {name: row[column] for name, column in columns.items()}
        for name, (column, to) in schema.REFERENCES.get(kind, {}).items():
            fields[name] = reading.keys[to][row[column]] if row[column] is not None else None
        for name, found in links.items():
            fields[name] = found.get(row["id"]) or _nothing(kind, name)
        _keep(reading, f"{kind}/{key}", fields, row["id"], row["changed_by"], row["changed_at"])


def _nothing(kind: Kind, name: str) -> Json:
    return [] if FIELDS[kind][name].shape is Shape.REFS else {}


def _read_links(reading: _Reading, kind: Kind, name: str) -> Mapping[int, Json]:
    """Owner's row id -> the field's value; links to foreign things are left out."""
    links = schema.LINKS[kind][name]
    columns = [links.table.c[column] for column in (links.owner, *links.key)]
    value = [links.table.c[links.value]] if links.value else []
    rows = reading.connection.execute(select(*columns, *value).order_by(*columns)).all()
    if links.to is not None:
        return _linked(rows, reading.keys[links.to], with_value=bool(value))
    return _privileges(rows, with_value=bool(value))


def _linked(rows: Any, keys: Mapping[int, str], *, with_value: bool) -> Mapping[int, Json]:
    found: dict[int, dict[str, Json]] = defaultdict(dict)
    for owner, number, *value in rows:
        if not keys[number].startswith(FOREIGN):
            found[owner][keys[number]] = value[0] if value else None
    return {owner: dict(sorted(links.items())) if with_value else [*sorted(links)] for owner, links in found.items()}


def _privileges(rows: Any, *, with_value: bool) -> Mapping[int, Json]:
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
    user, logins = schema.user, reading.scope.logins
    keys = reading.keys[Kind.USER] = {}
    query = select(user.c.id, user.c.login, user.c.name, user.c.active, user.c.changed_by, user.c.changed_at)
    for number, login, name, active, by, at in reading.connection.execute(query).all():
        keys[number] = login
        if logins is None or login in logins:
            _keep(reading, f"{Kind.USER}/{login}", {"name": name, "active": bool(active)}, number, by, at)


def _read_edges(reading: _Reading) -> None:
    ours = _read_memberships(reading)
    roles, grant = reading.keys[Kind.ROLE], schema.grant.c
    query = select(grant.id, grant.membership_id, grant.role_id, grant.until, grant.changed_by, grant.changed_at)
    for number, member, role, until, by, at in reading.connection.execute(query).all():
        edge, key = ours[member], roles[role]
        if edge and not key.startswith(FOREIGN):
            fields = {"until": until} if until else _NO_GRANT_FIELDS
            _keep(reading, f"grant/{edge}/{key}", fields, number, by, at)


def _read_memberships(reading: _Reading) -> dict[int, str]:
    """Row id -> ``<unit>/<user>``, empty for a member of a foreign unit."""
    units, users, member = reading.keys[Kind.UNIT], reading.keys[Kind.USER], schema.membership.c
    ours: dict[int, str] = {}
    query = select(
        member.id, member.unit_id, member.user_id, member.until, member.reason, member.changed_by, member.changed_at
    )
    for number, unit, user, until, reason, by, at in reading.connection.execute(query).all():
        key = units[unit]
        if key.startswith(FOREIGN):
            ours[number] = ""
            continue
        ours[number] = edge = f"{key}/{users[user]}"
        fields = {"until": until, "reason": reason} if until or reason else _NO_MEMBERSHIP_FIELDS
        _keep(reading, f"membership/{edge}", fields, number, by, at)
    return ours


def _keep(reading: _Reading, address: Address, fields: Fields, number: int, by: str, at: str) -> None:
    reading.resources[address] = fields
    reading.ids[address] = str(number)
    reading.changed[address] = _changed(by, at)


@cache
def _changed(by: str, at: str) -> Changed:
    """One value for all that was changed in one transaction."""
    return Changed(by=by, at=datetime.fromisoformat(at))
