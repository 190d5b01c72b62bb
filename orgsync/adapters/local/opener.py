"""What the registry holds of the embedded CRM: its options, and how it is opened.

In: options as the settings state them. Out: checked options; an adapter inside a context manager. Never: loads the
database's library, or the one that checks options, to look at those of a SQLite file: commands start fast.
"""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from orgsync.adapter import Adapter
from orgsync.adapters.rules import FULL
from orgsync.references import sqlite_file

if TYPE_CHECKING:
    from orgsync.adapters.local.options import Options


class Plain(NamedTuple):
    """What is stated of a SQLite file, nearly always: as ``Options``, without the library that checks those."""

    url: str
    seats: int | None = None


class LocalOpener:
    CREDENTIALS: Sequence[str] = ("username", "password")
    CAPABILITIES = FULL

    @property
    def Options(self) -> type[Any]:  # noqa: N802
        from orgsync.adapters.local.options import Options  # noqa: PLC0415

        return Options

    def plain(self, stated: Mapping[str, Any]) -> Plain | None:
        url, seats = stated.get("url"), stated.get("seats")
        if {*stated} - {*Plain._fields} or not isinstance(url, str) or sqlite_file(url) is None:
            return None
        if "seats" not in stated:
            return Plain(url)
        if isinstance(seats, str) and re.fullmatch("[0-9]{1,9}", seats):
            return Plain(url, int(seats))
        return None

    def files(self, options: Any, *, root: Path) -> Sequence[Path]:
        path = sqlite_file(options.url)
        return () if path is None else (root / path,)

    def open(
        self,
        options: Any,
        *,
        root: Path,
        credentials: Mapping[str, str],
        writable: bool,
        actor: str,
        clock: Callable[[], datetime],
    ) -> AbstractContextManager[Adapter]:
        full = partial(_opened, options, root, credentials, writable=writable, actor=actor, clock=clock)
        path = sqlite_file(options.url)
        return full() if writable or path is None else _reader(options, root / path, full)


@contextmanager
def _reader(
    options: "Options | Plain", path: Path, full: Callable[[], AbstractContextManager[Any]]
) -> Iterator[Adapter]:
    from orgsync.adapters.local.file import FileReader  # noqa: PLC0415

    yield FileReader(path=path, identity=options.url, seats=options.seats, full=full)


def _opened(
    options: "Options | Plain",
    root: Path,
    credentials: Mapping[str, str],
    *,
    writable: bool,
    actor: str,
    clock: Callable[[], datetime],
) -> AbstractContextManager[Adapter]:
    from orgsync.adapters.local.adapter import opened  # noqa: PLC0415

    seats = options.seats
    return opened(options.url, credentials, root=root, seats=seats, writable=writable, actor=actor, clock=clock)


opener = LocalOpener()
