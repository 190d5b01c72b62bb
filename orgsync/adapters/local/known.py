"""Which rows a batch speaks of, found with a few queries for the whole batch.

In: addresses, and remote ids that are known. Out: row ids. Never: writes; guesses (what is not there is None).
"""

from collections.abc import Iterable, Mapping
from typing import Any

from sqlalchemy import Connection, Table, select, tuple_

from orgsync.adapters.canonical import FOREIGN, lower
from orgsync.adapters.local import schema
from orgsync.resources import Address, Kind, RemoteId, ends_of, key_of, kind_of

_CHUNK = 1000


class Known:
    """Address -> row id. A key of ours counts first, then the id that orgsync knows (bound or renamed things)."""

    def __init__(self, connection: Connection, ids: Mapping[Address, RemoteId]) -> None:
        self._connection, self._ids = connection, ids
        self._rows: dict[Address, int | None] = {}
        self.inactive: set[int] = set()

    def load(self, addresses: Iterable[Address]) -> None:
        wanted: dict[Kind, set[Address]] = {kind: set() for kind in Kind}
        waiting = set(addresses)
        while waiting:
            address = waiting.pop()
            if address not in self._rows:
                wanted[kind_of(address)].add(address)
                waiting.update(ends_of(address))
        for kind, new in wanted.items():
            new.difference_update(self._rows)
            if new:
                self._rows.update(dict.fromkeys(new))
                self._load(kind, new)

    def _load(self, kind: Kind, addresses: set[Address]) -> None:
        if kind is Kind.USER:
            self._load_users(addresses)
        elif kind in schema.NAMED:
            self._load_named(kind, addresses)
        else:
            self._load_edges(kind, addresses)

    def find(self, address: Address) -> int | None:
        if address not in self._rows:
            self.load([address])
        return self._rows[address]

    def _load_named(self, kind: Kind, addresses: set[Address]) -> None:
        table = schema.TABLES[kind]
        columns = select(table.c.id, table.c.external_id)
        for chunk in _chunks(key_of(address) for address in addresses):
            for id_, key in self._connection.execute(columns.where(table.c.external_id.in_(chunk))).all():
                self._rows[f"{kind}/{key}"] = id_
        by_id = {number: a for a in addresses if self._rows[a] is None and (number := self._number(a)) is not None}
        for numbers in _chunks(by_id):
            for id_, _ in self._connection.execute(columns.where(table.c.id.in_(numbers))).all():
                self._rows[by_id[id_]] = id_

    def _number(self, address: Address) -> int | None:
        key = key_of(address)
        text = key.removeprefix(FOREIGN) if key.startswith(FOREIGN) else self._ids.get(address, "")
        return int(text) if text.isdecimal() else None

    def _load_users(self, addresses: set[Address]) -> None:
        table = schema.user
        for chunk in _chunks(key_of(address).lower() for address in addresses):
            query = select(table.c.id, table.c.login, table.c.active).where(table.c.login.in_(chunk))
            for id_, login, active in self._connection.execute(query).all():
                self._rows[f"{Kind.USER}/{login}"] = id_
                if not active:
                    self.inactive.add(id_)

    def _load_edges(self, kind: Kind, addresses: set[Address]) -> None:
        table = schema.TABLES[kind]
        names = ("unit_id", "user_id") if kind is Kind.MEMBERSHIP else ("membership_id", "role_id")
        ends = [table.c[name] for name in names]
        by_ends: dict[tuple[Any, ...], Address] = {}
        for address in addresses:
            pair = tuple(self._rows[end] for end in ends_of(lower(address)))
            if None not in pair:
                by_ends[pair] = address
        for chunk in _chunks(by_ends):
            query = select(table.c.id, *ends).where(tuple_(*ends).in_(chunk))
            for id_, *pair_read in self._connection.execute(query).all():
                self._rows[by_ends[tuple(pair_read)]] = id_


def exists(connection: Connection, table: Table, remote_id: str | None) -> int | None:
    """The row with this id, if there is one."""
    if remote_id is None or not remote_id.isdecimal():
        return None
    found: int | None = connection.execute(select(table.c.id).where(table.c.id == int(remote_id))).scalar()
    return found


def _chunks(values: Iterable[Any]) -> Iterable[list[Any]]:
    everything = list(values)
    return (everything[start : start + _CHUNK] for start in range(0, len(everything), _CHUNK))
