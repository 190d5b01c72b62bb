"""What an unknown or deactivated user means."""

import pytest

from orgsync.finding import Severity
from orgsync.resources import Fields
from orgsync.users import settle_users
from tests.organizations import snapshot, wanted

DESIRED: dict[str, Fields] = {
    "unit/u": {},
    "user/new@x": {},
    "membership/u/new@x": {},
    "grant/u/new@x/r": {},
    "user/old@x": {},
    "membership/u/old@x": {},
}
LIVE: dict[str, Fields] = {"unit/u": {}, "user/old@x": {"active": True}}


def test_an_unknown_user_is_an_error_by_default() -> None:
    settled, (finding,) = settle_users(wanted(DESIRED), snapshot(LIVE), "error")
    assert (finding.code, finding.severity, finding.address) == ("unknown-user", Severity.ERROR, "user/new@x")
    assert settled.resources == DESIRED


def test_an_unknown_user_is_skipped_with_all_that_they_would_have() -> None:
    settled, (finding,) = settle_users(wanted(DESIRED), snapshot(LIVE), "skip")
    assert (finding.code, finding.severity) == ("unknown-user", Severity.WARNING)
    assert set(settled.resources) == {"unit/u", "user/old@x", "membership/u/old@x"}
    assert settled.managed == {"unit/u"}


def test_an_unknown_user_is_created_without_a_word() -> None:
    desired = wanted(DESIRED)
    assert settle_users(desired, snapshot(LIVE), "create") == (desired, [])


@pytest.mark.parametrize("policy", ["error", "skip", "create"])
def test_a_deactivated_user_keeps_what_they_have_and_is_given_nothing_new(policy: str) -> None:
    live = {**LIVE, "user/old@x": {"active": False}, "user/new@x": {"active": False}, "membership/u/old@x": {}}
    settled, findings = settle_users(wanted(DESIRED), snapshot(live), policy)
    assert set(settled.resources) == {"unit/u", "user/new@x", "user/old@x", "membership/u/old@x"}
    assert [(one.code, one.severity, one.detail) for one in findings] == [
        ("deactivated-user", Severity.WARNING, "new@x is deactivated; new assignments are left out"),
        ("deactivated-user", Severity.WARNING, "old@x is deactivated"),
    ]


@pytest.mark.parametrize("policy", ["error", "skip", "create"])
def test_known_and_active_users_are_no_finding(policy: str) -> None:
    desired = wanted({"user/old@x": {}, "membership/u/old@x": {}})
    assert settle_users(desired, snapshot(LIVE), policy) == (desired, [])
