"""The embedded CRM's operations: strict, in bulk where that is safe, and its administrators' own doings.

In: a transaction, steps. Out: one outcome per step. Never: writes anything for a step that it refuses; touches a row
that carries no key of ours (except for ``rename_unit`` and the others below, which act behind orgsync's back).
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Table, delete, func, insert, select, text, tuple_, update
from sqlalchemy.exc import IntegrityError

from orgsync.adapter import Capabilities
from orgsync.adapters.canonical import COLLECTIONS, canonical, complete, keys, lower
from orgsync.adapters.local import schema
from orgsync.adapters.local.known import Known, exists
from orgsync.adapters.rules import Refusal, check_size, check_step, outcome
from orgsync.change import Action, Batch, Outcome, Step
from orgsync.resources import KEY, Address, Fields, Json, Kind, RemoteId, key_of, kind_of, parts_of, references

Entries = dict[tuple[Any, ...], str | None]
"""The links of one field: key columns -> what qualifies the link."""
_EDGES = frozenset({Kind.MEMBERSHIP, Kind.GRANT})


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """One transaction of one actor; ``at`` as it is stored."""

    connection: Connection
    by: str
    at: str
    seats: int | None = None

    @property
    def created(self) -> dict[str, str]:
        return {"created_by": self.by, "created_at": self.at, **self.touched}

    @property
    def touched(self) -> dict[str, str]:
        return {"changed_by": self.by, "changed_at": self.at}


def session(connection: Connection, *, by: str, at: datetime, seats: int | None = None) -> Session:
    return Session(connection=connection, by=by, at=at.isoformat(), seats=seats)


def carry_out(crm: Session, batch: Batch, ids: Mapping[Address, RemoteId], capabilities: Capabilities) -> list[Outcome]:
    """Everything at once if possible; else step by step, so that each has its own outcome."""
    _serialize(crm.connection, batch.kind)
    known = Known(crm.connection, ids)
    try:
        check_size(batch, capabilities)
    except Refusal as refusal:
        return [outcome(step, refused=str(refusal)) for step in batch.steps]
    bulk = _BULK.get((batch.kind, batch.action)) or (_create_all if batch.action is Action.CREATE else None)
    if bulk is not None and len(batch.steps) > 1:
        try:
            with crm.connection.begin_nested():
                checked = _checked(batch, capabilities)
                if batch.action is not Action.DELETE:
                    _prefetch(batch.steps, known)
                return bulk(crm, batch.kind, batch.steps, checked, known)
        except IntegrityError:
            known = Known(crm.connection, ids)  # somebody was in the way: find out who
    return [_alone(crm, step, batch, capabilities, known, ids) for step in batch.steps]


def _serialize(connection: Connection, kind: Kind) -> None:
    """PostgreSQL: rings, licences and deactivation are checked against what others are about to write."""
    if connection.dialect.name == "postgresql":
        shared = "_shared" if kind in _EDGES else ""
        connection.execute(text(f"SELECT pg_advisory_xact_lock{shared}(7364271)"))


def _prefetch(steps: Sequence[Step], known: Known) -> None:
    """All at once. Whether an edge exists already is left to the table: that is asked only when it complains."""
    known.load(lower(step.address) for step in steps if kind_of(step.address) not in _EDGES)
    known.load(
        reference
        for step in steps
        for fields in ((step.after, step.before) if step.before else (step.after,))
        for reference in references(lower(step.address), fields)
    )


def _checked(batch: Batch, capabilities: Capabilities) -> dict[str, str]:
    """Step id -> why it is refused."""
    refused: dict[str, str] = {}
    for step in batch.steps:
        try:
            check_step(step, batch, capabilities)
        except Refusal as refusal:
            refused[step.id] = str(refusal)
    return refused


def _alone(
    crm: Session,
    step: Step,
    batch: Batch,
    capabilities: Capabilities,
    known: Known,
    ids: Mapping[Address, RemoteId],
) -> Outcome:
    """One step in a savepoint of its own."""
    try:
        check_step(step, batch, capabilities)
        with crm.connection.begin_nested():
            fresh = known if len(batch.steps) == 1 else Known(crm.connection, ids)
            return _ALONE[step.action](crm, batch.kind, step, fresh)
    except Refusal as refusal:
        return outcome(step, refused=str(refusal))
    except IntegrityError as error:
        return outcome(step, refused=str(error.orig).strip().partition("\n")[0])


def _create_alone(crm: Session, kind: Kind, step: Step, known: Known) -> Outcome:
    return _create_all(crm, kind, [step], {}, known)[0]


# --- creating


def _create_all(
    crm: Session, kind: Kind, steps: Sequence[Step], refused: dict[str, str], known: Known
) -> list[Outcome]:
    taken = _Taken(crm, kind, steps, known)
    rows: list[dict[str, Any]] = []
    passed: list[tuple[Step, dict[str, Json]]] = []
    for step in steps:
        if step.id in refused:
            continue
        try:
            row, fields = _row(kind, step, known)
            taken.check(step, fields)
        except Refusal as refusal:
            refused[step.id] = str(refusal)
        else:
            rows.append(row)
            passed.append((step, fields))
    numbers = _insert(crm, schema.TABLES[kind], rows)
    _insert_links(crm, kind, [(n, fields) for n, (_, fields) in zip(numbers, passed, strict=True)], known)
    given = {step.id: str(number) for number, (step, _) in zip(numbers, passed, strict=True)}
    return [outcome(s, refused=refused.get(s.id, ""), remote_id=given.get(s.id)) for s in steps]


class _Taken:
    """What a newcomer may collide with: keys, names, licences; also among the newcomers themselves."""

    def __init__(self, crm: Session, kind: Kind, steps: Sequence[Step], known: Known) -> None:
        self._kind, self._known = kind, known
        self._addresses: set[Address] = set()
        self._ask = kind not in _EDGES or len(steps) == 1
        self._names = _names_taken(crm, kind, [step.after.get("name") for step in steps])
        self._free = _free_seats(crm) if kind is Kind.USER else None

    def check(self, step: Step, fields: Fields) -> None:
        address = lower(step.address)
        if address in self._addresses or (self._ask and self._known.find(address) is not None):
            raise Refusal(f"{step.address} exists already")
        if fields.get("name") in self._names:
            raise Refusal(f'another {self._kind} is named "{fields["name"]}"')
        if self._kind in _EDGES:
            login = parts_of(address)[1]
            if self._known.find(f"{Kind.USER}/{login}") in self._known.inactive:
                raise Refusal(f"{login} is deactivated and can be given nothing")
        if self._free is not None and fields["active"]:
            if self._free <= 0:
                raise Refusal("no licence left")
            self._free -= 1
        self._addresses.add(address)
        if self._kind in schema.NAMED and fields.get("name") is not None:
            self._names.add(fields["name"])


def _names_taken(crm: Session, kind: Kind, names: Iterable[Json]) -> set[Json]:
    if kind not in schema.NAMED:
        return set()
    column = schema.TABLES[kind].c.name
    wanted = {name for name in names if name is not None}
    return set(crm.connection.execute(select(column).where(column.in_(wanted))).scalars()) if wanted else set()


def _free_seats(crm: Session) -> int | None:
    return None if crm.seats is None else crm.seats - used_seats(crm.connection)


def used_seats(connection: Connection) -> int:
    return int(connection.execute(select(func.count()).where(schema.user.c.active)).scalar_one())


def _row(kind: Kind, step: Step, known: Known) -> tuple[dict[str, Any], dict[str, Json]]:
    """Raises Refusal where a reference leads nowhere."""
    address = lower(step.address)
    _check_references(address, step.after, known)
    fields = complete(kind, step.after)
    row = _scalars(kind, fields) | _references(kind, fields, known)
    match kind:
        case Kind.USER:
            row["login"] = key_of(address)
        case Kind.MEMBERSHIP | Kind.GRANT:
            row |= _ends(kind, address, known)
        case _:
            row["external_id"] = key_of(address)
    if kind is Kind.UNIT and row["business_unit_id"] is None:
        raise Refusal("a unit needs a business unit")
    return row, fields


def _check_references(address: Address, fields: Fields, known: Known) -> None:
    for reference in references(address, fields):
        if known.find(reference) is None:
            raise Refusal(f"{address} cannot refer to {reference}, which does not exist")


def _scalars(kind: Kind, fields: Fields) -> dict[str, Any]:
    return {column: fields[name] for name, column in schema.COLUMNS[kind].items() if name in fields}


def _references(kind: Kind, fields: Fields, known: Known) -> dict[str, int | None]:
    return {
        column: known.find(f"{to}/{fields[name]}") if fields[name] is not None else None
        for name, (column, to) in schema.REFERENCES.get(kind, {}).items()
        if name in fields
    }


def _ends(kind: Kind, address: Address, known: Known) -> dict[str, int | None]:
    _, unit, user, *role = address.split("/")
    if kind is Kind.MEMBERSHIP:
        return {"unit_id": known.find(f"{Kind.UNIT}/{unit}"), "user_id": known.find(f"{Kind.USER}/{user}")}
    return {
        "membership_id": known.find(f"{Kind.MEMBERSHIP}/{unit}/{user}"),
        "role_id": known.find(f"{Kind.ROLE}/{role[0]}"),
    }


def _insert(crm: Session, table: Table, rows: Sequence[dict[str, Any]]) -> list[int]:
    """Row ids in the order of the rows."""
    if not rows:
        return []
    created = crm.created
    full = [row | created for row in rows]
    if len(full) == 1:
        (number,) = crm.connection.execute(insert(table).values(full[0]).returning(table.c.id)).scalars()
        return [number]
    if crm.connection.dialect.name == "sqlite":
        return _insert_numbered(crm, table, full)
    statement = insert(table).returning(table.c.id, sort_by_parameter_order=True)
    return list(crm.connection.execute(statement, full).scalars())


def _insert_numbered(crm: Session, table: Table, rows: list[dict[str, Any]]) -> list[int]:
    """SQLite has one writer at a time, so the next ids are known; asking for them costs as much as the insert."""
    last = crm.connection.execute(text("SELECT seq FROM sqlite_sequence WHERE name = :table"), {"table": table.name})
    first = (last.scalar() or 0) + 1
    numbers = list(range(first, first + len(rows)))
    crm.connection.execute(insert(table), [row | {"id": n} for row, n in zip(rows, numbers, strict=True)])
    return numbers


def _insert_links(crm: Session, kind: Kind, owners: Iterable[tuple[int, Fields]], known: Known) -> None:
    owners = list(owners)
    created = crm.created
    for name, links in schema.LINKS.get(kind, {}).items():
        rows = [
            _link(links, owner, key, value) | created
            for owner, fields in owners
            if fields[name]
            for key, value in _entries(links, fields[name], known).items()
        ]
        if rows:
            crm.connection.execute(insert(links.table), rows)


def _link(links: schema.Links, owner: int, key: tuple[Any, ...], value: str | None) -> dict[str, Any]:
    row = {links.owner: owner, **dict(zip(links.key, key, strict=True))}
    return row | {links.value: value} if links.value else row


def _entries(links: schema.Links, value: Json, known: Known) -> Entries:
    """A field's value as links; what is not there any more is left out."""
    if links.to is not None:
        scopes = value if isinstance(value, dict) else {}
        found = {key: known.find(f"{links.to}/{key}") for key in keys(value)}
        return {(number,): _text(scopes.get(key)) for key, number in found.items() if number is not None}
    entries: Entries = {}
    for subject, actions in value.items() if isinstance(value, dict) else ():
        for action in keys(actions):
            entries[subject, action] = _text(actions[action]) if isinstance(actions, dict) else None
    return entries


def _text(value: Json) -> str | None:
    return None if value is None else str(value)


# --- changing


def _update_alone(crm: Session, kind: Kind, step: Step, known: Known) -> Outcome:
    table, number = schema.TABLES[kind], _number(crm, kind, step, known)
    _check_references(lower(step.address), _fields_only(step.after), known)
    given = _canonical(kind, _fields_only(step.after))
    row = _scalars(kind, given) | _references(kind, given, known)
    _check_update(crm, kind, number, step, given, row)
    if KEY in step.after:
        row["external_id"] = key_of(step.address)
    for name in given.keys() & schema.LINKS.get(kind, {}).keys():
        _relink(crm, schema.LINKS[kind][name], number, step, name, given[name], known)
    crm.connection.execute(update(table).where(table.c.id == number).values(row | crm.touched))
    _check_rings(crm, kind, number, given)
    return outcome(step, remote_id=str(number))


def _canonical(kind: Kind, after: Fields) -> dict[str, Json]:
    given = {
        name: canonical(kind, name, value) if name in COLLECTIONS[kind] else value for name, value in after.items()
    }
    return given | {"active": True} if given.get("active", True) is None else given


def _fields_only(after: Fields) -> Fields:
    return {name: value for name, value in after.items() if name != KEY}


def _number(crm: Session, kind: Kind, step: Step, known: Known) -> int:
    """The step's row: by id, by the key that it had, by its address."""
    table = schema.TABLES[kind]
    number = exists(crm.connection, table, step.remote_id)
    if number is None:
        former = f"{kind}/{step.before[KEY]}" if KEY in step.before else lower(step.address)
        number = known.find(former)
    if number is None:
        raise Refusal(f"{step.address} does not exist")
    if kind in schema.NAMED:
        key = crm.connection.execute(select(table.c.external_id).where(table.c.id == number)).scalar()
        if key is None:
            raise Refusal(f"{step.address} is not orgsync's to change")
    return number


def _check_update(crm: Session, kind: Kind, number: int, step: Step, given: Fields, row: Mapping[str, Any]) -> None:
    table = schema.TABLES[kind]
    if "business_unit_id" in row and row["business_unit_id"] is None:
        raise Refusal("a unit needs a business unit")
    if kind in schema.NAMED and given.get("name") is not None:
        holder = crm.connection.execute(select(table.c.id).where(table.c.name == given["name"])).scalar()
        if holder not in {None, number}:
            raise Refusal(f'another {kind} is named "{given["name"]}"')
    if KEY in step.after:
        query = select(table.c.id).where(table.c.external_id == key_of(step.address))
        if crm.connection.execute(query).scalar() not in {None, number}:
            raise Refusal(f"the key of {step.address} is taken")
    if kind is Kind.USER and given.get("active") and crm.seats is not None:
        was = crm.connection.execute(select(table.c.active).where(table.c.id == number)).scalar()
        if not was and used_seats(crm.connection) >= crm.seats:
            raise Refusal("no licence left")


def _relink(crm: Session, links: schema.Links, owner: int, step: Step, name: str, value: Json, known: Known) -> None:
    """Links are added and removed one by one: what the plan did not see stays."""
    current = _current(crm, links, owner)
    after = _entries(links, value, known)
    stated = step.before.get(name)
    before = _entries(links, stated, known) if name in step.before else ({} if value else current)
    gone = [key for key in before if key not in after and key in current]
    if gone:
        columns = [links.table.c[column] for column in links.key]
        mine = links.table.c[links.owner] == owner
        crm.connection.execute(delete(links.table).where(mine, tuple_(*columns).in_(gone)))
    new = {key: item for key, item in after.items() if key not in current}
    if new:
        rows = [_link(links, owner, key, item) | crm.created for key, item in new.items()]
        crm.connection.execute(insert(links.table), rows)
    for key, item in after.items():
        if key in current and current[key] != item:
            _requalify(crm, links, owner, key, item)


def _current(crm: Session, links: schema.Links, owner: int) -> Entries:
    columns = [links.table.c[column] for column in links.key]
    qualifier = [links.table.c[links.value]] if links.value else []
    rows = crm.connection.execute(select(*columns, *qualifier).where(links.table.c[links.owner] == owner))
    width = len(links.key)
    return {tuple(row[:width]): row[width] if links.value else None for row in rows}


def _requalify(crm: Session, links: schema.Links, owner: int, key: tuple[Any, ...], value: str | None) -> None:
    table = links.table
    where = [table.c[column] == part for column, part in zip(links.key, key, strict=True)]
    row = {str(links.value): value, **crm.touched}
    crm.connection.execute(update(table).where(table.c[links.owner] == owner, *where).values(row))


def _check_rings(crm: Session, kind: Kind, number: int, given: Fields) -> None:
    if not given.keys() & {"parent", "includes"}:
        return
    if kind is Kind.ROLE:
        table, below, above = schema.role_include, "role_id", "included_id"
    else:
        table, below, above = schema.TABLES[kind], "id", "parent_id"
    first = select(table.c[above].label("at")).where(table.c[below] == number)
    path = first.cte("path", recursive=True)
    path = path.union(select(table.c[above]).where(table.c[below] == path.c.at))
    if crm.connection.execute(select(path.c.at).where(path.c.at == number).limit(1)).scalar() is not None:
        raise Refusal("it would be above itself")


# --- removing


def _delete_alone(crm: Session, kind: Kind, step: Step, known: Known) -> Outcome:
    table, number = schema.TABLES[kind], _number(crm, kind, step, known)
    for links in schema.LINKS.get(kind, {}).values():
        crm.connection.execute(delete(links.table).where(links.table.c[links.owner] == number))
    try:
        with crm.connection.begin_nested():
            crm.connection.execute(delete(table).where(table.c.id == number))
    except IntegrityError:
        raise Refusal(f"{step.address} is in use: {_user_of(crm, kind, number)}") from None
    return outcome(step)


def _user_of(crm: Session, kind: Kind, number: int) -> str:
    target = schema.TABLES[kind].name
    counts = {
        table.name.removeprefix("crm_").replace("_", " "): _count(crm, table, column.parent.name, number)
        for table in schema.METADATA.sorted_tables
        for column in table.foreign_keys
        if column.column.table.name == target
    }
    return ", ".join(f"{count} {name}" for name, count in counts.items() if count) + " refer to it"


def _count(crm: Session, table: Table, column: str, number: int) -> int:
    query = select(func.count()).select_from(table).where(table.c[column] == number)
    return int(crm.connection.execute(query).scalar_one())


def _delete_edges(
    crm: Session, kind: Kind, steps: Sequence[Step], refused: dict[str, str], known: Known
) -> list[Outcome]:
    table = schema.TABLES[kind]
    numbers = [int(step.remote_id) for step in steps if step.remote_id and step.remote_id.isdecimal()]
    there = set(crm.connection.execute(select(table.c.id).where(table.c.id.in_(numbers))).scalars())
    doomed: dict[int, str] = {}
    for step in steps:
        named = int(step.remote_id) if step.remote_id and step.remote_id.isdecimal() else None
        number = named if named in there else known.find(lower(step.address))
        if step.id in refused:
            continue
        if number is None or number in doomed:
            refused[step.id] = f"{step.address} does not exist"
        else:
            doomed[number] = step.id
    if doomed:
        crm.connection.execute(delete(table).where(table.c.id.in_(doomed)))
    return [outcome(step, refused=refused.get(step.id, "")) for step in steps]


_Bulk = Callable[[Session, Kind, Sequence[Step], dict[str, str], Known], list[Outcome]]
_BULK: Mapping[tuple[Kind, Action], _Bulk] = {
    (Kind.MEMBERSHIP, Action.DELETE): _delete_edges,
    (Kind.GRANT, Action.DELETE): _delete_edges,
}
_ALONE: Mapping[Action, Callable[[Session, Kind, Step, Known], Outcome]] = {
    Action.CREATE: _create_alone,
    Action.UPDATE: _update_alone,
    Action.DELETE: _delete_alone,
}


# --- what the CRM's own administrators do, behind orgsync's back


def rename_unit(crm: Session, key: str, name: str) -> None:
    _touch(crm, schema.unit, schema.unit.c.external_id == key, name=name)


def deactivate_user(crm: Session, login: str) -> None:
    _touch(crm, schema.user, schema.user.c.login == login.lower(), active=False)


def create_user(crm: Session, login: str, name: str | None = None) -> RemoteId:
    return str(_insert(crm, schema.user, [{"login": login.lower(), "name": name, "active": True}])[0])


def create_foreign(crm: Session, kind: Kind, name: str, **columns: Any) -> RemoteId:
    """Something without a key of ours; ``columns`` as the table has them (a unit's ``business_unit_id``)."""
    return str(_insert(crm, schema.TABLES[kind], [{"name": name, **columns}])[0])


def create_foreign_unit(crm: Session, name: str, *, business_unit: str) -> RemoteId:
    home = _id_of(crm, schema.business_unit, schema.business_unit.c.external_id == business_unit)
    return create_foreign(crm, Kind.UNIT, name, business_unit_id=home)


def add_member(crm: Session, unit: str, login: str, *, until: str | None = None) -> RemoteId:
    """``unit``: a key, or the id of a foreign unit as ``foreign:<id>``."""
    known = Known(crm.connection, {})
    row = _ends(Kind.MEMBERSHIP, f"{Kind.MEMBERSHIP}/{unit}/{login.lower()}", known)
    return str(_insert(crm, schema.membership, [{**row, "until": until}])[0])


def grant_role(crm: Session, unit: str, login: str, role: str) -> RemoteId:
    """``role``: a key, or ``foreign:<id>``."""
    known = Known(crm.connection, {})
    return str(_insert(crm, schema.grant, [_ends(Kind.GRANT, f"{Kind.GRANT}/{unit}/{login.lower()}/{role}", known)])[0])


def attach_role(crm: Session, unit: str, role: str) -> None:
    """``role``: a key, or ``foreign:<id>``."""
    known = Known(crm.connection, {})
    row = {"unit_id": known.find(f"{Kind.UNIT}/{unit}"), "role_id": known.find(f"{Kind.ROLE}/{role}")}
    crm.connection.execute(insert(schema.unit_role).values(row | crm.created))
    _touch(crm, schema.unit, schema.unit.c.id == row["unit_id"])


def move_unit(crm: Session, unit: str, parent: str | None) -> None:
    """``parent``: a key, or ``foreign:<id>``."""
    number = Known(crm.connection, {}).find(f"{Kind.UNIT}/{parent}") if parent is not None else None
    _touch(crm, schema.unit, schema.unit.c.external_id == unit, parent_id=number)


def _touch(crm: Session, table: Table, where: Any, **columns: Any) -> None:
    changed = crm.connection.execute(update(table).where(where).values({**columns, **crm.touched})).rowcount
    if changed != 1:
        raise LookupError(f"{changed} rows of {table.name} instead of one")


def _id_of(crm: Session, table: Table, where: Any) -> int:
    return int(crm.connection.execute(select(table.c.id).where(where)).scalar_one())


__all__ = [
    "Session",
    "add_member",
    "attach_role",
    "carry_out",
    "create_foreign",
    "create_foreign_unit",
    "create_user",
    "deactivate_user",
    "grant_role",
    "move_unit",
    "rename_unit",
    "session",
    "used_seats",
]
