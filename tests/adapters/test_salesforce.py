"""Salesforce against a strict org: what privileges become, what is told, what is refused."""

from collections.abc import Iterator, Mapping
from itertools import product

import jwt
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from orgsync.adapter import Scope
from orgsync.adapters.salesforce.capabilities import ACTION_SCOPES, NEEDS, capabilities
from orgsync.adapters.salesforce.convert import Names, actions, day, flags, moment
from orgsync.adapters.salesforce.options import OBJECTS, Options
from orgsync.change import Action, Batch, Change, Status, Step
from orgsync.errors import AdapterError, IncompleteRead
from orgsync.project import project
from orgsync.resources import SCOPES, Fields, Kind, Organization
from tests.adapters.salesforce_world import World, running, sent, step
from tests.fakes.salesforce import CLIENT, REFRESH, SECRET

HOST = "https://login.salesforce.com"
SCOPED = [dict(zip(ACTION_SCOPES, one, strict=True)) for one in product(SCOPES, repeat=len(ACTION_SCOPES))]


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    monkeypatch.setattr("time.sleep", lambda _: None)
    with running() as found:
        yield found


def projected(given: Mapping[str, str], *, narrower: bool) -> tuple[Mapping[str, str], list[str]]:
    desired = Organization(resources={"role/x": {"name": "X", "privileges": {"lead": dict(given)}}})
    found, findings = project(desired, capabilities(OBJECTS), "salesforce", narrower=narrower)
    privileges = found.resources["role/x"]["privileges"]
    assert isinstance(privileges, dict)
    lead = privileges.get("lead", {})
    assert isinstance(lead, dict)
    return {action: str(scope) for action, scope in lead.items()}, [one.code for one in findings]


@pytest.mark.parametrize("narrower", [False, True])
def test_whatever_is_expressible_reads_back_as_it_was_written(*, narrower: bool) -> None:
    for given in SCOPED:
        desired, _ = projected(given, narrower=narrower)
        assert actions(flags(desired)) == desired, given


def test_nothing_gets_wider_but_by_what_comes_along() -> None:
    for given in SCOPED:
        desired, codes = projected(given, narrower=True)
        wider = {a for a, scope in desired.items() if SCOPES.index(scope) > SCOPES.index(given[a])}
        assert (wider != set()) == ("privilege-completed" in codes), given
        along = {pair for cause in desired.items() for pair in NEEDS.get(cause, ())}
        assert {(action, desired[action]) for action in wider} <= along, given


def test_products_have_no_owner_and_own_is_all_that_can_be_said_of_them() -> None:
    desired = Organization(resources={"role/x": {"name": "X", "privileges": {"product": {"delete": "organization"}}}})
    found, findings = project(desired, capabilities(OBJECTS), "salesforce", narrower=True)
    own = {"delete": "own", "read": "own", "update": "own"}
    assert found.resources["role/x"]["privileges"] == {"product": own}
    assert "scope-not-expressible" in {one.code for one in findings}


def test_updating_all_alone_is_not_expressible() -> None:
    assert projected({"update": "organization"}, narrower=False)[1] == ["scope-not-expressible"]
    assert projected({"update": "organization"}, narrower=True)[0] == {"update": "own", "read": "own"}
    both = {"read": "organization", "update": "organization", "delete": "organization"}
    assert projected(both, narrower=False) == (both, [])


@pytest.mark.parametrize("given", SCOPED[:: len(SCOPED) // 12])
def test_the_org_takes_what_is_projected_and_gives_it_back(world: World, given: Mapping[str, str]) -> None:
    desired, _ = projected(given, narrower=True)
    fields: Fields = {"name": "X", "privileges": {"lead": dict(desired)} if desired else {}}
    with world.opened() as adapter:
        assert [one.status for one in sent(adapter, step("role/x", after=fields))] == [Status.APPLIED]
        assert adapter.read(Scope()).resources["role/x"]["privileges"] == fields["privileges"]


@pytest.mark.parametrize("key", ["sales", "sales-north", "a-1-b", "0"])
@pytest.mark.parametrize("kind", [Kind.UNIT, Kind.BUSINESS_UNIT, Kind.ROLE])
def test_keys_and_api_names_give_each_other(kind: Kind, key: str) -> None:
    names = Names(prefix="orgsync")
    assert names.key(kind, names.api_name(kind, key)) == key
    assert names.key(kind, "Their_group") == ""
    assert names.key(kind, f"orgsync__{names.api_name(kind, key)}") == names.key(kind, f"orgsync__{key}") == ""


@pytest.mark.parametrize("zone", ["UTC", "Europe/Berlin", "Pacific/Auckland"])
def test_an_end_reads_back_as_the_day_that_it_was(zone: str) -> None:
    options = Options.model_validate({"url": "https://x.example", "timezone": zone})
    assert day(moment("2027-03-31", options.zone), options.zone) == "2027-03-31"


def test_half_a_role_is_never_there(world: World) -> None:
    fields: Fields = {"name": "X", "privileges": {"lead": {"read": "own"}, "gadget": {"read": "own"}}}
    with world.opened(objects={"gadget": "Gadget__c"}) as adapter:
        [outcome] = sent(adapter, step("role/x", after=fields))  # the org has no gadgets
        assert outcome.status is Status.FAILED
        assert "INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST" in outcome.detail
        assert "role/x" not in adapter.read(Scope()).resources


NOTES: Mapping[str, str] = {"invoice": "Invoice__c", "a-note": "A_Note__c"}
MASTERS: Mapping[str, list[str]] = {"invoice": ["account"], "a-note": ["invoice"]}


def test_what_belongs_to_another_is_read_with_it_and_taken_away_before_it(world: World) -> None:
    """From nothing through each state to each other, without a moment that Salesforce would refuse."""
    stated = {"": {}, "own": {"read": "own"}, "organization": {"read": "organization"}, "own ": {"delete": "own"}}
    with world.opened(objects=NOTES, parents=MASTERS) as adapter:
        sent(adapter, step("role/x", after={"name": "X", "privileges": {}}))
        for name in (one for pair in product(stated, repeat=2) for one in pair):
            given, reach = stated[name], name.strip()
            desired = Organization(resources={"role/x": {"privileges": {"a-note": {**given}} if given else {}}})
            projected, findings = project(desired, adapter.capabilities, "salesforce")
            assert [one.code for one in findings] == ["privilege-completed"] * bool(given)
            after, live = projected.resources["role/x"], adapter.read(Scope())
            before = {"privileges": live.resources["role/x"]["privileges"]}
            update = Step(id="x", address="role/x", action=Action.UPDATE, before=before, after=after)
            [outcome] = adapter.apply(Batch(kind=Kind.ROLE, action=Action.UPDATE, steps=(update,)), live.ids)
            assert outcome.status is Status.APPLIED, (given, outcome.detail)
            found = adapter.read(Scope()).resources["role/x"]["privileges"]
            assert found == after["privileges"]
            assert isinstance(found, dict)
            assert found.keys() == ({"a-note", "invoice", "account"} if given else set())
            assert (found.get("account") or {"read": ""}) == {"read": reach}


def test_a_contract_is_read_with_its_account(world: World) -> None:
    desired = Organization(resources={"role/x": {"name": "X", "privileges": {"contract": {"create": "own"}}}})
    with world.opened() as adapter:
        projected, findings = project(desired, adapter.capabilities, "salesforce")
        assert "account:read (own)" in findings[0].detail
        assert [one.status for one in sent(adapter, step("role/x", after=projected.resources["role/x"]))] == [
            Status.APPLIED
        ]


def test_a_lock_on_one_of_several_is_waited_for(world: World) -> None:
    with world.opened() as adapter:
        steps = [step(f"unit/{key}", after={"name": key}) for key in ("one", "two")]
        adapter.read(Scope())
        world.org.locks = 3
        assert [one.status for one in sent(adapter, *steps)] == [Status.APPLIED] * 2


def test_a_call_that_a_lock_refuses_as_a_whole_is_sent_again(world: World) -> None:
    with world.opened() as adapter:
        adapter.read(Scope())
        world.org.blocked = 2
        assert [one.status for one in sent(adapter, step("unit/one", after={"name": "one"}))] == [Status.APPLIED]
        assert world.org.blocked == 0


def test_a_locator_that_is_gone_means_to_query_again(world: World) -> None:
    world.org.rows = 1
    with world.opened() as adapter:
        world.org.expiring = 1
        assert adapter.read(Scope()).resources.keys() == {"user/integration@example.com", "user/ana@example.com"}
        world.org.expiring = 9
        with pytest.raises(IncompleteRead, match="query locator"):
            adapter.read(Scope())


def test_what_a_call_did_not_begin_since_too_much_failed_is_sent_again(world: World) -> None:
    """A Composite Graph request gives up once more than fourteen of its graphs have failed."""
    bad = [step(f"role/a{at}", after={"name": "X" * 81, "privileges": {}}) for at in range(20)]
    good = [step(f"role/b{at}", after={"name": "X", "privileges": {}}) for at in range(5)]
    with world.opened() as adapter:
        outcomes = sent(adapter, *bad, *good)
        assert [one.status for one in outcomes] == [Status.FAILED] * 20 + [Status.APPLIED] * 5
        assert {one.detail.partition(":")[0] for one in outcomes[:20]} == {"STRING_TOO_LONG"}


def test_what_is_taken_away_can_be_given_again_in_the_same_run(world: World) -> None:
    """Without reading in between: an adapter knows what it did."""
    states: list[Fields] = [{"name": "X", "privileges": {"lead": {"read": "own"}}}, {"privileges": {}}]
    with world.opened() as adapter:
        sent(adapter, step("role/x", after=states[0]))
        ids = adapter.read(Scope()).ids
        for before, after in ((states[0], states[1]), (states[1], states[0]), (states[0], states[1])):
            update = Step(id="x", address="role/x", action=Action.UPDATE, before=before, after=after)
            [outcome] = adapter.apply(Batch(kind=Kind.ROLE, action=Action.UPDATE, steps=(update,)), ids)
            assert outcome.status is Status.APPLIED, outcome.detail
        assert adapter.read(Scope()).resources["role/x"]["privileges"] == {}


def test_a_grant_that_somebody_gave_meanwhile_counts_as_given(world: World) -> None:
    with world.opened() as adapter:
        sent(adapter, step("role/x", after={"name": "X", "privileges": {}}))
        ids = adapter.read(Scope()).ids
        world.org.put("PermissionSetAssignment", AssigneeId=ids["user/ana@example.com"], PermissionSetId=ids["role/x"])
        grant = step("grant/-/ana@example.com/x", after={"until": None})
        batch = Batch(kind=Kind.GRANT, action=Action.CREATE, steps=(grant,))
        [outcome] = adapter.apply(batch, ids)
        assert outcome.status is Status.APPLIED
        assert "DUPLICATE_VALUE" in outcome.detail


@pytest.mark.parametrize(
    ("login", "address"), [("federationIdentifier", "user/ana"), ("email", "user/ana@example.com")]
)
def test_people_are_found_by_the_field_that_the_target_names(world: World, login: str, address: str) -> None:
    with world.opened(login=login) as adapter:
        assert address in adapter.read(Scope()).resources


def test_a_sandbox_s_suffix_is_no_part_of_a_login(world: World) -> None:
    world.org.person("Bo@example.com.UAT", Email="bo@example.com.invalid")
    with world.opened(loginSuffix=".uat") as adapter:
        assert {"user/bo@example.com", "user/ana@example.com"} <= adapter.read(Scope()).resources.keys()
    with world.opened(login="email", loginSuffix=".invalid") as adapter:
        assert "user/bo@example.com" in adapter.read(Scope()).resources


def test_two_people_with_one_email_are_a_finding(world: World) -> None:
    world.org.person("ana.two@example.com", Email="ana@example.com")
    with world.opened(login="email") as adapter:
        assert [one.code for one in adapter.read(Scope()).findings] == ["duplicate-login"]
        assert adapter.read(Scope(logins=frozenset({"integration@example.com"}))).findings == []


def test_somebody_who_cannot_be_deactivated_stays_and_salesforce_says_why(world: World) -> None:
    """Who owns something that needs an active owner, or stands in somebody's hierarchy field."""
    world.org.refused = "User"
    with world.opened() as adapter:
        [outcome] = sent(adapter, step("user/ana@example.com", Action.UPDATE, {"active": False}))
        assert (outcome.status, outcome.detail.partition(":")[0]) == (Status.FAILED, "INSUFFICIENT_ACCESS_OR_READONLY")
        assert adapter.read(Scope()).resources["user/ana@example.com"]["active"] is True


def test_people_are_deactivated_and_never_made(world: World) -> None:
    with world.opened() as adapter:
        off = step("user/ana@example.com", Action.UPDATE, {"active": False})
        assert [one.status for one in sent(adapter, off)] == [Status.APPLIED]
        assert adapter.read(Scope()).resources["user/ana@example.com"]["active"] is False
        assert [one.status for one in sent(adapter, step("user/bo@example.com"))] == [Status.FAILED]


def test_a_stranger_in_our_group_is_told(world: World) -> None:
    with world.opened() as adapter:
        sent(adapter, step("unit/sales", after={"name": "Sales"}))
        group = adapter.read(Scope()).ids["unit/sales"]
        other = world.org.put("Group", Name="Theirs", DeveloperName="Theirs", Type="Regular")
        world.org.put("GroupMember", GroupId=group, UserOrGroupId=other)
        assert [one.code for one in adapter.read(Scope()).findings] == ["foreign-member"]


def test_a_plan_says_what_it_costs_and_what_is_left(world: World) -> None:
    world.org.limit = 91_250 + 7
    with world.opened() as adapter:
        adapter.read(Scope())
        change = Change(address="unit/x", action=Action.CREATE, after={"name": "X"})
        assert adapter.cost([change]) == "this apply needs 15 of 91,250 remaining calls"
        assert adapter.cost([]) == ""
        world.org.limit = world.org.used + 7
        adapter.read(Scope())
        assert "not enough" in adapter.cost([change])


def test_somebody_may_log_in_by_each_flow(world: World) -> None:
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    coded = (serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())

    def good(assertion: str) -> bool:
        claims = jwt.decode(assertion, key.public_key(), ["RS256"], audience=HOST, options={"verify_exp": False})
        return (claims["iss"], claims["sub"]) == (CLIENT, "o@acme.example")

    world.service.door.assertion = good
    flows = {
        "jwtBearer": {"username": "o@acme.example", "privateKey": key.private_bytes(*coded).decode()},
        "refreshToken": {"refreshToken": REFRESH},
        "clientCredentials": {"clientSecret": SECRET},
    }
    for flow, credentials in flows.items():
        with world.opened({"clientId": CLIENT, **credentials}, flow=flow) as adapter:
            assert adapter.read(Scope()).acting == "integration@example.com"


def test_a_session_that_ends_in_the_middle_is_renewed_and_nothing_is_written_twice(world: World) -> None:
    with world.opened() as adapter:
        adapter.read(Scope())
        world.service.door.tokens.clear()
        batch = Batch(kind=Kind.UNIT, action=Action.CREATE, steps=(step("unit/x", after={"name": "X"}),))
        assert [one.status for one in adapter.apply(batch, {})] == [Status.APPLIED]
        assert len(world.ids("Group", Name="X")) == 1


def test_a_permission_set_of_ours_that_gives_everything_is_told(world: World) -> None:
    with world.opened() as adapter:
        sent(adapter, step("role/x", after={"name": "X", "privileges": {}}))
        [own] = world.ids("PermissionSet", Name="orgsync_x")
        world.org.update("PermissionSet", own, {"PermissionsModifyAllData": True})
        [finding] = adapter.read(Scope()).findings
        assert (finding.code, "Modify All Data" in finding.detail) == ("more-than-declared", True)


def test_a_permission_set_of_a_package_is_foreign_however_it_is_called(world: World) -> None:
    theirs = world.org.put("PermissionSet", Name="orgsync_x", Label="Theirs", NamespacePrefix="pkg")
    world.org.put("PermissionSetAssignment", AssigneeId=world.org.admin, PermissionSetId=theirs)
    with world.opened() as adapter:
        read = adapter.read(Scope())
        assert ("role/x" in read.resources, [one.id for one in read.foreign]) == (False, [theirs])
        assert not [address for address in read.resources if address.startswith("grant/")]
        assert [one.status for one in sent(adapter, step("role/x", after={"name": "X"}))] == [Status.APPLIED]
        assert adapter.read(Scope()).ids["role/x"] in set(world.ids("PermissionSet", Label="X"))


def test_an_assignment_that_is_not_in_force_is_told_and_stays_a_grant(world: World) -> None:
    with world.opened() as adapter:
        sent(adapter, step("role/x", after={"name": "X"}))
        [own] = world.ids("PermissionSet", Name="orgsync_x")
        held = {"AssigneeId": world.org.admin, "PermissionSetId": own}
        revoked = world.org.put("PermissionSetAssignment", **held, IsActive=False)
        read = adapter.read(Scope())
        assert [(one.code, one.address) for one in read.findings] == [("grant-not-in-force", "role/x")]
        assert read.ids["grant/-/integration@example.com/x"] == revoked


def test_a_role_is_bound_to_a_package_s_permission_set_by_its_whole_name(world: World) -> None:
    theirs = world.org.put("PermissionSet", Name="Agent", Label="Theirs", NamespacePrefix="pkg")
    ours = world.org.put("PermissionSet", Name="Agent", Label="Ours")
    for id_ in (theirs, ours):
        world.org.put("PermissionSetAssignment", AssigneeId=world.org.admin, PermissionSetId=id_)
    with world.opened() as adapter:
        for name, id_ in (("pkg__Agent", theirs), ("Agent", ours)):
            read = adapter.read(Scope(bound={"role/agent": name}))
            assert read.ids["role/agent"] == id_
            assert "grant/-/integration@example.com/agent" in read.resources


def test_a_session_that_ended_is_renewed_once(world: World) -> None:
    with world.opened() as adapter:
        adapter.read(Scope())
        world.service.door.tokens.clear()
        assert adapter.read(Scope()).acting == "integration@example.com"
        assert world.service.door.logins == 2


def test_a_used_up_budget_is_no_outcome_but_the_end(world: World) -> None:
    with world.opened() as adapter:
        adapter.read(Scope())
        world.org.limit = world.org.used
        batch = Batch(kind=Kind.UNIT, action=Action.CREATE, steps=(step("unit/x", after={"name": "X"}),))
        with pytest.raises(AdapterError, match="used up"):
            adapter.apply(batch, {})


def test_the_doctor_is_content_with_exactly_the_least_permissions(world: World) -> None:
    with world.opened() as adapter:
        told = {one.summary: one.severity for one in adapter.doctor()}
    assert "error" not in told.values()
    assert "the integration user has the permissions" in told


def test_the_doctor_names_what_is_missing_as_setup_does(world: World) -> None:
    for held in world.org.tables["PermissionSet"].values():
        held["PermissionsAssignPermissionSets"] = False
    with world.opened() as adapter:
        told = " ".join(one.detail for one in adapter.doctor())
    assert "the integration user lacks: Assign Permission Sets" in told


def test_the_role_hierarchy_needs_more_permissions_and_no_less_access_than_the_default(world: World) -> None:
    with world.opened(hierarchy="roles") as adapter:
        assert "error" not in {one.severity for one in adapter.doctor()}
    for held in world.org.tables["PermissionSet"].values():
        held["PermissionsManageRoles"] = False
    [model] = world.ids("EntityDefinition", QualifiedApiName="Opportunity")
    world.org.tables["EntityDefinition"][model]["InternalSharingModel"] = "ReadWrite"
    with world.opened(hierarchy="roles") as adapter:
        told = {one.detail: one.remedy for one in adapter.doctor() if one.severity == "error"}
    assert [*told] == [
        "the integration user lacks: Manage Roles",
        "a role cannot give None access to opportunities, less than the org-wide default",
    ]
    assert [*told.values()][1] == "state opportunityAccess: Edit"
    with world.opened() as adapter:
        facts = {one.summary: one.detail for one in adapter.doctor()}
    assert facts["for some words, own reaches more than one's own: their org-wide default is wider"] == (
        "opportunity (ReadWrite)"
    )


def test_the_doctor_finds_what_another_setting_has_left_and_a_hidden_trail(world: World) -> None:
    world.org.put("PermissionSetGroup", DeveloperName="orgsyncpsg_x", MasterLabel="X")
    world.org.put("UserRole", DeveloperName="orgsync_x", Name="X")
    world.org.hidden = "SetupAuditTrail"
    with world.opened() as adapter:
        told = [one.summary for one in adapter.doctor() if one.severity == "warning"]
    assert told == [
        "there are 1 of PermissionSetGroup from a time when the target said includes: groups",
        "there are 1 of UserRole from a time when the target said hierarchy: roles",
        "nobody can be told who gave or took memberships and grants",
    ]


@pytest.mark.parametrize("hidden", ["EntityDefinition", "UserRole", "PermissionSetGroup"])
def test_the_doctor_asks_for_nothing_more_than_the_settings_need(world: World, hidden: str) -> None:
    world.org.hidden = hidden
    with world.opened() as adapter:
        assert {one.severity for one in adapter.doctor()} == {"info"}


def test_the_doctor_takes_no_object_for_lacking_that_the_integration_user_may_not_open(world: World) -> None:
    """It has no permissions on objects, and is asked for none."""
    with world.opened(objects={**NOTES, "gadget": "Gadget__c"}) as adapter:
        told = {one.summary: one.detail for one in adapter.doctor()}
    assert told["some words mean objects that the org does not have"] == "gadget (Gadget__c)"
    assert [one for one in told if one.startswith("what ")] == [
        "what a-note (A_Note__c) belongs to is not known here: state it under parents",
        "what invoice (Invoice__c) belongs to is not known here: state it under parents",
    ]


def test_the_doctor_says_what_a_custom_object_belongs_to(world: World) -> None:
    world.org.readable = ("A_Note__c", "Invoice__c")
    with world.opened(objects=NOTES, parents={"invoice": ["account"]}) as adapter:
        told = {one.summary: one.remedy for one in adapter.doctor() if one.severity == "warning"}
    assert told == {
        "a-note (A_Note__c) belongs to Invoice__c: Salesforce lets nobody read it without": (
            "state parents: {a-note: [invoice]}, and under objects what has no word yet"
        )
    }
    with world.opened(objects=NOTES, parents=MASTERS) as adapter:
        assert [one.summary for one in adapter.doctor() if one.severity == "warning"] == []


def test_the_doctor_says_why_nobody_could_log_in(world: World) -> None:
    with world.opened({"clientId": CLIENT, "clientSecret": "another-secret-0001"}) as adapter:
        [finding] = adapter.doctor()
    assert "invalid client credentials" in finding.detail
    assert "another-secret-0001" not in finding.detail


def test_the_trail_is_read_in_one_page_and_may_be_left_unread(world: World) -> None:
    stamp = "2026-11-01T08:00:00.000+0000"
    for _ in range(700):
        world.org.put("SetupAuditTrail", Action="groupMembership", Display="?", CreatedDate=stamp)
    for days, queries in ((7, 7), (0, 6)):
        with world.opened(auditDays=days) as adapter:
            before = world.org.used
            adapter.read(Scope())
            assert world.org.used - before == queries


def test_an_org_that_shows_no_trail_is_read_without(world: World) -> None:
    world.org.hidden = "SetupAuditTrail"
    with world.opened() as adapter:
        assert "user/ana@example.com" in adapter.read(Scope()).resources


@pytest.mark.parametrize(
    "options",
    [
        {"url": "https://acme.my.salesforce.com/path"},
        {"url": "acme"},
        {"apiVersion": "67"},
        {"apiVersion": "61.0"},
        {"prefix": "Org_sync"},
        {"prefix": "orgsyncbu"},
        {"objects": {"a": "Account", "b": "Account"}},
        {"objects": {"a": "Account' OR"}},
        {"timezone": "Europe/Nowhere"},
        {"pageSize": 100},
        {"parents": {"invoice": ["account"]}},
        {"parents": {"lead": ["invoice"]}},
        {"parents": {"lead": ["lead"]}},
    ],
)
def test_settings_that_cannot_be_meant_are_refused(options: Mapping[str, object]) -> None:
    with pytest.raises(ValueError, match="validation error"):
        Options.model_validate({"url": "https://acme.my.salesforce.com", **options})
