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
from orgsync.intake.cache import Kept
from orgsync.intake.entries import Content, Entry, entries_of
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
        kept = cache.read(self.root, self.folder) if self.folder is not None else cache.Kept()
        new = {key: (file, texts[file]) for file, key in keys.items() if key not in kept.entries}
        kept, own = _checked(new, kept)
        entries = {**kept.entries, **{key: [_shared(one, kept.same) for one in entry] for key, entry in own.items()}}
        if self.folder is not None and not entries.keys().isdisjoint(new):
            wanted = {key: entries[key] for key in keys.values() if key in entries}
            cache.write(self.root, self.folder, kept, wanted)
        return {
            file: [self._named(one, file, key) for one in entries[key]] for file, key in keys.items() if key in entries
        }

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


def _checked(contents: Mapping[str, Content], kept: Kept) -> tuple[Kept, dict[str, Entry]]:
    """What is kept, now with what the second process made, and the rest of those without a fault. That process gets
    what it can do by the time when this one is through."""
    theirs = _share(contents)
    if not theirs:
        return kept, entries_of(contents)
    ours = {key: content for key, content in contents.items() if key not in theirs}
    try:
        with Helper(theirs, cache.version()) as helper:
            own = entries_of(ours)
            answer = helper.answer()
    except OSError:  # no further process, or no place for its files
        return kept, entries_of(contents)
    try:
        return kept.joined(answer), own
    except (ValueError, TypeError, KeyError):
        return kept, {**own, **entries_of(theirs)}


def _share(contents: Mapping[str, Content]) -> dict[str, Content]:
    total = sum(len(content) for _, content in contents.values())
    left = (total - _HEAD_START) // 2 if (os.cpu_count() or 1) > 1 else 0
    share: dict[str, Content] = {}
    for key, (file, content) in contents.items():
        left -= len(content)
        if left < 0:
            break
        share[key] = file, content
    return share


__all__ = ["Intake", "check"]
