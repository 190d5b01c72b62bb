"""Parse and check every file once: not again while it stays as it is, and on both cores where there is much to do.

In: files and their bytes. Out: the documents of those in which there is nothing to tell; all others go the ordinary
way, so that findings are made in one place. Never: takes a document for another's, or fails where the cache does.
"""

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from orgsync.finding import Finding
from orgsync.intake import cache
from orgsync.intake.entries import Entry, entry_of
from orgsync.intake.helper import Helper
from orgsync.load import Assignments, Checked, Document, Repository
from orgsync.load.files import key_of

_HEAD_START = 2 * 1024 * 1024
"""Bytes that are parsed and checked while a second process starts."""


@dataclass(frozen=True, slots=True)
class Intake:
    """``folder``: of the cache, None to keep nothing."""

    root: Path
    folder: Path | None

    def ready(self, texts: Mapping[str, bytes]) -> Mapping[str, Sequence[Document]]:
        keys = {file: key_of(file, content) for file, content in texts.items()}
        earlier = cache.read(self.root, self.folder) if self.folder is not None else cache.Kept()
        known = earlier.entries
        new = _entries({file: content for file, content in texts.items() if keys[file] not in known})
        same: dict[Any, Any] = {}
        new = {file: [_shared(one, same) for one in entry] for file, entry in new.items()}
        entries = {file: known.get(key) or new.get(file) for file, key in keys.items()}
        if self.folder is not None and new:
            kept = {keys[file]: entry for file, entry in entries.items() if entry is not None}
            cache.write(self.root, self.folder, earlier, kept)
        found = ((file, entry) for file, entry in entries.items() if entry is not None)
        return {file: [self._named(one, file, keys[file]) for one in entry] for file, entry in found}

    def _named(self, document: Document, file: str, key: str) -> Document:
        """Without a cache the folder may be a passing one, from which nothing can be read again."""
        return replace(document, file=file, key="" if self.folder is None else key)


def _shared(document: Document, same: dict[Any, Any]) -> Document:
    """Logins, dates, reasons and lists of roles stand at many assignments: one for all that are equal takes a fifth
    less memory."""
    stated: Any = document.value.get("assignments")
    if not isinstance(stated, Assignments):
        return document
    shared: Any = stated.shared(same.setdefault)
    return replace(document, value={**document.value, "assignments": shared})


def check(repository: Repository) -> tuple[list[Checked], list[Finding]]:
    """As ``documents.check``, which is not even imported where everything is checked already."""
    done = [(index, one.value) for index, one in enumerate(repository.documents) if one.checked]
    if len(done) == len(repository.documents):
        return [*done], []
    from orgsync import documents  # noqa: PLC0415

    checked, findings = documents.check(repository)
    return sorted([*done, *checked], key=_index), findings


def _index(one: Checked) -> int:
    return one[0]


def _entries(contents: Mapping[str, bytes]) -> dict[str, Entry]:
    """Of the files without a fault. The second process gets what it can do by the time when this one is through."""
    theirs = _share(contents)
    ours = {file: content for file, content in contents.items() if file not in theirs}
    if not theirs:
        return _own(ours)
    try:
        with Helper(theirs) as helper:
            return _own(ours) | (helper.entries() or _own(theirs))
    except OSError:  # no further process, or no place for its files
        return _own(contents)


def _own(contents: Mapping[str, bytes]) -> dict[str, Entry]:
    entries = {file: entry_of(content, file) for file, content in contents.items()}
    return {file: entry for file, entry in entries.items() if entry is not None}


def _share(contents: Mapping[str, bytes]) -> dict[str, bytes]:
    total = sum(map(len, contents.values()))
    left = (total - _HEAD_START) // 2 if (os.cpu_count() or 1) > 1 else 0
    share: dict[str, bytes] = {}
    for file, content in contents.items():
        left -= len(content)
        if left < 0:
            break
        share[file] = content
    return share


__all__ = ["Intake", "check"]
