"""Which files there are below ``units/`` and ``roles/``, and their bytes.

In: a folder. Out: paths relative to it, bytes, findings. Never: follows a link out of those folders, opens a device.
"""

import os
import re
import stat
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path

from orgsync.finding import Finding, Position, Severity

FOLDERS = ("units", "roles")
MAX_BYTES = 32 * 1024 * 1024


def files(root: Path, findings: list[Finding]) -> Iterator[str]:
    """Paths relative to the root, sorted; what cannot be followed is a finding."""

    def unlisted(error: OSError) -> None:
        if not (isinstance(error, FileNotFoundError) and Path(error.filename).parent == root):
            findings.append(_unlisted(Path(error.filename).relative_to(root), error.strerror or type(error).__name__))

    for folder in FOLDERS:
        if (root / folder).is_symlink():
            findings.append(_link(Path(folder), "it is a link to a folder", "move the folder here"))
            continue
        for above, folders, names in os.walk(root / folder, onerror=unlisted):
            folders.sort()
            here = Path(above).relative_to(root)
            beginning = f"{here.as_posix()}/"
            for name in [*folders]:
                if (Path(above) / name).is_symlink():
                    folders.remove(name)
                    findings.append(_link(here / name, "it is a link to a folder", "move the folder here"))
            for name in sorted(names):
                if _is_plain(above, file := f"{beginning}{name}", name) or _usable(root, here / name, findings):
                    yield file


_PLAIN = re.compile(r"[!-~]+\.ya?ml")


def _is_plain(above: str, file: str, name: str) -> bool:
    """Nearly every file is, and to see that takes a tenth of the time that ``_usable`` takes."""
    return _PLAIN.fullmatch(file) is not None and not os.path.islink(f"{above}/{name}")  # noqa: PTH114


_BESIDE = re.compile(r"\.|README|CODEOWNERS$|.*\.md$|[^.]*\.txt$", re.IGNORECASE)
"""Names of files that may stand beside the YAML and are meant for others."""


def _unread(path: Path) -> Finding:
    """units/sales.yml.txt: somebody believes that it counts."""
    return Finding(
        code="file-not-read",
        severity=Severity.WARNING,
        summary="a file is not read",
        detail="its name does not end in .yaml or .yml",
        remedy="rename it, or move it out of units/ and roles/",
        position=Position(file=_shown(path)),
    )


def _usable(root: Path, path: Path, findings: list[Finding]) -> bool:
    if not path.name.lower().endswith((".yaml", ".yml")):
        findings += [] if _BESIDE.match(path.name) else [_unread(path)]
        return False
    try:
        str(path).encode()
    except UnicodeEncodeError:
        shown = _shown(path)
        findings.append(_file_finding("bad-file-name", "a file name is not UTF-8", shown, "rename the file", shown))
        return False
    if _leaves(root, path):
        findings.append(_link(path, "it leaves units/ and roles/", "put the file itself here"))
        return False
    return True


def _leaves(root: Path, path: Path) -> bool:
    """What cannot be followed at all, such as a ring of links, leaves nothing: opening it tells what is wrong."""
    try:
        inside = [(root / folder).resolve() for folder in FOLDERS]  # elsewhere stand .git/config and other secrets
        return (root / path).is_symlink() and not any(map((root / path).resolve().is_relative_to, inside))
    except (OSError, RuntimeError):
        return False


def _link(path: Path, detail: str, remedy: str) -> Finding:
    return _file_finding("link-not-followed", "a link is not followed", detail, remedy, _shown(path))


def _unlisted(path: Path, detail: str) -> Finding:
    """Not to be passed over: everybody whom the folder declares would seem to have left."""
    remedy = "check the folder and its rights"
    return _file_finding("unreadable-folder", "a folder cannot be read", detail, remedy, _shown(path))


def _shown(path: Path) -> str:
    return os.fsencode(path.as_posix()).decode("utf-8", "backslashreplace")


def read(root: Path, file: str, findings: list[Finding]) -> bytes | None:
    path = f"{root}/{file}"
    try:
        found = os.stat(path)  # noqa: PTH116  (a thousand times, and a Path takes as long as the call)
        if not stat.S_ISREG(found.st_mode):  # opening a pipe or a device could wait for ever
            findings.append(_unreadable(file, "it is not a regular file"))
            return None
        content = b"" if found.st_size > MAX_BYTES else _bytes(path)
    except OSError as error:
        findings.append(_unreadable(file, error.strerror or type(error).__name__))
        return None
    if max(found.st_size, len(content)) > MAX_BYTES:
        limit = f"more than {MAX_BYTES // 1024 // 1024} MiB"
        findings.append(_file_finding("file-too-large", "a file is too large", limit, "split it", file))
        return None
    return content


def read_again(root: Path, file: str, key: str) -> bytes | None:
    """None where it is not any more what it was."""
    content = read(root, file, [])
    return content if content is not None and key_of(file, content) == key else None


def key_of(file: str, content: bytes) -> str:
    """What decides on the documents of a file: its bytes, and the folder, which says what kinds may stand in it."""
    return sha256(b"%s\0%s" % (file.partition("/")[0].encode(), content)).hexdigest()


def _bytes(path: str) -> bytes:
    """In one piece: a buffer in between takes as long again."""
    with open(path, "rb", buffering=0) as stream:  # noqa: PTH123
        return stream.read()


def _unreadable(file: str, detail: str) -> Finding:
    remedy = "check the file and its rights"
    return _file_finding("unreadable-file", "a file cannot be read", detail, remedy, file)


def _file_finding(code: str, summary: str, detail: str, remedy: str, file: str) -> Finding:
    return Finding(code=code, summary=summary, detail=detail, remedy=remedy, position=Position(file=file))
