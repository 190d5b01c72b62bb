"""A CRM in one state, a saved plan that takes it to another, and how to tell whether anything was lost on the way."""

import json
import os
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

from orgsync import pipeline
from orgsync.adapter import Scope
from orgsync.adapters import open_adapter
from orgsync.change import RELEASE, Status
from orgsync.explain import attributes
from orgsync.freshness import differences
from orgsync.journal.book import Journal, open_journal
from orgsync.plan import Plan, open_plan, save
from orgsync.references import expand_url
from orgsync.resources import Address, Fields
from orgsync.settings import load_settings
from orgsync.watch import Timings

ROOT = Path(__file__).parent.parent.parent
TODAY = date(2026, 11, 1)
ACCEPT = frozenset({"unit-members", "role-holders", "membership-removals", "grant-removals", "unit-removals"})
HEAD = "apiVersion: orgsync/v1\n"
SETTINGS = f"""{HEAD}kind: Settings
organization: Northwind
defaultTarget: demo
targets:
  demo:
    adapter: local
    url: sqlite:///.orgsync/demo.db
    missingUsers: create
    prune: [membership, grant, unit, role, function, businessUnit]
journal: {{journal}}
safety: {{removals: {{share: 100%, count: 10000}}, group: {{share: 100%, count: 10000}}}}
"""
SQLITE = "sqlite:///.orgsync/journal.db"
ROLE = HEAD + "kind: Role\nkey: {key}\nname: {name}\nprivileges: {{lead: {{read: {scope}}}}}\n---\n"
UNIT = (
    HEAD
    + "kind: Unit\nkey: {key}\nname: {name}\nbusinessUnit: {bu}\n{more}roles: [rep]\nassignments: [{people}]\n---\n"
)
BUSINESS_UNIT = HEAD + "kind: BusinessUnit\nkey: {key}\nname: {name}\n---\n"


def person(number: int, role: str = "") -> str:
    return f"{{user: p{number}@example.com{f', roles: [{role}]' if role else ''}}}"


def declare(root: Path, people: int, *, later: bool) -> None:
    """Two states with everything in between: creations, removals, updates, a move, a rename, two names swapped."""
    everybody = range(people)
    roles = [ROLE.format(key="rep", name="Rep", scope="unit" if later else "own")]
    roles.append(ROLE.format(key="lead", name="Lead", scope="unit"))
    roles.append(ROLE.format(key="new" if later else "old", name="Newer" if later else "Older", scope="own"))
    first, second = ("Beta", "Alpha") if later else ("Alpha", "Beta")
    extra = "new" if later else "old"
    units = [BUSINESS_UNIT.format(key=key, name=key.title()) for key in ("west", "east")]

    def unit(key: str, name: str, bu: str, members: list[str], more: str = "") -> str:
        return UNIT.format(key=key, name=name, bu=bu, people=", ".join(members), more=more)

    shift = people // 4 if later else 0
    units.append(
        unit("a", first, "west", [person(n, extra if n % 3 == 0 else "") for n in everybody[: people // 2 + shift]])
    )
    units.append(
        unit("b", second, "east" if later else "west", [person(n, "lead") for n in everybody[people // 2 + shift :]])
    )
    key, more = ("d", "previously: [c]\nparent: a\n") if later else ("c", "")
    units.append(unit(key, "Third", "west", [person(n) for n in everybody[:: 2 if later else 3]], more))
    units.append(
        unit("n" if later else "g", "Fourth" if later else "Goner", "east", [person(n) for n in everybody[:3]])
    )
    (root / "roles").mkdir(exist_ok=True, parents=True)
    (root / "units").mkdir(exist_ok=True)
    (root / "roles" / "roles.yaml").write_text("".join(roles), encoding="utf-8")
    (root / "units" / "units.yaml").write_text("".join(units), encoding="utf-8")


def planned(root: Path) -> Plan:
    return pipeline.make_plan(
        root, load_settings(root), "demo", today=TODAY, environment=os.environ, watch=Timings(), accept=ACCEPT
    )


def applied(root: Path, plan: Plan, **more: Any) -> pipeline.Report:
    return pipeline.apply_plan(
        plan,
        root,
        load_settings(root),
        actor="tester",
        environment=os.environ,
        clock=lambda: datetime.now(UTC),
        watch=Timings(),
        accept=ACCEPT,
        **more,
    )


def live(root: Path) -> dict[Address, Fields]:
    target = load_settings(root).targets["demo"]
    with open_adapter(
        "local", target, root, writable=False, actor="", environment=os.environ, clock=lambda: datetime.now(UTC)
    ) as crm:
        return dict(crm.read(Scope()).resources)


def rows(root: Path) -> dict[str, int]:
    """Table -> number of rows: what a doubled write would show in, whatever keys it has."""
    with sqlite3.connect(root / ".orgsync" / "demo.db") as crm:
        tables = [name for (name,) in crm.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        return {table: crm.execute(f"SELECT count(*) FROM {table}").fetchone()[0] for table in tables}


@dataclass(frozen=True, slots=True, kw_only=True)
class World:
    """``folder``: the CRM before, and the plan beside it; the others are what must come out of it."""

    folder: Path
    plan: Plan
    before: dict[Address, Fields]
    after: dict[Address, Fields]
    rows: dict[str, int]

    def copy(self, to: Path) -> Path:
        shutil.rmtree(to, ignore_errors=True)
        shutil.copytree(self.folder, to)
        return to


def build(folder: Path, people: int, journal: str = SQLITE) -> World:
    root = folder / "start"
    root.mkdir(parents=True)
    (root / "orgsync.yaml").write_text(SETTINGS.replace("{journal}", journal), encoding="utf-8")
    declare(root, people, later=False)
    assert applied(root, planned(root)).complete
    declare(root, people, later=True)
    plan = planned(root)
    save(plan, root / "a.plan.json", attributes)
    reference = folder / "reference"
    shutil.copytree(root, reference)
    if journal != SQLITE:  # the reference must not write into the journal that the copies will use
        text = (reference / "orgsync.yaml").read_text(encoding="utf-8")
        (reference / "orgsync.yaml").write_text(text.replace(journal, SQLITE), encoding="utf-8")
        plan_of_reference = planned(reference)
    else:
        plan_of_reference = open_plan(reference / "a.plan.json", attributes)
    assert applied(reference, plan_of_reference).complete
    assert planned(reference).empty
    return World(folder=root, plan=plan, before=live(root), after=live(reference), rows=rows(reference))


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """How many resources are not as they should be; what happened to steps that nobody told of."""

    lost: int
    doubled: int
    unexplained: int

    @property
    def fine(self) -> bool:
        return self == Verdict(lost=0, doubled=0, unexplained=0)

    def json(self) -> dict[str, int]:
        return {"lost": self.lost, "doubled": self.doubled, "unexplained": self.unexplained}


def judge(root: Path, world: World, known: frozenset[str] | None = frozenset()) -> Verdict:
    """After a run that died or failed: is every write explained, and does planning again bring it to its end?

    ``known``: runs that the journal had before; None: several died, and only the end is looked at.
    """
    unexplained = 0 if known is None else _unexplained(root, world, known)
    dead = holder(root)
    again = planned(root)
    if not again.empty:
        report = applied(root, again, take_over=dead)
        unexplained += not report.complete
    unexplained += not planned(root).empty
    with journal_of(root) as book:
        unexplained += len(book.verify())
    found, counted = live(root), rows(root)
    lost = sum(1 for address, fields in world.after.items() if found.get(address) != fields)
    doubled = sum(1 for address in found if address not in world.after)
    doubled += sum(abs(counted.get(table, 0) - count) for table, count in world.rows.items())
    return Verdict(lost=lost, doubled=doubled, unexplained=unexplained)


@contextmanager
def journal_of(root: Path) -> Iterator[Journal]:
    with open_journal(expand_url(load_settings(root).journal, os.environ), root) as book:
        yield book


def holder(root: Path) -> str:
    """The run that holds the target, whether it lives or died; empty where none does."""
    with journal_of(root) as book:
        held = book.holder("sqlite:///.orgsync/demo.db")
        return held.run if held is not None else ""


def runs(root: Path) -> frozenset[str]:
    return frozenset(one.id for one in pipeline.runs(root, load_settings(root), environment=os.environ))


def _unexplained(root: Path, world: World, known: frozenset[str]) -> int:
    """Steps that the CRM carried out although the journal says nothing of them, and the other way round."""
    now = live(root)
    with journal_of(root) as book:
        fresh = (one.id for one in book.runs() if one.digest == world.plan.digest and one.id not in known)
        run = next(fresh, None)
        told = {one.step.id: one.status for one in book.steps(run)} if run is not None else {}
    found = 0
    for change in world.plan.changes:
        if change.id.endswith(RELEASE) or any(one.id == change.address + RELEASE for one in world.plan.changes):
            continue  # in the middle of a swap the address says nothing about one of the two steps
        changes_something = bool(differences(change, world.before))
        done = changes_something and not differences(change, now)
        status = told.get(change.id, "never sent")
        if done and status in {"never sent", Status.FAILED, Status.SKIPPED}:
            found += 1
        if not done and changes_something and status is Status.APPLIED:
            found += 1
    return found


@contextmanager
def server() -> Iterator["Server"]:
    command = [sys.executable, "-m", "tests.crash.server"]
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "ORGSYNC_ACTOR": "victim"}
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment, cwd=ROOT
    ) as process:
        try:
            yield Server(process)
        finally:
            assert process.stdin is not None
            process.stdin.close()
            process.wait(60)


@dataclass(frozen=True, slots=True)
class Server:
    process: "subprocess.Popen[str]"

    def send(self, folder: Path, *arguments: str, **how: Any) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(json.dumps({"folder": str(folder), "arguments": arguments, **how}) + "\n")
        self.process.stdin.flush()

    def answer(self) -> dict[str, int]:
        assert self.process.stdout is not None
        found: dict[str, int] = json.loads(self.process.stdout.readline())
        return found

    def apply(self, folder: Path, **how: Any) -> dict[str, int]:
        accepted = [word for name in sorted(ACCEPT) for word in ("--accept", name)]
        self.send(folder, "a.plan.json", "--yes", *accepted, **how)
        return self.answer()
