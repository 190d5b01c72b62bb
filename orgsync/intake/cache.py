"""What was read of the files of one repository in earlier runs, kept in one file of the user's.

In: the repository's folder, the cache's. Out: entries by their keys. Never: fails, whatever is in that file or cannot
be written; believes what somebody else, another version, another Python or a damaged disk left there. It is safe to
delete at any time.
"""

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import reduce
from hashlib import sha256
from pathlib import Path
from typing import Any

from orgsync.intake.entries import Entry, Pack, opened, pack, split
from orgsync.keeping import keep, kept
from orgsync.program import program

_MOST_PACKS = 8


@dataclass(frozen=True, slots=True)
class Kept:
    """``packs``: what the file is made of, one behind the other; ``same``: a value -> the one object for all equal."""

    entries: Mapping[str, Entry] = field(default_factory=dict)
    packs: tuple[bytes | memoryview, ...] = ()
    same: dict[Any, Any] = field(default_factory=dict)

    def joined(self, pack: Pack) -> "Kept":
        """Raises ValueError, TypeError or KeyError."""
        if not pack.keys:
            return self
        entries = {**self.entries, **pack.entries(self.same)}
        return Kept(entries, (*self.packs, pack.content), self.same)

    def more(self, entries: Mapping[str, Entry], *, packed: bool) -> "Kept":
        """What is new goes behind what is there, which takes a tenth of the time of writing everything anew."""
        packs = (*self.packs, pack(entries, version())) if packed and entries else self.packs
        return Kept({**self.entries, **entries}, packs, self.same)


def size(root: Path, folder: Path) -> int:
    try:
        return _path(root, folder).stat().st_size
    except OSError:
        return 0


def found(root: Path, folder: Path) -> Sequence[Pack]:
    """Whole and of this version, or none at all."""
    try:
        made_by = version()
        return [opened(one, made_by) for one in split(kept(_path(root, folder)))]
    except (OSError, ValueError, TypeError, KeyError, AttributeError):
        return []


def read(packs: Sequence[Pack]) -> Kept:
    try:
        return reduce(Kept.joined, packs, Kept())
    except (ValueError, TypeError, KeyError, AttributeError):
        return Kept()


def write(root: Path, folder: Path, known: Kept, entries: Mapping[str, Entry]) -> None:
    """Everything is written anew now and then, which leaves out what is not among ``entries`` any more."""
    fits = 0 < len(known.packs) <= _MOST_PACKS and len(known.entries) < 2 * len(entries)
    keep(_path(root, folder), b"".join(known.packs) if fits else pack(entries, version()))


def _path(root: Path, folder: Path) -> Path:
    return folder / f"{sha256(os.fsencode(root.resolve())).hexdigest()[:32]}.documents"


def version() -> str:
    """All that decides what is made of a file's bytes."""
    return sha256(program()).hexdigest()
