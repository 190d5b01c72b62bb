"""Who gave and who took, by the sentences of the Setup Audit Trail: told where one thing alone can be meant."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from orgsync import pipeline
from orgsync.adapters.salesforce.audit import told
from orgsync.settings import load_settings
from orgsync.watch import Timings
from tests import repository
from tests.adapters.salesforce_world import ENVIRONMENT, World, applied, running, settle

UNITS = {"unit/sales": ["Sales", "orgsync_sales"], "unit/sales-north": ["Sales North", "orgsync_sales_north"]}
ROLES = {"role/rep": ["Rep", "orgsync_rep"]}
PEOPLE = {
    "user/ana@x.example": ["Ana Kim", "ana@x.example"],
    "user/an@x.example": ["An Kim", "an@x.example"],
    "user/bo@x.example": ["Bo Li", "bo@x.example"],
    "user/bo2@x.example": ["Bo Li", "bo2@x.example"],
}


def said(action: str, display: str, day: int = 1) -> dict[str, object]:
    stamp = f"2026-11-0{day}T08:00:00.000+0000"
    by = {"Username": f"admin{day}@x.example"}
    return {"Id": "1", "Action": action, "Display": display, "CreatedDate": stamp, "CreatedBy": by}


@pytest.mark.parametrize(
    ("action", "display", "address"),
    [
        ("PermSetUnassign", "Permission set Rep: unassigned from user Ana Kim", "grant/-/ana@x.example/rep"),
        ("PermSetGroupUnassign", "ana@x.example lost Rep", "grant/-/ana@x.example/rep"),
        ("groupMembership", "Removed An Kim from Sales North", "membership/sales-north/an@x.example"),
        ("groupMembership", "orgsync_sales: Ana Kim added", "membership/sales/ana@x.example"),
        ("groupMembership", "Sales: Bo Li (bo2@x.example)", ""),
        ("groupMembership", "Sales and Sales North: Ana Kim", ""),
        ("groupMembership", "Presales: Ana Kim", ""),
        ("PermSetUnassign", "Permission set Rep: unassigned from user Bo Li", ""),
        ("PermSetUnassign", "Permission set Theirs: unassigned from user Ana Kim", ""),
        ("PermSetUnassign", "", ""),
    ],
)
def test_a_sentence_is_understood_where_it_can_mean_one_thing_alone(action: str, display: str, address: str) -> None:
    found = told([said(action, display)], UNITS, ROLES, PEOPLE)
    assert [*found] == ([address] if address else [])
    assert {one.by for one in found.values()} <= {"admin1@x.example (Setup Audit Trail)"}


def test_the_newest_word_counts() -> None:
    rows = [said("groupMembership", "Sales: Ana Kim", day) for day in (3, 2, 1)]
    assert [one.at.day for one in told(rows, UNITS, ROLES, PEOPLE).values()] == [3]


@pytest.fixture
def world() -> Iterator[World]:
    with running() as found:
        found.org.person("maria@example.com", "Maria Rossi")
        found.org.person("ben@example.com", "Ben Low")
        yield found


@pytest.mark.parametrize("options", ["", "includes: groups"])
def test_drift_names_who_took_what_is_gone_and_who_gave_what_is_new(
    world: World, tmp_path: Path, options: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("time.sleep", lambda _: None)
    root = repository.repository(tmp_path)
    settle(root, world.url, options)
    applied(root)
    org = world.org
    org.actor = org.person("intruder@example.com", "Intruder")
    [ben] = world.ids("User", Username="ben@example.com")
    [sales] = world.ids("Group", DeveloperName="orgsync_sales")
    for sobject, where in (("GroupMember", {"GroupId": sales, "UserOrGroupId": ben}), ("PermissionSetAssignment", {})):
        for id_ in world.ids(sobject, **where) if where else world.ids(sobject, AssigneeId=ben):
            org.delete(sobject, id_)
    [rep] = world.ids("PermissionSet", Name="orgsync_rep")
    org.create("PermissionSetAssignment", {"AssigneeId": org.admin, "PermissionSetId": rep})
    drift = pipeline.find_drift(
        root, load_settings(root), "demo", today=repository.TODAY, environment=ENVIRONMENT, watch=Timings()
    )
    assert {address: one.by for address, one in drift.changed.items()} == dict.fromkeys(
        ("membership/sales/ben@example.com", "grant/-/ben@example.com/rep", "grant/-/integration@example.com/rep"),
        "intruder@example.com (Setup Audit Trail)",
    )
