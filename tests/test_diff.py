"""The three states of every field, renames, removals, and how a change reads."""

import subprocess
import sys
from datetime import date
from pathlib import Path

import pytest

from orgsync.adapter import Scope
from orgsync.adapters.memory import FULL, MemoryCrm
from orgsync.change import Action, AttributeChange, Change, Status
from orgsync.diff import diff, rename
from orgsync.explain import attributes
from orgsync.plan import open_plan, save, seal
from orgsync.project import project
from orgsync.resources import KEY, Fields, Json, Kind, Organization, same
from tests.organizations import (
    ADDRESSES,
    EVERY_FIELD,
    bare,
    create,
    delete,
    empty,
    plan_of,
    sample,
    snapshot,
    update,
    wanted,
)
from tests.transitions import TODAY, passed, planned

A_UNIT: dict[str, Fields] = {
    "business-unit/b": {"name": "B"},
    "unit/u": {"name": "U", "businessUnit": "b"},
    "user/p@x": {},
}


def changes_of(desired: Organization, live: dict[str, Fields]) -> list[Change]:
    renamed, former = rename(snapshot(live), desired.previously)
    return diff(desired, renamed, former, today=TODAY)


def _of_unit(fields: Fields, kind: Kind) -> Fields:
    return {"businessUnit": "other", **fields} if kind is Kind.UNIT else fields


@pytest.mark.parametrize(("kind", "name"), EVERY_FIELD)
def test_a_field_that_is_not_stated_is_never_changed(kind: Kind, name: str, tmp_path: Path) -> None:
    live = bare() | {ADDRESSES[kind]: _of_unit({name: sample(kind, name)}, kind)}
    stated = bare() | {ADDRESSES[kind]: {}}
    crm = MemoryCrm(resources=live)
    before = crm.resources[ADDRESSES[kind]]
    desired, _ = project(wanted(stated), FULL, "memory")
    assert name not in desired.resources[ADDRESSES[kind]]
    assert changes_of(desired, live) == []
    passage = passed(wanted(stated | {"business-unit/other": {"description": "x"}}), crm)
    assert [change.address for change in passage.changes] == ["business-unit/other"]
    assert crm.resources[ADDRESSES[kind]] == before
    assert _round_trip(passage.changes[0], tmp_path).after == {"description": "x"}


@pytest.mark.parametrize(("kind", "name"), [one for one in EVERY_FIELD if one != (Kind.UNIT, "businessUnit")])
def test_a_field_that_is_stated_as_empty_is_cleared(kind: Kind, name: str, tmp_path: Path) -> None:
    """All but the business unit, which a unit always has."""
    live = bare() | {ADDRESSES[kind]: _of_unit({name: sample(kind, name)}, kind)}
    nothing = empty(kind, name)
    desired, lost = project(wanted(bare() | {ADDRESSES[kind]: {name: nothing}}), FULL, "memory")
    (change,) = changes_of(desired, live)
    assert (change.action, change.before, change.after, lost) == (
        Action.UPDATE,
        {name: sample(kind, name)},
        {name: nothing},
        [],
    )
    assert _round_trip(change, tmp_path).after == {name: nothing}
    if name == "active":
        return  # a CRM knows no user who is neither active nor deactivated
    crm = MemoryCrm(resources=live)
    assert set(passed(desired, crm).outcomes.values()) == {Status.APPLIED}
    assert same(crm.resources[ADDRESSES[kind]][name], None)
    assert planned(desired, crm.adapter()) == []


@pytest.mark.parametrize(("kind", "name"), EVERY_FIELD)
def test_a_field_that_lists_something_is_written_and_then_left_alone(kind: Kind, name: str, tmp_path: Path) -> None:
    value = sample(kind, name)
    desired, _ = project(wanted(bare() | {ADDRESSES[kind]: {name: value}}), FULL, "memory")
    crm = MemoryCrm(resources=bare())
    changes = planned(desired, crm.adapter())
    if (kind, name) == (Kind.UNIT, "businessUnit"):
        assert changes == []
        return
    assert [change.after for change in changes] == [{name: value}]
    assert _round_trip(changes[0], tmp_path) == changes[0]
    passed(desired, crm)
    assert crm.resources[ADDRESSES[kind]][name] == value
    assert planned(desired, crm.adapter()) == []


def _round_trip(change: Change, folder: Path) -> Change:
    save(seal(plan_of([change])), folder / "plan", attributes)
    return open_plan(folder / "plan", attributes).changes[0]


@pytest.mark.parametrize("held", [None, [], {}])
@pytest.mark.parametrize("stated", [None, [], {}, {"lead": {}}])
def test_two_ways_to_hold_nothing_are_no_difference(held: Json, stated: Json) -> None:
    assert changes_of(wanted({"role/r": {"privileges": stated}}), {"role/r": {"privileges": held}}) == []


@pytest.mark.parametrize("held", ["", False, 0, ["x"], {"x": ["y"]}])
def test_a_value_is_never_taken_for_nothing(held: Json) -> None:
    assert len(changes_of(wanted({"role/r": {"privileges": None}}), {"role/r": {"privileges": held}})) == 1


def test_an_update_holds_the_differing_fields_and_the_remote_id_alone() -> None:
    live: dict[str, Fields] = {"role/r": {"name": "R", "description": "old", "includes": []}}
    (change,) = changes_of(wanted({"role/r": {"name": "R", "description": "new"}}), live)
    assert (change.before, change.after) == ({"description": "old"}, {"description": "new"})
    assert change.remote_id == "id-role/r"


def test_a_rename_is_one_update_that_takes_everything_along() -> None:
    live: dict[str, Fields] = {
        **A_UNIT,
        "role/old": {"name": "R", "includes": []},
        "role/s": {"name": "S", "includes": ["old"]},
        "unit/v": {"name": "V", "businessUnit": "b", "parent": "u", "roles": ["old"]},
        "membership/u/p@x": {},
        "grant/u/p@x/old": {},
    }
    desired = wanted(
        {
            "business-unit/b": {"name": "B"},
            "role/new": {"name": "R", "includes": []},
            "role/s": {"name": "S", "includes": ["new"]},
            "unit/w": {"name": "U", "businessUnit": "b"},
            "unit/v": {"name": "V", "businessUnit": "b", "parent": "w", "roles": ["new"]},
            "user/p@x": {},
            "membership/w/p@x": {},
            "grant/w/p@x/new": {},
        },
        previously={"role/new": ("role/old",), "unit/w": ("unit/ancient", "unit/u")},
    )
    found = {change.address: (change.action, change.before, change.after) for change in changes_of(desired, live)}
    assert found == {
        "role/new": (Action.UPDATE, {KEY: "old"}, {KEY: "new"}),
        "unit/w": (Action.UPDATE, {KEY: "u"}, {KEY: "w"}),
    }
    crm = MemoryCrm(resources=live)
    assert set(passed(desired, crm).outcomes.values()) == {Status.APPLIED}
    assert planned(desired, crm.adapter()) == []
    assert "grant/w/p@x/new" in crm.resources


def test_a_rename_and_another_change_of_the_same_resource_are_one_update() -> None:
    desired = wanted({**A_UNIT, "unit/w": {"name": "W"}}, previously={"unit/w": ("unit/u",)})
    del desired.resources["unit/u"]  # type: ignore[attr-defined]
    (change,) = changes_of(desired, A_UNIT)
    assert (change.before, change.after) == ({"name": "U", KEY: "u"}, {"name": "W", KEY: "w"})
    assert change.reason == "was unit/u"


def test_what_lives_under_both_addresses_is_not_renamed() -> None:
    live: dict[str, Fields] = {"role/old": {"name": "Old"}, "role/new": {"name": "New"}}
    found = changes_of(wanted({"role/new": {"name": "New"}}, previously={"role/new": ("role/old",)}), live)
    assert [(change.address, change.action) for change in found] == [("role/old", Action.DELETE)]


def test_a_rename_that_was_done_already_is_no_change() -> None:
    assert changes_of(wanted({"role/new": {}}, previously={"role/new": ("role/old",)}), {"role/new": {}}) == []


def test_people_of_a_unit_without_stated_assignments_are_left_alone() -> None:
    live: dict[str, Fields] = {**A_UNIT, "role/r": {}, "membership/u/p@x": {}, "grant/u/p@x/r": {}}
    desired: dict[str, Fields] = {"business-unit/b": {}, "role/r": {}, "unit/u": {}}
    assert changes_of(wanted(desired, managed=frozenset()), live) == []
    assert {change.address for change in changes_of(wanted(desired), live)} == {"membership/u/p@x", "grant/u/p@x/r"}


def test_folded_grants_of_members_of_an_unmanaged_unit_are_left_alone() -> None:
    live: dict[str, Fields] = {**A_UNIT, "role/r": {}, "membership/u/p@x": {}, "grant/-/p@x/r": {}, "grant/-/q@x/r": {}}
    desired = wanted({"business-unit/b": {}, "role/r": {}, "unit/u": {}}, managed=frozenset())
    assert [change.address for change in changes_of(desired, live)] == ["grant/-/q@x/r"]


def test_nobody_is_ever_removed() -> None:
    assert changes_of(wanted({}), {"user/p@x": {"name": "P"}}) == []


def test_a_removal_holds_all_that_lived_and_says_when_it_ended() -> None:
    live: dict[str, Fields] = {"membership/u/p@x": {"until": "2026-10-31", "reason": "leave"}}
    (change,) = changes_of(wanted({}), live)
    assert (change.before, change.after) == (live["membership/u/p@x"], None)
    assert change.reason == "ended on 2026-10-31"


def test_an_end_in_the_future_is_no_reason() -> None:
    today = date(2026, 10, 31)
    (change,) = diff(wanted({}), snapshot({"membership/u/p@x": {"until": "2026-10-31"}}), {}, today=today)
    assert change.reason == ""


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (
            update(
                "role/r",
                {"privileges": {"opportunity": {"delete": "own", "read": "own"}, "lead": {"read": "own"}}},
                {"privileges": {"opportunity": {"delete": "unit", "read": "own"}}},
            ),
            [("privileges.lead", {"read": "own"}, None), ("privileges.opportunity.delete", "own", "unit")],
        ),
        (
            update("unit/u", {"roles": ["a", "b"]}, {"roles": ["b", "sales-rep"]}),
            [("roles[a]", "a", None), ("roles[sales-rep]", None, "sales-rep")],
        ),
        (update("role/r", {"functions": {"f": "own"}}, {"functions": {"f": "unit"}}), [("functions.f", "own", "unit")]),
        (
            update("unit/u", {"workflows": [{"name": "x", "url": "1"}]}, {"workflows": [{"name": "x", "url": "2"}]}),
            [("workflows[0].url", "1", "2")],
        ),
        (update("unit/u", {"parent": "a"}, {"parent": None}), [("parent", "a", None)]),
        (update("unit/w", {KEY: "u"}, {KEY: "w"}), [("key", "u", "w")]),
        (create("role/r", includes=["s"]), [("includes", None, ["s"])]),
        (delete("role/r", includes=["s"]), [("includes", ["s"], None)]),
        (update("role/r", {"holders": None}, {"holders": {"min": 1}}), [("holders", None, {"min": 1})]),
    ],
)
def test_a_change_is_explained_down_to_the_single_privilege_and_link(
    change: Change, expected: list[tuple[str, Json, Json]]
) -> None:
    assert attributes(change) == [AttributeChange(path=p, before=b, after=a) for p, b, a in expected]


def test_deepdiff_is_imported_for_maps_alone() -> None:
    code = """
import sys
from orgsync.change import Action, Change
from orgsync.explain import attributes
def explain(before, after):
    attributes(Change(address="role/r", action=Action.UPDATE, before=before, after=after))
    return "deepdiff" in sys.modules
assert not explain({"name": "a", "includes": ["a"]}, {"name": "b", "includes": ["b"]})
assert explain({"privileges": {"a": {"read": "own"}}}, {"privileges": {"a": {"read": "unit"}}})
"""
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)


def test_a_reader_may_trust_the_order_of_the_snapshot_to_mean_nothing() -> None:
    live: dict[str, Fields] = {"role/r": {"name": "R"}, "role/s": {"name": "S"}}
    turned = dict(reversed(live.items()))
    assert changes_of(wanted(live), turned) == []


def test_the_snapshot_keeps_ids_and_authors_through_a_rename() -> None:
    crm = MemoryCrm(resources={"role/old": {"name": "R"}})
    live, former = rename(crm.adapter().read(Scope()), {"role/new": ("role/old",)})
    assert (former, set(live.ids)) == ({"role/new": "role/old"}, {"role/new"})
