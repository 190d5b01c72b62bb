"""HubSpot stands what every adapter, and every adapter that speaks HTTP, has to stand, against a strict account."""

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from copy import deepcopy
from itertools import cycle
from pathlib import Path
from typing import Any

import pytest

from orgsync.resources import Json
from orgsync.testing import PEOPLE, Crm, HttpConformance
from orgsync.testing.conformance import ours, reach
from orgsync.testing.crm import Call, writes
from orgsync.testing.overhttp import WRITE_FAULTS
from orgsync.testing.proxy import proxying
from orgsync.testing.story import State, assigned, document
from orgsync.testing.workspace import Workspace
from tests.fakes.hubspot import ACCOUNT, SCOPES, TOKEN, Account, started

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


@contextmanager
def crm_of(account: Account, **settings: Json) -> Iterator[Crm]:
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
                **settings,
            },
            beside=Neighbours(account),
            environment={"HUBSPOT_TOKEN": TOKEN},
            smallest={"pageSize": 1},
            writes=changes_something,
        )
        assert ("DELETE", "/settings/users") not in {(method, path[:15]) for method, path in service.requests}


class TestHubSpot(HttpConformance):
    @pytest.fixture
    def crm(self) -> Iterator[Crm]:
        with crm_of(Account()) as found:
            yield found


class TestHubSpotWithoutTheTeamsApi:
    """The whole story cannot be told there: people come and go in teams that the settings name."""

    @pytest.fixture
    def crm(self) -> Iterator[Crm]:
        account = Account(scopes=tuple(one for one in SCOPES if one != "settings.users.teams.write"))
        with crm_of(account, teams={key: account.team(f"Kit {key}") for key in TEAMS}) as found:
            found.beside.make()
            yield found

    def test_whatever_happens_to_a_write_nobody_is_in_the_wrong_team(
        self, crm: Crm, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        wait = time.sleep
        monkeypatch.setattr(time, "sleep", lambda seconds: wait(min(seconds, 0.001)))
        with proxying(str(crm.settings["url"]), crm.writes) as wire:
            workspace = Workspace(tmp_path, crm, {"url": wire.url(str(crm.settings["url"]))})
            lives, looks = [], crm.beside.look()
            for state in WAYS:
                reach(workspace, state)
                lives.append(ours(workspace.read()))
            wire.reset()
            reach(workspace, WAYS[0])
            assert wire.seen > 3
            for number, (fault, at) in enumerate(zip(WRITE_FAULTS, cycle(range(wire.seen)), strict=False)):
                there = (number + 1) % 2
                workspace.declare(WAYS[there])
                wire.faults = {at: fault}
                workspace.apply(workspace.plan())
                wire.reset()
                for _ in range(ROUNDS):
                    workspace.apply(workspace.plan())
                assert ours(workspace.read()) == lives[there], f"{fault.__name__} at write {at}"
            assert crm.beside.look() == looks


ROUNDS = 2
TEAMS = ("sales", "north", "desk")


def staffed(**who: tuple[str, ...]) -> State:
    """Nobody says which unit is anybody's main one."""
    found = dict([document("Role", "agent", "Kit Agent"), document("BusinessUnit", "company", "Kit Company")])
    for key, people in who.items():
        given: dict[str, Any] = {"businessUnit": "company", "owner": PEOPLE[4]}
        given["assignments"] = [assigned(one, "agent") for one in people]
        found |= [document("Unit", key, f"Kit {key}", **given)]
    return found


WAYS = (
    staffed(sales=PEOPLE[:2], north=PEOPLE[:2], desk=()),
    staffed(sales=PEOPLE[:1], north=PEOPLE[1:2], desk=PEOPLE[:2]),
)
