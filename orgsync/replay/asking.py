"""Asked before anything else is loaded: is there an answer, and is everything as it was?

In: the command's words. Out: the answer, or what whoever makes it anew needs to keep it. Never: raises before the
answer is being given.
"""

import os
import sys
import time

from orgsync.keeping import folder_of
from orgsync.replay import facts
from orgsync.replay.record import Record, name_of, read


class Asked:
    """A command that could have been answered before.

    path      where its answer is kept
    process   the digest of what is asked
    began     when, in nanoseconds
    day       on which day
    """

    __slots__ = ("began", "day", "path", "process")

    def __init__(self, arguments: list[str], folder: str) -> None:
        self.began = time.time_ns()
        self.day = facts.today()
        self.process = facts.process(arguments)
        self.path = os.path.join(folder, name_of(facts.digest(arguments, os.getcwd())))


def asked(arguments: list[str]) -> Asked | None:
    """None where no answer would be kept in any case."""
    try:
        folder = folder_of(os.environ)
        return Asked(arguments, folder) if folder and hasattr(os, "posix_spawnp") else None
    except Exception:  # noqa: BLE001
        return None


def answer_to(question: Asked) -> Record | None:
    """The one that would be given anew, as far as everything tells that went into it."""
    try:
        record = read(question.path)
        return record if _holds(question, record) else None
    except Exception:  # noqa: BLE001  (whatever is wrong here, the ordinary way tells it)
        return None


def _holds(question: Asked, record: Record) -> bool:
    if facts.root_of(record.repo) != record.root:
        return False
    files = facts.files(record.root)
    if cheap(question, record, files) != record.cheap:
        return False
    return dear(record, files)[0] == record.dear


def cheap(question: Asked, record: Record, files: "dict[str, os.stat_result]") -> str:
    """What is known without reading files."""
    databases = [facts.database(path) for path in record.journal]
    return facts.digest(
        question.process, record.repo, record.root, record.code, facts.code(record.code), databases, facts.sizes(files)
    )


def dear(record: Record, files: "dict[str, os.stat_result]") -> tuple[str, str]:
    """What stands in the files, and the revision; git works while they are read."""
    git = facts.Git(record.root)
    try:
        for path in record.live:
            facts.database(path)
        live = facts.contents([os.path.realpath(path) for path in record.live])
        declared = facts.contents([os.path.join(record.root, name) for name in files])
    finally:
        revision = git.revision()
    return facts.digest(record.live, live, declared, revision), revision


def say(record: Record) -> int:
    """Returns the exit code."""
    for text in record.said:
        stream = sys.stderr if text[0] == "2" else sys.stdout
        stream.write(text[1:])
        stream.flush()
    return record.exit
