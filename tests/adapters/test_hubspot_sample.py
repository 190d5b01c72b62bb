"""The organization of this repository, carried into a strict HubSpot account: what it costs, and who changed it."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from bench.calls import MOST, about_teams, fewest
from orgsync import pipeline
from orgsync.adapters.hubspot.opener import opener
from orgsync.change import Status
from orgsync.plan import Plan
from orgsync.resources import Kind
from tests import repository
from tests.fakes.hubspot import ACCOUNT, SCOPES, TOKEN, Account, Service, started

ENVIRONMENT = {"HUBSPOT_TOKEN": TOKEN}
SETTINGS = """apiVersion: orgsync/v1
kind: Settings
organization: Northwind
defaultTarget: demo
targets:
  demo:
    adapter: hubspot
    url: {url}
    account: {account}
    credentials: {{token: "${{env:HUBSPOT_TOKEN}}"}}
    withoutRole: Minimal
    missingUsers: create
    inexpressible: omit
    prune: [membership, grant, unit, role, businessUnit]
journal: sqlite:///.orgsync/journal.db
safety: {{removals: {{share: 100%, count: 1000}}, gains: 1000, administrators: 0}}
"""


@pytest.fixture
def account() -> Account:
    found = Account(scopes=(*SCOPES, "account-info.security.read"))
    found.permission_set("Minimal")
    return found


@pytest.fixture
def service(account: Account, tmp_path: Path) -> Iterator[Service]:
    for key in repository.sample(tmp_path, Kind.ROLE):
        account.permission_set(key)
    with started(account) as (url, service):
        (tmp_path / "orgsync.yaml").write_text(SETTINGS.format(url=url, account=ACCOUNT))
        yield service


@pytest.fixture
def root(service: Service, tmp_path: Path) -> Path:
    assert service.account.admin
    return tmp_path


def planned(root: Path) -> Plan:
    return repository.planned(root, environment=ENVIRONMENT)


def applied(root: Path, plan: Plan) -> pipeline.Report:
    return repository.applied(root, plan, *(guard.name for guard in plan.guards), environment=ENVIRONMENT)


def test_the_sample_organization_is_applied_once_in_the_fewest_calls_and_as_the_plan_counted(
    root: Path, service: Service
) -> None:
    plan, begun, account = planned(root), len(service.requests), service.account
    left, used = account.daily - account.used, account.used
    [told] = [one.detail for one in plan.findings if one.code == "calls-counted"]
    report = applied(root, plan)
    assert told == f"this apply needs {account.used - used} of {left:,} remaining calls"
    assert report.outcomes
    assert [one for one in report.outcomes if one.status is not Status.APPLIED] == []
    assert report.differences == ()
    sent = [(method, path) for method, path in service.requests[begun:] if method != "GET" and "oauth" not in path]
    fewest_ones = fewest(plan, opener.CAPABILITIES, {}, about_teams(plan))
    print(f"the sample organization takes {len(sent)} calls; the fewest are {fewest_ones}")  # noqa: T201
    assert len(sent) <= fewest_ones * MOST
    again = planned(root)
    assert again.empty
    assert again.withheld == ()


def test_what_is_left_of_the_budget_is_no_part_of_what_was_reviewed(root: Path) -> None:
    """The job that applies plans again, and gets the digest that was reviewed."""
    first, second = planned(root), planned(root)
    assert first.findings != second.findings
    assert first.change_digest == second.change_digest


def test_drift_has_the_name_of_whoever_caused_it(root: Path, account: Account) -> None:
    applied(root, planned(root))
    intruder = account.person("intruder@example.com")
    team = next(one for one in account.teams.values() if "[orgsync:" in one["name"])
    key = team["name"].rpartition(":")[2].removesuffix("]")
    account.happened(intruder, "CRM_OBJECT", team["id"])
    account.happened(account.admin, "TEAM", team["id"], minutes=5)
    account.happened(intruder, "TEAM", team["id"], minutes=1)
    account.update_team(
        team["id"], {"name": f"Renamed by hand [orgsync:{key}]", "parentTeamId": team.get("parentTeamId")}
    )
    drift = repository.drifted(root, ENVIRONMENT)
    [change] = drift.plan.changes
    assert change.address == f"unit/{key}"
    assert drift.changed[change.address].by == "intruder@example.com"
