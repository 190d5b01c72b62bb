"""Unequal work ends the benchmark; ratios are taken round by round and held against the right target."""

import json
import sys
from pathlib import Path

import pytest

from bench.contestants import COLD, OCTODNS, Contestant, planned
from bench.measure import CommandFailed, measure
from bench.run import UnequalWork, run_once
from bench.targets import ratios


def contestant(changes: int) -> Contestant:
    plan = json.dumps({"summary": {"create": changes, "update": 0, "delete": 0, "withheld": 9}})
    return Contestant(name="x", command=[sys.executable, "-c", f"print({plan!r})"], environment={}, changes=planned)


def test_a_contestant_that_did_other_work_ends_the_benchmark() -> None:
    with pytest.raises(UnequalWork, match="reports 9 changes, 10 were made"):
        run_once(contestant(9), expected=10)


def test_a_contestant_that_did_the_same_work_is_measured() -> None:
    measured = run_once(contestant(10), expected=10)
    assert measured.wall > 0
    assert measured.peak > 1_000_000


def test_a_command_that_fails_is_told_with_what_it_said(tmp_path: Path) -> None:
    with pytest.raises(CommandFailed, match=r"exit code 3\n.*no such zone"):
        measure([sys.executable, "-c", "import sys; print('no such zone'); sys.exit(3)"], cwd=tmp_path)


def test_the_bench_s_own_memory_is_not_counted_as_its_child_s(tmp_path: Path) -> None:
    held = bytearray(200_000_000)
    assert measure([sys.executable, "-c", "pass"], cwd=tmp_path).peak < len(held)


@pytest.mark.parametrize(("peer", "met"), [([40.0, 90.0, 30.0], True), ([30.0, 18.0, 20.0], False)])
def test_the_ratio_is_the_median_of_the_rounds_beside_its_target(peer: list[float], *, met: bool) -> None:
    runs = {OCTODNS: figures(peer), COLD: figures([2.0, 1.0, 1.0])}
    [cold] = [one for one in ratios(runs, 100_000) if one.name == f"{OCTODNS} / {COLD}"]
    assert cold.value == (30.0 if met else 18.0)
    assert cold.wanted == 20
    assert cold.met is met


def test_a_size_without_a_target_has_no_verdict() -> None:
    runs = {OCTODNS: figures([4.0]), COLD: figures([2.0])}
    assert {one.met for one in ratios(runs, 1_000)} == {None}


def figures(wall: list[float]) -> dict[str, list[float]]:
    return {"wall": wall, "cpu": wall, "peak": [1e6] * len(wall)}
