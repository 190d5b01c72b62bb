"""Guards and prune: what must not simply happen does not, and each override silences one guard alone."""

from collections.abc import Collection, Sequence
from dataclasses import replace
from typing import Any

import pytest

from orgsync.adapter import Capabilities, Foreign
from orgsync.adapters.memory import FULL, ROLES_BY_NAME
from orgsync.change import Action, Change, Effect
from orgsync.diff import diff
from orgsync.plan import Guard, violations
from orgsync.resources import KEY, NO_FIELDS, Fields, Kind
from orgsync.safety import guard, names_taken, rings, risky, withhold
from orgsync.settings import Safety
from tests import stated
from tests.organizations import State, company, create, delete, snapshot, update, wanted
from tests.transitions import TODAY

EVERYTHING = frozenset(Kind)
PEOPLE = frozenset({Kind.MEMBERSHIP, Kind.GRANT})
ADMIN: Fields = {"privileged": True, "includes": []}


def safety(**limits: Any) -> Safety:
    return stated.safety(limits)


def limit(share: int, count: int) -> dict[str, str]:
    return {"share": f"{share}%", "count": str(count)}


def guards(
    changes: Sequence[Change],
    live: State,
    settings: Safety | None = None,
    *,
    withheld: Sequence[Change] = (),
    desired: State | None = None,
    declared: State | None = None,
    earlier: Collection[str] = (),
    accepted: frozenset[str] = frozenset(),
) -> dict[str, Guard]:
    found = guard(
        changes,
        withheld,
        snapshot(live),
        wanted({"unit/u": NO_FIELDS} if desired is None else desired),
        settings or Safety(),
        declared=declared or {},
        earlier=earlier,
        accepted=accepted,
    )
    return {one.name: one for one in found}


def violated(*arguments: Any, **more: Any) -> set[str]:
    return {name for name, one in guards(*arguments, **more).items() if one.violated}


def leaving(live: State, count: int, kind: str = "membership") -> list[Change]:
    return [delete(address) for address in live if address.startswith(f"{kind}/")][:count]


LOOSE = {"group": limit(100, 10_000), "shrink": "100%"}


@pytest.mark.parametrize(("count", "refused"), [(49, False), (50, False), (51, True)])
def test_removals_are_counted_at_just_under_and_just_over_their_number(count: int, refused: bool) -> None:  # noqa: FBT001
    live = company(1000)
    found = guards(leaving(live, count), live, safety(removals=limit(100, 50), **LOOSE))
    assert found["membership-removals"].violated is refused
    assert found["membership-removals"].text == f"removals {count} of 1000 memberships (limit 100%, at most 50)"


@pytest.mark.parametrize(("count", "refused"), [(9, False), (10, False), (11, True)])
def test_removals_are_measured_at_just_under_and_just_over_their_share(count: int, refused: bool) -> None:  # noqa: FBT001
    live = company(40)
    assert ("membership-removals" in violated(leaving(live, count), live, safety(**LOOSE))) is refused


@pytest.mark.parametrize(("count", "refused"), [(2, False), (3, False), (4, True)])
def test_a_share_is_looked_at_only_above_the_allowance(count: int, refused: bool) -> None:  # noqa: FBT001
    live = company(5)
    assert ("membership-removals" in violated(leaving(live, count), live, safety(**LOOSE))) is refused


def test_a_kind_may_have_limits_of_its_own() -> None:
    live = company(40, grants=40)
    settings = safety(kinds={"grant": limit(0, 0)}, **LOOSE)
    assert violated([*leaving(live, 1), *leaving(live, 1, "grant")], live, settings) == {"grant-removals"}


@pytest.mark.parametrize("extra", [[], [create("membership/u/new@example.com")]])
def test_nine_of_nine_are_never_let_go_however_wide_the_limits(extra: list[Change]) -> None:
    live = company(9)
    wide = safety(removals=limit(100, 10_000), allowance="100", **LOOSE)
    assert "memberships-emptied" in violated([*leaving(live, 9), *extra], live, wide)
    assert "memberships-emptied" not in violated([*leaving(live, 8), *extra], live, wide)


def test_the_last_one_of_a_kind_may_go() -> None:
    live = company(1)
    assert violated(leaving(live, 1), live) == set()


def test_slicing_a_removal_over_runs_does_not_help() -> None:
    live, removed = company(40), set[str]()
    for _ in range(3):
        changes = leaving(live, 3)
        assert violated(changes, live, safety(**LOOSE), earlier=removed) == set()
        removed |= {change.address for change in changes}
        live = {address: fields for address, fields in live.items() if address not in removed}
    found = guards(leaving(live, 3), live, safety(**LOOSE), earlier=removed)["membership-removals"]
    assert (found.violated, found.text) == (
        True,
        "removals 3 of 31 memberships (limit 25%, at most 50; 12 in 30 days)",
    )


def test_slicing_the_removal_of_one_unit_or_role_does_not_help_among_many_others() -> None:
    many = company(1000, grants=1000)
    live = many | {f"membership/v/m{n}@example.com": NO_FIELDS for n in range(7)}
    live |= {f"grant/v/m{n}@example.com/s": NO_FIELDS for n in range(7)}
    gone = {f"membership/v/x{n}@example.com" for n in range(3)} | {f"grant/v/x{n}@example.com/s" for n in range(3)}
    changes = [delete(f"membership/v/m{n}@example.com") for n in range(3)]
    changes += [delete(f"grant/v/m{n}@example.com/s") for n in range(3)]
    assert violated(changes, live) == set()
    assert violated(changes, live, earlier=gone) == {"unit-members", "role-holders"}


def test_what_lives_again_was_not_removed() -> None:
    live = company(40)
    assert (
        violated(leaving(live, 3), live, safety(**LOOSE), earlier=[a for a in live if a.startswith("member")]) == set()
    )


@pytest.mark.parametrize(("count", "refused"), [(9, False), (10, False), (11, True)])
def test_one_unit_may_not_lose_more_than_its_share_of_members(count: int, refused: bool) -> None:  # noqa: FBT001
    live = company(20) | {f"membership/v/m{n}@example.com": NO_FIELDS for n in range(980)}
    assert ("unit-members" in violated(leaving(live, count), live)) is refused


@pytest.mark.parametrize(("count", "refused"), [(24, False), (25, False), (26, True)])
def test_one_unit_may_not_lose_more_than_a_number_of_members(count: int, refused: bool) -> None:  # noqa: FBT001
    live = company(1000)
    assert ("unit-members" in violated(leaving(live, count), live)) is refused


@pytest.mark.parametrize(("count", "refused"), [(10, False), (11, True)])
def test_one_role_may_not_lose_more_than_its_share_of_holders(count: int, refused: bool) -> None:  # noqa: FBT001
    live = company(20, grants=20) | {f"grant/v/m{n}@example.com/s": NO_FIELDS for n in range(980)}
    assert ("role-holders" in violated(leaving(live, count, "grant"), live)) is refused


def test_a_role_that_is_detached_from_its_unit_is_lost_by_every_member() -> None:
    live = company(40) | {"unit/u": {"businessUnit": "b", "roles": ["r"]}}
    changes = [update("unit/u", {"roles": ["r"]}, {"roles": []})]
    assert violated(changes, live) == {"role-holders"}
    regranted = [create(f"grant/u/m{number}@example.com/r") for number in range(40)]
    assert violated([*changes, *regranted], live) == set()


@pytest.mark.parametrize("name", ["unit-members", "role-holders"])
def test_a_group_that_empties_is_never_too_small_to_be_seen(name: str) -> None:
    live = company(2, grants=2) | company(0) | {f"membership/v/x{n}@x": NO_FIELDS for n in range(50)}
    live |= {f"grant/v/x{n}@x/s": NO_FIELDS for n in range(50)}
    kind = "membership" if name == "unit-members" else "grant"
    assert violated(leaving(live, 2, kind), live) == {name}
    assert violated(leaving(live, 1, kind), live) == set()


def test_the_removal_of_a_unit_is_not_counted_as_the_loss_of_its_members_too() -> None:
    live = company(2) | {f"membership/v/x{n}@x": NO_FIELDS for n in range(50)}
    assert violated([*leaving(live, 2), delete("unit/u")], live) == set()


@pytest.mark.parametrize(("count", "refused"), [(50, False), (51, True)])
def test_an_organization_that_shrinks_implausibly_is_refused_even_if_prune_holds_it_back(
    count: int,
    refused: bool,  # noqa: FBT001
) -> None:
    live: State = {f"unit/u{number}": NO_FIELDS for number in range(100)}
    removals = leaving(live, count, "unit")
    assert ("shrunken-organization" in violated([], live, withheld=removals)) is refused
    wide = safety(removals=limit(100, 1000))
    assert ("shrunken-organization" in violated(removals, live, wide)) is refused


def test_people_of_unmanaged_units_do_not_make_an_organization_look_shrunken() -> None:
    live = company(500)
    assert violated([], live, desired={"unit/u": NO_FIELDS, "role/r": NO_FIELDS, "business-unit/b": NO_FIELDS}) == set()


@pytest.mark.parametrize("desired", [{}, {"user/p@x": NO_FIELDS}])
def test_an_empty_organization_is_refused_unless_the_crm_is_empty_too(desired: State) -> None:
    assert "empty-organization" in violated([], {"unit/u": NO_FIELDS}, desired=desired)
    assert violated([], {"user/p@x": NO_FIELDS}, desired=desired) == set()


@pytest.mark.parametrize(
    "change",
    [
        update("unit/board", {"name": "x"}, {"name": "y"}),
        delete("unit/board"),
        create("unit/board"),
        update("unit/other", {KEY: "board"}, {KEY: "other"}),
        delete("grant/u/p@x/admin"),
    ],
)
def test_a_protected_address_is_not_touched_under_any_of_its_keys(change: Change) -> None:
    live = {"unit/board": NO_FIELDS, "unit/v": NO_FIELDS, "grant/u/p@x/admin": NO_FIELDS, "grant/u/q@x/s": NO_FIELDS}
    settings = safety(protected=["unit/board", "grant/*/admin"])
    assert "protected" in violated([change], live, settings)
    assert "protected" not in violated([update("unit/v", {"name": "x"}, {"name": "y"})], live, settings)


def test_many_protected_addresses_are_summed_up() -> None:
    changes = [create(f"unit/u{number}") for number in range(5)]
    assert guards(changes, {}, safety(protected=["unit/*"]))["protected"].text == (
        "protected: unit/u0, unit/u1, unit/u2 and 2 more"
    )


def admins(count: int) -> State:
    return company(count + 1, grants=count, role=ADMIN)


@pytest.mark.parametrize(("least", "left", "refused"), [(2, 3, False), (2, 2, False), (2, 1, True), (5, 3, True)])
def test_enough_administrators_must_be_left(least: int, left: int, refused: bool) -> None:  # noqa: FBT001
    live = admins(4)
    found = guards(leaving(live, 4 - left, "grant"), live, safety(administrators=str(least)))["administrators"]
    assert (found.violated, found.text) == (refused, f"{left} people hold a privileged role (at least {least})")


def test_too_few_administrators_that_stay_as_they_are_refuse_nothing() -> None:
    assert violated([], admins(1), safety(administrators="3")) == set()


def test_a_deactivated_administrator_is_none() -> None:
    live = admins(2)
    off = update("user/m0@example.com", {"active": True}, {"active": False})
    assert "administrators" not in violated([off], live)
    assert "administrators" in violated([off, delete("grant/u/m1@example.com/r")], live)


def test_administrators_count_through_inclusion_and_unit_roles() -> None:
    live: State = {
        "role/admin": ADMIN,
        "role/lead": {"includes": ["admin"]},
        "role/boss": {"includes": ["lead"]},
        "unit/u": {"roles": ["boss"]},
        "membership/u/p@x": NO_FIELDS,
    }
    assert guards([], live)["administrators"].text.startswith("1 people")
    for change in (
        update("unit/u", {"roles": ["boss"]}, {"roles": []}),
        delete("membership/u/p@x"),
        update("role/lead", {"includes": ["admin"]}, {"includes": []}),
    ):
        assert "administrators" in violated([change], live)


def test_a_crm_that_stores_neither_mark_nor_inclusion_is_guarded_by_what_is_declared() -> None:
    live: State = {"role/admin": NO_FIELDS, "role/boss": NO_FIELDS, "grant/-/p@x/boss": NO_FIELDS}
    declared: State = {"role/admin": ADMIN, "role/boss": {"includes": ["admin"]}}
    removal = [delete("grant/-/p@x/boss")]
    assert "administrators" in violated(removal, live, declared=declared)
    assert risky([create("grant/-/q@x/boss")], snapshot(live), declared, [], []) == {"grant/-/q@x/boss"}


@pytest.mark.parametrize(("count", "refused"), [(19, False), (20, False), (21, True)])
def test_gains_of_a_privileged_role_are_limited(count: int, refused: bool) -> None:  # noqa: FBT001
    live = company(30, grants=1, role=ADMIN)
    changes = [create(f"grant/u/m{number}@example.com/r") for number in range(1, count + 1)]
    found = guards(changes, live)["privileged-gains"]
    assert (found.violated, found.text) == (refused, f"{count} gains of a privileged role (limit 20)")


@pytest.mark.parametrize(
    "change",
    [
        update("unit/u", {"roles": []}, {"roles": ["r"]}),
        update("role/s", {"includes": []}, {"includes": ["r"]}),
    ],
)
def test_gains_through_a_unit_or_an_inclusion_count_for_everybody_who_gains(change: Change) -> None:
    live = company(30, role=ADMIN) | {"role/s": {"includes": []}}
    live |= {f"grant/u/m{number}@example.com/s": NO_FIELDS for number in range(30)}
    assert violated([change], live) == {"privileged-gains"}


def test_marking_a_role_as_privileged_gives_nobody_anything() -> None:
    live = company(30, grants=30)
    marked = {"role/r": ADMIN}
    assert violated([update("role/r", {"privileged": None}, ADMIN)], live, declared=marked) == set()


def test_each_guard_is_accepted_by_its_own_name_alone() -> None:
    live = company(9, grants=9, role=ADMIN)
    changes = [*leaving(live, 9), *leaving(live, 9, "grant"), delete("unit/u"), delete("role/r")]
    settings = safety(protected=["unit/*"])
    every = violated(changes, live, settings, desired={})
    assert len(every) == 7
    for name in every:
        found = guards(changes, live, settings, desired={}, accepted=frozenset({name, "removals", "*"}))
        assert {one.code for one in violations(found.values())} == every - {name}
    assert violations(guards(changes, live, settings, desired={}, accepted=frozenset(every)).values()) == []


def test_a_guard_that_is_not_violated_is_not_accepted_either() -> None:
    found = guards([], admins(1), accepted=frozenset({"administrators"}))["administrators"]
    assert (found.violated, found.accepted) == (False, False)


def held(
    changes: Sequence[Change], live: State, prune: frozenset[Kind], capabilities: Capabilities = FULL
) -> tuple[list[str], dict[str, str]]:
    kept, withheld = withhold(changes, snapshot(live), prune, capabilities)
    return [change.id for change in kept], {change.id: change.reason for change in withheld}


def test_what_prune_does_not_name_is_withheld_with_a_reason() -> None:
    live: State = {"unit/u": NO_FIELDS, "unit/v": NO_FIELDS}
    assert held([delete("unit/u"), create("unit/w")], live, PEOPLE) == (
        ["unit/w"],
        {"unit/u": "prune does not name unit for this target"},
    )
    assert held([delete("unit/u")], live, EVERYTHING) == (["unit/u"], {})


def test_what_the_target_cannot_do_is_withheld_with_a_reason() -> None:
    live: State = {"role/r": NO_FIELDS}
    assert held([update("role/r", {"name": "a"}, {"name": "b"})], live, EVERYTHING, ROLES_BY_NAME) == (
        [],
        {"role/r": "the target cannot update a role"},
    )


def test_what_something_withheld_still_refers_to_is_withheld_too_however_far() -> None:
    live: State = {
        "business-unit/b": NO_FIELDS,
        "unit/u": {"businessUnit": "b"},
        "unit/v": {"businessUnit": "b", "parent": "u"},
        "membership/v/p@x": NO_FIELDS,
    }
    no_units = EVERYTHING - {Kind.MEMBERSHIP}
    kept, withheld = held([delete(address) for address in live], live, no_units)
    assert kept == []
    assert withheld["unit/v"] == "membership/v/p@x still refers to it"
    assert withheld["unit/u"] == "unit/v still refers to it"
    assert withheld["business-unit/b"].endswith("still refers to it")


def test_a_person_s_unit_holds_it_back_by_the_membership_alone() -> None:
    """Whoever keeps a home of their own does not keep a unit that they leave."""
    live: State = {"unit/u": NO_FIELDS, "user/p@x": {"unit": "u"}, "membership/u/p@x": NO_FIELDS}
    leaving = [delete("membership/u/p@x"), delete("unit/u")]
    assert held(leaving, live, EVERYTHING) == (["membership/u/p@x", "unit/u"], {})
    assert held(leaving[1:], live, EVERYTHING)[1] == {"unit/u": "membership/u/p@x still refers to it"}


def test_what_loses_its_last_reference_in_the_same_plan_is_not_withheld() -> None:
    live: State = {"role/r": NO_FIELDS, "unit/u": {"roles": ["r"]}}
    changes = [delete("role/r"), update("unit/u", {"roles": ["r"]}, {"roles": []})]
    assert held(changes, live, EVERYTHING) == (["role/r", "unit/u"], {})


def test_what_needs_something_that_the_target_cannot_create_is_withheld_too() -> None:
    changes = [create("role/r"), create("grant/-/p@x/r"), create("membership/u/p@x"), create("user/p@x")]
    kept, withheld = held(changes, {"unit/u": NO_FIELDS}, EVERYTHING, ROLES_BY_NAME)
    assert kept == []
    assert withheld["grant/-/p@x/r"].endswith("which it refers to, is withheld")
    assert withheld["membership/u/p@x"] == "user/p@x, which it refers to, is withheld"


def taken(changes: Sequence[Change], live: State, foreign: Sequence[Foreign] = ()) -> list[str]:
    return [one.detail for one in names_taken(changes, snapshot(live, foreign=foreign), FULL)]


def test_a_name_that_something_withheld_or_unchanged_keeps_is_taken() -> None:
    live: State = {"unit/old": {"name": "Sales"}}
    assert taken([create("unit/new", name="Sales")], live) == ['"Sales" is the name of unit/old']
    assert taken([create("unit/new", name="Sales"), delete("unit/old")], live) == []
    assert taken([create("unit/new", name="Sales"), update("unit/old", {"name": "Sales"}, {"name": "X"})], live) == []
    assert taken([create("role/new", name="Sales")], live) == []
    assert taken([update("unit/old", {"name": "x"}, {"name": "Sales"})], live) == []


def test_a_name_that_something_foreign_has_is_taken() -> None:
    foreign = [Foreign(kind=Kind.UNIT, id="17", name="Sales")]
    assert taken([create("unit/new", name="Sales")], {}, foreign) == [
        '"Sales" is the name of something that orgsync does not manage (id 17)'
    ]
    assert taken([create("business-unit/new", name="Sales")], {}, foreign) == []


def test_people_may_share_a_name() -> None:
    assert taken([create("user/q@x", name="Kim")], {"user/p@x": {"name": "Kim"}}) == []


@pytest.mark.parametrize(("kind", "name"), [("unit", "parent"), ("business-unit", "parent"), ("role", "includes")])
def test_a_ring_that_only_shows_with_what_is_not_stated_is_found_before_anything_is_applied(
    kind: str, name: str
) -> None:
    def to(key: str) -> Fields:
        return {name: [key] if name == "includes" else key}

    nothing: Fields = {name: [] if name == "includes" else None}
    live: State = {f"{kind}/a": to("b"), f"{kind}/b": nothing}
    (finding,) = rings([update(f"{kind}/b", nothing, to("a"))], snapshot(live))
    assert finding.code == "ring"
    assert finding.detail in {f"{kind}/a → {kind}/b → {kind}/a", f"{kind}/b → {kind}/a → {kind}/b"}
    assert rings([update(f"{kind}/b", nothing, to("a")), update(f"{kind}/a", to("b"), nothing)], snapshot(live)) == []
    assert rings([], snapshot(live)) == []


def wider(before: str, after: str) -> tuple[Fields, Fields]:
    return {"privileges": {"lead": {"read": before}}}, {"privileges": {"lead": {"read": after}}}


ROLE_ADMIN: State = {"role/admin": ADMIN, "unit/u": {"roles": ["admin"]}, "unit/v": {"roles": []}}


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (delete("membership/v/p@x"), True),
        (create("membership/v/p@x"), False),
        (create("membership/u/p@x"), True),
        (create("grant/v/p@x/admin"), True),
        (create("grant/v/p@x/other"), False),
        (update("unit/v", {"roles": []}, {"roles": ["admin"]}), True),
        (update("unit/v", {"roles": []}, {"roles": ["other"]}), False),
        (update("role/other", {"privileged": False}, {"privileged": True}), True),
        (update("role/admin", {"privileges": {}}, {"privileges": {"lead": {"read": "own"}}}), True),
        (update("role/other", {"privileges": {}}, {"privileges": {"lead": {"read": "own"}}}), True),
        (update("role/other", *wider("unit", "organization")), True),
        (update("role/other", *wider("organization", "unit")), False),
        (update("role/other", {"functions": {"f": "own"}}, {"functions": {"f": "unit"}}), True),
        (update("role/other", {"includes": []}, {"includes": ["third"]}), True),
        (update("role/other", {"includes": ["third"]}, {"includes": []}), False),
        (update("function/f", {"privileges": {"lead": ["read"]}}, {"privileges": {"lead": ["delete", "read"]}}), True),
        (update("function/f", {"privileges": {"lead": ["read"]}}, {"privileges": {"lead": []}}), False),
        (create("role/other", privileges={"lead": {"read": "organization"}}), False),
        (update("unit/v", {"businessUnit": "a"}, {"businessUnit": "b"}), True),
        (create("unit/v", businessUnit="b"), False),
        (update("role/other", {"includes": []}, {"includes": ["admin"]}), True),
        (update("unit/board", {"name": "a"}, {"name": "b"}), True),
        (update("unit/v", {"name": "a"}, {"name": "b"}), False),
    ],
)
def test_removals_and_gains_of_privilege_and_protected_things_are_risky(change: Change, expected: bool) -> None:  # noqa: FBT001
    assert (change.id in risky([change], snapshot(ROLE_ADMIN), {}, [], ["unit/board"])) is expected


def test_a_change_whose_effects_lose_something_is_risky() -> None:
    change = update("unit/v", {"parent": "a"}, {"parent": "b"})
    harmless = Effect(cause="unit/v", summary="a mail is sent")
    assert risky([change], snapshot({}), {}, [harmless], []) == frozenset()
    assert risky([change], snapshot({}), {}, [replace(harmless, drops=("grant/v/p@x/r",))], []) == {"unit/v"}


def test_the_diff_of_an_emptied_yaml_is_refused_by_several_guards_at_once() -> None:
    live = company(20, grants=20)
    changes = diff(wanted({}), snapshot(live), {}, today=TODAY)
    assert {change.action for change in changes} == {Action.DELETE}
    assert violated(changes, live, desired={}) >= {
        "membership-removals",
        "grant-removals",
        "memberships-emptied",
        "grants-emptied",
        "empty-organization",
    }


FEW: Fields = {"holders": {"min": 2}}


def test_a_role_is_not_left_with_fewer_holders_than_it_must_have() -> None:
    live = company(3, grants=3, role=FEW)
    one, two = (delete(f"grant/u/m{number}@example.com/r") for number in (0, 1))
    assert "minimum-holders" not in guards([one], live)
    found = guards([one, two], live)["minimum-holders"]
    assert found.violated
    assert found.text == "too few holders: role/r has 1 of at least 2"
    assert "minimum-holders" in guards([one, two], company(3, grants=3), declared={"role/r": FEW})


def test_a_role_that_has_too_few_holders_already_stops_only_what_takes_more() -> None:
    live = company(3, grants=1, role=FEW)
    assert "minimum-holders" not in guards([update("unit/u", {"name": "a"}, {"name": "b"})], live)
    assert "minimum-holders" in guards([delete("grant/u/m0@example.com/r")], live)
    assert "minimum-holders" not in guards([delete("grant/u/m0@example.com/r")], company(3, grants=1))


def test_whoever_is_deactivated_does_not_count_as_a_holder() -> None:
    live = company(2, grants=2, role=FEW)
    gone = update("user/m0@example.com", {"active": True}, {"active": False})
    assert guards([gone], live)["minimum-holders"].violated


ME = "m0@example.com"
BASE: Fields = {"privileges": {"lead": {"read": "unit", "update": "own"}}}
HELD: Fields = {"includes": ["base"], "privileges": {"lead": {"read": "unit"}}}
OWN: State = company(3, grants=2, role=HELD) | {"role/base": BASE}


def own_access(*changes: Change, acting: str = ME, live: State = OWN) -> str:
    found = guard(changes, [], snapshot(live), wanted(live), Safety(), declared={}, acting=acting)
    return next((one.text for one in found if one.name == "own-access" and one.violated), "")


def test_the_identity_that_orgsync_runs_as_keeps_its_access() -> None:
    grant = delete(f"grant/u/{ME}/r")
    assert own_access(grant) == f"{ME}, whom orgsync runs as, loses role/base, loses role/r"
    assert own_access(delete("grant/u/m1@example.com/r")) == ""
    assert own_access(grant, acting="") == ""
    assert "is deactivated" in own_access(update(f"user/{ME}", {"active": True}, {"active": False}))
    assert own_access(create(f"membership/v/{ME}")) == ""


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (update("role/r", {"includes": ["base"]}, {"includes": []}), "loses role/base"),
        (update("role/base", {"privileges": {"lead": {"read": "unit"}}}, {"privileges": {}}), "through role/base"),
        (
            update("role/r", {"privileges": {"lead": {"read": "unit"}}}, {"privileges": {"lead": {"read": "own"}}}),
            "through role/r",
        ),
        (update("role/r", {"privileges": {"lead": {"read": "own"}}}, {"privileges": {"lead": {"read": "unit"}}}), ""),
        (update("role/other", {"privileges": {"lead": {"read": "own"}}}, {"privileges": {}}), ""),
    ],
)
def test_a_role_that_orgsync_itself_holds_is_not_narrowed_unasked(change: Change, expected: str) -> None:
    told = own_access(change)
    assert (expected in told) if expected else told == ""


def test_a_role_that_comes_with_a_unit_is_access_too() -> None:
    live: State = {
        "business-unit/b": {},
        "role/r": {},
        "unit/u": {"businessUnit": "b", "roles": ["r"]},
        f"user/{ME}": {"active": True},
        f"membership/u/{ME}": {},
    }
    assert "loses role/r" in own_access(update("unit/u", {"roles": ["r"]}, {"roles": []}), live=live)
    assert "loses role/r" in own_access(delete(f"membership/u/{ME}"), live=live)
