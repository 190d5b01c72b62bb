"""The whole way from YAML to a real SCIM provider (scim2-server), and what it does by itself."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from orgsync.change import Action
from orgsync.resources import Kind
from tests.adapters.scim_world import World, sample
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


@pytest.fixture(scope="module")
def origin() -> Iterator[str]:
    with scim.started() as found:
        yield found


@pytest.fixture
def url(origin: str) -> str:
    return scim.fresh(origin)


def _settled(world: World) -> bool:
    plan = world.plan()
    return not plan.changes and not plan.withheld


@pytest.mark.parametrize("more", MODES.values(), ids=MODES)
def test_the_sample_organization_is_built_renamed_moved_shrunk_and_removed(more: str, url: str, tmp_path: Path) -> None:
    world = sample(tmp_path, url, more)
    assert world.apply().complete
    assert _settled(world)

    foreign = world.provider.create_group(
        "Somebody else's", members=[world.provider.user("maria.lopez@example.com")["id"]]
    )
    _rename(world)
    plan = world.plan()
    assert not [change for change in plan.changes if change.kind is Kind.UNIT and change.action is not Action.UPDATE]
    assert world.apply(plan, "role-holders").complete
    assert _settled(world)

    world.edit("units/sales/emea/germany-sales.yaml", "parent: emea-sales", "parent: marketing")
    world.edit("units/sales/emea/germany-sales.yaml", "businessUnit: commercial-emea", "businessUnit: operations")
    assert world.apply().complete
    assert _settled(world)

    shutil.rmtree(tmp_path / "units/sales/apac")
    world.edit("units/marketing/marketing.yaml", "  - user: chloe.bennett@example.com\n", "")
    assert world.apply().complete
    assert _settled(world)

    shutil.rmtree(tmp_path / "units")
    shutil.rmtree(tmp_path / "roles")
    world.write("units/none.yaml", "apiVersion: orgsync/v1\nkind: BusinessUnit\nkey: last\nname: Last\n")
    plan = world.plan()
    assert world.apply(plan, *(guard.name for guard in plan.guards)).complete
    assert _settled(world)
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
