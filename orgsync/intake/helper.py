"""A second process that parses and checks files, turn by turn with the first.

In: files and their bytes. Out: a pack as the cache keeps it, or nothing where that process did not come to its end.
Never: inherits anything but the import path: it is started anew rather than forked, so that threads and open
connections do not matter; takes anything from it that could be executed.
"""

import gc
import json
import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from typing import IO, Self

from orgsync.intake.entries import Content, entries_of, entry_of, pack
from orgsync.resources import Json

_START = "import sys, json; sys.path[:] = json.loads(sys.argv[1]); from orgsync.intake.helper import main; main()"
_MOST_TURNS = 128
"""Both come to their end within one turn; each is a byte."""
_SMALL = b"apiVersion: orgsync/v1\nkind: BusinessUnit\nkey: small\nname: Small\n"
"""To check it loads the libraries and builds all models, which takes as long as a large file."""

Turn = Mapping[str, Content]
"""What is parsed and checked at a time."""


class Helper:
    """Starts at once, and loads its libraries while the first process has other work; is not waited for where its
    answer is not wanted any more.

    What it is asked and what it answers stand in one file without a name: with pipes each process could wait for the
    other to empty a full one. Whose turn it is stands in a pipe, from which each takes the next when it is free: both
    are through at the same time, however late the one started and whatever else the other has to do.
    """

    def __init__(self) -> None:
        import subprocess  # noqa: PLC0415  (hardly any run needs it)
        from tempfile import TemporaryFile  # noqa: PLC0415

        self._turns: Sequence[Turn] = ()
        self._between: IO[bytes] = TemporaryFile()  # noqa: SIM115  (closed on the way out)
        taken, given = os.pipe()
        self._pipe: IO[bytes] = os.fdopen(taken, "rb", buffering=0)
        self._given: IO[bytes] = os.fdopen(given, "wb", buffering=0)
        command = [sys.executable, "-I", "-S", "-c", _START, json.dumps(sys.path)]
        try:
            self._process = subprocess.Popen(  # noqa: S603
                command, stdin=self._pipe, stdout=self._between, stderr=subprocess.DEVNULL
            )
        except OSError:
            self._close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self._process.wait()
        self._close()

    def _close(self) -> None:
        for one in (self._between, self._pipe, self._given):
            one.close()

    def ask(self, contents: Mapping[str, Content], version: Json) -> None:
        """Once."""
        self._turns = _turns(contents)
        sizes = [{key: (file, len(content)) for key, (file, content) in one.items()} for one in self._turns]
        self._between.write(json.dumps([version, sizes]).encode() + b"\n")
        self._between.writelines(content for _, content in contents.values())
        self._between.flush()
        self._given.write(bytes(range(len(self._turns))))
        self._given.close()

    def turns(self) -> Iterator[Turn]:
        """Those that this process gets, each while it is free for it."""
        return (self._turns[one] for one in _taken(self._pipe))

    def answer(self) -> bytes:
        """Waits for it; "" where that process did not come to its end."""
        if self._process.wait() != 0:
            return b""
        self._between.seek(0)
        return self._between.read()


@contextmanager
def begun() -> Iterator[None]:
    """Within it, the first ``started`` has done so already; one that nobody asks for ends with it."""
    with ExitStack() as stack:
        with suppress(OSError):  # whoever asks for it is told
            _early.append(stack.enter_context(Helper()))
        try:
            yield
        finally:
            _early.clear()


def started() -> Helper:
    """Raises OSError where no process can be started."""
    return _early.pop() if _early else Helper()


_early: list[Helper] = []


def _turns(contents: Mapping[str, Content]) -> list[Turn]:
    """Of about as many bytes each."""
    total, at = 1 + sum(len(content) for _, content in contents.values()), 0
    turns: dict[int, dict[str, Content]] = {}
    for key, (file, content) in contents.items():
        turns.setdefault(at * _MOST_TURNS // total, {})[key] = file, content
        at += len(content)
    return [*turns.values()]


def _taken(pipe: IO[bytes]) -> Iterator[int]:
    while one := pipe.read(1):
        yield one[0]


def main() -> None:
    """What the second process does; it ends before there is anything to collect, and without taking anything apart."""
    gc.disable()
    entry_of(_SMALL, "units/small.yaml")
    with os.fdopen(sys.stdout.fileno(), "r+b", closefd=False) as between:
        entries = {}
        turns: list[dict[str, Content]] = []
        version: Json = None
        for one in _taken(os.fdopen(sys.stdin.fileno(), "rb", buffering=0)):
            if not turns:
                between.seek(0)
                version, sizes = json.loads(between.readline())
                turns = [{key: (file, between.read(size)) for key, (file, size) in some.items()} for some in sizes]
            entries.update(entries_of(turns[one]))
        between.seek(0)
        between.truncate()
        between.write(pack(entries, version))
    os._exit(0)
