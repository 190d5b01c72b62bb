"""Settings that were checked in an earlier run, in a file of the user's: loading the library that checks them takes
longer than many a plan.

In: the repository's folder, the cache's, the bytes of orgsync.yaml. Out: settings. Never: fails, whatever is in that
file or cannot be written; believes what somebody else, another version, another Python or a damaged disk left there;
is asked to keep what the adapters were not content with, so that nothing is in it but names and numbers that they know.
"""

import json
import os
from contextlib import suppress
from hashlib import sha256
from pathlib import Path

from orgsync.keeping import keep, kept
from orgsync.program import program
from orgsync.settings.values import Settings, Stated, settings_of

_DIGEST = 32


def read(root: Path, folder: Path, content: bytes) -> Settings | None:
    try:
        found = kept(_path(root, folder))
        text = found[_DIGEST:]
        return settings_of(json.loads(text)) if found[:_DIGEST] == _digest(content, text) else None
    except (OSError, ValueError, TypeError, KeyError, AttributeError):
        return None


def write(root: Path, folder: Path, content: bytes, stated: Stated) -> None:
    text = json.dumps(stated, separators=(",", ":")).encode()
    with suppress(OSError):
        keep(_path(root, folder), _digest(content, text) + text)


def _path(root: Path, folder: Path) -> Path:
    return folder / f"{sha256(os.fsencode(root.resolve())).hexdigest()[:32]}.settings"


def _digest(content: bytes, text: bytes) -> bytes:
    """Of what was checked, what made of it what, and that itself."""
    parts = (sha256(content).digest(), sha256(program()).digest(), text)
    return sha256(b"".join(parts)).digest()
