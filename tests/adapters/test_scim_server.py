"""The whole way from YAML to a real SCIM provider (scim2-server): built, changed, shrunk, with few and proper calls."""

import shutil
from pathlib import Path

import pytest

from orgsync.change import Action
from orgsync.resources import Kind
from tests.adapters.scim_world import World, sample, settled
from tests.servers import scim

MODES = {
    "words": "",
    "entitlements": "roleAttribute: entitlements",
    "groups": "roles: groups",
    "nested roles": "roles: groups\nunitRoles: nested",
    "homes": "businessUnitAttribute: division\nmanagers: true",
    "no groups of groups": "businessUnits: none\nbusinessUnitAttribute: division\ndeviations: {nestedGroups: false}",
    "no bulk": "deviations: {bulk: false, etag: false}",
}


@pytest.mark.parametrize("more", MODES.values(), ids=MODES)
def test_the_sample_organization_is_built_renamed_moved_shrunk_and_removed(more: str, url: str, tmp_path: Path) -> None:
    world = sample(tmp_path, url, more)
    assert world.apply().complete
    assert settled(world)

    foreign = world.provider.create_group(
        "Somebody else's", members=[world.provider.user("maria.lopez@example.com")["id"]]
    )
    _rename(world)
    plan = world.plan()
    assert not [change for change in plan.changes if change.kind is Kind.UNIT and change.action is not Action.UPDATE]
    assert world.apply(plan, "role-holders").complete
    assert settled(world)

    world.edit("units/sales/emea/germany-sales.yaml", "parent: emea-sales", "parent: marketing")
    world.edit("units/sales/emea/germany-sales.yaml", "businessUnit: commercial-emea", "businessUnit: operations")
    assert world.apply().complete
    assert settled(world)

    shutil.rmtree(tmp_path / "units/sales/apac")
    world.edit("units/marketing/marketing.yaml", "  - user: chloe.bennett@example.com\n", "")
    assert world.apply().complete
    assert settled(world)

    shutil.rmtree(tmp_path / "units")
    shutil.rmtree(tmp_path / "roles")
    world.write("units/none.yaml", "apiVersion: orgsync/v1\nkind: BusinessUnit\nkey: last\nname: Last\n")
    plan = world.plan()
    assert world.apply(plan, *(guard.name for guard in plan.guards)).complete
    assert settled(world)
    left = world.provider.all("Groups")
    assert {one["id"] for one in left if one.get("externalId") != "orgsync:business-unit/last"} == {foreign}
    assert all(not user.get("roles") and not user.get("entitlements") for user in world.provider.all("Users"))


def _rename(world: World) -> None:
    """A unit, a role and a business unit get other keys, and one of them another name."""
    sales = world.root / "units/sales/sales.yaml"
    text = (
        sales.read_text().replace("key: sales", "key: sales-team\npreviously: [sales]").replace("Sales Team", "Sellers")
    )
    sales.unlink()
    world.write("units/sales/sales-team.yaml", text)
    for file in (world.root / "units").rglob("*.yaml"):
        content = file.read_text()
        file.write_text(
            content.replace("parent: sales\n", "parent: sales-team\n")
            .replace("[sales-representative]", "[seller]")
            .replace("businessUnit: commercial\n", "businessUnit: trade\n")
            .replace("parent: commercial\n", "parent: trade\n")
        )
    for file in (world.root / "roles").rglob("*.yaml"):
        content = file.read_text().replace("[sales-representative]", "[seller]")
        named = "key: seller\npreviously: [sales-representative]\n"
        file.write_text(content.replace("key: sales-representative\n", named))
    unit = world.root / "units/business-units/commercial.yaml"
    unit.write_text(unit.read_text().replace("key: commercial\n", "key: trade\npreviously: [commercial]\n"))


def test_the_counterpart_keeps_to_the_standard(url: str) -> None:
    code, told = scim.conformance(url)
    assert code == 0, told
    assert "ERROR" not in told
    assert told.count("SUCCESS") > 100


@pytest.mark.parametrize("more", MODES.values(), ids=MODES)
def test_every_body_that_is_sent_is_what_the_standard_allows(more: str, origin: str, tmp_path: Path) -> None:
    with scim.watched(origin) as proxy:
        world = sample(tmp_path, scim.fresh(proxy.url), more)
        world.apply()
        _rename(world)
        shutil.rmtree(tmp_path / "units/sales/apac")
        world.edit("units/sales/emea/germany-sales.yaml", "parent: emea-sales", "parent: marketing")
        assert world.apply(world.plan(), "role-holders").complete
        sent = scim.writes(proxy.requests)
    assert {one.method for one in sent} >= {"POST"}
    assert scim.faults_in(sent) == ""


@pytest.mark.parametrize(("more", "bulks"), [("", 12), ("roles: groups", 17)], ids=["words", "groups"])
def test_building_an_organization_takes_few_calls(more: str, bulks: int, origin: str, tmp_path: Path) -> None:
    """Beside what is asked once: a bulk per kind and stratum, a page of groups, a page of users."""
    with scim.watched(origin) as proxy:
        world = sample(tmp_path, scim.fresh(proxy.url), more)
        plan = world.plan()
        before = len(proxy.requests)
        world.apply(plan)
        sent = proxy.requests[before:]
    named = [f"{one.method} {one.path.rpartition('/')[2]}" for one in sent]
    assert named.count("POST Bulk") == bulks
    assert named.count("POST Groups") == 1  # the first business unit, by itself
    assert named.count("GET Groups") == named.count("GET Users") == 2  # before and after
    assert len(named) == bulks + 8


def test_what_one_person_holds_and_who_belongs_to_one_group_takes_one_operation_each(
    origin: str, tmp_path: Path
) -> None:
    with scim.watched(origin) as proxy:
        world = sample(tmp_path, scim.fresh(proxy.url))
        plan = world.plan()
        world.apply(plan)
        operations = [
            one for sent in scim.writes(proxy.requests) for one in sent.json.get("Operations", ()) if "method" in one
        ]
    patches = [one for one in operations if one["method"] == "PATCH"]
    words = [one["path"] for one in patches if one["path"].startswith("/Users/")]
    people = [
        one["path"]
        for one in patches
        if one["path"].startswith("/Groups/") and "type" not in one["data"]["Operations"][0]["value"][0]
    ]
    assert len([change for change in plan.changes if change.kind is Kind.GRANT]) == 59
    assert len(words) == len(set(words)) == 41
    assert len([change for change in plan.changes if change.kind is Kind.MEMBERSHIP]) == 41
    assert len(people) == len(set(people)) == 22
