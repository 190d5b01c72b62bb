"""The whole sentence over real YAML and a real database: load, resolve, project, read, diff, order, seal, apply."""

import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest

from orgsync import pipeline
from orgsync.adapter import Adapter, Scope, Snapshot
from orgsync.adapters import open_adapter
from orgsync.change import Action, Batch, Outcome, Status
from orgsync.errors import AdapterError, InvalidInput, OrgsyncError, PlanRefused, ReadOnly, Refused, StalePlan
from orgsync.explain import attributes
from orgsync.pipeline import applying
from orgsync.plan import Plan, Target, open_plan, save, seal
from orgsync.resources import KEY, Address, Kind, RemoteId
from orgsync.settings import Settings, load_settings
from orgsync.watch import Timings

TODAY = date(2026, 11, 1)
NOW = datetime(2026, 11, 1, 12, tzinfo=UTC)
SETTINGS = """
apiVersion: orgsync/v1
kind: Settings
organization: Northwind
defaultTarget: demo
targets:
  demo:
    adapter: local
    url: sqlite:///.orgsync/demo.db
    missingUsers: create
    prune: [membership, grant, unit, role, function, businessUnit]
journal: sqlite:///.orgsync/journal.db
"""
UNITS = """
apiVersion: orgsync/v1
kind: BusinessUnit
key: commercial
name: Commercial
---
apiVersion: orgsync/v1
kind: Unit
key: sales
name: Sales Team
businessUnit: commercial
owner: maria@example.com
roles: [rep]
assignments:
  - user: maria@example.com
    roles: [manager]
  - user: ana@example.com
"""
ROLES = """
apiVersion: orgsync/v1
kind: Role
key: rep
name: Representative
privileges:
  lead: {read: unit}
---
apiVersion: orgsync/v1
kind: Role
key: manager
name: Manager
includes: [rep]
"""


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "units").mkdir()
    (tmp_path / "roles").mkdir()
    (tmp_path / "orgsync.yaml").write_text(SETTINGS)
    (tmp_path / "units" / "sales.yaml").write_text(UNITS)
    (tmp_path / "roles" / "roles.yaml").write_text(ROLES)
    return tmp_path


def edit(root: Path, old: str, new: str, file: str = "units/sales.yaml") -> None:
    path = root / file
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))


def planned(root: Path, *accept: str) -> Plan:
    return pipeline.make_plan(
        root,
        load_settings(root),
        "demo",
        today=TODAY,
        environment={},
        watch=Timings(),
        accept=frozenset(accept),
    )


def applied(root: Path, plan: Plan, *accept: str, settings: Settings | None = None) -> pipeline.Report:
    return pipeline.apply_plan(
        plan,
        root,
        settings or load_settings(root),
        actor="tester",
        environment={},
        clock=lambda: NOW,
        watch=Timings(),
        accept=frozenset(accept),
    )


def summary(plan: Plan) -> dict[str, int]:
    return {name: count for name, count in plan.summary.items() if count}


def opened(root: Path, *, writable: bool) -> Any:
    target = load_settings(root).targets["demo"]
    return open_adapter("local", target, root, writable=writable, actor="j.doe", environment={}, clock=lambda: NOW)


def live(root: Path) -> Snapshot:
    with opened(root, writable=False) as adapter:
        found: Snapshot = adapter.read(Scope())
        return found


def test_an_empty_crm_is_filled_and_a_second_plan_is_empty(root: Path) -> None:
    plan = planned(root)
    assert summary(plan) == {"create": 9}
    report = applied(root, plan)
    assert report.complete
    assert report.summary == {"applied": 9, "failed": 0, "skipped": 0, "unknown": 0}
    assert planned(root).empty
    assert live(root).resources["grant/sales/maria@example.com/manager"] is not None


def test_a_saved_plan_applies_as_it_was_reviewed(root: Path) -> None:
    save(planned(root), root / "plan.json", attributes)
    assert applied(root, open_plan(root / "plan.json", attributes)).complete


def test_planning_writes_nothing_at_all(root: Path) -> None:
    applied(root, planned(root))
    edit(root, "  - user: ana@example.com\n", "")
    before = {path: path.read_bytes() for path in root.rglob("*") if path.is_file()}
    planned(root)
    pipeline.find_drift(root, load_settings(root), "demo", today=TODAY, environment={}, watch=Timings())
    pipeline.validate(root, today=TODAY, watch=Timings())
    pipeline.runs(root, load_settings(root), environment={})
    assert {path: path.read_bytes() for path in root.rglob("*") if path.is_file()} == before


def test_a_change_says_where_it_is_stated(root: Path) -> None:
    plan = planned(root)
    assert plan.origins["grant/sales/maria@example.com/manager"] == "units/sales.yaml:16:13"
    assert plan.names["unit/sales"] == "Sales Team"


@pytest.mark.parametrize(("kind", "place"), [("unit", "units/sales.yaml:10:7"), ("role", "roles/roles.yaml:5:7")])
def test_a_name_that_is_taken_is_told_at_the_name(root: Path, kind: str, place: str) -> None:
    applied(root, planned(root))
    key = {"unit": "sales", "role": "rep"}[kind]
    sql(root, f"UPDATE crm_{kind} SET external_id = NULL WHERE external_id = '{key}'")
    with pytest.raises(InvalidInput) as invalid:
        planned(root)
    told = [(one.code, str(one.position)) for one in invalid.value.findings if one.code == "name-taken"]
    assert told == [("name-taken", place)]


def test_a_role_of_the_crm_that_is_missing_is_told_where_it_is_bound(root: Path) -> None:
    edit(root, "name: Manager\n", "name: Manager\nbind: {local: {role: Nobody}}\n", "roles/roles.yaml")
    with pytest.raises(InvalidInput) as invalid:
        planned(root)
    assert [(one.code, str(one.position)) for one in invalid.value.findings] == [
        ("bound-role-missing", "roles/roles.yaml:13:7")
    ]


def test_a_rename_keeps_everything_and_is_one_change(root: Path) -> None:
    applied(root, planned(root))
    edit(root, "key: sales\n", "key: revenue\npreviously: [sales]\n")
    plan = planned(root)
    assert [(change.address, change.action, change.after) for change in plan.changes] == [
        ("unit/revenue", Action.UPDATE, {KEY: "revenue"})
    ]
    assert applied(root, plan).complete
    assert planned(root).empty
    assert "membership/revenue/ana@example.com" in live(root).resources


def test_an_unstated_field_is_left_alone_and_an_empty_one_is_cleared(root: Path) -> None:
    applied(root, planned(root))
    edit(root, "roles: [rep]\n", "")
    assert planned(root).empty
    edit(root, "name: Sales Team\n", "name: Sales Team\nroles: []\n")
    assert [change.after for change in planned(root, "role-holders").changes] == [{"roles": []}]


def test_assignments_that_are_not_stated_are_left_alone_and_empty_ones_are_removed(root: Path) -> None:
    applied(root, planned(root))
    (root / "units" / "sales.yaml").write_text(UNITS[: UNITS.index("assignments")])
    assert planned(root).empty
    (root / "units" / "sales.yaml").write_text(UNITS[: UNITS.index("assignments")] + "assignments: []\n")
    plan = planned(root)
    assert summary(plan) == {"delete": 3}
    with pytest.raises(Refused) as refused:
        applied(root, plan)
    names = {one.code for one in refused.value.findings}
    assert names == {"memberships-emptied", "unit-members", "role-holders"}
    assert set(live(root).resources) >= {"membership/sales/ana@example.com"}
    assert applied(root, plan, *names).complete


def test_errors_in_the_yaml_stop_before_the_crm_is_opened(root: Path) -> None:
    edit(root, "roles: [rep]", "roles: [repp]")
    with pytest.raises(InvalidInput) as invalid:
        planned(root)
    assert [(one.code, str(one.position)) for one in invalid.value.findings] == [
        ("unknown-role", "units/sales.yaml:13:9")
    ]
    assert not (root / ".orgsync").exists()


def test_an_unknown_target_is_named_with_those_that_exist(root: Path) -> None:
    with pytest.raises(OrgsyncError, match='no target "prod"') as caught:
        pipeline.make_plan(root, load_settings(root), "prod", today=TODAY, environment={}, watch=Timings())
    assert "demo" in caught.value.remedy


def test_a_plan_for_another_system_is_refused(root: Path) -> None:
    plan = planned(root)
    other = seal(replace(plan, target=Target(name="demo", adapter="local", identity="sqlite:///elsewhere.db")))
    with pytest.raises(PlanRefused, match="elsewhere"):
        applied(root, other)


def test_a_plan_under_other_safety_settings_is_refused(root: Path) -> None:
    plan = planned(root)
    (root / "orgsync.yaml").write_text(SETTINGS + "safety: {allowance: 50}\n")
    with pytest.raises(PlanRefused, match="safety"):
        applied(root, plan)


def test_a_plan_that_the_crm_has_left_behind_is_stale_and_says_what_moved(root: Path) -> None:
    plan = planned(root)
    applied(root, plan)
    with pytest.raises(StalePlan) as stale:
        applied(root, plan)
    assert "unit/sales exists by now (last changed by tester at 2026-11-01 12:00)" in stale.value.moved


def test_drift_says_who_changed_what(root: Path) -> None:
    applied(root, planned(root))
    edit(root, "name: Sales Team", "name: Revenue Team")
    drift = pipeline.find_drift(root, load_settings(root), "demo", today=TODAY, environment={}, watch=Timings())
    assert [change.address for change in drift.plan.changes] == ["unit/sales"]
    assert drift.changed["unit/sales"].by == "tester"
    assert drift.foreign == ()


def test_runs_are_told_newest_first(root: Path) -> None:
    assert pipeline.runs(root, load_settings(root), environment={}) == []
    first = applied(root, planned(root)).run
    edit(root, "name: Sales Team", "name: Revenue Team")
    second = applied(root, planned(root)).run
    assert [(one.id, one.actor) for one in pipeline.runs(root, load_settings(root), environment={})] == [
        (second, "tester"),
        (first, "tester"),
    ]


def test_every_stage_is_watched_in_the_order_of_the_sentence(root: Path) -> None:
    watch = Timings()
    pipeline.make_plan(root, load_settings(root), "demo", today=TODAY, environment={}, watch=watch)
    assert list(watch.seconds) == [
        "load",
        "validate",
        "resolve",
        "policies",
        "project",
        "read",
        "diff",
        "order",
        "safety",
        "access",
        "seal",
    ]


def test_a_reader_cannot_write(root: Path) -> None:
    applied(root, planned(root))
    batch = Batch(kind=Kind.UNIT, action=Action.DELETE, steps=())
    with opened(root, writable=False) as adapter, pytest.raises(ReadOnly):
        adapter.apply(batch, {})


class Faulty:
    """Another adapter in front of a real one: it does the work and loses the answer, or the line."""

    def __init__(self, inner: Adapter, fault: str) -> None:
        self._inner, self._fault, self._written = inner, fault, False

    @property
    def capabilities(self) -> Any:
        return self._inner.capabilities

    @property
    def identity(self) -> str:
        return self._inner.identity

    def read(self, scope: Scope) -> Snapshot:
        if self._fault == "blind" and self._written:
            raise AdapterError("the line is dead")
        return self._inner.read(scope)

    def apply(self, batch: Batch, ids: Mapping[Address, RemoteId]) -> Sequence[Outcome]:
        self._written = True
        if self._fault != "refuses":
            outcomes = self._inner.apply(batch, ids)
        if self._fault in {"loses", "refuses"}:
            raise AdapterError("no answer")
        return outcomes


def break_adapter(monkeypatch: pytest.MonkeyPatch, fault: str) -> None:
    @contextmanager
    def broken(name: str, *arguments: Any, writable: bool, **more: Any) -> Iterator[Adapter]:
        with open_adapter(name, *arguments, writable=writable, **more) as adapter:
            yield Faulty(adapter, fault) if writable else adapter

    monkeypatch.setattr(applying, "open_adapter", broken)


def rename_ready(root: Path) -> Plan:
    applied(root, planned(root))
    edit(root, "key: sales\n", "key: revenue\npreviously: [sales]\n")
    return planned(root)


@pytest.mark.parametrize(("fault", "status"), [("loses", Status.APPLIED), ("refuses", Status.FAILED)])
def test_an_answer_that_is_lost_is_settled_by_reading_even_for_a_rename(
    root: Path, monkeypatch: pytest.MonkeyPatch, fault: str, status: Status
) -> None:
    plan = rename_ready(root)
    break_adapter(monkeypatch, fault)
    report = applied(root, plan)
    assert [one.status for one in report.outcomes] == [status]
    monkeypatch.undo()
    again = planned(root)
    assert again.empty is (status is Status.APPLIED)
    assert applied(root, again).complete


def test_a_crm_that_cannot_be_read_afterwards_is_not_said_to_agree(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    plan = rename_ready(root)
    break_adapter(monkeypatch, "blind")
    report = applied(root, plan)
    assert not report.complete
    assert [one.code for one in report.differences] == ["not-verified"]
    monkeypatch.undo()
    assert pipeline.runs(root, load_settings(root), environment={})[0].finished == NOW


def test_a_run_that_was_killed_is_told_of_by_the_next_plan_which_goes_on(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plan, turn = planned(root), applying._Log.turn

    def killed(log: Any, outcomes: Sequence[Outcome], batches: Sequence[Batch]) -> None:
        if outcomes:
            raise KeyboardInterrupt
        turn(log, outcomes, batches)

    with monkeypatch.context() as patch:
        patch.setattr(applying._Log, "turn", killed)
        with pytest.raises(KeyboardInterrupt):
            applied(root, plan)
    again = planned(root)
    assert {one.code for one in again.findings} >= {"open-intent"}
    assert applied(root, again).complete
    assert planned(root).empty


def test_a_journal_reference_is_resolved_from_the_environment(root: Path) -> None:
    edit(root, "journal: sqlite:///.orgsync/journal.db", 'journal: "${env:JOURNAL}"', "orgsync.yaml")
    with pytest.raises(OrgsyncError, match="JOURNAL"):
        planned(root)
    plan = pipeline.make_plan(
        root,
        load_settings(root),
        "demo",
        today=TODAY,
        environment={"JOURNAL": "sqlite:///elsewhere.db"},
        watch=Timings(),
    )
    assert summary(plan) == {"create": 9}


def sql(root: Path, statement: str) -> None:
    """Somebody else, behind orgsync's back."""
    with sqlite3.connect(root / ".orgsync" / "demo.db") as crm:
        crm.execute(statement)


def test_a_plan_that_renames_a_key_is_applied_once(root: Path) -> None:
    plan = rename_ready(root)
    applied(root, plan)
    with pytest.raises(StalePlan) as stale:
        applied(root, plan)
    assert any(one.startswith("unit/revenue has its new key already") for one in stale.value.moved)
    assert len(pipeline.runs(root, load_settings(root), environment={})) == 2


@pytest.mark.parametrize(
    ("table", "key", "address"),
    [
        ("crm_unit", "sales", "unit/sales"),
        ("crm_business_unit", "commercial", "business-unit/commercial"),
    ],
)
def test_a_plan_is_stale_when_any_field_of_what_it_touches_or_refers_to_moved(
    root: Path, table: str, key: str, address: str
) -> None:
    edit(root, "name: Commercial\n", "name: Commercial\n---\n" + OTHER_BUSINESS_UNIT)
    applied(root, planned(root))
    edit(root, "businessUnit: commercial", "businessUnit: other")
    plan = planned(root)
    sql(root, f"UPDATE {table} SET description = 'Somebody was here' WHERE external_id = '{key}'")
    with pytest.raises(StalePlan) as stale:
        applied(root, plan)
    assert [one.partition(" (")[0] for one in stale.value.moved] == [
        f'{address}: description was nothing and is "Somebody was here"'
    ]


OTHER_BUSINESS_UNIT = """apiVersion: orgsync/v1
kind: BusinessUnit
key: other
name: Other
"""

TEAM = """
apiVersion: orgsync/v1
kind: BusinessUnit
key: commercial
name: Commercial
---
apiVersion: orgsync/v1
kind: Unit
key: sales
name: Sales Team
businessUnit: commercial
owner: p0@example.com
assignments: [{members}]
"""


def team(root: Path, *members: str) -> None:
    (root / "units" / "sales.yaml").write_text(TEAM.replace("{members}", ", ".join(members)))


def test_removals_that_are_fine_in_each_of_two_saved_plans_are_refused_in_a_row(root: Path) -> None:
    people = [f"{{user: p{number}@example.com}}" for number in range(41)]
    team(root, *people)
    applied(root, planned(root))
    team(root, *people[7:])
    first = planned(root)
    team(root, *people[:-5])
    second = planned(root)
    assert not any(guard.violated for plan in (first, second) for guard in plan.guards)
    applied(root, first)
    with pytest.raises(Refused) as refused:
        applied(root, second)
    assert [one.code for one in refused.value.findings] == ["membership-removals"]
    assert applied(root, second, "membership-removals").complete


def test_a_guard_that_was_accepted_is_accepted_in_the_words_that_were_reviewed(root: Path) -> None:
    people = [f"{{user: p{number}@example.com}}" for number in range(40)]
    team(root, *people)
    applied(root, planned(root))
    team(root, *people[12:])
    plan = planned(root, "membership-removals")
    assert [one.name for one in plan.guards if one.accepted] == ["membership-removals"]
    team(root, *people[:-2])
    other = planned(root)
    applied(root, other)
    with pytest.raises(Refused) as refused:
        applied(root, plan)
    assert [one.code for one in refused.value.findings] == ["membership-removals"]


PRIVILEGED = """
apiVersion: orgsync/v1
kind: Role
key: admin
name: Administrator
privileged: true
"""


def test_the_last_administrators_are_counted_again_before_a_saved_plan_is_applied(root: Path) -> None:
    (root / "roles" / "roles.yaml").write_text(PRIVILEGED)
    people = [
        f"{{user: p{number}@example.com, roles: [admin], until: 2030-01-01, reason: Administers}}"
        for number in range(3)
    ]
    team(root, *people)
    applied(root, planned(root))
    team(root, *people[:2])
    plan = planned(root)
    assert not any(guard.violated for guard in plan.guards)
    sql(
        root,
        "DELETE FROM crm_grant WHERE membership_id IN (SELECT m.id FROM crm_membership m JOIN crm_user u"
        " ON u.id = m.user_id WHERE u.login IN ('p0@example.com', 'p1@example.com'))",
    )
    with pytest.raises(Refused) as refused:
        applied(root, plan)
    assert "administrators" in [one.code for one in refused.value.findings]
