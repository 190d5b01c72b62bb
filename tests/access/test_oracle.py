"""Two evaluators that share nothing agree on thousands of organizations, and on what differs between any two."""

from collections import defaultdict
from datetime import date
from itertools import pairwise

from hypothesis import given, settings

from orgsync.access import Access, allowances, compare, evaluate, who_can
from orgsync.access.shifts import Sides
from orgsync.access.values import LEVELS
from tests.access import generated, oracle
from tests.access.generated import TODAY, State

MANY = settings(max_examples=500, deadline=None)
Unknown = frozenset[str]


def access(state: State, unknown: Unknown) -> Access:
    return evaluate(state, today=date.fromisoformat(TODAY), unknown=unknown)


@MANY
@given(generated.states(), generated.unknowns)
def test_what_a_user_reaches_is_what_the_oracle_finds(state: State, unknown: Unknown) -> None:
    found, parents = access(state, unknown), oracle.parents_of(state, {})
    for user in oracle.users_of(state):
        mine = {(one.object, one.action): one for one in allowances(found, user)}
        covered = oracle.coverage(state, user, TODAY, parents, unknown)
        granted = list(oracle.granted(state, user, TODAY, unknown))
        assert mine.keys() == covered.keys()
        for privilege, one in mine.items():
            reached = [oracle.places(scope, unit, parents) for scope, unit in one.reaches]
            assert set().union(*reached) == covered[privilege]
            assert one.scope == oracle.highest(scope for p, scope, _ in granted if p == privilege)
            for left in range(len(reached)):
                assert not reached[left] <= set().union(*reached[:left], *reached[left + 1 :]) or len(reached) == 1


@MANY
@given(generated.states(), generated.unknowns)
def test_the_paths_are_there_and_lead_to_what_the_oracle_grants(state: State, unknown: Unknown) -> None:
    found = access(state, unknown)
    for user in oracle.users_of(state):
        granted = {one for one in oracle.granted(state, user, TODAY, unknown) if one[1] != "none"}
        told = set()
        for one in allowances(found, user):
            for path in one.paths:
                told.add(((one.object, one.action), path.scope, path.unit or "-"))
                follow(state, user, list(path.steps))
        assert told == granted


def follow(state: State, user: str, steps: list[str]) -> None:
    """Every step is there (but for what nobody knows) and refers to the next."""
    assert steps[0] == f"user/{user}"
    assert steps[1] in state
    roles = [step.removeprefix("role/") for step in steps if step.startswith("role/")]
    for one, other in pairwise(roles):
        assert other in oracle._listed(state[f"role/{one}"]["includes"])
    if steps[1].startswith("grant/"):
        assert steps[1].endswith(f"/{user}/{roles[0]}")
    else:
        assert roles[0] in oracle._listed(state[steps[2]]["roles"])
    if steps[-1].startswith("function/"):
        assert steps[-1].removeprefix("function/") in oracle._mapped(state[f"role/{roles[-1]}"]["functions"])


@MANY
@given(generated.states(), generated.unknowns)
def test_who_can_finds_whoever_reaches_a_unit(state: State, unknown: Unknown) -> None:
    found, parents = access(state, unknown), oracle.parents_of(state, {})
    privilege = ("case", "read")
    for unit in generated.UNITS:
        told = {one.user for one in who_can(found, privilege, scope="unit", unit=unit) if one.object != "?"}
        for user in oracle.users_of(state):
            here = {
                place
                for p, scope, at in oracle.granted(state, user, TODAY, unknown)
                if p == privilege and LEVELS.index(scope) >= LEVELS.index("unit")
                for place in oracle.places(scope, unit if at == "-" else at, {**parents, unit: parents.get(unit)})
            }
            assert (user in told) == (("in", unit) in here)


@MANY
@given(generated.pairs(), generated.unknowns)
def test_gains_and_losses_are_what_the_oracle_finds(pair: tuple[State, State], unknown: Unknown) -> None:
    before, after = pair
    sides = Sides(access(before, unknown), access(after, unknown))
    had_in, has_in = oracle.parents_of(before, after), oracle.parents_of(after, before)
    for user in oracle.users_of(before) | oracle.users_of(after):
        had = oracle.coverage(before, user, TODAY, had_in, unknown)
        has = oracle.coverage(after, user, TODAY, has_in, unknown)
        holdings = sides.before.holdings.get(user, ()), sides.after.holdings.get(user, ())
        told: dict[bool, dict[tuple[str, str], set[oracle.Place]]] = {True: defaultdict(set), False: defaultdict(set)}
        for sentence, units in sides.said(*holdings) if any(holdings) else ():
            for thing, action, level, _, over in sentence.turns:
                reached = [
                    oracle.places(LEVELS[level], unit, has_in if sentence.gain else had_in)
                    for unit in ([over] if over else units)
                ]
                told[sentence.gain][thing, action].update(*reached)
        for gain, one, other in ((True, has, had), (False, had, has)):
            expected = {p: new for p, places in one.items() if (new := places - other.get(p, set()))}
            assert {p: places - other.get(p, set()) for p, places in told[gain].items()} == expected


@MANY
@given(generated.pairs(), generated.unknowns)
def test_the_way_back_is_the_way_there_with_gains_and_losses_exchanged(
    pair: tuple[State, State], unknown: Unknown
) -> None:
    one, other = (access(state, unknown) for state in pair)
    there, back = compare(one, other), compare(other, one)
    assert (there.gaining, there.losing) == (back.losing, back.gaining)
    assert sorted((str(group.privileges), group.users) for group in there.groups if group.gain) == sorted(
        (str(group.privileges), group.users) for group in back.groups if not group.gain
    )
    assert compare(one, one).empty
