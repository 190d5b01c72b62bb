"""A second process that parses and checks its share of the files.

In: files and their bytes. Out: entries, or None where that process did not come to its end. Never: inherits anything
but the import path: it is started anew rather than forked, so that threads and open connections do not matter; takes
anything from it that could be executed.
"""

import gc
import json
import sys
from collections.abc import Mapping
from typing import IO, Self

from orgsync.intake.entries import Entry, entry_of, pack, unpack

_START = "import sys, json; sys.path[:] = json.loads(sys.argv[1]); from orgsync.intake.helper import main; main()"


class Helper:
    """Starts at once, and is not waited for where its answer is not wanted any more. Both ways lead through files
    without names: with pipes each could wait for the other to empty a full one."""

    def __init__(self, contents: Mapping[str, bytes]) -> None:
        import subprocess  # noqa: PLC0415  (hardly any run needs it)
        from tempfile import TemporaryFile  # noqa: PLC0415

        sizes = {file: len(content) for file, content in contents.items()}
        with TemporaryFile() as asked:
            asked.write(json.dumps(sizes).encode() + b"\n")
            asked.writelines(contents.values())
            asked.seek(0)
            self._answer: IO[bytes] = TemporaryFile()  # noqa: SIM115  (closed on the way out)
            command = [sys.executable, "-I", "-S", "-c", _START, json.dumps(sys.path)]
            try:
                self._process = subprocess.Popen(command, stdin=asked, stdout=self._answer, stderr=subprocess.DEVNULL)  # noqa: S603
            except OSError:
                self._answer.close()
                raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self._process.wait()
        self._answer.close()

    def entries(self) -> dict[str, Entry] | None:
        """Waits for it."""
        if self._process.wait() != 0:
            return None
        self._answer.seek(0)
        try:
            return unpack(self._answer.read(), None)
        except (ValueError, TypeError, KeyError):
            return None


def main() -> None:
    """What the second process does; it ends before there is anything to collect."""
    gc.disable()
    sizes = json.loads(sys.stdin.buffer.readline())
    contents = {file: sys.stdin.buffer.read(size) for file, size in sizes.items()}
    entries = {file: entry_of(content, file) for file, content in contents.items()}
    sys.stdout.buffer.write(pack({file: entry for file, entry in entries.items() if entry is not None}, None))
