"""What was read of the files of one repository in earlier runs, kept in one file of the user's.

In: the repository's folder, the cache's. Out: entries by their keys. Never: fails, whatever is in that file or cannot
be written; believes what somebody else, another version, another Python or a damaged disk left there. It is safe to
delete at any time.
"""

import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from importlib.util import find_spec
from pathlib import Path

from orgsync import __version__
from orgsync.intake.entries import Entry, pack, split, unpack
from orgsync.keeping import keep, kept
from orgsync.resources import Json

_MAKERS = (
    *("orgsync.load", "orgsync.load.builder", "orgsync.load.columns", "orgsync.load.positions", "orgsync.load.text"),
    *("orgsync.documents", "orgsync.wording", "orgsync.resources", "orgsync.intake.entries"),
)
_LIBRARIES = ("yaml", "pydantic", "pydantic_core")


_MOST_PACKS = 8


@dataclass(frozen=True, slots=True)
class Kept:
    """``content``: of the file, which is made of so many ``packs``."""

    entries: Mapping[str, Entry] = field(default_factory=dict)
    content: bytes = b""
    packs: int = 0


def read(root: Path, folder: Path) -> Kept:
    try:
        content, version = kept(_path(root, folder)), _version()
        packs = [unpack(one, version) for one in split(content)]
    except (OSError, ValueError, TypeError, KeyError, AttributeError):
        return Kept()
    return Kept({key: entry for pack in packs for key, entry in pack.items()}, content, len(packs))


def write(root: Path, folder: Path, known: Kept, entries: Mapping[str, Entry]) -> None:
    """Where little is new it goes behind what is there, and takes a tenth of the time of writing everything anew; that
    is done now and then, and leaves out what is not among ``entries`` any more."""
    more = {key: entry for key, entry in entries.items() if key not in known.entries}
    if 0 < known.packs < _MOST_PACKS and len(known.entries) + len(more) < 2 * len(entries):
        keep(_path(root, folder), known.content + pack(more, _version()))
    else:
        keep(_path(root, folder), pack(entries, _version()))


def _path(root: Path, folder: Path) -> Path:
    return folder / f"{sha256(os.fsencode(root.resolve())).hexdigest()[:32]}.documents"


def _version() -> Json:
    """All that decides what is made of a file's bytes. The time of change tells apart what a developer edits."""
    found = [find_spec(name) for name in (*_MAKERS, *_LIBRARIES)]
    stats = [Path(spec.origin).stat() for spec in found if spec is not None and spec.origin is not None]
    made = [f"{one.st_size} {one.st_mtime_ns}" for one in stats]
    return [__version__, sys.version, sys.byteorder, *made]
