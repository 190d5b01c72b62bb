"""Begin to read a CRM while the files are read, so that a plan takes as long as the longer of the two.

In: a target. Out: its adapter, and how to end the reading once the scope is known. Never: lets an error of the CRM come
before one of the files; waits for a reading that nobody wants any more.
"""

from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from threading import Thread
from typing import TypeVar

from orgsync.adapter import Adapter, ReadsAhead, Scope, Snapshot
from orgsync.pipeline.target import checked, reading
from orgsync.pipeline.values import Environment
from orgsync.settings import TargetSettings

T = TypeVar("T")


@dataclass(slots=True)
class Begun:
    """Raises what opening or reading raised, and not before it is asked."""

    _opened: Future[Adapter]
    _reading: Future[Callable[[Scope], Snapshot]] | None

    @property
    def adapter(self) -> Adapter:
        return self._opened.result()

    def read(self, scope: Scope) -> Snapshot:
        """Once, in the thread that began; what the end of the reading needed is let go."""
        end = self._reading.result() if self._reading is not None else self.adapter.read
        self._reading = None
        return checked(self.adapter, end(scope))


@contextmanager
def begun(target: TargetSettings, root: Path, environment: Environment, cache: Path | None) -> Iterator[Begun]:
    """Leaving it early closes the adapter: whatever is still being fetched ends with the call that is under way."""
    with ExitStack() as stack:
        opened = _noted(Future[Adapter](), lambda: stack.enter_context(reading(target, root, environment, cache)))
        yield Begun(opened, _begin(opened.result()) if opened.exception() is None else None)


def _begin(adapter: Adapter) -> Future[Callable[[Scope], Snapshot]] | None:
    if not isinstance(adapter, ReadsAhead):
        return None
    future: Future[Callable[[Scope], Snapshot]] = Future()
    # A daemon: the process does not stay for an answer that nobody waits for.
    Thread(target=_noted, args=(future, adapter.begin), name="orgsync-read", daemon=True).start()
    return future


def _noted(future: Future[T], work: Callable[[], T]) -> Future[T]:
    try:
        future.set_result(work())
    except Exception as error:  # noqa: BLE001  (raised where the result is asked for)
        future.set_exception(error)
    return future
