"""The whole way from YAML to a real SCIM provider (scim2-server), and what it does by itself."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from orgsync.change import counts
from tests.adapters.scim_world import World, sample, small
from tests.servers import scim

MODES = {
    "words": "",
    "entitlements": "roleAttribute: entitlements",
    "groups": "roles: groups",
    "nested roles": "roles: groups\nunitRoles: nested",
    "homes": "businessUnitAttribute: division\nmanagers: true\nbusinessUnits: none\nnesting: false",
}


@pytest.fixture(scope="module")
def origin() -> Iterator[str]:
    with scim.started() as found:
        yield found


@pytest.fixture
def url(origin: str) -> str:
    return scim.fresh(origin)


def _empty(world: World) -> bool:
    plan = world.plan()
    return not plan.changes and not plan.withheld


def test_the_sample_organization_is_built_and_a_second_plan_is_empty(url: str, tmp_path: Path) -> None:
    world = sample(tmp_path, url)
    plan = world.plan()
    report = world.apply(plan)
    for one in report.outcomes:
        if one.status != "applied": print(one)
    for one in plan.findings: print(one.code, one.summary, one.detail)
    print(counts(plan.changes))
    assert report.complete, report
    assert _empty(world)
