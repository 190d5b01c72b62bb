"""Read the YAML of an organization repository: plain values, exact positions on demand, every fault a finding.

In: a folder. Out: documents (dicts, lists, texts; every scalar is the text that the author wrote, a plain null is
None). Never: guesses a type, follows a link out of the repository, expands an alias bomb, or raises for content.
"""

import os
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any

import yaml
from yaml.events import (
    AliasEvent,
    DocumentEndEvent,
    DocumentStartEvent,
    MappingStartEvent,
    ScalarEvent,
    SequenceStartEvent,
)

from orgsync.collector import collector_paused
from orgsync.finding import Finding, Position, Severity
from orgsync.resources import Place

FOLDERS = ("units", "roles")
MAX_BYTES = 32 * 1024 * 1024
MAX_DEPTH = 50
MAX_EXPANDED = 100_000
"""Values that aliases may add to one file: anchors save typing, they do not make a small file a large one."""

_LEAVE_THE_DOCUMENT = frozenset({"yaml-tag", "yaml-directive", "complex-key", "merge-key", "duplicate-key"})

Value = None | str | list["Value"] | dict[str, "Value"]
Path_ = tuple[str | int, ...]
_NULLS = frozenset({"", "~", "null", "Null", "NULL"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Document:
    """``number`` counts the documents of one file from 0."""

    value: dict[str, Value]
    file: str
    number: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Repository:
    """What was read: documents in the order of their files' names, and the text of each file that was read."""

    root: Path
    documents: Sequence[Document] = ()
    findings: Sequence[Finding] = ()
    texts: dict[str, bytes] = field(default_factory=dict)
    _indexes: dict[str, list["_Marks"]] = field(default_factory=dict)

    def position(self, place: Place, *, of_key: bool = False) -> Position:
        """Where the value at this place stands (or the name of the field, ``of_key``); composed once per file."""
        document = self.documents[place[0]]
        if document.file not in self._indexes:
            self._indexes[document.file] = _index(self.texts[document.file])
        return _find(self._indexes[document.file][document.number], place[1], document.file, of_key=of_key)

    @property
    def unread(self) -> list[Finding]:
        """Because of these there may be documents that nobody has seen; every other fault leaves its document."""
        return [one for one in self.findings if one.severity is Severity.ERROR and one.code not in _LEAVE_THE_DOCUMENT]


def load(root: Path) -> Repository:
    """Every ``*.yaml`` and ``*.yml`` below ``units/`` and ``roles/``, at any depth."""
    documents: list[Document] = []
    findings: list[Finding] = []
    texts: dict[str, bytes] = {}
    with collector_paused():
        for file in _files(root, findings):
            content = _read(root, file, findings)
            if content is not None:
                texts[file] = content
                values, faults = parse(content, file)
                findings += faults
                documents += [
                    Document(value=value, file=file, number=number)
                    for number, value in enumerate(values)
                    if isinstance(value, dict)
                ]
    return Repository(root=root, documents=documents, findings=findings, texts=texts)


def parse(content: bytes, file: str) -> tuple[list[Value], list[Finding]]:
    """The documents of one file, None for those that are empty or were refused; nothing at all of a broken file.

    What is empty is a warning, everything else an error.
    """
    if (fault := _undecodable(content, file)) is not None:
        return [], [fault]
    builder = _Builder(file)
    try:
        builder.build(yaml.parse(_without_mark(content), Loader=yaml.CBaseLoader))
    except yaml.YAMLError as error:
        return [], [*builder.findings, _syntax(error, content, file)]
    except _Stop:
        return [], builder.findings
    return builder.values, builder.findings if builder.values else [_empty(Position(file=file))]


def position_in(content: bytes, file: str, number: int, path: Path_, *, of_key: bool = False) -> Position:
    """Where a value of a file outside ``units/`` and ``roles/`` stands, such as of ``orgsync.yaml``."""
    return _find(_index(content)[number], path, file, of_key=of_key)


class _Stop(Exception):
    """The rest of the file is not worth reading."""


_NO_KEY = object()
_REFUSED = object()


@dataclass(slots=True)
class _Builder:
    """Builds plain values from events, without recursion; ``nodes`` counts values, those of aliases included."""

    file: str
    values: list[Value] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)
    anchors: dict[str, tuple[Any, int]] = field(default_factory=dict)
    open_anchors: set[str] = field(default_factory=set)
    start: Any = None
    nodes: int = 0
    expanded: int = 0

    def build(self, events: Iterator[Any]) -> None:
        containers: list[Any] = []
        keys: list[Any] = []
        anchors: list[tuple[Any, int]] = []
        for event in events:
            kind = type(event)
            if kind is ScalarEvent:
                self.nodes += 1
                value = self._scalar(event)
            elif kind is MappingStartEvent or kind is SequenceStartEvent:
                self.nodes += 1
                self._open(event, containers, keys, anchors)
                continue
            elif kind is AliasEvent:
                value = self._alias(event)
            elif containers and kind not in {DocumentStartEvent, DocumentEndEvent}:
                value, event = self._close(containers, keys, anchors)  # noqa: PLW2901  (faults are told at the start)
            else:
                self._between(event)
                continue
            if not containers:
                self._document(value, event)
            elif type(containers[-1]) is list:
                containers[-1].append(value)
            elif keys[-1] is _NO_KEY:
                keys[-1] = self._key(value, event, containers[-1])
            else:
                if keys[-1] is not _REFUSED:
                    containers[-1][keys[-1]] = value
                keys[-1] = _NO_KEY

    def _scalar(self, event: Any) -> str | None:
        if event.tag is not None:
            self._fault(event, "yaml-tag", "a YAML tag is not allowed", f"tag {_tag(event.tag)}", "remove the tag")
        value: str = event.value
        if event.style == '"' and (found := _ESCAPED.search(value)) is not None:
            self._fault(event, *_CONTROL_FAULT, f"U+{ord(found.group()):04X}, written as an escape", "remove it")
            raise _Stop
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
            raise _Stop

    def _open(self, event: Any, containers: list[Any], keys: list[Any], anchors: list[tuple[Any, int]]) -> None:
        if event.tag is not None:
            self._fault(event, "yaml-tag", "a YAML tag is not allowed", f"tag {_tag(event.tag)}", "remove the tag")
        if len(containers) >= MAX_DEPTH:
            self._fault(event, "too-deep", "nested too deeply", f"more than {MAX_DEPTH} levels", "flatten the document")
            raise _Stop
        containers.append([] if type(event) is SequenceStartEvent else {})
        keys.append(_NO_KEY)
        anchors.append((event, self.nodes))
        if event.anchor is not None:
            self._anchor(event)
            self.open_anchors.add(event.anchor)

    def _close(self, containers: list[Any], keys: list[Any], anchors: list[tuple[Any, int]]) -> tuple[Any, Any]:
        value = containers.pop()
        keys.pop()
        start, before = anchors.pop()
        if start.anchor is not None:
            self.open_anchors.discard(start.anchor)
            self.anchors[start.anchor] = (value, self.nodes - before + 1)
        return value, start

    def _alias(self, event: Any) -> Any:
        if event.anchor in self.open_anchors:
            self._fault(
                event, "recursive-alias", "an alias refers to what contains it", f"*{event.anchor}", "write it out"
            )
            raise _Stop
        if event.anchor not in self.anchors:
            self._fault(
                event,
                "unknown-alias",
                "an alias refers to nothing",
                f"*{event.anchor}",
                f"define &{event.anchor} first",
            )
            raise _Stop
        value, size = self.anchors[event.anchor]
        self.nodes += size
        self.expanded += size
        if self.expanded > MAX_EXPANDED:
            self._fault(
                event,
                "alias-bomb",
                "aliases make this file too large",
                f"they stand for more than {MAX_EXPANDED:,} values",
                "write out what is meant, or split the file",
            )
            raise _Stop
        return value

    def _between(self, event: Any) -> None:
        if type(event) is DocumentStartEvent:
            self.anchors.clear()
            self.start = event
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
            self.findings.append(_empty(Position(file=self.file, line=mark.line + 1, column=mark.column + 1)))
        self.values.append(value)

    def _key(self, value: Any, event: Any, container: dict[str, Any]) -> Any:
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


def _empty(position: Position) -> Finding:
    return Finding(
        code="empty-document",
        severity=Severity.WARNING,
        summary="a document is empty",
        remedy="remove it, or write what it should declare",
        position=position,
    )


def _tag(tag: str) -> str:
    return tag.replace("tag:yaml.org,2002:", "!!")


def _without_mark(content: bytes) -> bytes:
    return content.removeprefix(b"\xef\xbb\xbf")


_CONTROLS = "\x00-\x08\x0b\x0c\x0e-\x1f\x7f\x80-\x84\x86-\x9f\ufffe\uffff"
_CONTROL = re.compile(f"[{_CONTROLS}]")
_ESCAPED = re.compile(f"[\r{_CONTROLS}]")  # in a value no carriage return ends a line: it would hide what precedes it
_CONTROL_FAULT = ("control-character", "a control character is not allowed")


def _undecodable(content: bytes, file: str) -> Finding | None:
    if content.startswith((b"\xff\xfe", b"\xfe\xff")):
        return _not_utf8(file, 1, 1, "it is UTF-16 or UTF-32")
    try:
        text = _without_mark(content).decode()
    except UnicodeDecodeError as error:
        before = _without_mark(content)[: error.start]
        line, column = before.count(b"\n") + 1, len(before[before.rfind(b"\n") + 1 :].decode()) + 1
        return _not_utf8(file, line, column, f"byte 0x{_without_mark(content)[error.start]:02x}")
    if (found := _CONTROL.search(text)) is None:
        return None
    start = found.start()
    return Finding(
        code=_CONTROL_FAULT[0],
        summary=_CONTROL_FAULT[1],
        detail=f"U+{ord(found.group()):04X}",
        remedy="remove it",
        position=Position(file=file, line=text.count("\n", 0, start) + 1, column=start - text.rfind("\n", 0, start)),
    )


def _not_utf8(file: str, line: int, column: int, detail: str) -> Finding:
    return Finding(
        code="not-utf-8",
        summary="the file is not UTF-8",
        detail=detail,
        remedy="save it as UTF-8",
        position=Position(file=file, line=line, column=column),
    )


def _syntax(error: yaml.YAMLError, content: bytes, file: str) -> Finding:
    unclosed = getattr(error, "context", None) == "while scanning a quoted scalar"
    mark = getattr(error, "context_mark" if unclosed else "problem_mark", None)
    line, column = (mark.line + 1, mark.column + 1) if mark is not None else (1, 1)
    lines = _without_mark(content).decode("utf-8", "replace").splitlines()
    text = lines[line - 1] if line <= len(lines) else ""
    position = Position(file=file, line=line, column=column)
    indent = text[: len(text) - len(text.lstrip())]
    if "\t" in indent:
        return Finding(
            code="tab-indentation",
            summary="tabs cannot indent YAML",
            remedy="indent with spaces",
            position=Position(file=file, line=line, column=indent.index("\t") + 1),
        )
    return Finding(
        code="yaml-syntax",
        summary="this is not valid YAML",
        detail="a quote that begins here is never closed" if unclosed else str(getattr(error, "problem", None) or ""),
        remedy="check indentation, colons and quotes on this line and the one before",
        position=position,
    )


_Marks = yaml.Node | None


@lru_cache(maxsize=2)
def _index(content: bytes) -> list[_Marks]:
    return list(yaml.compose_all(_without_mark(content), Loader=yaml.CBaseLoader))


def _find(root: _Marks, path: Path_, file: str, *, of_key: bool) -> Position:
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


def _child(node: _Marks, step: str | int) -> tuple[_Marks, yaml.Node] | None:
    if isinstance(node, yaml.MappingNode):
        return next(((key, value) for key, value in node.value if key.value == step), None)
    if isinstance(node, yaml.SequenceNode) and isinstance(step, int) and step < len(node.value):
        return None, node.value[step]
    return None


def _files(root: Path, findings: list[Finding]) -> Iterator[str]:
    """Paths relative to the root, sorted; what cannot be followed is a finding."""

    def unlisted(error: OSError) -> None:
        if not (isinstance(error, FileNotFoundError) and Path(error.filename).parent == root):
            findings.append(_unlisted(Path(error.filename).relative_to(root), error.strerror or type(error).__name__))

    for folder in FOLDERS:
        if (root / folder).is_symlink():
            findings.append(_link(Path(folder), "it is a link to a folder", "move the folder here"))
            continue
        for above, folders, names in os.walk(root / folder, onerror=unlisted):
            folders.sort()
            here = Path(above).relative_to(root)
            for name in [*folders]:
                if (Path(above) / name).is_symlink():
                    folders.remove(name)
                    findings.append(_link(here / name, "it is a link to a folder", "move the folder here"))
            for name in sorted(names):
                if _usable(root, here / name, findings):
                    yield (here / name).as_posix()


_BESIDE = re.compile(r"\.|README|CODEOWNERS$|.*\.md$|[^.]*\.txt$", re.IGNORECASE)
"""Names of files that may stand beside the YAML and are meant for others."""


def _unread(path: Path) -> Finding:
    """units/sales.yml.txt: somebody believes that it counts."""
    return Finding(
        code="file-not-read",
        severity=Severity.WARNING,
        summary="a file is not read",
        detail="its name does not end in .yaml or .yml",
        remedy="rename it, or move it out of units/ and roles/",
        position=Position(file=_shown(path)),
    )


def _usable(root: Path, path: Path, findings: list[Finding]) -> bool:
    if not path.name.lower().endswith((".yaml", ".yml")):
        findings += [] if _BESIDE.match(path.name) else [_unread(path)]
        return False
    try:
        str(path).encode()
    except UnicodeEncodeError:
        shown = _shown(path)
        findings.append(_file_finding("bad-file-name", "a file name is not UTF-8", shown, "rename the file", shown))
        return False
    if _leaves(root, path):
        findings.append(_link(path, "it leaves units/ and roles/", "put the file itself here"))
        return False
    return True


def _leaves(root: Path, path: Path) -> bool:
    """What cannot be followed at all, such as a ring of links, leaves nothing: opening it tells what is wrong."""
    try:
        inside = [(root / folder).resolve() for folder in FOLDERS]  # elsewhere stand .git/config and other secrets
        return (root / path).is_symlink() and not any(map((root / path).resolve().is_relative_to, inside))
    except (OSError, RuntimeError):
        return False


def _link(path: Path, detail: str, remedy: str) -> Finding:
    return _file_finding("link-not-followed", "a link is not followed", detail, remedy, _shown(path))


def _unlisted(path: Path, detail: str) -> Finding:
    """Not to be passed over: everybody whom the folder declares would seem to have left."""
    remedy = "check the folder and its rights"
    return _file_finding("unreadable-folder", "a folder cannot be read", detail, remedy, _shown(path))


def _shown(path: Path) -> str:
    return os.fsencode(path.as_posix()).decode("utf-8", "backslashreplace")


def _read(root: Path, file: str, findings: list[Finding]) -> bytes | None:
    try:
        if not (root / file).is_file():  # opening a pipe or a device could wait for ever
            findings.append(_unreadable(file, "it is not a regular file"))
            return None
        with (root / file).open("rb") as stream:
            content = stream.read(MAX_BYTES + 1)
    except OSError as error:
        findings.append(_unreadable(file, error.strerror or type(error).__name__))
        return None
    if len(content) > MAX_BYTES:
        limit = f"more than {MAX_BYTES // 1024 // 1024} MiB"
        findings.append(_file_finding("file-too-large", "a file is too large", limit, "split it", file))
        return None
    return content


def _unreadable(file: str, detail: str) -> Finding:
    remedy = "check the file and its rights"
    return _file_finding("unreadable-file", "a file cannot be read", detail, remedy, file)


def _file_finding(code: str, summary: str, detail: str, remedy: str, file: str) -> Finding:
    return Finding(code=code, summary=summary, detail=detail, remedy=remedy, position=Position(file=file))
