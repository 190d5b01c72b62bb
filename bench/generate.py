"""A made-up organization of any size, and what is changed in it: the same for every contestant.

In: a number of assignments, a seed, a variant. Out: values; writing them in each contestant's files is `write`'s part.
The same arguments give the same organization on every machine. Proportions at 100,000 assignments: 1,000 units nested
12 deep, 500 roles, 10,000 users.
"""

import random
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace

MEMBERS = 100
DEPTH = 12
SHARE = 0.01
_ONE = ("Ana", "Bo", "Carla", "Deniz", "Emeka", "Farah", "Gita", "Hugo", "Ines", "Jun")
_TWO = ("Almeida", "Berg", "Castillo", "Demir", "Eze", "Farsi", "Gupta", "Hoang", "Ito", "Jensen")
_WORK = ("Sales", "Service", "Marketing", "Partners", "Renewals", "Field", "Success", "Pricing")
_WHY = (
    "Covers for a colleague on parental leave, agreed with the lead",
    "Looks after the key accounts of this region until reassigned",
    "Member of the project team until the new offering is live",
    "Takes part in the second-line rota of this quarter",
)
_OBJECTS = ("lead", "opportunity", "case", "contact", "account", "product", "quote", "contract")
_SCOPES = ("own", "unit", "subtree", "organization")
_MESSY_SIZES = (1, 3, 8, 20, 60, 100, 150, 240)
Key = tuple[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Assignment:
    """One user in one unit; ``role`` is held beyond what the unit gives, ``until`` is a date as text."""

    unit: str
    user: str
    reason: str
    role: str | None = None
    until: str | None = None

    @property
    def key(self) -> Key:
        return self.unit, self.user


@dataclass(frozen=True, slots=True, kw_only=True)
class Unit:
    key: str
    name: str
    business_unit: str
    role: str
    owner: str
    depth: int = 1
    parent: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Role:
    key: str
    name: str
    privileges: Mapping[str, Mapping[str, str]]
    function: str
    includes: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Company:
    """``assignments`` are in the order of ``units``; a unit's own stand together."""

    business_units: tuple[str, ...]
    functions: tuple[str, ...]
    roles: tuple[Role, ...]
    units: tuple[Unit, ...]
    assignments: Mapping[Key, Assignment]


@dataclass(frozen=True, slots=True, kw_only=True)
class Differences:
    """What `mutate` did. Each is exactly one change for every contestant, whatever it calls one: a membership that
    comes or goes without grants, a grant that comes or goes, an end date that moves."""

    added: tuple[Key, ...]
    removed: tuple[Key, ...]
    gained: tuple[Key, ...]
    lost: tuple[Key, ...]
    moved: tuple[Key, ...]

    @property
    def total(self) -> int:
        return len(self.added) + len(self.removed) + len(self.gained) + len(self.lost) + len(self.moved)


def generate(count: int, *, seed: int = 1, messy: bool = False, members: int = MEMBERS) -> Company:
    """``members``: of one unit; a messy organization has units of 1 to 240 instead."""
    rng = random.Random(f"organization/{seed}")
    roles = tuple(_roles(max(5, count // 200), rng))
    business_units = tuple(f"company-{n:02}" for n in range(max(2, count // 10_000)))
    users = [_login(n) for n in range(max(250, count // 10))]
    sizes = list(_sizes(count, rng, messy=messy, members=members))
    units = tuple(_units(len(sizes), business_units, roles, rng))
    assignments = {
        one.key: one
        for unit, size in zip(units, sizes, strict=True)
        for one in _assignments(unit, rng.sample(users, size), roles, rng)
    }
    functions = tuple(f"{name}-management" for name in _OBJECTS)
    return Company(
        business_units=business_units, functions=functions, roles=roles, units=units, assignments=assignments
    )


def mutate(company: Company, *, seed: int = 1, share: float = SHARE) -> tuple[Company, Differences]:
    """The company with ``share`` of its assignments changed, in five equal parts. Nobody leaves their last unit."""
    rng = random.Random(f"differences/{seed}")
    each = max(1, round(len(company.assignments) * share / 5))
    order = iter(rng.sample(list(company.assignments.values()), len(company.assignments)))
    left = Counter(one.user for one in company.assignments.values())
    spare = [role.key for role in _extra(company.roles)]
    removed = _leave(order, each, left)
    gained = _pick(order, each, lambda one: one.role is None)
    lost = _pick(order, each, lambda one: one.role is not None)
    moved = _pick(order, each, lambda one: one.role is None and one.until is not None)
    added = _join(company, each, rng)
    changed = {
        **company.assignments,
        **{one.key: replace(one, role=rng.choice(spare)) for one in gained},
        **{one.key: replace(one, role=None) for one in lost},
        **{one.key: replace(one, until="2099-12-31") for one in moved},
        **{one.key: one for one in added},
    }
    for one in removed:
        del changed[one.key]
    parts = {"added": added, "removed": removed, "gained": gained, "lost": lost, "moved": moved}
    keys = {name: tuple(one.key for one in part) for name, part in parts.items()}
    return replace(company, assignments=changed), Differences(**keys)


def _login(number: int) -> str:
    first, last = _ONE[number % 10], _TWO[number // 10 % 10]
    return f"{first}.{last}.{number:06}@northwind.example".lower()


def _roles(count: int, rng: random.Random) -> Iterator[Role]:
    """The first tenth is what units give to all members; the others are held by people."""
    for number in range(count):
        objects = rng.sample(_OBJECTS, 3)
        privileges = {name: {action: rng.choice(_SCOPES) for action in ("read", "update")} for name in objects}
        yield Role(
            key=f"role-{number:05}",
            name=f"{_WORK[number % 8]} Role {number:05}",
            privileges=privileges,
            function=f"{objects[0]}-management",
            includes="role-00000" if number else None,
        )


def _extra(roles: tuple[Role, ...]) -> tuple[Role, ...]:
    return roles[max(1, len(roles) // 10) :]


def _sizes(count: int, rng: random.Random, *, messy: bool, members: int) -> Iterator[int]:
    while count > 0:
        size = min(count, rng.choice(_MESSY_SIZES) if messy else members)
        count -= size
        yield size


def _units(count: int, business_units: tuple[str, ...], roles: tuple[Role, ...], rng: random.Random) -> Iterator[Unit]:
    """The first twelve stand under each other, so that the full depth is there; the others anywhere below them."""
    common = roles[: max(1, len(roles) // 10)]
    open_units: list[Unit] = []
    for number in range(count):
        parent = None
        if open_units:
            parent = open_units[-1] if number < DEPTH else rng.choice(open_units)
        unit = Unit(
            key=f"unit-{number:06}",
            name=f"{_WORK[number % 8]} Unit {number:06}",
            business_unit=parent.business_unit if parent else business_units[0],
            role=rng.choice(common).key,
            owner=_login(number),
            depth=parent.depth + 1 if parent else 1,
            parent=parent.key if parent else None,
        )
        if number >= DEPTH:
            unit = replace(unit, business_unit=rng.choice(business_units))
        if unit.depth < DEPTH:
            open_units.append(unit)
        yield unit


def _assignments(unit: Unit, users: list[str], roles: tuple[Role, ...], rng: random.Random) -> Iterator[Assignment]:
    extra = _extra(roles)
    for user in users:
        yield Assignment(
            unit=unit.key,
            user=user,
            reason=f"{rng.choice(_WHY)} (HR-{rng.randrange(10_000):04})",
            role=rng.choice(extra).key if rng.random() < 0.6 else None,
            until=f"{rng.randrange(2090, 2099)}-{rng.randrange(1, 13):02}-28" if rng.random() < 0.7 else None,
        )


def _pick(order: Iterator[Assignment], count: int, fits: Callable[[Assignment], bool]) -> list[Assignment]:
    return [next(one for one in order if fits(one)) for _ in range(count)]


def _leave(order: Iterator[Assignment], count: int, left: Counter[str]) -> list[Assignment]:
    gone: list[Assignment] = []
    while len(gone) < count:
        one = next(one for one in order if one.role is None and left[one.user] > 1)
        left[one.user] -= 1
        gone.append(one)
    return gone


def _join(company: Company, count: int, rng: random.Random) -> list[Assignment]:
    """Known people only: a new user would be a second change."""
    units = [unit.key for unit in company.units]
    users = sorted({one.user for one in company.assignments.values()})
    found: dict[Key, Assignment] = {}
    while len(found) < count:
        key = rng.choice(units), rng.choice(users)
        if key not in company.assignments:
            found[key] = Assignment(unit=key[0], user=key[1], reason="Joins the team")
    return list(found.values())
