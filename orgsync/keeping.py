"""Files of the user's that can be made again.

In: bytes. Out: a file, whole or as it was; its bytes. Never: fails to write; lets anybody else read it; believes what
anybody else could have written.
"""

import os
from contextlib import suppress
from pathlib import Path
from tempfile import NamedTemporaryFile


def keep(path: Path, content: bytes) -> None:
    """Who writes last wins, and whoever reads sees one whole file: it is replaced, never changed."""
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


def _is_own(number: int) -> bool:
    found = os.fstat(number)
    return not hasattr(os, "geteuid") or (found.st_uid == os.geteuid() and not found.st_mode & 0o022)
