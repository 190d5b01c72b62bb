"""HubSpot stands what every adapter, and every adapter that speaks HTTP, has to stand, against a strict account."""

from collections.abc import Iterator, Mapping
from copy import deepcopy
from typing import Any

import pytest

from orgsync.testing import Crm, HttpConformance
from orgsync.testing.crm import Call, writes
from tests.fakes.hubspot import ACCOUNT, TOKEN, Account, started

ROLES = ("agent", "seller", "lead", "auditor", "coach", "Nothing")


class Neighbours:
    """A team below another with a person in both, who has a permission set of theirs."""

    def __init__(self, account: Account) -> None:
        self._account = account
        self._ids: list[str] = []

    def make(self) -> None:
        account = self._account
        role = account.permission_set("Theirs")
        outer = account.team("Kit Sales")
        inner = account.team("Their inner team [orgsync]", outer)
        person = account.person(
            "neighbour@example.com", roleId=role, roleIds=[role], primaryTeamId=outer, secondaryTeamIds=[inner]
        )
        self._ids = [role, outer, inner, person]

    def look(self) -> object:
        everything: Mapping[str, Any] = {**self._account.sets, **self._account.teams, **self._account.users}
        return [deepcopy(everything[id_]) for id_ in self._ids]


def changes_something(call: Call) -> bool:
    return writes(call) and not call.path.startswith("/oauth/")


class TestHubSpot(HttpConformance):
    @pytest.fixture
    def crm(self) -> Iterator[Crm]:
        account = Account()
        for name in ROLES:
            account.permission_set(name)
        with started(account) as (url, service):
            yield Crm(
                settings={
                    "adapter": "hubspot",
                    "url": url,
                    "account": ACCOUNT,
                    "credentials": {"token": "${env:HUBSPOT_TOKEN}"},
                    "withoutRole": "Nothing",
                },
                beside=Neighbours(account),
                environment={"HUBSPOT_TOKEN": TOKEN},
                smallest={"pageSize": 1},
                writes=changes_something,
            )
            assert ("DELETE", "/settings/users") not in {(method, path[:15]) for method, path in service.requests}
