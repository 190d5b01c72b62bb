"""Where a value stands, exactly: by composing its file again.

In: a file's bytes, paths. Out: positions. Never: knows what the texts mean.
"""

from functools import lru_cache
from typing import Any

import yaml

from orgsync.finding import Position
from orgsync.load.text import without_mark
from orgsync.load.values import Path_

Composed = yaml.Node | None


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
