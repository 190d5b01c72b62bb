"""Open a journal to look into it.

In: its URL. Out: its entries. Never: creates anything, or loads SQLAlchemy to look into a SQLite file: importing that
takes longer than most plans.
"""

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from orgsync.journal.entries import SECONDS, Entries, broken
from orgsync.references import sqlite_file


@dataclass(frozen=True, slots=True)
class _File(Entries):
    connection: sqlite3.Connection

    def rows(self, query: str, **values: str | int) -> list[tuple[Any, ...]]:
        return self.connection.execute(query, values).fetchall()


@contextmanager
def read_journal(url: str, root: Path) -> Iterator[Entries | None]:
    """None where no journal has been written yet: looking never creates one."""
    name = sqlite_file(url)
    if name is None:
        from orgsync.journal.book import read_any  # noqa: PLC0415

        with read_any(url, root) as book:
            yield book
        return
    path = root / name
    if not path.exists():
        yield None
        return
    try:
        with closing(sqlite3.connect(path, timeout=SECONDS, check_same_thread=False)) as connection:
            known = connection.execute("SELECT 1 FROM sqlite_master WHERE name = 'orgsync_journal'").fetchone()
            yield _File(connection) if known else None
    except sqlite3.Error as error:
        raise broken(str(error)) from None
