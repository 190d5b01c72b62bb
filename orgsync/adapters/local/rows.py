"""Resources and the rows that they were read from; what is asked of few rows is found when somebody asks.

In: addresses, fields, row ids. Out: mappings by address. Never: holds for a hundred thousand rows what is hardly asked.
"""

from array import array
from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache, cached_property
from typing import TypeVar

from orgsync.adapter import Changed
from orgsync.adapters.local.columns import Columns
from orgsync.resources import Address, Fields

T = TypeVar("T")


class Rows:
    """The row ids stand in the order of the resources; an array holds a number in a fifth of the room."""

    def __init__(self) -> None:
        self.resources: dict[Address, Fields] = {}
        self._numbers = array("q")

    def add(self, addresses: Sequence[Address], fields: Iterable[Fields], numbers: Iterable[int]) -> None:
        self.resources.update(zip(addresses, fields, strict=True))
        self._numbers.extend(numbers)
        if len(self.resources) != len(self._numbers):
            raise ValueError(f"two rows are the same {addresses[0].partition('/')[0]}")

    def told(self, tell: Callable[[Address, int], T]) -> Mapping[Address, T]:
        return _Told(self, tell)

    @cached_property
    def by_address(self) -> Mapping[Address, int]:
        """Numbers: as texts, a hundred thousand of them would take twice the room."""
        return dict(zip(self.resources, self._numbers, strict=True))


class _Told(Mapping[Address, T]):
    """Of what is asked, when it is asked."""

    def __init__(self, rows: Rows, tell: Callable[[Address, int], T]) -> None:
        self._rows, self._tell = rows, tell

    def __getitem__(self, address: Address) -> T:
        return self._tell(address, self._rows.by_address[address])

    def __iter__(self) -> Iterator[Address]:
        return iter(self._rows.resources)

    def __len__(self) -> int:
        return len(self._rows.resources)


@dataclass(frozen=True, slots=True)
class Runs:
    """Who changed which row last: what one transaction wrote stands in a row, so that its first row tells of all.

    starts   ids of the rows that were changed otherwise than the one before, ascending
    """

    starts: "array[int]"
    changes: list[Changed]

    def of(self, number: int) -> Changed:
        return self.changes[bisect_right(self.starts, number) - 1]


def runs_of(columns: Columns) -> Runs:
    rows = sorted(zip(*columns.values(), strict=True))
    return Runs(array("q", (number for number, _, _ in rows)), [_changed(by, at) for _, by, at in rows])


@cache
def _changed(by: str, at: str) -> Changed:
    """One value for all that was changed in one transaction."""
    return Changed(by=by, at=datetime.fromisoformat(at))
