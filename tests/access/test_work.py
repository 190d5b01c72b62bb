"""How much is computed, counted and not timed: what is equal for many is computed once, however many they are."""

import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from types import FrameType
from typing import Any

import pytest

from orgsync.access import Access, compare, evaluate, roles, shifts
from orgsync.resources import Fields

TODAY = date(2026, 11, 1)
ROLES, UNITS, SETS = 200, 50, 400
State = dict[str, Fields]
_OBJECTS = ("lead", "case", "quote")


def company(assignments: int, *, wider: bool = False) -> State:
    """Everybody is in one unit, with one of ``SETS`` sets of roles; ``wider``: one role allows more."""
    state: State = {f"role/r{n}": _role(n, wider=wider and n == 0) for n in range(ROLES)}
    state |= {f"unit/u{n}": {"roles": [f"r{n}"], "parent": f"u{n // 2}" if n else None} for n in range(UNITS)}
    for n in range(assignments):
        unit, extra = f"u{n % UNITS}", UNITS + n % (SETS // 2)
        state[f"membership/{unit}/p{n}@x.org"] = {}
        state[f"grant/{unit}/p{n}@x.org/r{extra % ROLES}"] = {}
    return state


def _role(number: int, *, wider: bool) -> Fields:
    scope = "organization" if wider else ("own", "unit", "subtree")[number % 3]
    return {
        "includes": [f"r{number - 1}"] if number % 5 else [],
        "privileges": {thing: {"read": scope, "update": "own"} for thing in _OBJECTS},
    }


def counted(monkeypatch: pytest.MonkeyPatch) -> Counter[str]:
    """How often tables are put together, inclusions followed and holdings compared, from now on."""
    calls: Counter[str] = Counter()

    def count(owner: object, name: str) -> None:
        original = getattr(owner, name)

        def counting(*arguments: Any, **named: Any) -> Any:
            calls[name] += 1
            return original(*arguments, **named)

        monkeypatch.setattr(owner, name, counting)

    for owner, name in ((roles, "_highest"), (roles.Roles, "_follow"), (shifts, "_above"), (shifts.Sides, "_in_many")):
        count(owner, name)
    return calls


@contextmanager
def profiled() -> Iterator[Counter[str]]:
    """All calls of orgsync's own functions, by name."""
    calls: Counter[str] = Counter()

    def note(frame: FrameType, event: str, _: object) -> None:
        if event == "call" and "/orgsync/" in frame.f_code.co_filename:
            calls[frame.f_code.co_name] += 1

    before = sys.getprofile()
    sys.setprofile(note)
    try:
        yield calls
    finally:
        sys.setprofile(before)


def evaluated(assignments: int, *, wider: bool = False) -> Access:
    found = evaluate(company(assignments, wider=wider), today=TODAY)
    for holding in found.holdings.values():
        for _, held in holding:
            found.roles.held(held)
    return found


def test_equal_sets_of_roles_are_one_object_and_one_table(monkeypatch: pytest.MonkeyPatch) -> None:
    calls = counted(monkeypatch)
    found = evaluated(5_000)
    sets = {held for holding in found.holdings.values() for _, held in holding}
    objects = {id(held) for holding in found.holdings.values() for _, held in holding}
    assert len(found.holdings) == 5_000
    assert len(sets) == len(objects) <= SETS
    assert calls["_highest"] <= len(sets) + 2 * ROLES


def test_a_hundred_thousand_assignments_of_two_hundred_roles_take_no_table_more_than_a_thousand(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """And no comparison more; what grows is one pass over the assignments."""
    calls, work = counted(monkeypatch), list[Counter[str]]()
    for assignments in (1_000, 100_000):
        calls.clear()
        diff = compare(evaluated(assignments), evaluated(assignments, wider=True))
        assert diff.gaining == sum(map(gains, range(assignments))) > 0
        work.append(calls.copy())
    assert work[0] == work[1]
    assert 0 < work[1]["_highest"] <= 2 * (SETS + 2 * ROLES)


def gains(number: int) -> bool:
    """Whether this person holds the role that is wider now: r1 to r4 include r0, which u0 to u4 give."""
    return number % UNITS < 5 or (UNITS + number % (SETS // 2)) % ROLES < 5


def test_what_grows_grows_by_as_much_for_each_assignment() -> None:
    totals = []
    for assignments in (2_000, 4_000, 8_000):
        with profiled() as calls:
            compare(evaluated(assignments), evaluated(assignments, wider=True))
        totals.append(sum(calls.values()))
    first, second = totals[1] - totals[0], totals[2] - totals[1]
    assert second == pytest.approx(2 * first, rel=0.05)
