"""Which commit of the organization repository is being planned, and what an earlier one declared.

In: the repository's folder. Out: a short text; the declared files of a commit. Never: touches the work tree or the
index, or runs a program that the repository's files name: blobs are read as they are, without filters and attributes.
"""

import subprocess
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, date, datetime, time
from pathlib import Path, PurePosixPath
from threading import Thread

from orgsync.errors import BadUsage, OrgsyncError
from orgsync.replay.facts import FOLDERS, SAFELY, STATUS, revision_in

_MOST_BYTES = 1024 * 1024 * 1024


def revision(root: Path) -> str:
    """The commit's full hash, with ``+dirty`` where declared files differ from it."""
    return revision_in(_git(root, *STATUS))


def revision_begun(root: Path) -> Callable[[], str]:
    """Asks git in a thread: its answer takes longer than sealing a plan. To be begun when all files are read, so that
    none that was changed before passes for what is committed."""
    found: list[str] = []
    thread = Thread(target=lambda: found.append(revision(root)), name="orgsync-revision", daemon=True)
    thread.start()

    def answer() -> str:
        thread.join()
        return found[0]

    return answer


def commit_of(root: Path, name: str) -> str:
    """The full hash of what a branch, a tag or an abbreviation means. Raises BadUsage."""
    if commit := _git(root, "rev-parse", "--verify", "--quiet", "--end-of-options", f"{name}^{{commit}}"):
        return commit
    _require_git(root)
    raise BadUsage(f'git knows no commit "{name}" here', remedy="name a commit, a branch or a tag; git log lists them")


def commit_at(root: Path, day: date) -> str:
    """The last commit of that day or before it (UTC), along the line that HEAD stands on. Raises BadUsage."""
    ends = f"--min-age={int(datetime.combine(day, time.max, UTC).timestamp())}"  # --before guesses what is meant
    if commit := _git(root, "rev-list", "-1", "--first-parent", ends, "HEAD", "--"):
        return commit
    _require_git(root)
    raise BadUsage(f"git knows no commit of {day.isoformat()} or before", remedy="git log --first-parent lists them")


def _require_git(root: Path) -> None:
    """Raises BadUsage where no name of a commit would do better."""
    if not _git(root, "rev-parse", "--git-dir"):
        raise BadUsage(
            f"{root} has no commits to look at: it is no git repository, or git is not installed",
            remedy="install git and commit there (git init); what is declared now can be asked of without it",
        )


def lay_out(root: Path, commit: str, folder: Path) -> None:
    """Writes what the commit declares below units/ and roles/ into an empty folder. Raises OrgsyncError for what no
    checkout of it would be read from: a link, or a path that leads elsewhere."""
    blobs = list(_blobs(root, commit))
    for (_, path), content in zip(blobs, _contents(root, [blob for blob, _ in blobs]), strict=True):
        file = folder / path
        try:
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(content)
        except OSError as error:
            raise OrgsyncError(f"{path} of {commit[:7]} cannot be laid out: {error.strerror}") from None


def _blobs(root: Path, commit: str) -> Iterator[tuple[str, str]]:
    """(blob, path) of every YAML file."""
    listed = _bytes(root, "ls-tree", "-r", "-z", "-l", commit, "--", *(f"{one}/" for one in FOLDERS))
    total = 0
    for entry in filter(None, listed.split(b"\0")):
        head, _, name = entry.partition(b"\t")
        (mode, _, blob, size), path = head.split(), name.decode(errors="replace")
        if not path.endswith((".yaml", ".yml")):
            continue
        parts = PurePosixPath(path).parts
        if mode not in _PLAIN or ".." in parts or parts[0] not in FOLDERS:
            raise OrgsyncError(f"{path} of {commit[:7]} is not a plain file", remedy="put the file itself there")
        total += int(size)
        if total > _MOST_BYTES:
            raise OrgsyncError(f"{commit[:7]} declares more than 1 GiB", remedy="compare smaller commits")
        yield blob.decode(), path


_PLAIN = {b"100644", b"100755"}


def _contents(root: Path, blobs: Iterable[str]) -> Iterator[bytes]:
    answer = _bytes(root, "cat-file", "--batch", asked="".join(f"{blob}\n" for blob in blobs).encode())
    at = 0
    while at < len(answer):
        end = answer.index(b"\n", at)
        size = int(answer[at:end].split()[2])
        yield answer[end + 1 : end + 1 + size]
        at = end + size + 2


def _git(root: Path, *arguments: str) -> str:
    try:
        return _bytes(root, *arguments).decode(errors="replace").strip()
    except OrgsyncError:
        return ""


def _bytes(root: Path, *arguments: str, asked: bytes = b"") -> bytes:
    try:
        answer = subprocess.run(  # noqa: S603
            ["git", *SAFELY, "-C", str(root), *arguments],  # noqa: S607
            input=asked,
            capture_output=True,
            timeout=120,
            check=True,
        )
    except (OSError, subprocess.SubprocessError):
        raise OrgsyncError(
            f"git {arguments[0]} failed", remedy="is git installed, and is this its repository?"
        ) from None
    return answer.stdout
