"""What a run did is taken back as far as nobody changed it since: through files and a database, and for any two states.

A rollback is a plan like any other, so what is asked of it here is what lives after it was applied.
"""

from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from orgsync import pipeline
from orgsync.adapter import Scope, Snapshot
from orgsync.adapters.memory import FLAT, FULL, MemoryAdapter, MemoryCrm
from orgsync.apply import apply, verify
from orgsync.change import Action, Batch, Change, Outcome, Status, Step
from orgsync.diff import diff, rename
from orgsync.effects import make_good
from orgsync.errors import InvalidInput, OrgsyncError, PlanRefused, Refused
from orgsync.explain import attributes
from orgsync.finding import Severity
from orgsync.freshness import moved
from orgsync.order import order
from orgsync.pipeline import applying, undoing
from orgsync.plan import Plan, open_plan, save
from orgsync.project import project
from orgsync.resources import Address, Fields, Kind, Organization
from orgsync.safety import names_taken, rings, withhold
from orgsync.settings import load_settings
from orgsync.undo import images, undo
from orgsync.users import settle_users
from tests.figures import record
from tests.organizations import organizations, wanted
from tests.repository import (
    ROLE_FILE,
    SETTINGS_FILE,
    UNIT_FILE,
    applied,
    edit,
    lives,
    planned,
    repository,
    sql,
    taken_back,
)
from tests.transitions import TODAY, Silent


@pytest.fixture
def root(tmp_path: Path) -> Path:
    repository(tmp_path)
    applied(tmp_path, planned(tmp_path))
    return tmp_path


def violated(plan: Plan) -> list[str]:
    return [guard.name for guard in plan.guards if guard.violated]


def run_of(root: Path) -> str:
    """Applies whatever the YAML says now."""
    plan = planned(root)
    assert not plan.empty
    report = applied(root, plan, *violated(plan))
    assert report.complete
    return report.run


def roll_back(root: Path, run: str) -> Plan:
    plan = taken_back(root, run)
    if not plan.empty:
        assert applied(root, plan, *violated(plan)).complete
    return plan


def kept(plan: Plan) -> list[str]:
    """What is not taken back, without what is never taken back anyway."""
    return [one.detail for one in plan.findings if one.code == "not-undone" and one.severity is not Severity.INFO]


NORTH = """---
apiVersion: orgsync/v1
kind: Unit
key: north-sales
name: Sales North
businessUnit: north
parent: sales
owner: maria@example.com
roles: [manager]
assignments:
  - user: ben@example.com
    roles: [rep]
"""


def creates(root: Path) -> None:
    (root / UNIT_FILE).write_text((root / UNIT_FILE).read_text() + NORTH)


def updates(root: Path) -> None:
    edit(root, "name: Sales Team", "name: Revenue Team\ndescription: They sell")
    edit(root, "lead: {read: unit}", "lead: {read: organization, create: own}\n  order: {read: own}", ROLE_FILE)


def deletes(root: Path) -> None:
    text = (root / UNIT_FILE).read_text()
    (root / UNIT_FILE).write_text(text[: text.rindex("---")])


def renames(root: Path) -> None:
    edit(root, "key: sales\n", "key: revenue\npreviously: [sales]\n")
    edit(root, "[rep]", "[agent]", ROLE_FILE)
    edit(root, "key: rep\n", "key: agent\npreviously: [rep]\n", ROLE_FILE)
    edit(root, "[rep]", "[agent]")


def renames_and_fills(root: Path) -> None:
    renames(root)
    edit(
        root,
        "  - user: ben@example.com\n",
        "  - user: ben@example.com\n    roles: [agent]\n  - user: zoe@example.com\n",
    )


def moves(root: Path) -> None:
    edit(root, "businessUnit: commercial", "businessUnit: north")


def joins(root: Path) -> None:
    edit(root, "  - user: ben@example.com\n", "  - user: ben@example.com\n    reason: Helps out\n")
    edit(
        root, "  - user: ana@example.com\n", "  - user: zoe@example.com\n    until: 2027-01-01\n    reason: Stands in\n"
    )


def grants(root: Path) -> None:
    edit(root, "    roles: [manager]\n", "    roles: [rep]\n")
    edit(root, "  - user: ana@example.com\n", "  - user: ana@example.com\n    roles: [manager, rep]\n")


def swaps_names(root: Path) -> None:
    edit(root, "name: Representative", "name: Somebody", ROLE_FILE)
    edit(root, "name: Manager", "name: Representative", ROLE_FILE)
    edit(root, "name: Somebody", "name: Manager", ROLE_FILE)


def removes_a_role(root: Path) -> None:
    text = (root / ROLE_FILE).read_text()
    (root / ROLE_FILE).write_text(text[: text.rindex("---")])
    edit(root, "    roles: [manager]\n", "")


def everything(root: Path) -> None:
    updates(root)
    joins(root)
    creates(root)
    edit(root, "businessUnit: commercial", "businessUnit: north")


def without_people(resources: Mapping[Address, Fields]) -> dict[Address, Fields]:
    return {address: fields for address, fields in resources.items() if not address.startswith("user/")}


WAYS = [
    creates,
    updates,
    deletes,
    renames,
    renames_and_fills,
    moves,
    joins,
    grants,
    swaps_names,
    removes_a_role,
    everything,
]


@pytest.mark.parametrize("way", WAYS)
def test_what_a_run_did_is_taken_back_and_a_second_time_there_is_nothing_to_do(
    root: Path, way: Callable[[Path], None]
) -> None:
    before = lives(root)
    way(root)
    run = run_of(root)
    assert lives(root) != before
    plan = roll_back(root, run)
    assert not plan.empty
    assert plan.undoes == run
    assert kept(plan) == []
    after = lives(root)
    assert without_people(after) == without_people(before)
    assert before.items() <= after.items()  # nobody was changed or taken away; who was created stays
    again = taken_back(root, run)
    assert again.empty
    assert kept(again) == []


@pytest.mark.parametrize("way", WAYS)
def test_a_rollback_is_rolled_back_like_any_other_run(root: Path, way: Callable[[Path], None]) -> None:
    way(root)
    run = run_of(root)
    between = lives(root)
    plan = taken_back(root, run)
    second = applied(root, plan, *violated(plan)).run
    assert roll_back(root, second).undoes == second
    assert lives(root) == between
    assert [one.undoes for one in pipeline.runs(root, load_settings(root), environment={})][:2] == [second, run]


def test_a_first_run_is_taken_back_to_an_empty_crm_and_only_people_stay(tmp_path: Path) -> None:
    repository(tmp_path)
    run = applied(tmp_path, planned(tmp_path)).run
    plan = roll_back(tmp_path, run)
    assert sorted(lives(tmp_path)) == ["user/ana@example.com", "user/ben@example.com", "user/maria@example.com"]
    stay = {one.detail for one in plan.findings if one.severity is Severity.INFO}
    assert stay == {f"{address}: people are never deleted" for address in lives(tmp_path)}


def test_what_was_changed_since_is_told_and_not_overwritten(root: Path) -> None:
    edit(root, "name: Sales Team", "name: Revenue Team\ndescription: They sell")
    run = run_of(root)
    sql(root, "UPDATE crm_unit SET name = 'Sales and More' WHERE external_id = 'sales'")
    plan = roll_back(root, run)
    assert kept(plan) == ["unit/sales: name was changed since"]
    assert lives(root)["unit/sales"]["name"] == "Sales and More"
    assert lives(root)["unit/sales"]["description"] is None


def test_what_somebody_put_back_already_is_not_told(root: Path) -> None:
    edit(root, "name: Sales Team", "name: Revenue Team")
    run = run_of(root)
    sql(root, "UPDATE crm_unit SET name = 'Sales Team' WHERE external_id = 'sales'")
    plan = taken_back(root, run)
    assert plan.empty
    assert plan.findings == ()


def test_a_newcomer_that_was_changed_since_stays_and_what_it_needs_is_withheld(root: Path) -> None:
    creates(root)
    run = run_of(root)
    sql(root, "UPDATE crm_unit SET description = 'Ours' WHERE external_id = 'north-sales'")
    plan = roll_back(root, run)
    assert kept(plan) == ["unit/north-sales: description was changed since"]
    assert lives(root)["unit/north-sales"]["description"] == "Ours"
    assert not any("north-sales/" in address for address in lives(root))


def test_what_exists_again_and_differs_is_left_alone(root: Path) -> None:
    grants(root)
    run = run_of(root)
    sql(
        root,
        "INSERT INTO crm_grant (membership_id, role_id, until, created_by, created_at, changed_by, changed_at)"
        " SELECT m.id, r.id, '2030-01-01', 'x', '2026-11-01', 'x', '2026-11-01' FROM crm_membership m"
        " JOIN crm_user u ON u.id = m.user_id JOIN crm_role r ON r.external_id = 'manager'"
        " WHERE u.login = 'maria@example.com'",
    )
    plan = roll_back(root, run)
    assert kept(plan) == ["grant/sales/maria@example.com/manager: it exists again: until was changed since"]
    assert lives(root)["grant/sales/maria@example.com/manager"] == {"until": "2030-01-01"}


def test_what_is_gone_is_told_and_not_made_anew(root: Path) -> None:
    edit(root, "  - user: ben@example.com\n", "  - user: ben@example.com\n    reason: Helps out\n")
    run = run_of(root)
    sql(root, "DELETE FROM crm_membership WHERE reason = 'Helps out'")
    plan = taken_back(root, run)
    assert plan.empty
    assert kept(plan) == ["membership/sales/ben@example.com: it is gone"]


def test_what_hangs_on_something_that_is_gone_does_not_come_back(root: Path) -> None:
    edit(root, "    roles: [manager]\n", "")
    run = run_of(root)
    sql(root, "DELETE FROM crm_membership")
    plan = taken_back(root, run)
    assert plan.empty
    assert kept(plan) == [
        "grant/sales/maria@example.com/manager: membership/sales/maria@example.com, which it refers to, is gone"
    ]


def test_a_reference_to_something_that_is_gone_is_told_and_the_rest_is_taken_back(root: Path) -> None:
    edit(root, "businessUnit: commercial", "description: Moved\nbusinessUnit: north")
    run = run_of(root)
    sql(root, "DELETE FROM crm_business_unit WHERE external_id = 'commercial'")
    plan = roll_back(root, run)
    assert kept(plan) == ["unit/sales: businessUnit named business-unit/commercial, which is gone or not orgsync's"]
    assert lives(root)["unit/sales"]["businessUnit"] == "north"
    assert lives(root)["unit/sales"]["description"] is None


def test_whoever_was_deactivated_since_is_given_nothing_back(root: Path) -> None:
    edit(root, "  - user: maria@example.com\n    roles: [manager]\n", "")
    run = run_of(root)
    sql(root, "UPDATE crm_user SET active = 0 WHERE login = 'maria@example.com'")
    plan = taken_back(root, run)
    assert plan.empty
    assert sorted(kept(plan)) == [
        "grant/sales/maria@example.com/manager: user/maria@example.com is deactivated",
        "membership/sales/maria@example.com: user/maria@example.com is deactivated",
    ]


def test_what_came_to_something_new_since_keeps_it_alive(root: Path) -> None:
    edit(root, "key: north\nname: North\n", "key: north\nname: North\n---\n" + WEST)
    run = run_of(root)
    sql(root, "UPDATE crm_unit SET business_unit_id = (SELECT id FROM crm_business_unit WHERE external_id = 'west')")
    plan = taken_back(root, run)
    assert plan.empty
    assert [(one.address, one.reason) for one in plan.withheld] == [
        ("business-unit/west", "unit/sales still refers to it")
    ]


WEST = "apiVersion: orgsync/v1\nkind: BusinessUnit\nkey: west\nname: West\n"


def test_kinds_that_are_not_pruned_are_withheld(root: Path) -> None:
    creates(root)
    run = run_of(root)
    edit(root, "unit, role, function, businessUnit", "role", SETTINGS_FILE)
    plan = roll_back(root, run)
    assert [(one.address, one.reason) for one in plan.withheld] == [
        ("unit/north-sales", "prune does not name unit for this target")
    ]
    assert "unit/north-sales" in lives(root)
    assert not any("north-sales/" in address for address in lives(root))


@pytest.mark.parametrize("damage", ["kind: [", "apiVersion: orgsync/v1\nkind: Unit\nkey: sales\nroles: [nowhere]\n"])
def test_the_yaml_may_be_broken_or_gone(root: Path, damage: str) -> None:
    before = lives(root)
    updates(root)
    run = run_of(root)
    (root / UNIT_FILE).write_text(damage)
    (root / ROLE_FILE).unlink()
    roll_back(root, run)
    assert lives(root) == before


def test_a_rollback_is_saved_reviewed_and_applied_once(root: Path) -> None:
    updates(root)
    run = run_of(root)
    path = root / "plan.json"
    save(taken_back(root, run), path, attributes)
    plan = open_plan(path, attributes)
    assert (plan.undoes, plan.origins) == (run, {})
    assert applied(root, plan).complete
    with pytest.raises(PlanRefused):
        applied(root, plan)


def test_a_rollback_that_the_crm_has_left_behind_is_stale(root: Path) -> None:
    updates(root)
    plan = taken_back(root, run_of(root))
    sql(root, "UPDATE crm_unit SET name = 'Sales and More' WHERE external_id = 'sales'")
    with pytest.raises(PlanRefused, match="name was"):
        applied(root, plan)
    assert lives(root)["unit/sales"]["name"] == "Sales and More"


def cut_off(root: Path, monkeypatch: pytest.MonkeyPatch, answers: int, *, done: bool) -> str:
    """A run whose process died after so many answers were written down; ``done``: the CRM carried the last call out."""
    plan, turn, left = planned(root), applying._Log.turn, [answers]

    def dying(log: Any, outcomes: Sequence[Outcome], batches: Sequence[Batch]) -> None:
        if outcomes and not left[0]:
            raise KeyboardInterrupt
        left[0] -= bool(outcomes)
        turn(log, outcomes, batches)

    def dead(*_: object) -> None:
        if not left[0]:
            raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(applying._Log, "turn", dying)
        if not done:
            patch.setattr("orgsync.adapters.local.adapter.LocalAdapter.apply", dying_call(left, dead))
        with pytest.raises(KeyboardInterrupt):
            applied(root, plan, *violated(plan))
    return pipeline.runs(root, load_settings(root), environment={})[0].id


def dying_call(left: list[int], dead: Callable[[], None]) -> Callable[..., Sequence[Outcome]]:
    from orgsync.adapters.local.adapter import LocalAdapter

    real = LocalAdapter.apply

    def call(adapter: LocalAdapter, batch: Batch, ids: Mapping[Address, str]) -> Sequence[Outcome]:
        dead()
        return real(adapter, batch, ids)

    assert left
    return call


@pytest.mark.parametrize("done", [True, False])
@pytest.mark.parametrize("answers", [0, 2, 4])
@pytest.mark.parametrize("way", [everything, renames_and_fills, deletes])
def test_a_run_that_was_cut_off_is_taken_back_by_what_lives(
    root: Path,
    monkeypatch: pytest.MonkeyPatch,
    way: Callable[[Path], None],
    answers: int,
    done: bool,  # noqa: FBT001
) -> None:
    before = lives(root)
    way(root)
    if answers >= calls_of(root):
        pytest.skip("it makes fewer calls")
    run = cut_off(root, monkeypatch, answers, done=done)
    plan = roll_back(root, run)
    assert kept(plan) == []
    assert without_people(lives(root)) == without_people(before)
    assert taken_back(root, run).empty


def calls_of(root: Path) -> int:
    depth: dict[str, int] = {}
    changes = planned(root).changes
    for change in changes:
        depth[change.id] = 1 + max((depth[one] for one in change.waits_for), default=0)
    return len({(depth[one.id], one.kind, one.action) for one in changes})


def test_steps_that_failed_are_not_taken_back(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    creates(root)
    with monkeypatch.context() as patch:
        patch.setattr("orgsync.adapters.local.adapter.LocalAdapter.apply", refusing)
        run = applied(root, planned(root)).run
    plan = taken_back(root, run)
    assert plan.empty
    assert [one for one in plan.findings if one.code == "not-undone"] == []


def refusing(_: object, batch: Batch, __: Mapping[Address, str]) -> list[Outcome]:
    return [
        Outcome(id=step.id, address=step.address, action=step.action, status=Status.FAILED, detail="no")
        for step in batch.steps
    ]


def test_the_key_of_something_whose_former_key_was_taken_since_stays(root: Path) -> None:
    renames(root)
    run = run_of(root)
    sql(
        root,
        "INSERT INTO crm_unit (external_id, name, business_unit_id, created_by, created_at, changed_by, changed_at)"
        " SELECT 'sales', 'Another', id, 'x', '2026-11-01', 'x', '2026-11-01' FROM crm_business_unit LIMIT 1",
    )
    plan = roll_back(root, run)
    assert kept(plan) == ["unit/revenue: its key stays, since unit/sales exists again"]
    assert {"unit/revenue", "unit/sales", "role/rep"} <= lives(root).keys()
    assert lives(root)["unit/sales"]["name"] == "Another"


def test_a_name_that_was_taken_since_is_an_error_that_says_by_whom(root: Path) -> None:
    updates(root)
    run = run_of(root)
    sql(
        root,
        "INSERT INTO crm_unit (external_id, name, business_unit_id, created_by, created_at, changed_by, changed_at)"
        " SELECT 'new', 'Sales Team', id, 'x', '2026-11-01', 'x', '2026-11-01' FROM crm_business_unit LIMIT 1",
    )
    with pytest.raises(InvalidInput) as invalid:
        taken_back(root, run)
    assert [(one.code, one.detail) for one in invalid.value.findings] == [
        ("name-taken", '"Sales Team" is the name of unit/new')
    ]


def test_a_role_of_the_crms_own_is_given_and_taken_back_and_never_touched_itself(root: Path) -> None:
    sql(
        root,
        "INSERT INTO crm_role (name, created_by, created_at, changed_by, changed_at)"
        " VALUES ('System User', 'x', '2026-11-01', 'x', '2026-11-01')",
    )
    before = lives(root)
    seat = "apiVersion: orgsync/v1\nkind: Role\nkey: seat\nname: Seat\nbind: {local: {role: System User}}\n"
    (root / ROLE_FILE).write_text((root / ROLE_FILE).read_text() + "---\n" + seat)
    edit(root, "  - user: ana@example.com\n", "  - user: ana@example.com\n    roles: [seat]\n")
    run = run_of(root)
    bound = {"role/seat": "System User"}
    assert "grant/sales/ana@example.com/seat" in lives(root, bound)
    plan = roll_back(root, run)
    assert plan.bound == bound
    assert [one.address for one in plan.changes] == ["grant/sales/ana@example.com/seat"]
    assert "grant/sales/ana@example.com/seat" not in lives(root, bound)
    assert lives(root, bound)["role/seat"]["name"] == "System User"
    assert lives(root) == before


@pytest.mark.parametrize(("name", "message"), [("", "no run begins"), ("nothing", "no run begins")])
def test_a_run_that_nobody_knows_is_refused(root: Path, name: str, message: str) -> None:
    with pytest.raises(OrgsyncError, match=message) as refused:
        taken_back(root, name)
    assert refused.value.remedy == "orgsync history lists the runs"


def test_without_a_journal_no_run_is_known_and_none_is_made(tmp_path: Path) -> None:
    repository(tmp_path)
    with pytest.raises(OrgsyncError, match="no run begins") as refused:
        taken_back(tmp_path, "7b1ec09")
    assert "orgsync history" in refused.value.remedy
    assert not (tmp_path / ".orgsync").exists()


def test_a_beginning_will_do_unless_several_runs_begin_so(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for number, name in enumerate(["abc1", "abd2"]):
        monkeypatch.setattr("secrets.token_hex", lambda _, name=name: name)
        edit(root, "name: Sales Team" if not number else "name: Team 0", f"name: Team {number}")
        run_of(root)
    with pytest.raises(OrgsyncError, match='several runs begin with "ab"') as refused:
        taken_back(root, "ab")
    assert refused.value.remedy == "orgsync history lists the runs"
    assert taken_back(root, "abd").undoes == "abd2"


def test_a_target_that_is_another_one_by_now_is_refused_with_what_to_do(root: Path) -> None:
    updates(root)
    run = run_of(root)
    edit(root, ".orgsync/demo.db", ".orgsync/new.db", SETTINGS_FILE)
    with pytest.raises(PlanRefused, match=f"run {run} was against .*demo.db, not .*new.db") as refused:
        taken_back(root, run)
    assert "demo" in refused.value.remedy


def test_a_target_that_is_gone_from_the_settings_is_refused_with_those_that_exist(root: Path) -> None:
    updates(root)
    run = run_of(root)
    edit(root, "  demo:", "  renamed:", SETTINGS_FILE)
    edit(root, "defaultTarget: demo", "defaultTarget: other", SETTINGS_FILE)
    with pytest.raises(OrgsyncError, match='no target "demo"') as refused:
        taken_back(root, run)
    assert "renamed" in refused.value.remedy


def test_the_guards_stand_before_a_rollback_too(root: Path) -> None:
    edit(root, "shrink: 100%", "shrink: 100%, protected: [membership/sales/zoe@example.com]", SETTINGS_FILE)
    edit(root, "removals: {share: 100%, count: 100}", "removals: {count: 1}", SETTINGS_FILE)
    joins(root)
    edit(root, "  - user: ben", "  - user: amy@example.com\n  - user: ben")
    run = run_of(root)
    before = lives(root)
    plan = taken_back(root, run)
    assert violated(plan) == ["membership-removals", "protected"]
    with pytest.raises(Refused) as refused:
        applied(root, plan, "protected")
    assert [one.code for one in refused.value.findings] == ["membership-removals"]
    assert lives(root) == before
    assert applied(root, taken_back(root, run, *violated(plan))).complete


# --- the same for any two states, without files and databases


EVERYTHING = frozenset(Kind)
NEW_KEYS = {f"{kind}/{key}": f"{kind}/{key}{key}" for kind, key in (("unit", "u"), ("role", "r"), ("function", "f"))}


def rekeyed(desired: Organization, chosen: Collection[Address]) -> Organization:
    """Some of what is desired under another key, with the former one stated."""
    former = {NEW_KEYS[old]: (old,) for old in chosen if old in desired.resources}
    back = {NEW_KEYS[old]: old for old in chosen}
    renamed, _ = rename(Snapshot(resources=desired.resources), former)
    forth = {old: new for new, old in back.items()}
    managed = frozenset(forth.get(address, address) for address in desired.managed)
    return Organization(resources=renamed.resources, managed=managed, previously=former)


def carried_out(
    desired: Organization, live: Snapshot, former: Mapping[Address, Address], adapter: MemoryAdapter
) -> list[Change] | None:
    """None where it is impossible; otherwise whatever the CRM refuses fails the test."""
    changes, _ = withhold(diff(desired, live, former, today=TODAY), live, EVERYTHING, adapter.capabilities)
    effects = adapter.effects(changes, live)
    changes = make_good(changes, effects, desired.resources, live.resources)
    changes = order(changes, live.resources, adapter.capabilities)
    if names_taken(changes, live, adapter.capabilities) or rings(changes, live):
        return None
    dropped = frozenset(address for effect in effects for address in effect.drops)
    assert moved(changes, live, dropped) == []
    outcomes = apply(changes, adapter, live.ids, Silent())
    assert [(one.id, one.status, one.detail) for one in outcomes if one.status is not Status.APPLIED] == []
    assert verify(changes, outcomes, rename(adapter.read(Scope()), {})[0]) == []
    return changes


def sent(crm: MemoryCrm) -> list[Step]:
    return [step for call in crm.calls if isinstance(call, Batch) for step in call.steps]


def rolled_back(steps: Sequence[Step], adapter: MemoryAdapter) -> tuple[list[Change] | None, list[str]]:
    did, renamed = images(steps)
    live, former = rename(adapter.read(Scope()), renamed)
    former_state, findings = undo(undoing._renamed(did, renamed), live)
    return carried_out(former_state, live, former, adapter), [one.detail for one in findings]


def owed(begin: Mapping[Address, Fields], now: Mapping[Address, Fields]) -> dict[Address, Fields]:
    """What a rollback has to restore: all but people, and what would have to be given to deactivated ones."""
    gone = {a for a in begin if a not in now and a.startswith(("membership/", "grant/"))}
    idle = {a for a in gone if begin[f"user/{a.split('/')[2]}"]["active"] is False}
    return without_people({address: fields for address, fields in begin.items() if address not in idle})


SPACES = {"full": FULL, "flat": FLAT}


@pytest.mark.parametrize("drops", [False, True])
@pytest.mark.parametrize("space", SPACES)
def test_from_any_state_to_any_other_and_back_every_former_field_is_as_it_was(
    space: str,
    drops: bool,  # noqa: FBT001
) -> None:
    tried: Counter[str] = Counter()

    @given(
        start=organizations(live=True),
        desired=organizations(),
        chosen=st.sets(st.sampled_from(sorted(NEW_KEYS))),
    )
    @settings(
        max_examples=40,
        deadline=None,
        derandomize=True,
        database=None,
        suppress_health_check=[HealthCheck.filter_too_much, HealthCheck.too_slow],
    )
    def there_and_back(start: Organization, desired: Organization, chosen: set[Address]) -> None:
        capabilities = SPACES[space]
        begin = dict(project(start, capabilities, "memory", narrower=True)[0].resources)
        crm = MemoryCrm(resources=begin, capabilities=capabilities, drops_grants_on_move=drops)
        adapter = crm.adapter()
        before = dict(adapter.read(Scope()).resources)
        projected, _ = project(rekeyed(desired, chosen), capabilities, "memory", narrower=True)
        live, former = rename(adapter.read(Scope()), projected.previously)
        settled, _ = settle_users(projected, live, "create")
        changes = carried_out(settled, live, former, adapter)
        assume(changes is not None)
        expected = owed(before, adapter.read(Scope()).resources)
        tried["tried"] += 1
        tried["lost"] += 1  # until it is back
        back, _ = rolled_back(sent(crm), adapter)
        assert back is not None
        after = without_people(adapter.read(Scope()).resources)
        assert after == {address: dict(fields) for address, fields in expected.items()}
        tried["lost"] -= 1

    try:
        there_and_back()
    finally:
        record("rollbacks", f"{space} {drops}", tried=tried["tried"], lost=tried["lost"])
    assert tried["lost"] == 0
    assert tried["tried"] > 20


def test_what_a_crm_dropped_and_was_given_again_is_not_taken_away() -> None:
    begin: dict[Address, Fields] = {
        "business-unit/a": {"name": "A"},
        "business-unit/b": {"name": "B"},
        "role/r": {"name": "R"},
        "unit/u": {"name": "U", "businessUnit": "a"},
        "user/p@example.com": {"active": True},
        "membership/u/p@example.com": {},
        "grant/u/p@example.com/r": {},
    }
    crm = MemoryCrm(resources=begin, capabilities=FULL, drops_grants_on_move=True)
    adapter = crm.adapter()
    before = dict(adapter.read(Scope()).resources)
    desired = wanted(begin | {"unit/u": {"name": "U", "businessUnit": "b"}})
    assert carried_out(desired, adapter.read(Scope()), {}, adapter) is not None
    assert [(step.address, step.action) for step in sent(crm)] == [
        ("unit/u", Action.UPDATE),
        ("grant/u/p@example.com/r", Action.CREATE),
    ]
    assert rolled_back(sent(crm), adapter)[1] == []
    assert adapter.read(Scope()).resources == before
