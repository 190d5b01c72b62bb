"""Checked documents as bytes: what another process hands back, and what is kept for the next run.

In: documents of files without a fault. Out: bytes, and back. Never: holds anything that could be executed; JSON and
numbers alone.

Texts and lists of roles of all assignments stand in one table, each once, and the columns are numbers of its entries:
that is a third of the bytes, and they become the same objects again without a text being compared.
"""

import json
from array import array
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from hashlib import sha256
from itertools import chain, count
from typing import Any

from orgsync.load import Document, Marks, of_one
from orgsync.load.columns import ABSENT, Assignments
from orgsync.resources import Json

Entry = Sequence[Document]
"""The documents of one file, which is not named in them: the same bytes may stand in another."""
Content = tuple[str, bytes]
"""A file, and its bytes."""
_CHECKSUM = 32
_LENGTH = 8
_HEAD = _CHECKSUM + _LENGTH
_ALWAYS = (ABSENT, None)
_COLUMNS = len(Assignments().columns())


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
    """A checksum, the length of what follows, a line of JSON that says what it is, JSON of everything but columns,
    columns, and marks."""
    flat: list[Any] = []
    marks: list[bytes] = []
    rows = {key: [_row(document, flat, marks) for document in entry] for key, entry in entries.items()}
    table = defaultdict(count(len(_ALWAYS)).__next__, zip(_ALWAYS, count()))
    numbers = array("I", map(table.__getitem__, flat))  # what is new gets the next number
    values = [*table][len(_ALWAYS) :]
    body = json.dumps([rows, values], separators=(",", ":"), ensure_ascii=False).encode(errors="surrogatepass")
    head = json.dumps({"version": version, "sizes": [len(body), len(numbers)]}, separators=(",", ":"))
    whole = b"".join([head.encode(), b"\n", body, numbers.tobytes(), *marks])
    return sha256(whole).digest() + len(whole).to_bytes(_LENGTH, "big") + whole


def _row(document: Document, flat: list[Any], marks: list[bytes]) -> list[Any]:
    """[number, how many marks, how many assignments, those with ``primary``, what is stated otherwise]"""
    own, value = document.marks, document.value
    if own is not None:
        marks.append(bytes(own))  # of an array or a view of one: eight for each number
    row = [document.number, None if own is None else len(own)]
    stated: Any = value.get("assignments")
    if not isinstance(stated, Assignments):
        return [*row, None, None, value]
    flat += chain(*stated.columns())
    return [*row, len(stated), [*stated.primary.items()], {**value, "assignments": None}]


def split(content: bytes) -> Iterator[bytes]:
    """What ``pack`` made, where several stand one behind the other."""
    start = 0
    while start < len(content):
        end = start + _HEAD + int.from_bytes(content[start + _CHECKSUM : start + _HEAD], "big")
        yield content[start:end]
        start = end


def unpack(content: bytes, version: Json, same: dict[Any, Any]) -> dict[str, Entry]:
    """``same``: a value -> the one object for all that are equal, those of other packs included.

    Raises ValueError, TypeError or KeyError where that is not what ``pack`` made, or made by another version.
    """
    if sha256(memoryview(content)[_HEAD:]).digest() != content[:_CHECKSUM]:
        raise ValueError("damaged")
    line = content.index(b"\n", _HEAD)
    head = json.loads(content[_HEAD:line])
    if head["version"] != version:
        raise ValueError("of another version")
    size, numbers = head["sizes"]
    middle = line + 1 + size
    end = middle + numbers * array("I").itemsize
    rows, values = json.loads(content[line + 1 : middle])
    columns = array("I", content[middle:end])
    values = [tuple(one) if type(one) is list else one for one in values]
    table = [*_ALWAYS, *map(same.setdefault, values, values)]
    opened = _Opened(list(map(table.__getitem__, columns)), memoryview(content[end:]).cast("Q"))
    return {key: [opened.document(*row) for row in entry] for key, entry in rows.items()}


class _Opened:
    """Columns and marks of all documents, one behind the other, each taken off once."""

    def __init__(self, flat: list[Any], marks: Marks) -> None:
        self._flat, self._marks = flat, marks
        self._at = self._mark = 0

    def document(
        self, number: int, marks: int | None, size: int | None, primary: list[tuple[int, bool]], value: dict[str, Any]
    ) -> Document:
        if size is not None:
            value["assignments"] = Assignments.of_columns([self._column(size) for _ in range(_COLUMNS)], dict(primary))
        own = None
        if marks is not None:
            own = self._marks[self._mark : self._mark + marks]
            self._mark += marks
        return Document(value=value, file="", number=number, marks=own, checked=True)

    def _column(self, size: int) -> list[Any]:
        start, self._at = self._at, self._at + size
        return self._flat[start : self._at]
