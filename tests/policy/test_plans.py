"""The policies of a plan: what it would bring about, who proposes it, and the day that it is made for."""

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest

from orgsync import pipeline
from orgsync.errors import InvalidInput, PlanRefused
from orgsync.finding import Finding, Severity
from orgsync.plan import Plan
from orgsync.settings import load_settings
from orgsync.watch import Timings
from tests import repository
from tests.policy.examples import run
from tests.policy.hands import PAYER, by_hand
from tests.repository import ROLE_FILE, SETTINGS_FILE, TODAY, UNIT_FILE, applied, edit, planned


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Applied already; manager allows more than rep."""
    edit(
        repository.repository(tmp_path),
        "includes: [rep]",
        "includes: [rep]\nprivileges:\n  lead: {delete: unit}",
        ROLE_FILE,
    )
    applied(tmp_path, planned(tmp_path))
    return tmp_path


def stated(root: Path, policies: str) -> None:
    with (root / SETTINGS_FILE).open("a") as file:
        file.write(f"policies:\n{policies}")


def plan(root: Path, actor: str = "", *, as_of: date | None = None) -> Plan:
    return pipeline.make_plan(
        root,
        load_settings(root),
        "demo",
        today=as_of or TODAY,
        environment={},
        watch=Timings(),
        actor=actor,
        as_of=as_of,
    )


def refused(root: Path, actor: str = "") -> list[Finding]:
    with pytest.raises(InvalidInput) as raised:
        plan(root, actor)
    return list(raised.value.findings)


def promoted(root: Path) -> None:
    edit(root, "- user: ana@example.com", "- user: ana@example.com\n    roles: [manager]")


def widened(root: Path) -> None:
    edit(root, "lead: {read: unit}", "lead: {read: organization}", ROLE_FILE)


def given_to_all(root: Path) -> None:
    edit(root, "roles: [rep]", "roles: [rep, manager]")


RAISES: dict[str, tuple[Callable[[Path], None], str]] = {
    "an assignment of one's own": (promoted, "units/sales.yaml:22:13"),
    "a wider role that one holds": (widened, "roles/roles.yaml:6:16"),
    "another role of one's unit": (given_to_all, "units/sales.yaml:11:1"),
}


@pytest.mark.parametrize("how", RAISES)
def test_nobody_raises_their_own_access_by_whatever_line(root: Path, how: str) -> None:
    change, place = RAISES[how]
    change(root)
    found = refused(root, "Ana@Example.com")
    assert {(one.code, one.address) for one in found} == {("own-access-raised", "user/ana@example.com")}
    assert str(found[0].position) == place
    assert "own-access-raised" not in {one.code for one in plan(root, "eve@example.com").findings}
    assert plan(root).findings == ()


def test_who_loses_access_by_a_change_of_their_own_may(root: Path) -> None:
    edit(root, "    roles: [manager]\n", "")
    assert plan(root, "maria@example.com").findings == ()


def test_accounts_say_who_an_author_is_whatever_the_case(root: Path) -> None:
    promoted(root)
    stated(root, "  accounts: {Ana-K: ana@example.com}\n")
    assert [one.code for one in refused(root, "ana-k")] == ["own-access-raised"]


def test_an_author_whom_nobody_knows_is_told_and_can_be_an_error(root: Path) -> None:
    promoted(root)
    (finding,) = plan(root, "octocat").findings
    assert (finding.code, finding.severity) == ("unknown-author", Severity.WARNING)
    stated(root, "  severities: {unknown-author: error}\n")
    assert [one.code for one in refused(root, "octocat")] == ["unknown-author"]


def test_where_nobody_gains_anything_it_does_not_matter_who_the_author_is(root: Path) -> None:
    edit(root, "    roles: [manager]\n", "")
    assert plan(root, "octocat").findings == ()


def test_an_author_without_a_name_is_refused(root: Path) -> None:
    """A CI that passes nothing must not read as nobody to ask about."""
    for empty in ("", "  "):
        assert "it is empty" in run(root, ["plan", "--actor", empty])
    promoted(root)
    assert "own-access-raised" in run(root, ["plan", "--actor", "ana@example.com"])


def test_a_waiver_lets_somebody_raise_their_own_access_and_is_told(root: Path) -> None:
    promoted(root)
    waiver = "{code: own-access-raised, address: user/ana@example.com, reason: Agreed with Eve, until: 2026-11-30}"
    stated(root, f"  waivers: [{waiver}]\n")
    found = [one for one in plan(root, "ana@example.com").findings if one.code == "own-access-raised"]
    assert [(one.severity, one.waiver) for one in found] == [(Severity.INFO, "until 2026-11-30: Agreed with Eve")]


def test_roles_that_come_together_only_because_a_removal_is_withheld_are_found(root: Path) -> None:
    with (root / ROLE_FILE).open("a") as file:
        file.write(PAYER)
    edit(root, "- user: ben@example.com", "- user: ben@example.com\n    roles: [payer]")
    applied(root, planned(root))
    edit(root, "roles: [payer]", "roles: [approver]")
    assert plan(root).findings == ()
    edit(root, "prune: [membership, grant,", "prune: [membership,", SETTINGS_FILE)
    (finding,) = refused(root)
    assert finding.code == "conflicting-roles"
    assert finding.detail == "ben@example.com would hold both approver and payer"
    assert str(finding.position).startswith(UNIT_FILE)


def test_what_is_so_already_does_not_stop_a_plan_that_leaves_it_so(root: Path) -> None:
    with (root / ROLE_FILE).open("a") as file:
        file.write(PAYER)
    edit(root, "roles: [manager]", "roles: [payer]")
    applied(root, planned(root))
    edit(root, "prune: [membership, grant,", "prune: [membership,", SETTINGS_FILE)
    by_hand(root, "maria@example.com", "approver")
    edit(root, "name: Sales Team", "name: Sales Crew")
    assert plan(root).findings == ()


def test_what_is_waived_is_told_once_and_not_again_by_what_the_plan_brings_about(root: Path) -> None:
    with (root / ROLE_FILE).open("a") as file:
        file.write(PAYER)
    edit(root, "- user: ben@example.com", "- user: ben@example.com\n    roles: [payer, approver]")
    stated(root, "  waivers: [{code: conflicting-roles, address: user/ben@*, reason: Agreed, until: 2026-11-30}]\n")
    (finding,) = plan(root).findings
    assert (finding.code, finding.waiver) == ("conflicting-roles", "until 2026-11-30: Agreed")


def test_code_scanning_gets_what_stops_a_plan_at_its_line_and_what_gives_access(root: Path) -> None:
    promoted(root)
    (result,) = results(root, "--actor", "ana@example.com")
    assert (result["ruleId"], result["level"], line_of(result)) == ("own-access-raised", "error", 22)
    widened(root)
    stated(root, "  waivers: [{code: own-access-raised, reason: Agreed, until: 2026-11-30}]\n")
    found = {one["ruleId"]: one for one in results(root, "--actor", "ana@example.com", "--as-of", "2026-11-01")}
    assert found["own-access-raised"]["suppressions"][0]["justification"] == "waived until 2026-11-30: Agreed"
    assert (found["access-gain"]["level"], line_of(found["access-gain"])) == ("warning", 6)


def results(root: Path, *options: str) -> list[dict[str, Any]]:
    printed = run(root, ["plan", "--format", "sarif", *options])
    found: list[dict[str, Any]] = json.JSONDecoder().raw_decode(printed)[0]["runs"][0]["results"]
    return found


def line_of(result: dict[str, Any]) -> int:
    line: int = result["locations"][0]["physicalLocation"]["region"]["startLine"]
    return line


def test_a_plan_as_of_another_day_shows_what_ends_and_is_refused_by_apply(root: Path) -> None:
    edit(root, "- user: ben@example.com", "- user: ben@example.com\n    until: 2026-12-31")
    applied(root, planned(root))
    ahead = plan(root, as_of=date(2027, 1, 1))
    assert [change.address for change in ahead.changes] == ["membership/sales/ben@example.com"]
    assert ahead.as_of == "2027-01-01"
    assert plan(root).changes == ()
    with pytest.raises(PlanRefused, match="made as of 2027-01-01, and today is 2026-11-01"):
        applied(root, ahead)
    assert "membership/sales/ben@example.com" in repository.lives(root)
    later = datetime(2027, 1, 1, 9, tzinfo=UTC)
    report = pipeline.apply_plan(
        ahead, root, load_settings(root), actor="eve", environment={}, clock=lambda: later, watch=Timings()
    )
    assert report.complete


def test_another_day_is_another_change_to_whoever_reviews(root: Path) -> None:
    promoted(root)
    assert plan(root, as_of=TODAY).change_digest != plan(root).change_digest


@pytest.mark.parametrize(
    "policies",
    [
        "  severities: {conflicting-roles: off}\n",
        "  waivers: [{code: own-access-raised, reason: Quiet, until: 2030-01-01}]\n",
        "  mailDomains: [example.com]\n",
    ],
)
def test_a_plan_under_other_policies_is_refused(root: Path, policies: str) -> None:
    """Who edits the policies after the review applies nothing that was reviewed under the old ones."""
    promoted(root)
    made = plan(root)
    stated(root, policies)
    assert plan(root).change_digest != made.change_digest
    with pytest.raises(PlanRefused, match="the policies changed"):
        applied(root, made)


def test_policies_are_asked_before_anything_is_read(root: Path) -> None:
    stated(root, "  mailDomains: [example.org]\n")
    found = refused(root)
    assert {one.code for one in found} == {"outside-mail-domain"}
    assert [str(one.position) for one in found][:2] == ["units/sales.yaml:16:8", "units/sales.yaml:19:11"]


def test_a_rollback_is_asked_too(root: Path) -> None:
    """It is a plan, and what it gives back somebody gains."""
    edit(root, "    roles: [manager]\n", "")
    run = applied(root, planned(root)).run
    stated(
        root,
        "  rules: [{id: no-deletes, each: gain, require: 'gain.privileges.all(p, p.action != \"delete\")'}]\n",
    )
    with pytest.raises(InvalidInput) as raised:
        repository.taken_back(root, run)
    assert [one.code for one in raised.value.findings] == ["no-deletes"]


def test_a_plan_can_be_replaced_by_none_that_hides_its_day(root: Path) -> None:
    made = plan(root, as_of=date(2027, 1, 1))
    assert "as of 2027-01-01" in _header(made)
    assert "as of" not in _header(replace(made, as_of=""))


def _header(made: Plan) -> str:
    from orgsync.render.view import header

    return header(made)
