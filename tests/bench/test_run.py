"""Unequal work ends the benchmark; ratios are taken round by round and held against the right target."""

import json
import sys
from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest

from bench import prepare, run
from bench.contestants import ACCESS_WORK, COLD, OCTODNS, Contestant, cold_at, planned
from bench.measure import CommandFailed, Measured, measure
from bench.prepare import Shape
from bench.run import UnequalWork, run_once
from bench.targets import growth, ratios


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


def test_what_is_measured_by_its_own_clock_counts_that_time_alone() -> None:
    one = replace(contestant(10), changes=None, seconds=lambda stdout: len(stdout) * 100.0)
    assert run_once(one, expected=10).wall > 100


def test_growth_is_what_each_assignment_takes_beside_the_smaller_size_of_the_same_round() -> None:
    larger = {"wall": [20.0, 33.0], "cpu": [1.0, 1.0], "peak": [13e6, 13e6]}
    smaller = {"wall": [2.0, 3.0], "cpu": [1.0, 1.0], "peak": [1e6, 1e6]}
    runs = {COLD: larger, cold_at(100_000): smaller}
    time, memory = growth(runs, 100_000, 1_000_000)
    assert [time.value, memory.value] == [pytest.approx(1.05), pytest.approx(1.3)]
    assert [(one.wanted, one.met) for one in (time, memory)] == [(1.2, True), (1.2, False)]
    assert growth({COLD: larger, cold_at(10_000): smaller}, 10_000, 100_000)[0].met is None


def test_a_million_has_no_peers_and_fewer_rounds_and_the_size_below_beside_it(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[tuple[str, int]] = []

    def once(one: Contestant, expected: int) -> Measured:
        asked.append((one.name, expected))
        return Measured(wall=1, cpu=1, peak=1, stdout="", stderr="")

    monkeypatch.setattr(run, "run_once", once)
    monkeypatch.setattr(run, "_stages", lambda _: {})
    monkeypatch.setattr(prepare, "write", lambda shape, *, peers: shape.size if peers else -1)
    monkeypatch.setattr(prepare, "make_live", lambda _: None)
    monkeypatch.setattr(prepare, "install_peers", lambda: Path("/peers/bin/python"))
    found = run.run([Shape(size=100_000), Shape(size=1_000_000)], run.Options(rounds=3))
    times = Counter(asked)
    assert [times[name, 100_000] for name in (OCTODNS, ACCESS_WORK, COLD, cold_at(100_000))] == [3, 3, 3, 2]
    assert [times[name, -1] for name in (OCTODNS, ACCESS_WORK, COLD)] == [0, 0, 2]
    assert [one.value for one in found.shapes[1].growth] == [pytest.approx(0.1)] * 2


def figures(wall: list[float]) -> dict[str, list[float]]:
    return {"wall": wall, "cpu": wall, "peak": [1e6] * len(wall)}
