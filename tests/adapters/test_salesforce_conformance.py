"""Salesforce stands what every adapter, and every adapter that speaks HTTP, has to stand, against a strict org."""

from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from orgsync.resources import Json
from orgsync.testing import Crm, HttpConformance
from orgsync.testing.crm import PEOPLE, Call, writes
from tests.fakes.salesforce import CLIENT, SECRET, Org, started

ROWS = 7
"""Of a page: the platform may always give fewer than it was asked for."""


class Neighbours:
    """A group with a person and a group in it, a permission set with a permission and a holder."""

    def __init__(self, org: Org) -> None:
        self._org = org
        self._ids: list[str] = []

    def make(self) -> None:
        org = self._org
        person = org.person("neighbour@example.com", FederationIdentifier="nell")
        inner = org.put("Group", Name="Their inner group", DeveloperName="Their_inner", Type="Regular")
        outer = org.put("Group", Name="Their outer group", DeveloperName="orgsyncer_outer", Type="Regular")
        queue = org.put("Group", Name="Kit Sales", DeveloperName="orgsync_sales", Type="Queue")
        theirs = org.put("PermissionSet", Name="Theirs", Label="Their set", PermissionsManageUsers=True)
        self._ids = [person, inner, outer, queue, theirs]
        self._ids += [org.put("GroupMember", GroupId=outer, UserOrGroupId=one) for one in (person, inner)]
        self._ids += [org.put("ObjectPermissions", ParentId=theirs, SobjectType="Lead", PermissionsRead=True)]
        self._ids += [org.put("PermissionSetAssignment", AssigneeId=person, PermissionSetId=theirs)]

    def look(self) -> object:
        return [dict(self._org.tables[self._org.type_of(id_)][id_]) for id_ in self._ids]


def changes_something(call: Call) -> bool:
    return writes(call) and not call.path.startswith("/services/oauth2/")


@contextmanager
def crm_with(rows: int = ROWS, **options: Json) -> Iterator[Crm]:
    org = Org(rows=rows)
    for login in PEOPLE:
        org.person(login)
    credentials: Json = {"clientId": "${env:SF_ID}", "clientSecret": "${env:SF_SECRET}"}
    with started(org) as (url, _):
        yield Crm(
            settings={"adapter": "salesforce", "url": url, "credentials": credentials, **options},
            beside=Neighbours(org),
            environment={"SF_ID": CLIENT, "SF_SECRET": SECRET},
            writes=changes_something,
        )


class TestSalesforce(HttpConformance):
    @pytest.fixture
    def crm(self) -> Iterator[Crm]:
        with crm_with() as found:
            yield found


class TestSalesforceWithEverything(HttpConformance):
    """Roles that include others are permission set groups, and units stand in the role hierarchy, too."""

    @pytest.fixture
    def crm(self, monkeypatch: pytest.MonkeyPatch) -> Iterator[Crm]:
        monkeypatch.setattr("orgsync.adapters.salesforce.bundles.PAUSES", (0,) * 5)
        with crm_with(rows=200, includes="groups", hierarchy="roles") as found:
            yield found
