"""What fills the CRM and the journal at once leaves the same as an apply: every row, every step, and every plan."""

import json
import re
import sqlite3
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from bench import prepare
from bench.fill import fill
from bench.generate import mutate
from bench.measure import measure
from bench.prepare import ROOT, Shape, environment, orgsync
from bench.write import JOURNAL, LIVE, write_repository
from orgsync.adapter import Scope, Snapshot
from orgsync.journal import Run, read_journal
from orgsync.pipeline.target import reading, target_of
from orgsync.settings import load_settings

AUDIT = {"created_by", "created_at", "changed_by", "changed_at"}
NEVER = datetime(1, 1, 1, tzinfo=UTC)
Two = tuple[Path, Path]


@pytest.fixture(scope="module", params=["regular", "messy"])
def both(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Two:
    """Two repositories that say what is desired; to the CRM of the first, the base was applied."""
    shape = Shape(size=600, variant=request.param)
    base, messy = prepare.company(shape), shape.variant == "messy"
    applied, filled = (tmp_path_factory.mktemp(name) for name in ("applied", "filled"))
    write_repository(base, applied, per_file=100, messy=messy, seed=1)
    measure(orgsync("--repo", str(applied), "--no-cache", "apply", "--yes"), cwd=ROOT, environment=environment())
    for root in (applied, filled):
        write_repository(mutate(base)[0], root, per_file=100, messy=messy, seed=1)
    fill(base, filled, LIVE, JOURNAL)
    return applied, filled


def rows(root: Path) -> dict[str, list[Any]]:
    """Table -> its rows in the order in which they were written, but for who wrote them when."""
    found = {}
    with closing(sqlite3.connect(root / ".orgsync" / "bench.db")) as connection:
        for (table,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall():
            names = [row[1] for row in connection.execute(f"PRAGMA table_info({table})") if row[1] not in AUDIT]
            found[table] = connection.execute(f"SELECT {', '.join(names)} FROM {table} ORDER BY rowid").fetchall()
    return found


def test_every_row_is_the_same_and_has_the_same_number(both: Two) -> None:
    applied, filled = map(rows, both)
    assert filled == applied
    assert len(filled["crm_membership"]) == 600
    assert {len(found) for found in filled.values()} & {0} == set()


def snapshot(root: Path) -> Snapshot:
    with reading(target_of(load_settings(root), "bench"), root, {}) as adapter:
        return adapter.read(Scope())


def test_the_adapter_reads_the_same(both: Two) -> None:
    applied, filled = map(snapshot, both)
    assert dict(filled.resources) == dict(applied.resources)
    assert dict(filled.ids) == dict(applied.ids)


def history(root: Path) -> tuple[Run, dict[str, Any]]:
    """The run and its steps, without what each run has of its own."""
    with read_journal(JOURNAL, root) as book:
        assert book is not None
        assert book.verify() == []
        (run,) = book.runs()
        steps = {one.step.address: (one.step, one.status, one.detail) for one in book.steps(run.id)}
    assert run.finished is not None
    own = replace(run, id="", actor="", digest="", revision="", started=NEVER, finished=NEVER)
    return own, steps


def test_the_journal_tells_the_same(both: Two) -> None:
    applied, filled = map(history, both)
    assert filled == applied


def plan(root: Path) -> str:
    """But for the journal's head, and the digest that covers it."""
    command = orgsync("--repo", str(root), "--no-cache", "--format", "json", "plan")
    told = measure(command, cwd=ROOT, environment=environment()).stdout
    own = {json.loads(told)[name] for name in ("journal", "digest")}
    return re.sub("|".join(map(re.escape, own)), "…", told)


def test_a_plan_is_the_same_byte_for_byte(both: Two) -> None:
    applied, filled = map(plan, both)
    assert filled == applied
    assert json.loads(filled)["summary"]["create"] > 0
