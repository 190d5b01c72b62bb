"""Who belongs where and holds what there, made from the columns of units when somebody asks.

In: units with those who belong to them. Out: mappings by login. Never: makes them for a run that asks for neither.
"""

from collections import Counter
from collections.abc import Callable, ItemsView, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import chain
from operator import attrgetter
from typing import Any, Generic, TypeVar

from orgsync.resources import Address, Kind

T = TypeVar("T")
Pair = tuple[str, frozenset[str]]
Holding = tuple[Pair, ...]


@dataclass(frozen=True, slots=True)
class Members:
    """Those who belong to one unit, each once. ``roles``: a tuple of what each holds beyond what is ``given`` to all,
    or no tuple at all."""

    unit: str
    users: Sequence[str]
    roles: Sequence[Any]
    given: frozenset[str]


class Later(Mapping[str, T], Generic[T]):
    """A mapping that is made when it is first looked into."""

    def __init__(self, make: Callable[[], dict[str, T]]) -> None:
        self._make = make

    @cached_property
    def _made(self) -> dict[str, T]:
        return self._make()

    def __getitem__(self, key: str) -> T:
        return self._made[key]

    def __iter__(self) -> Iterator[str]:
        return iter(self._made)

    def __len__(self) -> int:
        return len(self._made)

    def items(self) -> ItemsView[str, T]:
        return self._made.items()


def holdings_of(units: Sequence[Members]) -> dict[str, Holding]:
    """Of everybody who holds anything. Equal pairs of a unit are one object."""
    found: dict[str, list[Pair]] = {user: [] for user in _people(units)}
    for one in sorted(units, key=attrgetter("unit")):
        pairs = {own: _pair(one, own) for own in {*one.roles}}
        for user, pair in zip(one.users, map(pairs.__getitem__, one.roles), strict=True):
            if pair is not None:
                found[user].append(pair)
    return {user: tuple(pairs) for user, pairs in found.items() if pairs}


def _pair(members: Members, own: object) -> Pair | None:
    held = members.given.union(own) if isinstance(own, tuple) else members.given
    return (members.unit, held) if held else None


def first_of(units: Sequence[Members]) -> dict[str, str]:
    """Login -> the first unit that they belong to."""
    found: dict[str, str] = {}
    for one in reversed(units):
        found.update(dict.fromkeys(one.users, one.unit))
    return found


def primary_of(units: Sequence[Members], stated: Mapping[Address, str]) -> dict[Address, str]:
    """User -> their home: the one that is ``stated``, or the only one."""
    counted = Counter(_people(units))
    single = {user for user, number in counted.items() if number == 1}
    only = {f"{Kind.USER}/{user}": one.unit for one in units for user in one.users if user in single}
    return {**only, **stated}


def _people(units: Sequence[Members]) -> Iterator[str]:
    return chain.from_iterable([one.users for one in units])
