"""The embedded CRM in a SQLite file, opened for reading alone.

In: a path. Out: an adapter that reads. Never: writes, or loads SQLAlchemy: importing that takes as long as reading
fifty thousand rows.
"""

import sqlite3
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, closing, contextmanager, suppress
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any

from orgsync.adapter import Capabilities, Scope, Snapshot
from orgsync.adapters.local.columns import by_json
from orgsync.adapters.local.names import LINKS, table_of
from orgsync.adapters.local.reading import begin
from orgsync.adapters.rules import FULL
from orgsync.change import Batch, Outcome
from orgsync.errors import AdapterError, IncompleteRead, ReadOnly
from orgsync.finding import Finding
from orgsync.resources import Address, Kind, RemoteId

TABLES = frozenset({*map(table_of, Kind), *(one.table for links in LINKS.values() for one in links.values())})


@dataclass(frozen=True, slots=True, kw_only=True)
class FileReader:
    """``full``: opens the whole adapter, for what is more than reading."""

    path: Path
    identity: str
    seats: int | None
    full: Callable[[], AbstractContextManager[Any]] = field(repr=False)  # it knows the credentials

    @property
    def capabilities(self) -> Capabilities:
        return replace(FULL, max_concurrency=1)  # SQLite has one writer

    def read(self, scope: Scope) -> Snapshot:
        return self.begin()(scope)

    def begin(self) -> Callable[[Scope], Snapshot]:
        """Raises AdapterError where the file cannot be opened, IncompleteRead where it is damaged."""
        if not self.path.exists():
            return lambda _: nothing_yet(self.seats)
        with closing(self._opened()) as connection, self._understood():
            connection.execute("BEGIN")
            there = {name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
            if not TABLES & there:
                return lambda _: nothing_yet(self.seats)
            if missing := TABLES - there:
                raise incomplete(self.identity, f"tables are missing: {', '.join(sorted(missing))}")
            return partial(self._ended, begin(by_json(connection.execute, sqlite3.Error), self.seats))

    def _ended(self, end: Callable[[Scope], Snapshot], scope: Scope) -> Snapshot:
        with self._understood():
            return end(scope)

    @contextmanager
    def _understood(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.Error as error:
            raise incomplete(self.identity, str(error)) from None
        except (KeyError, ValueError) as error:
            raise incomplete(self.identity, f"a row cannot be understood: {error}") from None

    def _opened(self) -> sqlite3.Connection:
        try:
            return open_sqlite(self.path, writable=False)
        except sqlite3.Error as error:
            raise stopped_by(self.identity, str(error)) from None

    def apply(self, batch: Batch, ids: Mapping[Address, RemoteId]) -> Sequence[Outcome]:
        raise ReadOnly(f"{self.identity} was opened for reading only: {len(batch.steps)} steps, {len(ids)} ids")

    def doctor(self) -> Sequence[Finding]:
        with self.full() as adapter:
            found: Sequence[Finding] = adapter.doctor()
            return found


def nothing_yet(seats: int | None) -> Snapshot:
    return Snapshot(seats=(0, seats) if seats is not None else None)


def incomplete(identity: str, why: str) -> IncompleteRead:
    return IncompleteRead(
        f"{identity} could not be read completely: {why}",
        remedy="restore the database from a backup; or remove what is left of it (the file, or every table whose "
        "name begins with crm_), and the next apply builds it anew",
    )


def stopped_by(identity: str, why: str) -> AdapterError:
    return AdapterError(
        f"{identity}: {why}",
        remedy="check the target's url, its credentials and that the database can be reached (orgsync doctor)",
    )


def open_sqlite(path: Path, *, writable: bool) -> sqlite3.Connection:
    """Transactions are begun by hand; without ``writable`` the connection itself refuses every write."""
    if not writable:
        _recover(path)
    uri = f"{path.resolve().as_uri()}?mode={'rwc' if writable else 'ro'}"
    connection = sqlite3.connect(uri, uri=True, timeout=30, check_same_thread=False, isolation_level=None)
    connection.execute("PRAGMA foreign_keys=ON")
    connection.execute(f"PRAGMA query_only={'OFF' if writable else 'ON'}")
    return connection


def _recover(path: Path) -> None:
    """Whoever died in the middle of a transaction left a journal, which must be rolled back before anybody reads, and
    a connection that may only read cannot do that (SQLite: "Hot Rollback Journals"). A living writer's is left alone.
    """
    if not Path(f"{path}-journal").exists():
        return
    with (
        suppress(sqlite3.Error),
        closing(sqlite3.connect(f"{path.resolve().as_uri()}?mode=rw", uri=True)) as connection,
    ):
        connection.execute("PRAGMA query_only=ON")
        connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
