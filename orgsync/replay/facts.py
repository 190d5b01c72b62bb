"""Fingerprints of what goes into a plan.

In: paths. Out: texts and digests that are equal only where what they stand for is. Raises Doubt or OSError where that
cannot be told. Never: loads what takes long (dataclasses, pathlib and typing do).
"""

import os
import sys
import time
from stat import S_ISREG

try:  # the same function; ``hashlib`` takes a millisecond more to load
    from _hashlib import openssl_sha256 as sha256
except ImportError:
    from hashlib import sha256

__all__ = ["FOLDERS", "SAFELY", "STATUS", "Doubt", "Git", "code", "contents", "database", "digest", "files"]
__all__ += ["revision_in", "sha256", "today"]

TYPE_CHECKING = False  # as ``typing`` has it, which takes long to load
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

FOLDERS = ("units", "roles")
SETTINGS = "orgsync.yaml"
SAFELY = (
    "--no-optional-locks",  # writing the index would run a hook
    *("-c", "safe.bareRepository=explicit"),  # files of a pull request can look like a repository, settings included
    *("-c", "core.fsmonitor=false"),  # names a program
    *("-c", "core.hooksPath=/dev/null"),
)
STATUS = ("status", "--porcelain=v2", "--branch", "--no-ahead-behind", "--", *FOLDERS, SETTINGS)
_CHUNK, _TERMINATE = 1 << 20, 15
_SQLITE, _ITS_HEADER, _ITS_MODES = b"SQLite format 3\0", 100, slice(18, 20)
_PLAIN = (1, 1)
"""How it is read and written: with a rollback journal."""
_SIZE, _HEADER = slice(3, 4), slice(6, 7)


class Doubt(Exception):
    """Whether anything changed cannot be told."""


def digest(*parts: object) -> str:
    """Of texts, bytes, numbers, None, and lists and tuples of them; as Python writes them, so that no two are alike."""
    return sha256(ascii(parts).encode()).hexdigest()


def today() -> int:
    """The day, as UTC has it."""
    return int(time.time()) // 86_400


def process(arguments: list[str]) -> str:
    """What is asked, where, on which day, by which interpreter. The whole environment is in it: settings can refer to
    any of it, and libraries read more. What is secret there goes into this one digest of everything, and nowhere else.

    Raises Doubt where somebody is watching: what a terminal gets depends on its size, and moves.
    """
    streams = sys.stdout, sys.stderr
    if any(one is None or one.isatty() for one in streams):
        raise Doubt("a terminal")
    return digest(
        arguments,
        os.getcwd(),
        sorted(os.environ.items()),
        today(),
        [(one.encoding, one.errors) for one in streams],
        [sys.version, sys.executable, sys.path, sys.warnoptions, sorted(sys._xoptions.items()), repr(sys.flags)],
        [os.stat(folder).st_mtime_ns for folder in sys.path if folder.endswith("-packages")],
    )


def code(paths: list[str]) -> list[tuple[int, int]]:
    """What can be edited is told apart by size and time, as elsewhere in what is kept."""
    return [(found.st_size, found.st_mtime_ns) for found in map(os.stat, paths)]


def root_of(repo: str) -> str:
    """As ``session.find_root`` finds it."""
    if repo:
        return os.path.realpath(repo)
    folder = os.getcwd()
    while not os.path.isfile(os.path.join(folder, SETTINGS)):
        above = os.path.dirname(folder)
        if above == folder:
            raise Doubt("no repository")
        folder = above
    return folder


def files(root: str) -> dict[str, os.stat_result]:
    """All that is declared, and whatever lies beside it. Raises Doubt for links and devices, of which findings tell."""
    found = {SETTINGS: os.lstat(os.path.join(root, SETTINGS))}
    for folder in FOLDERS:
        if os.path.lexists(os.path.join(root, folder)):
            _below(root, folder, found)
    if not all(S_ISREG(one.st_mode) for one in found.values()):
        raise Doubt("no plain file")
    return dict(sorted(found.items()))


def _below(root: str, folder: str, found: dict[str, os.stat_result]) -> None:
    if os.path.islink(os.path.join(root, folder)):
        raise Doubt("a link")
    with os.scandir(os.path.join(root, folder)) as entries:
        for entry in entries:
            name = f"{folder}/{entry.name}"
            if entry.is_dir(follow_symlinks=False):
                _below(root, name, found)
            else:
                found[name] = entry.stat(follow_symlinks=False)


def sizes(found: dict[str, os.stat_result]) -> list[tuple[str, int]]:
    return [(name, one.st_size) for name, one in found.items()]


def states(found: dict[str, os.stat_result]) -> list[tuple[object, ...]]:
    """Equal before and after only where nobody wrote in between."""
    return [(name, *_moment(one)) for name, one in found.items()]


def _moment(found: os.stat_result) -> tuple[int, ...]:
    return found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns


def database(path: str) -> tuple[object, ...]:
    """The state of a SQLite file, without reading it: every transaction counts up in its header ("File change
    counter"). Raises Doubt where a part of it may stand in another file."""
    real = os.path.realpath(path)
    if os.path.lexists(f"{real}-journal") or os.path.lexists(f"{real}-wal"):
        raise Doubt("a transaction")
    if not os.path.exists(real):
        return (real,)
    if not os.path.isfile(real):
        raise Doubt("no plain file")
    with open(real, "rb", buffering=0) as file:
        header, found = file.read(_ITS_HEADER), os.fstat(file.fileno())
    if header and (not header.startswith(_SQLITE) or tuple(header[_ITS_MODES]) != _PLAIN):
        raise Doubt("no rollback journal")
    return real, *_moment(found), header


def likeness(path: str) -> tuple[object, ...]:
    """Size and header of a SQLite file: what tells nearly every other content without reading it whole. Raises as
    ``database``."""
    state = database(path)
    return state[_SIZE], state[_HEADER]


def contents(root: str, names: "Iterable[str]") -> "Iterator[str]":
    """Of all bytes of each file, as ``load.files.key_of``; "" for one that is missing."""
    buffer = bytearray(_CHUNK)
    view = memoryview(buffer)
    for name in names:
        try:
            number = os.open(os.path.join(root, name), os.O_RDONLY)
        except FileNotFoundError:
            yield ""
            continue
        whole = sha256(name.partition("/")[0].encode() + b"\0")
        try:
            size = os.fstat(number).st_size
            while size > 0 and (count := os.readv(number, [buffer])):
                whole.update(view[:count])
                size -= count
        finally:
            os.close(number)
        yield whole.hexdigest()


class Git:
    """``revision.revision``, asked of one process that runs beside ours."""

    def __init__(self, root: str, *question: str) -> None:
        self._root = root
        asked = question or STATUS
        self._answer, theirs = os.pipe()
        try:
            self._process = os.posix_spawnp(
                "git",
                ["git", *SAFELY, "-C", root, *asked],
                os.environ,
                file_actions=[
                    (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0),
                    (os.POSIX_SPAWN_DUP2, theirs, 1),
                    (os.POSIX_SPAWN_OPEN, 2, os.devnull, os.O_WRONLY, 0),
                ],
            )
        except OSError:
            os.close(self._answer)
            raise
        finally:
            os.close(theirs)

    def stop(self) -> None:
        """Nobody wants to know any more."""
        os.close(self._answer)
        os.kill(self._process, _TERMINATE)
        os.waitpid(self._process, 0)

    def said(self) -> bytes | None:
        """Waits for it. None where it failed."""
        with open(self._answer, "rb") as answer:
            text = answer.read()
        _, status = os.waitpid(self._process, 0)
        return None if status else text

    def revision(self) -> str:
        """Raises Doubt where git knows a commit and cannot compare the files with it."""
        text = self.said()
        if text is None:
            if Git(self._root, "rev-parse", "--verify", "HEAD").said() is not None:
                raise Doubt("git failed")
            return "unversioned"
        return revision_in(text.decode(errors="replace"))


def revision_in(told: str) -> str:
    """What git answers to ``STATUS``: the commit's full hash, with ``+dirty`` where declared files differ from it."""
    lines = told.splitlines()
    commit = next((line.split()[2] for line in lines if line.startswith("# branch.oid ")), "(initial)")
    if commit == "(initial)":
        return "unversioned"
    return commit + ("" if all(line.startswith("# ") for line in lines) else "+dirty")
