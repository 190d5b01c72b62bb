"""Fills the embedded CRM and the journal with a company as applying it to an empty CRM does, in a tenth of the time.

In: a company, a folder. Out: the two databases there. Never: plans, or asks the CRM anything. That both hold the same
as after an apply, row by row and step by step, is a test.
"""

import sqlite3
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from datetime import UTC, datetime
from itertools import chain
from pathlib import Path
from typing import Any

from bench.generate import Assignment, Company
from bench.write import business_unit_document, function_document, role_document, unit_document
from orgsync.adapters.local.adapter import opened
from orgsync.adapters.local.names import COLUMNS, LINKS, REFERENCES, Links, table_of
from orgsync.adapters.rules import FULL
from orgsync.change import Action, Batch, Outcome, Status, Step
from orgsync.journal.book import Journal, open_journal
from orgsync.plan import Plan, Target
from orgsync.resources import NO_FIELDS, Address, Kind

Fields = Mapping[str, Any]
Group = tuple[Kind, list[tuple[Address, Fields]]]
_AUDIT = ("created_by", "created_at", "changed_by", "changed_at")
_NOT_FIELDS = {"apiVersion", "kind", "key", "assignments"}
_RUN, _ACTOR = "00000001", "bench"


def fill(company: Company, root: Path, url: str, journal: str) -> None:
    """``url`` and ``journal``: two SQLite files that are not there yet, as the settings in ``root`` name them."""
    with opened(url, {}, root=root, seats=None, writable=True, actor=_ACTOR, clock=_now) as adapter:
        identity = adapter.identity  # opened for writing, so that the tables are there
    with (
        closing(sqlite3.connect(root / url.removeprefix("sqlite:///"), isolation_level=None)) as crm,
        open_journal(journal, root) as book,
    ):
        _wait_for_no_disk(crm, book)
        book.take(identity, _RUN, _ACTOR)
        book.start(_RUN, _plan(company, identity), actor=_ACTOR, at=_now())
        crm.execute("BEGIN")
        outcomes = _carry_out(company, crm, book)
        crm.execute("COMMIT")
        book.finish(_RUN, {"applied": outcomes, "failed": 0, "skipped": 0, "unknown": 0}, at=_now())
        book.release(_RUN)


def _now() -> datetime:
    return datetime.now(UTC)


def _wait_for_no_disk(crm: sqlite3.Connection, book: Journal) -> None:
    """Who loses the power here begins again."""
    crm.execute("PRAGMA synchronous=OFF")
    book.connection.exec_driver_sql("PRAGMA synchronous=OFF")
    book.connection.commit()


def _plan(company: Company, identity: str) -> Plan:
    """What the journal keeps of one."""
    including: dict[Address, Fields] = {
        f"role/{role.key}": {"includes": [role.includes]} for role in company.roles if role.includes
    }
    target = Target(name="bench", adapter="local", identity=identity)
    return Plan(target=target, revision="base", digest="0" * 64, roles=including)


def _carry_out(company: Company, crm: sqlite3.Connection, book: Journal) -> int:
    numbers: dict[Address, int] = {}
    last: dict[Kind, int] = defaultdict(int)
    outcomes: list[Outcome] = []
    for kind, things in _groups(company):
        size = FULL.of(kind).max_batch
        for some in (things[start : start + size] for start in range(0, len(things), size)):
            first = last[kind] + 1
            last[kind] += len(some)
            numbers |= {address: number for number, (address, _) in enumerate(some, first)}
            at = _now()
            book.turn(_RUN, outcomes, [_batch(kind, some)], at=at)
            _insert(crm, kind, some, numbers, at.isoformat())
            outcomes = [_outcome(address, numbers[address]) for address, _ in some]
    book.record(_RUN, outcomes, at=_now())
    return len(numbers)


def _batch(kind: Kind, things: Iterable[tuple[Address, Fields]]) -> Batch:
    steps = (Step(id=address, address=address, action=Action.CREATE, after=fields) for address, fields in things)
    return Batch(kind=kind, action=Action.CREATE, steps=tuple(steps))


def _outcome(address: Address, number: int) -> Outcome:
    return Outcome(
        id=address, address=address, action=Action.CREATE, status=Status.APPLIED, remote_id=str(number), detail=""
    )


def _groups(company: Company) -> Iterator[Group]:
    """In the order of an apply: nothing in a group waits for anything else in it."""
    members: dict[str, list[Assignment]] = defaultdict(list)
    for one in company.assignments.values():
        members[one.unit].append(one)
    yield _things(Kind.BUSINESS_UNIT, map(business_unit_document, company.business_units))
    yield _things(Kind.FUNCTION, map(function_document, company.functions))
    yield Kind.USER, [(f"user/{login}", NO_FIELDS) for login in _people(company)]
    for including in (False, True):
        roles = [role for role in company.roles if bool(role.includes) is including]
        yield _things(Kind.ROLE, map(role_document, roles))
    for depth in sorted({unit.depth for unit in company.units}):
        units = [unit for unit in company.units if unit.depth == depth]
        yield _things(Kind.UNIT, (unit_document(unit, []) for unit in units))
        assigned = sorted(chain.from_iterable(members[unit.key] for unit in units), key=lambda one: one.key)
        yield Kind.MEMBERSHIP, [(f"membership/{one.unit}/{one.user}", _membership(one)) for one in assigned]
        yield (
            Kind.GRANT,
            [(f"grant/{one.unit}/{one.user}/{one.role}", NO_FIELDS) for one in assigned if one.role is not None],
        )


def _things(kind: Kind, documents: Iterable[Mapping[str, Any]]) -> Group:
    fields = {
        f"{kind}/{document['key']}": {name: value for name, value in document.items() if name not in _NOT_FIELDS}
        for document in documents
    }
    return kind, sorted(fields.items())


def _people(company: Company) -> list[str]:
    """Who is assigned to something, and the owners of units."""
    return sorted({one.user for one in company.assignments.values()} | {unit.owner for unit in company.units})


def _membership(one: Assignment) -> Fields:
    return {"reason": one.reason, **({"until": one.until} if one.until else {})}


def _insert(
    crm: sqlite3.Connection,
    kind: Kind,
    things: Sequence[tuple[Address, Fields]],
    numbers: Mapping[Address, int],
    at: str,
) -> None:
    audit = (_ACTOR, at, _ACTOR, at)
    columns = ("id", *_ENDS.get(kind, ("external_id",)), *COLUMNS[kind].values(), *_references(kind))
    _many(crm, table_of(kind), columns, (_row(kind, thing, numbers) for thing in things), audit)
    for name, links in LINKS.get(kind, {}).items():
        linked = (
            (numbers[address], *link)
            for address, fields in things
            for link in _links(links, fields.get(name) or {}, numbers)
        )
        columns = (links.owner, *links.key, *([links.value] if links.value else []))
        _many(crm, links.table, columns, linked, audit)


_ENDS: Mapping[Kind, tuple[str, ...]] = {
    Kind.USER: ("login",),
    Kind.MEMBERSHIP: ("unit_id", "user_id"),
    Kind.GRANT: ("membership_id", "role_id"),
}


def _references(kind: Kind) -> list[str]:
    return [column for column, _ in REFERENCES.get(kind, {}).values()]


def _row(kind: Kind, thing: tuple[Address, Fields], numbers: Mapping[Address, int]) -> tuple[Any, ...]:
    address, fields = thing
    _, *parts = address.split("/")
    ends: tuple[str | int, ...] = tuple(parts)
    if kind is Kind.USER:
        fields = {"active": True}
    elif kind is Kind.MEMBERSHIP:
        ends = (numbers[f"unit/{parts[0]}"], numbers[f"user/{parts[1]}"])
    elif kind is Kind.GRANT:
        ends = (numbers[f"membership/{parts[0]}/{parts[1]}"], numbers[f"role/{parts[2]}"])
    references = (numbers.get(f"{to}/{fields.get(name)}") for name, (_, to) in REFERENCES.get(kind, {}).items())
    return (numbers[address], *ends, *map(fields.get, COLUMNS[kind]), *references)


def _links(links: Links, value: Any, numbers: Mapping[Address, int]) -> Iterator[tuple[Any, ...]]:
    """Without their owner."""
    if links.to is not None:
        for key in value:
            yield (numbers[f"{links.to}/{key}"], *([value[key]] if links.value else []))
        return
    for subject, actions in value.items():
        for action in actions:
            yield (subject, action, *([actions[action]] if links.value else []))


def _many(
    crm: sqlite3.Connection,
    table: str,
    columns: Sequence[str],
    rows: Iterable[tuple[Any, ...]],
    audit: tuple[str, ...],
) -> None:
    names = (*columns, *_AUDIT)
    statement = f"INSERT INTO {table} ({', '.join(names)}) VALUES ({', '.join('?' * len(names))})"  # noqa: S608
    crm.executemany(statement, ((*row, *audit) for row in rows))
