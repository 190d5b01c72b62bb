"""Salesforce behind the protocol: how it is opened, read and written.

In: options, credentials. Out: an adapter inside a context manager. Never: shows a credential; creates or deletes a
user; touches profiles, licences and muting permission sets.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from urllib.parse import urlsplit

from orgsync.adapter import Capabilities, Scope, Snapshot
from orgsync.adapters.http import Client, Renewed
from orgsync.adapters.salesforce.api import LIMITS, Api
from orgsync.adapters.salesforce.capabilities import capabilities
from orgsync.adapters.salesforce.cost import cost_of
from orgsync.adapters.salesforce.doctor import examine
from orgsync.adapters.salesforce.effects import regrants
from orgsync.adapters.salesforce.index import Index
from orgsync.adapters.salesforce.login import Login
from orgsync.adapters.salesforce.options import Options
from orgsync.adapters.salesforce.reading import fetch
from orgsync.adapters.salesforce.sorting import index
from orgsync.adapters.salesforce.writing import Writer
from orgsync.change import Batch, Change, Effect, Outcome
from orgsync.finding import Finding
from orgsync.resources import Address, RemoteId


class SalesforceAdapter:
    """Made by ``opened``."""

    def __init__(self, api: Api, options: Options, login: Login) -> None:
        self.api, self._options, self._login = api, options, login
        self._scope, self._index = Scope(), Index()
        self._reads = 0

    def __repr__(self) -> str:
        return f"SalesforceAdapter({self.identity})"

    @property
    def capabilities(self) -> Capabilities:
        asked = self._options
        return capabilities(asked.models, masters=asked.masters, bundled=asked.bundled, ranked=asked.ranked)

    @property
    def identity(self) -> str:
        """One org and one prefix, whatever the wire in between."""
        return f"salesforce {urlsplit(self._options.url).netloc} {self._options.prefix}"

    def read(self, scope: Scope) -> Snapshot:
        """Raises IncompleteRead, AdapterError."""
        self._scope = scope
        _ = self.api.version  # asked for once, and not counted as a call
        before = self.api.calls
        world = fetch(self.api, self._options, scope)
        self._reads = self.api.calls - before
        self._index = index(world, self._options, scope, self._login.user)
        return self._index.snapshot

    def apply(self, batch: Batch, ids: Mapping[Address, RemoteId]) -> Sequence[Outcome]:
        """Raises AdapterError where Salesforce cannot be spoken to."""
        if not self._reads:
            self.read(self._scope)
        return Writer(self.api, self._options, self._index, lambda: self.read(self._scope)).carry_out(batch, ids)

    def effects(self, changes: Sequence[Change], live: Snapshot) -> Sequence[Effect]:
        return [*regrants(changes, live, self._index)] if self._options.bundled else []

    def cost(self, changes: Sequence[Change]) -> str:
        return cost_of(changes, self.capabilities, self.api, self._options, self._reads)

    def doctor(self) -> Sequence[Finding]:
        """Reads only."""
        return examine(self.api, self._login, self._options)


@contextmanager
def opened(
    options: Options, credentials: Mapping[str, str], *, writable: bool, clock: Callable[[], datetime]
) -> Iterator[SalesforceAdapter]:
    """Raises AdapterError for an address that cannot be used."""
    secrets = [*credentials.values()]
    with Client(options.url, authorization=None, writable=False, secrets=secrets) as door:
        login = Login(door, options, credentials, clock)
        renewed = Renewed(login.fetch)
        with Client(options.url, authorization=renewed, writable=writable, secrets=secrets, limits=LIMITS) as client:
            yield SalesforceAdapter(Api(client, version=options.api_version, page=options.page_size), options, login)
