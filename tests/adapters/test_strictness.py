"""The rules of a strict CRM, told one by one over each of our own."""

import pytest

from orgsync.change import Action, Batch, Status, Step
from orgsync.resources import Address, Json, Kind
from tests.adapters.conftest import Open
from tests.adapters.crms import ANA, BO, Crm, create, delete, update


def test_what_was_created_reads_back_with_every_field(crm: Crm) -> None:
    live = crm.read().resources
    assert live["unit/sales"] == {
        "name": "Sales",
        "description": None,
        "type": None,
        "businessUnit": "commercial",
        "parent": None,
        "owner": None,
        "roles": ["rep"],
        "review": None,
        "workflows": None,
    }
    assert live["role/rep"]["functions"] == {"leads": "unit"}
    assert live["role/rep"]["includes"] == ["base"]
    assert live["role/manager"]["holders"] == {"max": 3}
    assert live["role/base"]["privileges"] == {"lead": {"read": "own"}}
    assert live["function/leads"]["privileges"] == {"lead": ["create", "read"]}
    assert live[f"membership/sales/{ANA}"] == {"until": "2027-03-31", "reason": "cover"}
    assert live[f"grant/sales/{ANA}/manager"] == {"until": None}
    assert live[f"user/{BO}"] == {"name": "Bo", "active": True}


@pytest.mark.parametrize(
    ("step", "missing"),
    [
        (create("business-unit/x", name="X", parent="nowhere"), "business-unit/nowhere"),
        (create("unit/x", name="X", businessUnit="nowhere"), "business-unit/nowhere"),
        (create("unit/x", name="X", businessUnit="west", parent="nowhere"), "unit/nowhere"),
        (create("unit/x", name="X", businessUnit="west", roles=["nothing"]), "role/nothing"),
        (create("role/x", name="X", includes=["nothing"]), "role/nothing"),
        (create("role/x", name="X", functions={"nothing": "own"}), "function/nothing"),
        (create(f"membership/nowhere/{ANA}"), "unit/nowhere"),
        (create("membership/sales/nobody@example.com"), "user/nobody@example.com"),
        (create(f"grant/sales/{BO}/rep"), f"membership/sales/{BO}"),
        (create(f"grant/sales/{ANA}/nothing"), "role/nothing"),
        (update("unit/west", {"parent": "sales"}, {"parent": "nowhere"}), "unit/nowhere"),
        (update("unit/sales", {"roles": ["rep"]}, {"roles": ["nothing"]}), "role/nothing"),
    ],
)
def test_a_reference_to_what_does_not_exist_is_refused(crm: Crm, step: Step, missing: str) -> None:
    assert f"{missing}, which does not exist" in crm.refuses(step)


@pytest.mark.parametrize(
    "address",
    [
        "business-unit/commercial",  # a business unit below it, and a unit
        "business-unit/west",  # a unit
        "function/leads",  # used by a role
        "role/base",  # included
        "role/rep",  # attached to a unit
        "role/manager",  # granted
        "unit/sales",  # a unit below it, and a member
        f"membership/sales/{ANA}",  # a grant
    ],
)
def test_what_is_in_use_is_not_deleted(crm: Crm, address: Address) -> None:
    assert f"{address} is in use" in crm.refuses(delete(address))


def test_what_is_used_no_longer_can_be_deleted(crm: Crm) -> None:
    crm.do(
        delete(f"grant/sales/{ANA}/manager"),
        delete(f"membership/sales/{ANA}"),
        delete("unit/west"),
        delete("unit/sales"),
        delete("role/rep"),
        delete("role/base"),
        delete("function/leads"),
        delete("business-unit/west"),
        delete("business-unit/commercial"),
    )
    assert sorted(crm.read().resources) == ["role/manager", f"user/{ANA}", f"user/{BO}"]


@pytest.mark.parametrize(
    "step",
    [
        create("business-unit/x", name="West"),
        create("function/x", name="Leads"),
        create("role/x", name="Rep"),
        create("unit/x", name="Sales", businessUnit="west"),
        update("unit/west", {"name": "West"}, {"name": "Sales"}),
        update("role/rep", {"name": "Rep"}, {"name": "Base"}),
    ],
)
def test_a_name_is_given_once_per_kind(crm: Crm, step: Step) -> None:
    assert "is named" in crm.refuses(step)


def test_a_name_that_was_given_up_can_be_taken(crm: Crm) -> None:
    crm.do(
        update("unit/sales", {"name": "Sales"}, {"name": "Sales (1)"}),
        update("unit/west", {"name": "West"}, {"name": "Sales"}),
        update("unit/sales", {"name": "Sales (1)"}, {"name": "West"}),
    )
    assert (crm.fields("unit/sales")["name"], crm.fields("unit/west")["name"]) == ("West", "Sales")


def test_of_two_newcomers_with_one_name_in_one_call_the_second_is_refused(crm: Crm) -> None:
    first, second, third = crm.send(
        create("role/x", name="Twin"), create("role/y", name="Twin"), create("role/z", name="Other")
    )
    assert (first.status, second.status, third.status) == (Status.APPLIED, Status.FAILED, Status.APPLIED)
    assert second.detail == 'another role is named "Twin"'
    assert {"role/x", "role/z"} <= crm.read().resources.keys()


@pytest.mark.parametrize(
    "step",
    [
        update("business-unit/commercial", {"parent": None}, {"parent": "west"}),
        update("business-unit/commercial", {"parent": None}, {"parent": "commercial"}),
        update("unit/sales", {"parent": None}, {"parent": "west"}),
        update("unit/sales", {"parent": None}, {"parent": "sales"}),
        update("role/base", {"includes": []}, {"includes": ["rep"]}),
        update("role/base", {"includes": []}, {"includes": ["base"]}),
    ],
)
def test_a_ring_is_refused(crm: Crm, step: Step) -> None:
    assert "above itself" in crm.refuses(step)


@pytest.mark.parametrize(
    "step",
    [
        create("unit/x", name="X"),
        create("unit/x", name="X", businessUnit=None),
        update("unit/west", {"businessUnit": "west"}, {"businessUnit": None}),
    ],
)
def test_a_unit_needs_a_business_unit(crm: Crm, step: Step) -> None:
    assert crm.refuses(step) == "a unit needs a business unit"


@pytest.mark.parametrize(
    "step",
    [
        create("business-unit/west", name="Other"),
        create("role/rep", name="Other"),
        create("unit/sales", name="Other", businessUnit="west"),
        create(f"user/{ANA}"),
        create(f"user/{ANA.upper()}"),
        create(f"membership/sales/{ANA}"),
        create(f"grant/sales/{ANA}/manager"),
    ],
)
def test_what_exists_is_not_created_again(crm: Crm, step: Step) -> None:
    assert crm.refuses(step) == f"{step.address} exists already"


@pytest.mark.parametrize("address", ["unit/none", "role/none", f"membership/west/{ANA}", f"grant/sales/{ANA}/rep"])
def test_what_does_not_exist_is_neither_changed_nor_deleted(crm: Crm, address: Address) -> None:
    kind = address.partition("/")[0]
    after: dict[str, Json] = {"until": "2027-01-01"} if kind in {"membership", "grant"} else {"name": "New"}
    assert crm.refuses(update(address, {}, after)) == f"{address} does not exist"
    assert crm.refuses(delete(address)) == f"{address} does not exist"


def test_whoever_is_deactivated_is_given_nothing_new_and_keeps_what_there_is(crm: Crm) -> None:
    crm.do(update(f"user/{ANA}", {"active": True}, {"active": False}))
    assert crm.refuses(create(f"membership/west/{ANA}")) == f"{ANA} is deactivated and can be given nothing"
    assert crm.refuses(create(f"grant/sales/{ANA}/rep")) == f"{ANA} is deactivated and can be given nothing"
    assert f"grant/sales/{ANA}/manager" in crm.read().resources
    crm.do(delete(f"grant/sales/{ANA}/manager"), delete(f"membership/sales/{ANA}"))


def test_people_are_never_deleted(crm: Crm) -> None:
    assert crm.refuses(delete(f"user/{BO}")) == "people are deactivated, never deleted"


def test_logins_are_compared_without_case(crm: Crm) -> None:
    crm.do(create("user/Cy@Example.com", name="Cy"), create("membership/west/CY@example.com"))
    assert {"user/cy@example.com", "membership/west/cy@example.com"} <= crm.read().resources.keys()


def test_only_changed_fields_are_written_and_none_clears(crm: Crm) -> None:
    crm.do(
        update("unit/west", {"parent": "sales"}, {"parent": None}),
        update(f"membership/sales/{ANA}", {"until": "2027-03-31"}, {"until": None}),
        update("role/rep", {"functions": {"leads": "unit"}}, {"functions": {}}),
        update("function/leads", {"privileges": {}}, {"privileges": {"lead": ["assign"], "task": ["read"]}}),
    )
    live = crm.read().resources
    assert (live["unit/west"]["parent"], live["unit/west"]["name"]) == (None, "West")
    assert live[f"membership/sales/{ANA}"] == {"until": None, "reason": "cover"}
    assert (live["role/rep"]["functions"], live["role/rep"]["includes"]) == ({}, ["base"])
    assert live["function/leads"]["privileges"] == {"lead": ["assign", "create", "read"], "task": ["read"]}


def test_links_that_the_plan_did_not_see_stay(crm: Crm) -> None:
    """``before`` is what the plan saw; manager was attached meanwhile."""
    crm.do(update("unit/sales", {"roles": ["rep"]}, {"roles": ["manager", "rep"]}))
    crm.do(update("unit/sales", {"roles": ["rep"]}, {"roles": ["base"]}))
    assert crm.fields("unit/sales")["roles"] == ["base", "manager"]


def test_privileges_change_one_by_one(crm: Crm) -> None:
    before: Json = {"lead": {"read": "own"}}
    after: Json = {"lead": {"read": "subtree", "assign": "unit"}, "task": {"read": "none"}}
    crm.do(update("role/base", {"privileges": before}, {"privileges": after}))
    assert crm.fields("role/base")["privileges"] == after
    crm.do(update("role/base", {"privileges": after}, {"privileges": {"task": {"read": "own"}}}))
    assert crm.fields("role/base")["privileges"] == {"task": {"read": "own"}}


def test_a_new_key_keeps_everything_that_hangs_on_the_resource(crm: Crm) -> None:
    remote = crm.ids["unit/sales"]
    crm.do(update("unit/field", {"key": "sales"}, {"key": "field"}, remote))
    live = crm.read()
    assert live.ids["unit/field"] == remote
    assert live.resources["unit/west"]["parent"] == "field"
    assert {f"membership/field/{ANA}", f"grant/field/{ANA}/manager"} <= live.resources.keys()
    assert "unit/sales" not in live.resources


def test_a_key_that_is_taken_is_not_given_again(crm: Crm) -> None:
    step = update("unit/west", {"key": "sales"}, {"key": "west"}, crm.ids["unit/sales"])
    assert crm.refuses(step) == "the key of unit/west is taken"


def test_a_reference_under_todays_key_is_found_before_the_new_key_is_written(crm: Crm) -> None:
    """The plan speaks of unit/field; the CRM still calls it sales, but its id is known."""
    crm.ids["unit/field"] = crm.ids["unit/sales"]
    crm.do(create(f"membership/field/{BO}"), create("unit/x", name="X", businessUnit="west", parent="field"))
    live = crm.read().resources
    assert f"membership/sales/{BO}" in live
    assert live["unit/x"]["parent"] == "sales"


def test_what_a_remote_id_names_is_what_is_changed(crm: Crm) -> None:
    crm.do(
        update("unit/field", {"name": "Sales"}, {"name": "Field"}, crm.ids["unit/sales"]),
        delete(f"grant/field/{ANA}/manager", crm.ids[f"grant/sales/{ANA}/manager"]),
    )
    assert crm.fields("unit/sales")["name"] == "Field"
    assert f"grant/sales/{ANA}/manager" not in crm.read().resources


def test_no_more_than_the_licence_allows(open_crm: Open) -> None:
    with open_crm(seats=2) as crm:
        crm.do(create(f"user/{ANA}"), create(f"user/{BO}"), create("user/cy@example.com", active=False))
        assert crm.read().seats == (2, 2)
        assert crm.refuses(create("user/di@example.com")) == "no licence left"
        assert crm.refuses(update("user/cy@example.com", {"active": False}, {"active": True})) == "no licence left"
        crm.do(update(f"user/{ANA}", {"active": True}, {"active": False}))
        assert crm.read().seats == (1, 2)
        outcomes = crm.send(create("user/ed@example.com"), create("user/fi@example.com"))
        assert [one.status for one in outcomes] == [Status.APPLIED, Status.FAILED]


def test_a_call_is_for_one_kind_and_one_action(crm: Crm) -> None:
    batch = Batch(kind=Kind.ROLE, action=Action.CREATE, steps=(create("unit/x", businessUnit="west"),))
    (outcome,) = crm.adapter.apply(batch, crm.ids)
    assert outcome.status is Status.FAILED


def test_a_call_takes_no_more_than_its_limit(crm: Crm) -> None:
    outcomes = crm.send(*(create(f"user/u{number}@example.com") for number in range(1001)))
    assert {one.status for one in outcomes} == {Status.FAILED}
    assert len(crm.read().resources) == 12


def test_an_unknown_field_is_refused(crm: Crm) -> None:
    assert crm.refuses(create("role/x", colour="red")) == "a role has no field colour"


def test_an_unknown_scope_is_refused(crm: Crm) -> None:
    assert crm.refuses(create("role/x", privileges={"lead": {"read": "galaxy"}})) == "the scope galaxy is not known"


def test_each_step_of_a_call_has_its_own_outcome(crm: Crm) -> None:
    users = (ANA, BO)
    made = crm.send(*(create(f"membership/{unit}/{user}") for unit in ("west", "none") for user in users))
    assert [one.status for one in made] == [Status.APPLIED, Status.APPLIED, Status.FAILED, Status.FAILED]
    gone = crm.send(delete(f"membership/sales/{ANA}"), *(delete(f"membership/west/{user}") for user in users))
    assert [one.status for one in gone] == [Status.FAILED, Status.APPLIED, Status.APPLIED]


def test_only_the_users_of_interest_are_read_and_all_memberships(crm: Crm) -> None:
    live = crm.read(logins=frozenset({BO})).resources
    assert f"user/{BO}" in live
    assert f"user/{ANA}" not in live
    assert f"membership/sales/{ANA}" in live


def test_the_crm_says_who_changed_what(crm: Crm) -> None:
    changed = crm.read().changed
    assert changed["unit/sales"].by == "orgsync"
    assert changed[f"grant/sales/{ANA}/manager"].at.isoformat() == "2026-11-02T09:30:00+00:00"
