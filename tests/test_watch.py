"""Timings collect seconds per stage."""

import pytest

from orgsync.watch import Timings


def test_seconds_add_up_per_stage_in_the_order_of_their_beginning() -> None:
    ticks = iter([0.0, 1.0, 10.0, 12.0, 20.0, 24.0])
    timings = Timings(clock=lambda: next(ticks))
    for name in ("diff", "read", "diff"):
        with timings.stage(name):
            timings.outcomes([], 0, 0)
    assert list(timings.seconds.items()) == [("diff", 5.0), ("read", 2.0)]


def test_a_stage_that_fails_is_timed_too() -> None:
    ticks = iter([0.0, 3.0])
    timings = Timings(clock=lambda: next(ticks))
    with pytest.raises(ValueError, match="x"), timings.stage("read"):
        raise ValueError("x")
    assert timings.seconds == {"read": 3.0}
