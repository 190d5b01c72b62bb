"""All that decides what is made of bytes: orgsync, Python, and the libraries that parse and check.

In: nothing. Out: bytes that differ where it does. The time of change tells apart what a developer edits; that of the
libraries' folder, what was installed beside them. Never: loads any of it.
"""

import os
import sys
from collections.abc import Iterator
from functools import cache
from importlib.util import find_spec
from pathlib import Path

from orgsync import __version__

_LIBRARIES = ("yaml", "pydantic", "pydantic_core")


@cache
def program() -> bytes:
    folder = Path(__file__).parent
    found = [Path(spec.origin) for name in _LIBRARIES if (spec := find_spec(name)) is not None and spec.origin]
    beside = [path for library in found for path in (library, library.parent.parent)]
    stats = sorted((*_stats(folder), *(_stat(path, path.stat()) for path in beside)))
    return "\n".join([__version__, sys.version, sys.byteorder, *stats]).encode(errors="surrogateescape")


def _stats(folder: Path | str) -> Iterator[str]:
    """Of all modules below."""
    with os.scandir(folder) as entries:
        for entry in entries:
            if entry.name.endswith(".py"):
                yield _stat(entry.path, entry.stat())
            elif entry.name != "__pycache__" and entry.is_dir():
                yield from _stats(entry.path)


def _stat(path: Path | str, found: os.stat_result) -> str:
    return f"{path} {found.st_size} {found.st_mtime_ns}"
