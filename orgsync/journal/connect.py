"""The journal's tables, and how its database is reached.

In: a SQLAlchemy URL. Out: a connection. Never: repeats the URL, a statement or its values; they may hold a password.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import URL, Column, Connection, Engine, Integer, MetaData, String, Table, Text, create_engine
from sqlalchemy.engine import make_url
from sqlalchemy.exc import SQLAlchemyError

from orgsync.journal.entries import SECONDS, broken

METADATA = MetaData()
ENTRY = Table(
    "orgsync_journal",
    METADATA,
    Column("seq", Integer, primary_key=True, autoincrement=False),
    Column("run", String(32), nullable=False, index=True),
    Column("at", String(40), nullable=False),
    Column("event", String(16), nullable=False),  # start, intent, outcome, finish
    Column("body", Text, nullable=False),
    Column("hash", String(64), nullable=False),
)
HEAD = Table(
    "orgsync_journal_head",
    METADATA,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("seq", Integer, nullable=False),
    Column("hash", String(64), nullable=False),
)
"""One row, the last entry: whoever writes locks it first, and a journal whose tail was cut off does not fit it."""
LEASE = Table(
    "orgsync_lease",
    METADATA,
    Column("identity", String(1000), primary_key=True),
    Column("run", String(32), nullable=False),
    Column("holder", String(200), nullable=False),
    Column("until", String(40), nullable=False),
)


@contextmanager
def connected(url: str, root: Path) -> Iterator[Connection]:
    """A relative SQLite path is relative to ``root``. Raises JournalError, in the database's own words."""
    engine = _engine(parsed(url), root)
    try:
        with engine.connect() as connection:
            yield connection
    except SQLAlchemyError as error:
        raise broken(str(getattr(error, "orig", None) or type(error).__name__)) from None
    finally:
        engine.dispose()


def parsed(url: str) -> URL:
    """Whatever is wrong with the URL is not repeated: it may hold a password."""
    try:
        found = make_url(url)
    except (SQLAlchemyError, ValueError):
        raise broken("its URL cannot be read") from None
    if "@" in (found.host or ""):
        raise broken("the host in its URL has an @; write that of a password as %40") from None
    return found


def sqlite_path(url: URL, root: Path) -> Path | None:
    if url.get_backend_name() != "sqlite" or not url.database or url.database == ":memory:":
        return None
    return root / url.database


def _engine(url: URL, root: Path) -> Engine:
    path = sqlite_path(url, root)
    options: dict[str, Any] = {"connect_args": {"timeout": SECONDS}} if url.get_backend_name() == "sqlite" else {}
    try:
        if path is not None:
            path.parent.mkdir(parents=True, exist_ok=True)
            url = url.set(database=str(path))
        elif url.drivername == "postgresql":
            url = url.set(drivername="postgresql+psycopg")
        return create_engine(url, **options)
    except OSError as error:
        raise broken(f"its folder cannot be made: {error.strerror}") from None
    except (SQLAlchemyError, ImportError):
        raise broken(f"there is no driver for {url.drivername}") from None
