"""What the registry holds of Tryton: its options, and how it is opened.

In: options as the settings state them. Out: checked options; an adapter inside a context manager. Never: connects.
"""

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from datetime import datetime
from pathlib import Path
from typing import Any

from orgsync.adapter import Adapter
from orgsync.adapters.tryton.capabilities import capabilities
from orgsync.adapters.tryton.options import OBJECTS, Options


class TrytonOpener:
    Options: type[Any] = Options
    CREDENTIALS: Sequence[str] = ("username", "password")
    CAPABILITIES = capabilities(OBJECTS)

    def open(
        self,
        options: Any,
        *,
        root: Path,  # noqa: ARG002  (nothing is kept in files)
        credentials: Mapping[str, str],
        writable: bool,
        actor: str,  # noqa: ARG002  (Tryton records the login itself)
        clock: Callable[[], datetime],  # noqa: ARG002  (Tryton's own decides)
    ) -> AbstractContextManager[Adapter]:
        from orgsync.adapters.tryton.adapter import opened  # noqa: PLC0415

        return opened(options, credentials, writable=writable)


opener = TrytonOpener()
