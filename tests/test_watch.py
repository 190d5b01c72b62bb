"""Timings collect seconds per stage."""

import subprocess
import sys

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


def test_cpu_seconds_and_the_peak_of_memory_are_noted_per_stage() -> None:
    ticks, peaks = iter([0.0, 1.5, 2.0, 2.25]), iter([100, 300])
    timings = Timings(cpu=lambda: next(ticks), memory=lambda: next(peaks))
    for name in ("load", "read"):
        with timings.stage(name):
            pass
    assert timings.cpu_seconds == {"load": 1.5, "read": 0.25}
    assert timings.peaks == {"load": 100, "read": 300}


@pytest.mark.skipif(sys.platform == "win32", reason="Windows does not tell")
def test_the_peak_of_memory_is_told_in_bytes_and_grows_with_what_is_held() -> None:
    code = (
        "from orgsync.watch import peak_memory\n"
        "before = peak_memory()\nheld = b'x' * (64 << 20)\nprint(before, peak_memory(), len(held))"
    )
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60).stdout
    before, after, held = map(int, told.split())
    assert 1 << 20 < before < 1 << 30
    assert held * 0.9 < after - before < held * 1.5
