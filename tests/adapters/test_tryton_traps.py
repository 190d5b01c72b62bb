"""What Tryton does by itself, seen on the running server, and what becomes of it with orgsync."""

from collections.abc import Iterator
from typing import Any

import pytest

from orgsync.change import Action, Change, Status
from orgsync.resources import NO_FIELDS, Json
from tests.adapters.crms import ANA, BO, Crm, create, delete, update
from tests.adapters.tryton_crm import adapter
from tests.servers import tryton

SALES, NORTH = f"membership/sales/{ANA}", f"membership/north/{ANA}"
MANAGER = f"grant/-/{ANA}/manager"
READS: dict[str, Any] = {"opportunity": {"read": "organization"}}


@pytest.fixture
def crm(tryton_url: str) -> Iterator[Crm]:
    """Two business units with a unit each, two roles, two people; Ana is in sales."""
    with adapter(tryton_url) as found:
        crm = Crm(found)
        crm.do(
            create("business-unit/main", name="Main"),
            create("business-unit/west", name="West", parent="main"),
            create("role/rep", name="Rep", privileges=READS),
            create("role/manager", name="Manager", privileges={"opportunity": {"delete": "organization"}}),
            create("unit/sales", name="Sales", businessUnit="main", roles=["rep"]),
            create("unit/north", name="North", businessUnit="west", parent="sales", roles=[]),
            create(f"user/{ANA}", name="Ana"),
            create(f"user/{BO}"),
            create(SALES),
        )
        yield crm


@pytest.fixture
def mallory(tryton_url: str) -> tryton.Session:
    return tryton.Session(tryton_url, tryton.MALLORY)


def person(session: tryton.Session, login: str = ANA) -> dict[str, Any]:
    fields = ("groups", "groups.name", "roles", "roles.role", "companies", "company")
    [found] = session.find("res.user", [["login", "=", login]], *fields)
    return found


def groups(session: tryton.Session, login: str = ANA) -> list[str]:
    return sorted(group["name"].partition("#")[0] for group in person(session, login)["groups."])


def group(session: tryton.Session, name: str) -> int:
    [found] = session.find("res.group", [["name", "=", name]])
    return int(found["id"])


def role(session: tryton.Session, name: str) -> int:
    [found] = session.find("res.role", [["name", "=", name]])
    return int(found["id"])


def codes(crm: Crm) -> list[str]:
    return [finding.code for finding in crm.read().findings]


def test_the_last_role_leaves_its_privileges_and_orgsync_takes_them(crm: Crm, mallory: tryton.Session) -> None:
    rows = person(mallory)["roles"]
    mallory("res.user.write", [person(mallory)["id"]], {"roles": [["delete", rows]]})
    assert "orgsync/privileges/rep" in groups(mallory), "Tryton has learned to clean up"

    live = crm.read()
    assert SALES not in live.resources
    assert f"grant/-/{ANA}/rep" in live.resources, "what is left has a name"
    assert [one.code for one in live.findings if "rep" in one.address] == ["privileges-without-assignment"]
    crm.do(delete(f"grant/-/{ANA}/rep"))
    assert groups(mallory) == []

    crm.do(create(SALES), delete(SALES))
    assert groups(mallory) == []
    assert person(mallory)["companies"] == []


def test_an_assignment_written_beside_its_user_gives_nothing_and_is_repaired(crm: Crm, mallory: tryton.Session) -> None:
    mallory("res.user.role.create", [{"user": person(mallory, BO)["id"], "role": role(mallory, "Sales")}])
    assert groups(mallory, BO) == [], "Tryton has learned to update the user"
    assert f"membership/sales/{BO}" not in crm.read().resources

    crm.do(create(f"membership/sales/{BO}"))
    assert groups(mallory, BO) == ["orgsync/business-unit/main", "orgsync/privileges/rep", "orgsync/unit/sales"]
    assert len(person(mallory, BO)["roles"]) == 1, "the row that was there is used"
    assert f"membership/sales/{BO}" in crm.read().resources


def test_an_assignment_deleted_beside_its_user_goes_on_giving_and_is_seen(crm: Crm, mallory: tryton.Session) -> None:
    mallory("res.user.role.delete", person(mallory)["roles"])
    assert "orgsync/privileges/rep" in groups(mallory), "Tryton has learned to update the user"
    live = crm.read().resources
    assert SALES not in live
    assert f"grant/-/{ANA}/rep" in live


def test_groups_of_a_user_without_roles_are_lost_with_the_first_one_and_the_plan_says_so(
    crm: Crm, mallory: tryton.Session
) -> None:
    direct = [group(mallory, "orgsync/privileges/manager"), group(mallory, "Sales Administrator")]
    mallory("res.user.write", [person(mallory, BO)["id"]], {"groups": [["add", direct]]})
    live = crm.read()
    assert f"grant/-/{BO}/manager" in live.resources

    change = Change(address=f"membership/north/{BO}", action=Action.CREATE, after=NO_FIELDS)
    (effect,) = crm.adapter.effects([change], live)  # type: ignore[attr-defined]
    assert (effect.cause, effect.drops) == (change.id, (f"grant/-/{BO}/manager",))
    assert 'the group "Sales Administrator"' in effect.summary

    crm.do(create(f"membership/north/{BO}"))
    assert groups(mallory, BO) == ["orgsync/business-unit/west", "orgsync/unit/north"]
    assert f"grant/-/{BO}/manager" not in crm.read().resources


def test_one_role_twice_on_one_user_is_one_and_goes_as_one(crm: Crm, mallory: tryton.Session) -> None:
    number = person(mallory)["id"]
    mallory("res.user.write", [number], {"roles": [["create", [{"role": role(mallory, "Sales")}]]]})
    assert len(person(mallory)["roles"]) == 2, "Tryton has learned to refuse"
    crm.do(update(SALES, {"until": None}, {"until": "2030-01-31"}))
    assert len(person(mallory)["roles"]) == 1
    assert crm.fields(SALES)["until"] == "2030-01-31"


def test_of_two_rows_for_one_membership_the_longer_counts(crm: Crm, mallory: tryton.Session) -> None:
    crm.do(update(SALES, {"until": None}, {"until": "2030-01-31"}))
    values = {"role": role(mallory, "Sales")}
    mallory("res.user.write", [person(mallory)["id"]], {"roles": [["create", [values]]]})
    assert crm.fields(SALES)["until"] is None
    crm.do(delete(SALES))
    assert person(mallory)["roles"] == []


@pytest.mark.parametrize("column", ["to_date", "from_date"])
def test_a_row_that_does_not_hold_today_is_not_there(crm: Crm, mallory: tryton.Session, column: str) -> None:
    year = 2020 if column == "to_date" else 2090
    moment = {"__class__": "datetime", "year": year, "month": 1, "day": 1, "hour": 0, "minute": 0, "second": 0}
    rows = person(mallory)["roles"]
    values = {column: {**moment, "microsecond": 0}}
    mallory("res.user.write", [person(mallory)["id"]], {"roles": [["write", rows, values]]})
    assert groups(mallory) == []
    assert SALES not in crm.read().resources
    crm.do(create(SALES))
    assert crm.fields(SALES) == {"until": None}
    assert person(mallory)["roles"] == rows, "the row is used again"


def test_what_ended_and_was_not_taken_yet_is_still_seen(crm: Crm, mallory: tryton.Session) -> None:
    """Tryton updates users when its scheduler runs; a direct write of the row leaves them as they are."""
    moment = {"__class__": "datetime", "year": 2020, "month": 1, "day": 1, "hour": 0, "minute": 0, "second": 0}
    mallory("res.user.role.write", person(mallory)["roles"], {"to_date": {**moment, "microsecond": 0}})
    assert "orgsync/privileges/rep" in groups(mallory)
    live = crm.read().resources
    assert SALES not in live
    assert f"grant/-/{ANA}/rep" in live
    crm.do(delete(f"grant/-/{ANA}/rep"))
    assert groups(mallory) == []


def test_a_deleted_role_takes_its_assignments_and_its_groups(crm: Crm, mallory: tryton.Session) -> None:
    crm.do(create(MANAGER), delete(MANAGER), delete("role/manager"))
    assert mallory.find("res.group", [["name", "like", "orgsync/%/manager"]]) == []
    assert mallory.find("res.role", [["name", "=", "Manager"]]) == []


def test_a_deletion_that_reaches_beyond_what_is_ours_is_told(crm: Crm, mallory: tryton.Session) -> None:
    privileges = group(mallory, "orgsync/privileges/manager")
    [theirs] = mallory("res.role.create", [{"name": "Their own", "groups": [["add", [privileges]]]}])
    mallory("res.user.write", [person(mallory, BO)["id"]], {"roles": [["create", [{"role": theirs}]]]})
    rule = {"name": "Theirs", "model": "sale.opportunity", "global_p": False, "groups": [["add", [privileges]]]}
    domain = '[["state", "=", "lead"]]'
    [rules] = mallory("ir.rule.group.create", [{**rule, "rules": [["create", [{"domain": domain}]]]}])
    live = crm.read()
    assert "more-than-declared" in [finding.code for finding in live.findings]

    change = Change(address="role/manager", action=Action.DELETE, before=live.resources["role/manager"])
    told = " ".join(effect.summary for effect in crm.adapter.effects([change], live))  # type: ignore[attr-defined]
    assert '"Their own" (1 holders)' in told
    assert "1 record rules" in told

    crm.do(delete("role/manager"))
    assert [one["groups"] for one in mallory.find("ir.rule.group", [["id", "=", rules]], "groups")] == [[]]
    assert [one["groups"] for one in mallory.find("res.role", [["id", "=", theirs]], "groups")] == [[]]


def test_a_model_that_does_not_exist_is_refused_by_orgsync_since_tryton_takes_it(tryton_url: str) -> None:
    admin = tryton.Session(tryton_url)
    assert admin("ir.model.access.create", [{"model": "no.such.model"}]), "Tryton has learned to refuse"
    with adapter(tryton_url, objects={"ticket": "helpdesk.ticket"}) as found:
        crm = Crm(found)
        told = crm.refuses(create("role/agent", name="Agent", privileges={"ticket": {"read": "organization"}}))
    assert "helpdesk.ticket" in told


def test_a_newcomer_is_not_given_the_only_company(tryton_url: str) -> None:
    with adapter(tryton_url) as found:
        crm = Crm(found)
        crm.do(create("business-unit/main", name="Main"))
        admin = tryton.Session(tryton_url)
        admin("res.user.create", [{"login": "by.hand@example.com"}])
        assert person(admin, "by.hand@example.com")["companies"], "Tryton has learned to ask"
        crm.do(create(f"user/{ANA}"))
        assert person(admin)["companies"] == []


def test_a_partys_code_stays_and_a_key_can_change(crm: Crm, mallory: tryton.Session) -> None:
    [party] = mallory.find("party.party", [["name", "=", "West"]], "code")
    with pytest.raises(tryton.Refused, match="Code"):
        mallory("party.party.write", [party["id"]], {"code": "orgsync/business-unit/other"})
    crm.ids["business-unit/oeste"] = crm.ids.pop("business-unit/west")
    crm.do(update("business-unit/oeste", {"key": "west"}, {"key": "oeste"}))
    live = crm.read().resources
    assert live["unit/north"]["businessUnit"] == "oeste"
    assert "business-unit/west" not in live
    crm.do(create("business-unit/west", name="The new West"))
    assert crm.fields("business-unit/west")["name"] == "The new West"


def test_companies_come_and_go_with_memberships(crm: Crm, mallory: tryton.Session) -> None:
    main, west = (int(crm.ids[f"business-unit/{key}"].partition("/")[0]) for key in ("main", "west"))
    assert (person(mallory)["companies"], person(mallory)["company"]) == ([main], main)
    crm.do(create(NORTH))
    assert sorted(person(mallory)["companies"]) == sorted([main, west])
    crm.do(delete(SALES))
    assert (person(mallory)["companies"], person(mallory)["company"]) == ([west], west)
    crm.do(delete(NORTH))
    assert (person(mallory)["companies"], person(mallory)["company"]) == ([], None)


def test_a_membership_without_its_company_is_not_in_effect_and_is_repaired(crm: Crm, mallory: tryton.Session) -> None:
    mallory(
        "res.user.write",
        [person(mallory)["id"]],
        {"companies": [["remove", person(mallory)["companies"]]], "company": None},
    )
    assert SALES not in crm.read().resources
    crm.do(create(SALES))
    assert SALES in crm.read().resources
    assert len(person(mallory)["roles"]) == 1


def test_members_follow_their_unit_into_another_business_unit(crm: Crm, mallory: tryton.Session) -> None:
    main, west = (int(crm.ids[f"business-unit/{key}"].partition("/")[0]) for key in ("main", "west"))
    crm.do(update("unit/sales", {"businessUnit": "main"}, {"businessUnit": "west"}))
    assert (person(mallory)["companies"], person(mallory)["company"]) == ([west], west)
    assert crm.fields("unit/sales")["businessUnit"] == "west"
    assert SALES in crm.read().resources
    assert main != west


def test_an_employee_of_the_company_is_no_obstacle_to_leaving_it(crm: Crm, mallory: tryton.Session) -> None:
    company = int(crm.ids["business-unit/main"].partition("/")[0])
    [party] = mallory("party.party.create", [{"name": "Ana"}])
    [employee] = mallory("company.employee.create", [{"party": party, "company": company}])
    me = person(mallory)["id"]
    mallory("res.user.write", [me], {"employees": [["add", [employee]]], "employee": employee})
    with pytest.raises(tryton.Refused):
        mallory("res.user.write", [me], {"companies": [["remove", [company]]], "company": None})
    crm.do(delete(SALES))
    assert person(mallory)["companies"] == []


def test_a_company_given_by_hand_is_told_and_left(crm: Crm, mallory: tryton.Session) -> None:
    west = int(crm.ids["business-unit/west"].partition("/")[0])
    mallory("res.user.write", [person(mallory)["id"]], {"companies": [["add", [west]]]})
    (finding,) = (one for one in crm.read().findings if one.code == "company-without-membership")
    assert "business-unit/west" in finding.detail
    assert tryton.MALLORY in finding.detail


def test_somebody_who_is_quicker_makes_orgsync_look_again(
    crm: Crm, mallory: tryton.Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Between reading a user and writing them somebody gives them another role: nothing of it is lost."""
    server = crm.adapter.server  # type: ignore[attr-defined]
    tell, meddled = server.tell, list[bool]()

    def told(method: str, *arguments: Any, **settings: Any) -> Any:
        if method == "model.res.user.write" and not meddled:
            meddled.append(True)
            me = person(mallory)["id"]
            mallory("res.user.write", [me], {"roles": [["create", [{"role": role(mallory, "Manager")}]]]})
        return tell(method, *arguments, **settings)

    monkeypatch.setattr(server, "tell", told)
    crm.do(delete(SALES))
    assert groups(mallory) == ["orgsync/privileges/manager", "orgsync/role/manager"]
    assert server.calls["model.res.user.write"] == 3, "one for the membership, one too late, one again"


def test_each_step_of_a_refused_batch_has_its_own_outcome(crm: Crm) -> None:
    steps = [create(f"user/person{number}@example.com") for number in range(9)]
    crm.ids |= {f"user/{tryton.MALLORY}": crm.read().ids[f"user/{tryton.MALLORY}"]}
    steps[4] = create(f"user/{ANA}")
    outcomes = crm.send(*steps)
    assert [one.status for one in outcomes] == [*[Status.APPLIED] * 4, Status.FAILED, *[Status.APPLIED] * 4]
    assert "two users with the same login" in outcomes[4].detail

    members = [create(f"membership/sales/{step.address.partition('/')[2]}") for step in steps]
    members[4] = create(f"membership/sales/{tryton.MALLORY}")
    outcomes = crm.send(*members)
    assert [one.status for one in outcomes] == [*[Status.APPLIED] * 4, Status.FAILED, *[Status.APPLIED] * 4]
    assert "User Role" in outcomes[4].detail, "administrators have no roles, in Tryton's words"


def test_a_foreign_group_on_a_unit_is_told_with_its_name(crm: Crm, mallory: tryton.Session) -> None:
    mallory("res.role.write", [role(mallory, "Sales")], {"groups": [["add", [group(mallory, "Accounting")]]]})
    (finding,) = (one for one in crm.read().findings if one.code == "foreign-group")
    assert (finding.address, "Accounting" in finding.detail) == ("unit/sales", True)
    assert SALES in crm.read().resources


def test_a_group_that_a_roles_group_inherits_reads_as_a_privilege_and_is_taken(
    crm: Crm, mallory: tryton.Session
) -> None:
    mallory("res.group.write", [group(mallory, "orgsync/privileges/rep")], {"parent": group(mallory, "Accounting")})
    privileges = crm.fields("role/rep")["privileges"]
    assert privileges == {**READS, "group/Accounting": {"inherit": "organization"}}
    crm.do(update("role/rep", {"privileges": privileges}, {"privileges": READS}))
    assert crm.fields("role/rep")["privileges"] == READS


def test_a_deactivated_privilege_group_gives_nothing_and_is_activated(crm: Crm, mallory: tryton.Session) -> None:
    mallory("res.group.write", [group(mallory, "orgsync/privileges/rep")], {"active": False})
    assert crm.fields("role/rep")["privileges"] == {}
    crm.do(update("role/rep", {"privileges": {}}, {"privileges": READS}))
    assert crm.fields("role/rep")["privileges"] == READS


def test_a_unit_that_lost_its_role_is_seen_completed_and_deleted(crm: Crm, mallory: tryton.Session) -> None:
    mallory("res.role.delete", [role(mallory, "North")])
    assert crm.fields("unit/north") == {"name": None, "businessUnit": None, "parent": "sales", "roles": []}
    crm.ids.update(crm.read().ids)
    crm.do(update("unit/north", {}, {"name": "North", "businessUnit": "west", "roles": ["rep"]}))
    whole = {"name": "North", "businessUnit": "west", "parent": "sales", "roles": ["rep"]}
    assert crm.fields("unit/north") == whole
    mallory("res.role.delete", [role(mallory, "North")])
    crm.ids.update(crm.read().ids)
    crm.do(delete("unit/north"))
    assert "unit/north" not in crm.read().resources


def test_a_role_that_lost_a_part_is_completed(crm: Crm, mallory: tryton.Session) -> None:
    for name in ("orgsync/role/rep", "orgsync/privileges/rep"):
        mallory("res.group.delete", [group(mallory, name)])
        live = crm.read()
        crm.ids.update(live.ids)
        before = dict(live.resources["role/rep"])
        after: dict[str, Json] = {"name": "Rep", "privileges": READS}
        crm.do(update("role/rep", before, {name: v for name, v in after.items() if before[name] != v}))
        assert crm.fields("role/rep") == after
        assert crm.ids["role/rep"] == crm.read().ids["role/rep"]


def test_a_business_unit_that_lost_its_company_is_completed(crm: Crm, mallory: tryton.Session) -> None:
    company = int(crm.ids["business-unit/west"].partition("/")[0])
    mallory("company.company.delete", [company])
    live = crm.read()
    assert live.resources["business-unit/west"] == {"name": None, "parent": "main"}
    crm.ids.clear()
    crm.ids.update(live.ids)
    crm.do(update("business-unit/west", {"name": None}, {"name": "West"}))
    assert crm.fields("business-unit/west") == {"name": "West", "parent": "main"}


def test_what_a_killed_creation_left_is_taken_over(crm: Crm, mallory: tryton.Session) -> None:
    [party] = mallory("party.party.create", [{"name": "Left", "code": "orgsync/business-unit/east"}])
    crm.do(create("business-unit/east", name="East"))
    assert crm.ids["business-unit/east"].split("/")[1] == str(party)
    assert crm.fields("business-unit/east")["name"] == "East"


def test_a_business_units_party_is_deactivated_since_others_refer_to_it(crm: Crm, mallory: tryton.Session) -> None:
    party = int(crm.ids["business-unit/west"].split("/")[1])
    main = int(crm.ids["business-unit/main"].partition("/")[0])
    mallory("res.user.write", [mallory.user], {"companies": [["add", [main]]], "company": main})
    sale = {"company": main, "party": party, "description": "to West"}
    [deal] = mallory("sale.opportunity.create", [sale], context={"company": main})
    crm.do(delete("unit/north"), delete("business-unit/west"))
    assert "business-unit/west" not in crm.read().resources
    [kept] = mallory.find("party.party", [["id", "=", party]], "active")
    assert not kept["active"]
    [found] = mallory.find("sale.opportunity", [["id", "=", deal]], "party")
    assert found["party"] == party
    crm.do(create("business-unit/west", name="West again"))
    assert crm.ids["business-unit/west"].split("/")[1] == str(party)
    [kept] = mallory.find("party.party", [["id", "=", party]], "active", "name")
    assert (bool(kept["active"]), kept["name"]) == (True, "West again")


def test_a_company_with_records_is_not_deleted_in_trytons_words(crm: Crm, mallory: tryton.Session) -> None:
    west = int(crm.ids["business-unit/west"].partition("/")[0])
    [party] = mallory("party.party.create", [{"name": "Ana"}])
    mallory("company.employee.create", [{"party": party, "company": west}])
    crm.do(delete("unit/north"))
    assert "Company" in crm.refuses(delete("business-unit/west"))


def test_two_roles_with_one_mark_are_an_error(crm: Crm, mallory: tryton.Session) -> None:
    marker = group(mallory, "orgsync/unit/north")
    mallory("res.role.create", [{"name": "A second North", "groups": [["add", [marker]]]}])
    (finding,) = (one for one in crm.read().findings if one.code == "duplicate-mark")
    assert finding.address == "unit/north"
    assert "A second North" in finding.detail


def test_odd_names_and_logins_are_no_trouble(crm: Crm, mallory: tryton.Session) -> None:
    mallory("res.group.create", [{"name": "orgsync/unit/a/b"}, {"name": "orgsync/unit/#"}])
    mallory("res.role.create", [{"name": "\N{RIGHT-TO-LEFT OVERRIDE}'\";--\N{PILE OF POO}"}])
    mallory("res.user.create", [{"login": "a/b", "companies": [], "company": None}])
    mallory("res.user.create", [{"login": ANA.upper(), "companies": [], "company": None}])
    live = crm.read()
    assert {"strange-mark", "duplicate-mark"} <= {finding.code for finding in live.findings}
    assert crm.refuses(create("role/odd", name="half a \ud800 character"))
