"""Hold the garbage collector off while a large tree is built, and leave taking it apart to the system.

What is loaded lives to the end of the run. Without this the collector walks it all again and again as it grows,
which is half of the time for a large organization.
"""

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def collector_paused() -> Iterator[None]:
    """May be nested; a collector that somebody else has switched off stays off."""
    if not gc.isenabled():
        yield
        return
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        gc.unfreeze()  # straight into the oldest generation, past two walks over all that is new
        gc.enable()


def hold(*trees: object) -> None:
    """Keeps these, and no others, for the rest of the process, which then ends without looking at them: freeing every
    single value of a large organization takes as long as a stage of its plan. ``hold()`` lets go of all."""
    _held[:] = trees


_held: list[object] = []
