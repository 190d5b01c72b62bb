"""HubSpot behind the protocol: how it is opened, read and written.

In: options, credentials. Out: an adapter inside a context manager. Never: shows a credential; deletes a user; touches
permission sets and business units.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cached_property

from orgsync.adapter import Capabilities, Scope, Snapshot
from orgsync.adapters.http import Client, bearer
from orgsync.adapters.hubspot.api import LIMITS, Api, quota
from orgsync.adapters.hubspot.capabilities import capabilities
from orgsync.adapters.hubspot.consequences import effects
from orgsync.adapters.hubspot.cost import cost_of
from orgsync.adapters.hubspot.doctor import examine
from orgsync.adapters.hubspot.offer import Offer, probe
from orgsync.adapters.hubspot.options import Options
from orgsync.adapters.hubspot.reading import Index, fetch_with, index
from orgsync.adapters.hubspot.writing import Writer
from orgsync.change import Batch, Change, Effect, Outcome
from orgsync.errors import AdapterError
from orgsync.finding import Finding
from orgsync.resources import Address, RemoteId


class HubSpotAdapter:
    """Made by ``opened``."""

    def __init__(self, api: Api, options: Options, token: str) -> None:
        self.api, self._options, self._token = api, options, token
        self._scope, self._index = Scope(), Index()
        self._probes, self._reads = 0, 0

    def __repr__(self) -> str:
        return f"HubSpotAdapter({self.identity})"

    @cached_property
    def offer(self) -> Offer:
        """Asks HubSpot, once. Raises AdapterError."""
        before = self.api.calls
        found = probe(self.api, self._options, self._token)
        self._probes = self.api.calls - before
        return found

    @property
    def capabilities(self) -> Capabilities:
        """Raises AdapterError."""
        return capabilities(self.offer, self._options)

    @property
    def identity(self) -> str:
        """One account and one prefix, whatever the wire in between."""
        return f"hubspot {self._options.account} {self._options.prefix}"

    def read(self, scope: Scope) -> Snapshot:
        """Raises IncompleteRead, AdapterError."""
        self._scope = scope
        able = self.capabilities
        before = self.api.calls
        world = fetch_with(self.api, self.offer, self._options, self._index.made)
        self._reads = self.api.calls - before
        self._index.refresh(index(world, self.offer, self._options, able, scope))
        return self._index.snapshot

    def apply(self, batch: Batch, ids: Mapping[Address, RemoteId]) -> Sequence[Outcome]:
        """Raises AdapterError where HubSpot cannot be spoken to."""
        if not self._reads:
            self.read(self._scope)
        teams = self.offer.writes_teams
        writer = Writer(self.api, self._options, self._index, lambda: self.read(self._scope), through_teams=teams)
        return writer.carry_out(batch, ids)

    def effects(self, changes: Sequence[Change], live: Snapshot) -> Sequence[Effect]:
        return [*effects(changes, live, self._index.others)]

    def cost(self, changes: Sequence[Change]) -> str:
        besides = self._probes + 2 * self._reads  # an apply asks what there is, and reads before and after
        return cost_of(changes, self.api, besides, through_teams=self.offer.writes_teams)

    def doctor(self) -> Sequence[Finding]:
        """Reads only."""
        return examine(self.api, self._options, lambda: self.offer)


@contextmanager
def opened(options: Options, credentials: Mapping[str, str], *, writable: bool) -> Iterator[HubSpotAdapter]:
    """Raises AdapterError for an address that cannot be used, and without a token."""
    token = credentials.get("token")
    if not token:
        raise AdapterError("the target has no token", remedy="state it under `credentials`")
    with Client(
        options.url,
        authorization=bearer(token),
        writable=writable,
        secrets=credentials.values(),
        limits=LIMITS,
        quota=quota,
    ) as client:
        yield HubSpotAdapter(Api(client, version=options.api_version, page=options.page_size), options, token)
