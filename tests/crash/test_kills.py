"""An apply that dies, at any point whatever: nothing is lost, nothing done twice, and the next plan explains it."""

import os
import random
from collections import Counter
from pathlib import Path

import pytest

from orgsync.change import RELEASE
from orgsync.freshness import differences
from tests import figures
from tests.crash.world import Server, Verdict, World, applied, build, holder, judge, planned, runs

PARTS = 8
SOAK = int(os.environ.get("ORGSYNC_CRASH_SOAK", "24"))
INTERRUPTED, KILLED = 130, -9
Tally = Counter[str]


def add(tally: Tally, verdict: Verdict) -> None:
    tally.update({"tried": 1, **verdict.json()})


def conclude(suite: str, part: str, tally: Tally) -> None:
    bad = {name: tally[name] for name in ("lost", "doubled", "unexplained")}
    figures.record(suite, part, tried=tally["tried"], **bad)
    assert tally["tried"] > 0
    assert bad == {"lost": 0, "doubled": 0, "unexplained": 0}


def points(world: World, crm: Server, folder: Path) -> int:
    """How many there are in a run that nothing happens to."""
    answer = crm.apply(world.copy(folder / "whole"))
    assert answer["status"] == 0
    assert answer["points"] > 300
    return answer["points"]


def test_the_judge_sees_what_was_lost_and_what_nobody_told(world: World, folder: Path) -> None:
    """A judge that finds nothing wrong with anything would make every test below pass."""
    root = world.copy(folder / "wrong")
    emptied = next(a for a in world.after if a.startswith("membership/"))
    broken = World(
        folder=world.folder,
        plan=world.plan,
        before=world.before,
        after={**world.after, emptied: {"until": "2030-01-01"}, "unit/never": {}},
        rows={**world.rows, "crm_unit": world.rows["crm_unit"] + 1},
    )
    assert judge(root, broken) == Verdict(lost=2, doubled=1, unexplained=0)
    root = world.copy(folder / "wrong")
    applied(root, world.plan)
    silent = World(folder=world.folder, plan=world.plan, before=world.before, after=world.after, rows=world.rows)
    swapped = {one.address for one in world.plan.changes if one.id.endswith(RELEASE)}
    seen = [one for one in world.plan.changes if one.address not in swapped and differences(one, world.before)]
    assert judge(root, silent, known=runs(root)).unexplained == len(seen)
    assert len(seen) > 0.8 * len(world.plan.changes)  # all but the swap's, and removals from a unit that gets a new key


@pytest.mark.parametrize("part", range(PARTS))
def test_a_run_that_is_killed_at_any_point_is_explained_and_finished_by_the_next(
    part: int, world: World, crm: Server, folder: Path
) -> None:
    tally = Tally()
    for point in range(1 + part, points(world, crm, folder) + 1, PARTS):
        root = world.copy(folder / "killed")
        assert crm.apply(root, act="kill", at=[point])["status"] == KILLED
        add(tally, judge(root, world))
    conclude("killed at every statement and commit", str(part), tally)


def test_runs_that_are_killed_one_after_the_other_get_there_all_the_same(
    world: World, crm: Server, folder: Path
) -> None:
    chance, tally = random.Random(7), Tally()
    whole = points(world, crm, folder)
    for _ in range(SOAK // 3):
        root = world.copy(folder / "chain")
        assert crm.apply(root, act="kill", at=[chance.randint(1, whole)])["status"] == KILLED
        for _ in range(3):
            over = ["--take-over", name] if (name := holder(root)) else []
            crm.send(root, "--yes", *over, act="kill", at=[chance.randint(1, whole)])
            assert crm.answer()["status"] in {KILLED, 0}
        add(tally, judge(root, world, known=None))
    conclude("killed again and again", "", tally)


@pytest.mark.parametrize("seed", range(4))
def test_a_run_that_is_killed_from_outside_at_any_time_is_finished_by_the_next(
    seed: int, world: World, crm: Server, folder: Path
) -> None:
    """Between two instructions, in the middle of a commit, before anything or after everything."""
    chance, tally = random.Random(seed), Tally()
    for _ in range(SOAK // 4):
        root = world.copy(folder / "soak")
        status = crm.apply(root, after=chance.uniform(0.02, 0.5))["status"]
        assert status in {KILLED, 0}
        add(tally, judge(root, world))
    conclude("killed at random times", str(seed), tally)


@pytest.mark.parametrize("kilobytes", range(4, 180, 12))
def test_a_full_disk_is_an_error_that_loses_nothing(kilobytes: int, world: World, crm: Server, folder: Path) -> None:
    tally = Tally()
    root = world.copy(folder / "full")
    answer = crm.apply(root, limit=kilobytes * 1024)
    told = (root / "output.txt").read_text(encoding="utf-8", errors="replace")
    assert answer["status"] in {0, 1}, told
    add(tally, judge(root, world))
    conclude("disk full", str(kilobytes), tally)


def test_a_disk_that_small_is_full(world: World, crm: Server, folder: Path) -> None:
    root = world.copy(folder / "full")
    assert crm.apply(root, limit=4 * 1024)["status"] == 1
    assert "cannot be used" in (root / "output.txt").read_text(encoding="utf-8")


def test_the_first_interrupt_lets_calls_under_way_end_and_leaves_nothing_open(
    world: World, crm: Server, folder: Path
) -> None:
    tally = Tally()
    stopped = 0
    for point in range(3, points(world, crm, folder), 13):
        root = world.copy(folder / "interrupted")
        status = crm.apply(root, act="interrupt", at=[point])["status"]
        assert status in {INTERRUPTED, 0}
        stopped += status == INTERRUPTED
        assert "open-intent" not in {one.code for one in planned(root).findings}
        add(tally, judge(root, world))
    assert stopped > 10
    conclude("interrupted once", "", tally)


def test_the_second_interrupt_ends_it_at_once_and_is_explained(world: World, crm: Server, folder: Path) -> None:
    tally = Tally()
    for point in range(3, points(world, crm, folder) - 1, 13):
        root = world.copy(folder / "interrupted")
        assert crm.apply(root, act="interrupt", at=[point, point + 1])["status"] in {INTERRUPTED, 0}
        add(tally, judge(root, world))
    conclude("interrupted twice", "", tally)


@pytest.mark.postgresql
def test_a_journal_whose_server_goes_away_stops_the_run_and_loses_nothing(
    postgresql_url: str, crm: Server, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    environment = {"ORGSYNC_TEST_JOURNAL": postgresql_url}
    monkeypatch.setenv("ORGSYNC_TEST_JOURNAL", postgresql_url)
    world = build(folder / "served", 6, '"${env:ORGSYNC_TEST_JOURNAL}"')
    whole = crm.apply(world.copy(folder / "gone"), environment=environment)["points"]
    tally, failed = Tally(), 0
    for point in range(2, whole, 11):
        known = runs(world.folder)
        root = world.copy(folder / "gone")
        status = crm.apply(root, act="sever", at=[point], environment=environment)["status"]
        told = (root / "output.txt").read_text(encoding="utf-8", errors="replace")
        assert status in {0, 1}, told
        failed += "journal cannot be used" in told
        add(tally, judge(root, world, known=known))
    assert failed > 10
    conclude("database gone", "", tally)
