"""What the registry holds of HubSpot: its options, and how it is opened.

In: options as the settings state them. Out: checked options; an adapter inside a context manager. Never: connects.
"""

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from datetime import datetime
from pathlib import Path
from typing import Any

from orgsync.adapter import Adapter
from orgsync.adapters.hubspot.capabilities import EVERYTHING, capabilities
from orgsync.adapters.hubspot.options import Options


class HubSpotOpener:
    Options: type[Any] = Options
    CREDENTIALS: Sequence[str] = ("token",)
    CAPABILITIES = capabilities(EVERYTHING, Options(account=1, withoutRole="Minimal"))

    def open(
        self,
        options: Any,
        *,
        root: Path,  # noqa: ARG002  (nothing is kept in files)
        credentials: Mapping[str, str],
        writable: bool,
        actor: str,  # noqa: ARG002  (HubSpot knows the token's owner)
        clock: Callable[[], datetime],  # noqa: ARG002
    ) -> AbstractContextManager[Adapter]:
        from orgsync.adapters.hubspot.adapter import opened  # noqa: PLC0415

        return opened(options, credentials, writable=writable)


opener = HubSpotOpener()
