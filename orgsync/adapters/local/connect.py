"""How the embedded CRM's database is reached: transactions, read-only transports, and errors without secrets.

In: a SQLAlchemy URL as the settings have it. Out: an engine whose transport refuses writes where only reading is
allowed. Never: puts a password, a statement or its values into an error.
"""

import sqlite3
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from sqlalchemy import URL, Connection, Engine, create_engine, event, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, NoSuchModuleError

from orgsync.adapters.local.file import open_sqlite, stopped_by
from orgsync.errors import AdapterError, ReadOnly

READING = {"orgsync_reading": True}
"""Execution options of a connection that only reads: SQLite then waits for nobody."""

_SQLITE = "sqlite"
_POSTGRESQL = "postgresql"
_READS = ("SELECT", "PRAGMA", "SHOW", "WITH", "SET")


def parse_url(text: str, credentials: Mapping[str, str] | None = None) -> URL:
    """Raises ValueError, in words that do not repeat the URL (it may hold a password)."""
    try:
        url = make_url(text)
        url.get_dialect()
    except NoSuchModuleError:
        raise ValueError("no such kind of database; sqlite and postgresql are supported") from None
    except (ArgumentError, ValueError):
        raise ValueError("not a database URL; one looks like sqlite:///.orgsync/demo.db") from None
    except ImportError:
        raise ValueError("the driver is not installed; for PostgreSQL: pip install 'orgsync[postgresql]'") from None
    if "@" in (url.host or ""):
        raise ValueError("the host has an @; write that of a password as %40")
    if url.get_backend_name() == _SQLITE and url.database in {None, "", ":memory:"}:
        raise ValueError("a database in memory forgets everything; name a file, as in sqlite:///.orgsync/demo.db")
    given = credentials or {}
    return url.set(username=given.get("username", url.username), password=given.get("password", url.password))


def identity_of(url: URL) -> str:
    """The same for everybody who means this database: without credentials, driver and query; SQLite paths as given."""
    plain = URL.create(url.get_backend_name(), host=url.host, port=url.port, database=url.database)
    return plain.render_as_string(hide_password=True)


def sqlite_path(url: URL, root: Path) -> Path | None:
    """The file, relative to the organization repository; None for a server."""
    return root / str(url.database) if url.get_backend_name() == _SQLITE else None


def connect(url: URL, root: Path, *, writable: bool) -> Engine:
    """Nothing is opened yet. A SQLite file's folder is made when writing is allowed."""
    path = sqlite_path(url, root)
    if path is not None:
        return _sqlite(path, writable=writable)
    if url.get_backend_name() == _POSTGRESQL:
        stated = url.query.get("options", "")  # such as a search_path: reading elsewhere than writing finds nobody
        read_only = {} if writable else {"options": f"{stated} -c default_transaction_read_only=on".strip()}
        return create_engine(_with_driver(url), connect_args=read_only, hide_parameters=True)
    try:
        engine = create_engine(url, hide_parameters=True)
    except ImportError:
        raise AdapterError(
            f"the driver for {url.drivername} is not installed", remedy="install it, or use sqlite or postgresql"
        ) from None
    if not writable:
        event.listen(engine, "before_cursor_execute", _only_reads)
    return engine


def _with_driver(url: URL) -> URL:
    return url.set(drivername="postgresql+psycopg") if url.drivername == _POSTGRESQL else url


def _sqlite(path: Path, *, writable: bool) -> Engine:
    if writable:
        path.parent.mkdir(parents=True, exist_ok=True)

    def open_file() -> sqlite3.Connection:
        return open_sqlite(path, writable=writable)

    engine = create_engine("sqlite://", creator=open_file, hide_parameters=True, poolclass=_pool())
    event.listen(engine, "begin", _begin)
    return engine


def _pool() -> Any:
    from sqlalchemy.pool import QueuePool  # noqa: PLC0415

    return QueuePool


def _begin(connection: Connection) -> None:
    """The driver's own transactions begin too late for a consistent read and for savepoints."""
    reading = connection.get_execution_options().get("orgsync_reading", False)
    connection.exec_driver_sql("BEGIN" if reading else "BEGIN IMMEDIATE")


def _only_reads(_conn: object, _cursor: object, statement: str, *_rest: object) -> None:
    if not statement.lstrip().upper().startswith(_READS):
        raise ReadOnly("the database was opened for reading only")


def reason(error: DBAPIError, url: URL) -> str:
    """The database's own first line, without statement, values and password."""
    text = str(error.orig).strip().partition("\n")[0]
    for secret in (url.password, url.query.get("password")):
        text = text.replace(str(secret), "***") if secret else text
    return text


def is_read_only(error: DBAPIError) -> bool:
    text = str(error.orig)
    return "readonly database" in text or "read-only transaction" in text


def stopped(error: DBAPIError, url: URL) -> AdapterError:
    """What stops the whole run."""
    shown = identity_of(url)
    if is_read_only(error):
        return ReadOnly(f"{shown} was opened for reading only: {reason(error, url)}")
    return stopped_by(shown, reason(error, url))
