"""The organization of this repository, carried into a strict Salesforce org: what it costs, and who changed it."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from orgsync.change import Status
from orgsync.resources import Kind
from tests import repository
from tests.adapters.salesforce_world import ENVIRONMENT, applied, planned, settle
from tests.fakes.salesforce import Org, started

SORTS = {"default": "", "everything": "includes: groups\n    hierarchy: roles"}


@pytest.fixture
def org() -> Org:
    return Org()


@pytest.fixture
def root(org: Org, tmp_path: Path, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    monkeypatch.setattr("time.sleep", lambda _: None)
    for login in repository.sample(tmp_path, Kind.USER):
        org.person(login)
    with started(org) as (url, _):
        settle(tmp_path, url, SORTS[getattr(request, "param", "default")])
        yield tmp_path


@pytest.mark.parametrize("root", SORTS, indirect=True)
def test_the_sample_organization_is_applied_once(root: Path) -> None:
    report = applied(root)
    assert report.outcomes
    assert [one for one in report.outcomes if one.status is not Status.APPLIED] == []
    assert report.differences == ()
    assert planned(root).empty


def test_the_sample_organization_takes_to_richer_settings_later(root: Path) -> None:
    applied(root)
    settings = root / "orgsync.yaml"
    settings.write_text(settings.read_text().replace("journal:", f"    {SORTS['everything']}\njournal:", 1))
    report = applied(root)
    assert report.outcomes
    assert [one for one in report.outcomes if one.status is not Status.APPLIED] == []
    assert report.differences == ()
    assert planned(root).empty
    assert [one.code for one in planned(root).findings if one.code in {"assigned-directly", "foreign-member"}] == []


def test_an_apply_takes_as_many_calls_as_its_plan_said(root: Path, org: Org) -> None:
    plan = planned(root)
    before = org.used
    [told] = [one.detail for one in plan.findings if one.code == "calls-counted"]
    repository.applied(root, plan, *(guard.name for guard in plan.guards), environment=ENVIRONMENT)
    assert told == f"this apply needs {org.used - before} of {org.limit - before:,} remaining calls"


@pytest.mark.parametrize("root", ["everything"], indirect=True)
def test_with_recalculations_an_apply_takes_about_as_many_calls_as_its_plan_said(root: Path, org: Org) -> None:
    plan = planned(root)
    before = org.used
    [told] = [one.detail for one in plan.findings if one.code == "calls-counted"]
    repository.applied(root, plan, *(guard.name for guard in plan.guards), environment=ENVIRONMENT)
    said = int(told.removeprefix("this apply needs about ").partition(" ")[0])
    looks = 2 * (org.lag + 1)  # before the first grants, and when all is read again
    assert said <= org.used - before <= said + looks


def test_what_is_left_of_the_budget_is_no_part_of_what_was_reviewed(root: Path) -> None:
    """The job that applies plans again, and gets the digest that was reviewed."""
    first = planned(root)
    second = planned(root)
    assert first.findings != second.findings
    assert first.change_digest == second.change_digest
    assert first.effects == second.effects == ()


@pytest.mark.parametrize(
    ("sobject", "name", "values"),
    [
        ("Group", "DeveloperName", {"Name": "Renamed by hand"}),
        ("UserRole", "DeveloperName", {"Name": "Renamed by hand"}),
        ("ObjectPermissions", "SobjectType", {"PermissionsViewAllRecords": True, "PermissionsRead": True}),
    ],
)
@pytest.mark.parametrize("root", ["everything"], indirect=True)
def test_drift_has_the_name_of_whoever_caused_it(
    root: Path, org: Org, sobject: str, name: str, values: dict[str, object]
) -> None:
    """Whichever of its records they changed."""
    applied(root)
    org.actor = org.person("intruder@example.com")
    ours = (one for one in org.tables[sobject].values() if not values.items() <= one.items())
    org.update(sobject, next(one["Id"] for one in ours if one[name].startswith(("orgsync_", "Lead"))), values)
    drift = repository.drifted(root, ENVIRONMENT)
    [change] = drift.plan.changes
    assert drift.changed[change.address].by == "intruder@example.com"
