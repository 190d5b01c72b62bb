"""Severities and waivers: what is waived is told with its reason, until its last day, and never beyond."""

import json
from collections.abc import Sequence
from datetime import date

import pytest

from orgsync.finding import Finding, Position, Severity
from orgsync.policy import Terms, about_waivers, settle
from orgsync.policy.state import finding
from orgsync.render import github, markdown, sarif, shapes
from orgsync.render.text import Page, findings
from tests.stated import policies as policies_of

TODAY = date(2026, 11, 1)
AT = Position(file="units/a.yaml", line=3)


def where(path: Sequence[str | int]) -> Position:
    return Position(file="orgsync.yaml", line=int(path[1]) + 1)


def terms(*waivers: dict[str, str], today: date = TODAY, live: bool = False, **stated: object) -> Terms:
    listed = [{"reason": "Agreed with Eve", "until": "2026-12-31", **one} for one in waivers]
    return Terms(policies=policies_of({"waivers": listed, **stated}), today=today, where=where, live=live)


def fault(code: str = "conflicting-roles", address: str = "user/ana@example.com") -> Finding:
    return finding(code, "ana@example.com holds both", address, AT)


def waived(found: Finding, *waivers: dict[str, str], today: date = TODAY, live: bool = False) -> bool:
    (told,), used = settle([found], terms(*waivers, today=today, live=live))
    assert bool(told.waiver) == bool(used)
    assert (told.severity is Severity.INFO) == bool(used)
    return bool(used)


@pytest.mark.parametrize(
    ("waiver", "holds"),
    [
        ({"code": "conflicting-roles"}, True),
        ({"code": "conflicting-roles", "address": "user/ana@example.com"}, True),
        ({"code": "conflicting-roles", "address": "user/*@example.com"}, True),
        ({"code": "conflicting-roles", "address": "user/an?@example.com"}, True),
        ({"code": "conflicting-roles", "address": "user/an[a]@example.com"}, True),
        ({"code": "conflicting-roles", "address": "user/ben@example.com"}, False),
        ({"code": "conflicting-roles", "address": "user/ana@example.co"}, False),
        ({"code": "conflicting-roles", "address": "role/*"}, False),
        ({"code": "too-many-holders"}, False),
        ({"code": "conflicting-roles", "live": "true"}, False),
    ],
)
def test_a_waiver_covers_its_code_and_address_alone(waiver: dict[str, str], holds: bool) -> None:  # noqa: FBT001
    assert waived(fault(), waiver) is holds


@pytest.mark.parametrize(("day", "holds"), [(30, True), (31, True), (1, False)])
def test_the_last_day_of_a_waiver_counts(day: int, holds: bool) -> None:  # noqa: FBT001
    today = date(2027, 1, 1) if day == 1 else date(2026, 12, day)
    assert waived(fault(), {"code": "conflicting-roles"}, today=today) is holds


def test_of_two_waivers_an_ended_one_does_not_hide_the_other() -> None:
    ended = {"code": "conflicting-roles", "until": "2026-10-31"}
    assert waived(fault(), ended, {"code": "conflicting-roles"})
    assert waived(fault(), {"code": "conflicting-roles", "live": "true"}, live=True)


def test_severities_are_as_stated_and_off_is_off() -> None:
    stated = terms(severities={"conflicting-roles": "warning", "unit-without-owner": "off"})
    other = Finding(code="yaml-syntax", summary="not YAML")
    told, _ = settle([fault(), fault("unit-without-owner"), other], stated)
    assert [(one.code, one.severity) for one in told] == [
        ("conflicting-roles", Severity.WARNING),
        ("yaml-syntax", Severity.ERROR),
    ]


def test_no_waiver_covers_what_is_no_policy() -> None:
    broken = Finding(code="unusable-rule", summary="a rule cannot be evaluated")
    rules = [{"id": "unusable-rule-x", "each": "user", "require": "true"}]
    told, used = settle([broken], terms({"code": "unusable-rule-x"}, rules=rules))
    assert (told, used) == ([broken], set())


@pytest.mark.parametrize(
    ("waiver", "used", "codes"),
    [
        ({"code": "conflicting-roles"}, True, []),
        ({"code": "conflicting-roles"}, False, ["unused-waiver"]),
        ({"code": "conflicting-roles", "until": "2026-11-15"}, True, ["waiver-ends-soon"]),
        ({"code": "conflicting-roles", "until": "2026-11-16"}, True, []),
        ({"code": "conflicting-roles", "until": "2026-11-01"}, True, ["waiver-ends-soon"]),
        ({"code": "conflicting-roles", "until": "2026-10-31"}, False, ["waiver-expired"]),
        ({"code": "own-access-raised"}, False, []),
        ({"code": "role-without-holders"}, False, []),
        ({"code": "conflicting-roles", "live": "true"}, False, []),
    ],
)
def test_waivers_that_end_or_waive_nothing_are_told(waiver: dict[str, str], used: bool, codes: list[str]) -> None:  # noqa: FBT001
    found = list(about_waivers(terms(waiver), {0} if used else set()))
    assert [one.code for one in found] == codes
    assert all(one.position == Position(file="orgsync.yaml", line=1) for one in found)


def test_every_format_says_what_is_waived_until_when_and_why() -> None:
    (told,), _ = settle([fault()], terms({"code": "conflicting-roles"}))
    said = "waived until 2026-12-31: Agreed with Eve"
    assert any(said in line.plain for line in findings([told], Page(), lambda _: ""))
    assert "take one of them away" not in "".join(line.plain for line in findings([told], Page(), lambda _: ""))
    assert github.findings([told]).startswith("::notice file=units/a.yaml,line=3,")
    assert "waived until 2026-12-31: Agreed with Eve" in github.findings([told])
    assert shapes.findings([told])[0]["waiver"] == "until 2026-12-31: Agreed with Eve"
    assert "waived until 2026" in markdown.findings([told], "1 note")
    (result,) = json.loads(json.dumps(sarif.findings([told])))["runs"][0]["results"]
    assert result["suppressions"] == [{"kind": "external", "justification": said}]
    assert "suppressions" not in sarif.findings([fault()])["runs"][0]["results"][0]


def test_many_waivers_and_many_findings_take_no_time_that_grows_with_both() -> None:
    addresses = [f"user/p{number}@example.com" for number in range(20_000)]
    stated = terms(*({"code": "conflicting-roles", "address": one} for one in addresses))
    told, used = settle([fault(address=one) for one in addresses], stated)
    assert len(used) == len(told) == 20_000
