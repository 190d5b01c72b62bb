"""Checked documents as bytes: what another process hands back, and what is kept for the next run.

In: files without a fault. Out: entries, and back. Never: holds anything that could be executed; JSON and numbers alone.
"""

import json
from array import array
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256

from orgsync.load import Document, of_one
from orgsync.resources import Json

_CHECKSUM = 32


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One file. ``text``: JSON of (number, how many marks, what is stated) of each document; ``marks`` of all of them.

    Marks are of no use until a position is asked for, and are left as they are until then.
    """

    text: bytes | memoryview
    marks: bytes | memoryview


def entry_of(content: bytes, file: str) -> Entry | None:
    """None for a file in which there is anything to tell."""
    from orgsync.documents import check  # noqa: PLC0415  (building the models takes longer than many a plan)

    repository = of_one(content, file)
    checked, findings = check(repository)
    if repository.findings or findings or len(checked) != len(repository.documents):
        return None
    pairs = [(repository.documents[index], stated) for index, stated in checked]
    rows = [(one.number, None if one.marks is None else len(one.marks), stated) for one, stated in pairs]
    text = json.dumps(rows, separators=(",", ":"), ensure_ascii=False).encode(errors="surrogatepass")
    return Entry(text=text, marks=b"".join(array("Q", one.marks or ()).tobytes() for one, _ in pairs))


def documents_of(entry: Entry, file: str) -> list[Document]:
    """Raises ValueError, TypeError or KeyError where the entry is none."""
    found: list[Document] = []
    marks, start = memoryview(bytes(entry.marks)).cast("Q"), 0
    for number, count, stated in json.loads(bytes(entry.text)):
        end = start + (count or 0)
        own = None if count is None else marks[start:end]
        found.append(Document(value=stated, file=file, number=number, marks=own, checked=True))
        start = end
    return found


def pack(entries: Mapping[str, Entry], version: Json) -> bytes:
    """A checksum, a line of JSON that says what follows, and the entries one behind the other."""
    sizes = {key: (len(one.text), len(one.marks)) for key, one in entries.items()}
    head = json.dumps({"version": version, "entries": sizes}, separators=(",", ":")).encode()
    body = b"".join([head, b"\n", *(part for one in entries.values() for part in (one.text, one.marks))])
    return sha256(body).digest() + body


def unpack(content: bytes, version: Json) -> dict[str, Entry]:
    """Raises ValueError, TypeError or KeyError where that is not what ``pack`` made, or made by another version."""
    whole = memoryview(content)
    body = whole[_CHECKSUM:]
    if sha256(body).digest() != content[:_CHECKSUM]:
        raise ValueError("damaged")
    line = content.index(b"\n", _CHECKSUM)
    head = json.loads(content[_CHECKSUM:line])
    if head["version"] != version:
        raise ValueError("of another version")
    found: dict[str, Entry] = {}
    start = line + 1
    for key, (text, marks) in head["entries"].items():
        middle, end = start + text, start + text + marks
        found[key] = Entry(text=whole[start:middle], marks=whole[middle:end])
        start = end
    return found


def key_of(file: str, content: bytes) -> str:
    """What an entry depends on: the bytes, and the folder, which decides on the kinds that may stand in it."""
    return sha256(b"%s\0%s" % (file.partition("/")[0].encode(), content)).hexdigest()
