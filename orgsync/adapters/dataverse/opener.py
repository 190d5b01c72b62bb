"""What the registry holds of Dataverse: its options, and how it is opened.

In: options as the settings state them. Out: checked options; an adapter inside a context manager. Never: connects.
"""

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from datetime import datetime
from pathlib import Path
from typing import Any

from orgsync.adapter import Adapter
from orgsync.adapters.dataverse.capabilities import capabilities
from orgsync.adapters.dataverse.options import OBJECTS, Options


class DataverseOpener:
    Options: type[Any] = Options
    CREDENTIALS: Sequence[str] = ("clientId", "clientSecret", "oidcUrl", "oidcToken")
    CAPABILITIES = capabilities(OBJECTS)

    def open(
        self,
        options: Any,
        *,
        root: Path,  # noqa: ARG002  (nothing is kept in files)
        credentials: Mapping[str, str],
        writable: bool,
        actor: str,  # noqa: ARG002  (Dataverse records the application user)
        clock: Callable[[], datetime],  # noqa: ARG002  (Dataverse's own decides)
    ) -> AbstractContextManager[Adapter]:
        from orgsync.adapters.dataverse.adapter import opened  # noqa: PLC0415

        return opened(options, credentials, writable=writable)


opener = DataverseOpener()
