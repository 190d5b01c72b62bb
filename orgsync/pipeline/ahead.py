"""Begin to read a CRM while the files are read, so that a plan takes as long as the longer of the two.

In: a target. Out: its adapter, and how to end the reading once the scope is known. Never: lets an error of the CRM come
before one of the files; waits for a reading that nobody wants any more.
"""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from threading import Thread
from typing import Generic, TypeVar

from orgsync.adapter import Adapter, ReadsAhead, Scope, Snapshot
from orgsync.pipeline.target import reading
from orgsync.pipeline.values import Environment
from orgsync.settings import TargetSettings

T = TypeVar("T")


class _Work(Generic[T]):
    """What some work gave or raised, for whoever asks. The standard library's Future would do, but brings logging
    along, and to load both takes as long as to read a small CRM."""

    def __init__(self, work: Callable[[], T], *, aside: bool = False) -> None:
        self._work = work
        self.error: Exception | None = None
        # A daemon: the process does not stay for an answer that nobody waits for.
        self._thread = Thread(target=self._do, name="orgsync-read", daemon=True) if aside else None
        if self._thread is None:
            self._do()
        else:
            self._thread.start()

    def _do(self) -> None:
        try:
            self._result = self._work()
        except Exception as error:  # noqa: BLE001  (raised where the result is asked for)
            self.error = error

    def result(self) -> T:
        if self._thread is not None:
            self._thread.join()
        if self.error is not None:
            raise self.error
        return self._result


@dataclass(slots=True)
class Begun:
    """Raises what opening or reading raised, and not before it is asked."""

    _opened: _Work[Adapter]
    _reading: _Work[Callable[[Scope], Snapshot]] | None

    @property
    def adapter(self) -> Adapter:
        return self._opened.result()

    def read(self, scope: Scope) -> Snapshot:
        """Once, in the thread that began; what its end needed is let go. Nobody has looked at the keys yet."""
        end = self._reading.result() if self._reading is not None else self.adapter.read
        self._reading = None
        return end(scope)


@contextmanager
def begun(target: TargetSettings, root: Path, environment: Environment, cache: Path | None) -> Iterator[Begun]:
    """Leaving it early closes the adapter: whatever is still being fetched ends with the call that is under way."""
    with ExitStack() as stack:
        opened = _Work(lambda: stack.enter_context(reading(target, root, environment, cache)))
        yield Begun(opened, _begin(opened.result()) if opened.error is None else None)


def _begin(adapter: Adapter) -> _Work[Callable[[Scope], Snapshot]] | None:
    return _Work(adapter.begin, aside=True) if isinstance(adapter, ReadsAhead) else None
