"""The access diff of a plan: from what lives to what the plan makes of it, in the CRM's own space."""

from collections.abc import Mapping

import pytest

from orgsync.access import LISTED, AccessDiff
from orgsync.adapter import Capabilities, KindCapabilities
from orgsync.change import Change, Effect
from orgsync.pipeline.accessing import access_diff, meaning, outcome
from orgsync.resources import Fields, Kind
from tests.organizations import create, delete, snapshot, update
from tests.repository import TODAY

TELLS = Capabilities(manages_roles=True, kinds={Kind.ROLE: KindCapabilities(fields=frozenset({"privileges"}))})
LIVE: Mapping[str, Fields] = {
    "role/r": {"privileges": {"lead": {"read": "own"}}},
    "unit/u": {"roles": ["r"]},
    "user/a@x.org": {"active": True},
    "membership/u/a@x.org": {"until": None},
    "membership/u/b@x.org": {"until": "2020-01-01"},
}
WIDER = update("role/r", {"privileges": {"lead": {"read": "own"}}}, {"privileges": {"lead": {"read": "unit"}}})


def diff(*changes: Change, effects: tuple[Effect, ...] = (), capabilities: Capabilities = TELLS) -> AccessDiff:
    known = meaning(capabilities, LIVE, {"role/r": {**LIVE["role/r"], "privileged": True}}, [])
    return access_diff(snapshot(dict(LIVE)), changes, effects, known, today=TODAY, limits=LISTED)


def users(found: AccessDiff) -> list[tuple[bool, tuple[str, ...], tuple[str, ...]]]:
    return [(one.gain, one.users, one.causes) for one in found.groups]


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (WIDER, [(True, ("a@x.org",), ("role/r",))]),
        (create("membership/u/c@x.org"), [(True, ("c@x.org",), ("membership/u/c@x.org",))]),
        (delete("membership/u/a@x.org"), [(False, ("a@x.org",), ("membership/u/a@x.org",))]),
        (delete("membership/u/b@x.org"), []),  # it had ended
        (update("user/a@x.org", {"active": True}, {"active": False}), [(False, ("a@x.org",), ("user/a@x.org",))]),
        (update("unit/u", {"roles": ["r"]}, {"roles": []}), [(False, ("a@x.org",), ("unit/u",))]),
        (update("unit/u", {"name": "U"}, {"name": "V"}), []),
    ],
    ids=lambda value: value.id if isinstance(value, Change) else "",
)
def test_a_change_gives_and_takes(change: Change, expected: list[object]) -> None:
    assert users(diff(change)) == expected


def test_a_change_of_terms_alone_causes_nothing_of_what_a_role_brings() -> None:
    reason = update("membership/u/a@x.org", {"reason": None}, {"reason": "x"})
    assert users(diff(WIDER, reason)) == [(True, ("a@x.org",), ("role/r",))]


def test_what_the_crm_drops_and_nothing_gives_again_is_lost() -> None:
    effect = Effect(cause="unit/u", summary="it drops", drops=("membership/u/a@x.org",))
    moved = update("unit/u", {"name": "U"}, {"name": "V"})
    assert [one[:2] for one in users(diff(moved, effects=(effect,)))] == [(False, ("a@x.org",))]
    again = create("membership/u/a@x.org", until=None)
    assert users(diff(moved, again, effects=(effect,))) == []
    assert outcome(LIVE, [moved, again], [effect])["membership/u/a@x.org"] == {"until": None}


def test_a_crm_that_keeps_no_privileges_of_roles_is_taken_at_the_yaml_s_word() -> None:
    found = diff(create("membership/u/c@x.org"), capabilities=Capabilities())
    assert found.as_declared
    assert [(one.users, one.privileged) for one in found.groups] == [(("c@x.org",), True)]
    assert not diff(create("membership/u/c@x.org")).as_declared


def test_a_role_that_states_nothing_and_of_which_the_crm_tells_nothing_is_unknown() -> None:
    known = meaning(Capabilities(), {}, {"role/r": {"name": "R"}}, ["role/seat"])
    assert known.unknown == {"role/r", "role/seat"}
