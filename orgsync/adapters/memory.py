"""A strict CRM in plain Python, for unit tests and exhaustive runs: it refuses what the strictest real one refuses.

In: resources to begin with, then steps. Out: snapshots and outcomes; ``crm.calls`` has every call. Never: writes
anything for a step that it refuses; puts steps into a better order; forgives.

Rules: what is referred to exists; nothing that is referred to is deleted; names are unique per kind; no rings; a unit
has a business unit; people are deactivated, never deleted, and whoever is deactivated is given nothing new.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from threading import Lock
from types import MappingProxyType
from typing import TypeVar

from orgsync.adapter import Capabilities, Changed, Foreign, KindCapabilities, Scope, Snapshot
from orgsync.adapters.canonical import COLLECTIONS, FOREIGN, LINKS, canonical, complete, is_foreign, keys, lower, merged
from orgsync.adapters.rules import FULL, Refusal, check_size, check_step, everything, outcome
from orgsync.change import Action, Batch, Change, Effect, Outcome, Step
from orgsync.errors import ReadOnly
from orgsync.resources import (
    KEY,
    Address,
    Fields,
    Json,
    Kind,
    RemoteId,
    Shape,
    ends_of,
    key_of,
    kind_of,
    parts_of,
)

__all__ = ["FLAT", "FULL", "ROLES_BY_NAME", "MemoryAdapter", "MemoryCrm"]

T = TypeVar("T")
Resources = dict[Address, dict[str, Json]]
_UNNAMED = frozenset({Kind.USER, Kind.MEMBERSHIP, Kind.GRANT})


def _without(kind: Kind, *fields: str) -> KindCapabilities:
    return replace(everything(kind), fields=everything(kind).fields - set(fields))


FLAT = Capabilities(
    kinds=MappingProxyType(
        {
            Kind.BUSINESS_UNIT: _without(Kind.BUSINESS_UNIT, "parent"),
            Kind.ROLE: _without(Kind.ROLE, "includes", "functions", "conflictsWith", "privileged", "holders"),
            Kind.UNIT: _without(Kind.UNIT, "parent", "roles", "owner", "review", "workflows"),
            Kind.USER: everything(Kind.USER),
            Kind.MEMBERSHIP: _without(Kind.MEMBERSHIP, "until", "reason"),
            Kind.GRANT: everything(Kind.GRANT),
        }
    ),
    scopes=frozenset({"own", "unit", "organization"}),
    privilege_actions=frozenset({"create", "read", "update", "delete"}),
    manages_roles=True,
    expiry="grant",
    attribution="none",
)
"""A small CRM: no hierarchy, no functions, no inclusion, roles granted per person, three scopes, four actions."""

ROLES_BY_NAME = Capabilities(
    kinds=MappingProxyType(
        {
            Kind.ROLE: KindCapabilities(fields=frozenset({"name"}), unique=frozenset({"name"})),
            Kind.UNIT: _without(Kind.UNIT, "businessUnit", "roles", "type", "owner", "review", "workflows"),
            Kind.USER: KindCapabilities(fields=frozenset({"name", "active"})),
            Kind.MEMBERSHIP: KindCapabilities(actions=frozenset({Action.CREATE, Action.DELETE}), max_batch=100),
            Kind.GRANT: KindCapabilities(actions=frozenset({Action.CREATE, Action.DELETE}), max_batch=100),
        }
    ),
    hierarchy="forest",
)
"""A CRM whose roles and users are made elsewhere: they are found by name and only referred to."""


class MemoryCrm:
    """The CRM's side: what it holds, its rules, and every call that was made.

    resources      address -> fields, taken as they are (a test may begin with what no rule would let in)
    foreign        things without our key; they hold their names, and fields may refer to ``foreign:<id>``
    refuse         step ids (an ordinary step's id is its address) that are refused as long as they stand here
    refuse_once    the same, forgotten after the first refusal
    max_batch      steps per call, for every kind; None: as ``capabilities`` say
    seats          how many active users the licence allows
    drops_grants_on_move   a unit that moves to another business unit loses its members' grants
    """

    def __init__(
        self,
        resources: Mapping[Address, Fields] = MappingProxyType({}),
        *,
        foreign: Sequence[Foreign] = (),
        capabilities: Capabilities = FULL,
        refuse: frozenset[str] = frozenset(),
        refuse_once: frozenset[str] = frozenset(),
        max_batch: int | None = None,
        seats: int | None = None,
        drops_grants_on_move: bool = False,
        identity: str = "memory",
        clock: Callable[[], datetime] | None = None,
    ) -> None:
        self.capabilities = capabilities if max_batch is None else _limited(capabilities, max_batch)
        self.refuse, self.refuse_once, self.seats = refuse, refuse_once, seats
        self.drops_grants_on_move, self.identity, self.clock = drops_grants_on_move, identity, clock
        self.calls: list[Scope | Batch] = []
        self._lock = Lock()
        self.resources: Resources = {
            lower(address): complete(kind_of(address), fields) for address, fields in resources.items()
        }
        self.ids: dict[Address, RemoteId] = {a: str(number) for number, a in enumerate(self.resources, 1)}
        self.changed: dict[Address, Changed] = {}
        for thing in foreign:
            self._take_in(thing)
        self._last_id = len(self.ids)
        self._index: _Index | None = None

    def _take_in(self, thing: Foreign) -> None:
        address = f"{thing.kind}/{FOREIGN}{thing.id}"
        self.resources.setdefault(address, complete(thing.kind, {"name": thing.name}))
        self.ids[address] = thing.id
        if thing.changed is not None:
            self.changed[address] = thing.changed

    def adapter(self, *, actor: str = "orgsync", writable: bool = True) -> "MemoryAdapter":
        return MemoryAdapter(self, actor=actor, writable=writable)

    def copy(self) -> "MemoryCrm":
        """Another CRM that holds the same; its calls begin anew."""
        twin = MemoryCrm.__new__(MemoryCrm)
        twin.__dict__.update(self.__dict__)
        twin.resources, twin.ids, twin.changed = dict(self.resources), dict(self.ids), dict(self.changed)
        twin.calls, twin._index, twin._lock = [], None, Lock()  # noqa: SLF001  (its own twin)
        return twin

    @property
    def used_seats(self) -> int:
        prefix = f"{Kind.USER}/"
        return sum(fields["active"] is not False for a, fields in self.resources.items() if a.startswith(prefix))

    def snapshot(self, scope: Scope) -> Snapshot:
        resources, ids, changed = dict(self.resources), dict(self.ids), dict(self.changed)
        foreign: list[Foreign] = []
        if any(map(is_foreign, resources)):
            bound = self._bound(scope.bound)
            foreign = _foreign(resources, ids, changed, bound)
            resources = _ours(resources, bound)
            ids, changed = _addressed(ids, resources, bound), _addressed(changed, resources, bound)
        if scope.logins is not None:
            resources = _of_interest(resources, scope.logins)
        return Snapshot(
            resources=resources if self.capabilities is FULL else _stored(resources, self.capabilities),
            ids=ids,
            changed=changed,
            foreign=sorted(foreign, key=lambda thing: (thing.kind, thing.name)),
            seats=(self.used_seats, self.seats) if self.seats is not None else None,
        )

    def _bound(self, bound: Mapping[Address, str]) -> dict[Address, Address]:
        """Foreign role -> the address that it stands in for."""
        by_name = {self.resources[a]["name"]: a for a in self.resources if is_foreign(a) and kind_of(a) is Kind.ROLE}
        return {
            by_name[name]: address
            for address, name in bound.items()
            if name in by_name and address not in self.resources
        }

    def carry_out(self, batch: Batch, ids: Mapping[Address, RemoteId], actor: str) -> list[Outcome]:
        try:
            check_size(batch, self.capabilities)
        except Refusal as refusal:
            return [outcome(step, refused=str(refusal)) for step in batch.steps]
        with self._lock:
            return [self._step(step, batch, ids, actor) for step in batch.steps]

    def _step(self, step: Step, batch: Batch, ids: Mapping[Address, RemoteId], actor: str) -> Outcome:
        try:
            check_step(step, batch, self.capabilities)
            self._refuse_on_request(step.id)
            remote_id = self._write(step, ids, actor)
        except Refusal as refusal:
            return outcome(step, refused=str(refusal))
        return outcome(step, remote_id=remote_id)

    def _refuse_on_request(self, id_: str) -> None:
        if id_ in self.refuse or id_ in self.refuse_once:
            self.refuse_once -= {id_}
            raise Refusal("the administrator does not allow this")

    def _write(self, step: Step, ids: Mapping[Address, RemoteId], actor: str) -> RemoteId | None:
        kind = kind_of(step.address)
        if self._index is None:
            self._index = _Index(self.resources, self.ids)
        match step.action:
            case Action.CREATE:
                at = self._create(step, kind, ids)
            case Action.UPDATE:
                at = self._update(step, kind, ids)
            case Action.DELETE:
                self._delete(step, ids)
                return None
        if self.clock is not None:
            self.changed[at] = Changed(by=actor, at=self.clock())
        return self.ids[at]

    def _create(self, step: Step, kind: Kind, ids: Mapping[Address, RemoteId]) -> Address:
        at = lower(self._translated_edge(step.address, ids))
        if at in self.resources:
            raise Refusal(f"{step.address} exists already")
        fields = complete(kind, self._translated(kind, step.after, ids))
        self._check(at, kind, fields, None)
        self._last_id += 1
        self.ids[at] = str(self._last_id)
        self._put(at, fields, None)
        return at

    def _update(self, step: Step, kind: Kind, ids: Mapping[Address, RemoteId]) -> Address:
        at = self._find(step, ids)
        old = self.resources[at]
        after, before = self._translated(kind, step.after, ids), self._translated(kind, step.before, ids)
        fields = dict(old)
        for name, value in after.items():
            if name in COLLECTIONS[kind]:
                fields[name] = merged(
                    old[name], before.get(name, None if value else old[name]), canonical(kind, name, value)
                )
            elif name != KEY:
                fields[name] = complete(kind, {name: value})[name]
        self._check(at, kind, fields, old)
        if KEY in step.after:
            at = self._give_key(at, step.address)
        if self.drops_grants_on_move and kind is Kind.UNIT and fields["businessUnit"] != old["businessUnit"]:
            for grant in _grants_of(at, self.resources):
                self._drop(grant)
        self._put(at, fields, self.resources[at])
        return at

    def _delete(self, step: Step, ids: Mapping[Address, RemoteId]) -> None:
        at = self._find(step, ids)
        if self._known.uses[at]:
            raise Refusal(f"{step.address} is in use: {self._user_of(at)} refers to it")
        self._drop(at)

    @property
    def _known(self) -> "_Index":
        if self._index is None:
            raise AssertionError("the index is made before the first step")
        return self._index

    def _find(self, step: Step, ids: Mapping[Address, RemoteId]) -> Address:
        """Where the CRM holds the step's resource: by id, by the key that it had, by its address."""
        at: Address | None = self._known.by_id.get((kind_of(step.address), step.remote_id or ""))
        if at is None and KEY in step.before:
            at = f"{kind_of(step.address)}/{step.before[KEY]}"
        if at is None:
            at = lower(self._translated_edge(step.address, ids))
        if at not in self.resources:
            raise Refusal(f"{step.address} does not exist")
        if is_foreign(at):
            raise Refusal(f"{step.address} is not orgsync's to change")
        return at

    def _resolved(self, address: Address, ids: Mapping[Address, RemoteId]) -> Address:
        """Where the CRM holds what is referred to: under its address, else under the id that it is known by."""
        if address in self.resources or address not in ids:
            return address
        return self._known.by_id.get((kind_of(address), ids[address]), address)

    def _translated_edge(self, address: Address, ids: Mapping[Address, RemoteId]) -> Address:
        kind, _, rest = address.partition("/")
        if kind not in _EDGES:
            return address
        unit, user, *roles = rest.split("/")
        unit = key_of(self._resolved(f"{Kind.UNIT}/{unit}", ids))
        roles = [key_of(self._resolved(f"{Kind.ROLE}/{role}", ids)) for role in roles]
        return "/".join((kind, unit, user, *roles))

    def _translated(self, kind: Kind, fields: Fields, ids: Mapping[Address, RemoteId]) -> Fields:
        """Fields whose references are the CRM's own."""
        links = [link for link in LINKS[kind] if fields.get(link[0])]
        if not links:
            return fields
        result = dict(fields)
        for name, prefix, shape in links:
            value = fields[name]
            own = {key: key_of(self._resolved(prefix + key, ids)) for key in keys(value)}
            if shape is Shape.REF:
                result[name] = own[str(value)]
            elif isinstance(value, dict):
                result[name] = {own[key]: item for key, item in value.items()}
            else:
                result[name] = [*sorted(own.values())]
        return result

    def _check(self, at: Address, kind: Kind, fields: Fields, old: Fields | None) -> None:
        for reference in _references(at, kind, fields):
            if reference not in self.resources:
                raise Refusal(f"{at} cannot refer to {reference}, which does not exist")
        name = fields.get("name")
        if name is not None and kind not in _UNNAMED and self._known.names.get((kind, str(name)), at) != at:
            raise Refusal(f'another {kind} is named "{name}"')
        if kind is Kind.UNIT and fields["businessUnit"] is None and "businessUnit" in self.capabilities.of(kind).fields:
            raise Refusal("a unit needs a business unit")
        if old is None and kind in _EDGES:
            self._check_holder(at)
        if kind is Kind.USER:
            self._check_seat(fields, old)
        if old is not None and self._reaches(at, kind, fields):
            raise Refusal(f"{at} would be above itself")

    def _check_holder(self, at: Address) -> None:
        user = f"{Kind.USER}/{parts_of(at)[1]}"
        if self.resources[user]["active"] is False:
            raise Refusal(f"{key_of(user)} is deactivated and can be given nothing")

    def _check_seat(self, fields: Fields, old: Fields | None) -> None:
        begins = fields["active"] is not False and (old is None or old["active"] is False)
        if begins and self.seats is not None and self.used_seats >= self.seats:
            raise Refusal("no licence left")

    def _reaches(self, at: Address, kind: Kind, fields: Fields) -> bool:
        """True if something above ``at`` (through parents or inclusion) is ``at``."""
        waiting, seen = list(_same_kind(kind, fields)), {""}
        while waiting:
            current = waiting.pop()
            if current == at:
                return True
            if current not in seen:
                seen.add(current)
                waiting.extend(_same_kind(kind, self.resources[current]))
        return False

    def _put(self, at: Address, fields: dict[str, Json], old: Fields | None) -> None:
        self.resources[at] = fields
        self._known.replace(at, old, fields, self.ids[at])

    def _drop(self, at: Address) -> None:
        self._known.replace(at, self.resources.pop(at), None, self.ids.pop(at))
        self.changed.pop(at, None)

    def _give_key(self, old: Address, new: Address) -> Address:
        """Everything that refers to the resource by its key follows, as it does where a CRM links records by id."""
        if new != old:
            if new in self.resources:
                raise Refusal(f"the key of {new} is taken")
            self.resources = {_renamed(a, old, new): _referring(a, f, old, new) for a, f in self.resources.items()}
            self.ids = {_renamed(a, old, new): id_ for a, id_ in self.ids.items()}
            self.changed = {_renamed(a, old, new): one for a, one in self.changed.items()}
            self._index = _Index(self.resources, self.ids)
        return new

    def _user_of(self, at: Address) -> Address:
        return next(a for a, fields in self.resources.items() if at in _references(a, kind_of(a), fields))


class MemoryAdapter:
    """The protocol's side: speaks to one CRM as one actor."""

    def __init__(self, crm: MemoryCrm, *, actor: str, writable: bool) -> None:
        self._crm, self._actor, self._writable = crm, actor, writable

    @property
    def capabilities(self) -> Capabilities:
        return self._crm.capabilities

    @property
    def identity(self) -> str:
        return self._crm.identity

    def read(self, scope: Scope) -> Snapshot:
        self._crm.calls.append(scope)
        return self._crm.snapshot(scope)

    def apply(self, batch: Batch, ids: Mapping[Address, RemoteId]) -> Sequence[Outcome]:
        if not self._writable:
            raise ReadOnly(f"{self.identity} was opened for reading only")
        self._crm.calls.append(batch)
        return self._crm.carry_out(batch, ids, self._actor)

    def effects(self, changes: Sequence[Change], live: Snapshot) -> Sequence[Effect]:
        if not self._crm.drops_grants_on_move:
            return ()
        moves = [change for change in changes if _moves(change, live)]
        coming = [change.address for change in changes if change.action is Action.CREATE]
        return [
            Effect(
                cause=change.id,
                summary=f"moving {key_of(change.address)} to another business unit drops its members' grants",
                drops=tuple(drops),
            )
            for change in moves
            if (drops := _grants_of(change.address, [*live.resources, *coming]))
        ]


_EDGES = frozenset({Kind.MEMBERSHIP, Kind.GRANT})


class _Index:
    """How often each address is referred to, who has which name, and what is where by id."""

    def __init__(self, resources: Mapping[Address, Fields], ids: Mapping[Address, RemoteId]) -> None:
        self.uses: Counter[Address] = Counter()
        self.names: dict[tuple[Kind, str], Address] = {}
        self.by_id: dict[tuple[Kind, str], Address] = {}
        for at, fields in resources.items():
            self.replace(at, None, fields, ids[at])

    def replace(self, at: Address, old: Fields | None, new: Fields | None, id_: RemoteId) -> None:
        kind = kind_of(at)
        if old is not None:
            self.uses.subtract(_references(at, kind, old))
            self.names.pop((kind, str(old.get("name"))), None)
            self.by_id.pop((kind, id_), None)
        if new is not None:
            self.uses.update(_references(at, kind, new))
            self.by_id[kind, id_] = at
            if kind not in _UNNAMED and new.get("name") is not None:
                self.names[kind, str(new["name"])] = at


def _limited(capabilities: Capabilities, max_batch: int) -> Capabilities:
    kinds = {kind: replace(can, max_batch=max_batch) for kind, can in capabilities.kinds.items()}
    return replace(capabilities, kinds=kinds)


def _references(at: Address, kind: Kind, fields: Fields) -> list[Address]:
    found = ends_of(at) if kind in _EDGES else []
    for name, prefix, _ in LINKS[kind]:
        if value := fields[name]:
            found += [prefix + key for key in keys(value)]
    return found


_UPWARD = {Kind.BUSINESS_UNIT: "parent", Kind.UNIT: "parent", Kind.ROLE: "includes"}


def _same_kind(kind: Kind, fields: Fields) -> Iterator[Address]:
    return (f"{kind}/{key}" for key in keys(fields.get(_UPWARD.get(kind, ""))))


def _grants_of(unit: Address, resources: Iterable[Address]) -> list[Address]:
    prefix = f"{Kind.GRANT}/{key_of(unit)}/"
    return [address for address in resources if address.startswith(prefix)]


def _moves(change: Change, live: Snapshot) -> bool:
    if change.kind is not Kind.UNIT or change.action is not Action.UPDATE or change.after is None:
        return False
    current = live.resources.get(change.address, {}).get("businessUnit")
    return change.after.get("businessUnit", current) != current


def _foreign(
    resources: Mapping[Address, Fields],
    ids: Mapping[Address, RemoteId],
    changed: Mapping[Address, Changed],
    bound: Mapping[Address, Address],
) -> list[Foreign]:
    return [
        Foreign(kind=kind_of(at), id=ids[at], name=str(fields.get("name") or ""), changed=changed.get(at))
        for at, fields in resources.items()
        if is_foreign(at) and kind_of(at) not in _EDGES and at not in bound
    ]


def _ours(resources: Mapping[Address, Fields], bound: Mapping[Address, Address]) -> Resources:
    """Without foreign things, without edges that hang on one, without links to one."""
    found = {_addressed_as(at, bound): _own_fields(kind_of(at), fields, bound) for at, fields in resources.items()}
    return {at: fields for at, fields in found.items() if f"/{FOREIGN}" not in at}


def _addressed_as(at: Address, bound: Mapping[Address, Address]) -> Address:
    if bound and at.startswith(f"{Kind.GRANT}/"):
        unit, user, role = parts_of(at)
        role = key_of(bound.get(f"{Kind.ROLE}/{role}", f"{Kind.ROLE}/{role}"))
        return f"{Kind.GRANT}/{unit}/{user}/{role}"
    return bound.get(at, at)


def _own_fields(kind: Kind, fields: Fields, bound: Mapping[Address, Address]) -> dict[str, Json]:
    own = dict(fields)
    for name, prefix, shape in LINKS[kind]:
        value = fields[name]
        named = {key: key_of(bound.get(prefix + key, prefix + key)) for key in keys(value)}
        if isinstance(value, dict):
            own[name] = {named[key]: item for key, item in value.items() if not named[key].startswith(FOREIGN)}
        elif shape is Shape.REFS:
            own[name] = [*sorted(key for key in named.values() if not key.startswith(FOREIGN))]
    return own


def _addressed(
    values: Mapping[Address, T], resources: Mapping[Address, Fields], bound: Mapping[Address, Address]
) -> dict[Address, T]:
    named = {_addressed_as(at, bound): value for at, value in values.items()}
    return {at: value for at, value in named.items() if at in resources}


def _of_interest(
    resources: Mapping[Address, dict[str, Json]], logins: frozenset[str]
) -> dict[Address, dict[str, Json]]:
    prefix = f"{Kind.USER}/"
    return {at: f for at, f in resources.items() if not at.startswith(prefix) or key_of(at) in logins}


def _stored(resources: Resources, capabilities: Capabilities) -> Resources:
    fields = {kind: capabilities.of(kind).fields for kind in Kind}
    return {
        at: {name: value for name, value in stored.items() if name in fields[kind_of(at)]}
        for at, stored in resources.items()
    }


def _renamed(at: Address, old: Address, new: Address) -> Address:
    if at == old:
        return new
    kind = kind_of(at)
    if kind not in _EDGES:
        return at
    parts = parts_of(at)
    place = 0 if kind_of(old) is Kind.UNIT else 2 if kind_of(old) is Kind.ROLE else len(parts)
    if place < len(parts) and parts[place] == key_of(old):
        parts[place] = key_of(new)
    return "/".join((kind, *parts))


def _referring(at: Address, fields: dict[str, Json], old: Address, new: Address) -> dict[str, Json]:
    result = fields
    for name, prefix, shape in LINKS[kind_of(at)]:
        value = fields[name]
        if key_of(old) in keys(value) and prefix + key_of(old) == old:
            named = {key: key_of(new) if key == key_of(old) else key for key in keys(value)}
            if isinstance(value, dict):
                result = {**result, name: {named[key]: item for key, item in value.items()}}
            else:
                result = {**result, name: key_of(new) if shape is Shape.REF else [*sorted(named.values())]}
    return result
