"""Tryton behind the protocol: what it can express, how it is read, which call carries which step.

In: options, credentials. Out: an adapter inside a context manager. Never: deletes a user; writes while it was opened
for reading; takes an answer that did not come for a yes or a no.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlsplit

from orgsync.adapter import Capabilities, Scope, Snapshot
from orgsync.adapters.tryton.api import Server
from orgsync.adapters.tryton.bulk import Group, alone, divided, outcome
from orgsync.adapters.tryton.capabilities import capabilities
from orgsync.adapters.tryton.companies import Companies
from orgsync.adapters.tryton.convert import Marks
from orgsync.adapters.tryton.doctor import examine
from orgsync.adapters.tryton.effects import effects_of
from orgsync.adapters.tryton.ids import Ids
from orgsync.adapters.tryton.index import Index, index
from orgsync.adapters.tryton.named import Named
from orgsync.adapters.tryton.options import Options
from orgsync.adapters.tryton.people import People
from orgsync.adapters.tryton.reading import snapshot
from orgsync.adapters.tryton.world import World, fetch
from orgsync.change import Action, Batch, Change, Effect, Outcome, Status, Step
from orgsync.errors import AdapterError, UnknownOutcome
from orgsync.finding import Finding
from orgsync.resources import KEY, Address, Kind, RemoteId, kind_of, parts_of, same

_Way = Callable[[Sequence[Group], Ids], Sequence[Outcome]]


class TrytonAdapter:
    """Made by ``opened``. ``server.calls`` counts what was sent."""

    def __init__(self, server: Server, options: Options, username: str) -> None:
        self.server, self._options, self._username = server, options, username
        self._marks = Marks(prefix=options.prefix)
        self._named = Named(server, self._marks, options.models)
        self._companies = Companies(server, self._marks, options.currency)
        self._people = People(server, options.zone, self._named.groups_of)
        self._seen: Index | None = None

    def __repr__(self) -> str:
        return f"TrytonAdapter({self.identity})"

    @property
    def capabilities(self) -> Capabilities:
        return capabilities(self._options.models)

    @property
    def identity(self) -> str:
        where = urlsplit(self._options.url)
        plain = f"tryton+{where.scheme}://{where.netloc}{where.path}"
        return plain if self._options.prefix == "orgsync" else f"{plain}#{self._options.prefix}"

    def read(self, scope: Scope) -> Snapshot:
        return self.begin()(scope)

    def begin(self) -> Callable[[Scope], Snapshot]:
        """Nothing that is asked for hangs on the scope."""
        world = fetch(self.server, self._marks)
        return lambda scope: self._made_of(world, scope)

    def _made_of(self, world: World, scope: Scope) -> Snapshot:
        self._named.remember({role.id: role.groups for role in world.roles.values()})
        self._seen = index(world, scope.bound)
        options = self._options
        return snapshot(self._seen, scope, models=options.models, zone=options.zone, acting=self._username.lower())

    def effects(self, changes: Sequence[Change], live: Snapshot) -> Sequence[Effect]:  # noqa: ARG002  (see _seen)
        """``live`` has no place for what is not ours; what was read for it has."""
        return effects_of(self._seen, changes) if self._seen is not None else ()

    def doctor(self) -> Sequence[Finding]:
        return examine(self.server, self._options)

    def apply(self, batch: Batch, ids: Mapping[Address, RemoteId]) -> Sequence[Outcome]:
        """Raises ReadOnly and AdapterError; a call without an answer is settled by reading."""
        try:
            return self._carry_out(batch, Ids(ids))
        except UnknownOutcome as problem:
            return self._settled(batch.steps, str(problem))

    def _carry_out(self, batch: Batch, ids: Ids) -> Sequence[Outcome]:
        if batch.kind in {Kind.MEMBERSHIP, Kind.GRANT}:
            return self._people.assign(batch.steps, ids)
        way = self._ways().get((batch.kind, batch.action))
        if way is None:
            return [outcome(step, refused=f"Tryton knows no {batch.action} of a {batch.kind}") for step in batch.steps]
        return divided(alone(batch.steps), lambda groups: way(groups, ids))

    def _ways(self) -> Mapping[tuple[Kind, Action], _Way]:
        named, companies, people = self._named, self._companies, self._people
        return {
            (Kind.BUSINESS_UNIT, Action.CREATE): companies.create,
            (Kind.BUSINESS_UNIT, Action.UPDATE): companies.update,
            (Kind.BUSINESS_UNIT, Action.DELETE): companies.delete,
            (Kind.ROLE, Action.CREATE): named.create_roles,
            (Kind.ROLE, Action.UPDATE): named.update_roles,
            (Kind.ROLE, Action.DELETE): named.delete,
            (Kind.UNIT, Action.CREATE): named.create_units,
            (Kind.UNIT, Action.UPDATE): lambda groups, ids: named.update_units(groups, ids, people),
            (Kind.UNIT, Action.DELETE): named.delete,
            (Kind.USER, Action.CREATE): people.create,
            (Kind.USER, Action.UPDATE): people.update,
        }

    def _settled(self, steps: Sequence[Step], problem: str) -> list[Outcome]:
        """Done where Tryton is as the step wanted it; else nobody knows, since a slow server may still be at it."""
        try:
            live = self.read(Scope(logins=_logins(steps)))
        except AdapterError as error:
            return [_unknown(step, f"{problem}; {error}") for step in steps]
        return [_judged(step, live, problem) for step in steps]


def _logins(steps: Sequence[Step]) -> frozenset[str]:
    position = {Kind.USER: 0, Kind.MEMBERSHIP: 1, Kind.GRANT: 1}
    kinds = ((step, kind_of(step.address)) for step in steps)
    return frozenset(parts_of(step.address)[position[kind]].lower() for step, kind in kinds if kind in position)


def _judged(step: Step, live: Snapshot, problem: str) -> Outcome:
    key = step.after.get(KEY)
    address = f"{kind_of(step.address)}/{key}" if key is not None else step.address
    current = live.resources.get(address)
    if step.action is Action.DELETE:
        done = current is None
    else:
        wanted = {name: value for name, value in step.after.items() if name != KEY}
        done = current is not None and all(same(current.get(name), value) for name, value in wanted.items())
    if not done:
        return _unknown(step, problem)
    return Outcome(
        id=step.id,
        address=step.address,
        action=step.action,
        status=Status.APPLIED,
        remote_id=live.ids.get(address),
        detail=f"found by reading: {problem}",
    )


def _unknown(step: Step, why: str) -> Outcome:
    return Outcome(id=step.id, address=step.address, action=step.action, status=Status.UNKNOWN, detail=why)


@contextmanager
def opened(options: Options, credentials: Mapping[str, str], *, writable: bool, **more: Any) -> Iterator[TrytonAdapter]:
    """Raises AdapterError for an address that is none. ``more``: as for ``Server``."""
    username, password = credentials.get("username", ""), credentials.get("password", "")
    settings = {"page": options.page_size, "writable": writable, **more}
    with Server(options.url, username=username, password=password, **settings) as server:
        yield TrytonAdapter(server, options, username)
