"""Where a value stands, from what the builder noted.

In: documents, paths. Out: positions. Never: composes a file, or loads the library that does.
"""

from collections.abc import Mapping, Sequence
from itertools import accumulate
from typing import Any

from orgsync.finding import Position
from orgsync.load.columns import ABSENT, Assignments
from orgsync.load.values import Marks, Path_, Value

_COLUMN = (1 << 32) - 1


class Places:
    """Where each mapping and list of one document begins, and each text in a list. The marks stand in the order of the
    text, so that counting those before a value leads to its own; only what is on the way is counted."""

    def __init__(self, value: Value, marks: Marks) -> None:
        self._value, self._marks = value, marks
        self._before: dict[Path_, Sequence[int] | Mapping[str | int, int]] = {}

    def find(self, path: Path_, file: str) -> Position | None:
        """None where the path ends at the text of a field, or at nothing."""
        at: Any = self._value
        number, step = 0, None
        for depth, step in enumerate(path):
            inside = step in at if isinstance(at, dict) else _is_list(at) and _within(step, at)
            if not inside:
                return None
            number += self._opened_before(path[:depth], at)[step]
            at = at[step]
        if not isinstance(at, dict) and not _is_list(at) and not isinstance(step, int):
            return None
        mark = self._marks[number]
        return Position(file=file, line=(mark >> 32) + 1, column=(mark & _COLUMN) + 1)

    def around(self, path: Path_, file: str) -> Position:
        """Where the smallest thing begins that holds it and that has a mark."""
        shorter = (self.find(path[:length], file) for length in range(len(path), -1, -1))
        return next(found for found in shorter if found is not None)

    def _opened_before(self, path: Path_, at: Any) -> Any:
        """Step -> how many marks there are from here up to that value, this one included."""
        if path not in self._before:
            self._before[path] = _counted(at)
        return self._before[path]


def _counted(at: Any) -> Sequence[int] | Mapping[str | int, int]:
    if isinstance(at, Assignments):
        return list(accumulate(_marks_of(at), initial=1))
    steps: Any = at.items() if isinstance(at, dict) else enumerate(at)
    found, count = dict[str | int, int](), 1
    for step, value in steps:
        found[step] = count
        count += _marks(value) or _is_list(at)
    return found


def _is_list(at: object) -> bool:
    return isinstance(at, (list, Assignments))


def _within(step: str | int, at: Sequence[object]) -> bool:
    return isinstance(step, int) and step < len(at)


def _marks(value: Any) -> int:
    """How many marks a value has; none for a text, which has one only in a list."""
    if isinstance(value, list):
        others = [one for one in value if type(one) is not str]
        return 1 + len(value) - len(others) + sum([_marks(one) or 1 for one in others])
    if isinstance(value, dict):
        return 1 + sum([_marks(one) for one in value.values() if type(one) is not str])
    return 1 + sum(_marks_of(value)) if isinstance(value, Assignments) else 0


def _marks_of(assignments: Assignments) -> list[int]:
    """Of each its own, and those of its list of roles."""
    return [1 if roles is ABSENT else 2 + len(roles) for roles in assignments.roles]
