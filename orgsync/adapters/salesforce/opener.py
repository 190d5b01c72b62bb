"""What the registry holds of Salesforce: its options, and how it is opened.

In: options as the settings state them. Out: checked options; an adapter inside a context manager. Never: connects.
"""

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from datetime import datetime
from pathlib import Path
from typing import Any

from orgsync.adapter import Adapter
from orgsync.adapters.salesforce.capabilities import capabilities
from orgsync.adapters.salesforce.options import OBJECTS, Options, masters


class SalesforceOpener:
    Options: type[Any] = Options
    CREDENTIALS: Sequence[str] = ("clientId", "clientSecret", "username", "privateKey", "refreshToken")
    CAPABILITIES = capabilities(OBJECTS, masters=masters(OBJECTS, {}))

    def open(
        self,
        options: Any,
        *,
        root: Path,  # noqa: ARG002  (nothing is kept in files)
        credentials: Mapping[str, str],
        writable: bool,
        actor: str,  # noqa: ARG002  (Salesforce records the integration user)
        clock: Callable[[], datetime],
    ) -> AbstractContextManager[Adapter]:
        from orgsync.adapters.salesforce.adapter import opened  # noqa: PLC0415

        return opened(options, credentials, writable=writable, clock=clock)


opener = SalesforceOpener()
