"""Roles that include others, as permission set groups: which Salesforce works out in its own time."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from orgsync.adapter import Scope
from orgsync.change import Action, Status
from orgsync.resources import Fields
from tests import repository
from tests.adapters.salesforce_world import World, applied, planned, running, sent, settle, step

REP: Fields = {"name": "Rep", "privileges": {"lead": {"read": "own"}}, "includes": []}
BOSS: Fields = {"name": "Boss", "privileges": {"lead": {"read": "organization"}}, "includes": ["rep"]}


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    monkeypatch.setattr("time.sleep", lambda _: None)
    with running() as found:
        yield found


@pytest.fixture
def root(world: World, tmp_path: Path) -> Path:
    for login in ("maria@example.com", "ben@example.com"):
        world.org.person(login)
    found = repository.repository(tmp_path)
    settle(found, world.url, "includes: groups")
    return found


def held(world: World, name: str) -> tuple[int, int]:
    """How many hold a role by its permission set, and how many by its permission set group."""
    [own] = world.ids("PermissionSet", Name=f"orgsync_{name}")
    bundles = world.ids("PermissionSetGroup", DeveloperName=f"orgsyncpsg_{name}")
    directly = world.ids("PermissionSetAssignment", PermissionSetId=own)
    return len(directly), sum(len(world.ids("PermissionSetAssignment", PermissionSetGroupId=one)) for one in bundles)


def test_only_a_role_that_includes_others_has_a_group_and_its_holders_get_that(root: Path, world: World) -> None:
    assert {one.status for one in applied(root).outcomes} == {Status.APPLIED}
    assert planned(root).empty
    assert held(world, "manager") == (0, 1)
    assert held(world, "rep") == (3, 0)
    [bundle] = world.ids("PermissionSetGroup", DeveloperName="orgsyncpsg_manager", Status="Updated")
    parts = {
        world.org.tables["PermissionSet"][one["PermissionSetId"]]["Name"]
        for one in world.org.tables["PermissionSetGroupComponent"].values()
        if one["PermissionSetGroupId"] == bundle
    }
    assert parts == {"orgsync_manager", "orgsync_rep"}


def test_who_held_a_role_before_it_included_another_holds_its_group_afterwards(root: Path, world: World) -> None:
    """The plan says so; nobody keeps the permission set besides, and one who joins meanwhile gets the group at once."""
    repository.edit(root, "includes: [rep]", "includes: []", repository.ROLE_FILE)
    applied(root)
    assert held(world, "manager") == (1, 0)
    repository.edit(root, "includes: []", "includes: [rep]", repository.ROLE_FILE)
    repository.edit(root, "user: ana@example.com", "user: ana@example.com\n    roles: [manager]")
    assert [one.summary for one in planned(root).effects] == [
        "whoever holds manager gets its new permission set group instead of its set"
    ]
    report = applied(root)
    assert ({one.status for one in report.outcomes}, report.differences) == ({Status.APPLIED}, ())
    assert held(world, "manager") == (0, 2)
    assert planned(root).empty


def test_the_group_stays_when_a_role_includes_nothing_any_more(root: Path, world: World) -> None:
    applied(root)
    repository.edit(root, "includes: [rep]", "includes: []", repository.ROLE_FILE)
    assert {one.status for one in applied(root).outcomes} == {Status.APPLIED}
    assert planned(root).empty
    assert held(world, "manager") == (0, 1)


def test_all_that_is_included_is_a_part_of_the_group_however_deep(root: Path, world: World) -> None:
    more = "---\napiVersion: orgsync/v1\nkind: Role\nkey: chief\nname: Chief\nincludes: [manager]\n"
    (root / repository.ROLE_FILE).write_text(repository.ROLES + more)
    applied(root)
    assert planned(root).empty
    [bundle] = world.ids("PermissionSetGroup", DeveloperName="orgsyncpsg_chief")
    assert len(world.ids("PermissionSetGroupComponent", PermissionSetGroupId=bundle)) == 3


def test_a_permission_set_of_the_org_s_own_may_be_included(root: Path, world: World) -> None:
    theirs = world.org.put("PermissionSet", Name="Sales_seat", Label="Sales seat")
    seat = "---\napiVersion: orgsync/v1\nkind: Role\nkey: seat\nname: Seat\nbind: {salesforce: {role: Sales_seat}}\n"
    (root / repository.ROLE_FILE).write_text(repository.ROLES.replace("[rep]", "[rep, seat]") + seat)
    before = dict(world.org.tables["PermissionSet"][theirs])
    assert {one.status for one in applied(root).outcomes} == {Status.APPLIED}
    assert planned(root).empty
    [bundle] = world.ids("PermissionSetGroup")
    assert len(world.ids("PermissionSetGroupComponent", PermissionSetGroupId=bundle, PermissionSetId=theirs)) == 1
    assert world.org.tables["PermissionSet"][theirs] == before


def test_the_group_of_a_role_that_is_bound_by_now_is_somebody_else_s(world: World) -> None:
    with world.opened(includes="groups") as adapter:
        sent(adapter, step("role/rep", after=REP))
        sent(adapter, step("role/boss", after=BOSS))
        world.org.put("PermissionSet", Name="Theirs", Label="Theirs")
        [own] = world.ids("PermissionSet", Name="orgsync_boss")
        world.org.tables["PermissionSet"][own]["Name"] = "Renamed"
        live = adapter.read(Scope(bound={"role/boss": "Theirs"}))
        assert live.resources["role/boss"] == {}
        assert "Boss" in [one.name for one in live.foreign]


def test_a_muting_permission_set_is_told_and_left(root: Path, world: World) -> None:
    applied(root)
    [bundle] = world.ids("PermissionSetGroup")
    muting = "0QMXX0000000009AAA"
    part = world.org.put("PermissionSetGroupComponent", PermissionSetGroupId=bundle, PermissionSetId=muting)
    assert [one.code for one in planned(root).findings if muting in one.detail] == ["foreign-member"]
    repository.edit(root, "name: Manager", "name: Head", repository.ROLE_FILE)
    applied(root)
    assert world.org.tables["PermissionSetGroupComponent"][part]["PermissionSetId"] == muting


def test_a_grant_waits_until_the_group_is_worked_out(world: World) -> None:
    world.org.lag = 4
    with world.opened(includes="groups") as adapter:
        sent(adapter, step("role/rep", after=REP))
        sent(adapter, step("role/boss", after=BOSS))
        [group] = world.org.tables["PermissionSetGroup"].values()
        assert group["Status"] == "Outdated"
        [outcome] = sent(adapter, step("grant/-/ana@example.com/boss", after={"until": None}))
        assert outcome.status is Status.APPLIED
        assert group["Status"] == "Updated"


def test_a_grant_of_a_group_that_never_comes_up_to_date_is_refused_in_time(world: World) -> None:
    world.org.lag = 10_000
    with world.opened(includes="groups") as adapter:
        sent(adapter, step("role/rep", after=REP))
        sent(adapter, step("role/boss", after=BOSS))
        [outcome] = sent(adapter, step("grant/-/ana@example.com/boss"))
        assert (outcome.status, outcome.detail) == (
            Status.FAILED,
            "the permission set group of role/boss is Updating",
        )
        assert [one.code for one in adapter.read(Scope()).findings] == ["not-recalculated"]


def test_a_group_whose_recalculation_fails_is_told_at_once(world: World) -> None:
    world.org.failing = True
    with world.opened(includes="groups") as adapter:
        sent(adapter, step("role/rep", after=REP))
        sent(adapter, step("role/boss", after=BOSS))
        adapter.read(Scope())
        before = world.org.used
        [finding] = adapter.read(Scope()).findings
        assert world.org.used - before == 7 + 2
        assert "role/boss is Failed" in finding.detail


def test_a_part_that_somebody_took_out_or_put_in_shows(world: World) -> None:
    with world.opened(includes="groups") as adapter:
        sent(adapter, step("role/rep", after=REP))
        sent(adapter, step("role/boss", after=BOSS))
        ids = adapter.read(Scope()).ids
        [group] = world.ids("PermissionSetGroup")
        theirs = world.org.put("PermissionSet", Name="Theirs", Label="Theirs")
        world.org.put("PermissionSetGroupComponent", PermissionSetGroupId=group, PermissionSetId=theirs)
        for part in world.ids("PermissionSetGroupComponent", PermissionSetId=ids["role/rep"]):
            world.org.delete("PermissionSetGroupComponent", part)
        live = adapter.read(Scope())
        assert (live.resources["role/boss"]["includes"], [one.code for one in live.findings]) == (
            [],
            ["foreign-member"],
        )
        [own] = world.ids("PermissionSetGroupComponent", PermissionSetId=ids["role/boss"])
        world.org.delete("PermissionSetGroupComponent", own)
        assert adapter.read(Scope()).resources["role/boss"]["privileges"] == {}
        lacking = step("role/boss", Action.UPDATE, {"includes": ["rep"], "privileges": BOSS["privileges"]})
        assert [one.status for one in sent(adapter, lacking)] == [Status.APPLIED]
        assert adapter.read(Scope()).resources["role/boss"] == {**BOSS, "description": None}
        assert theirs in {one["PermissionSetId"] for one in world.org.tables["PermissionSetGroupComponent"].values()}


def test_a_permission_set_besides_its_group_is_told_and_goes_with_the_grant(world: World) -> None:
    with world.opened(includes="groups") as adapter:
        sent(adapter, step("role/rep", after=REP))
        sent(adapter, step("role/boss", after=BOSS))
        grant = step("grant/-/ana@example.com/boss", after={"until": None})
        sent(adapter, grant)
        live = adapter.read(Scope())
        ana, own = live.ids["user/ana@example.com"], live.ids["role/boss"]
        world.org.put("PermissionSetAssignment", AssigneeId=ana, PermissionSetId=own)
        assert [one.code for one in adapter.read(Scope()).findings] == ["assigned-directly"]
        gone = step(grant.address, Action.DELETE, remote_id=live.ids[grant.address])
        assert [one.status for one in sent(adapter, gone)] == [Status.APPLIED]
        assert world.ids("PermissionSetAssignment", AssigneeId=ana) == []


def test_a_role_goes_with_its_group(root: Path, world: World) -> None:
    applied(root)
    for name in (repository.UNIT_FILE, repository.ROLE_FILE):
        (root / name).write_text("")
    assert {one.status for one in applied(root).outcomes} == {Status.APPLIED}
    assert (world.ids("PermissionSetGroup"), world.ids("PermissionSetGroupComponent")) == ([], [])
    assert planned(root).empty
