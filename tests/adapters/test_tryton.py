"""Tryton as it runs: the sample organization there and back, what it enforces, what it does by itself, who did what."""

import json
import shutil
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from orgsync.adapter import Scope
from orgsync.change import Action
from orgsync.errors import InvalidInput
from orgsync.finding import Severity
from orgsync.resources import Kind
from tests.adapters.tryton_crm import ENVIRONMENT, World, adapter
from tests.commands import command
from tests.servers import tryton

ANA = "ana@example.com"
UNITS = f"""apiVersion: orgsync/v1
kind: BusinessUnit
key: company
name: Company
---
apiVersion: orgsync/v1
kind: Unit
key: sales
name: Sales Team
businessUnit: company
owner: {ANA}
assignments:
  - user: {ANA}
    roles: [rep]
"""
ROLES = """apiVersion: orgsync/v1
kind: Role
key: rep
name: Representative
privileges:
  opportunity: {read: organization}
"""


@pytest.fixture
def world(tmp_path: Path, tryton_url: str) -> World:
    """A unit with a member who holds a role."""
    found = World(tmp_path, tryton_url)
    found.write(units_all=UNITS, roles_all=ROLES)
    assert found.apply(found.plan()).complete
    return found


def settled(world: World) -> bool:
    return world.plan().empty


def user_id(world: World, login: str = ANA) -> int:
    [found] = world.acting().find("res.user", [["login", "=", login]], "id")
    number: int = found["id"]
    return number


def test_the_sample_organization_is_built_renamed_moved_shrunk_and_removed(tmp_path: Path, tryton_url: str) -> None:
    world = World(tmp_path, tryton_url)
    world.sample()
    assert world.apply(world.plan()).complete
    assert settled(world)

    admin = world.acting()
    [foreign] = admin("res.role.create", [{"name": "Somebody else's"}])
    for file in (tmp_path / "units").rglob("*.yaml"):
        text = file.read_text()
        text = text.replace("key: sales\n", "key: sellers\npreviously: [sales]\n").replace(
            "parent: sales\n", "parent: sellers\n"
        )
        file.write_text(text.replace("[sales-representative]", "[seller]").replace("Sales Team", "Sellers"))
    for file in (tmp_path / "roles").rglob("*.yaml"):
        named = "key: seller\npreviously: [sales-representative]\n"
        text = file.read_text().replace("[sales-representative]", "[seller]")
        file.write_text(text.replace("key: sales-representative\n", named))
    plan = world.plan()
    assert [change for change in plan.changes if change.action is not Action.UPDATE] == []
    assert world.apply(plan).complete
    assert settled(world)

    world.edit("units/sales/emea/germany-sales.yaml", "parent: emea-sales", "parent: marketing")
    world.edit("units/sales/emea/germany-sales.yaml", "businessUnit: commercial-emea", "businessUnit: operations")
    assert world.apply(world.plan()).complete
    assert settled(world)

    shutil.rmtree(tmp_path / "units/sales/apac")
    world.edit("units/marketing/marketing.yaml", "  - user: chloe.bennett@example.com\n", "")
    assert world.apply(world.plan()).complete
    assert settled(world)

    world.clear()
    plan = world.plan()
    assert world.apply(plan, *(guard.name for guard in plan.guards)).complete
    assert settled(world)
    assert [one["id"] for one in admin.find("res.role", [], "name")] == [foreign]
    assert admin.find("res.group", [["name", "like", "orgsync/%"]], "name") == []
    assert admin.find("company.company", [], "party") == []
    everybody = admin.find("res.user", [["login", "like", "%@example.com"]], "roles", "groups", "companies")
    assert len(everybody) > 30
    assert [one for one in everybody if one["roles"] or one["groups"] or one["companies"]] == []


def test_what_is_granted_can_be_done_and_what_is_revoked_cannot(world: World) -> None:
    """Seen by logging in as the person whom orgsync manages."""
    world.acting()("res.user.write", [user_id(world)], {"password": "ana's own password"})
    ana = world.acting(ANA, "ana's own password")
    assert ana("sale.opportunity.search_read", [], 0, None, None, ["description"]) == []
    with pytest.raises(tryton.Refused, match="not allowed"):
        ana("sale.opportunity.create", [{"description": "A deal"}])
    world.edit("roles/all.yaml", "{read: organization}", "{read: organization, create: organization}")
    assert world.apply(world.plan()).complete
    with pytest.raises(tryton.Refused, match=r"(?i)party|required|company"):
        ana("sale.opportunity.create", [{"description": "A deal"}])
    world.edit("units/all.yaml", "    roles: [rep]\n", "")
    assert world.apply(world.plan()).complete
    with pytest.raises(tryton.Refused, match="not allowed"):
        ana("sale.opportunity.search_read", [], 0, None, None, ["description"])


def test_the_last_role_leaves_its_privileges_behind_in_tryton_and_never_with_orgsync(world: World) -> None:
    """Somebody takes the rows away in Tryton: what they gave stays, is told, and is taken by the next apply."""
    admin, ana = world.acting(), user_id(world)
    rows = admin.find("res.user.role", [["user", "=", ana]], "role")
    admin("res.user.write", [ana], {"roles": [["delete", [row["id"] for row in rows]]]})
    [left] = admin.find("res.user", [["id", "=", ana]], "roles", "groups")
    assert left["roles"] == []
    assert left["groups"], "Tryton itself takes them by now: this trap is gone"
    world.write(units_all=UNITS.partition("assignments:")[0] + "assignments: []\n")
    plan = world.plan()
    assert "privileges-without-assignment" in {one.code for one in plan.findings}
    assert f"grant/-/{ANA}/rep" in {change.address for change in plan.changes if change.action is Action.DELETE}
    assert world.apply(plan).complete
    assert admin.find("res.user", [["id", "=", ana]], "groups")[0]["groups"] == []
    assert settled(world)


def test_an_assignment_that_was_written_beside_the_user_does_not_count_until_it_does(world: World) -> None:
    admin, ana = world.acting(), user_id(world)
    [role] = admin.find("res.role", [["name", "=", "Representative"]], "name")
    world.edit("units/all.yaml", "    roles: [rep]\n", "")
    assert world.apply(world.plan()).complete
    admin("res.user.role.create", [{"user": ana, "role": role["id"]}])
    grant = f"grant/-/{ANA}/rep"
    assert grant not in world.lives(), "its groups are not the user's: it gives nothing"
    world.edit("units/all.yaml", f"  - user: {ANA}\n", f"  - user: {ANA}\n    roles: [rep]\n")
    assert world.apply(world.plan()).complete
    assert grant in world.lives()
    assert len(admin.find("res.user.role", [["user", "=", ana], ["role", "=", role["id"]]], "id")) == 1


def test_one_assignment_twice_is_one_and_becomes_one(world: World) -> None:
    admin, ana = world.acting(), user_id(world)
    [role] = admin.find("res.role", [["name", "=", "Representative"]], "name")
    admin("res.user.write", [ana], {"roles": [["create", [{"role": role["id"]}]]]})
    assert len(admin.find("res.user.role", [["user", "=", ana], ["role", "=", role["id"]]], "id")) == 2
    assert settled(world)
    world.edit("units/all.yaml", "    roles: [rep]\n", "    roles: [rep]\n    until: 2099-12-31\n")
    assert world.apply(world.plan()).complete
    assert len(admin.find("res.user.role", [["user", "=", ana], ["role", "=", role["id"]]], "id")) == 1
    assert settled(world)


def test_two_roles_with_one_mark_are_an_error_that_names_both(world: World) -> None:
    admin = world.acting()
    [marker] = admin.find("res.group", [["name", "=", "orgsync/unit/sales"]], "name")
    admin("res.role.create", [{"name": "Sales Team", "groups": [["add", [marker["id"]]]]}])
    with pytest.raises(InvalidInput) as raised:
        world.plan()
    assert [one.code for one in raised.value.findings if one.severity is Severity.ERROR] == ["duplicate-mark"]


def test_a_role_that_somebody_deletes_is_made_again_with_its_holders(world: World) -> None:
    """In Tryton the holders' rows vanish with the role, and its group is left."""
    admin = world.acting()
    [role] = admin.find("res.role", [["name", "=", "Sales Team"]], "name")
    admin("res.role.delete", [role["id"]])
    assert f"membership/sales/{ANA}" not in world.lives()
    assert world.apply(world.plan()).complete
    assert f"membership/sales/{ANA}" in world.lives()
    assert settled(world)


def test_an_end_date_is_tryton_s_own_and_ends_what_it_gives(world: World) -> None:
    world.edit("units/all.yaml", "    roles: [rep]\n", "    roles: [rep]\n    until: 2099-12-31\n")
    assert world.apply(world.plan()).complete
    admin, ana = world.acting(), user_id(world)
    ends = [row["to_date"] for row in admin.find("res.user.role", [["user", "=", ana]], "to_date")]
    assert [(end["year"], end["month"], end["day"], end["hour"]) for end in ends] == [(2099, 12, 31, 23)] * 2
    past = {"__class__": "datetime", "year": 2020, "month": 1, "day": 1, "hour": 0, "minute": 0, "second": 0}
    rows = admin.find("res.user.role", [["user", "=", ana]], "id")
    for row in rows:
        ended = {"to_date": {**past, "microsecond": 0}}
        admin("res.user.write", [ana], {"roles": [["write", [row["id"]], ended]]})
    assert {f"membership/sales/{ANA}", f"grant/-/{ANA}/rep"}.isdisjoint(world.lives())


def test_drift_names_what_somebody_else_did_and_who_and_when(world: World) -> None:
    began = datetime.now(UTC).replace(microsecond=0) - timedelta(seconds=1)
    north = UNITS.partition("---\n")[2].replace("key: sales", "key: north\nparent: null").replace("Sales", "North")
    world.write(units_more=north)
    assert world.apply(world.plan()).complete
    mallory = world.acting(tryton.MALLORY, tryton.PASSWORD)
    roles = {one["name"]: one["id"] for one in mallory.find("res.role", [], "name")}
    groups = {one["name"]: one["id"] for one in mallory.find("res.group", [["name", "like", "orgsync/%"]], "name")}
    mallory("res.role.write", [roles["Sales Team"]], {"name": "Closers"})
    mallory("res.group.write", [groups["orgsync/unit/north"]], {"parent": groups["orgsync/unit/sales"]})
    [bo] = mallory("res.user.create", [{"login": "bo@example.com", "companies": [], "company": None}])
    mallory("res.user.write", [bo], {"roles": [["create", [{"role": roles["Representative"]}]]]})
    mallory("res.role.create", [{"name": "Shadow team"}])
    mallory("res.user.write", [user_id(world)], {"active": False})

    drift = world.drift()
    found = {change.address: change for change in drift.plan.changes}
    assert found["unit/sales"].before == {"name": "Closers"}
    assert found["unit/north"].before == {"parent": "sales"}
    assert found["grant/-/bo@example.com/rep"].action is Action.DELETE
    assert [one.name for one in drift.foreign if one.kind is Kind.ROLE] == ["Shadow team"]
    assert any(one.code == "deactivated-user" and ANA in one.detail for one in drift.plan.findings)
    for address in ("unit/sales", "unit/north", "grant/-/bo@example.com/rep"):
        assert drift.changed[address].by == tryton.MALLORY
        assert drift.changed[address].at >= began
    [shadow] = [one for one in drift.foreign if one.name == "Shadow team"]
    assert shadow.changed is not None
    assert shadow.changed.by == tryton.MALLORY


def test_the_command_names_who_and_when(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    mallory = world.acting(tryton.MALLORY, tryton.PASSWORD)
    [role] = mallory.find("res.role", [["name", "=", "Sales Team"]], "name")
    mallory("res.role.write", [role["id"]], {"name": "Closers"})
    monkeypatch.chdir(world.root)
    for name, value in ENVIRONMENT.items():
        monkeypatch.setenv(name, value)
    (change,) = json.loads(command("drift", "--format", "json").out)["changes"]
    assert (change["address"], change["changedBy"]) == ("unit/sales", tryton.MALLORY)
    assert f"by {tryton.MALLORY} {datetime.now(UTC):%Y-}" in command("drift").out


def test_nobody_is_deleted_and_who_leaves_stays_a_user(world: World) -> None:
    with pytest.raises(tryton.Refused, match=r"(?i)deactivated"):
        world.acting()("res.user.delete", [user_id(world)])
    world.write(units_all=UNITS.partition("assignments:")[0] + "assignments: []\n")
    assert world.apply(world.plan()).complete
    assert world.lives()[f"user/{ANA}"]["active"] is True


def test_a_session_that_the_server_forgot_is_renewed(world: World) -> None:
    with adapter(world.url, writable=False) as found:
        first = dict(found.read(Scope()).resources)
        found.server._client._authorization._current = "Session bm90OmE6c2Vzc2lvbg=="  # type: ignore[attr-defined]
        assert dict(found.read(Scope()).resources) == first
        assert found.server.calls["common.db.login"] == 2


def test_the_doctor_says_what_it_finds_and_what_a_wrong_password_means(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(world.root)
    monkeypatch.setenv("CRM_USER", ENVIRONMENT["CRM_USER"])
    monkeypatch.setenv("CRM_PASSWORD", ENVIRONMENT["CRM_PASSWORD"])
    assert command("doctor").code == 0
    monkeypatch.setenv("CRM_PASSWORD", "a wrong password")
    answer = command("doctor")
    assert answer.code == 1
    assert "a wrong password" not in answer.out + answer.err
