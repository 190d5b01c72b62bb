"""Dataverse against a strict environment: what privileges become, what moves take, what is told, what is refused."""

import re
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, replace
from itertools import product
from pathlib import Path
from threading import Barrier, BrokenBarrierError
from typing import Any
from uuid import UUID, uuid5

import pytest

from orgsync.adapter import Scope
from orgsync.adapters.dataverse.adapter import DataverseAdapter, opened
from orgsync.adapters.dataverse.batch import ChangeSet, Result
from orgsync.adapters.dataverse.capabilities import capabilities
from orgsync.adapters.dataverse.convert import DEPTHS, VERBS, Marks, flag, new_id, privileges_of
from orgsync.adapters.dataverse.doctor import needed
from orgsync.adapters.dataverse.options import OBJECTS, Options
from orgsync.adapters.dataverse.rights import READING
from orgsync.change import Action, Batch, Change, Outcome, Status, Step
from orgsync.errors import AdapterError, IncompleteRead, ReadOnly
from orgsync.project import project
from orgsync.resources import SCOPES, Fields, Kind, Organization, kind_of
from tests.fakes.dataverse import CLIENT, OIDC_TOKEN, SECRET, TENANT, Environment, Service, server, started
from tests.fakes.dataverse.csdl import model

ANA = "ana@example.com"


@dataclass(frozen=True, slots=True)
class World:
    environment: Environment
    service: Service
    url: str
    ana: str

    @contextmanager
    def opened(
        self, credentials: Mapping[str, str] | None = None, *, writable: bool = True, **options: object
    ) -> Iterator[DataverseAdapter]:
        usual = {"clientId": CLIENT, "clientSecret": SECRET}
        stated = {"url": self.url, "authority": self.url, "tenant": TENANT, **options}
        with opened(Options.model_validate(stated), credentials or usual, writable=writable) as found:
            yield found


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    monkeypatch.setattr("time.sleep", lambda _: None)
    environment = Environment()
    ana = environment.person(ANA, azureactivedirectoryobjectid="7f0c2b54-6b5e-4a0f-9c3c-0d4a2f6e8b11")
    with started(environment) as (url, service):
        yield World(environment, service, url, ana)


def step(
    address: str, action: Action = Action.CREATE, after: Fields | None = None, before: Fields | None = None
) -> Step:
    return Step(id=address, address=address, action=action, after=after or {}, before=before or {})


def sent(adapter: DataverseAdapter, *steps: Step) -> list[Outcome]:
    ids = adapter.read(Scope()).ids
    batch = Batch(kind=kind_of(steps[0].address), action=steps[0].action, steps=steps)
    return [*adapter.apply(batch, ids)]


def done(adapter: DataverseAdapter, *steps: Step) -> None:
    for one in steps:
        [outcome] = sent(adapter, one)
        assert outcome.status is Status.APPLIED, outcome


COMPANY = (
    step("business-unit/emea", after={"name": "EMEA", "description": None, "parent": None}),
    step("business-unit/apac", after={"name": "APAC", "description": None, "parent": None}),
    step("role/rep", after={"name": "Rep", "description": None, "privileges": {"lead": {"read": "unit"}}}),
    step("unit/sales", after={"name": "Sales", "description": None, "businessUnit": "emea", "roles": ["rep"]}),
)


def projected(given: Mapping[str, str], able: object, word: str = "lead") -> tuple[Mapping[str, str], list[str]]:
    desired = Organization(resources={"role/x": {"name": "X", "privileges": {word: dict(given)}}})
    found, findings = project(desired, able, "dataverse", narrower=True, omit=True)  # type: ignore[arg-type]
    privileges = found.resources["role/x"]["privileges"]
    assert isinstance(privileges, dict)
    kept = privileges.get(word, {})
    assert isinstance(kept, dict)
    return {action: str(scope) for action, scope in kept.items()}, [one.code for one in findings]


def test_every_action_in_every_scope_reads_back_as_it_was_written(world: World) -> None:
    """A role for each: eight actions, four scopes."""
    pairs = [*product(VERBS, DEPTHS)]
    given: list[Fields] = [{"lead": {action: scope}} for action, scope in pairs]
    steps = [
        step(f"role/r{at}", after={"name": f"R {at}", "description": None, "privileges": dict(privileges)})
        for at, privileges in enumerate(given)
    ]
    with world.opened() as adapter:
        assert {one.status for one in sent(adapter, *steps)} == {Status.APPLIED}
        live = adapter.read(Scope()).resources
        able = adapter.capabilities
    assert [live[f"role/r{at}"]["privileges"] for at in range(len(pairs))] == given
    for action, scope in pairs:
        assert projected({action: scope}, able) == ({action: scope}, [])


def test_a_table_without_owners_has_one_depth_and_fewer_actions(world: World) -> None:
    with world.opened() as adapter:
        able = adapter.capabilities
    assert projected({"read": "organization"}, able, "product") == ({"read": "organization"}, [])
    assert projected({"read": "subtree"}, able, "product") == ({}, ["scope-not-expressible"])
    assert projected({"assign": "organization"}, able, "product") == ({}, ["action-not-expressible"])


def test_a_table_that_the_environment_does_not_have_is_no_word(world: World) -> None:
    with world.opened() as adapter:
        assert projected({"read": "own"}, adapter.capabilities, "entitlement") == ({}, ["object-not-expressible"])


def test_nothing_gets_wider() -> None:
    for scope in SCOPES:
        desired, _ = projected({"read": scope}, capabilities(OBJECTS))
        assert desired.get("read", "none") == scope


def test_a_privilege_that_is_about_no_table_shows_under_its_own_name() -> None:
    rows = [("prvReadLead", 2), ("prvAppendToLead", 8), ("prvExportToExcel", 8), ("prvReadnew_Thing", 1)]
    assert privileges_of(rows, {"Lead": "lead"}) == {
        "lead": {"read": "unit", "append-to": "organization"},
        "prvExportToExcel": {"use": "organization"},
        "new_Thing": {"read": "own"},
    }


@pytest.mark.parametrize("text", [None, "Sells", "Two\nlines", "[orgsync unit/other]\nand more", "[other unit/x]"])
def test_a_mark_and_a_description_give_each_other(text: str | None) -> None:
    marks = Marks(prefix="orgsync")
    assert marks.read(marks.marked(text, "unit", "sales-north")) == (text, "unit", "sales-north")
    assert marks.read(marks.marked(text, "unit", "x").replace("\n", "\r\n")) == (text, "unit", "x")
    assert marks.read(marks.marked(text, "unit", "x").replace(" [orgsync unit/x]", "\n[orgsync unit/x]\n"))[1:] == (
        "unit",
        "x",
    )
    assert Marks(prefix="another").read(marks.marked(text, "unit", "x"))[1] == ""


def test_an_id_is_the_same_for_the_same_thing_and_another_when_it_is_taken() -> None:
    organization = "97793ec4-ace2-ee11-9049-0022486f7458"
    first = new_id(organization, "orgsync", "unit/x", ())
    assert first == str(uuid5(UUID(organization), "orgsync/unit/x"))
    assert new_id(organization, "orgsync", "unit/x", ()) == first
    others = {new_id(organization, *one) for one in (("other", "unit/x", ()), ("orgsync", "unit/y", ()))}
    others.add(new_id(organization, "orgsync", "unit/x", {first}))
    assert len(others - {first}) == 3


def test_settings_of_an_environment_are_read_from_their_xml() -> None:
    text = "<OrgSettings><A>true</A><B>False</B></OrgSettings>"
    assert (flag(text, "A"), flag(text, "B"), flag(text, "C"), flag(None, "A")) == (True, False, False, False)


def test_what_is_there_already_is_not_made_again(world: World) -> None:
    """Somebody took the mark out: the row stays theirs, and the id in the way says so."""
    with world.opened() as adapter:
        done(adapter, COMPANY[0])
        part = adapter.read(Scope()).ids["business-unit/emea"]
        world.environment.change("businessunits", part, description="no mark", name="Other")
        before = dict(world.environment.tables["businessunits"][part])
        stale = adapter.read(Scope()).ids
        adapter._index.taken.clear()  # as it was before somebody else made the row
        [outcome] = adapter.apply(Batch(kind=Kind.BUSINESS_UNIT, action=Action.CREATE, steps=(COMPANY[0],)), stale)
    assert outcome.status is Status.FAILED
    assert "A record with matching key values already exists" in outcome.detail
    assert world.environment.tables["businessunits"][part] == before


def test_a_team_is_only_written_in_the_version_that_was_read(world: World) -> None:
    rename = step("unit/sales", Action.UPDATE, {"name": "Sales!"}, {"name": "Sales"})
    with world.opened() as adapter:
        done(adapter, *COMPANY)
        ids = adapter.read(Scope()).ids
        world.environment.change("teams", ids["unit/sales"], name="By somebody else")
        [outcome] = adapter.apply(Batch(kind=Kind.UNIT, action=Action.UPDATE, steps=(rename,)), ids)
        assert outcome.status is Status.FAILED
        assert "RowVersion" in outcome.detail
        done(adapter, rename)


def test_what_is_gone_is_not_made_by_an_update(world: World) -> None:
    rename = step("business-unit/emea", Action.UPDATE, {"name": "X"}, {"name": "EMEA"})
    with world.opened() as adapter:
        done(adapter, COMPANY[0])
        ids = adapter.read(Scope()).ids
        world.environment.drop("businessunits", ids["business-unit/emea"])
        [outcome] = adapter.apply(Batch(kind=Kind.BUSINESS_UNIT, action=Action.UPDATE, steps=(rename,)), ids)
    assert outcome.status is Status.FAILED
    assert ids["business-unit/emea"] not in world.environment.tables["businessunits"]


def test_half_a_role_is_never_there(world: World) -> None:
    privileges: Fields = {"lead": {"read": "own"}, "user": {"create": "organization"}}  # the second we do not have
    with world.opened() as adapter:
        [outcome] = sent(adapter, step("role/x", after={"name": "X", "privileges": dict(privileges)}))
        assert outcome.status is Status.FAILED
        assert "prvCreateUser" in outcome.detail
        assert "role/x" not in adapter.read(Scope()).resources


def test_a_unit_that_moves_takes_its_roles_along_and_those_of_others(world: World) -> None:
    environment = world.environment
    with world.opened() as adapter:
        done(adapter, *COMPANY)
        ids = adapter.read(Scope()).ids
        theirs = environment.role("Theirs")
        [copy] = environment.where(
            "roles", _parentrootroleid_value=theirs, _businessunitid_value=ids["business-unit/emea"]
        )
        environment.put("teamrolescollection", teamid=ids["unit/sales"], roleid=copy["roleid"])
        move = step("unit/sales", Action.UPDATE, {"businessUnit": "apac"}, {"businessUnit": "emea"})
        done(adapter, move)
        live = adapter.read(Scope())
    assert live.resources["unit/sales"]["roles"] == ["rep"]
    held = [environment.tables["roles"][one["roleid"]] for one in environment.where("teamrolescollection")]
    assert {one["_businessunitid_value"] for one in held} == {ids["business-unit/apac"]}
    assert {one["name"] for one in held} == {"Rep", "Theirs"}
    assert [one.code for one in live.findings] == ["more-than-declared"]


def test_a_move_and_other_roles_go_together(world: World) -> None:
    with world.opened() as adapter:
        done(adapter, *COMPANY, step("role/lead", after={"name": "Lead", "privileges": {}}))
        before: Fields = {"businessUnit": "emea", "roles": ["rep"]}
        done(adapter, step("unit/sales", Action.UPDATE, {"businessUnit": "apac", "roles": ["lead"]}, before))
        assert adapter.read(Scope()).resources["unit/sales"]["roles"] == ["lead"]


GRANT = step(f"grant/-/{ANA}/rep")
MOVE = Change(
    address=f"user/{ANA}", action=Action.UPDATE, before={"businessUnit": None}, after={"businessUnit": "emea"}
)


def test_moving_somebody_is_told_to_take_their_roles(world: World) -> None:
    environment = world.environment
    with world.opened(homes=True) as adapter:
        done(adapter, *COMPANY, GRANT)
        local = environment.new_id()
        environment.put(
            "roles",
            local,
            name="Of the root alone",
            _businessunitid_value=environment.root,
            _parentrootroleid_value=local,
        )
        environment.put("systemuserrolescollection", systemuserid=world.ana, roleid=local)
        environment.put("systemuserrolescollection", systemuserid=world.ana, roleid=environment.role("Theirs"))
        live = adapter.read(Scope())
        coming = Change(address=f"grant/-/{ANA}/lead", action=Action.CREATE, after={})
        [effect] = adapter.effects([MOVE, coming], live)
        assert effect.drops == (f"grant/-/{ANA}/lead", f"grant/-/{ANA}/rep")
        assert '"Of the root alone", which has no copy there' in effect.summary
        assert "2 roles" in effect.summary
        done(adapter, step(MOVE.address, Action.UPDATE, {"businessUnit": "emea"}))
        moved = adapter.read(Scope())
    assert moved.resources[f"user/{ANA}"] == {"active": True, "businessUnit": "emea"}
    assert f"grant/-/{ANA}/rep" not in moved.resources
    held = [
        environment.tables["roles"][one["roleid"]]
        for one in environment.where("systemuserrolescollection", systemuserid=world.ana)
    ]
    assert [(one["name"], one["_businessunitid_value"]) for one in held] == [
        ("Theirs", moved.ids["business-unit/emea"])
    ]


def test_whoever_is_at_home_in_the_root_reaches_everything_below_it(world: World) -> None:
    """A plan says so for each role that this makes a difference for."""
    bo = world.environment.person("bo@example.com")
    deep: Fields = {"name": "Deep", "privileges": {"lead": {"read": "subtree"}}}
    grants = [
        Change(address=f"grant/-/{login}/{role}", action=Action.CREATE, after={})
        for login in (ANA, "bo@example.com")
        for role in ("deep", "rep")
    ]
    with world.opened(homes=True) as adapter:
        done(adapter, *COMPANY)
        live = adapter.read(Scope())
        coming = Change(address="role/deep", action=Action.CREATE, after=deep)
        [effect] = adapter.effects([coming, *grants], live)
        assert effect.summary.startswith("what role/deep gives in scope subtree reaches everything for 2 people")
        assert effect.drops == ()
        done(adapter, step("role/deep", after=deep))
        world.environment.change("systemusers", bo, _businessunitid_value=live.ids["business-unit/emea"])
        [effect] = [one for one in adapter.effects(grants, adapter.read(Scope())) if not one.drops]
        assert f"for {ANA} in the root business unit" in effect.summary
        assert all(one.drops for one in adapter.effects([MOVE, *grants], adapter.read(Scope())))


def test_where_roles_are_kept_a_move_takes_none(world: World) -> None:
    world.environment.setting("DoNotRemoveRolesOnChangeBusinessUnit", "true")
    with world.opened(homes=True) as adapter:
        done(adapter, *COMPANY, GRANT)
        assert adapter.effects([MOVE], adapter.read(Scope())) == []
        done(adapter, step(MOVE.address, Action.UPDATE, {"businessUnit": "emea"}))
        assert f"grant/-/{ANA}/rep" in adapter.read(Scope()).resources


def in_a_row(adapter: DataverseAdapter, ids: dict[str, str], *steps: Step) -> None:
    """Without reading in between: an adapter knows what it did."""
    for one in steps:
        batch = Batch(kind=kind_of(one.address), action=one.action, steps=(one,))
        [outcome] = adapter.apply(batch, ids)
        assert outcome.status is Status.APPLIED, outcome
        assert "found by reading" not in outcome.detail
        ids |= {outcome.address: outcome.remote_id} if outcome.remote_id else {}


def changed(address: str, before: Fields, after: Fields) -> Step:
    return step(address, Action.UPDATE, after, before)


@pytest.mark.parametrize("units", ["teams", "businessUnits"])
def test_roles_of_a_unit_come_and_go_in_a_row(world: World, units: str) -> None:
    lead = step("role/lead", after={"name": "Lead", "description": None, "privileges": {}})
    rep = step("role/rep", after={"name": "Rep", "description": None, "privileges": {}})
    made: Fields = {"name": "Sales", "description": None, "roles": ["rep"]}
    with world.opened(units=units) as adapter:
        ids = dict(adapter.read(Scope()).ids)
        in_a_row(adapter, ids, lead, rep, step("unit/sales", after=made))
        in_a_row(
            adapter,
            ids,
            changed("unit/sales", {"roles": ["rep"]}, {"roles": ["lead"]}),
            changed("unit/sales", {"roles": ["lead"]}, {"roles": ["lead", "rep"]}),
            changed("unit/sales", {"roles": ["lead", "rep"]}, {"roles": ["rep"]}),
            changed("unit/sales", {"name": "Sales"}, {"name": "Sales 2", "description": "Sells"}),
            changed("unit/sales", {"key": "sales"}, {"key": "selling"}),
        )
        live = adapter.read(Scope()).resources["unit/selling"]
        assert (live["name"], live["description"], live["roles"]) == ("Sales 2", "Sells", ["rep"])
        first = ids["unit/selling"] = ids["unit/sales"]
        in_a_row(
            adapter,
            ids,
            changed("unit/selling", {"name": "Sales 2"}, {"name": "Sales 3"}),
            changed("unit/selling", {"description": "Sells"}, {"description": None, "name": "Sales 4"}),
            step("unit/selling", Action.DELETE),
            step("unit/sales", after=made),
        )
        assert adapter.read(Scope()).resources["unit/sales"]["roles"] == ["rep"]
        assert ids["unit/sales"] == first
    names = {one["name"] for one in world.environment.tables["teams"].values()}
    assert names == {"Contoso", "Sales", *(["Sales members"] if units == "businessUnits" else [])}


def test_a_unit_moves_to_and_fro_in_a_row(world: World) -> None:
    with world.opened() as adapter:
        ids = dict(adapter.read(Scope()).ids)
        in_a_row(adapter, ids, *COMPANY, step("role/lead", after={"name": "Lead", "privileges": {}}))
        in_a_row(
            adapter,
            ids,
            changed("unit/sales", {"roles": ["rep"]}, {"roles": ["lead", "rep"]}),
            changed("unit/sales", {"businessUnit": "emea"}, {"businessUnit": "apac"}),
            changed("unit/sales", {"roles": ["lead", "rep"]}, {"roles": ["lead"]}),
            changed("unit/sales", {"businessUnit": "apac"}, {"businessUnit": None}),
            changed("unit/sales", {"roles": ["lead"]}, {"roles": ["lead", "rep"]}),
        )
        live = adapter.read(Scope()).resources["unit/sales"]
    assert (live["businessUnit"], live["roles"]) == (None, ["lead", "rep"])


@pytest.mark.parametrize("kept", [False, True])
def test_somebody_moves_and_is_given_roles_in_a_row(world: World, *, kept: bool) -> None:
    world.environment.setting("DoNotRemoveRolesOnChangeBusinessUnit", str(kept).lower())
    user, lead = f"user/{ANA}", step(f"grant/-/{ANA}/lead")
    with world.opened(homes=True) as adapter:
        done(adapter, *COMPANY)
        ids = dict(adapter.read(Scope()).ids)
        in_a_row(adapter, ids, step("role/lead", after={"name": "Lead", "privileges": {}}), lead)
        in_a_row(adapter, ids, changed(user, {"businessUnit": None}, {"businessUnit": "emea"}))
        if not kept:
            in_a_row(adapter, ids, lead)
        in_a_row(adapter, ids, step(lead.address, Action.DELETE), lead)
        [held] = world.environment.where("systemuserrolescollection", systemuserid=world.ana)
        assert world.environment.tables["roles"][held["roleid"]]["_businessunitid_value"] == ids["business-unit/emea"]


def test_a_mark_makes_nothing_ours_that_is_never_written(world: World) -> None:
    """The root business unit, default teams, access teams and teams of Entra groups."""
    environment = world.environment
    environment.change("businessunits", environment.root, description="[orgsync business-unit/root]")
    [default] = environment.where("teams", isdefault=True)
    environment.change("teams", default["teamid"], description="[orgsync unit/default]")
    for sort in (1, 2, 3):
        environment.team(f"Team {sort}", teamtype=sort, description=f"[orgsync unit/team-{sort}]")
    with world.opened() as adapter:
        live = adapter.read(Scope())
    assert [one for one in live.resources if not one.startswith("user/")] == []
    assert {one.name for one in live.foreign} >= {"Contoso", "Team 1", "Team 2", "Team 3"}


def test_the_later_word_on_who_changed_something_counts(world: World) -> None:
    environment = world.environment
    environment.change("organizations", environment.organization, isauditenabled=True)
    with world.opened() as adapter:
        done(adapter, *COMPANY)
        team = adapter.read(Scope()).ids["unit/sales"]
        us, earlier, later = environment.me, *(environment.person(f"{name}@example.com") for name in ("early", "late"))
        environment.me = earlier
        environment.trace(54, team)
        environment.me = later
        environment.change("teams", team, name="By the later one")
        environment.me = us
        assert adapter.read(Scope()).changed["unit/sales"].by == "late@example.com"
        environment.me, environment.count = earlier, environment.count + 5
        environment.trace(54, team)
        environment.me = us
        assert adapter.read(Scope()).changed["unit/sales"].by == "early@example.com"


def test_a_privilege_that_does_not_reach_everything_is_not_enough(world: World) -> None:
    environment = world.environment
    name = environment.privilege("prvWriteTeam")
    [row] = environment.where("roleprivilegescollection", roleid=environment.mine, privilegeid=name)
    environment.change("roleprivilegescollection", row["roleprivilegeid"], privilegedepthmask=4)
    with world.opened() as adapter:
        told = " ".join(one.detail for one in adapter.doctor())
    assert "the application user lacks: Team: Write (prvWriteTeam)" in told


@pytest.mark.parametrize("name", READING)
def test_an_environment_that_is_seen_in_part_is_not_read(world: World, name: str) -> None:
    """Dataverse leaves out what somebody may not read: a member who is not seen would never be removed."""
    environment = world.environment
    environment.part("EMEA")
    [row] = environment.where(
        "roleprivilegescollection", roleid=environment.mine, privilegeid=environment.privilege(name)
    )
    environment.change("roleprivilegescollection", row["roleprivilegeid"], privilegedepthmask=2)
    with world.opened() as adapter, pytest.raises(IncompleteRead, match=name) as raised:
        adapter.read(Scope())
    assert "set them to Organization" in raised.value.remedy


def test_a_grant_is_the_copy_of_the_role_where_the_person_is_at_home(world: World) -> None:
    environment = world.environment
    with world.opened() as adapter:
        done(adapter, *COMPANY)
        ids = adapter.read(Scope()).ids
        environment.change("systemusers", world.ana, _businessunitid_value=ids["business-unit/apac"])
        done(adapter, GRANT)
        [held] = environment.where("systemuserrolescollection", systemuserid=world.ana)
        role = environment.tables["roles"][held["roleid"]]
        assert role["_businessunitid_value"] == ids["business-unit/apac"]
        assert role["_parentrootroleid_value"] == ids["role/rep"]
        done(adapter, step(GRANT.address, Action.DELETE))
    assert [*environment.where("systemuserrolescollection", systemuserid=world.ana)] == []


def test_copies_of_several_business_units_are_one_grant_and_go_together(world: World) -> None:
    """Where record ownership across business units is on."""
    environment = world.environment
    environment.setting("EnableOwnershipAcrossBusinessUnits", "true")
    with world.opened() as adapter:
        done(adapter, *COMPANY)
        for copy in environment.where("roles", _parentrootroleid_value=adapter.read(Scope()).ids["role/rep"]):
            environment.put("systemuserrolescollection", systemuserid=world.ana, roleid=copy["roleid"])
        assert GRANT.address in adapter.read(Scope()).resources
        done(adapter, step(GRANT.address, Action.DELETE))
    assert [*environment.where("systemuserrolescollection", systemuserid=world.ana)] == []


def test_a_role_of_the_crm_itself_is_granted_under_its_name(world: World) -> None:
    environment = world.environment
    theirs = environment.role("Salesperson")
    bound = Scope(bound={"role/rep": "Salesperson"})
    with world.opened() as adapter:
        live = adapter.read(bound)
        assert live.resources["role/rep"] == {}
        assert live.ids["role/rep"] == theirs
        [outcome] = adapter.apply(Batch(kind=Kind.GRANT, action=Action.CREATE, steps=(GRANT,)), live.ids)
        assert outcome.status is Status.APPLIED
        assert f"grant/-/{ANA}/rep" in adapter.read(bound).resources


def test_a_grant_that_somebody_gave_meanwhile_counts_as_given(world: World) -> None:
    with world.opened() as adapter:
        done(adapter, *COMPANY)
        ids = adapter.read(Scope()).ids
        world.environment.put("systemuserrolescollection", systemuserid=world.ana, roleid=ids["role/rep"])
        [outcome] = adapter.apply(Batch(kind=Kind.GRANT, action=Action.CREATE, steps=(GRANT,)), ids)
    assert outcome.status is Status.APPLIED
    assert "Cannot insert duplicate key" in outcome.detail


def test_a_business_unit_with_people_in_it_stays_and_says_why(world: World) -> None:
    with world.opened() as adapter:
        done(adapter, COMPANY[0])
        part = adapter.read(Scope()).ids["business-unit/emea"]
        world.environment.change("systemusers", world.ana, _businessunitid_value=part)
        [outcome] = sent(adapter, step("business-unit/emea", Action.DELETE))
        assert outcome.status is Status.FAILED
        assert "still has users or teams" in outcome.detail
        assert world.environment.tables["businessunits"][part]["isdisabled"] is False


def test_a_business_unit_in_which_others_have_teams_and_roles_stays(world: World) -> None:
    """Dataverse deletes them with it, without a question."""
    environment = world.environment
    with world.opened() as adapter:
        done(adapter, *COMPANY)
        part = adapter.read(Scope()).ids["business-unit/emea"]
        local = environment.new_id()
        environment.put(
            "roles",
            local,
            name="Local role",
            _businessunitid_value=part,
            _parentrootroleid_value=local,
            ismanaged=False,
        )
        theirs = [environment.team(f"Team {sort}", part, teamtype=sort) for sort in (0, 1, 2)]
        done(adapter, step("unit/sales", Action.DELETE))
        [outcome] = sent(adapter, step("business-unit/emea", Action.DELETE))
        assert outcome.status is Status.FAILED
        assert "it would take along what is still there: Local role, Team 0, Team 1, Team 2" in outcome.detail
        environment.drop("roles", local)
        for team in theirs:
            environment.drop("teams", team)
        done(adapter, step("business-unit/emea", Action.DELETE))


_NOBODIES: tuple[dict[str, Any], ...] = (
    {"applicationid": "0d000000-0000-0000-0000-0000000000ff"},
    {"accessmode": 3},
    {"accessmode": 5},
)


def test_application_and_support_users_are_nobody(world: World) -> None:
    environment = world.environment
    for at, more in enumerate(_NOBODIES):
        environment.person(f"no-{at}@example.com", **more)
    with world.opened() as adapter:
        assert [one for one in adapter.read(Scope()).resources if one.startswith("user/")] == [f"user/{ANA}"]


@pytest.mark.parametrize(
    ("login", "address"),
    [("email", f"user/{ANA}"), ("objectId", "user/7f0c2b54-6b5e-4a0f-9c3c-0d4a2f6e8b11")],
)
def test_people_are_found_by_the_column_that_the_target_names(world: World, login: str, address: str) -> None:
    with world.opened(login=login) as adapter:
        assert address in adapter.read(Scope()).resources


def test_two_people_with_one_email_are_a_finding(world: World) -> None:
    world.environment.person("ana.two@example.com", internalemailaddress=ANA)
    with world.opened(login="email") as adapter:
        assert [one.code for one in adapter.read(Scope()).findings] == ["duplicate-login"]
        assert adapter.read(Scope(logins=frozenset({"somebody@example.com"}))).findings == []


def test_a_mark_that_was_copied_is_a_finding(world: World) -> None:
    with world.opened() as adapter:
        done(adapter, COMPANY[0])
        world.environment.part("Copy")
        copy = next(world.environment.where("businessunits", name="Copy"))
        world.environment.change("businessunits", copy["businessunitid"], description="[orgsync business-unit/emea]")
        assert [one.code for one in adapter.read(Scope()).findings] == ["duplicate-mark"]


def test_a_business_unit_that_somebody_disabled_is_a_finding(world: World) -> None:
    with world.opened() as adapter:
        done(adapter, COMPANY[0])
        part = adapter.read(Scope()).ids["business-unit/emea"]
        world.environment.change("businessunits", part, isdisabled=True)
        assert [one.code for one in adapter.read(Scope()).findings] == ["business-unit-disabled"]


def test_people_are_disabled_and_never_made(world: World) -> None:
    with world.opened() as adapter:
        done(adapter, step(f"user/{ANA}", Action.UPDATE, {"active": False}))
        assert adapter.read(Scope()).resources[f"user/{ANA}"]["active"] is False
        [outcome] = sent(adapter, step("user/bo@example.com"))
        assert outcome.status is Status.FAILED


@pytest.mark.parametrize(("units", "made"), [("teams", False), ("businessUnits", True)])
def test_a_role_without_a_copy_is_refused_before_anything_is_made_where_that_can_be_known(
    world: World, units: str, *, made: bool
) -> None:
    """A business unit of its own has copies of roles only once it is there: the next plan gives what is missing."""
    with world.opened(units=units) as adapter:
        ids = {**adapter.read(Scope()).ids, "role/ghost": world.ana}
        fields: Fields = {"name": "Sales", "description": None, "roles": ["ghost"]}
        batch = Batch(kind=Kind.UNIT, action=Action.CREATE, steps=(step("unit/sales", after=fields),))
        [outcome] = adapter.apply(batch, ids)
        assert outcome.status is Status.FAILED
        assert "the role ghost has no copy in the business unit" in outcome.detail
        assert ("unit/sales" in adapter.read(Scope()).resources) is made


def test_a_unit_of_its_own_that_lost_its_team_says_so(world: World) -> None:
    with world.opened(units="businessUnits") as adapter:
        done(adapter, step("unit/sales", after={"name": "Sales", "description": None, "parent": None, "roles": []}))
        [team] = world.environment.where("teams", name="Sales members")
        world.environment.drop("teams", team["teamid"])
        [outcome] = sent(adapter, step(f"membership/sales/{ANA}"))
    assert "has lost the team of its members" in outcome.detail


@pytest.mark.parametrize("bare", [False, True])
def test_one_bad_step_harms_no_other_however_its_refusal_is_wrapped(world: World, *, bare: bool) -> None:
    world.service.bare = bare
    with world.opened() as adapter:
        done(adapter, *COMPANY)
        steps = [
            step("unit/a", after={"name": "A", "businessUnit": "emea", "roles": []}),
            step("unit/b", after={"name": "Sales", "businessUnit": "emea", "roles": ["rep"]}),
            step("unit/c", after={"name": "C", "businessUnit": None, "roles": ["rep"]}),
        ]
        outcomes = sent(adapter, *steps)
        assert [one.status for one in outcomes] == [Status.APPLIED, Status.FAILED, Status.APPLIED]
        assert "is used by another record" in outcomes[1].detail
        assert "unit/b" not in adapter.read(Scope()).resources


def test_no_batch_has_more_than_a_thousand_operations(world: World) -> None:
    roles = [step(f"role/r{at}", after={"name": f"R {at}"}) for at in range(12)]
    keys = [one.address.partition("/")[2] for one in roles]
    units = [step(f"unit/u{at}", after={"name": f"U {at}", "roles": [*keys]}) for at in range(90)]  # 1,170 operations
    with world.opened() as adapter:
        sent(adapter, *roles)
        world.service.requests.clear()
        assert {one.status for one in sent(adapter, *units)} == {Status.APPLIED}
    assert [method for method, _ in world.service.requests].count("POST") == 2
    assert {one["isinherited"] for one in world.environment.where("roles") if one["name"].startswith("R ")} == {1}


def test_limits_are_waited_for_and_cookies_dropped(world: World) -> None:
    with world.opened() as adapter:
        adapter.read(Scope())
        world.service.throttled = 3
        done(adapter, COMPANY[0])
    assert world.service.throttled == 0


def test_as_many_calls_are_under_way_as_the_environment_recommends(world: World) -> None:
    with world.opened() as adapter:
        assert adapter.capabilities.max_concurrency == 1
        for hint, calls in (("4", 4), ("50", 8)):
            world.service.hint = hint
            adapter.read(Scope())
            assert adapter.capabilities.max_concurrency == calls


def test_nothing_is_written_while_reading(world: World) -> None:
    with world.opened(writable=False) as adapter, pytest.raises(ReadOnly):
        sent(adapter, COMPANY[0])


def test_a_token_that_ended_is_renewed_once(world: World) -> None:
    with world.opened() as adapter:
        adapter.read(Scope())
        world.service.door.tokens.clear()
        adapter.read(Scope())
    assert world.service.door.logins == 2


def test_a_workflow_of_github_needs_no_secret(world: World) -> None:
    credentials = {"clientId": CLIENT, "oidcUrl": f"{world.url}/oidc/token?api-version=2.0", "oidcToken": OIDC_TOKEN}
    with world.opened(credentials, flow="githubOidc") as adapter:
        assert f"user/{ANA}" in adapter.read(Scope()).resources
    world.service.door.federated = False
    with world.opened(credentials, flow="githubOidc") as adapter, pytest.raises(AdapterError, match="AADSTS") as raised:
        adapter.read(Scope())
    assert "workflow.jwt" not in str(raised.value)


@pytest.mark.parametrize("auditing", [False, True])
def test_the_doctor_is_content_with_exactly_the_least_privileges(world: World, *, auditing: bool) -> None:
    """The same that every write of these tests was checked against."""
    world.environment.also("prvCreateUser", "prvDeleteUser", "prvAssignUser")
    world.environment.change("organizations", world.environment.organization, isauditenabled=auditing)
    with world.opened(homes=True) as adapter:
        told = [(one.severity, one.summary) for one in adapter.doctor()]
    assert {severity for severity, _ in told} == {"info"}
    assert ("info", "the application user has the privileges") in told
    assert ("info", "whether upserts are listed is not known") in told


def test_the_doctor_names_what_is_missing_as_the_editor_does(world: World) -> None:
    environment = world.environment
    environment.change("organizations", environment.organization, isauditenabled=True)
    for name in ("prvAssignRole", "prvReparentTeam", "prvReadLead", "prvReadAuditSummary"):
        [row] = environment.where(
            "roleprivilegescollection", roleid=environment.mine, privilegeid=environment.privilege(name)
        )
        environment.drop("roleprivilegescollection", row["roleprivilegeid"])
    with world.opened() as adapter:
        told = " ".join(f"{one.summary} {one.detail}" for one in adapter.doctor())
    assert "the application user lacks: Security Role: Assign (prvAssignRole), Reparent team (prvReparentTeam)" in told
    assert "roles with these are refused: " in told
    assert "prvReadLead" in told
    assert "View Audit Summary" in told
    assert "article (KnowledgeArticle)" in told


def test_the_doctor_finds_an_environment_that_is_not_as_it_was_taken_for(world: World) -> None:
    environment = world.environment
    part = environment.part("Inner")
    [copy] = environment.where("roles", _businessunitid_value=part)
    [team] = environment.where("teams", _businessunitid_value=part)
    environment.drop("roles", copy["roleid"])
    environment.drop("teams", team["teamid"])
    environment.also("prvReadSdkMessage")
    with world.opened() as adapter:
        assert "upserts are listed for all tables" in {one.summary for one in adapter.doctor()}
    [filters] = environment.where("sdkmessagefilters", primaryobjecttypecode="team")
    environment.drop("sdkmessagefilters", filters["sdkmessagefilterid"])
    with world.opened() as adapter:
        told = {one.summary: one.detail for one in adapter.doctor() if one.severity == "warning"}
    assert told["roles are not copied as expected"].startswith("Organization sync: one copy in each of 2")
    assert told["default teams are not as expected"].startswith("Inner: ")
    assert told["upserts are not listed for all tables"] == "Upsert is not listed for team"


def test_the_doctor_says_which_tables_are_read_whole_by_every_plan(world: World) -> None:
    def told() -> dict[str, str]:
        with world.opened(writable=False) as adapter:
            return {one.summary: one.detail for one in adapter.doctor() if one.severity == "info"}

    assert "prvReadEntity" in told()["whether changes are tracked is not known"]
    world.environment.also("prvReadEntity")
    assert told()["changes are tracked"] == "businessunits, teams, roles, systemusers"
    world.environment.tracked -= {"roles", "systemusers"}
    assert told()["tables without change tracking are read whole by every plan"] == "role, systemuser"


def test_the_doctor_names_a_table_that_cannot_be_read_as_it_is_needed(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An environment from before security roles had descriptions."""
    columns = dict(model().columns("roles"))
    del columns["description"]
    older = replace(model().types["role"], columns=columns)
    found = replace(model(), types={**model().types, "role": older})
    monkeypatch.setattr(server, "model", lambda: found)
    with world.opened() as adapter:
        told = [one.detail for one in adapter.doctor() if one.severity == "error"]
    assert len([one for one in told if one.startswith("roles cannot be read")]) == 1
    assert "Could not find a property named 'description'" in " ".join(told)


def test_a_row_that_nobody_ever_changed_is_read(world: World) -> None:
    for table in ("businessunits", "teams", "roles", "systemusers"):
        for row in world.environment.tables[table].values():
            row |= {"modifiedon": None, "_modifiedby_value": None}
    with world.opened() as adapter:
        live = adapter.read(Scope())
    assert f"user/{ANA}" in live.resources
    assert f"user/{ANA}" not in live.changed


def test_what_cannot_be_a_whole_environment_is_not_read(world: World) -> None:
    for table, id_ in (("organizations", world.environment.organization), ("businessunits", world.environment.root)):
        row = world.environment.tables[table].pop(id_)
        with world.opened() as adapter, pytest.raises(IncompleteRead, match="there are 0"):
            adapter.read(Scope())
        world.environment.tables[table][id_] = row


def test_a_role_of_the_same_name_that_somebody_made_elsewhere_is_another_one(world: World) -> None:
    """It is its own root, and no copy of ours."""
    environment = world.environment
    theirs, part = environment.role("Salesperson"), environment.part("Inner")
    local = environment.new_id()
    values: dict[str, Any] = {"name": "Salesperson", "_businessunitid_value": part, "_parentrootroleid_value": local}
    environment.put("roles", local, description="[orgsync role/rep]", **values)
    with world.opened() as adapter:
        live = adapter.read(Scope(bound={"role/seller": "Salesperson"}))
    assert live.ids["role/seller"] == theirs
    assert "role/rep" not in live.resources
    assert live.findings == []


TOGETHER = (step(f"membership/sales/{ANA}"), step(f"grant/-/{ANA}/rep"))
APART = (
    step("role/other", after={"name": "Other"}),
    step("business-unit/north", after={"name": "North", "parent": None}),
)


@pytest.mark.parametrize(("steps", "together"), [(TOGETHER, True), (APART, False)])
def test_what_copies_roles_goes_one_after_another(world: World, steps: Sequence[Step], *, together: bool) -> None:
    meeting, met = Barrier(2), list[bool]()
    batches = [Batch(kind=kind_of(one.address), action=one.action, steps=(one,)) for one in steps]
    with world.opened() as adapter:
        done(adapter, *COMPANY)
        ids, send = adapter.read(Scope()).ids, adapter.api.batch

        def slowly(sets: Sequence[ChangeSet]) -> list[Result]:
            try:
                meeting.wait(3 if together else 0.3)
            except BrokenBarrierError:
                met.append(False)
            else:
                met.append(True)
            return send(sets)

        adapter.api.batch = slowly  # type: ignore[method-assign]
        with ThreadPoolExecutor(2) as pool:
            found = [*pool.map(lambda batch: adapter.apply(batch, ids), batches)]
    assert [one.status for [one] in found] == [Status.APPLIED] * 2
    assert met == [together] * 2


def test_an_audit_table_that_is_closed_to_us_is_no_reason_to_stop(world: World) -> None:
    environment = world.environment
    environment.change("organizations", environment.organization, isauditenabled=True)
    name = environment.privilege("prvReadAuditSummary")
    [row] = environment.where("roleprivilegescollection", roleid=environment.mine, privilegeid=name)
    environment.drop("roleprivilegescollection", row["roleprivilegeid"])
    with world.opened() as adapter:
        assert f"user/{ANA}" in adapter.read(Scope()).resources


def test_an_audit_table_that_cannot_be_asked_is_no_reason_to_stop(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is kept elsewhere than the other tables and takes fewer queries: only names hang on it."""
    world.environment.change("organizations", world.environment.organization, isauditenabled=True)
    columns = {name: type_ for name, type_ in model().columns("audits").items() if name != "action"}
    other = replace(model().types["audit"], columns=columns)
    monkeypatch.setattr(server, "model", lambda: replace(model(), types={**model().types, "audit": other}))
    with world.opened() as adapter:
        assert f"user/{ANA}" in adapter.read(Scope()).resources


def test_the_doctor_says_why_nobody_could_log_in(world: World) -> None:
    with world.opened({"clientId": CLIENT, "clientSecret": "another-secret-0001"}) as adapter:
        [finding] = adapter.doctor()
    assert "AADSTS7000215" in finding.detail
    assert "another-secret-0001" not in finding.detail


def test_a_plan_says_what_it_costs(world: World) -> None:
    with world.opened() as adapter:
        adapter.read(Scope())
        change = Change(address="unit/x", action=Action.CREATE, after={"name": "X"})
        assert adapter.cost([change]) == (
            "this apply needs at least 20 calls, which count as 20 Power Platform requests of the day"
        )
        assert adapter.cost([]) == ""


@pytest.mark.parametrize(
    "options",
    [
        {"url": "https://contoso.crm.dynamics.com/path"},
        {"url": "contoso"},
        {"tenant": "a/b"},
        {"flow": "password"},
        {"units": "groups"},
        {"units": "businessUnits", "homes": True},
        {"prefix": "Org sync"},
        {"objects": {"a": "Account", "b": "Account"}},
        {"objects": {"a": "Account eq"}},
        {"pageSize": 5001},
    ],
)
def test_settings_that_cannot_be_meant_are_refused(options: Mapping[str, object]) -> None:
    usual = {"url": "https://contoso.crm.dynamics.com", "tenant": TENANT}
    with pytest.raises(ValueError, match="validation error"):
        Options.model_validate({**usual, **options})


PAGE = (Path(__file__).parents[2] / "docs" / "adapters" / "dataverse.md").read_text(encoding="utf-8")


def test_the_page_lists_what_the_doctor_asks_for() -> None:
    rows = dict(re.findall(r"^ +\| ([^|]+) \| ([^|]+) \|$", PAGE, re.MULTILINE))
    listed = {f"{table}: {verb}" for table, verbs in rows.items() for verb in verbs.split(", ")}
    more = {verb for table, verbs in rows.items() if table.startswith("miscellaneous") for verb in verbs.split(", ")}
    options = Options.model_validate({"url": "https://x.example", "tenant": TENANT, "homes": True})
    asked = set(needed(options).values())
    assert {one for one in asked if ":" in one} == {one for one in listed if not one.startswith(("misc", "table", "-"))}
    assert {one for one in asked if ":" not in one} | {"View Audit Summary"} == more


def test_the_page_has_every_action_and_scope_with_what_it_becomes() -> None:
    for action, verb in VERBS.items():
        assert f"| `{action}` | prv{verb}… |" in PAGE
    for scope, depth in DEPTHS.items():
        assert f"| `{scope}` | {depth} |" in PAGE
    words = re.search(r"\| `objects` \| ([^|]+) \|", PAGE)
    assert words is not None
    assert words[1].split(", ") == sorted(OBJECTS)


def test_a_role_of_a_managed_solution_is_not_ours_whatever_its_mark_says(world: World) -> None:
    """A solution carries descriptions from one environment to the next."""
    environment = world.environment
    theirs = environment.role("Rep")
    environment.change("roles", theirs, description="[orgsync role/rep]", ismanaged=True)
    with world.opened() as adapter:
        live = adapter.read(Scope())
        bound = adapter.read(Scope(bound={"role/seller": "Rep"}))
    assert "role/rep" not in live.resources
    assert "Rep" in {one.name for one in live.foreign}
    assert bound.ids["role/seller"] == theirs


@pytest.mark.parametrize("kept", [False, True])
def test_a_team_that_moves_has_its_roles_whether_the_environment_takes_them_or_not(world: World, *, kept: bool) -> None:
    if kept:
        world.environment.setting("DoNotRemoveRolesOnChangeBusinessUnit", "true")
    with world.opened() as adapter:
        done(adapter, *COMPANY)
        done(adapter, changed("unit/sales", {"businessUnit": "emea"}, {"businessUnit": "apac"}))
        live = adapter.read(Scope())
    assert (live.resources["unit/sales"]["roles"], live.resources["unit/sales"]["businessUnit"]) == (["rep"], "apac")


def test_somebody_who_leaves_and_moves_is_disabled_last(world: World) -> None:
    """Nobody who is disabled is given a role: neither one of ours nor one of others."""
    environment = world.environment
    theirs = environment.role("Theirs")
    with world.opened(homes=True) as adapter:
        done(adapter, *COMPANY)
        environment.put("systemuserrolescollection", systemuserid=world.ana, roleid=theirs)
        done(adapter, step(f"user/{ANA}", Action.UPDATE, {"active": False, "businessUnit": "emea"}))
        live = adapter.read(Scope())
    assert live.resources[f"user/{ANA}"] == {"active": False, "businessUnit": "emea"}
    assert len([*environment.where("systemuserrolescollection", systemuserid=world.ana)]) == 1


def test_a_role_that_others_hold_is_not_deleted(world: World) -> None:
    """Teams and application users that nobody declared would lose it without a word."""
    environment = world.environment
    with world.opened() as adapter:
        done(adapter, *COMPANY)
        ids = adapter.read(Scope()).ids
        done(adapter, changed("unit/sales", {"roles": ["rep"]}, {"roles": []}))
        team = environment.team("Theirs")
        environment.put("teamrolescollection", teamid=team, roleid=ids["role/rep"])
        [outcome] = sent(adapter, step("role/rep", Action.DELETE))
        assert (outcome.status, "Theirs" in outcome.detail) == (Status.FAILED, True)
        assert not [one for one in world.service.written if one.startswith(f"DELETE roles({ids['role/rep']}")]
        environment.drop("teamrolescollection", next(iter(environment.tables["teamrolescollection"])))
        done(adapter, step("role/rep", Action.DELETE))
