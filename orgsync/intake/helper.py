"""A second process that parses and checks its share of the files.

In: files and their bytes. Out: a pack as the cache keeps it, or nothing where that process did not come to its end.
Never: inherits anything but the import path: it is started anew rather than forked, so that threads and open
connections do not matter; takes anything from it that could be executed.
"""

import gc
import json
import sys
from collections.abc import Mapping
from typing import IO, Self

from orgsync.intake.entries import Content, entries_of, pack
from orgsync.resources import Json

_START = "import sys, json; sys.path[:] = json.loads(sys.argv[1]); from orgsync.intake.helper import main; main()"


class Helper:
    """Starts at once, and is not waited for where its answer is not wanted any more. Both ways lead through files
    without names: with pipes each could wait for the other to empty a full one."""

    def __init__(self, contents: Mapping[str, Content], version: Json) -> None:
        import subprocess  # noqa: PLC0415  (hardly any run needs it)
        from tempfile import TemporaryFile  # noqa: PLC0415

        sizes = {key: (file, len(content)) for key, (file, content) in contents.items()}
        with TemporaryFile() as asked:
            asked.write(json.dumps([version, sizes]).encode() + b"\n")
            asked.writelines(content for _, content in contents.values())
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

    def answer(self) -> bytes:
        """Waits for it; "" where that process did not come to its end."""
        if self._process.wait() != 0:
            return b""
        self._answer.seek(0)
        return self._answer.read()


def main() -> None:
    """What the second process does; it ends before there is anything to collect."""
    gc.disable()
    version, sizes = json.loads(sys.stdin.buffer.readline())
    contents = {key: (file, sys.stdin.buffer.read(size)) for key, (file, size) in sizes.items()}
    sys.stdout.buffer.write(pack(entries_of(contents), version))
