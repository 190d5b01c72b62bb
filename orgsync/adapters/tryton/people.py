"""Who belongs to what: assignments and the companies that come with them, written through the user and never beside.

In: steps of memberships, grants and users. Out: outcomes. Never: writes an assignment row by itself (Tryton would not
update what its user may do), leaves privileges behind with the last role, takes a company that another unit needs.
"""

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from orgsync.adapters.tryton.api import Server, Stale
from orgsync.adapters.tryton.bulk import Group, Refusal, divided, flat, outcome
from orgsync.adapters.tryton.convert import end_of, moment
from orgsync.adapters.tryton.ids import Ids
from orgsync.change import Action, Outcome, Step
from orgsync.resources import Json, Kind, kind_of, parts_of

_FIELDS = (
    "_timestamp",
    "groups",
    "companies",
    "company",
    "employee",
    "employees.company",
    "roles.role",
    "roles.role.groups",
    "roles.from_date",
    "roles.to_date",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """One assignment to be had (``end``: until when) or to be gone. ``role`` is None where only groups are left."""

    wanted: bool
    role: int | None
    groups: frozenset[int]
    company: int | None = None
    end: dict[str, Any] | None = None
    stated: bool = True


@dataclass(slots=True)
class Person:
    """One user as just read."""

    record: Mapping[str, Any]
    now: datetime
    company_of: Mapping[int, int]
    rows: list[Mapping[str, Any]] = field(init=False)
    gone: list[Mapping[str, Any]] = field(default_factory=list)
    commands: list[list[Any]] = field(default_factory=list)
    gained: set[int] = field(default_factory=set)
    given: set[int] = field(default_factory=set)

    def __post_init__(self) -> None:
        self.rows = list(self.record["roles."])

    def fulfil(self, wish: Wish) -> None:
        same = [row for row in self.rows if row["role"] == wish.role]
        self.given |= wish.groups
        if wish.wanted:
            self._assign(wish, same)
        else:
            self._drop(same)
            self.given |= {group for row in same for group in row["role."]["groups"]}

    def _assign(self, wish: Wish, same: list[Mapping[str, Any]]) -> None:
        """One row, without a beginning; written even if it is as it should be, since that makes Tryton look again."""
        if same:
            values: dict[str, Any] = {"from_date": None} | ({"to_date": wish.end} if wish.stated else {})
            self.commands.append(["write", [same[0]["id"]], values])
            self._drop(same[1:])
        else:
            self.commands.append(["create", [{"role": wish.role, "to_date": wish.end}]])
            self.rows.append({"id": None})
        if wish.company is not None:
            self.gained.add(wish.company)

    def _drop(self, rows: list[Mapping[str, Any]]) -> None:
        if rows:
            self.commands.append(["delete", [row["id"] for row in rows]])
            self.gone += rows
            self.rows = [row for row in self.rows if row not in rows]

    def values(self, markers: set[int], left: AbstractSet[int] = frozenset()) -> dict[str, Any]:
        """``markers``: groups of ours that give nothing. ``left``: companies to be given up unless still needed."""
        values: dict[str, Any] = {"roles": self.commands} if self.commands else {}
        if not self.rows:  # Tryton updates nobody without roles: what the last one gave would stay
            values |= self._without(self.given | markers)
        elif not self.commands:  # and nobody who is not written
            values |= self._without(self.given)
        return values | self._companies(left)

    def _without(self, groups: set[int]) -> dict[str, Any]:
        spare = sorted(groups.intersection(self.record["groups"]))
        return {"groups": [["remove", spare]]} if spare else {}

    def _companies(self, left: AbstractSet[int]) -> dict[str, Any]:
        has = set(self.record["companies"])
        needed = self.gained | {one for row in self.rows for one in self.company(row)}
        gone = (left | {one for row in self.gone for one in self.company(row)}) - needed
        add, remove = sorted(self.gained - has), sorted(gone & has)
        commands = [[name, found] for name, found in (("add", add), ("remove", remove)) if found]
        values: dict[str, Any] = {"companies": commands} if commands else {}
        values |= self._employees(set(remove))
        final = (has | self.gained) - gone
        if final and self.record["company"] not in final:
            return values | {"company": min(final)}
        return values | ({"company": None} if not final and self.record["company"] is not None else {})

    def company(self, row: Mapping[str, Any]) -> set[int]:
        """Of the row's unit, while the row holds."""
        if row["id"] is None:
            return set()
        begins, ends = moment(row["from_date"]), moment(row["to_date"])
        if row not in self.gone and ((begins and begins > self.now) or (ends and ends < self.now)):
            return set()
        return {self.company_of[group] for group in row["role."]["groups"] if group in self.company_of}

    def _employees(self, companies: set[int]) -> dict[str, Any]:
        """Tryton refuses a user whose employees work for a company that is not theirs."""
        spare = [one["id"] for one in self.record["employees."] if one["company"] in companies]
        values: dict[str, Any] = {"employees": [["remove", spare]]} if spare else {}
        return values | ({"employee": None} if self.record["employee"] in spare else {})


class People:
    def __init__(
        self, server: Server, zone: ZoneInfo, groups_of: Callable[[set[int]], Mapping[int, frozenset[int]]]
    ) -> None:
        self._server, self._zone, self._groups_of = server, zone, groups_of

    def assign(self, steps: Sequence[Step], ids: Ids) -> list[Outcome]:
        """Memberships and grants: everybody's in one write."""
        by_user: dict[str, list[Step]] = defaultdict(list)
        for step in steps:
            by_user[parts_of(step.address)[1].lower()].append(step)
        found = divided(list(by_user.values()), lambda groups: self._assign(groups, ids))
        by_id = {one.id: one for one in found}
        return [by_id[step.id] for step in steps]

    def _assign(self, groups: Sequence[Group], ids: Ids) -> list[Outcome]:
        steps = flat(groups)
        wishes = self._wishes(steps, ids)
        by_user: dict[int, list[Wish]] = defaultdict(list)
        for step in steps:
            by_user[self._user(step, ids)].append(wishes[step.id])

        def fulfil(person: Person) -> None:
            for wish in by_user[person.record["id"]]:
                person.fulfil(wish)

        self._write(by_user.keys(), ids, fulfil)
        return [outcome(step) for step in steps]

    def _user(self, step: Step, ids: Ids) -> int:
        login = parts_of(step.address)[1]
        if (user := ids.user(login)) is None:
            raise Refusal(f"there is no user {login}")
        return user

    def _wishes(self, steps: Sequence[Step], ids: Ids) -> dict[str, Wish]:
        roles = {step.id: _role(step, ids) for step in steps}
        groups = self._groups_of({role for role in roles.values() if role is not None})
        companies = ids.companies()
        return {step.id: self._wish(step, roles[step.id], groups, companies, ids) for step in steps}

    def _wish(
        self,
        step: Step,
        role: int | None,
        groups: Mapping[int, frozenset[int]],
        companies: Mapping[int, int],
        ids: Ids,
    ) -> Wish:
        wanted = step.action is not Action.DELETE
        if role not in groups and wanted:
            raise Refusal(f"{step.address} hangs on what is not there, or not complete")
        given = groups.get(role, frozenset()) if role is not None else frozenset()
        if kind_of(step.address) is Kind.GRANT:
            given |= {group for group in ids.role(parts_of(step.address)[2])[1:] if group is not None}
        company = next((companies[group] for group in sorted(given) if group in companies), None)
        until: Json = step.after.get("until")
        return Wish(
            wanted=wanted,
            role=role,
            groups=given,
            company=company if kind_of(step.address) is Kind.MEMBERSHIP else None,
            end=end_of(until, self._zone),
            stated=step.action is Action.CREATE or "until" in step.after,
        )

    def settle(self, users: AbstractSet[int], ids: Ids, left: AbstractSet[int]) -> None:
        """After a unit's move to another business unit: its members' companies follow. Raises CallRefused."""

        def follow(person: Person) -> None:
            for row in person.rows:
                person.gained |= person.company(row)

        self._write(users, ids, follow, left)

    def _write(
        self, users: AbstractSet[int], ids: Ids, change: Callable[[Person], None], left: AbstractSet[int] = frozenset()
    ) -> None:
        """Read and write; once more where somebody was quicker."""
        try:
            self._write_once(users, ids, change, left)
        except Stale:
            self._write_once(users, ids, change, left)

    def _write_once(
        self, users: AbstractSet[int], ids: Ids, change: Callable[[Person], None], left: AbstractSet[int]
    ) -> None:
        companies, markers = ids.companies(), ids.markers()
        records = self._server.records("res.user", users, _FIELDS)
        if missing := users - records.keys():
            raise Refusal(f"there is no user {min(missing)} any more")
        arguments: list[Any] = []
        for number, record in records.items():
            person = Person(record, self._server.now, companies)
            change(person)
            if values := person.values(markers, left):
                arguments += [[number], values]
        stamps = {f"res.user,{number}": str(record["_timestamp"]) for number, record in records.items()}
        if arguments:
            self._server.tell("model.res.user.write", *arguments, stamps=stamps)

    # --- the users themselves

    def create(self, groups: Sequence[Group], ids: Ids) -> list[Outcome]:  # noqa: ARG002  (nothing is referred to)
        steps = flat(groups)
        numbers = self._server.tell("model.res.user.create", [_new_user(step) for step in steps])
        return [outcome(step, remote_id=str(number)) for step, number in zip(steps, numbers, strict=True)]

    def update(self, groups: Sequence[Group], ids: Ids) -> list[Outcome]:
        steps, arguments = flat(groups), []
        for step in steps:
            login = step.address.partition("/")[2]
            if (user := ids.user(login)) is None:
                raise Refusal(f"there is no user {login}")
            arguments += [[user], {name: step.after[name] for name in ("name", "active") if name in step.after}]
        self._server.tell("model.res.user.write", *arguments)
        return [outcome(step) for step in steps]


def _role(step: Step, ids: Ids) -> int | None:
    _, *rest = step.address.split("/")
    return ids.unit(rest[0])[0] if kind_of(step.address) is Kind.MEMBERSHIP else ids.role(rest[2])[0]


def _new_user(step: Step) -> dict[str, Any]:
    """Companies are stated, since Tryton gives a newcomer the only one there is."""
    login = step.address.partition("/")[2]
    active = step.after.get("active") is not False
    email = {"email": login} if "@" in login else {}
    return {
        "login": login,
        "name": step.after.get("name"),
        "active": active,
        "companies": [],
        "company": None,
        **email,
    }
