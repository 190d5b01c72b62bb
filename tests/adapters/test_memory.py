"""What only the CRM in memory can do: refuse on request, drop grants, be smaller, be copied."""

from collections.abc import Mapping

import pytest

from orgsync.adapter import Foreign, Scope
from orgsync.adapters.memory import FLAT, FULL, ROLES_BY_NAME, MemoryCrm
from orgsync.change import Action, Batch, Change, Status
from orgsync.errors import ReadOnly
from orgsync.resources import Address, Fields, Kind
from tests.adapters.crms import ANA, BO, Crm, create, delete, update

SALES: Mapping[Address, Fields] = {
    "business-unit/b": {"name": "B"},
    "business-unit/c": {"name": "C"},
    "role/rep": {"name": "Rep"},
    "unit/sales": {"name": "Sales", "businessUnit": "b", "roles": ["rep"]},
    f"user/{ANA}": {},
    f"membership/sales/{ANA}": {},
    f"grant/sales/{ANA}/rep": {},
}
MOVE = Change(address="unit/sales", action=Action.UPDATE, before={"businessUnit": "b"}, after={"businessUnit": "c"})


def test_it_begins_with_what_it_is_given() -> None:
    live = MemoryCrm(SALES).adapter().read(Scope())
    assert live.resources.keys() == SALES.keys()
    assert live.resources[f"membership/sales/{ANA}"] == {"until": None, "reason": None}
    assert len(set(live.ids.values())) == len(SALES)


def test_every_call_is_recorded() -> None:
    crm = MemoryCrm(SALES)
    own = Crm(crm.adapter())
    own.read()
    own.do(create(f"user/{BO}"))
    scope, batch = crm.calls
    assert isinstance(scope, Scope)
    assert isinstance(batch, Batch)
    assert batch.steps[0].address == f"user/{BO}"


def test_a_step_is_refused_as_long_as_it_is_asked_for() -> None:
    crm = MemoryCrm(SALES, refuse=frozenset({f"user/{BO}"}))
    own = Crm(crm.adapter())
    for _ in range(2):
        assert own.refuses(create(f"user/{BO}")) == "the administrator does not allow this"
    crm.refuse = frozenset()
    own.do(create(f"user/{BO}"))


def test_a_step_is_refused_once() -> None:
    own = Crm(MemoryCrm(SALES, refuse_once=frozenset({f"user/{BO}"})).adapter())
    own.refuses(create(f"user/{BO}"))
    own.do(create(f"user/{BO}"))


def test_a_copy_leads_a_life_of_its_own() -> None:
    first = MemoryCrm(SALES)
    second = first.copy()
    Crm(second.adapter()).do(delete(f"grant/sales/{ANA}/rep"), update("unit/sales", {}, {"name": "New"}))
    assert first.adapter().read(Scope()).resources["unit/sales"]["name"] == "Sales"
    assert f"grant/sales/{ANA}/rep" in first.resources
    assert len(first.calls) == 1


def test_moving_a_unit_drops_its_grants_and_the_effect_is_declared() -> None:
    crm = MemoryCrm(SALES, drops_grants_on_move=True)
    adapter = crm.adapter()
    (effect,) = adapter.effects([MOVE], adapter.read(Scope()))
    assert (effect.cause, effect.drops) == ("unit/sales", (f"grant/sales/{ANA}/rep",))
    Crm(adapter).do(update("unit/sales", {"businessUnit": "b"}, {"businessUnit": "c"}))
    assert crm.resources.keys() == SALES.keys() - {f"grant/sales/{ANA}/rep"}
    Crm(adapter).do(create(f"grant/sales/{ANA}/rep"))


def test_without_the_effect_grants_stay() -> None:
    crm = MemoryCrm(SALES)
    assert crm.adapter().effects([MOVE], crm.adapter().read(Scope())) == ()
    Crm(crm.adapter()).do(update("unit/sales", {"businessUnit": "b"}, {"businessUnit": "c"}))
    assert f"grant/sales/{ANA}/rep" in crm.resources


def test_the_batch_limit_can_be_set() -> None:
    own = Crm(MemoryCrm(SALES, max_batch=1).adapter())
    assert own.adapter.capabilities.of(Kind.USER).max_batch == 1
    outcomes = own.send(create(f"user/{BO}"), create("user/cy@example.com"))
    assert [one.detail for one in outcomes] == ["too many records in one call"] * 2


def test_reading_only_means_reading_only() -> None:
    adapter = MemoryCrm(SALES).adapter(writable=False)
    with pytest.raises(ReadOnly):
        adapter.apply(Batch(kind=Kind.USER, action=Action.CREATE, steps=(create(f"user/{BO}"),)), {})


def test_a_flat_crm_has_no_place_for_hierarchy_functions_and_wide_scopes() -> None:
    own = Crm(MemoryCrm(capabilities=FLAT).adapter())
    own.do(
        create("business-unit/b", name="B"),
        create("role/rep", name="Rep", privileges={"lead": {"read": "organization"}}),
        create("unit/sales", name="Sales", businessUnit="b"),
        create(f"user/{ANA}"),
        create(f"membership/sales/{ANA}"),
        create(f"grant/-/{ANA}/rep", until="2027-01-01"),
    )
    assert own.refuses(create("unit/x", businessUnit="b", parent="sales")) == "a unit has no field parent"
    assert own.refuses(create("function/x", name="X")) == "no create of a function"
    assert own.refuses(create("role/x", privileges={"lead": {"read": "subtree"}})) == "the scope subtree is not known"
    assert own.refuses(create("role/x", privileges={"lead": {"share": "own"}})) == "the action share is not known"
    assert own.refuses(create(f"grant/sales/{ANA}/rep")) == "a role is granted to a user"
    assert own.fields("unit/sales").keys() == FLAT.of(Kind.UNIT).fields


def test_where_roles_are_made_elsewhere_they_are_only_granted() -> None:
    start: Mapping[Address, Fields] = {"role/seat": {"name": "Seat"}, f"user/{ANA}": {}, f"user/{BO}": {}}
    own = Crm(MemoryCrm(start, capabilities=ROLES_BY_NAME).adapter())
    own.do(create(f"grant/-/{ANA}/seat"))
    assert own.refuses(create("role/x", name="X")) == "no create of a role"


def test_everything_that_can_be_declared_can_be_stored() -> None:
    assert set(FULL.kinds) == set(Kind)
    assert Action.DELETE not in FULL.of(Kind.USER).actions


def test_foreign_things_hold_their_names_and_are_never_changed() -> None:
    crm = MemoryCrm(SALES, foreign=[Foreign(kind=Kind.UNIT, id="f7", name="Theirs")])
    own = Crm(crm.adapter())
    live = own.read()
    assert [(thing.kind, thing.id, thing.name) for thing in live.foreign] == [(Kind.UNIT, "f7", "Theirs")]
    assert live.resources.keys() == SALES.keys()
    assert own.refuses(create("unit/x", name="Theirs", businessUnit="b")) == 'another unit is named "Theirs"'
    assert own.refuses(update("unit/x", {}, {"name": "Ours"}, "f7")) == "unit/x is not orgsync's to change"
    own.do(update("unit/sales", {"parent": None}, {"parent": "foreign:f7"}))
    assert own.fields("unit/sales")["parent"] == "foreign:f7"


def test_a_bound_role_is_the_foreign_one_with_that_name() -> None:
    crm = MemoryCrm(SALES, foreign=[Foreign(kind=Kind.ROLE, id="f9", name="Seat")])
    own = Crm(crm.adapter())
    bound = {"role/seat": "Seat", "role/none": "Nothing"}
    live = own.read(bound=bound)
    assert live.resources["role/seat"]["name"] == "Seat"
    assert live.ids["role/seat"] == "f9"
    assert live.foreign == []
    own.ids.update(live.ids)
    own.do(create(f"grant/sales/{ANA}/seat"), update("unit/sales", {"roles": ["rep"]}, {"roles": ["rep", "seat"]}))
    again = own.read(bound=bound).resources
    assert f"grant/sales/{ANA}/seat" in again
    assert again["unit/sales"]["roles"] == ["rep", "seat"]
    unbound = own.read().resources
    assert unbound.keys() == SALES.keys()
    assert unbound["unit/sales"]["roles"] == ["rep"]


def test_of_two_units_with_grants_only_the_one_that_moves_loses_them() -> None:
    start = {**SALES, "unit/west": {"name": "West", "businessUnit": "c"}, f"membership/west/{ANA}": {}}
    crm = MemoryCrm({**start, f"grant/west/{ANA}/rep": {}}, drops_grants_on_move=True)
    (outcome,) = Crm(crm.adapter()).send(update("unit/sales", {"businessUnit": "b"}, {"businessUnit": "c"}))
    assert outcome.status is Status.APPLIED
    assert f"grant/west/{ANA}/rep" in crm.resources
