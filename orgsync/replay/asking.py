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
    git = facts.Git(record.root)  # works while files are read
    try:
        live = contents_of(record.live) if _stand_there(record, files) else None
    except BaseException:
        git.stop()
        raise
    if live is None:
        git.stop()
        return False
    return dear(record, live, git.revision()) == record.dear


def _stand_there(record: Record, files: "dict[str, os.stat_result]") -> bool:
    """Those written last come first: where one of them is another, no other is read."""
    then = dict(zip(files, record.declared, strict=True))
    names = sorted(files, key=lambda name: files[name].st_mtime_ns, reverse=True)
    return all(found == then[name] for name, found in zip(names, facts.contents(record.root, names), strict=True))


def cheap(question: Asked, record: Record, files: "dict[str, os.stat_result]") -> str:
    """What is known without reading files whole."""
    databases = [facts.database(path) for path in record.journal]
    lives = [facts.likeness(path) for path in record.live]
    made_by = [record.code, facts.code(record.code)]
    return facts.digest(
        question.process, record.repo, record.root, made_by, databases, record.live, lives, facts.sizes(files)
    )


def contents_of(live: list[str]) -> list[str]:
    return [*facts.contents("", map(os.path.realpath, live))]


def dear(record: Record, live: list[str], revision: str) -> str:
    """What stands in the files, and what git says of them."""
    return facts.digest(record.declared, live, revision)


def say(record: Record) -> int:
    """Returns the exit code."""
    for text in record.said:
        stream = sys.stderr if text[0] == "2" else sys.stdout
        stream.write(text[1:])
        stream.flush()
    return record.exit
