"""Files of the user's that can be made again.

In: bytes. Out: a file, whole or as it was; its bytes. Never: fails to write; lets anybody else read it; believes what
anybody else could have written.
"""

import os
import sys
from collections.abc import Iterator
from contextlib import suppress
from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path

from orgsync import __version__


def keep(path: Path, content: bytes) -> None:
    """Who writes last wins, and whoever reads sees one whole file: it is replaced, never changed."""
    from tempfile import NamedTemporaryFile  # noqa: PLC0415  (most runs have nothing to keep)

    with suppress(OSError):
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with NamedTemporaryFile(dir=path.parent, prefix=".new-", delete=False) as file:
            try:
                file.write(content)
                file.close()
                Path(file.name).replace(path)
            except OSError:
                Path(file.name).unlink(missing_ok=True)


def kept(path: Path) -> bytes:
    """Raises OSError where there is none, or one that somebody else could have written: in a folder that others may
    write to, too, anybody could say what it holds."""
    with path.open("rb") as file:
        if not _is_own(file.fileno()):
            raise PermissionError(f"{path.name} may be somebody else's")
        return file.read()


@lru_cache(maxsize=1)
def program() -> bytes:
    """All that decides what is made of bytes: orgsync, Python, and the libraries that parse and check. The time of
    change tells apart what a developer edits; that of the libraries' folder, what was installed beside them."""
    folder = Path(__file__).parent
    found = [Path(spec.origin) for name in _LIBRARIES if (spec := find_spec(name)) is not None and spec.origin]
    beside = [path for library in found for path in (library, library.parent.parent)]
    stats = sorted((*_stats(folder), *(_stat(path, path.stat()) for path in beside)))
    return "\n".join([__version__, sys.version, sys.byteorder, *stats]).encode(errors="surrogateescape")


_LIBRARIES = ("yaml", "pydantic", "pydantic_core")


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


def _is_own(number: int) -> bool:
    found = os.fstat(number)
    return not hasattr(os, "geteuid") or (found.st_uid == os.geteuid() and not found.st_mode & 0o022)
