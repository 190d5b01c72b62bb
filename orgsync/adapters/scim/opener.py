"""What the registry holds of SCIM: its options, and how it is opened.

In: options as the settings state them. Out: checked options; an adapter inside a context manager. Never: loads the
HTTP client to look at the options.
"""

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from datetime import datetime
from pathlib import Path
from typing import Any

from orgsync.adapter import Adapter
from orgsync.adapters.scim.able import capabilities
from orgsync.adapters.scim.discovery import STANDARD
from orgsync.adapters.scim.options import Options
from orgsync.adapters.scim.vendors import Deviations


class ScimOpener:
    Options: type[Any] = Options
    CREDENTIALS: Sequence[str] = ("token", "username", "password", "clientId", "clientSecret")
    CAPABILITIES = capabilities(STANDARD, Options(url="https://provider.example/v2"), Deviations())

    def open(
        self,
        options: Any,
        *,
        root: Path,
        credentials: Mapping[str, str],
        writable: bool,
        actor: str,  # noqa: ARG002  (SCIM records nobody but the credential's owner)
        clock: Callable[[], datetime],  # noqa: ARG002
    ) -> AbstractContextManager[Adapter]:
        from orgsync.adapters.scim.adapter import opened  # noqa: PLC0415

        return opened(options, credentials, root=root, writable=writable)


opener = ScimOpener()
