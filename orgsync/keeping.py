"""Files of the user's that can be made again.

In: bytes. Out: a file, whole or as it was; its bytes; the folder for them. Never: fails to write; lets anybody else
read it; believes what anybody else could have written; loads more than a fast start can bear.
"""

import os

TYPE_CHECKING = False  # as ``typing`` has it, which takes long to load
if TYPE_CHECKING:
    from collections.abc import Mapping


def folder_of(environment: "Mapping[str, str]") -> str:
    """The user's folder for what can be made again, "" for none; a library that knows it takes longer to load than it
    saves."""
    stated = environment.get("ORGSYNC_CACHE", "")
    if stated.lower() == "off":
        return ""
    above = environment.get("XDG_CACHE_HOME") or environment.get("LOCALAPPDATA") or ""
    home = os.path.expanduser("~")  # "~" where nobody is at home
    for folder in (stated, above and os.path.join(above, "orgsync"), os.path.join(home, ".cache", "orgsync")):
        if folder and os.path.isabs(folder):
            return folder
    return ""


def keep(path: "str | os.PathLike[str]", content: bytes) -> None:
    """Who writes last wins, and whoever reads sees one whole file: it is replaced, never changed."""
    from contextlib import suppress  # noqa: PLC0415  (whoever only reads starts without)
    from pathlib import Path  # noqa: PLC0415
    from tempfile import NamedTemporaryFile  # noqa: PLC0415

    folder = Path(path).parent
    with suppress(OSError):
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        with NamedTemporaryFile(dir=folder, prefix=".new-", delete=False) as file:
            try:
                file.write(content)
                file.close()
                Path(file.name).replace(path)
            except OSError:
                Path(file.name).unlink(missing_ok=True)


def kept(path: "str | os.PathLike[str]") -> bytes:
    """Raises OSError where there is none, or one that somebody else could have written: in a folder that others may
    write to, too, anybody could say what it holds."""
    with open(path, "rb") as file:
        if not _is_own(file.fileno()):
            raise PermissionError(f"{os.path.basename(path)} may be somebody else's")
        return file.read()


def _is_own(number: int) -> bool:
    found = os.fstat(number)
    return not hasattr(os, "geteuid") or (found.st_uid == os.geteuid() and not found.st_mode & 0o022)
