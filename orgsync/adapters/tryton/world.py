"""What Tryton holds of an organization, record by record, read in five tables.

In: a server. Out: groups, roles with their assignments, users, companies. Never: interprets them (``reading`` does).
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeVar

from orgsync.adapter import Changed
from orgsync.adapters.tryton.api import Denied, Server
from orgsync.adapters.tryton.convert import ACTIONS, Marks, changed_of, moment
from orgsync.errors import IncompleteRead

T = TypeVar("T")
_WHO = ("create_uid.login", "create_date", "write_uid.login", "write_date")


def _inside(name: str, fields: Iterable[str]) -> list[str]:
    return [f"{name}.{field}" for field in fields]


_GROUP = (
    "name",
    "parent",
    "active",
    "rule_groups",
    "field_access",
    "buttons",
    "menu_access",
    *_inside("model_access", ("model", "active", *ACTIONS.values(), *_WHO)),
    *_WHO,
)
_ROLE = ("name", "groups", *_inside("users", ("user", "from_date", "to_date", *_WHO)), *_WHO)
_USER = ("login", "name", "active", "administrator", "groups", "companies", *_WHO)
_COMPANY = ("party.name", *_inside("party", _WHO), *_WHO)
_EXTRAS = {
    "rule_groups": "record rules",
    "field_access": "field access",
    "buttons": "buttons",
    "menu_access": "menus",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """``mark``: (word, key) where it is ours. ``party``: of a business unit's marker. ``extras``: what else somebody
    has tied to it, in words."""

    id: int
    name: str
    mark: tuple[str, str] | None
    party: int | None
    parent: int | None
    active: bool
    access: tuple[Mapping[str, Any], ...]
    rules: int
    extras: tuple[str, ...]
    changed: Changed | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """An assignment: a ``res.user.role``."""

    id: int
    user: int
    begins: datetime | None
    ends: datetime | None
    changed: Changed | None

    def holds(self, now: datetime) -> bool:
        return (self.begins is None or self.begins <= now) and (self.ends is None or now <= self.ends)


@dataclass(frozen=True, slots=True, kw_only=True)
class Role:
    id: int
    name: str
    groups: frozenset[int]
    rows: tuple[Row, ...]
    changed: Changed | None


@dataclass(frozen=True, slots=True, kw_only=True)
class User:
    id: int
    login: str
    name: str | None
    active: bool
    administrator: bool
    groups: frozenset[int]
    companies: frozenset[int]
    changed: Changed | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Company:
    id: int
    party: int
    name: str
    changed: Changed | None


@dataclass(frozen=True, slots=True, kw_only=True)
class World:
    """``assigned``: user -> who last changed their roles, by Tryton's own log, as far back as it was read."""

    groups: Mapping[int, Group]
    roles: Mapping[int, Role]
    users: Mapping[int, User]
    companies: Mapping[int, Company]
    assigned: Mapping[int, Changed]
    now: datetime


def fetch(server: Server, marks: Marks) -> World:
    """Raises IncompleteRead, also where an answer cannot be understood."""
    groups = _table(server, "res.group", _GROUP, lambda record: _group(record, marks))
    roles = _table(server, "res.role", _ROLE, _role)
    users = _table(server, "res.user", _USER, _user)
    companies = _table(server, "company.company", _COMPANY, _company)
    assigned = _assigned(server)
    return World(groups=groups, roles=roles, users=users, companies=companies, assigned=assigned, now=server.now)


def _table(server: Server, model: str, fields: Iterable[str], make: Callable[[Any], T]) -> dict[int, T]:
    records = server.table(model, [], list(fields))
    try:
        return {int(record["id"]): make(record) for record in records}
    except (TypeError, KeyError, ValueError, AttributeError, OverflowError) as error:
        raise IncompleteRead(f"{model}: a record cannot be understood: {type(error).__name__}: {error}") from None


def _group(record: Mapping[str, Any], marks: Marks) -> Group:
    access = tuple(record["model_access."])
    extras = tuple(f"{len(record[name])} {words}" for name, words in _EXTRAS.items() if record[name])
    return Group(
        id=record["id"],
        name=str(record["name"]),
        mark=marks.of(record["name"]),
        party=marks.party_of(record["name"]),
        parent=record["parent"],
        active=bool(record["active"]),
        access=access,
        rules=len(record["rule_groups"]),
        extras=extras,
        changed=changed_of(record, *access),
    )


def _role(record: Mapping[str, Any]) -> Role:
    return Role(
        id=record["id"],
        name=str(record["name"]),
        groups=frozenset(record["groups"]),
        rows=tuple(map(_row, record["users."])),
        changed=changed_of(record),
    )


def _row(record: Mapping[str, Any]) -> Row:
    return Row(
        id=record["id"],
        user=record["user"],
        begins=moment(record["from_date"]),
        ends=moment(record["to_date"]),
        changed=changed_of(record),
    )


def _user(record: Mapping[str, Any]) -> User:
    return User(
        id=record["id"],
        login=str(record["login"]),
        name=record["name"],
        active=bool(record["active"]),
        administrator=bool(record["administrator"]),
        groups=frozenset(record["groups"]),
        companies=frozenset(record["companies"]),
        changed=changed_of(record),
    )


def _company(record: Mapping[str, Any]) -> Company:
    party = record["party."]
    return Company(
        id=record["id"],
        party=party["id"],
        name=str(party["name"] or ""),
        changed=changed_of(record, party),
    )


_LATEST = 1000


def _assigned(server: Server) -> dict[int, Changed]:
    """Of rows that are gone nothing is left but this. A login that may not read the log goes without."""
    domain = [["event", "=", "write"], ["resource", "like", "res.user,%"], ["target", "like", "%roles%"]]
    fields = ["resource", "user.login", "create_date"]
    order = [["create_date", "DESC"], ["id", "DESC"]]
    try:
        return _latest(server.ask("model.ir.model.log.search_read", domain, 0, _LATEST, order, fields))
    except Denied:
        return {}
    except (TypeError, KeyError, ValueError, AttributeError) as error:
        raise IncompleteRead(f"ir.model.log: a record cannot be understood: {type(error).__name__}") from None


def _latest(found: Iterable[Mapping[str, Any]]) -> dict[int, Changed]:
    latest: dict[int, Changed] = {}
    for record in found:
        user, at, who = str(record["resource"]).partition(",")[2], moment(record["create_date"]), record["user."]
        if at is not None:
            latest.setdefault(int(user), Changed(by=str(who["login"]) if who else "", at=at))
    return latest
