"""What was read of the files of one repository in earlier runs, kept in one file of the user's.

In: the repository's folder, the cache's. Out: entries by their keys. Never: fails, whatever is in that file or cannot
be written; believes what somebody else, another version, another Python or a damaged disk left there. It is safe to
delete at any time.
"""

import os
import sys
from collections.abc import Mapping
from hashlib import sha256
from importlib.util import find_spec
from pathlib import Path

from orgsync import __version__
from orgsync.intake.entries import Entry, pack, unpack
from orgsync.keeping import keep, kept
from orgsync.resources import Json

_MAKERS = (
    *("orgsync.load", "orgsync.load.builder", "orgsync.load.parsing", "orgsync.load.text"),
    *("orgsync.documents", "orgsync.wording", "orgsync.resources", "orgsync.intake.entries"),
)
_LIBRARIES = ("yaml", "pydantic", "pydantic_core")


def read(root: Path, folder: Path) -> dict[str, Entry]:
    try:
        return unpack(kept(_path(root, folder)), _version())
    except (OSError, ValueError, TypeError, KeyError, AttributeError):
        return {}


def write(root: Path, folder: Path, entries: Mapping[str, Entry]) -> None:
    keep(_path(root, folder), pack(entries, _version()))


def _path(root: Path, folder: Path) -> Path:
    return folder / f"{sha256(os.fsencode(root.resolve())).hexdigest()[:32]}.documents"


def _version() -> Json:
    """All that decides what is made of a file's bytes. The time of change tells apart what a developer edits."""
    found = [find_spec(name) for name in (*_MAKERS, *_LIBRARIES)]
    stats = [Path(spec.origin).stat() for spec in found if spec is not None and spec.origin is not None]
    made = [f"{one.st_size} {one.st_mtime_ns}" for one in stats]
    return [__version__, sys.version, sys.byteorder, *made]
