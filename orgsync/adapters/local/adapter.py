"""The embedded CRM behind the protocol: how it is opened, what it is asked, what went wrong.

In: an address, who acts, a clock. Out: an adapter inside a context manager. Never: creates anything unless opened for
writing; shows a password.
"""

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

from sqlalchemy import URL, Connection, Engine, inspect, text
from sqlalchemy.exc import DBAPIError

from orgsync.adapter import Capabilities, Scope, Snapshot
from orgsync.adapters.diagnosis import fact, trouble
from orgsync.adapters.local import api
from orgsync.adapters.local.columns import Query, by_json, by_rows
from orgsync.adapters.local.connect import (
    READING,
    connect,
    identity_of,
    parse_url,
    reason,
    sqlite_path,
    stopped,
)
from orgsync.adapters.local.file import incomplete, nothing_yet
from orgsync.adapters.local.reading import read
from orgsync.adapters.local.schema import METADATA
from orgsync.adapters.rules import FULL
from orgsync.change import Batch, Outcome
from orgsync.errors import AdapterError, IncompleteRead
from orgsync.finding import Finding
from orgsync.resources import Address, RemoteId


class LocalAdapter:
    """Made by ``opened``."""

    def __init__(
        self,
        url: URL,
        engine: Engine,
        *,
        root: Path,
        seats: int | None,
        writable: bool,
        actor: str,
        clock: Callable[[], datetime],
    ) -> None:
        self._url, self._engine, self._path = url, engine, sqlite_path(url, root)
        self._seats, self._writable, self._actor, self._clock = seats, writable, actor, clock

    def __repr__(self) -> str:
        return f"LocalAdapter({self.identity})"

    @property
    def capabilities(self) -> Capabilities:
        return FULL if self._path is None else replace(FULL, max_concurrency=1)  # SQLite has one writer

    @property
    def identity(self) -> str:
        return identity_of(self._url)

    def read(self, scope: Scope) -> Snapshot:
        """Raises AdapterError where there is no connection, IncompleteRead where the database is damaged."""
        if self._path is not None and not self._path.exists():
            return nothing_yet(self._seats)
        with self._reading() as connection:
            try:
                missing = _missing_tables(connection)
                if missing == METADATA.tables.keys():
                    return nothing_yet(self._seats)
                if missing:
                    raise self._incomplete(f"tables are missing: {', '.join(sorted(missing))}")
                return read(self._query(connection), scope, self._seats)
            except DBAPIError as error:
                raise self._incomplete(reason(error, self._url)) from None
            except (KeyError, ValueError) as error:
                raise self._incomplete(f"a row cannot be understood: {error}") from None

    def _query(self, connection: Connection) -> Query:
        def execute(sql: str) -> Sequence[Sequence[Any]]:
            return connection.exec_driver_sql(sql).all()

        return by_rows(execute) if self._path is None else by_json(execute, DBAPIError)

    def _incomplete(self, why: str) -> IncompleteRead:
        return incomplete(self.identity, why)

    @contextmanager
    def _reading(self) -> Iterator[Connection]:
        """One transaction that sees one state of the database."""
        try:
            connection = self._engine.connect()
        except DBAPIError as error:
            raise stopped(error, self._url) from None
        with connection:
            if self._path is None and connection.dialect.name == "postgresql":
                connection = connection.execution_options(isolation_level="REPEATABLE READ", **READING)
            else:
                connection = connection.execution_options(**READING)
            yield connection

    def apply(self, batch: Batch, ids: Mapping[Address, RemoteId]) -> Sequence[Outcome]:
        """One transaction. Raises ReadOnly (the transport refused) or AdapterError; then nothing of it is written."""
        try:
            with self._engine.begin() as connection:
                crm = api.session(connection, by=self._actor, at=self._clock(), seats=self._seats)
                return api.carry_out(crm, batch, ids, self.capabilities)
        except DBAPIError as error:
            raise stopped(error, self._url) from None

    def create_tables(self) -> None:
        try:
            with self._engine.begin() as connection:
                METADATA.create_all(connection)
        except DBAPIError as error:
            raise stopped(error, self._url) from None

    def doctor(self) -> Sequence[Finding]:
        """Reads only; says what a login may do without trying it."""
        if self._path is not None and not self._path.exists():
            return [fact("the database file does not exist yet", f"{self.identity} is made by the first apply")]
        try:
            with self._reading() as connection:
                return [_version(connection), *self._tables(connection), self._permission(connection)]
        except DBAPIError as error:
            return [trouble(f"{self.identity}: {reason(error, self._url)}", "see whether the database is damaged")]
        except AdapterError as error:
            return [trouble(str(error), error.remedy)]

    def _tables(self, connection: Connection) -> list[Finding]:
        missing = _missing_tables(connection)
        if missing == METADATA.tables.keys():
            return [fact("the tables do not exist yet", "the first apply makes them")]
        if missing:
            error = self._incomplete(f"tables are missing: {', '.join(sorted(missing))}")
            return [trouble(str(error), error.remedy)]
        return [fact("the tables are there", f"{len(METADATA.tables)} tables")]

    def _permission(self, connection: Connection) -> Finding:
        if self._path is not None:
            allowed = _can_write(self._path)
        elif connection.dialect.name == "postgresql":
            allowed = bool(connection.execute(text(_MAY_WRITE)).scalar())
        else:
            return fact("whether writing is allowed cannot be told", f"ask {connection.dialect.name}'s administrator")
        if allowed:
            return fact("writing is allowed", self.identity)
        return trouble(f"{self.identity}: this login may only read", "grant it INSERT, UPDATE and DELETE, or CREATE")


_MAY_WRITE = """
SELECT coalesce(
  (SELECT bool_and(has_table_privilege(c.oid, 'INSERT, UPDATE, DELETE')) FROM pg_class c
   WHERE c.relkind = 'r' AND c.relname LIKE 'crm\\_%' AND c.relnamespace = current_schema()::regnamespace),
  has_schema_privilege(current_schema(), 'CREATE'))
"""


def _missing_tables(connection: Connection) -> set[str]:
    return METADATA.tables.keys() - set(inspect(connection).get_table_names())


def _can_write(path: Path) -> bool:
    return os.access(path, os.W_OK) and os.access(path.parent, os.W_OK)


def _version(connection: Connection) -> Finding:
    version = ".".join(str(part) for part in connection.dialect.server_version_info or ())
    return fact("the database answers", f"{connection.dialect.name} {version}".strip())


@contextmanager
def opened(
    address: str,
    credentials: Mapping[str, str],
    *,
    root: Path,
    seats: int | None,
    writable: bool,
    actor: str,
    clock: Callable[[], datetime],
) -> Iterator[LocalAdapter]:
    url = parse_url(address, credentials)
    engine = connect(url, root, writable=writable)
    try:
        adapter = LocalAdapter(url, engine, root=root, seats=seats, writable=writable, actor=actor, clock=clock)
        if writable:
            adapter.create_tables()
        yield adapter
    finally:
        engine.dispose()
