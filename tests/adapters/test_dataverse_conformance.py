"""Dataverse stands what every adapter, and every one that speaks HTTP, has to stand, against a strict environment."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import pytest

from orgsync.resources import Json
from orgsync.testing import Crm, HttpConformance
from orgsync.testing.conformance import reach
from orgsync.testing.crm import PEOPLE
from orgsync.testing.story import document, founded
from orgsync.testing.workspace import Workspace
from tests.fakes.dataverse import CLIENT, SECRET, TENANT, Environment, started

ROWS = 120
"""Of a page: the service may always give fewer than it was asked for."""


class Neighbours:
    """A business unit with a person, a team with a role and a member, a role with a privilege and a holder."""

    def __init__(self, environment: Environment) -> None:
        self._environment = environment
        self._rows: list[tuple[str, str]] = []

    def make(self) -> None:
        here = self._environment
        part = here.part("Their business unit")
        person = here.person("neighbour@example.com", part)
        team = here.team("Their team", description="[orgsync]")
        role = here.role("Their role", {"prvReadLead": "Global"})
        given = next(here.where("roleprivilegescollection", roleid=role))["roleprivilegeid"]
        inner = next(here.where("roles", _parentrootroleid_value=role, _businessunitid_value=part))["roleid"]
        self._rows = [("businessunits", part), ("systemusers", person), ("teams", team), ("roles", role)]
        self._rows += [("roleprivilegescollection", given), ("businessunits", here.root)]
        self._rows += [("teams", one["teamid"]) for one in here.where("teams", isdefault=True)]
        self._rows += [("teammemberships", here.put("teammemberships", teamid=team, systemuserid=person))]
        self._rows += [("teamrolescollection", here.put("teamrolescollection", teamid=team, roleid=role))]
        held = here.put("systemuserrolescollection", systemuserid=person, roleid=inner)
        self._rows += [("systemuserrolescollection", held)]

    def look(self) -> object:
        return [dict(self._environment.tables[table][id_]) for table, id_ in self._rows]


@contextmanager
def running(found: Environment, hint: str = "", **settings: Json) -> Iterator[Crm]:
    with started(found) as (url, service):
        service.hint = hint
        credentials: Mapping[str, Json] = {"clientId": "${env:DV_ID}", "clientSecret": "${env:DV_SECRET}"}
        yield Crm(
            settings={
                "adapter": "dataverse",
                "url": url,
                "authority": url,
                "tenant": TENANT,
                "credentials": dict(credentials),
                **settings,
            },
            beside=Neighbours(found),
            environment={"DV_ID": CLIENT, "DV_SECRET": SECRET},
            smallest={"pageSize": 60},
        )


@pytest.fixture
def people() -> Environment:
    found = Environment(rows=ROWS)
    for login in PEOPLE:
        found.person(login)
    return found


class TestDataverse(HttpConformance):
    @pytest.fixture
    def crm(self, people: Environment) -> Iterator[Crm]:
        with running(people, hint="4") as found:
            yield found


class TestUnitsAsBusinessUnits:
    """The other mapping: what takes two calls there, and the whole story."""

    workspace, wire, wired = HttpConformance.workspace, HttpConformance.wire, HttpConformance.wired
    thorough = False
    test_the_story = HttpConformance.test_the_story_of_a_company
    test_faults = HttpConformance.test_whatever_happens_to_a_write_nothing_is_lost_or_doubled

    @pytest.fixture
    def crm(self, people: Environment) -> Iterator[Crm]:
        with running(people, units="businessUnits") as found:
            yield found


def test_people_move_with_their_unit_and_have_their_roles_afterwards(people: Environment, tmp_path: Path) -> None:
    """What Dataverse takes on the way is in the plan: given again where it was ours, kept where it was not."""
    ana = next(people.where("systemusers", domainname=PEOPLE[0]))["systemuserid"]
    with running(people, homes=True) as crm:
        workspace, state = Workspace(tmp_path, crm), founded(crm.objects)
        reach(workspace, state)
        theirs = people.role("Theirs")
        company = workspace.read().ids["business-unit/company"]
        assert people.tables["systemusers"][ana]["_businessunitid_value"] == company
        [copy] = people.where("roles", _parentrootroleid_value=theirs, _businessunitid_value=company)
        people.put("systemuserrolescollection", systemuserid=ana, roleid=copy["roleid"])
        state["Unit/sales"]["businessUnit"] = "emea"
        plan = reach(workspace, state)
        live = workspace.read()
    [effect] = [one for one in plan.effects if PEOPLE[0] in one.cause]
    assert effect.drops == (f"grant/-/{PEOPLE[0]}/lead",)
    [again] = [one for one in plan.changes if one.address == effect.drops[0]]
    assert effect.cause in again.waits_for
    assert live.resources[f"user/{PEOPLE[0]}"]["businessUnit"] == "emea"
    held = [
        people.tables["roles"][one["roleid"]] for one in people.where("systemuserrolescollection", systemuserid=ana)
    ]
    assert {one["name"] for one in held} == {"Theirs", "Kit Lead"}
    assert {one["_businessunitid_value"] for one in held} == {live.ids["business-unit/emea"]}


def test_the_tree_of_business_units_moves_before_what_hangs_on_it(people: Environment, tmp_path: Path) -> None:
    with started(people) as (url, service), running(people) as crm:
        workspace, state = Workspace(tmp_path, crm, {"url": url, "authority": url}), founded(crm.objects)
        reach(workspace, state)
        state |= [document("BusinessUnit", "west", "Kit West")]
        state["BusinessUnit/emea"]["parent"] = "west"
        state["Unit/sales"] |= {"businessUnit": "west", "name": "Kit West Sales"}
        service.written.clear()
        reach(workspace, state)
    sets = [one.partition("(")[0] for one in service.written]
    assert sets == ["PATCH businessunits"] * 2 + ["PATCH teams", "POST teams"]


def test_business_units_stay_while_people_live_there(people: Environment, tmp_path: Path) -> None:
    with running(people, homes=True) as crm:
        workspace = Workspace(tmp_path, crm)
        reach(workspace, founded(crm.objects))
        workspace.declare({})
        plan = workspace.plan()
    withheld = {one.address: one.reason for one in plan.withheld}
    assert "still refers to it" in withheld["business-unit/emea"]
