"""trytond as it is, but for two things: checking a password costs next to nothing, and connections to SQLite are kept.

Run by the Python of Tryton's own environment. Every plan, apply and look of a test logs in anew, and by default each
login keeps a core busy for a fifth of a second, on purpose. And every request opens its SQLite file two or three times,
which reads the whole schema each time: a fifth of what Tryton does for a test. With PostgreSQL it keeps connections
itself.
"""

import sys
from functools import partial
from threading import Lock

from pwdlib.hashers import argon2

argon2.Argon2Hasher = partial(argon2.Argon2Hasher, time_cost=1, memory_cost=8, parallelism=1)

from trytond import backend  # noqa: E402  (it looks for the hasher while it is imported)
from trytond.backend.sqlite import database  # noqa: E402
from trytond.cli import main  # noqa: E402

_MOST = 8
"""Of all databases together: those of tests that are over are closed in time."""
_idle: list[tuple[str, database.SQLiteConnection]] = []
_lock = Lock()


class _Connection(database.SQLiteConnection):  # type: ignore[misc]
    """Used by one thread after the other."""

    def __init__(self, *arguments: object, **options: object) -> None:
        super().__init__(*arguments, check_same_thread=False, **options)


class _Kept(database.Database):  # type: ignore[misc]
    """Each transaction has one of these; some ask it for its connection more than once."""

    _conn: database.SQLiteConnection | None
    _users = 0

    def connect(self) -> "_Kept":
        if self._conn is None:
            with _lock:
                at = next((at for at, (name, _) in enumerate(_idle) if name == self.name), None)
                self._conn = None if at is None else _idle.pop(at)[1]
        return super().connect()  # type: ignore[no-any-return]

    def get_connection(self, *arguments: object, **options: object) -> database.SQLiteConnection:
        connection = super().get_connection(*arguments, **options)
        self._users += 1
        return connection

    def put_connection(self, connection: database.SQLiteConnection | None = None) -> None:
        self._users -= 1
        if self._users == 0 and connection is not None:
            self._conn = None
            with _lock:
                _idle.append((self.name, connection))
                spare = _idle.pop(0)[1] if len(_idle) > _MOST else None
            if spare is not None:
                spare.close()


database.SQLiteConnection, backend.Database = _Connection, _Kept

if __name__ == "__main__":
    sys.exit(main())
