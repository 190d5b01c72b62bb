"""Where a value stands, from what the builder noted.

In: documents, paths. Out: positions. Never: composes a file, or loads the library that does.
"""

from typing import Any

from orgsync.finding import Position
from orgsync.load.values import Marks, Path_, Value

_COLUMN = (1 << 32) - 1


class Places:
    """Where each mapping and list of one document begins, and each text in a list. The marks stand in the order of the
    text, so that counting those before a value leads to its own; only what is on the way is counted."""

    def __init__(self, value: Value, marks: Marks) -> None:
        self._value, self._marks = value, marks
        self._before: dict[int, dict[str | int, int]] = {}

    def find(self, path: Path_, file: str) -> Position | None:
        """None where the path ends at the text of a field, or at nothing."""
        at: Any = self._value
        number, step = 0, None
        for step in path:
            inside = step in at if isinstance(at, dict) else isinstance(at, list) and _within(step, at)
            if not inside:
                return None
            number += self._opened_before(at)[step]
            at = at[step]
        if not isinstance(at, (dict, list)) and not isinstance(step, int):
            return None
        mark = self._marks[number]
        return Position(file=file, line=(mark >> 32) + 1, column=(mark & _COLUMN) + 1)

    def _opened_before(self, at: dict[str, Value] | list[Value]) -> dict[str | int, int]:
        """Step -> how many marks there are from here up to that value, this one included."""
        if id(at) not in self._before:
            steps: Any = at.items() if isinstance(at, dict) else enumerate(at)
            found, count = dict[str | int, int](), 1
            for step, value in steps:
                found[step] = count
                count += _marks(value) or isinstance(at, list)
            self._before[id(at)] = found
        return self._before[id(at)]


def _within(step: str | int, at: list[Value]) -> bool:
    return isinstance(step, int) and step < len(at)


def _marks(value: Value) -> int:
    """How many marks a value has; none for a text, which has one only in a list."""
    if isinstance(value, list):
        return 1 + sum([_marks(one) or 1 for one in value])
    if isinstance(value, dict):
        return 1 + sum([_marks(one) for one in value.values() if type(one) is not str])
    return 0
