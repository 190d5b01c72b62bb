"""Events of the YAML parser to plain values, in one pass, with every fault that one file can show.

In: events. Out: values, where every mapping and list begins, findings. Never: guesses a type, expands an alias bomb.
"""

from array import array
from dataclasses import dataclass, field
from sys import intern
from typing import Any

from yaml.events import (
    AliasEvent,
    DocumentStartEvent,
    MappingEndEvent,
    MappingStartEvent,
    ScalarEvent,
    SequenceEndEvent,
    SequenceStartEvent,
    StreamEndEvent,
)

from orgsync.finding import Finding, Position, Severity
from orgsync.load.text import CONTROL_FAULT, ESCAPED, TOO_DEEP
from orgsync.load.values import MAX_DEPTH, Marks, Value

MAX_EXPANDED = 100_000
"""Values that aliases may add to one file: anchors save typing, they do not make a small file a large one."""

_NULLS = frozenset({"", "~", "null", "Null", "NULL"})
_SPECIAL = _NULLS | {"<<"}


class Stop(Exception):
    """The rest of the file is not worth reading."""


_NO_KEY = object()
"""In a mapping, where a name comes next."""
_ITEM = object()
"""In a list."""
_OUTSIDE = object()
"""Of every mapping and list."""
_REFUSED = object()
"""A name that is a fault: its value is read and forgotten."""
_OPENING = frozenset({MappingStartEvent, SequenceStartEvent})
_CLOSING = frozenset({MappingEndEvent, SequenceEndEvent})


@dataclass(slots=True)
class Builder:
    """Builds plain values from events, without recursion.

    ``build`` is the widest loop of a cold plan. What most events need stands in it, written out: a call for each would
    make it half as fast again. Whatever is rare has a method of its own.

    ``escapes``: the file has backslashes, without which no text can hold what the file itself may not.
    """

    file: str
    escapes: bool = True
    built: list[tuple[Value, Marks | None]] = field(default_factory=list)
    marks: "array[int] | None" = None
    findings: list[Finding] = field(default_factory=list)
    anchors: dict[str, tuple[Any, int]] = field(default_factory=dict)
    open_anchors: set[str] = field(default_factory=set)
    start: Any = None
    expanded: int = 0

    def build(self, parser: Any) -> None:  # noqa: C901, PLR0912
        """Raises YAMLError and Stop; what was built by then stays."""
        get, special, escapes = parser.get_event, _SPECIAL, self.escapes
        container: Any = None
        key: Any = _OUTSIDE
        outer: list[tuple[Any, Any, Any]] = []
        while (kind := type(event := get())) is not StreamEndEvent:
            if kind is ScalarEvent:
                value = event.value
                if (
                    value in special
                    or (escapes and event.style == '"')
                    or event.tag is not None
                    or event.anchor is not None
                ):
                    value = self._scalar(event)
                elif key is _NO_KEY and value not in container:
                    key = intern(value)
                    continue
                if key is _ITEM and self.marks is not None:
                    mark = event.start_mark
                    self.marks.append(mark.line << 32 | mark.column)
            elif kind in _OPENING:
                if event.tag is not None or event.anchor is not None or len(outer) >= MAX_DEPTH:
                    self._open(event, len(outer))
                if self.marks is not None:
                    mark = event.start_mark
                    self.marks.append(mark.line << 32 | mark.column)
                outer.append((container, key, event))
                container, key = ([], _ITEM) if kind is SequenceStartEvent else ({}, _NO_KEY)
                continue
            elif kind in _CLOSING:
                value = container
                container, key, event = outer.pop()  # faults are told at the start
                if event.anchor is not None:
                    self._close(event, value)
            elif kind is AliasEvent:
                value = self._alias(event)
            else:
                self._between(event)
                continue
            if key is _ITEM:
                container.append(value)
            elif key is _NO_KEY:
                key = self._key(value, event, container)
            elif key is _OUTSIDE:
                self._document(value, event)
            else:
                if key is not _REFUSED:
                    container[key] = value
                key = _NO_KEY

    def _scalar(self, event: Any) -> str | None:
        if event.tag is not None:
            self._fault(event, "yaml-tag", "a YAML tag is not allowed", f"tag {_tag(event.tag)}", "remove the tag")
        value: str = event.value
        if event.style == '"' and (found := ESCAPED.search(value)) is not None:
            self._fault(event, *CONTROL_FAULT, f"U+{ord(found.group()):04X}, written as an escape", "remove it")
            raise Stop
        plain_null = not event.style and value in _NULLS and event.tag is None
        if event.anchor is not None:
            self._anchor(event)
            self.anchors[event.anchor] = (None if plain_null else value, 1)
        return None if plain_null else value

    def _anchor(self, event: Any) -> None:
        if event.anchor in self.anchors or event.anchor in self.open_anchors:
            self._fault(
                event,
                "duplicate-anchor",
                "an anchor is defined twice in one document",
                f"&{event.anchor}",
                "give one of the two another name",
            )
            raise Stop

    def _open(self, event: Any, depth: int) -> None:
        if event.tag is not None:
            self._fault(event, "yaml-tag", "a YAML tag is not allowed", f"tag {_tag(event.tag)}", "remove the tag")
        if depth >= MAX_DEPTH:
            self._fault(event, *TOO_DEEP)
            raise Stop
        if event.anchor is not None:
            self._anchor(event)
            self.open_anchors.add(event.anchor)

    def _close(self, start: Any, value: Any) -> None:
        """Of what has an anchor."""
        self.open_anchors.discard(start.anchor)
        self.anchors[start.anchor] = (value, _size(value))

    def _alias(self, event: Any) -> Any:
        self.marks = None  # what it stands for is written in another place
        if event.anchor in self.open_anchors:
            self._fault(
                event, "recursive-alias", "an alias refers to what contains it", f"*{event.anchor}", "write it out"
            )
            raise Stop
        if event.anchor not in self.anchors:
            self._fault(
                event,
                "unknown-alias",
                "an alias refers to nothing",
                f"*{event.anchor}",
                f"define &{event.anchor} first",
            )
            raise Stop
        value, size = self.anchors[event.anchor]
        self.expanded += size
        if self.expanded > MAX_EXPANDED:
            self._fault(
                event,
                "alias-bomb",
                "aliases make this file too large",
                f"they stand for more than {MAX_EXPANDED:,} values",
                "write out what is meant, or split the file",
            )
            raise Stop
        return value

    def _between(self, event: Any) -> None:
        if type(event) is DocumentStartEvent:
            self.anchors.clear()
            self.start, self.marks = event, array("Q")
            if event.version or event.tags:
                self._fault(event, "yaml-directive", "a YAML directive is not allowed", "", "remove the % line")

    def _document(self, value: Any, event: Any) -> None:
        if value is not None and not isinstance(value, dict):
            self._fault(
                event,
                "not-a-document",
                "a document must be a mapping",
                "this is a list" if isinstance(value, list) else "this is a single value",
                "begin it with apiVersion: and kind:",
            )
            value = None
        elif value is None:
            mark = self.start.start_mark
            self.findings.append(empty(Position(file=self.file, line=mark.line + 1, column=mark.column + 1)))
        self.built.append((value, self.marks))

    def _key(self, value: Any, event: Any, container: dict[str, Any]) -> Any:
        if (key := self._checked(value, event, container)) is _REFUSED:
            self.marks = None  # its value is in the text and not in the document
        return key

    def _checked(self, value: Any, event: Any, container: dict[str, Any]) -> Any:
        if not isinstance(value, str) or type(event) is not ScalarEvent:
            self._fault(event, "complex-key", "a field name must be plain text", "", "write a word before the colon")
            return _REFUSED
        if value == "<<" and not event.style:
            self._fault(
                event,
                "merge-key",
                "merge keys are not part of YAML 1.2",
                "<< would hide where a value comes from",
                "write the fields out, or use an alias for a whole value",
            )
            return _REFUSED
        if value in container:
            self._fault(
                event, "duplicate-key", "a field stands twice in one mapping", f'"{value}"', "remove one of the two"
            )
            return _REFUSED
        return value

    def _fault(self, event: Any, code: str, summary: str, detail: str, remedy: str) -> None:
        mark = event.start_mark
        self.findings.append(
            Finding(
                code=code,
                summary=summary,
                detail=detail,
                remedy=remedy,
                position=Position(file=self.file, line=mark.line + 1, column=mark.column + 1),
            )
        )


def _size(value: Value) -> int:
    """How many values it is, those of aliases and the names of fields included."""
    if isinstance(value, dict):
        return 1 + len(value) + sum(map(_size, value.values()))
    return 1 + sum(map(_size, value)) if isinstance(value, list) else 1


def empty(position: Position) -> Finding:
    return Finding(
        code="empty-document",
        severity=Severity.WARNING,
        summary="a document is empty",
        remedy="remove it, or write what it should declare",
        position=position,
    )


def _tag(tag: str) -> str:
    return tag.replace("tag:yaml.org,2002:", "!!")
