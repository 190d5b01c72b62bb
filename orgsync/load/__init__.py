"""Read the YAML of an organization repository: plain values, exact positions on demand, every fault a finding.

In: a folder. Out: documents (dicts, lists, texts; every scalar is the text that the author wrote, a plain null is
None). Never: guesses a type, follows a link out of the repository, expands an alias bomb, or raises for content.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from orgsync.collector import collector_paused
from orgsync.finding import Finding, Position, Severity
from orgsync.load.columns import Assignments, Stated
from orgsync.load.files import FOLDERS, MAX_BYTES, files, read, read_again
from orgsync.load.positions import Places
from orgsync.load.values import MAX_DEPTH, Marks, Path_, Value
from orgsync.resources import Place

_LEAVE_THE_DOCUMENT = frozenset({"yaml-tag", "yaml-directive", "complex-key", "merge-key", "duplicate-key"})


Checked = tuple[int, Stated]
"""(index in ``Repository.documents``, what it states)"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Document:
    """``number`` counts the documents of one file from 0; ``marks``: where its mappings and lists begin, if known;
    ``checked``: it is valid, and ``value`` is what it states; ``key``: of its file's bytes, which can be read again."""

    value: dict[str, Value]
    file: str
    number: int
    marks: Marks | None = field(default=None, repr=False, compare=False)
    checked: bool = False
    key: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Repository:
    """What was read: documents in the order of their files' names, and the text of each file that cannot be read again
    when somebody asks for it: all files take as much memory as what is made of them."""

    root: Path
    documents: Sequence[Document] = ()
    findings: Sequence[Finding] = ()
    texts: dict[str, bytes] = field(default_factory=dict)
    _places: dict[int, Places] = field(default_factory=dict, repr=False, compare=False)

    def position(self, place: Place, *, of_key: bool = False) -> Position:
        """Where the value at this place stands, or the name of the field, ``of_key``."""
        number, path = place
        document = self.documents[number]
        places = self._places_in(number)
        if places is not None and not of_key and (found := places.find(path, document.file)) is not None:
            return found
        if (text := self._text_of(document)) is not None:
            return position_in(text, document.file, document.number, path, of_key=of_key)
        return Position(file=document.file) if places is None else places.around(path, document.file)

    def _places_in(self, number: int) -> Places | None:
        document = self.documents[number]
        if document.marks is not None and number not in self._places:
            self._places[number] = Places(document.value, document.marks)
        return self._places.get(number)

    def _text_of(self, document: Document) -> bytes | None:
        """None where the file has changed since: another place of another text is of no use."""
        file = document.file
        if file not in self.texts and (content := read_again(self.root, file, document.key)) is not None:
            self.texts[file] = content
        return self.texts.get(file)

    @property
    def unread(self) -> list[Finding]:
        """Because of these there may be documents that nobody has seen; every other fault leaves its document."""
        return [one for one in self.findings if one.severity is Severity.ERROR and one.code not in _LEAVE_THE_DOCUMENT]


Ready = Callable[[Mapping[str, bytes]], Mapping[str, Sequence[Document]]]
"""Files and their bytes -> the documents of those that need not be parsed any more."""


def _nothing(_: Mapping[str, bytes]) -> Mapping[str, Sequence[Document]]:
    return {}


def load(root: Path, ready: Ready = _nothing) -> Repository:
    """Every ``*.yaml`` and ``*.yml`` below ``units/`` and ``roles/``, at any depth."""
    documents: list[Document] = []
    findings: list[Finding] = []
    with collector_paused():
        contents = {file: read(root, file, findings) for file in files(root, findings)}
        texts = {file: content for file, content in contents.items() if content is not None}
        known = ready(texts)
        for file, content in texts.items():
            if file in known:
                documents += known[file]
                continue
            found, faults = _documents(content, file)
            documents += found
            findings += faults
        again = {file for file, found in known.items() if all(one.key and one.marks is not None for one in found)}
        texts = {file: content for file, content in texts.items() if file not in again}
    return Repository(root=root, documents=documents, findings=findings, texts=texts)


def of_one(content: bytes, file: str) -> Repository:
    """As if there were only this file."""
    documents, findings = _documents(content, file)
    return Repository(root=Path(), documents=documents, findings=findings, texts={file: content})


def _documents(content: bytes, file: str) -> tuple[list[Document], list[Finding]]:
    from orgsync.load.parsing import built  # noqa: PLC0415  (what is kept of an earlier run needs no parser)

    pairs, findings = built(content, file)
    numbered = enumerate(pairs)
    return [
        Document(value=value, file=file, number=number, marks=marks)
        for number, (value, marks) in numbered
        if isinstance(value, dict)
    ], findings


def parse(content: bytes, file: str) -> tuple[list[Value], list[Finding]]:
    """The documents of one file, None for those that are empty or were refused; nothing at all of a broken file.

    What is empty is a warning, everything else an error.
    """
    from orgsync.load.parsing import built  # noqa: PLC0415

    pairs, findings = built(content, file)
    return [value for value, _ in pairs], findings


def position_in(content: bytes, file: str, number: int, path: Path_, *, of_key: bool = False) -> Position:
    """Where a value stands, or the name of the field, ``of_key``; of any file, ``orgsync.yaml`` too."""
    from orgsync.load.composing import find, index  # noqa: PLC0415

    return find(index(content)[number], path, file, of_key=of_key)


__all__ = [
    "FOLDERS",
    "MAX_BYTES",
    "MAX_DEPTH",
    "Assignments",
    "Checked",
    "Document",
    "Marks",
    "Ready",
    "Repository",
    "Stated",
    "Value",
    "load",
    "of_one",
    "parse",
    "position_in",
]
