"""HubSpot against a strict account: what it offers, what becomes of roles and teams, what is told, what is refused."""

import json
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orgsync.adapter import KindCapabilities, Scope
from orgsync.adapters.hubspot.adapter import HubSpotAdapter, opened
from orgsync.adapters.hubspot.capabilities import EVERYTHING, capabilities
from orgsync.adapters.hubspot.doctor import MORE, NEEDED
from orgsync.adapters.hubspot.marks import Marks
from orgsync.adapters.hubspot.options import Options
from orgsync.adapters.hubspot.writing import _names
from orgsync.change import Action, Batch, Change, Outcome, Status, Step
from orgsync.errors import AdapterError, IncompleteRead
from orgsync.finding import Finding
from orgsync.project import project
from orgsync.resources import NO_FIELDS, SCOPES, Fields, Kind, Organization, kind_of
from orgsync.testing import proxy
from orgsync.testing.crm import writes
from orgsync.testing.overhttp import WRITE_FAULTS
from tests.fakes.hubspot import ACCOUNT, TOKEN, Account, Service, started
from tests.fakes.hubspot import SCOPES as ALL

ANA, BO = "ana@example.com", "bo@example.com"
READ_ONLY = tuple(one for one in ALL if one != "settings.users.teams.write")
REP = Scope(roles=frozenset({"role/rep", "role/boss"}))


@dataclass(frozen=True, slots=True)
class World:
    account: Account
    service: Service
    url: str

    @contextmanager
    def opened(self, *, token: str = TOKEN, **options: Any) -> Iterator[HubSpotAdapter]:
        stated = {"url": self.url, "account": ACCOUNT, "withoutRole": "Minimal", **options}
        with opened(Options.model_validate(stated), {"token": token}, writable=True) as found:
            yield found


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    """Two people and three permission sets; time passes only by waiting."""
    now = [0.0]
    monkeypatch.setattr("time.sleep", lambda seconds: now.__setitem__(0, now[0] + seconds))
    account = Account()
    for email in (ANA, BO):
        account.person(email)
    for name in ("rep", "The Boss", "Minimal"):
        account.permission_set(name)
    with started(account, lambda: now[0]) as (url, service):
        yield World(account, service, url)


def step(address: str, action: Action = Action.CREATE, after: Fields | None = None, before: Fields = NO_FIELDS) -> Step:
    return Step(id=address, address=address, action=action, before=before, after=after or {})


def sent(adapter: HubSpotAdapter, *steps: Step, scope: Scope = REP) -> list[Outcome]:
    ids = adapter.read(scope).ids
    return [*adapter.apply(Batch(kind=kind_of(steps[0].address), action=steps[0].action, steps=steps), ids)]


def done(adapter: HubSpotAdapter, *steps: Step, scope: Scope = REP) -> None:
    """One after another."""
    for one in steps:
        [outcome] = sent(adapter, one, scope=scope)
        assert outcome.status is Status.APPLIED, outcome


def user(world: World, email: str = ANA) -> dict[str, object]:
    return next(one for one in world.account.users.values() if one["email"] == email)


def teams(world: World) -> dict[str, str]:
    """Name -> id."""
    return {one["name"]: id_ for id_, one in world.account.teams.items()}


def codes(findings: object) -> list[str]:
    return [one.code for one in findings] if isinstance(findings, list) else []


# what roles become


@pytest.mark.parametrize(("action", "scope"), [*product(("create", "read", "update", "delete", "export"), SCOPES)])
def test_of_every_action_and_scope_nothing_is_written_and_that_is_said(action: str, scope: str) -> None:
    """What HubSpot's permission sets allow (own, team, everything) can neither be read nor written."""
    able = capabilities(EVERYTHING, Options(account=1))
    desired = Organization(resources={"role/x": {"name": "X", "privileges": {"contact": {action: scope}}}})
    found, findings = project(desired, able, "hubspot")
    assert found.resources == {"role/x": {}}
    assert "hubspot does not store the field privileges of a role: role/x" in [one.detail for one in findings]
    assert (able.scopes, able.manages_roles, able.of(Kind.ROLE).actions) == (frozenset(), False, frozenset())


@pytest.mark.parametrize("role", ["rep", "boss"])
def test_a_role_that_is_given_reads_back_as_it_was_written_by_key_or_by_the_name_it_is_bound_to(
    world: World, role: str
) -> None:
    scope = Scope(roles=frozenset({"role/rep", "role/boss"}), bound={"role/boss": "The Boss"})
    grant = f"grant/-/{ANA}/{role}"
    with world.opened() as adapter:
        done(adapter, step(grant), scope=scope)
        assert [one for one in adapter.read(scope).resources if one.startswith("grant/")] == [grant]
        done(adapter, step(grant, Action.DELETE), scope=scope)
        assert [one for one in adapter.read(scope).resources if one.startswith("grant/")] == []
    held = user(world)["roleIds"]
    assert held == [next(id_ for id_, one in world.account.sets.items() if one["name"] == "Minimal")]


def test_without_a_permission_set_for_nobody_a_role_can_only_be_replaced(world: World) -> None:
    with world.opened(withoutRole=None) as adapter:
        assert adapter.capabilities.of(Kind.GRANT).actions == {Action.CREATE}
        done(adapter, step(f"grant/-/{ANA}/rep"))
        [outcome] = sent(adapter, step(f"grant/-/{ANA}/rep", Action.DELETE))
    assert (outcome.status, "state withoutRole" in outcome.detail) == (Status.FAILED, True)


def test_a_role_that_another_one_replaced_meanwhile_is_not_taken_again(world: World) -> None:
    other = world.account.permission_set("Another")
    with world.opened() as adapter:
        done(adapter, step(f"grant/-/{ANA}/rep"))
        ids = adapter.read(REP).ids
        person = user(world)
        person |= {"roleId": other, "roleIds": [other]}
        adapter.read(REP)
        gone = Batch(kind=Kind.GRANT, action=Action.DELETE, steps=(step(f"grant/-/{ANA}/rep", Action.DELETE),))
        assert [one.status for one in adapter.apply(gone, ids)] == [Status.APPLIED]
    assert user(world)["roleIds"] == [other]


def test_giving_a_role_tells_what_it_takes_away(world: World) -> None:
    theirs = world.account.permission_set("Theirs")
    user(world, BO).update({"roleId": theirs, "roleIds": [theirs]})
    scope = Scope(roles=frozenset({"role/rep", "role/boss"}), bound={"role/boss": "The Boss"})
    with world.opened() as adapter:
        done(adapter, step(f"grant/-/{ANA}/rep"), scope=scope)
        live = adapter.read(scope)
        given_ = [Change(address=f"grant/-/{login}/boss", action=Action.CREATE, after={}) for login in (ANA, BO)]
        taken = Change(address=f"grant/-/{ANA}/rep", action=Action.DELETE, before={})
        assert [one.summary for one in adapter.effects(given_, live)] == [
            f"giving boss to {ANA} takes rep away",
            f'giving boss to {BO} takes "Theirs" away',
        ]
        assert [one.cause for one in adapter.effects([*given_, taken], live)] == [f"grant/-/{BO}/boss"]


def test_a_super_admin_s_rights_are_left_alone(world: World) -> None:
    user(world)["superAdmin"] = True
    with world.opened() as adapter:
        [outcome] = sent(adapter, step(f"grant/-/{ANA}/rep"))
        assert codes(adapter.read(Scope(logins=frozenset({ANA, BO}))).findings) == ["super-admin"]
        assert codes(adapter.read(Scope(logins=frozenset({BO}))).findings) == []
    assert (outcome.status, "super admin" in outcome.detail) == (Status.FAILED, True)
    assert ("PUT", f"/settings/users/2026-09/{user(world)['id']}") not in world.service.requests


@pytest.mark.parametrize(
    ("more", "options", "scope", "code"),
    [
        (["rep"], {}, REP, "role-not-clear"),
        ([], {}, Scope(roles=frozenset({"role/rep", "role/x"}), bound={"role/x": "rep"}), "role-not-clear"),
        ([], {"withoutRole": "rep"}, REP, "role-not-clear"),
        ([], {"withoutRole": "Nowhere"}, REP, "bound-role-missing"),
        (["Minimal"], {}, REP, "bound-role-missing"),
    ],
)
def test_what_could_mean_several_permission_sets_is_a_finding_and_no_guess(
    world: World, more: list[str], options: Mapping[str, Any], scope: Scope, code: str
) -> None:
    for name in more:
        world.account.permission_set(name)
    with world.opened(**options) as adapter:
        live = adapter.read(scope)
        assert {code} == {*codes(live.findings)}
        assert ("role/rep" in live.resources) is (code == "bound-role-missing")


# which teams are ours


@given(name=st.text(min_size=1), key=st.from_regex(r"[a-z0-9](-?[a-z0-9]){0,9}", fullmatch=True))
def test_a_mark_reads_back_whatever_the_name_is(name: str, key: str) -> None:
    marks = Marks(prefix="orgsync")
    assert marks.read(marks.written(name, key)) == (name, key)
    assert Marks(prefix="other").read(marks.written(name, key))[1] == ""


@given(name=st.from_regex(r"[^ ]+( [^ ]+){0,3}", fullmatch=True))
def test_a_person_s_name_reads_back_as_it_was(name: str) -> None:
    found = _names(name)
    assert " ".join(str(one) for one in found.values() if one) == name


def test_a_team_with_a_unit_s_name_is_somebody_else_s(world: World) -> None:
    theirs = world.account.team("Sales")
    with world.opened() as adapter:
        done(adapter, step("unit/sales", after={"name": "Sales"}))
        live = adapter.read(REP)
        assert live.resources["unit/sales"] == {"name": "Sales", "parent": None}
        assert [(one.kind, one.name) for one in live.foreign if one.id == theirs] == [(Kind.UNIT, "Sales")]
    assert [*teams(world)] == ["Sales", "Sales [orgsync:sales]"]


def test_a_team_that_the_settings_name_is_ours_and_has_no_mark(world: World) -> None:
    outer, sales = world.account.team("Outer"), world.account.team("Vertrieb")
    world.account.teams[sales]["parentTeamId"] = outer
    with world.opened(teams={"sales": int(sales)}) as adapter:
        assert adapter.read(REP).resources["unit/sales"] == {"name": "Vertrieb", "parent": f"foreign:{outer}"}
        done(adapter, step("unit/sales", Action.UPDATE, {"name": "Sales", "parent": None}))
        [renamed] = sent(adapter, step("unit/sales", Action.UPDATE, {"key": "selling"}))
    assert world.account.teams[sales] == {"id": sales, "name": "Sales"}
    assert (renamed.status, "under its new key" in renamed.detail) == (Status.FAILED, True)


@pytest.mark.parametrize(
    ("names", "stated", "code"),
    [
        (["A [orgsync:sales]", "B [orgsync:sales]"], {}, "duplicate-mark"),
        (["A [orgsync:sales]"], {"sales": "1"}, "stated-team-missing"),
    ],
)
def test_a_claim_that_is_not_clear_is_a_finding(
    world: World, names: list[str], stated: Mapping[str, str], code: str
) -> None:
    for name in names:
        world.account.team(name)
    with world.opened(teams=stated) as adapter:
        live = adapter.read(REP)
    assert codes(live.findings) == [code]
    assert ("unit/sales" in live.resources) is (code == "stated-team-missing")


def test_a_team_whose_making_nobody_answered_is_looked_for_and_never_made_twice(world: World) -> None:
    world.account.lag = 1
    with proxy.proxying(world.url, lambda call: writes(call) and "oauth" not in call.path) as wire:
        wire.faults = {0: proxy.committed_and_lost, 1: proxy.committed_and_500}
        with World(world.account, world.service, wire.url(world.url)).opened() as adapter:
            outcomes = [*sent(adapter, step("unit/one", after={"name": "One"}))]
            world.account.lag = 0
            outcomes += sent(adapter, step("unit/two", after={"name": "Two"}))
            assert [one.status for one in outcomes] == [Status.UNKNOWN, Status.APPLIED]
            assert {"unit/one", "unit/two"} <= adapter.read(REP).resources.keys()
    assert [*teams(world)] == ["One [orgsync:one]", "Two [orgsync:two]"]


def test_lists_that_show_late_what_is_new_are_read_again(world: World) -> None:
    world.account.lag = 4
    with world.opened() as adapter:
        done(adapter, step("unit/one", after={"name": "One"}), step("user/cy@example.com"))
        assert {"unit/one", "user/cy@example.com"} <= adapter.read(REP).resources.keys()
        world.account.lag = 100
        [outcome] = sent(adapter, step("unit/two", after={"name": "Two"}))
        assert outcome.status is Status.APPLIED
        with pytest.raises(IncompleteRead, match="lack what was just made"):
            adapter.read(REP)


# who is in them


def _two_teams(adapter: HubSpotAdapter) -> None:
    done(adapter, step("unit/one", after={"name": "One"}), step("unit/two", after={"name": "Two"}))


def test_a_new_person_comes_with_the_main_team_in_one_call(world: World) -> None:
    with world.opened() as adapter:
        _two_teams(adapter)
        begun = len(world.service.requests)
        done(adapter, step("user/cy@example.com", after={"unit": "one"}), step("membership/one/cy@example.com"))
        assert [one[0] for one in world.service.requests[begun:] if one[0] != "GET"] == ["POST"]
        assert adapter.read(REP).resources["user/cy@example.com"] == {"name": None, "unit": "one"}
    assert user(world, "cy@example.com")["primaryTeamId"] == teams(world)["One [orgsync:one]"]


def test_the_former_main_team_stays_as_an_additional_one_until_it_is_left(world: World) -> None:
    theirs = world.account.team("Theirs")
    user(world)["secondaryTeamIds"] = [theirs]
    with world.opened() as adapter:
        _two_teams(adapter)
        one, two = teams(world)["One [orgsync:one]"], teams(world)["Two [orgsync:two]"]
        for unit, primary, extra in (("one", one, [theirs]), ("two", two, [theirs, one]), ("one", one, [theirs, two])):
            done(adapter, step(f"user/{ANA}", Action.UPDATE, {"unit": unit}))
            assert (user(world)["primaryTeamId"], user(world)["secondaryTeamIds"]) == (primary, sorted(extra))
        done(adapter, step(f"membership/two/{ANA}", Action.DELETE), step(f"membership/one/{ANA}", Action.DELETE))
        [outcome] = sent(adapter, step(f"user/{ANA}", Action.UPDATE, {"unit": None}))
    assert outcome.status is Status.APPLIED
    assert (user(world).get("primaryTeamId"), user(world)["secondaryTeamIds"]) == (None, [theirs])


def test_a_main_team_cannot_be_taken_and_the_membership_left(world: World) -> None:
    with world.opened() as adapter:
        _two_teams(adapter)
        done(adapter, step(f"user/{ANA}", Action.UPDATE, {"unit": "one", "name": "Ana Lima Sá"}))
        [outcome] = sent(adapter, step(f"user/{ANA}", Action.UPDATE, {"unit": None}))
        assert adapter.read(REP).resources[f"user/{ANA}"] == {"name": "Ana Lima Sá", "unit": "one"}
    assert (outcome.status, "main team" in outcome.detail) == (Status.FAILED, True)


def test_many_join_a_team_in_requests_of_a_hundred_and_one_bad_one_harms_nobody(world: World) -> None:
    logins = [f"p{number}@example.com" for number in range(150)]
    for login in logins:
        world.account.person(login)
    with world.opened() as adapter:
        _two_teams(adapter)
        ids = adapter.read(REP).ids
        del world.account.users[ids["user/p7@example.com"]]
        steps = tuple(step(f"membership/one/{login}") for login in logins)
        begun = len(world.service.requests)
        outcomes = adapter.apply(Batch(kind=Kind.MEMBERSHIP, action=Action.CREATE, steps=steps), ids)
        assert [one[1] for one in world.service.requests[begun:]] == [
            f"/settings/teams/2026-09/{ids['unit/one']}/members/batch"
        ] * 2
    failed = {one.address: one.detail for one in outcomes if one.status is not Status.APPLIED}
    assert [*failed] == ["membership/one/p7@example.com"]
    assert "no user" in failed["membership/one/p7@example.com"]


def test_a_batch_that_is_refused_as_a_whole_is_sent_one_by_one(world: World) -> None:
    with world.opened() as adapter:
        _two_teams(adapter)
        ids = adapter.read(REP).ids
        steps = tuple(step(f"membership/one/{login}") for login in (ANA, BO))
        world.account.teams.pop(ids["unit/one"])
        outcomes = adapter.apply(Batch(kind=Kind.MEMBERSHIP, action=Action.CREATE, steps=steps), ids)
    assert [one.status for one in outcomes] == [Status.FAILED] * 2
    assert [one[1].rpartition("/")[2] for one in world.service.requests[-3:]] == ["batch", "members", "members"]


def _refused(_: proxy.Pass) -> proxy.Passed:
    return proxy.Passed(400, [("Content-Type", "application/json")], b'{"message": "not like this"}')


def _said_nothing_of_the_second(carry_out: proxy.Pass) -> proxy.Passed:
    answer = carry_out()
    value = json.loads(answer.body)
    body = json.dumps({**value, "results": value["results"][:1]}).encode()
    return proxy.Passed(answer.status, answer.headers, body)


@pytest.mark.parametrize("fault", [*WRITE_FAULTS, _refused, _said_nothing_of_the_second])
def test_whatever_happens_to_a_batch_everybody_has_joined_once_or_it_is_said(world: World, fault: proxy.Fault) -> None:
    with world.opened() as adapter:
        _two_teams(adapter)
    steps = [step(f"membership/one/{login}") for login in (ANA, BO)]
    with proxy.proxying(world.url, lambda call: call.path.endswith("/batch")) as wire:
        wire.faults = {0: fault}
        with World(world.account, world.service, wire.url(world.url)).opened() as adapter:
            outcomes = sent(adapter, *steps)
            told = {one.address: one.status is Status.APPLIED for one in outcomes}
            live = adapter.read(REP).resources
            assert told == {one.address: one.address in live for one in steps}, outcomes
            assert [one.status for one in sent(adapter, *steps)] == [Status.APPLIED] * 2
    team = teams(world)["One [orgsync:one]"]
    assert [user(world, email)["secondaryTeamIds"] for email in (ANA, BO)] == [[team], [team]]


@pytest.mark.parametrize(
    ("one", "why"),
    [
        (step("unit/x", after={"name": "X", "parent": "nowhere"}), "unit/nowhere is not in HubSpot"),
        (step("unit/x", Action.UPDATE, {"name": "X"}), "unit/x is not in HubSpot"),
        (step("unit/x", Action.DELETE), "unit/x is not in HubSpot"),
        (step("user/x@example.com", after={"unit": "nowhere"}), "unit/nowhere is not in HubSpot"),
        (step("user/x@example.com", Action.UPDATE, {"name": "X"}), "user/x@example.com is not in HubSpot"),
        (step("user/ana@example.com", Action.DELETE), "no call that does this"),
        (step("role/x", after={"name": "X"}), "no call that does this"),
        (step(f"grant/-/{ANA}/nowhere"), "role/nowhere is not in HubSpot"),
        (step("grant/-/x@example.com/rep", Action.DELETE), "user/x@example.com is not in HubSpot"),
        (step(f"membership/nowhere/{ANA}"), "unit/nowhere is not in HubSpot"),
    ],
)
def test_what_cannot_be_sent_is_refused_with_a_reason(world: World, one: Step, why: str) -> None:
    with world.opened() as adapter:
        [outcome] = sent(adapter, one)
    assert (outcome.status, why in outcome.detail) == (Status.FAILED, True), outcome
    assert {method for method, path in world.service.requests if "oauth" not in path} == {"GET"}


def test_a_team_that_goes_takes_its_members_along(world: World) -> None:
    with world.opened() as adapter:
        _two_teams(adapter)
        done(adapter, step(f"user/{ANA}", Action.UPDATE, {"unit": "one"}), step(f"membership/one/{BO}"))
        ids = adapter.read(REP).ids
        gone = Batch(kind=Kind.UNIT, action=Action.DELETE, steps=(step("unit/one", Action.DELETE),))
        home = Batch(kind=Kind.USER, action=Action.UPDATE, steps=(step(f"user/{ANA}", Action.UPDATE, {"unit": "two"}),))
        for batch in (gone, home):  # without reading in between: an adapter knows what it did
            assert [one.status for one in adapter.apply(batch, ids)] == [Status.APPLIED]
    assert user(world)["secondaryTeamIds"] == user(world, BO)["secondaryTeamIds"] == []


# what an account offers


def test_without_the_scope_for_teams_they_are_compared_and_people_join_through_their_own_list(world: World) -> None:
    world.account.scopes = READ_ONLY
    one, two = world.account.team("One"), world.account.team("Two")
    stated = {"one": one, "two": two}
    with world.opened(teams=stated) as adapter:
        able = adapter.capabilities
        assert able.of(Kind.UNIT) == KindCapabilities(fields=frozenset({"name", "parent"}))
        assert able.of(Kind.MEMBERSHIP).actions == {Action.CREATE, Action.DELETE}
        assert codes(adapter.read(REP).findings) == ["teams-read-only"]
        done(adapter, step(f"user/{ANA}", Action.UPDATE, {"unit": "one"}), step(f"membership/two/{ANA}"))
        assert (user(world)["primaryTeamId"], user(world)["secondaryTeamIds"]) == (one, [two])
        done(adapter, step(f"membership/two/{ANA}", Action.DELETE))
        [outcome] = sent(adapter, step(f"membership/one/{ANA}", Action.DELETE))
        assert (outcome.status, "settings.users.teams.write" in outcome.detail) == (Status.FAILED, True)
        [refused] = sent(adapter, step("unit/new", after={"name": "New"}))
    assert (refused.status, "granted all required scopes" in refused.detail) == (Status.FAILED, True)
    assert (user(world)["primaryTeamId"], user(world)["secondaryTeamIds"]) == (one, [])


def test_an_older_version_shows_teams_without_their_parents(world: World) -> None:
    outer = world.account.team("Outer [orgsync:outer]")
    world.account.team("Inner [orgsync:inner]", outer)
    with world.opened(apiVersion="2026-03") as adapter:
        assert adapter.capabilities.of(Kind.UNIT) == KindCapabilities(fields=frozenset({"name"}))
        assert adapter.capabilities.hierarchy == "none"
        live = adapter.read(REP)
        assert live.resources["unit/inner"] == {"name": "Inner"}
        [finding] = live.findings
        assert "in 2026-03 there is no API" in finding.detail
        done(adapter, step(f"membership/inner/{ANA}"))
    assert {one[1] for one in world.service.requests if "2026-09" in one[1]} == set()


def test_without_permission_sets_there_are_no_roles(world: World) -> None:
    world.account.has_roles = False
    with world.opened(withoutRole=None) as adapter:
        assert {Kind.ROLE, Kind.GRANT}.isdisjoint(adapter.capabilities.kinds)
        assert "role/rep" not in adapter.read(REP).resources


def test_without_nested_teams_parents_are_not_kept(world: World) -> None:
    world.account.enterprise = False
    with world.opened(nestedTeams=False) as adapter:
        assert adapter.capabilities.of(Kind.UNIT).fields == {"name"}
        done(adapter, step("unit/one", after={"name": "One"}))
        assert adapter.read(REP).resources["unit/one"] == {"name": "One"}


def test_a_token_that_only_reads_can_write_nothing(world: World) -> None:
    world.account.scopes = ("crm.objects.users.read", "settings.users.teams.read")
    with world.opened() as adapter:
        assert {kind: can.actions for kind, can in adapter.capabilities.kinds.items() if can.actions} == {}
        assert adapter.read(REP).resources[f"user/{ANA}"] == {"name": None}


def test_where_hubspot_does_not_know_the_sort_of_token_everything_is_tried(world: World) -> None:
    world.account.tells_tokens = False
    with world.opened() as adapter:
        done(adapter, step("unit/one", after={"name": "One"}))
        assert adapter.read(REP).acting == ""


def test_business_units_are_shown_beside(world: World) -> None:
    world.account.scopes = (*ALL, "business_units_view.read")
    world.account.brands = [{"id": "3", "name": "Northwind Home", "logoMetadata": {}}]
    with world.opened() as adapter:
        live = adapter.read(REP)
        assert [(one.id, one.name) for one in live.foreign if one.kind is Kind.BUSINESS_UNIT] == [
            ("3", "Northwind Home")
        ]
        assert live.acting == "admin@acme.example"
        assert Kind.BUSINESS_UNIT not in adapter.capabilities.kinds


def test_a_busy_account_names_nobody_and_says_so(world: World) -> None:
    world.account.scopes = (*ALL, "account-info.security.read")
    team = world.account.team("One [orgsync:one]")
    for _ in range(11):
        world.account.happened(world.account.admin, "TEAM", team)
    with world.opened(pageSize=1) as adapter:
        assert adapter.capabilities.attribution == "last"
        live = adapter.read(REP)
        assert (codes(live.findings), live.changed) == (["attribution-incomplete"], {})
    with world.opened() as adapter:
        assert adapter.read(REP).changed["unit/one"].by == "admin@acme.example"


# limits


def test_a_rolling_limit_slows_down_and_refuses_nobody(world: World) -> None:
    world.account.most = 4
    steps = [step(f"unit/u{number}", after={"name": f"U{number}"}) for number in range(6)]
    with world.opened() as adapter:
        done(adapter, *steps)
    assert len(world.account.teams) == 6


def test_a_used_up_day_is_no_outcome_but_the_end(world: World) -> None:
    with world.opened() as adapter:
        adapter.read(REP)
        world.account.daily = world.account.used
        batch = Batch(kind=Kind.UNIT, action=Action.CREATE, steps=(step("unit/x", after={"name": "X"}),))
        with pytest.raises(AdapterError, match="used up"):
            adapter.apply(batch, {})


def test_a_plan_says_what_it_costs_and_what_is_left(world: World) -> None:
    joins = [Change(address=f"membership/one/p{n}@example.com", action=Action.CREATE, after={}) for n in range(101)]
    maker = Change(address="user/p0@example.com", action=Action.CREATE, after={"unit": "one"})
    leaver = Change(address=f"membership/two/{ANA}", action=Action.DELETE, before={})
    with world.opened() as adapter:
        adapter.read(REP)
        left = world.account.daily - world.account.used
        assert adapter.cost([*joins, maker, leaver]) == f"this apply needs 12 of {left:,} remaining calls"
        assert adapter.cost([]) == ""
        world.account.daily = world.account.used + 8
        adapter.read(REP)
        assert "not enough" in adapter.cost([leaver])


# the doctor


def told(findings: object) -> str:
    return " ".join(f"{one.summary}: {one.detail}" for one in findings if isinstance(one, Finding))  # type: ignore[attr-defined]


def test_the_doctor_is_content_with_exactly_the_least_scopes(world: World) -> None:
    with world.opened() as adapter:
        findings = adapter.doctor()
    assert {str(one.severity) for one in findings} == {"info"}
    assert f"the token has the scopes: {', '.join(ALL)}" in told(findings)
    assert {method for method, path in world.service.requests if "oauth" not in path} == {"GET"}


@pytest.mark.parametrize("scope", ALL)
def test_the_doctor_names_the_scope_that_is_missing(world: World, scope: str) -> None:
    world.account.scopes = tuple(one for one in ALL if one != scope)
    with world.opened() as adapter:
        findings = adapter.doctor()
    assert f"the token lacks the scopes {scope}" in told(findings)
    assert "error" in {str(one.severity) for one in findings}


def test_the_doctor_tells_what_a_small_account_lacks(world: World) -> None:
    world.account.enterprise, world.account.has_roles, world.account.tells_tokens = False, False, False
    with world.opened(apiVersion="2026-03", withoutRole=None) as adapter:
        found = told(adapter.doctor())
    for words in ("does not say which scopes", "teams cannot be written", "no permission sets", "not offered"):
        assert words in found


def test_the_doctor_tells_the_ids_to_write_into_the_settings(world: World) -> None:
    theirs, ours = world.account.team("Theirs"), world.account.team("One [orgsync:one]")
    world.account.team("theirs")
    world.account.permission_set("Seller", paid=True)
    world.account.scopes = (*ALL, "account-info.security.read")
    world.account.happened(world.account.admin, "TEAM_SETTINGS", ours)
    with world.opened(withoutRole=None) as adapter:
        found = told(adapter.doctor())
    for words in (
        f"Theirs ({theirs})",
        f"one: {ours}",
        "paid seat: Seller",
        "replaced and not taken away",
        "Enterprise",
        "not unique here: theirs",
        "seen: TEAM_SETTINGS/SETTINGS",
    ):
        assert words in found


@pytest.mark.parametrize(
    ("token", "account", "words"),
    [("another-token-0001", ACCOUNT, "Authentication credentials not found"), (TOKEN, 7, f"the account {ACCOUNT}")],
)
def test_the_doctor_says_why_nobody_could_log_in(world: World, token: str, account: int, words: str) -> None:
    with world.opened(token=token, account=account) as adapter:
        findings = adapter.doctor()
    assert words in told(findings)
    assert token not in told(findings)


def test_the_doctor_warns_where_few_calls_remain(world: World) -> None:
    world.account.used = world.account.daily - 100
    with world.opened() as adapter:
        assert "few API calls remain today" in told(adapter.doctor())


def test_a_target_without_a_token_is_refused() -> None:
    with pytest.raises(AdapterError, match="no token"), opened(Options(account=1), {}, writable=False):
        pass


@pytest.mark.parametrize(
    "options",
    [
        {"account": 0},
        {"account": "acme"},
        {"url": "https://api.hubapi.com/settings"},
        {"apiVersion": "v3"},
        {"prefix": "Org_sync"},
        {"teams": {"a": "1", "b": "1"}},
        {"teams": {"a": "Sales"}},
        {"teams": {"a/b": "1"}},
        {"withoutRole": ""},
        {"auditDays": 0},
        {"pageSize": 101},
    ],
)
def test_settings_that_cannot_be_meant_are_refused(options: Mapping[str, object]) -> None:
    with pytest.raises(ValueError, match="validation error"):
        Options.model_validate({"account": 1, **options})


def test_the_page_names_every_setting_and_every_scope() -> None:
    page = (Path(__file__).parents[2] / "docs" / "adapters" / "hubspot.md").read_text(encoding="utf-8")
    settings = {spec.alias or name for name, spec in Options.model_fields.items()} - {"url"}
    assert [name for name in settings if f"| `{name}` |" not in page] == []
    assert [scope for scope in (*NEEDED, *MORE) if f"`{scope}`" not in page] == []
    assert re.findall(r"^   \| `([a-z.]+)` \|", page, re.MULTILINE) == [*NEEDED]
