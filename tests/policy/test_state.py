"""An organization as policies look at it; the cost of looking."""

import cProfile
import pstats
from datetime import date
from pathlib import Path

import pytest

from bench.generate import generate
from bench.write import write_repository
from orgsync.access import already, evaluate
from orgsync.pipeline import validate
from orgsync.policy import Terms, broken, live_state, settle
from orgsync.policy.forms import depths
from orgsync.policy.state import State, named_of
from orgsync.resources import Fields, Kind
from orgsync.settings.policies import matcher
from orgsync.settings.values import Policies
from orgsync.watch import Timings
from tests.policy.test_waivers import where
from tests.stated import policies as policies_of

TODAY = date(2026, 11, 1)


def state_of(resources: dict[str, Fields]) -> State:
    access = evaluate(resources, today=TODAY)
    return State(resources=resources, evaluated=lambda: access, named=named_of(resources), today=TODAY)


def test_what_a_crm_does_not_store_of_roles_is_as_declared() -> None:
    """A CRM that knows names and grants alone is still held to separation of duties."""
    live: dict[str, Fields] = {
        "role/payer": {"name": "Payer"},
        "role/both": {"name": "Both"},
        "membership/sales/ana@example.com": {},
        "grant/sales/ana@example.com/both": {},
    }
    stated: dict[str, Fields] = {
        "role/payer": {"name": "Payer", "conflictsWith": ["approver"]},
        "role/approver": {"name": "Approver"},
        "role/both": {"name": "Both", "includes": ["approver", "payer"]},
        "role/gone": {"name": "Gone", "holders": {"min": 1}},
    }
    state = live_state(live, stated, contents={}, unknown=frozenset(), today=TODAY)
    assert [one.detail for one in broken(state, Policies())] == ["ana@example.com holds both approver and payer"]


@pytest.mark.parametrize("messy", [False, True])
def test_whoever_read_the_files_knows_who_holds_what_as_well_as_whoever_evaluates_it(
    tmp_path: Path,
    messy: bool,  # noqa: FBT001
) -> None:
    write_repository(generate(1_000, messy=messy), tmp_path, per_file=100, messy=messy, seed=1)
    desired = validate(tmp_path, today=TODAY, watch=Timings()).desired
    known = already(desired.resources, desired.holdings(), today=TODAY, named=desired.named)
    evaluated = evaluate(desired.resources, today=TODAY)
    assert len(evaluated.holdings) > 50
    assert known.holdings == evaluated.holdings
    assert known.forest == evaluated.forest


def test_a_grant_that_knows_no_unit_counts_as_well() -> None:
    live: dict[str, Fields] = {
        "role/payer": {"conflictsWith": ["approver"]},
        "role/approver": {},
        "role/boss": {"privileged": True},
        "grant/-/ana@example.com/payer": {},
        "grant/-/ana@example.com/approver": {},
        "grant/-/ben@example.com/boss": {},
    }
    state = live_state(live, {}, contents={}, unknown=frozenset(), today=TODAY)
    assert sorted(one.code for one in broken(state, Policies())) == ["conflicting-roles", "privileged-without-terms"]
    agreed = live_state(
        live, {}, contents={}, unknown=frozenset(), today=TODAY, agreed=frozenset({("ben@example.com", "boss")})
    )
    assert [one.code for one in broken(agreed, Policies())] == ["conflicting-roles"]


@pytest.mark.parametrize(
    ("parents", "levels"),
    [
        ({"a": None, "b": "a", "c": "b", "d": "a"}, {"a": 1, "b": 2, "c": 3, "d": 2}),
        ({"c": "b", "b": "a", "a": None}, {"a": 1, "b": 2, "c": 3}),
        ({"a": "gone"}, {"a": 1}),
        ({"a": "b", "b": "a", "c": "a", "d": None}, {"d": 1}),
        ({"a": "a"}, {}),
    ],
)
def test_levels_are_counted_from_the_top_and_a_ring_has_none(
    parents: dict[str, str | None], levels: dict[str, int]
) -> None:
    state = state_of({f"unit/{key}": {"parent": parent} for key, parent in parents.items()})
    assert depths(state, Kind.UNIT) == levels


def test_ten_thousand_levels_are_counted_once_each() -> None:
    chain: dict[str, Fields] = {f"unit/u{n}": {"parent": f"u{n - 1}"} for n in reversed(range(10_000))}
    assert max(depths(state_of(chain), Kind.UNIT).values()) == 10_000


@pytest.mark.parametrize(
    ("pattern", "text", "fits"),
    [
        ("[a-z]+", "sales", True),
        ("[a-z]+", "sales-3", False),
        ("a|b", "ab", False),
        ("a|b", "b", True),
        ("sales.*", "sales\nteam", False),
        ("sales", "sales\n", False),
        ("(a+)+b", "a" * 63, False),
        ("(?i)sales", "SALES", True),
    ],
)
def test_a_pattern_matches_the_whole_and_in_linear_time(pattern: str, text: str, fits: bool) -> None:  # noqa: FBT001
    assert matcher(pattern)(text) is fits


EVERYTHING = policies_of(
    {
        "mailDomains": ["example.com"],
        "depth": {"units": "5"},
        "longestUntil": {"assignment": "730d", "privileged": "180d"},
        "names": {"unit": {"key": ".*", "name": ".*"}, "role": {"key": ".*"}},
    }
)


def organization(people: int) -> dict[str, Fields]:
    """One assignment each, in units of twenty, with the same forty roles whatever the size."""
    found: dict[str, Fields] = {
        f"role/r{n}": {"name": f"R{n}", "includes": [f"r{n + 1}"] if n % 4 else [], "privileged": n == 0}
        for n in range(40)
    }
    found["role/r1"] = {**found["role/r1"], "conflictsWith": ["r9", "r13"], "holders": {"max": people}}
    for number in range(people):
        unit, user = f"u{number // 20}", f"p{number}@example.com"
        found.setdefault(f"unit/{unit}", {"name": unit, "roles": [f"r{4 + number % 3}"]})
        found[f"membership/{unit}/{user}"] = {"until": "2027-01-31"} if number % 10 == 0 else {}
        found[f"grant/{unit}/{user}/r{20 + number % 12}"] = {}
    return found


def calls(people: int) -> int:
    resources = organization(people)
    watch = cProfile.Profile()
    watch.enable()
    state = state_of(resources)
    told, _ = settle(broken(state, EVERYTHING), Terms(policies=EVERYTHING, today=TODAY, where=where))
    watch.disable()
    assert told == []
    return int(pstats.Stats(watch).total_calls)  # type: ignore[attr-defined]


def test_the_cost_grows_with_the_assignments_and_no_faster() -> None:
    """Counted in calls, which are the same on every machine: at eight times the size no more than as many for each."""
    small, large = calls(1_000), calls(8_000)
    assert large < 8.4 * small
    assert large / 8_000 < 70
