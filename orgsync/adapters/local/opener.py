"""What the registry holds of the embedded CRM: its options, and how it is opened.

In: options as the settings state them. Out: checked options; an adapter inside a context manager. Never: loads the
database's library to look at the options of a SQLite file, so that ``validate`` starts fast.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from orgsync.adapter import Adapter
from orgsync.adapters.rules import FULL
from orgsync.references import sqlite_file


def _usable(url: str) -> str:
    if sqlite_file(url) is not None:
        return url
    from orgsync.adapters.local.connect import parse_url  # noqa: PLC0415

    parse_url(url)
    return url


class Options(BaseModel):
    """What a target of the local adapter may state."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    url: Annotated[str, AfterValidator(_usable)] = Field(
        repr=False,  # references are resolved by now: a password may stand in it
        description="a SQLAlchemy URL; a SQLite path is relative to the organization repository",
    )
    seats: int | None = Field(default=None, ge=0, description="how many active users the licence allows")


class LocalOpener:
    Options: type[Any] = Options
    CREDENTIALS: Sequence[str] = ("username", "password")
    CAPABILITIES = FULL

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
def _reader(options: Options, path: Path, full: Callable[[], AbstractContextManager[Any]]) -> Iterator[Adapter]:
    from orgsync.adapters.local.file import FileReader  # noqa: PLC0415

    yield FileReader(path=path, identity=options.url, seats=options.seats, full=full)


def _opened(
    options: Options,
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
