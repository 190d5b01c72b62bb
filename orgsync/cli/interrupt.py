"""Ctrl-C, and the end that a CI runner asks for: first stop after the calls that are under way, then at once.

In: signals. Out: the reason to stop. Never: cuts a call off at the first signal, which would leave its outcome unknown.
"""

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

from orgsync.cli.output import Output

_SIGNALS = (signal.SIGINT, signal.SIGTERM)


@contextmanager
def stopping(output: Output) -> Iterator[Callable[[], str]]:
    """What is given says why no further call should be made; empty as long as nobody asked for that."""
    reasons: list[str] = []

    def asked(number: int, _: FrameType | None) -> None:
        if reasons:
            raise KeyboardInterrupt
        reasons.append(f"interrupted ({signal.Signals(number).name})")
        output.say("stopping after the calls that are under way; once more to stop at once")

    def why() -> str:
        return reasons[0] if reasons else ""

    if threading.current_thread() is not threading.main_thread():  # only that one may listen
        yield why
        return
    former = {number: signal.signal(number, asked) for number in _SIGNALS}
    try:
        yield why
    finally:
        for number, handler in former.items():
            signal.signal(number, handler)
