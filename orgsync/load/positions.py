"""Where a value stands: from what the builder noted, or exactly, by composing the file again.

In: documents, paths. Out: positions. Never: composes a file for what begins a mapping or a list.
"""

from collections.abc import Iterator
from functools import lru_cache
from typing import Any

import yaml

from orgsync.finding import Position
from orgsync.load.builder import Marks, Value
from orgsync.load.text import without_mark

Path_ = tuple[str | int, ...]
Composed = yaml.Node | None
_COLUMN = (1 << 32) - 1


class Places:
    """Where each mapping and list of one document begins, and each text in a list. The marks stand in the order of the
    text, so that counting those before a value leads to its own; only what is on the way is counted."""

    def __init__(self, value: Value, marks: Marks) -> None:
        self._value, self._marks = value, marks
        self._before: dict[int, tuple[dict[str | int, int], Iterator[tuple[str | int, int]]]] = {}

    def find(self, path: Path_, file: str) -> Position | None:
        """None where the path ends at the text of a field, or at nothing."""
        at: Any = self._value
        number, step = 0, None
        for step in path:
            inside = step in at if isinstance(at, dict) else isinstance(at, list) and _within(step, at)
            if not inside:
                return None
            number += self._opened_before(at, step)
            at = at[step]
        if not isinstance(at, (dict, list)) and not isinstance(step, int):
            return None
        mark = self._marks[number]
        return Position(file=file, line=(mark >> 32) + 1, column=(mark & _COLUMN) + 1)

    def _opened_before(self, at: dict[str, Value] | list[Value], step: str | int) -> int:
        """How many marks there are from here up to that step, this one included. What comes later is not counted: a
        unit's assignments are most of its document, and the last thing in it."""
        found, others = self._before.setdefault(id(at), ({}, _counted(at)))
        while step not in found:
            other, count = next(others)
            found[other] = count
        return found[step]


def _counted(at: dict[str, Value] | list[Value]) -> Iterator[tuple[str | int, int]]:
    steps: Any = at.items() if isinstance(at, dict) else enumerate(at)
    count = 1
    for step, value in steps:
        yield step, count
        count += _marks(value) or isinstance(at, list)


def _within(step: str | int, at: list[Value]) -> bool:
    return isinstance(step, int) and step < len(at)


def _marks(value: Value) -> int:
    """How many marks a value has; none for a text, which has one only in a list."""
    if isinstance(value, list):
        others = [one for one in value if type(one) is not str]
        return 1 + len(value) - len(others) + sum([_marks(one) or 1 for one in others])
    if isinstance(value, dict):
        return 1 + sum([_marks(one) for one in value.values() if type(one) is not str])
    return 0


class _Composer(yaml.CBaseLoader):
    """Nodes without the tags that their texts might have: nobody asks, and finding them is half of the work."""

    def descend_resolver(self, *_: object) -> None: ...
    def ascend_resolver(self) -> None: ...
    def resolve(self, *_: object) -> str:
        return ""


@lru_cache(maxsize=2)
def index(content: bytes) -> list[Composed]:
    composer = _Composer(without_mark(content))
    found: list[Composed] = []
    try:
        while composer.check_node():
            found.append(composer.get_node())
    finally:
        composer.dispose()
    return found


def find(root: Composed, path: Path_, file: str, *, of_key: bool) -> Position:
    """As deep as the path goes; what is missing stands at what should hold it."""
    mark: Any = root.start_mark if root is not None else None
    node = root
    for depth, step in enumerate(path):
        pair = _child(node, step)
        if pair is None:
            break
        key, node = pair
        mark = key.start_mark if of_key and depth == len(path) - 1 and key is not None else node.start_mark
    return Position(file=file, line=mark.line + 1, column=mark.column + 1) if mark else Position(file=file)


def _child(node: Composed, step: str | int) -> tuple[Composed, yaml.Node] | None:
    if isinstance(node, yaml.MappingNode):
        return next(((key, value) for key, value in node.value if key.value == step), None)
    if isinstance(node, yaml.SequenceNode) and isinstance(step, int) and step < len(node.value):
        return None, node.value[step]
    return None
