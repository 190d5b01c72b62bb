"""Resources and the rows that they were read from; what is asked of few rows is found when somebody asks.

In: addresses, fields, row ids. Out: mappings by address. Never: holds for a hundred thousand rows what is hardly asked.
"""

from array import array
from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Any

from orgsync.adapter import Changed
from orgsync.adapters.local.columns import Columns
from orgsync.resources import Address, Fields, Kind, RemoteId, kind_of


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

    def ids(self) -> Mapping[Address, RemoteId]:
        return dict(zip(self.resources, map(str, self._numbers), strict=True))


class Later(Mapping[Address, Any]):
    """Made when it is first asked."""

    def __init__(self, make: Callable[[], Mapping[Address, Any]]) -> None:
        self._made = cache(make)

    def __getitem__(self, address: Address) -> Any:
        return self._made()[address]

    def __iter__(self) -> Iterator[Address]:
        return iter(self._made())

    def __len__(self) -> int:
        return len(self._made())


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


class WhoChanged(Mapping[Address, Changed]):
    def __init__(self, ids: Mapping[Address, RemoteId], runs: Mapping[Kind, Runs]) -> None:
        self._ids, self._runs = ids, runs

    def __getitem__(self, address: Address) -> Changed:
        return self._runs[kind_of(address)].of(int(self._ids[address]))

    def __iter__(self) -> Iterator[Address]:
        return iter(self._ids)

    def __len__(self) -> int:
        return len(self._ids)
