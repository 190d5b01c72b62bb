"""Several at once against one target: one is admitted, the others are told who has it, and nothing is done twice."""

import os
import shutil
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests import figures
from tests.crash.world import ACCEPT, SQLITE, Server, World, build, journal_of, judge, live, rows, runs, server

APPLIERS = 6
ROUNDS = int(os.environ.get("ORGSYNC_CRASH_ROUNDS", "2"))
REFUSALS = ("is being changed by run", "the CRM changed since this plan was made")


@pytest.fixture(scope="module")
def appliers() -> Iterator[list[Server]]:
    with ExitStack() as stack:
        yield [stack.enter_context(server()) for _ in range(APPLIERS)]


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgresql)])
def journal(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    if request.param == "sqlite":
        return SQLITE
    monkeypatch.setenv("ORGSYNC_TEST_JOURNAL", request.getfixturevalue("postgresql_url"))
    return '"${env:ORGSYNC_TEST_JOURNAL}"'


def at_once(appliers: list[Server], folders: list[Path], *arguments: str) -> list[tuple[int, str]]:
    """Exit code and output of each; every one has a working folder of its own, with the same CRM and journal in it."""
    known = {name: os.environ[name] for name in ("ORGSYNC_TEST_JOURNAL",) if name in os.environ}
    for one, folder in zip(appliers, folders, strict=True):
        one.send(folder, *arguments, environment=known)
    answers = [one.answer() for one in appliers]
    return [
        (answer["status"], (folder / "output.txt").read_text(encoding="utf-8"))
        for answer, folder in zip(answers, folders, strict=True)
    ]


def desks(root: Path, count: int) -> list[Path]:
    """Checkouts on several machines, which share the database of the CRM and that of the journal."""
    found = [root, *(root.parent / f"{root.name}-{number}" for number in range(1, count))]
    for desk in found[1:]:
        shutil.rmtree(desk, ignore_errors=True)
        shutil.copytree(root, desk, ignore=shutil.ignore_patterns(".orgsync"))
        (desk / ".orgsync").symlink_to(root / ".orgsync")
    return found


def interleaved(root: Path) -> int:
    """Entries of a run that stand between the first and the last entry of another."""
    with journal_of(root) as book:
        order = [row["run"] for row in book._entries()]
    spans = {run: (order.index(run), len(order) - 1 - order[::-1].index(run)) for run in set(order)}
    return sum(1 for run, (first, last) in spans.items() for other in order[first:last] if other != run)


def conclude(suite: str, journal: str, world: World, root: Path, tally: Counter[str]) -> None:
    tally["tried"] += APPLIERS
    tally["doubled"] += interleaved(root) + (rows(root) != world.rows)
    tally["lost"] += live(root) != world.after
    bad = {name: tally[name] for name in ("lost", "doubled", "unexplained")}
    figures.record(suite, "sqlite" if journal == SQLITE else "postgresql", tried=tally["tried"], **bad)
    assert bad == {"lost": 0, "doubled": 0, "unexplained": 0}


def test_of_several_who_apply_one_saved_plan_exactly_one_does(
    journal: str, appliers: list[Server], folder: Path
) -> None:
    world = build(folder / f"saved-{journal == SQLITE}", 6, journal)
    accepted = [word for name in sorted(ACCEPT) for word in ("--accept", name)]
    tally = Counter[str]()
    for _ in range(ROUNDS):
        root = world.copy(folder / "contended")
        known = runs(root)
        answers = at_once(appliers, desks(root, APPLIERS), "a.plan.json", "--yes", *accepted)
        done = [code for code, _ in answers if code == 0]
        refused = [told for code, told in answers if code == 1 and any(why in told for why in REFUSALS)]
        assert len(done) == 1, [told for _, told in answers]
        assert len(refused) == APPLIERS - 1, [told for _, told in answers]
        assert len(runs(root) - known) == 1
        conclude("concurrent appliers of one plan", journal, world, root, tally)


def test_of_several_who_plan_and_apply_at_once_nobody_undoes_or_repeats_another(
    journal: str, appliers: list[Server], folder: Path
) -> None:
    world = build(folder / f"fresh-{journal == SQLITE}", 6, journal)
    tally = Counter[str]()
    for _ in range(ROUNDS):
        root = world.copy(folder / "contended-fresh")
        answers = at_once(appliers, desks(root, APPLIERS), "--yes")
        assert any(code == 0 for code, _ in answers)
        assert all(code == 0 or any(why in told for why in REFUSALS) for code, told in answers), answers
        verdict = judge(root, world, known=None)
        tally.update(verdict.json())
        conclude("concurrent planners and appliers", journal, world, root, tally)
