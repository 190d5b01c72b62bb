"""The policies of what lives in the CRM: what somebody did there by hand is held to them, too."""

from pathlib import Path

import pytest

from orgsync import pipeline
from orgsync.errors import InvalidInput
from orgsync.finding import Finding, Severity
from orgsync.settings import load_settings
from orgsync.watch import Timings
from tests import repository
from tests.policy.examples import run
from tests.policy.hands import PAYER, by_hand
from tests.repository import ROLE_FILE, SETTINGS_FILE, TODAY, applied, edit, planned

ADMIN = "---\napiVersion: orgsync/v1\nkind: Role\nkey: admin\nname: Admin\nprivileged: true\nholders: {max: 1}\n"
CHIEF = "---\napiVersion: orgsync/v1\nkind: Role\nkey: chief\nname: Chief\nincludes: [admin]\n"
TERMS = "    roles: [admin]\n    until: 2027-01-31\n    reason: Migration\n"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    repository.repository(tmp_path)
    with (tmp_path / ROLE_FILE).open("a") as file:
        file.write(PAYER + ADMIN + CHIEF)
    edit(tmp_path, "- user: ana@example.com\n", f"- user: ana@example.com\n{TERMS}")
    edit(tmp_path, "- user: ben@example.com", "- user: ben@example.com\n    roles: [payer]")
    applied(tmp_path, planned(tmp_path))
    return tmp_path


def stated(root: Path, policies: str) -> None:
    with (root / SETTINGS_FILE).open("a") as file:
        file.write(f"policies:\n{policies}")


def broken(root: Path, *, hints: bool = False) -> list[Finding]:
    return list(
        pipeline.find_drift(
            root, load_settings(root), "demo", today=TODAY, environment={}, watch=Timings(), hints=hints
        ).broken
    )


def told(root: Path) -> list[tuple[str, str, str]]:
    return sorted((one.code, one.address, one.detail) for one in broken(root))


def test_what_is_as_declared_breaks_nothing(root: Path) -> None:
    assert broken(root) == []


def test_roles_that_exclude_each_other_given_by_hand(root: Path) -> None:
    by_hand(root, "ben@example.com", "approver")
    assert told(root) == [
        ("conflicting-roles", "user/ben@example.com", "ben@example.com holds both approver and payer")
    ]


def test_privileged_access_that_nobody_declared_has_no_terms(root: Path) -> None:
    by_hand(root, "ben@example.com", "chief")
    assert told(root) == [
        (
            "privileged-without-terms",
            "membership/sales/ben@example.com",
            "ben@example.com gets admin without until and reason",
        ),
        ("too-many-holders", "role/admin", "2 people hold admin, at most 1 may"),
    ]


def test_who_has_terms_for_one_privileged_role_has_none_for_another(root: Path) -> None:
    """A role given by hand does not hide behind one that is declared, though the CRM knows the declared end."""
    with (root / ROLE_FILE).open("a") as file:
        file.write("---\napiVersion: orgsync/v1\nkind: Role\nkey: zeus\nname: Zeus\nprivileged: true\n")
    applied(root, planned(root))
    repository.sql(root, "UPDATE crm_membership SET reason = NULL")
    by_hand(root, "ana@example.com", "zeus")
    assert [detail for code, _, detail in told(root) if code == "privileged-without-terms"] == [
        "ana@example.com gets zeus without reason"
    ]


def test_a_minimum_that_is_missed_in_the_crm(root: Path) -> None:
    edit(root, "name: Payer\n", "name: Payer\nholders: {min: 1}\n", ROLE_FILE)
    applied(root, planned(root))
    assert broken(root) == []
    repository.sql(root, "DELETE FROM crm_grant WHERE role_id = (SELECT id FROM crm_role WHERE external_id = 'payer')")
    assert told(root) == [("too-few-holders", "role/payer", "0 people hold payer, at least 1 must")]


def test_somebody_from_outside_who_was_let_in_by_hand(root: Path) -> None:
    stated(root, "  mailDomains: [example.com]\n")
    repository.sql(
        root,
        "INSERT INTO crm_user (login, active, created_by, created_at, changed_by, changed_at) "
        "SELECT 'eve@evil.example', 1, 'x', created_at, 'x', changed_at FROM crm_user LIMIT 1",
        "INSERT INTO crm_membership (unit_id, user_id, created_by, created_at, changed_by, changed_at) "
        "SELECT n.id, u.id, 'x', u.created_at, 'x', u.changed_at FROM crm_unit n, crm_user u "
        "WHERE u.login = 'eve@evil.example'",
    )
    assert told(root) == [("outside-mail-domain", "user/eve@evil.example", "eve@evil.example")]


def test_a_deactivated_member_is_a_hint_that_is_given_only_where_it_is_asked_for(root: Path) -> None:
    repository.sql(root, "UPDATE crm_user SET active = 0 WHERE login = 'maria@example.com'")
    assert broken(root) == []
    found = [one for one in broken(root, hints=True) if one.code == "deactivated-member"]
    assert [(one.severity, one.detail) for one in found] == [(Severity.INFO, "maria@example.com in sales")]
    stated(root, "  severities: {deactivated-member: off}\n")
    assert "deactivated-member" not in {one.code for one in broken(root, hints=True)}


def test_a_waiver_for_the_crm_alone(root: Path) -> None:
    by_hand(root, "ben@example.com", "approver")
    terms = "reason: Agreed, until: 2026-11-30, live: true"
    stated(root, f"  waivers: [{{code: conflicting-roles, address: user/ben@*, {terms}}}]\n")
    (finding,) = broken(root)
    assert (finding.severity, finding.waiver) == (Severity.INFO, "until 2026-11-30: Agreed")
    assert planned(root).findings == (), "a plan looks for no waiver of what lives"
    repository.sql(
        root, "DELETE FROM crm_grant WHERE role_id = (SELECT id FROM crm_role WHERE external_id = 'approver')"
    )
    assert [one.code for one in broken(root)] == ["unused-waiver"]


def test_drift_tells_how_things_are_even_where_the_declaration_breaks_a_policy(root: Path) -> None:
    """What ends on some day may break one, and nobody must be left without a look at the CRM by that."""
    by_hand(root, "ben@example.com", "approver")
    edit(root, "roles: [manager]", "roles: [payer, approver]")
    assert [one.address for one in broken(root)] == ["user/ben@example.com"]
    with pytest.raises(InvalidInput):
        planned(root)


def test_a_rule_is_asked_of_what_lives(root: Path) -> None:
    require = "'!(\"approver\" in user.roles)'"
    stated(root, f"  rules: [{{id: one-approver, each: user, require: {require}, message: '{{user.login}}'}}]\n")
    assert broken(root) == []
    by_hand(root, "maria@example.com", "approver")
    (finding,) = broken(root)
    assert (finding.code, finding.detail) == ("one-approver", "maria@example.com")


def test_drift_shows_them_in_every_format_and_counts_errors(root: Path) -> None:
    by_hand(root, "ben@example.com", "approver")
    stated(root, "  severities: {conflicting-roles: warning}\n")
    text = run(root, ["drift"])
    assert "POLICIES  what lives in the CRM\nwarning[conflicting-roles] one person holds" in text
    assert '"code": "conflicting-roles"' in run(root, ["drift", "--format", "json"])
    markdown = run(root, ["drift", "--format", "markdown"])
    assert "**Policies that do not hold in the CRM**" in markdown
    assert "holds both approver and payer" in markdown
