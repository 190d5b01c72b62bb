"""What effective access means, one sentence each; that it is computed right is the oracle's business."""

from collections.abc import Mapping
from datetime import date
from typing import Any

import pytest

from orgsync.access import (
    NO_ACCESS,
    Access,
    Limits,
    allowances,
    compare,
    evaluate,
    from_json,
    to_json,
    who_can,
)
from orgsync.resources import Fields

TODAY = date(2026, 11, 1)
ANA, BOB = "ana@example.com", "bob@example.com"
STATE: Mapping[str, Fields] = {
    "function/cases": {"privileges": {"case": ["read", "update"]}},
    "role/agent": {"functions": {"cases": "unit"}, "privileges": {"case": {"export": "none", "read": "own"}}},
    "role/lead": {"includes": ["agent"], "privileges": {"case": {"delete": "subtree"}}},
    "unit/emea": {"roles": ["agent"], "name": "EMEA"},
    "unit/de": {"parent": "emea", "roles": [], "name": "Germany"},
    "membership/emea/ana@example.com": {},
    "grant/emea/ana@example.com/lead": {},
    "membership/de/bob@example.com": {},
}


def access(changed: Mapping[str, Fields | None] | None = None, **more: Any) -> Access:
    state = {**STATE, **(changed or {})}
    return evaluate({a: f for a, f in state.items() if f is not None}, today=TODAY, **more)


def scopes(found: Access, user: str) -> dict[str, str]:
    return {f"{one.object}:{one.action}": one.scope for one in allowances(found, user)}


def test_unit_roles_grants_inclusions_and_functions_add_up_to_the_highest_scope() -> None:
    assert scopes(access(), ANA) == {"case:delete": "subtree", "case:read": "unit", "case:update": "unit"}
    assert scopes(access(), BOB) == {}


def test_a_path_names_every_step_from_the_user_to_the_function() -> None:
    (one,) = allowances(access(), ANA, ("case", "update"))
    assert [path.steps for path in one.paths] == [
        (f"user/{ANA}", f"membership/emea/{ANA}", "unit/emea", "role/agent", "function/cases"),
        (f"user/{ANA}", f"grant/emea/{ANA}/lead", "unit/emea", "role/lead", "role/agent", "function/cases"),
    ]


@pytest.mark.parametrize(("until", "lasts"), [("2026-10-31", False), ("2026-11-01", True), (None, True)])
def test_an_assignment_lasts_until_its_last_day_is_over(until: str | None, *, lasts: bool) -> None:
    assert bool(scopes(access({f"membership/emea/{ANA}": {"until": until}}), ANA)) is lasts


def test_who_is_deactivated_can_do_nothing() -> None:
    assert scopes(access({f"user/{ANA}": {"active": False}}), ANA) == {}
    assert scopes(access({f"user/{ANA}": {"active": None}}), ANA) != {}


def test_a_grant_without_a_unit_counts_wherever_the_user_is_a_member() -> None:
    found = access({f"grant/-/{BOB}/agent": {}})
    (one,) = [one for one in allowances(found, BOB) if one.action == "read"]
    assert one.reaches == (("unit", "de"),)
    alone = access({f"grant/-/{BOB}/agent": {}, f"membership/de/{BOB}": None})
    assert [one.reaches for one in allowances(alone, BOB, ("case", "read"))] == [(("unit", "-"),)]


@pytest.mark.parametrize("how", [{"unknown": frozenset({"role/agent"})}, {}])
def test_what_a_role_of_the_crm_s_own_allows_is_said_to_be_unknown(how: dict[str, Any]) -> None:
    found = access({} if how else {"role/agent": None}, **how)
    assert scopes(found, ANA) == {"?:agent": "unknown", "case:delete": "subtree"}
    told = [(one.user, one.scope) for one in who_can(found, ("case", "read"), unit="de")]
    assert told == [(ANA, "unknown")]


def test_where_the_crm_does_not_tell_contents_are_those_that_were_declared() -> None:
    contents = {"role/agent": {"privileges": {"case": {"read": "organization"}}}}
    assert scopes(access({"role/agent": {}}, contents=contents), ANA)["case:read"] == "organization"


@pytest.mark.parametrize(
    ("unit", "scope", "found"),
    [("de", "own", [ANA]), ("emea", "own", [ANA]), ("de", "organization", []), ("emea", "subtree", [ANA])],
)
def test_who_can_asks_how_far_and_where(unit: str, scope: str, found: list[str]) -> None:
    assert [one.user for one in who_can(access(), ("case", "delete"), scope=scope, unit=unit)] == found


def test_what_counts_in_one_unit_does_not_in_another() -> None:
    assert who_can(access(), ("case", "read"), unit="de") == []
    assert [one.user for one in who_can(access(), ("case", "read"), unit="emea")] == [ANA]


def changes(changed: Mapping[str, Fields | None], **more: Any) -> list[tuple[object, ...]]:
    found = compare(access(), access(changed), **more)
    return [
        (one.gain, one.users, one.roles, *((p.action, p.other, p.scope, p.over) for p in one.privileges))
        for one in found.groups
    ]


def test_a_wider_scope_is_a_gain_and_not_a_loss() -> None:
    wider: dict[str, Fields | None] = {
        "role/lead": {"includes": ["agent"], "privileges": {"case": {"delete": "organization"}}}
    }
    assert changes(wider) == [(True, (ANA,), ("lead",), ("delete", "subtree", "organization", ""))]


def test_a_role_that_was_held_through_another_one_already_gives_nothing_new() -> None:
    assert changes({f"grant/emea/{ANA}/agent": {}}) == []


def test_a_unit_that_moves_is_reached_by_whoever_reaches_what_it_moves_below() -> None:
    assert changes({"unit/de": {"parent": None}}) == [
        (False, (ANA,), ("lead",), ("delete", "subtree", "subtree", "de"))
    ]


def test_a_new_unit_below_gives_nobody_anything() -> None:
    assert changes({"unit/fr": {"parent": "emea"}}) == []
    assert changes({"unit/fr": {"parent": "emea"}, f"membership/fr/{ANA}": {}, f"grant/fr/{ANA}/lead": {}})[0][2:] == (
        ("lead",),
        ("read", "unit", "unit", ""),
        ("update", "unit", "unit", ""),
    )


def test_whoever_changes_units_loses_the_one_and_gains_the_other() -> None:
    moved: dict[str, Fields | None] = {
        f"membership/emea/{ANA}": None,
        f"grant/emea/{ANA}/lead": None,
        f"membership/de/{ANA}": {},
    }
    found = changes({**moved, f"grant/de/{ANA}/agent": {}})
    assert [(one[0], one[2]) for one in found] == [(True, ("agent",)), (False, ("lead",))]


def test_causes_are_the_changes_of_the_people_or_of_the_role_that_they_share() -> None:
    touched = {"function/cases": "function/cases", f"grant/de/{BOB}/agent": "theirs", f"user/{BOB}": "u"}
    wider: dict[str, Fields | None] = {"function/cases": {"privileges": {"case": ["read", "update", "close"]}}}
    found = compare(access(), access({**wider, f"grant/de/{BOB}/agent": {}}), touched=touched.get)
    assert {one.users: one.causes for one in found.groups} == {(ANA,): ("function/cases",), (BOB,): ("theirs",)}


def test_privileged_gains_come_first_and_are_counted() -> None:
    more: dict[str, Fields | None] = {f"grant/de/{BOB}/lead": {}, "grant/emea/bo@example.com/agent": {}}
    found = compare(access(), access(more), strong=frozenset({"lead"}))
    assert [(one.privileged, one.users) for one in found.groups] == [(True, (BOB,)), (False, ("bo@example.com",))]
    assert (found.gaining, found.losing, found.privileged) == (2, 0, 1)


def test_what_is_not_listed_is_counted() -> None:
    people: dict[str, Fields | None] = {f"grant/u{n % 9}/p{n:02}@example.com/lead": {} for n in range(40)}
    found = compare(access(), access(people), limits=Limits(groups=1, users=3, privileges=1, units=2))
    (one,) = found.groups
    assert (one.user_count, one.unit_count, one.privilege_count) == (40, 9, 3)
    assert (len(one.users), len(one.units), [p.scope for p in one.privileges]) == (3, 2, ["subtree"])
    everybody = {**people, f"grant/de/{BOB}/agent": {}}
    assert compare(access(), access(everybody), limits=Limits(groups=1)).more_gains == 1
    assert compare(access(everybody), access(), limits=Limits(groups=1)).more_losses == 1


def test_a_ring_of_units_or_of_roles_ends() -> None:
    ring: dict[str, Fields | None] = {
        "unit/emea": {"parent": "de", "roles": ["lead"]},
        "role/agent": {"includes": ["lead"]},
    }
    assert scopes(access(ring), ANA) == {"case:delete": "subtree"}


def test_a_word_for_a_scope_that_nobody_knows_counts_as_the_widest() -> None:
    assert (
        scopes(access({"role/agent": {"privileges": {"case": {"read": "galaxy"}}}}), ANA)["case:read"] == "organization"
    )


def test_a_diff_survives_json() -> None:
    found = compare(access(), access({f"grant/de/{BOB}/lead": {}}), strong=frozenset({"lead"}))
    assert from_json(to_json(found)) == found
    assert from_json(to_json(NO_ACCESS)) == NO_ACCESS
