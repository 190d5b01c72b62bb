"""Checked documents as bytes: what another process hands back, and what is kept for the next run.

In: documents of files without a fault. Out: bytes, and back. Never: holds anything that could be executed; JSON and
numbers alone.

What all assignments state in one column stands in a table, each value once, and the column is numbers of its entries:
that is a third of the bytes, and they become the same objects again without a text being compared.
"""

import json
from array import array
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from itertools import count
from struct import Struct
from typing import Any

from orgsync.load import Document, Marks, of_one
from orgsync.load.columns import ABSENT, Assignments
from orgsync.resources import Json

Entry = Sequence[Document]
"""The documents of one file, which is not named in them: the same bytes may stand in another."""
Content = tuple[str, bytes]
"""A file, and its bytes."""
_CHECKSUM = 32
_LENGTHS = Struct(">QQ")
_START = _CHECKSUM + _LENGTHS.size
_ALWAYS = (ABSENT, None)


def entry_of(content: bytes, file: str) -> Entry | None:
    """None for a file in which there is anything to tell."""
    from orgsync.documents import check  # noqa: PLC0415  (building the models takes longer than many a plan)

    repository = of_one(content, file)
    checked, findings = check(repository)
    if repository.findings or findings or len(checked) != len(repository.documents):
        return None
    pairs = [(repository.documents[index], dict(stated)) for index, stated in checked]
    return [Document(value=value, file="", number=one.number, marks=one.marks, checked=True) for one, value in pairs]


def entries_of(contents: Mapping[str, Content]) -> dict[str, Entry]:
    """Of the files without a fault, under the keys of all."""
    entries = {key: entry_of(content, file) for key, (file, content) in contents.items()}
    return {key: entry for key, entry in entries.items() if entry is not None}


def pack(entries: Mapping[str, Entry], version: Json) -> bytes:
    """A checksum, two lengths, JSON that says what follows, JSON of everything but columns, columns, and marks."""
    columns: list[list[Any]] = [[] for _ in Assignments().columns()]
    marks: list[bytes] = []
    rows = {key: [_row(document, columns, marks) for document in entry] for key, entry in entries.items()}
    numbers, values = zip(*map(_numbered, columns), strict=True)
    body = json.dumps([rows, values], separators=(",", ":"), ensure_ascii=False).encode(errors="surrogatepass")
    about = {"version": version, "keys": [*entries], "size": len(body), "assignments": len(columns[0])}
    head = json.dumps(about, separators=(",", ":")).encode()
    rest = b"".join([head, body, *numbers, *marks])
    checked = _LENGTHS.pack(len(head), len(rest)) + rest
    return sha256(checked).digest() + checked


def _row(document: Document, columns: Sequence[list[Any]], marks: list[bytes]) -> list[Any]:
    """[number, how many marks, how many assignments, those with ``primary``, what is stated otherwise]"""
    own, value = document.marks, document.value
    if own is not None:
        marks.append(bytes(own))  # of an array or a view of one: eight for each number
    row = [document.number, None if own is None else len(own)]
    stated: Any = value.get("assignments")
    if not isinstance(stated, Assignments):
        return [*row, None, None, value]
    for column, more in zip(columns, stated.columns(), strict=True):
        column.extend(more)
    return [*row, len(stated), [*stated.primary.items()], {**value, "assignments": None}]


def _numbered(column: Sequence[Any]) -> tuple[bytes, list[Any]]:
    """Numbers of values, and the values."""
    table = defaultdict(count(len(_ALWAYS)).__next__, zip(_ALWAYS, count()))
    numbers = array("I", map(table.__getitem__, column))  # what is new gets the next number
    return numbers.tobytes(), [*table][len(_ALWAYS) :]


def split(content: bytes) -> Iterator[memoryview]:
    """What ``pack`` made, where several stand one behind the other. Raises ValueError for anything else."""
    whole, start = memoryview(content), 0
    while start < len(whole):
        if start + _START > len(whole):
            raise ValueError("cut")
        end = start + _START + _LENGTHS.unpack_from(whole, start + _CHECKSUM)[1]
        yield whole[start:end]
        start = end


@dataclass(frozen=True, slots=True)
class Pack:
    """What ``pack`` made, whole and of this version. Its keys are known before what takes time, which is the rest."""

    content: memoryview
    keys: frozenset[str]
    start: int
    size: int
    assignments: int

    def entries(self, same: dict[Any, Any]) -> dict[str, Entry]:
        """``same``: a value -> the one object for all that are equal, those of other packs included.

        Raises ValueError, TypeError or KeyError where that is not what ``pack`` made.
        """
        view, end, length = self.content, self.start + self.size, self.assignments * array("I").itemsize
        rows, values = json.loads(bytes(view[self.start : end]))
        columns = [
            _column(bytes(view[end + number * length : end + (number + 1) * length]), some)
            for number, some in enumerate(_shared(values, same))
        ]
        opened = _Opened(columns, memoryview(bytes(view[end + len(columns) * length :])).cast("Q"))
        return {key: [opened.document(*row) for row in entry] for key, entry in rows.items()}


def opened(content: bytes | memoryview, version: Json) -> Pack:
    """Raises ValueError, TypeError or KeyError where that is not what ``pack`` made, or made by another version."""
    view = memoryview(content)
    if len(view) < _START or sha256(view[_CHECKSUM:]).digest() != view[:_CHECKSUM]:
        raise ValueError("damaged")
    start = _START + _LENGTHS.unpack_from(view, _CHECKSUM)[0]
    head = json.loads(bytes(view[_START:start]))
    if head["version"] != version:
        raise ValueError("of another version")
    return Pack(view, frozenset(head["keys"]), start, head["size"], head["assignments"])


def _shared(values: Sequence[list[Any]], same: dict[Any, Any]) -> Iterator[list[Any]]:
    """Reasons hardly ever repeat from pack to pack, and to find that out takes as long as all the rest."""
    user, roles, until, reason = values
    for shared in (user, list(map(tuple, roles)), until):
        yield list(map(same.setdefault, shared, shared))
    yield reason


def _column(numbers: bytes, values: list[Any]) -> list[Any]:
    return list(map([*_ALWAYS, *values].__getitem__, array("I", numbers)))


class _Opened:
    """Columns and marks of all documents, one behind the other, each taken off once."""

    def __init__(self, columns: Sequence[list[Any]], marks: Marks) -> None:
        self._columns, self._marks = columns, marks
        self._at = self._mark = 0

    def document(
        self, number: int, marks: int | None, size: int | None, primary: list[tuple[int, bool]], value: dict[str, Any]
    ) -> Document:
        if size is not None:
            end = self._at + size
            value["assignments"] = Assignments(dict(primary), *[one[self._at : end] for one in self._columns])
            self._at = end
        own = None
        if marks is not None:
            own = self._marks[self._mark : self._mark + marks]
            self._mark += marks
        return Document(value=value, file="", number=number, marks=own, checked=True)
