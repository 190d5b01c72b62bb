"""What a CRM takes by itself is given again, or removed first; freshness and the second plan cope."""

from orgsync.adapter import Scope
from orgsync.adapters.memory import MemoryCrm
from orgsync.apply import apply
from orgsync.change import Action, Effect, Status
from orgsync.diff import diff
from orgsync.effects import make_good
from orgsync.freshness import moved
from orgsync.order import order
from orgsync.resources import Fields
from tests.organizations import create, delete, snapshot, update, wanted
from tests.transitions import TODAY, Silent

MOVE = update("unit/u", {"businessUnit": "a"}, {"businessUnit": "b"})
GRANT = "grant/u/p@x/r"
DROPS = Effect(cause="unit/u", summary="it drops", drops=(GRANT,))
LIVE: dict[str, Fields] = {
    "business-unit/a": {"name": "A"},
    "business-unit/b": {"name": "B"},
    "role/r": {"name": "R"},
    "unit/u": {"name": "U", "businessUnit": "a"},
    "user/p@x": {},
    "membership/u/p@x": {},
    GRANT: {"until": "2027-01-01"},
}


def test_what_is_dropped_and_still_desired_is_given_again_after_the_cause() -> None:
    _, again = make_good([MOVE], [DROPS], {GRANT: {}}, LIVE)
    assert (again.id, again.action, again.after) == (GRANT, Action.CREATE, {"until": "2027-01-01"})
    assert (again.waits_for, again.reason) == (("unit/u",), "given again: it drops")


def test_what_is_dropped_and_not_managed_is_given_again_too() -> None:
    assert [change.id for change in make_good([MOVE], [DROPS], {}, LIVE)] == ["unit/u", GRANT]


def test_whoever_is_deactivated_is_given_nothing_again() -> None:
    live = {**LIVE, "user/p@x": {"active": False}}
    assert make_good([MOVE], [DROPS], {GRANT: {}}, live) == [MOVE]
    change = update(GRANT, {"until": "2027-01-01"}, {"until": None})
    assert make_good([MOVE, change], [DROPS], {GRANT: {"until": None}}, live) == [MOVE]
    assert make_good([MOVE, delete(GRANT)], [DROPS], {}, live)[1].action is Action.DELETE


def test_what_is_removed_anyway_goes_before_the_cause() -> None:
    cause, removal = make_good([MOVE, delete(GRANT)], [DROPS], {}, LIVE)
    assert (cause.waits_for, removal.action, removal.waits_for) == ((GRANT,), Action.DELETE, ())


def test_a_change_of_what_is_dropped_becomes_its_new_beginning() -> None:
    change = update(GRANT, {"until": "2027-01-01"}, {"until": None})
    _, again = make_good([MOVE, change], [DROPS], {GRANT: {"until": None}}, LIVE)
    assert (again.action, again.after, again.waits_for) == (Action.CREATE, {"until": None}, ("unit/u",))


def test_what_two_causes_drop_waits_for_both() -> None:
    other = update("user/p@x", {"name": "P"}, {"name": "Q"})
    effects = [DROPS, Effect(cause="user/p@x", summary="it drops too", drops=(GRANT,))]
    again = make_good([MOVE, other], effects, {GRANT: {}}, LIVE)[-1]
    assert again.waits_for == ("unit/u", "user/p@x")


def test_what_is_gone_already_is_left_to_the_diff() -> None:
    assert make_good([MOVE], [DROPS], {GRANT: {}}, {}) == [MOVE]
    fresh = create(GRANT)
    assert make_good([MOVE, fresh], [DROPS], {GRANT: {}}, {})[1].waits_for == ("unit/u",)


def test_effects_that_drop_nothing_change_nothing() -> None:
    assert make_good([MOVE], [Effect(cause="unit/u", summary="a mail is sent")], {}, LIVE) == [MOVE]


def test_freshness_lets_what_will_be_dropped_be_there_and_nothing_else() -> None:
    again = create(GRANT)
    live = snapshot(LIVE)
    assert moved([again], live, frozenset({GRANT})) == []
    assert moved([again], live, frozenset()) == [f"{GRANT} exists by now"]


def test_a_crm_that_drops_grants_ends_as_declared_in_one_apply() -> None:
    crm = MemoryCrm(resources=LIVE, drops_grants_on_move=True)
    adapter = crm.adapter()
    live = adapter.read(Scope())
    desired = wanted({**LIVE, "unit/u": {"name": "U", "businessUnit": "b"}})
    changes = diff(desired, live, {}, today=TODAY)
    effects = adapter.effects(changes, live)
    planned = order(make_good(changes, effects, desired.resources, live.resources), live.resources, crm.capabilities)
    assert moved(planned, adapter.read(Scope()), frozenset({GRANT})) == []
    outcomes = apply(planned, adapter, live.ids, Silent())
    assert [one.status for one in outcomes] == [Status.APPLIED] * 2
    assert diff(desired, adapter.read(Scope()), {}, today=TODAY) == []
