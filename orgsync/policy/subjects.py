"""What a rule of one's own can be asked of, as plain values.

In: a State, or an access diff. Out: for each sort of thing its subjects: address, place, fields. Never: works out what
no rule asks for; a table of what is allowed is made once for all who hold the same roles.
"""

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from functools import partial
from typing import Any

from orgsync.access import LEVELS, NO_ACCESS, AccessDiff
from orgsync.finding import Position
from orgsync.policy.forms import depths
from orgsync.policy.holding import holders
from orgsync.policy.own import Causes
from orgsync.policy.state import GRANT, MEMBERSHIP, ROLE, UNIT, USER, RoleSet, State, keys
from orgsync.resources import NO_FIELDS, Address, Kind

Tables = dict[frozenset[RoleSet], int]


def _no_cause(_: object) -> None:
    return None


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """``place`` is asked only of those that a rule is not true of."""

    address: Address
    fields: dict[str, Any]
    place: Callable[[], Position | None]


@dataclass(slots=True, kw_only=True)
class Subjects:
    """``shared``: tables of what is allowed, to which the field ``access`` refers by number, where it ``tabulates``."""

    state: State
    diff: AccessDiff = NO_ACCESS
    causes: Causes = _no_cause
    tabulates: bool = True
    shared: list[dict[str, str]] = field(default_factory=list)
    _tables: Tables = field(default_factory=dict)

    def of(self, each: str) -> list[Subject]:
        return list(_SORTS[each](self))

    def table(self, held: frozenset[RoleSet]) -> int:
        """``lead:read`` -> how far that reaches, at most."""
        if not self.tabulates:
            return -1
        if (number := self._tables.get(held)) is None:
            number = self._tables[held] = len(self.shared)
            self.shared.append(self._allowed(held))
        return number

    def _allowed(self, held: frozenset[RoleSet]) -> dict[str, str]:
        highest: dict[str, int] = {}
        for roles in held:
            for (thing, action), level in self.state.access.roles.held(roles).items():
                highest[f"{thing}:{action}"] = max(level, highest.get(f"{thing}:{action}", 0))
        return {name: LEVELS[level] for name, level in highest.items()}


def _users(subjects: Subjects) -> Iterator[Subject]:
    state = subjects.state
    units: dict[str, list[str]] = defaultdict(list)
    for address in state.resources:
        if address.startswith(MEMBERSHIP):
            _, unit, user = address.split("/")
            units[user].append(unit)
    stated = state.of(Kind.USER)
    for login in dict.fromkeys([*stated, *units, *state.access.holdings]):
        fields, holding = stated.get(login, NO_FIELDS), state.access.holdings.get(login, ())
        held = frozenset(roles for _, roles in holding)
        roles = state.whole(frozenset().union(*held))
        yield Subject(
            address=f"{USER}{login}",
            fields={
                "login": login,
                "domain": login.rpartition("@")[2],
                "name": fields.get("name"),
                "active": fields.get("active") is not False,
                "units": units.get(login, []),
                "roles": sorted(roles),
                "privileged": not state.privileged.isdisjoint(roles),
                "access": subjects.table(held),
            },
            place=partial(state.at, f"{USER}{login}"),
        )


def _units(subjects: Subjects) -> Iterator[Subject]:
    state = subjects.state
    members: dict[str, int] = defaultdict(int)
    for address in state.resources:
        if address.startswith(MEMBERSHIP):
            members[address.split("/")[1]] += 1
    level = depths(state, Kind.UNIT)
    for key, fields in state.of(Kind.UNIT).items():
        stated = {name: fields.get(name) for name in ("name", "type", "parent", "businessUnit", "owner")}
        counted = {"roles": keys(fields.get("roles")), "level": level.get(key, 0), "members": members[key]}
        yield Subject(
            address=f"{UNIT}{key}",
            fields={"key": key, **stated, **counted},
            place=partial(state.at, f"{UNIT}{key}", "key"),
        )


def _roles(subjects: Subjects) -> Iterator[Subject]:
    state, counts = subjects.state, holders(subjects.state)
    for key, fields in state.roles.items():
        yield Subject(
            address=f"{ROLE}{key}",
            fields={
                "key": key,
                "name": fields.get("name"),
                "privileged": key in state.privileged,
                "includes": sorted(state.whole(frozenset({key})) - {key}),
                "conflictsWith": keys(fields.get("conflictsWith")),
                "holders": counts[key],
                "access": subjects.table(frozenset({frozenset({key})})),
            },
            place=partial(state.at, f"{ROLE}{key}", "key"),
        )


def _assignments(subjects: Subjects) -> Iterator[Subject]:
    state = subjects.state
    granted: dict[str, list[str]] = defaultdict(list)
    for address in state.resources:
        if address.startswith(GRANT):
            _, unit, user, role = address.split("/")
            granted[f"{MEMBERSHIP}{unit}/{user}"].append(role)
    strong = {f"{MEMBERSHIP}{unit}/{user}" for user, unit, _ in state.strong_holdings()}
    for address, fields in state.resources.items():
        if address.startswith(MEMBERSHIP):
            _, unit, user = address.split("/")
            until = fields.get("until")
            yield Subject(
                address=address,
                fields={
                    "user": user,
                    "unit": unit,
                    "roles": granted.get(address, []),
                    "until": until,
                    "days": _days(state.today, until),
                    "reason": fields.get("reason"),
                    "privileged": address in strong,
                },
                place=partial(state.at, address),
            )


def _days(today: date, until: object) -> int | None:
    """What is left; None without an end, or where a CRM says something else than a day."""
    try:
        return (date.fromisoformat(until) - today).days if isinstance(until, str) else None
    except ValueError:
        return None


def _shifts(subjects: Subjects, *, gain: bool) -> Iterator[Subject]:
    for group in subjects.diff.groups:
        if group.gain is gain:
            yield Subject(
                address="",
                fields={
                    "users": list(group.users),
                    "units": list(group.units),
                    "roles": list(group.roles),
                    "privileges": [
                        {"object": one.object, "action": one.action, "scope": one.scope, "other": one.other}
                        for one in group.privileges
                    ],
                    "privileged": group.privileged,
                },
                place=partial(subjects.causes, group.causes),
            )


_SORTS: Mapping[str, Callable[[Subjects], Iterator[Subject]]] = {
    "user": _users,
    "unit": _units,
    "role": _roles,
    "assignment": _assignments,
    "gain": partial(_shifts, gain=True),
    "loss": partial(_shifts, gain=False),
}
