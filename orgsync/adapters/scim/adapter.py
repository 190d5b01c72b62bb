"""A SCIM provider behind the protocol: how it is opened, read and written.

In: options, credentials. Out: an adapter inside a context manager. Never: shows a credential; deletes a user.
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from urllib.parse import urlsplit

from orgsync.adapter import Capabilities, Scope, Snapshot
from orgsync.adapters.http import Authorization, Client, Fixed, Renewed, basic, bearer, oauth_token
from orgsync.adapters.scim.able import capabilities
from orgsync.adapters.scim.api import Api
from orgsync.adapters.scim.consequences import effects
from orgsync.adapters.scim.doctor import examine
from orgsync.adapters.scim.jobs import Desk
from orgsync.adapters.scim.options import Options
from orgsync.adapters.scim.reading import Found, read, words
from orgsync.adapters.scim.vendors import deviations
from orgsync.adapters.scim.writing import Writer
from orgsync.change import Batch, Change, Effect, Outcome
from orgsync.errors import AdapterError
from orgsync.finding import Finding
from orgsync.resources import Address, RemoteId


class ScimAdapter:
    """Made by ``opened``."""

    def __init__(self, client: Client, options: Options) -> None:
        self._options, self._known = options, deviations(options.vendor, options.deviations)
        self._api = Api(client, self._known, options.page_size)
        self._scope, self._found = Scope(), Found()
        self._writer: Writer | None = None

    def __repr__(self) -> str:
        return f"ScimAdapter({self.identity})"

    @cached_property
    def capabilities(self) -> Capabilities:
        """Asks the provider, once. Raises AdapterError."""
        return capabilities(self._api.offer, self._options, self._known)

    @property
    def identity(self) -> str:
        where = urlsplit(self._options.url)
        return f"scim {where.netloc}{where.path.rstrip('/')} {self._options.key_prefix}"

    @property
    def calls(self) -> Counter[str]:
        """How many were made so far, by method and endpoint."""
        return self._api.calls

    def read(self, scope: Scope) -> Snapshot:
        """Raises IncompleteRead, AdapterError."""
        self._scope = scope
        self._found = read(self._api, self._options, self._known, self.capabilities, scope)
        self._writer = None
        return self._found.snapshot

    def apply(self, batch: Batch, ids: Mapping[Address, RemoteId]) -> Sequence[Outcome]:
        """Raises AdapterError where the provider cannot be spoken to."""
        writer = self._writing()
        desk = self._desk(ids, writer, self._found)

        def look() -> tuple[Snapshot, Desk]:
            everybody = replace(self._scope, logins=None)
            found = read(self._api, self._options, self._known, self.capabilities, everybody)
            writer.versions.clear()
            writer.versions |= found.versions
            return found.snapshot, self._desk({**found.snapshot.ids, **ids}, writer, found)

        return writer.carry_out(batch, desk, look)

    def _writing(self) -> Writer:
        if self._writer is None:
            self._writer = Writer(api=self._api, bulk=self._api.offer.bulk, versions=dict(self._found.versions))
        return self._writer

    def _desk(self, ids: Mapping[Address, RemoteId], writer: Writer, found: Found) -> Desk:
        return Desk(
            options=self._options,
            known=self._known,
            ids=ids,
            versions=writer.versions,
            words=words(self._scope),
            homes=found.homes,
        )

    def effects(self, changes: Sequence[Change], live: Snapshot) -> Sequence[Effect]:
        return [*effects(changes, live, self._found.strangers)]

    def doctor(self) -> Sequence[Finding]:
        """Reads only."""
        return examine(self._api, self._options, self._known, lambda: self.capabilities)


@contextmanager
def opened(options: Options, credentials: Mapping[str, str], *, root: Path, writable: bool) -> Iterator[ScimAdapter]:
    """Raises AdapterError for an address or credentials that cannot be used."""
    with ExitStack() as stack:
        ca = root / options.ca if options.ca else None
        authorization = _authorization(options, credentials, ca, stack)
        client = Client(
            options.url,
            authorization=authorization,
            writable=writable,
            secrets=credentials.values(),
            headers={"Accept": "application/scim+json, application/json"},
            proxy=options.proxy,
            ca=ca,
        )
        yield ScimAdapter(stack.enter_context(client), options)


def _authorization(
    options: Options, credentials: Mapping[str, str], ca: Path | None, stack: ExitStack
) -> Authorization | None:
    if "token" in credentials:
        return bearer(credentials["token"])
    if {"username", "password"} <= credentials.keys():
        return basic(credentials["username"], credentials["password"])
    if {"clientId", "clientSecret"} <= credentials.keys() and options.token_url:
        return _oauth(options, credentials, ca, stack)
    if credentials:
        raise AdapterError(
            "these credentials are not enough to log in",
            remedy="state token, or username and password, or clientId, clientSecret and the option tokenUrl",
        )
    return Fixed("")


def _oauth(options: Options, credentials: Mapping[str, str], ca: Path | None, stack: ExitStack) -> Renewed:
    base, _, path = str(options.token_url).rpartition("/")
    client = stack.enter_context(
        Client(base, authorization=None, writable=False, secrets=credentials.values(), proxy=options.proxy, ca=ca)
    )
    form = {
        "grant_type": "client_credentials",
        "client_id": credentials["clientId"],
        "client_secret": credentials["clientSecret"],
        **({"scope": options.token_scope} if options.token_scope else {}),
    }
    return Renewed(lambda: oauth_token(client, path, form))
