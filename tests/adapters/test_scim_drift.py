"""What others do at a real SCIM provider, and what it does by itself: all of it is seen, told and put right."""

import json
import shutil
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from orgsync.change import Action
from orgsync.errors import InvalidInput, StalePlan
from orgsync.finding import Severity
from orgsync.plan import Plan
from orgsync.resources import Kind, kind_of
from tests import repository
from tests.adapters.scim_world import ENVIRONMENT, World, sample, settled, small
from tests.commands import command
from tests.servers.scim import ENTERPRISE


def test_drift_says_what_changed_and_when(url: str, tmp_path: Path) -> None:
    world = sample(tmp_path, url, "roles: groups")
    world.apply()
    began = datetime.now(UTC) - timedelta(seconds=1)
    other = world.provider
    sales, marketing = other.group("unit/sales")["id"], other.group("unit/marketing")["id"]
    hub, priya = other.group("unit/berlin-service-hub")["id"], other.user("priya.nair@example.com")["id"]
    other.patch(f"Groups/{sales}", {"op": "replace", "path": "displayName", "value": "Closers"})
    other.leave(other.group("unit/customer-service")["id"], hub)
    other.join(marketing, hub, type="Group")
    other.join(marketing, priya)
    other.join(other.group("role/crm-administrator")["id"], priya)
    other.create_group("Shadow team", members=[priya])
    other.patch(
        f"Users/{other.user('ethan.walsh@example.com')['id']}", {"op": "replace", "path": "active", "value": False}
    )
    other.leave(sales, other.user("henrik.dahl@example.com")["id"])

    drift = world.drift()
    found = {change.address: change for change in drift.plan.changes}
    assert found["unit/sales"].before == {"name": "Closers"}
    assert found["unit/berlin-service-hub"].before == {"parent": "marketing"}
    assert found["membership/marketing/priya.nair@example.com"].action is Action.DELETE
    assert found["grant/-/priya.nair@example.com/crm-administrator"].action is Action.DELETE
    assert found["membership/sales/henrik.dahl@example.com"].action is Action.CREATE
    assert [one.name for one in drift.foreign] == ["Shadow team"]
    assert any(one.code == "deactivated-user" and "ethan.walsh" in one.detail for one in drift.plan.findings)
    named = {
        "unit/sales",
        "membership/marketing/priya.nair@example.com",
        "grant/-/priya.nair@example.com/crm-administrator",
    }
    assert named <= drift.changed.keys()
    assert all(drift.changed[one].at > began and drift.changed[one].by == "" for one in named)
    assert drift.foreign[0].changed is not None
    world.apply()
    assert settled(world)


def test_the_command_names_what_changed_and_when(url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    world = small(tmp_path, url)
    world.apply()
    group = world.provider.group("unit/sales")
    world.provider.patch(f"Groups/{group['id']}", {"op": "replace", "path": "displayName", "value": "Closers"})
    world.provider.create_group("Shadow team")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("SCIM_TOKEN", ENVIRONMENT["SCIM_TOKEN"])
    answer = command("drift", "--format", "json")
    said = json.loads(answer.out)
    at = world.provider.group("unit/sales")["meta"]["lastModified"]
    (change,) = said["changes"]
    assert change["address"] == "unit/sales"
    assert change["changedBy"] is None
    assert datetime.fromisoformat(change["changedAt"]) == datetime.fromisoformat(at)
    assert [one["name"] for one in said["foreign"]] == ["Shadow team"]
    told = command("drift").out
    assert "Closers" in told
    assert f"changed {at[:10]}" in told


def test_words_that_somebody_else_gave_are_theirs_and_ours_are_taken_back(url: str, tmp_path: Path) -> None:
    world = small(tmp_path, url)
    world.apply()
    ana = world.provider.user("ana@example.com")["id"]
    world.provider.patch(
        f"Users/{ana}",
        {"op": "add", "path": "roles", "value": [{"value": "manager"}, {"value": "sap-user"}]},
        {"op": "add", "path": "roles", "value": [{"value": "forgotten", "type": "orgsync"}]},
    )
    drift = world.drift()
    assert {change.address for change in drift.plan.changes} == {
        "grant/-/ana@example.com/manager",
        "grant/-/ana@example.com/forgotten",
    }
    assert [(one.kind, one.name) for one in drift.foreign] == [(Kind.ROLE, "sap-user")]
    assert world.apply().complete
    assert world.provider.user("ana@example.com")["roles"] == [
        {"value": "rep", "type": "orgsync"},
        {"value": "sap-user"},
    ]


def test_attributes_that_nobody_declared_are_never_touched(url: str, tmp_path: Path) -> None:
    world = small(tmp_path, url, "businessUnitAttribute: division")
    hers = {
        "nickName": "Mia",
        "externalId": "hr-4711",
        "active": True,
        "emails": [{"value": "mia@home.example", "type": "home"}],
        "title": "Head of sales",
        ENTERPRISE: {"costCenter": "4711", "department": "Sales"},
        "entitlements": [{"value": "car"}],
    }
    world.provider.create_user("Maria@Example.com", **hers)
    world.apply()
    maria = world.provider.user("Maria@Example.com")
    assert maria.pop("roles") == [{"value": "manager", "type": "orgsync"}, {"value": "rep", "type": "orgsync"}]
    assert maria[ENTERPRISE].pop("division") == "commercial"
    assert {name: maria[name] for name in hers} == hers
    group = world.provider.group("unit/sales")["id"]
    world.provider.join(group, world.provider.create_group("Guests"), type="Group")
    world.edit(repository.UNIT_FILE, "  - user: ana@example.com\n", "")
    world.edit(repository.UNIT_FILE, "Sales Team", "Sellers")
    assert world.apply().complete
    assert len(world.provider.group("unit/sales")["members"]) == 3
    assert settled(world)


def test_people_are_found_by_their_name_whatever_its_case(url: str, tmp_path: Path) -> None:
    world = small(tmp_path, url, "roles: groups")
    world.provider.create_user("MARIA@example.COM", displayName="Maria")
    plan = world.plan()
    assert "user/maria@example.com" not in {change.address for change in plan.changes}
    assert world.apply(plan).complete
    assert settled(world)
    assert len(world.provider.all("Users")) == 3


def test_nobody_is_ever_deleted_only_deactivated(url: str, tmp_path: Path) -> None:
    world = small(tmp_path, url)
    world.apply()
    with world.opened() as adapter:
        able = adapter.capabilities.of(Kind.USER)
    assert able.actions == {Action.CREATE, Action.UPDATE}
    world.write(repository.UNIT_FILE, repository.UNITS.partition("---\napiVersion: orgsync/v1\nkind: Unit")[0])
    plan = world.plan()
    world.apply(plan, *(guard.name for guard in plan.guards))
    assert len(world.provider.all("Users")) == 3


def test_two_groups_with_one_key_stop_a_plan_by_name(url: str, tmp_path: Path) -> None:
    """The provider takes a second one without a word."""
    world = small(tmp_path, url)
    world.apply()
    plan = _changed_plan(world)
    second = world.provider.create_group("Sales again", "orgsync:unit/sales")
    with pytest.raises(InvalidInput) as refused:
        world.plan()
    (finding,) = [one for one in refused.value.findings if one.severity is Severity.ERROR]
    assert finding.code == "duplicate-mark"
    assert second in finding.detail
    assert finding.address == "unit/sales"
    with pytest.raises(StalePlan):
        world.apply(plan)


def _changed_plan(world: World) -> Plan:
    world.edit(repository.UNIT_FILE, "Sales Team", "Sellers")
    return world.plan()


def test_members_who_were_deleted_are_told_and_stay_until_somebody_takes_them_out(url: str, tmp_path: Path) -> None:
    """The provider keeps whoever was deleted in every group, and a group that was deleted in those above it."""
    world = small(tmp_path, url, "roles: groups")
    world.apply()
    ben = world.provider.user("ben@example.com")["id"]
    world.provider.delete(f"Users/{ben}")
    drift = world.drift()
    told = {one.address: one for one in drift.plan.findings if one.code == "dangling-member"}
    assert told.keys() == {"unit/sales", "role/rep"}
    assert ben in told["unit/sales"].detail
    assert told["unit/sales"].severity is Severity.WARNING
    assert {(one.kind, one.id, one.name) for one in drift.foreign} == {
        (Kind.MEMBERSHIP, ben, "in Sales Team, of nobody"),
        (Kind.GRANT, ben, "in Representative, of nobody"),
    }
    assert "user/ben@example.com" in {change.address for change in drift.plan.changes}
    assert world.apply().complete
    world.provider.leave(world.provider.group("unit/sales")["id"], ben)
    world.provider.leave(world.provider.group("role/rep")["id"], ben)
    assert not [one for one in world.plan().findings if one.code == "dangling-member"]
    assert settled(world)


def test_a_unit_that_goes_leaves_nothing_dangling_in_the_group_above_it(url: str, tmp_path: Path) -> None:
    world = sample(tmp_path, url)
    world.apply()
    shutil.rmtree(tmp_path / "units/sales/apac")
    plan = world.plan()
    effects = {effect.cause: effect for effect in plan.effects}
    assert "ends" in effects["unit/japan-sales"].summary
    assert {one.split("/")[1] for one in effects["unit/japan-sales"].drops} == {"japan-sales"}
    assert world.apply(plan).complete
    assert not [one for one in world.plan().findings if one.code == "dangling-member"]
    present = {one["id"] for endpoint in ("Groups", "Users") for one in world.provider.all(endpoint)}
    named = {member["value"] for group in world.provider.all("Groups") for member in group.get("members", ())}
    assert named <= present


def test_a_unit_nested_twice_differs_from_both_and_is_put_right(url: str, tmp_path: Path) -> None:
    world = sample(tmp_path, url)
    world.apply()
    germany, marketing = world.provider.group("unit/germany-sales")["id"], world.provider.group("unit/marketing")["id"]
    world.provider.join(marketing, germany, type="Group")
    (change,) = world.plan().changes
    assert change.address == "unit/germany-sales"
    assert str((change.before or {})["parent"]).startswith("foreign:")
    assert change.after == {"parent": "emea-sales"}
    assert world.apply().complete
    assert settled(world)
    members = [member["value"] for member in world.provider.group("unit/emea-sales")["members"]]
    assert members.count(germany) == 1


def test_a_key_that_is_none_makes_a_group_foreign_and_is_told(url: str, tmp_path: Path) -> None:
    world = small(tmp_path, url)
    world.apply()
    for key in ("orgsync:unit/a/b", "orgsync:nonsense/x", "orgsync:"):
        world.provider.create_group(f"Group {key}", key)
    plan = world.plan()
    assert not plan.changes
    assert [one.code for one in plan.findings if one.code == "strange-mark"] == ["strange-mark"] * 3
    assert len(world.drift().foreign) == 3


def test_a_provider_may_hold_anything(url: str, tmp_path: Path) -> None:
    world = small(tmp_path, url)
    world.apply()
    wild = ["\x1b[31mred", "a\nb", "\u202edesrever", "💥" * 200, "' or 1=1 --", '" or userName pr or "', "=cmd()"]
    for number, text in enumerate(wild):
        group = world.provider.create_group(text, f"{text}/unit/{number}")
        user = world.provider.create_user(
            f"{text}/{number}", displayName=text, roles=[{"value": text}, {"display": "x"}]
        )
        world.provider.join(world.provider.group("unit/sales")["id"], user)
        world.provider.join(group, user)
    world.provider.create_user(
        "plain@example.com", roles=[{"value": text, "type": "orgsync"} for text in ["a/b", "c d"]]
    )
    drift = world.drift()
    assert {change.address for change in drift.plan.changes} == {"grant/-/plain@example.com/c d"}
    assert len(drift.foreign) == 2 * len(wild) + 1


def test_a_login_cannot_end_the_filter_that_it_stands_in(url: str, tmp_path: Path) -> None:
    world = small(tmp_path, url, "roles: none")
    for login in ('x" or userName pr or userName eq "', "back\\slash", "maria@example.com"):
        world.provider.create_user(login)
    live = world.lives(logins=frozenset({'x" or username pr or username eq "', "back\\slash"}))
    assert {one for one in live.resources if kind_of(one) is Kind.USER} == {
        'user/x" or username pr or username eq "',
        "user/back\\slash",
    }
