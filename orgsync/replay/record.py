"""One answer, and what it was made of, as bytes.

In: texts. Out: a file in the user's cache folder, and back. Never: holds anything that could be executed, or a value of
the environment; takes another's file, a damaged one or one of another format for its own.
"""

import os

from orgsync.keeping import keep, kept
from orgsync.replay.facts import Doubt, sha256

_CHECKSUM = 32
_FORMAT = "2"
_FIELD, _LIST = "\0", "\1"
_ENDING = ".answer"
MOST_BYTES = 8 * 1024 * 1024
MOST_FILES = 64


class Record:
    """What can be looked at again, its digests, and what was said.

    repo      what ``--repo`` named, "" where nothing did
    root      the repository that this led to
    code      files that the answer was made by
    journal   SQLite files of which the state counts
    live      SQLite files of which every byte counts
    declared  digest of each declared file, in the order of their names
    cheap     digest of what is known without reading files whole
    dear      digest of what stands in them, and of what git says
    exit      the exit code
    said      each text, behind the number of the stream that it went to
    """

    __slots__ = ("cheap", "code", "dear", "declared", "exit", "journal", "live", "repo", "root", "said")

    def __init__(
        self,
        *,
        repo: str,
        root: str,
        code: list[str],
        journal: list[str],
        live: list[str],
        declared: list[str],
        cheap: str,
        dear: str,
        exit: int,  # noqa: A002
        said: list[str],
    ) -> None:
        self.repo, self.root, self.code, self.journal, self.live = repo, root, code, journal, live
        self.declared, self.cheap, self.dear, self.exit, self.said = declared, cheap, dear, exit, said


def write(path: str, record: Record) -> None:
    """Raises Doubt where it cannot be told apart from another one, or is too much to keep."""
    one = [_FORMAT, record.repo, record.root, record.cheap, record.dear, str(record.exit)]
    lists = [one, record.code, record.journal, record.live, record.declared, record.said]
    if any(mark in text for texts in lists for text in texts for mark in (_FIELD, _LIST)):
        raise Doubt("a mark within a text")
    body = _LIST.join(_FIELD.join(texts) for texts in lists).encode("utf-8", "surrogatepass")
    if len(body) > MOST_BYTES:
        raise Doubt("too much")
    keep(path, sha256(body).digest() + body)
    _prune(os.path.dirname(path))


def read(path: str) -> Record:
    """Raises OSError, ValueError or Doubt where there is none, or one that is not to be believed."""
    content = kept(path)
    body = memoryview(content)[_CHECKSUM:]
    if sha256(body).digest() != content[:_CHECKSUM]:
        raise Doubt("damaged")
    lists = [texts.split(_FIELD) if texts else [] for texts in str(body, "utf-8", "surrogatepass").split(_LIST)]
    (form, repo, root, cheap, dear, code), made_by, journal, live, declared, said = lists
    if form != _FORMAT:
        raise Doubt("another format")
    return Record(
        repo=repo,
        root=root,
        code=made_by,
        journal=journal,
        live=live,
        declared=declared,
        cheap=cheap,
        dear=dear,
        exit=int(code),
        said=said,
    )


def _prune(folder: str) -> None:
    """The answers given last stay."""
    with os.scandir(folder) as entries:
        found = [(entry.stat().st_mtime_ns, entry.path) for entry in entries if entry.name.endswith(_ENDING)]
    for _, path in sorted(found)[:-MOST_FILES]:
        os.unlink(path)


def name_of(question: str) -> str:
    return question[:_CHECKSUM] + _ENDING
