"""Dataverse stands what every adapter, and every adapter that speaks HTTP, has to stand, against a strict environment."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import pytest

from orgsync.resources import Json
from orgsync.testing import Crm, HttpConformance
from orgsync.testing.crm import PEOPLE
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
def environment(**settings: Json) -> Iterator[Crm]:
    found = Environment(rows=ROWS)
    for login in PEOPLE:
        found.person(login)
    with started(found) as (url, _):
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


class TestDataverse(HttpConformance):
    @pytest.fixture
    def crm(self) -> Iterator[Crm]:
        with environment() as found:
            yield found
