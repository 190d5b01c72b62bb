"""Who belongs where and holds what there, made from the columns of units when somebody asks.

In: units with those who belong to them. Out: mappings by login. Never: makes them for a run that asks for neither.
"""

from collections import Counter, defaultdict
from collections.abc import Callable, ItemsView, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import chain
from typing import Any, Generic, TypeVar

from orgsync.resources import Address, Kind

T = TypeVar("T")
Units = Mapping[str, frozenset[str]]


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


def homes_of(units: Sequence[Members]) -> dict[str, Units]:
    """Login -> unit -> the roles held there, those of the unit included; equal ones of a unit are one object."""
    homes: defaultdict[str, dict[str, frozenset[str]]] = defaultdict(dict)
    for one in units:
        held = {own: one.given.union(own) if isinstance(own, tuple) else one.given for own in {*one.roles}}
        unit = one.unit
        for user, roles in zip(one.users, map(held.__getitem__, one.roles), strict=True):
            homes[user][unit] = roles
    return {**homes}


def primary_of(units: Sequence[Members], stated: Mapping[Address, str]) -> dict[Address, str]:
    """User -> their home: the one that is ``stated``, or the only one."""
    counted = Counter(chain.from_iterable(one.users for one in units))
    single = {user for user, number in counted.items() if number == 1}
    only = {f"{Kind.USER}/{user}": one.unit for one in units for user in one.users if user in single}
    return {**only, **stated}
