"""Dataverse behind the protocol: how it is opened, read and written.

In: options, credentials. Out: an adapter inside a context manager. Never: shows a credential; creates or deletes a
user; touches the root business unit, default teams, application users and managed roles.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from functools import cached_property, partial
from pathlib import Path
from threading import Lock
from urllib.parse import urlsplit

from orgsync.adapter import Capabilities, Scope, Snapshot
from orgsync.adapters.dataverse.api import HEADERS, LIMITS, Api, Row
from orgsync.adapters.dataverse.capabilities import Possible, capabilities
from orgsync.adapters.dataverse.changing import Changing
from orgsync.adapters.dataverse.convert import POSSIBLE, VERBS, Marks, privilege_name
from orgsync.adapters.dataverse.cost import cost_of
from orgsync.adapters.dataverse.deltas import fetch_since
from orgsync.adapters.dataverse.doctor import examine
from orgsync.adapters.dataverse.effects import effects_of
from orgsync.adapters.dataverse.index import Index
from orgsync.adapters.dataverse.kept import File
from orgsync.adapters.dataverse.login import Login
from orgsync.adapters.dataverse.making import Making
from orgsync.adapters.dataverse.options import Options
from orgsync.adapters.dataverse.reading import index
from orgsync.adapters.dataverse.rights import check_reading, everywhere
from orgsync.adapters.dataverse.tables import World, fetch, rows_of
from orgsync.adapters.dataverse.work import Links
from orgsync.adapters.dataverse.writing import Writer
from orgsync.adapters.http import Client, Renewed
from orgsync.change import Batch, Change, Effect, Outcome
from orgsync.finding import Finding
from orgsync.resources import Address, Kind, RemoteId

_COPYING = frozenset({Kind.BUSINESS_UNIT, Kind.ROLE, Kind.UNIT})
"""Every role is copied into every business unit: what makes either goes one after another."""


class DataverseAdapter:
    """Made by ``opened``."""

    def __init__(self, api: Api, options: Options) -> None:
        self.api, self._options = api, options
        self._scope, self._index, self._reads = Scope(), Index(), 0
        self._one_by_one = Lock()
        self._folder: Path | None = None

    def __repr__(self) -> str:
        return f"DataverseAdapter({self.identity})"

    @property
    def capabilities(self) -> Capabilities:
        """Raises AdapterError: which privileges there are, and how far they can reach, is the environment's to say."""
        options = self._options
        return capabilities(
            options.models,
            trees=options.units == "businessUnits",
            homes=options.homes,
            possible=self._possible,
            calls=self.api.at_once,
        )

    @cached_property
    def _privileges(self) -> list[Row]:
        return rows_of(self.api, "privileges")

    @cached_property
    def _held(self) -> set[str]:
        """What we may everywhere."""
        return everywhere(self.api, self._privileges)

    @cached_property
    def _possible(self) -> Possible:
        scopes = {
            row["name"]: frozenset(scope for scope, can in POSSIBLE.items() if row[can]) for row in self._privileges
        }
        return {
            (word, action): scopes.get(privilege_name(table, action), frozenset())
            for word, table in self._options.models.items()
            for action in VERBS
        }

    @property
    def identity(self) -> str:
        """One environment and one prefix."""
        return f"dataverse {urlsplit(self._options.url).netloc} {self._options.prefix}"

    def read(self, scope: Scope) -> Snapshot:
        """Raises IncompleteRead, AdapterError."""
        self._scope = scope
        names = {row["privilegeid"]: row["name"] for row in self._privileges}
        me = self.api.me
        check_reading(self._held)
        world, self._reads = self._fetched(me)
        self._index.become(index(world, self._options, scope, me, names))
        return self._index.snapshot

    def _fetched(self, me: Row) -> tuple[World, int]:
        """(the rows, how many calls it takes to read them whole)."""
        marks, before = Marks(prefix=self._options.prefix), self.api.calls
        if self._folder is not None:
            about = (self.identity, me["OrganizationId"], me["UserId"])
            return fetch_since(self.api, marks, File.of(self._folder, about))
        return fetch(self.api, marks, partial(rows_of, self.api)), self.api.calls - before

    def keep(self, folder: Path) -> None:
        self._folder = folder if self._options.deltas else None

    def effects(self, changes: Sequence[Change], live: Snapshot) -> Sequence[Effect]:  # noqa: ARG002  (see _index)
        """``live`` has no place for what is not ours; what was read for it has."""
        return effects_of(self._index, changes)

    def apply(self, batch: Batch, ids: Mapping[Address, RemoteId]) -> Sequence[Outcome]:
        """Raises AdapterError where Dataverse cannot be spoken to."""
        if not self._reads:
            self.read(self._scope)
        links = Links(self.api, ids, self._index, lambda: self._index.learn(rows_of(self.api, "roles")))
        names = {row["name"]: row["privilegeid"] for row in self._privileges}
        changing = Changing(Making(self._options, links, names), links)
        with self._one_by_one if batch.kind in _COPYING else nullcontext():
            return Writer(self.api, changing, lambda: self.read(self._scope)).carry_out(batch)

    def cost(self, changes: Sequence[Change]) -> str:
        return cost_of(changes, self.capabilities, self._reads)

    def doctor(self) -> Sequence[Finding]:
        """Reads only."""
        return examine(self.api, self._options)


@contextmanager
def opened(options: Options, credentials: Mapping[str, str], *, writable: bool) -> Iterator[DataverseAdapter]:
    """Raises AdapterError for an address that cannot be used."""
    login = Login(options, credentials)
    with Client(
        options.url,
        authorization=Renewed(login.fetch),
        writable=writable,
        secrets=[*credentials.values()],
        headers=HEADERS,
        limits=LIMITS,
    ) as client:
        yield DataverseAdapter(Api(client, options.url, page=options.page_size), options)
