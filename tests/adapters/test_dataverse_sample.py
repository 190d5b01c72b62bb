"""The organization of this repository, carried into a strict environment: what it costs, and who changed it."""

import json
import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from bench.calls import MOST, about_all, fewest
from orgsync import pipeline
from orgsync.adapters.dataverse.capabilities import capabilities
from orgsync.adapters.dataverse.options import OBJECTS
from orgsync.change import Action, Status
from orgsync.plan import Plan, to_json
from orgsync.resources import Kind
from orgsync.settings import load_settings
from orgsync.watch import Timings
from tests import repository
from tests.fakes.dataverse import CLIENT, SECRET, TENANT, Environment, Service, started

ROOT = Path(__file__).parents[2]
TWICE = {(Kind.UNIT, Action.CREATE): 2}
"""Roles of a new business unit's own team can only be given once that is there, with the copies of roles in it."""
ENVIRONMENT = {"DV_ID": CLIENT, "DV_SECRET": SECRET}
SETTINGS = """apiVersion: orgsync/v1
kind: Settings
organization: Northwind
defaultTarget: demo
targets:
  demo:
    adapter: dataverse
    url: {url}
    authority: {url}
    tenant: {tenant}
    units: {units}
    credentials: {{clientId: "${{env:DV_ID}}", clientSecret: "${{env:DV_SECRET}}"}}
    missingUsers: skip
    inexpressible: omit
    scopeFallback: narrower
    prune: [membership, grant, unit, role, businessUnit]
journal: sqlite:///.orgsync/journal.db
safety: {{removals: {{share: 100%, count: 1000}}, gains: 1000, administrators: 0}}
"""


@pytest.fixture
def environment() -> Environment:
    found = Environment()
    found.also("prvCreateUser")  # the sample has a role that creates users: nobody can give what they do not have
    return found


@pytest.fixture
def service(environment: Environment) -> Iterator[tuple[str, Service]]:
    with started(environment) as found:
        yield found


@pytest.fixture(params=["teams", "businessUnits"])
def root(
    request: pytest.FixtureRequest, environment: Environment, service: tuple[str, Service], tmp_path: Path
) -> Path:
    for name in ("units", "roles"):
        shutil.copytree(ROOT / name, tmp_path / name)
    found = pipeline.validate(tmp_path, today=repository.TODAY, watch=Timings()).desired
    for address in found.resources:
        if address.startswith("user/"):
            environment.person(address.partition("/")[2])
    text = SETTINGS.format(url=service[0], tenant=TENANT, units=request.param)
    (tmp_path / "orgsync.yaml").write_text(text)
    return tmp_path


def planned(root: Path) -> Plan:
    return repository.planned(root, environment=ENVIRONMENT)


def applied(root: Path, plan: Plan) -> pipeline.Report:
    accepted = [guard.name for guard in plan.guards]
    return repository.applied(root, plan, *accepted, environment=ENVIRONMENT)


def test_the_sample_organization_is_applied_once_in_few_calls(root: Path, service: tuple[str, Service]) -> None:
    plan, calls = planned(root), service[1].requests
    calls.clear()
    report = applied(root, plan)
    assert report.outcomes
    assert [one for one in report.outcomes if one.status is not Status.APPLIED] == []
    assert report.differences == ()
    writes = sum(method == "POST" for method, _ in calls)
    trees = "units: businessUnits" in (root / "orgsync.yaml").read_text()
    least = fewest(plan, capabilities(OBJECTS, trees=trees), TWICE if trees else {}, about_all(plan))
    print(f"{len(plan.changes)} changes in {writes} writing calls of {len(calls)}; {least} are the fewest")  # noqa: T201
    assert writes <= MOST * least
    assert planned(root).empty


def test_an_apply_takes_hardly_more_calls_than_its_plan_said(root: Path, service: tuple[str, Service]) -> None:
    """The first reading had no roles of ours to ask about; what came into being is looked up once per batch."""
    plan, calls = planned(root), service[1].requests
    told = " ".join(one.detail for one in plan.findings if one.code == "calls-counted")
    said = re.match(r"this apply needs at least (\d+) calls, which count as (\d+) Power Platform requests", told)
    assert said is not None, told
    calls.clear()
    service[1].operations = 0
    applied(root, plan)
    assert int(said[1]) <= len(calls) <= int(said[1]) + 10
    assert int(said[2]) <= service[1].operations + len(calls)


def test_drift_has_the_name_of_whoever_caused_it(root: Path, environment: Environment) -> None:
    """What was renamed says so itself; a role that was taken off a team leaves its trace in the audit table alone."""
    environment.change("organizations", environment.organization, isauditenabled=True)
    applied(root, planned(root))
    us, environment.me = environment.me, environment.person("intruder@example.com")
    link = next(iter(environment.tables["teamrolescollection"].values()))
    environment.drop("teamrolescollection", link["teamroleid"])
    environment.trace(54, link["teamid"])
    role = next(
        one for one in environment.tables["roles"].values() if "[orgsync role/auditor]" in str(one["description"])
    )
    environment.change("roles", role["roleid"], name="Renamed by hand")
    environment.me = us
    drift = pipeline.find_drift(
        root, load_settings(root), "demo", today=repository.TODAY, environment=ENVIRONMENT, watch=Timings()
    )
    assert {one.address.partition("/")[0] for one in drift.plan.changes} == {"unit", "role"}
    assert {drift.changed[one.address].by for one in drift.plan.changes} == {"intruder@example.com"}


def plan_text(root: Path, cache: Path | None) -> str:
    plan = repository.planned(root, environment=ENVIRONMENT, cache=cache)
    return json.dumps(to_json(plan, lambda _: []), default=dict)


def test_a_plan_by_deltas_is_the_same_to_the_byte(
    root: Path, environment: Environment, service: tuple[str, Service], tmp_path_factory: pytest.TempPathFactory
) -> None:
    cache, sent = tmp_path_factory.mktemp("cache"), service[1].sent
    assert plan_text(root, cache) == plan_text(root, None)
    applied(root, planned(root))
    before = plan_text(root, cache)
    for changes in ((), (_rename, _leave), (_disable, _add)):
        for change in changes:
            change(environment)
        sent.clear()
        found = plan_text(root, cache)
        assert sum(sent[name] for name in ("businessunits", "teams", "roles", "systemusers")) == len(
            set(changes) - {_leave}
        )
        assert (found == before) == (changes == ())
        assert found == plan_text(root, None)


def _rename(environment: Environment) -> None:
    roles = environment.where("roles", _businessunitid_value=environment.root)
    role = next(one for one in roles if "[orgsync role/" in str(one["description"]))
    environment.change("roles", role["roleid"], name="Renamed by hand")


def _leave(environment: Environment) -> None:
    environment.drop("teammemberships", next(iter(environment.tables["teammemberships"])))


def _disable(environment: Environment) -> None:
    member = next(iter(environment.tables["teammemberships"].values()))["systemuserid"]
    environment.change("systemusers", member, isdisabled=True)


def _add(environment: Environment) -> None:
    environment.person("newcomer@example.com")
