"""Units as nodes of the role hierarchy: where people sit, what moves, and what is nobody's business."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from orgsync.adapter import Scope
from orgsync.change import Action, Status
from tests import repository
from tests.adapters.salesforce_world import ENVIRONMENT, World, applied, planned, running, sent, settle, step

NORTH = """---
apiVersion: orgsync/v1
kind: Unit
key: north
name: North
businessUnit: north
owner: maria@example.com
parent: sales
assignments:
  - user: ben@example.com
    primary: true
"""
ROLES = "hierarchy: roles"


@pytest.fixture
def world() -> Iterator[World]:
    with running() as found:
        for login in ("maria@example.com", "ben@example.com"):
            found.org.person(login)
        yield found


@pytest.fixture
def root(world: World, tmp_path: Path) -> Path:
    found = repository.repository(tmp_path)
    (found / repository.UNIT_FILE).write_text(repository.UNITS + NORTH)
    settle(found, world.url, ROLES)
    return found


def seat(world: World, login: str) -> str:
    """The API name of somebody's role in the hierarchy."""
    [user] = world.ids("User", Username=login)
    found = world.org.tables["User"][user]["UserRoleId"]
    return str(world.org.tables["UserRole"][found]["DeveloperName"]) if found else ""


def done(root: Path) -> None:
    report = applied(root)
    assert ({one.status for one in report.outcomes}, report.differences) == ({Status.APPLIED}, ())
    assert planned(root).empty


def test_people_sit_at_the_unit_of_their_primary_assignment(root: Path, world: World) -> None:
    done(root)
    roles = {one["DeveloperName"]: one for one in world.org.tables["UserRole"].values()}
    assert {name: one["Name"] for name, one in roles.items()} == {
        "orgsync_sales": "Sales Team",
        "orgsync_north": "North",
    }
    assert roles["orgsync_north"]["ParentRoleId"] == roles["orgsync_sales"]["Id"]
    assert [seat(world, f"{name}@example.com") for name in ("maria", "ana", "ben", "integration")] == [
        "orgsync_sales",
        "orgsync_sales",
        "orgsync_north",
        "",
    ]


def test_who_moves_home_moves_and_who_leaves_sits_nowhere(root: Path, world: World) -> None:
    done(root)
    repository.edit(root, "    primary: true\n", "")
    repository.edit(root, "  - user: ben@example.com\n---", "  - user: ben@example.com\n    primary: true\n---")
    repository.edit(root, "  - user: ana@example.com\n", "")
    done(root)
    assert [seat(world, f"{name}@example.com") for name in ("ben", "ana")] == ["orgsync_sales", ""]


@pytest.mark.usefixtures("world")
def test_only_the_home_changes_where_somebody_keeps_both_units(root: Path) -> None:
    """One write of the user, and none of the memberships: at no moment do they sit nowhere."""
    done(root)
    repository.edit(root, "    primary: true\n", "")
    repository.edit(root, "  - user: ben@example.com\n---", "  - user: ben@example.com\n    primary: true\n---")
    [change] = planned(root).changes
    assert (change.address, change.before, change.after) == (
        "user/ben@example.com",
        {"unit": "north"},
        {"unit": "sales"},
    )


def test_the_hierarchy_follows_when_it_is_asked_for_later(root: Path, world: World) -> None:
    settle(root, world.url)
    done(root)
    assert world.ids("UserRole") == []
    settle(root, world.url, ROLES)
    done(root)
    [sales] = world.ids("UserRole", DeveloperName="orgsync_sales")
    assert len(world.ids("UserRole", ParentRoleId=sales)) == 1
    assert seat(world, "ben@example.com") == "orgsync_north"


def test_what_somebody_changes_in_the_hierarchy_is_drift_and_put_right(root: Path, world: World) -> None:
    done(root)
    [north] = world.ids("UserRole", DeveloperName="orgsync_north")
    theirs = world.org.put("UserRole", Name="Theirs", DeveloperName="Theirs", OpportunityAccessForAccountOwner="None")
    world.org.update("UserRole", north, {"Name": "Northern", "ParentRoleId": theirs})
    [ben] = world.ids("User", Username="ben@example.com")
    world.org.update("User", ben, {"UserRoleId": theirs})
    told = {change.address: change.before for change in planned(root).changes}
    assert told == {
        "unit/north": {"node": "Northern", "nodeParent": f"foreign:{theirs}"},
        "user/ben@example.com": {"unit": f"foreign:{theirs}"},
    }
    done(root)
    world.org.update("User", ben, {"UserRoleId": None})
    world.org.delete("UserRole", north)
    done(root)
    assert seat(world, "ben@example.com") == "orgsync_north"


def test_a_role_that_lost_its_group_is_taken_again(root: Path, world: World) -> None:
    done(root)
    for group in world.ids("Group", DeveloperName="orgsync_north"):
        world.org.delete("Group", group)
    done(root)
    assert len(world.ids("UserRole", DeveloperName="orgsync_north")) == 1


def test_a_unit_with_a_stranger_in_its_role_cannot_go_and_says_why(root: Path, world: World) -> None:
    done(root)
    [north] = world.ids("UserRole", DeveloperName="orgsync_north")
    world.org.person("stranger@example.com", UserRoleId=north)
    assert [one.code for one in planned(root).findings if "stranger@" in one.detail] == ["foreign-member"]
    (root / repository.UNIT_FILE).write_text(repository.UNITS)
    by_address = {one.address: one for one in applied(root).outcomes}
    assert by_address["membership/north/ben@example.com"].status is Status.APPLIED
    assert (by_address["unit/north"].status, by_address["unit/north"].detail.partition(":")[0]) == (
        Status.FAILED,
        "DELETE_FAILED",
    )
    assert world.ids("Group", DeveloperName="orgsync_north")


def test_who_cannot_leave_the_role_does_not_leave_the_unit_either(root: Path, world: World) -> None:
    """Otherwise nothing would show any more what they still see."""
    done(root)
    with world.opened(hierarchy="roles") as adapter:
        live = adapter.read(Scope())
        world.org.refused = "User"
        gone = step("membership/north/ben@example.com", Action.DELETE)
        [outcome] = sent(adapter, gone)
        assert outcome.status is Status.FAILED
        assert gone.address in live.resources.keys() & adapter.read(Scope()).resources.keys()


def test_a_parent_moves_below_its_child(root: Path, world: World) -> None:
    done(root)
    repository.edit(root, "parent: sales\n", "parent: null\n")
    repository.edit(root, "owner: maria@example.com\nroles", "owner: maria@example.com\nparent: north\nroles")
    done(root)
    [north] = world.ids("UserRole", DeveloperName="orgsync_north")
    assert len(world.ids("UserRole", DeveloperName="orgsync_sales", ParentRoleId=north)) == 1


def test_a_key_that_changes_keeps_the_role(root: Path, world: World) -> None:
    done(root)
    before = world.ids("UserRole", DeveloperName="orgsync_north")
    repository.edit(
        root, "key: north\nname: North\nbusinessUnit", "key: far\npreviously: [north]\nname: North\nbusinessUnit"
    )
    done(root)
    assert world.ids("UserRole", DeveloperName="orgsync_far") == before


def test_a_role_s_access_below_the_org_s_default_is_refused_in_salesforce_s_words(root: Path, world: World) -> None:
    world.org.opportunities = "Read"
    told = {one.address: one.detail for one in applied(root).outcomes if one.status is Status.FAILED}
    assert told["unit/sales"] == "FIELD_INTEGRITY_EXCEPTION: below the default"
    settle(root, world.url, f"{ROLES}\n    opportunityAccess: Read")
    done(root)


def test_a_rollback_takes_everybody_out_and_says_that_a_role_of_somebody_else_s_does_not_come_back(
    root: Path, world: World
) -> None:
    theirs = world.org.put("UserRole", Name="Theirs", DeveloperName="Theirs", OpportunityAccessForAccountOwner="None")
    [ben] = world.ids("User", Username="ben@example.com")
    world.org.update("User", ben, {"UserRoleId": theirs})
    run = applied(root).run
    assert seat(world, "ben@example.com") == "orgsync_north"
    plan = repository.taken_back(root, run, environment=ENVIRONMENT)
    assert [one.address for one in plan.findings if one.code == "not-undone"] == ["user/ben@example.com"]
    report = repository.applied(root, plan, *(guard.name for guard in plan.guards), environment=ENVIRONMENT)
    assert ({one.status for one in report.outcomes}, report.differences) == ({Status.APPLIED}, ())
    assert [seat(world, f"{name}@example.com") for name in ("ben", "ana")] == ["", ""]
    assert world.ids("UserRole") == [theirs]


def test_everything_goes_as_it_came(root: Path, world: World) -> None:
    done(root)
    (root / repository.UNIT_FILE).write_text("")
    done(root)
    assert (world.ids("UserRole"), world.ids("Group")) == ([], [])
    assert seat(world, "ben@example.com") == ""
