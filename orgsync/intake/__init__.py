"""Parse and check every file once: not again while it stays as it is, and on both cores where there is much to do.

In: files and their bytes. Out: the documents of those in which there is nothing to tell; all others go the ordinary
way, so that findings are made in one place. Never: takes a document for another's, or fails where the cache does.
"""

import os
from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from orgsync.finding import Finding
from orgsync.intake import cache
from orgsync.intake.cache import Kept
from orgsync.intake.entries import Content, Entry, Pack, entries_of, opened
from orgsync.intake.helper import begun, started
from orgsync.load import Assignments, Checked, Document, Repository
from orgsync.load.files import FOLDERS, key_of

_MUCH = 4 * 1024 * 1024
"""Bytes of YAML that take both cores: less is parsed and checked before a second process could begin."""
_MUCH_KEPT = 8 * 1024 * 1024
"""Bytes of the cache that take as long to unpack as a second process takes to start."""


@dataclass(frozen=True, slots=True)
class Intake:
    """``folder``: of the cache, None to keep nothing."""

    root: Path
    folder: Path | None

    def ready(self, texts: Mapping[str, bytes]) -> Mapping[str, Sequence[Document]]:
        keys = {file: key_of(file, content) for file, content in texts.items()}
        found = cache.found(self.root, self.folder) if self.folder is not None else ()
        kept = self._made(found, {key: (file, texts[file]) for file, key in keys.items()})
        entries = kept.entries
        if self.folder is not None and kept.packs != tuple(pack.content for pack in found):
            cache.write(self.root, self.folder, kept, {key: entries[key] for key in keys.values() if key in entries})
        return {
            file: [self._named(one, file, key) for one in entries[key]] for file, key in keys.items() if key in entries
        }

    def _made(self, found: Sequence[Pack], contents: Mapping[str, Content]) -> Kept:
        """What is kept, and the rest of what is without a fault."""
        known = frozenset[str]().union(*(pack.keys for pack in found))
        new = {key: content for key, content in contents.items() if key not in known}
        kept, tried = (self._with_another(found, new) if _pays(found, new) else None) or (cache.read(found), set[str]())
        left = {key: one for key, one in contents.items() if key not in kept.entries and key not in tried}
        return self._more(kept, entries_of(left))

    def _with_another(self, found: Sequence[Pack], new: Mapping[str, Content]) -> tuple[Kept, AbstractSet[str]] | None:
        """And whose files need not be looked at again. None where no other process starts.

        That one loads its libraries while this one unpacks what is kept. Where little is new, this one needs none.
        """
        try:
            with started() as second:
                second.ask(new, cache.version())
                kept, own, taken = cache.read(found), dict[str, Entry](), set[str]()
                for turn in second.turns() if _size(new) > _MUCH else ():
                    own.update(entries_of(turn))
                    taken.update(turn)
                kept = self._more(kept, own)  # while the other packs what it made
                answer = second.answer() if len(taken) < len(new) else b""
        except OSError:  # no further process, or no place for its files
            return None
        try:
            return kept.joined(opened(answer, cache.version())), new.keys()
        except (ValueError, TypeError, KeyError):
            return kept, taken

    def _more(self, kept: Kept, entries: Mapping[str, Entry]) -> Kept:
        shared = {key: [_shared(one, kept.same) for one in entry] for key, entry in entries.items()}
        return kept.more(shared, packed=self.folder is not None)

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


def expected(root: Path, folder: Path | None) -> AbstractContextManager[None]:
    """Within it a second process loads its libraries, where one is likely to be of use: a tenth of a second before
    anybody knows which files are new. A glance has to do: at the cache, or without one at how much there is."""
    kept = cache.size(root, folder) if folder is not None else 0
    much = kept > _MUCH_KEPT if kept else sum(_below(root / one) for one in FOLDERS) > _MUCH
    return begun() if much and (os.cpu_count() or 1) > 1 else nullcontext()


def _below(folder: Path | str) -> int:
    try:
        with os.scandir(folder) as found:
            entries = [*found]
        return sum(
            _below(one.path) if one.is_dir(follow_symlinks=False) else one.stat(follow_symlinks=False).st_size
            for one in entries
        )
    except OSError:
        return 0


def _pays(found: Sequence[Pack], new: Mapping[str, Content]) -> bool:
    kept = sum(len(pack.content) for pack in found)
    return bool(new) and (_size(new) > _MUCH or kept > _MUCH_KEPT) and (os.cpu_count() or 1) > 1


def _size(contents: Mapping[str, Content]) -> int:
    return sum(len(content) for _, content in contents.values())


__all__ = ["Intake", "check", "expected"]
