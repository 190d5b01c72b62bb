"""Turn documents into the desired organization, and check everything that one document alone cannot show.

In: validated documents, the repository (for positions), today's date. Out: an Organization and findings. Never:
reads a clock or a file; stops at the first fault; reports a reference to a document that has a fault of its own, or
misses what may stand in a file that could not be read.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from graphlib import CycleError, TopologicalSorter
from itertools import chain
from typing import Any, cast

from orgsync.finding import Finding, Severity, suggestion
from orgsync.homes import Later, Members, first_of, holdings_of, primary_of
from orgsync.load import Assignments, Checked, Document, Repository, Stated
from orgsync.load.columns import ABSENT
from orgsync.resources import FIELDS, NO_FIELDS, Address, Fields, Json, Kind, Organization, Place, Shape, key_of

KIND_OF = {"BusinessUnit": Kind.BUSINESS_UNIT, "Unit": Kind.UNIT, "Function": Kind.FUNCTION, "Role": Kind.ROLE}
_EMPTY: Mapping[Shape, Json] = {Shape.REFS: [], Shape.REF_MAP: {}, Shape.MAP: {}, Shape.FLAG: False}
_EMPTY_LISTS = {"workflows", "conflictsWith"}
_NO_TEXT = {ABSENT, None}
_MAX_RINGS = 20
_NUMBERED = 100
"""Units whose assignments are numbered at a time: places are asked unit by unit, and numbers of all take as much memory
as their addresses."""
_MAX_SUGGESTIONS = 200
_MAX_COMPARED = 50_000


@dataclass(frozen=True, slots=True)
class _Sources:
    """Where a resource is stated, found when somebody asks: a place for each would cost more than the resources."""

    documents: Sequence[Document]
    documented: Mapping[Address, int]
    first: Mapping[str, str]
    _numbers: dict[int, dict[str, int]] = field(default_factory=dict)

    def get(self, address: Address, /) -> Place | None:
        if (index := self.documented.get(address)) is not None:
            return index, ()
        kind, *parts = address.split("/")
        if kind == Kind.USER:
            unit = self.first.get(parts[0])
            place = None if unit is None else self.get(f"{Kind.MEMBERSHIP}/{unit}/{parts[0]}")
            return None if place is None else (place[0], (*place[1], "user"))
        return self._edge(*parts) if kind in {Kind.MEMBERSHIP, Kind.GRANT} else None

    def __getitem__(self, address: Address) -> Place:
        if (place := self.get(address)) is None:
            raise KeyError(address)
        return place

    def _edge(self, unit: str, user: str, role: str | None = None) -> Place | None:
        index = self.documented.get(f"{Kind.UNIT}/{unit}")
        if index is None or (number := self._numbered(index).get(user)) is None:
            return None
        if role is None:
            return index, ("assignments", number)
        roles = self.assignments(index)[number].get("roles") or []
        return (index, ("assignments", number, "roles", roles.index(role))) if role in roles else None

    def _numbered(self, index: int) -> Mapping[str, int]:
        """Login -> its first assignment in this document."""
        if index not in self._numbers:
            if len(self._numbers) >= _NUMBERED:
                self._numbers.clear()
            stated = self.assignments(index)
            users = stated.user if isinstance(stated, Assignments) else [one["user"] for one in stated]
            numbered = zip(map(str.lower, reversed(users)), range(len(users) - 1, -1, -1), strict=True)
            self._numbers[index] = dict(numbered)
        return self._numbers[index]

    def assignments(self, index: int) -> Sequence[Stated]:
        stated: Any = self.documents[index].value
        return stated.get("assignments") or []


@dataclass(slots=True)
class _Work:
    """``known``: keys per kind, those of faulty documents included, so that one fault makes one finding.

    ``declared``: addresses of documents, a hundred times fewer than those of all resources.
    ``seen``: all documents could be read. ``sound``: lists of roles in which there is nothing to tell.
    """

    repository: Repository
    today: str
    seen: bool
    known: Mapping[Kind, set[str]]
    resources: dict[Address, Fields] = field(default_factory=dict)
    declared: dict[Address, Fields] = field(default_factory=dict)
    documented: dict[Address, int] = field(default_factory=dict)
    managed: set[Address] = field(default_factory=set)
    previously: dict[Address, tuple[Address, ...]] = field(default_factory=dict)
    bound: dict[Address, Mapping[str, str]] = field(default_factory=dict)
    members: list[Members] = field(default_factory=list)
    sound: set[Any] = field(default_factory=lambda: {ABSENT})
    primary: dict[Address, str] = field(default_factory=dict)
    findings: list[Finding] = field(default_factory=list)
    suggested: dict[tuple[Kind, str], str] = field(default_factory=dict)
    sources: _Sources = field(init=False)

    def __post_init__(self) -> None:
        self.sources = _Sources(self.repository.documents, self.documented, Later(lambda: first_of(self.members)))

    def tell(
        self,
        code: str,
        summary: str,
        detail: str,
        remedy: str,
        place: Place,
        *,
        severity: Severity = Severity.ERROR,
        address: Address = "",
        of_key: bool = False,
    ) -> None:
        position = self.repository.position(place, of_key=of_key)
        self.findings.append(
            Finding(
                code=code,
                severity=severity,
                summary=summary,
                detail=detail,
                remedy=remedy,
                position=position,
                address=address,
            )
        )


def resolve(documents: Sequence[Checked], repository: Repository, *, today: date) -> tuple[Organization, list[Finding]]:
    """``today``: assignments that ended before it are not desired any more."""
    seen = not repository.unread
    work = _Work(repository, today.isoformat(), seen, _known(repository))
    for index, stated in documents:
        _add(work, index, stated)
    _check_names(work)
    for address in work.declared:
        _check_references(work, address)
    _check_rings(work)
    _check_previously(work)
    if not seen:
        work.findings.append(_waiting(repository.unread))
    people = dict.fromkeys(chain.from_iterable(one.users for one in work.members))
    work.resources.update(dict.fromkeys([f"{Kind.USER}/{user}" for user in people], NO_FIELDS))
    organization = Organization(
        resources=work.resources,
        managed=frozenset(work.managed),
        previously=work.previously,
        primary=Later(lambda: primary_of(work.members, work.primary)),
        bound=work.bound,
        holdings=lambda: holdings_of(work.members),
        sources=work.sources,
    )
    return organization, work.findings


def _waiting(unread: Sequence[Finding]) -> Finding:
    """Said once: what only seems to be missing would otherwise hide the one fault that matters."""
    files = [*dict.fromkeys(one.position.file for one in unread if one.position is not None)]
    others = f" and {len(files) - 1} more" if len(files) > 1 else ""
    return Finding(
        code="checks-wait",
        severity=Severity.INFO,
        summary="some checks wait until every file can be read",
        detail=f"without {files[0]}{others} nobody knows which keys and holders are missing",
        remedy="correct the errors in files first, and validate again",
        position=unread[0].position,
    )


def _known(repository: Repository) -> dict[Kind, set[str]]:
    """A document whose kind is misspelled may be of any."""
    known: dict[Kind, set[str]] = {kind: set() for kind in Kind}
    for document in repository.documents:
        kind, key = KIND_OF.get(str(document.value.get("kind"))), document.value.get("key")
        if isinstance(key, str):
            for one in (kind,) if kind is not None else KIND_OF.values():
                known[one].add(key)
    return known


def _add(work: _Work, index: int, stated: Stated) -> None:
    kind, key = KIND_OF[stated["kind"]], stated["key"]
    address = f"{kind}/{key}"
    if address in work.resources:
        first = work.repository.position((work.documented[address], ()))
        work.tell(
            "duplicate-resource",
            "a key is used twice",
            f'"{key}" is already declared at {first}',
            "give one of the two another key, or merge them",
            (index, ("key",)),
            address=address,
        )
        return
    work.documented[address] = index
    work.resources[address] = work.declared[address] = _fields(kind, stated)
    if previously := stated.get("previously"):
        work.previously[address] = tuple(_former(address, former) for former in previously)
    if bound := stated.get("bind"):
        work.bound[address] = {adapter: binding["role"] for adapter, binding in bound.items()}
    if kind is Kind.UNIT:
        _add_unit(work, index, address, stated)


def _former(address: Address, former: str) -> Address:
    return former if "/" in former else f"{address.partition('/')[0]}/{former}"


def _fields(kind: Kind, stated: Stated) -> Fields:
    """Stated fields only; an explicit null of a collection is its empty form, of a text None."""
    specs = FIELDS[kind]
    return {name: _canonical(name, specs[name].shape, value) for name, value in stated.items() if name in specs}


def _canonical(name: str, shape: Shape, value: Json) -> Json:
    if value is None or value == "":
        return list[Json]() if name in _EMPTY_LISTS else _EMPTY.get(shape)
    if shape is Shape.REFS or name == "conflictsWith":
        return [*sorted(set(cast("list[str]", value)))]
    if name == "privileges" and isinstance(value, dict):
        return {subject: _canonical_actions(actions) for subject, actions in value.items() if actions}
    return value


def _canonical_actions(actions: Json) -> Json:
    """An object without actions says nothing and is left out; the actions of a function are a set."""
    return [*sorted(set(cast("list[str]", actions)))] if isinstance(actions, list) else actions


def _add_unit(work: _Work, index: int, address: Address, stated: Stated) -> None:
    if stated.get("owner") is None:
        work.tell(
            "unit-without-owner",
            "a unit has no owner",
            stated["name"],
            "add owner: with the login of whoever answers for its reviews",
            (index, ("key",)),
            severity=Severity.WARNING,
            address=address,
        )
    if "assignments" in stated:
        work.managed.add(address)
        _add_assignments(work, index, stated["key"], stated["assignments"] or ())


def _repeated(work: _Work, place: Place, entry: str) -> None:
    work.tell("duplicate-entry", "an entry stands twice in one list", f'"{entry}"', "remove one of the two", place)


def _add_assignments(work: _Work, index: int, unit: str, assignments: Sequence[Stated]) -> None:
    if isinstance(assignments, Assignments) and _undoubted(work, assignments):
        _add_at_once(work, unit, assignments)
    else:
        _add_one_by_one(work, index, unit, assignments)


def _undoubted(work: _Work, assignments: Assignments) -> bool:
    """There is nothing to tell of any of them: nobody stands twice, nothing has ended, every role is known."""
    users, ends, new = assignments.user, {*assignments.until} - _NO_TEXT, {*assignments.roles} - work.sound
    if assignments.primary or len({*users}) < len(users) or min(ends, default=work.today) < work.today:
        return False
    known = work.known[Kind.ROLE]
    work.sound.update(roles for roles in new if known.issuperset(roles) and len({*roles}) == len(roles))
    return new <= work.sound


def _add_at_once(work: _Work, unit: str, assignments: Assignments) -> None:
    """As ``_add_one_by_one``, column by column, in a quarter of the time; most units are like this."""
    users, roles, add = assignments.user, assignments.roles, work.resources.update
    beginning = f"{Kind.MEMBERSHIP}/{unit}/"
    add(zip([beginning + user for user in users], _all_terms(assignments), strict=True))
    held, beginning = zip(users, roles, strict=True), f"{Kind.GRANT}/{unit}/"
    grants = [f"{beginning}{user}/{role}" for user, some in held if some is not ABSENT for role in some]
    add(dict.fromkeys(grants, NO_FIELDS))
    work.members.append(Members(unit, users, roles, frozenset(_unit_roles(work, unit))))


def _all_terms(assignments: Assignments) -> list[Fields]:
    """As ``_terms`` of each."""
    return [
        {"until": until, "reason": reason or None}
        if until is not ABSENT and reason is not ABSENT
        else {"reason": reason or None}
        if reason is not ABSENT
        else {"until": until}
        if until is not ABSENT
        else NO_FIELDS
        for until, reason in zip(assignments.until, assignments.reason, strict=True)
    ]


def _add_one_by_one(work: _Work, index: int, unit: str, assignments: Sequence[Stated]) -> None:
    users = [one["user"] for one in assignments]
    twice = len({*users}) < len(users)
    members: dict[str, Any] = {}
    for number, (user, assignment) in enumerate(zip(users, assignments, strict=True)):
        if twice and (first := users.index(user)) < number:
            _assigned_twice(work, (index, ("assignments", number)), user, (index, ("assignments", first)))
            continue
        until = assignment.get("until")
        if until is not None and until < work.today:
            _expired(work, (index, ("assignments", number)), user, unit, until)
            continue
        work.resources[f"membership/{unit}/{user}"] = _terms(assignment)
        roles = assignment.get("roles") or ()
        members[user] = tuple(roles)
        if "primary" in assignment:
            _add_primary(work, (index, ("assignments", number)), assignment, unit)
        for role in roles:
            work.resources[f"grant/{unit}/{user}/{role}"] = NO_FIELDS
        if not (len(roles) == len({*roles}) and work.known[Kind.ROLE].issuperset(roles)):
            _check_roles(work, (index, ("assignments", number)), unit, user, roles)
    work.members.append(Members(unit, [*members], [*members.values()], frozenset(_unit_roles(work, unit))))


def _check_roles(work: _Work, place: Place, unit: str, user: str, roles: Sequence[str]) -> None:
    index, path = place
    for number, role in enumerate(roles):
        here = (index, (*path, "roles", number))
        if role in roles[:number]:
            _repeated(work, here, role)
        elif work.seen and role not in work.known[Kind.ROLE]:
            address = f"{Kind.GRANT}/{unit}/{user}/{role}"
            _unknown(work, Kind.ROLE, role, here, f"in the assignment of {user}", address)


def _add_primary(work: _Work, place: Place, assignment: Stated, unit: str) -> None:
    user = assignment["user"]
    if assignment["primary"] and (first := work.primary.setdefault(f"{Kind.USER}/{user}", unit)) != unit:
        there = work.repository.position(work.sources[f"{Kind.MEMBERSHIP}/{first}/{user}"])
        work.tell(
            "two-primary-assignments",
            "a user has two primary assignments",
            f"{user} is at home in {first} already, at {there}",
            "leave primary: true at one of them",
            (place[0], (*place[1], "primary")),
            address=f"{Kind.MEMBERSHIP}/{unit}/{user}",
        )


def _terms(assignment: Stated) -> Fields:
    terms: dict[str, Json] = {}
    if "until" in assignment:
        terms["until"] = assignment["until"]
    if "reason" in assignment:
        terms["reason"] = assignment["reason"] or None
    return terms or NO_FIELDS


def _assigned_twice(work: _Work, place: Place, user: str, first: Place) -> None:
    work.tell(
        "duplicate-assignment",
        "a user is assigned twice in one unit",
        f"{user} is already assigned at {work.repository.position(first)}",
        "merge the two into one assignment",
        (place[0], (*place[1], "user")),
    )


def _expired(work: _Work, place: Place, user: str, unit: str, until: str) -> None:
    work.tell(
        "expired-assignment",
        "an assignment has ended",
        f"{user} in {unit} ended on {until}",
        "remove it, or set a later date",
        (place[0], (*place[1], "until")),
        severity=Severity.INFO,
        address=f"{Kind.MEMBERSHIP}/{unit}/{user}",
    )


def _check_names(work: _Work) -> None:
    """Names are unique per kind in most CRMs, and two equal ones confuse people in all of them."""
    taken: dict[tuple[str, Json], Address] = {}
    for address, fields in work.declared.items():
        kind = address.partition("/")[0]
        first = taken.setdefault((kind, fields["name"]), address)
        if first != address:
            work.tell(
                "duplicate-name",
                "a name is used twice",
                f'"{fields["name"]}" is also the name of {first}',
                "give one of the two another name",
                (work.documented[address], ("name",)),
                address=address,
            )


def _check_references(work: _Work, address: Address) -> None:
    index = work.documented[address]
    seen: set[tuple[str | int, str]] = set()
    for path, target, key in _stated_keys(Kind(address.partition("/")[0]), work, address):
        if (path[0], key) in seen:
            _repeated(work, (index, path), key)
        seen.add((path[0], key))
        if work.seen and key not in work.known[target]:
            _unknown(work, target, key, (index, path), f"in {address}", address)


def _stated_keys(kind: Kind, work: _Work, address: Address) -> Iterator[tuple[tuple[str | int, ...], Kind, str]]:
    """(path, kind, key) of every reference as the author wrote it, in the author's order."""
    value = work.repository.documents[work.documented[address]].value
    targets = {name: spec.to for name, spec in FIELDS[kind].items() if spec.to is not None}
    for name, target in [*targets.items(), *([("conflictsWith", Kind.ROLE)] if kind is Kind.ROLE else [])]:
        stated = value.get(name)
        if isinstance(stated, str):
            yield (name,), target, stated
        elif isinstance(stated, list):
            yield from (((name, number), target, str(key)) for number, key in enumerate(stated))
        elif isinstance(stated, dict):
            yield from (((name, key), target, key) for key in stated)


def _unknown(work: _Work, kind: Kind, key: str, place: Place, where: str, address: Address) -> None:
    if (kind, key) not in work.suggested:
        count = len(work.suggested)  # comparing words is slow, and nobody reads so many
        cheap = count < _MAX_SUGGESTIONS and count * len(work.known[kind]) < _MAX_COMPARED
        work.suggested[kind, key] = suggestion(key, sorted(work.known[kind])) if cheap else ""
    work.tell(
        f"unknown-{kind}",
        f"an unknown {kind}",
        f'"{key}"{work.suggested[kind, key]} {where}',
        f"declare the {kind}, or correct the key",
        place,
        address=address,
        of_key=place[1][-2:-1] == ("functions",),
    )


def _check_rings(work: _Work) -> None:
    for kind, name in ((Kind.BUSINESS_UNIT, "parent"), (Kind.UNIT, "parent"), (Kind.ROLE, "includes")):
        graph = {
            address: {f"{kind}/{key}" for key in _keys(fields.get(name))}
            for address, fields in work.declared.items()
            if address.startswith(f"{kind}/")
        }
        for _ in range(_MAX_RINGS):
            ring = _ring(graph)
            if not ring:
                break
            _tell_ring(work, name, ring)
            for address in ring:
                graph.pop(address, None)


def _keys(value: Json) -> list[str]:
    return [value] if isinstance(value, str) else [str(key) for key in value] if isinstance(value, list) else []


def _ring(graph: Mapping[Address, set[Address]]) -> list[Address]:
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        ring: list[Address] = error.args[1]
        return ring[::-1]
    return []


def _tell_ring(work: _Work, name: str, ring: Sequence[Address]) -> None:
    start = min(range(len(ring) - 1), key=lambda number: ring[number])
    shown = [key_of(address) for address in [*ring[start:-1], *ring[: start + 1]]]
    work.tell(
        f"{'include' if name == 'includes' else 'parent'}-ring",
        f"{name} form a ring" if name == "includes" else "parents form a ring",
        " → ".join(shown),
        f"remove {name} from one of them",
        (work.documented[ring[start]], (name,)),
        address=ring[start],
    )


def _check_previously(work: _Work) -> None:
    claimed: dict[Address, Address] = {}
    for address, formers in work.previously.items():
        for number, former in enumerate(formers):
            place = (work.documented[address], ("previously", number))
            if former in formers[:number]:
                _repeated(work, place, key_of(former))
            elif former.partition("/")[0] != address.partition("/")[0]:
                _bad_former(work, place, f"{former} is of another kind than {address}", address)
            elif former in work.resources:
                _bad_former(work, place, f"{former} is still declared", address)
            elif claimed.setdefault(former, address) != address:
                _bad_former(work, place, f"{former} is also claimed by {claimed[former]}", address)


def _bad_former(work: _Work, place: Place, detail: str, address: Address) -> None:
    work.tell(
        "bad-previously",
        "a former key cannot be used",
        detail,
        "name a key that only this resource had, and that nothing has now",
        place,
        address=address,
    )


def _unit_roles(work: _Work, unit: str) -> list[str]:
    return _keys(work.declared.get(f"{Kind.UNIT}/{unit}", NO_FIELDS).get("roles"))
