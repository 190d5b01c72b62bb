"""Sees to it that what a plan said can be said again where nothing changed (``orgsync.replay``).

In: a session before anything is read; its plan after all was said. Out: a record in the user's cache folder. Never:
keeps an answer when anything that went into it was written meanwhile, or when something went into it that cannot be
looked at again; fails.
"""

import os
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from threading import Thread
from typing import Any, TextIO, cast

from orgsync.cli.session import Session
from orgsync.plan import Plan
from orgsync.references import from_keyring
from orgsync.replay import facts
from orgsync.replay.asking import Asked, cheap, contents_of, dear
from orgsync.replay.record import Record, write

_PACKAGE, _MADE = Path(__file__).parents[1], "__pycache__"
_UNSURE = "unusable-rule"
_ITS_OWN = os.path.dirname(os.__file__) + os.sep  # noqa: PTH120
"""Where Python's own modules are; its version stands for them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Witness:
    """``before``: the state of all files before any of them was read."""

    question: Asked
    repo: str
    root: Path
    live: Sequence[str]
    journal: Sequence[str]
    before: list[Any]
    said: list[str] = field(default_factory=list)
    hashing: list[Thread] = field(default_factory=list)
    declared: list[str] = field(default_factory=list)
    contents: list[str] = field(default_factory=list)

    def all_was_read(self, keys: Mapping[str, str]) -> None:
        """Hashes the CRM's file in a thread, on the core that has nothing to do from now on: SHA-256 and reading go
        without the interpreter's lock. ``keys``: of files, made of the bytes that were read; so thousands of small
        files, where each call would wait for the lock, are not opened again."""
        self.hashing.append(Thread(target=self._hash, args=(keys,), name="orgsync-hashing", daemon=True))
        self.hashing[0].start()

    def _hash(self, keys: Mapping[str, str]) -> None:
        with suppress(Exception):  # then nothing is kept
            names = [name for name, *_ in self.before[0]]
            others = facts.contents(str(self.root), [name for name in names if name not in keys])
            self.declared.extend([keys.get(name) or next(others) for name in names])
            self.contents.extend(contents_of([*self.live]))

    def keep(self, plan: Plan, code: int) -> None:
        """A signature is not repeated, what the keyring holds may change unseen, and how far a rule comes that cannot
        be evaluated is a matter of time and memory."""
        if plan.signature or from_keyring or any(one.code == _UNSURE for one in plan.findings):
            return
        with suppress(OSError, ValueError, facts.Doubt):
            for thread in self.hashing:
                thread.join()
            files = facts.files(str(self.root))
            record = self._record(files, plan.revision, code)
            if len(self.contents) == len(self.live) and self._nothing_was_written(files, record.code):
                write(self.question.path, record)

    def _nothing_was_written(self, files: dict[str, os.stat_result], code: list[str]) -> bool:
        """While the plan was made, and what it was made of was hashed: all is as it was before, and so is what read
        it. Asked last."""
        return (
            [facts.states(files), [facts.database(path) for path in (*self.live, *self.journal)]] == self.before
            and max(changed for _, changed in facts.code(code)) < self.question.began
            and facts.today() == self.question.day
        )

    def _record(self, files: dict[str, os.stat_result], revision: str, code: int) -> Record:
        record = Record(
            repo=self.repo,
            root=str(self.root),
            code=_made_by(),
            journal=[*self.journal],
            live=[*self.live],
            declared=self.declared,
            cheap="",
            dear="",
            exit=code,
            said=self.said,
        )
        record.cheap = cheap(self.question, record, files)
        record.dear = dear(record, self.contents, revision)
        return record


def witness_of(session: Session) -> Witness | None:
    """None where no answer can be kept: the CRM is not a file, seconds are told, nothing may be kept."""
    options, root = session.options, session.root
    question = options.question
    if question is None or options.verbose or options.profile or session.cache is None:
        return None
    with suppress(OSError, ValueError, facts.Doubt):
        declared = facts.states(facts.files(str(root)))  # before the settings are read, too
        if (databases := _databases(session)) is None:
            return None
        live, journal = ([str(path) for path in paths] for paths in databases)
        witness = Witness(
            question=question,
            repo=options.repo or "",
            root=root,
            live=live,
            journal=journal,
            before=[declared, [facts.database(path) for path in (*live, *journal)]],
        )
        output = session.output
        output.stdout = cast("TextIO", _Heard(output.stdout, "1", witness.said))
        output.stderr = cast("TextIO", _Heard(output.stderr, "2", witness.said))
        return witness
    return None


def _databases(session: Session) -> tuple[Sequence[Path], Sequence[Path]] | None:
    from orgsync import pipeline

    return pipeline.databases(session.root, session.settings, session.target, environment=session.environment)


def _made_by() -> list[str]:
    """orgsync's own files, since other processes of it may have loaded them; and whatever else this one has loaded."""
    own = [f"{above}/{name}" for above, _, names in os.walk(_PACKAGE) if not above.endswith(_MADE) for name in names]
    loaded = [str(path) for module in [*sys.modules.values()] if (path := getattr(module, "__file__", None))]
    return sorted({*own, *(path for path in loaded if not path.startswith(_ITS_OWN) or "-packages" in path)})


@dataclass(frozen=True, slots=True)
class _Heard:
    """A stream that notes what is written to it."""

    stream: TextIO
    number: str
    said: list[str]

    @property
    def encoding(self) -> str:
        return self.stream.encoding

    def isatty(self) -> bool:
        return self.stream.isatty()

    def write(self, text: str) -> int:
        self.said.append(self.number + text)
        return self.stream.write(text)

    def flush(self) -> None:
        self.stream.flush()
