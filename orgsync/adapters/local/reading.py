"""Read the embedded CRM: every table once, and what can be made of it before anybody knows what is declared.

In: a query to one consistent state of the database. Out: a Snapshot. Never: returns half an organization; what
cannot be understood (a row that refers to nothing) raises KeyError or ValueError, for the adapter to report.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from orgsync.adapter import Foreign, Scope, Snapshot
from orgsync.adapters.local.columns import Ask, Columns, Query, in_parts
from orgsync.adapters.local.edges import add_edges, add_grants
from orgsync.adapters.local.named import Keys, add_named, keys_of
from orgsync.adapters.local.names import COLUMNS, LINKS, NAMED, REFERENCES, Links, table_of
from orgsync.adapters.local.rows import Later, Rows, Runs, WhoChanged, runs_of
from orgsync.resources import Kind


def read(query: Query, scope: Scope, seats: int | None) -> Snapshot:
    return begin(query, seats)(scope)


def begin(query: Query, seats: int | None) -> Callable[[Scope], Snapshot]:
    """What it returns ends the reading, once."""
    crm, rows = _asked(query), Rows()
    users = crm.tables[Kind.USER]
    keys: dict[Kind, Keys] = {kind: keys_of(crm.tables[kind], {}) for kind in NAMED}
    keys[Kind.USER] = dict(zip(users["id"], users["login"], strict=True))
    memberships, grants = (in_parts(query, _table(kind)) for kind in (Kind.MEMBERSHIP, Kind.GRANT))
    theirs = add_edges(rows, memberships, grants, keys)

    def end(scope: Scope) -> Snapshot:
        keys[Kind.ROLE] = keys_of(crm.tables[Kind.ROLE], scope.bound)
        for grants_of_theirs in theirs:
            add_grants(rows, grants_of_theirs, keys[Kind.ROLE])  # where it turned out that they are bound
        foreign: list[Foreign] = []
        for kind in NAMED:
            foreign += add_named(rows, kind, crm.tables[kind], crm.links[kind], keys, crm.runs[kind])
        _add_users(rows, users, scope.logins)
        ids = Later(rows.ids)
        return Snapshot(
            resources=rows.resources,
            ids=ids,
            changed=WhoChanged(ids, crm.runs),
            foreign=sorted(foreign, key=lambda thing: (thing.kind, thing.name)),
            seats=(sum(map(bool, users["active"])), seats) if seats is not None else None,
        )

    return end


@dataclass(frozen=True, slots=True)
class _Crm:
    """As it is stored. ``links``: per kind, field -> its table; ``runs``: who changed what last."""

    tables: Mapping[Kind, Columns]
    links: Mapping[Kind, Mapping[str, Columns]]
    runs: Mapping[Kind, Runs]


def _asked(query: Query) -> _Crm:
    """In one go, but for memberships and grants: whoever reads in a thread waits for its turn after each answer."""
    few = [*NAMED, Kind.USER]
    links = [(kind, name) for kind, named in LINKS.items() for name in named]
    asks = [*map(_table, few), *(_linking(LINKS[kind][name]) for kind, name in links), *map(_beginnings, Kind)]
    answers = iter(query(asks))
    tables = {kind: next(answers) for kind in few}
    linked: dict[Kind, dict[str, Columns]] = {kind: {} for kind in NAMED}
    for kind, name in links:
        linked[kind][name] = next(answers)
    return _Crm(tables, linked, {kind: runs_of(next(answers)) for kind in Kind})


def _table(kind: Kind) -> Ask:
    references = (column for column, _ in REFERENCES.get(kind, {}).values())
    return Ask(table_of(kind), ("id", *_IDENTITY.get(kind, ("external_id",)), *COLUMNS[kind].values(), *references))


_IDENTITY: Mapping[Kind, tuple[str, ...]] = {
    Kind.USER: ("login",),
    Kind.MEMBERSHIP: ("unit_id", "user_id"),
    Kind.GRANT: ("membership_id", "role_id"),
}


def _linking(links: Links) -> Ask:
    return Ask(links.table, (links.owner, *links.key, *((links.value,) if links.value is not None else ())))


def _beginnings(kind: Kind) -> Ask:
    """The rows that were changed otherwise than the row before them: hardly more than there were transactions."""
    table = table_of(kind)
    alike = "last.id = this.id - 1 AND last.changed_by = this.changed_by AND last.changed_at = this.changed_at"
    source = f"{table} AS this WHERE NOT EXISTS (SELECT 1 FROM {table} AS last WHERE {alike})"  # noqa: S608
    return Ask(source, ("id", "changed_by", "changed_at"))


def _add_users(rows: Rows, users: Columns, wanted: frozenset[str] | None) -> None:
    found = [
        (f"{Kind.USER}/{login}", {"name": name, "active": bool(active)}, number)
        for number, login, name, active in zip(*users.values(), strict=True)
        if wanted is None or login in wanted
    ]
    rows.add([a for a, _, _ in found], [fields for _, fields, _ in found], [number for _, _, number in found])
