"""A batch as jobs: which writes carry out which steps.

In: a batch and the remote ids. Out: jobs, as few operations as possible, and refusals of what cannot be addressed.
Never: sends anything; touches an attribute that no step names.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from orgsync.adapters.canonical import FOREIGN, keys
from orgsync.adapters.scim import convert
from orgsync.adapters.scim.api import path_of
from orgsync.adapters.scim.bulk import MADE, Job, Operation
from orgsync.adapters.scim.convert import Body
from orgsync.adapters.scim.options import Options, Roles
from orgsync.adapters.scim.reading import NESTING
from orgsync.adapters.scim.values import ENTERPRISE
from orgsync.adapters.scim.vendors import Deviations
from orgsync.change import Action, Batch, Step
from orgsync.resources import KEY, Address, Fields, Json, Kind, RemoteId, key_of, kind_of, parts_of


class Unaddressable(Exception):
    """In one sentence: what the provider has no id for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Desk:
    """What writing needs to know.

    versions   remote id -> what If-Match takes
    words      role -> its word
    homes      the business unit that users state -> their ids
    """

    options: Options
    known: Deviations
    ids: Mapping[Address, RemoteId]
    versions: Mapping[RemoteId, str] = field(default_factory=dict)
    words: Mapping[Address, str] = field(default_factory=dict)
    homes: Mapping[str, Sequence[RemoteId]] = field(default_factory=dict)

    def id(self, address: Address) -> RemoteId:
        if found := self.ids.get(address):
            return found
        raise Unaddressable(f"the provider has no id for {address}")


def jobs(batch: Batch, desk: Desk, *, folded: bool = True) -> tuple[list[Job], dict[str, str]]:
    """(jobs, step id -> why it cannot even be tried). ``folded``: steps that one request can carry out share it."""
    refused: dict[str, str] = {}
    if batch.kind in {Kind.MEMBERSHIP, Kind.GRANT}:
        return _edges(batch, desk, refused, folded=folded), refused
    single = _user if batch.kind is Kind.USER else _group
    found: list[Job] = []
    for number, step in enumerate(batch.steps):
        try:
            found.append(Job(steps=(step,), operations=tuple(single(step, desk, f"{number}"))))
        except Unaddressable as problem:
            refused[step.id] = str(problem)
    return _unconditional(found), refused


def _edges(batch: Batch, desk: Desk, refused: dict[str, str], *, folded: bool) -> list[Job]:
    """One request per group (or per user, where roles are words), however many join or leave."""
    by_place = defaultdict[tuple[str, int], list[tuple[Step, str]]](list)
    for number, step in enumerate(batch.steps):
        try:
            path, value = _edge(step, desk)
            by_place[path, 0 if folded else number].append((step, value))
        except Unaddressable as problem:
            refused[step.id] = str(problem)
    return [
        Job(steps=tuple(step for step, _ in some), operations=(_patch(path, _changes(batch, values, desk), desk),))
        for (path, _), together in by_place.items()
        for some in _chunks(together, desk.known.members_per_patch)
        for values in [[value for _, value in some]]
    ]


def _edge(step: Step, desk: Desk) -> tuple[str, str]:
    """(the resource to patch, the value to add or remove)."""
    first, login, *role = parts_of(step.address)
    removed = step.remote_id if step.action is Action.DELETE else None
    user = removed or desk.id(f"{Kind.USER}/{login}")
    if not role:
        return path_of("Groups", desk.id(f"{Kind.UNIT}/{first}")), user
    address = f"{Kind.ROLE}/{role[0]}"
    if desk.options.roles is Roles.WORDS:
        return path_of("Users", user), desk.words.get(address, role[0])
    return path_of("Groups", desk.id(address)), user


def _changes(batch: Batch, values: Sequence[str], desk: Desk) -> list[Body]:
    adds = batch.action is Action.CREATE
    if batch.kind is Kind.GRANT and desk.options.roles is Roles.WORDS:
        return (convert.words_added if adds else convert.words_removed)(values, desk.options)
    return convert.joining(values, desk.known) if adds else convert.leaving(values, desk.known)


def _chunks(values: Sequence[tuple[Step, str]], size: int) -> Iterable[Sequence[tuple[Step, str]]]:
    size = size or len(values)
    return (values[start : start + size] for start in range(0, len(values), size))


def _patch(path: str, operations: Sequence[Body], desk: Desk, version: str = "") -> Operation:
    return Operation(method="PATCH", path=path, body=convert.patch(operations, desk.known), version=version)


def _user(step: Step, desk: Desk, number: str) -> Iterable[Operation]:
    if step.action is Action.CREATE:
        home = {path: value for path, value in _home(step.after, desk).items() if value is not None}
        body = convert.new_user(key_of(step.address), step.after, home, desk.options, desk.known)
        return [Operation(method="POST", path="Users", body=body, bulk_id=number)]
    values: dict[str, Json] = {}
    if "name" in step.after:
        values["displayName"] = step.after["name"]
    if "active" in step.after:
        values["active"] = convert.boolean(step.after["active"] is not False, desk.known)
    values |= {f"{ENTERPRISE}:{name}": value for name, value in _home(step.after, desk).items()}
    return [_own(path_of("Users", _id(step, desk)), convert.replaced(values, desk.known), step, desk)]


def _home(fields: Fields, desk: Desk) -> dict[str, Any]:
    """Of the enterprise extension: only what is stated."""
    found: dict[str, Any] = {}
    attribute = desk.options.business_unit_attribute
    if attribute and "businessUnit" in fields:
        found[attribute] = fields["businessUnit"]
    if desk.options.managers and "manager" in fields:
        manager = fields["manager"]
        found["manager"] = _manager(desk.id(f"{Kind.USER}/{manager}")) if manager else None
    return found


def _manager(id_: RemoteId) -> Body:
    """RFC 7643, 8.7.1: the reference is required, and may be relative."""
    return {"value": id_, "$ref": f"../{path_of('Users', id_)}"}


def _group(step: Step, desk: Desk, number: str) -> Iterable[Operation]:
    if step.action is Action.CREATE:
        body = convert.new_group(step.address, step.after, desk.options)
        yield Operation(method="POST", path="Groups", body=body, bulk_id=number)
        yield from _nestings(step, MADE + number, desk)
        return
    id_ = _id(step, desk)
    if step.action is Action.DELETE:
        yield from _nestings(step, id_, desk)
        yield Operation(method="DELETE", path=path_of("Groups", id_), version=desk.versions.get(id_, ""))
        return
    values: dict[str, Json] = (
        {"displayName": step.after["name"] or key_of(step.address)} if "name" in step.after else {}
    )
    if KEY in step.after:
        values["externalId"] = desk.options.key_prefix + step.address
    if values:
        yield _own(path_of("Groups", id_), convert.replaced(values, desk.known), step, desk)
    yield from _nestings(step, id_, desk)
    if KEY in step.after and kind_of(step.address) is Kind.BUSINESS_UNIT:
        yield from _moved_homes(step, desk)


def _moved_homes(step: Step, desk: Desk) -> Iterable[Operation]:
    """Users state their business unit by its key, so a new key is written at each of them."""
    attribute = desk.options.business_unit_attribute
    for user in desk.homes.get(str(step.before.get(KEY)), ()) if attribute is not None else ():
        values: dict[str, Json] = {f"{ENTERPRISE}:{attribute}": key_of(step.address)}
        yield _patch(path_of("Users", user), convert.replaced(values, desk.known), desk)


def _own(path: str, operations: Sequence[Body], step: Step, desk: Desk) -> Operation:
    return _patch(path, operations, desk, version=desk.versions.get(_id(step, desk), ""))


def _id(step: Step, desk: Desk) -> RemoteId:
    return step.remote_id or desk.id(step.address)


def _nestings(step: Step, id_: str, desk: Desk) -> Iterable[Operation]:
    """Out of the groups that it leaves, then into the new ones: for a moment it has less, never more."""
    before = _containers(step.before, kind_of(step.address), step, desk)
    after = _containers(step.after, kind_of(step.address), step, desk)
    for container in (one for one in before if one not in after):
        yield _patch(path_of("Groups", container), convert.leaving([id_], desk.known), desk)
    for container in (one for one in after if one not in before):
        yield _patch(path_of("Groups", container), convert.joining([id_], desk.known, groups=True), desk)


def _containers(fields: Fields, kind: Kind, step: Step, desk: Desk) -> list[RemoteId]:
    """Remote ids of the groups that these fields put it into. What is gone by now needs no leaving."""
    found: list[RemoteId] = []
    for (one, container), name in NESTING.items():
        if one is not kind:
            continue
        for key in keys(fields.get(name)):
            if key.startswith(FOREIGN):
                found += key.removeprefix(FOREIGN).split(",")
            elif fields is step.before and f"{container}/{key}" not in desk.ids:
                continue
            else:
                found.append(desk.id(f"{container}/{key}"))
    return found


def _unconditional(found: list[Job]) -> list[Job]:
    """A resource that the same batch touches more than once has another version by then."""
    times = defaultdict[str, int](int)
    for job in found:
        for operation in job.operations:
            times[operation.path] += 1
    return [
        Job(
            steps=job.steps,
            operations=tuple(_without_version(one) if times[one.path] > 1 else one for one in job.operations),
        )
        for job in found
    ]


def _without_version(operation: Operation) -> Operation:
    return Operation(method=operation.method, path=operation.path, body=operation.body, bulk_id=operation.bulk_id)
