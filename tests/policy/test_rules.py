"""Rules of one's own: true, false, or an error that says why; never for ever, never by somebody else's program."""

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from orgsync.access import AccessDiff, AccessGroup, Shift
from orgsync.finding import Finding, Position
from orgsync.policy import Terms, child, declared_state, rules
from orgsync.policy.rules import Bounds
from orgsync.policy.state import State
from orgsync.policy.subjects import Subjects
from orgsync.resources import Fields, Organization, Place
from orgsync.settings.policies import SUBJECTS
from tests.stated import policies as policies_of
from tests.stated import rule as rule_of

TODAY = date(2026, 11, 1)
RESOURCES: dict[str, Fields] = {
    "role/rep": {"name": "Rep", "privileges": {"lead": {"read": "unit"}}},
    "role/lead": {"name": "Lead", "includes": ["rep"], "privileged": True, "holders": {"max": 3}},
    "unit/west": {"name": "West", "businessUnit": "company"},
    "unit/oslo": {"name": "Oslo", "businessUnit": "company", "parent": "west", "roles": ["rep"]},
    "user/ana@example.com": {},
    "membership/oslo/ana@example.com": {"until": "2026-11-11", "reason": "Cover"},
    "grant/oslo/ana@example.com/lead": {},
    "user/ben@example.com": {},
    "membership/west/ben@example.com": {},
}
GAIN = AccessGroup(
    gain=True,
    privileged=False,
    roles=("rep",),
    privileges=(Shift(object="lead", action="delete", scope="organization"),),
    privilege_count=1,
    units={"west": 1},
    unit_count=1,
    users=("ben@example.com",),
    user_count=1,
    causes=("grant/west/ben@example.com/rep",),
)


def at(place: Place) -> Position:
    return Position(file="units/a.yaml", line=place[0] + 1)


def state() -> State:
    held = (("oslo", frozenset({"rep", "lead"})),)
    sources = {address: (number, ()) for number, address in enumerate(RESOURCES)}
    organization = Organization(resources=RESOURCES, holdings=lambda: {"ana@example.com": held}, sources=sources)
    return declared_state(organization, at, sound=True, today=TODAY)


def asked(*stated: tuple[str, str], bounds: Bounds = rules.BOUNDS, actor: str = "", **more: str) -> list[Finding]:
    """What rules say, each (sort, expression)."""
    listed = [
        {"id": f"r-{number}", "each": each, "require": require, **more} for number, (each, require) in enumerate(stated)
    ]
    policies = policies_of({"rules": listed})
    terms = Terms(policies=policies, today=TODAY, where=_where)
    subjects = Subjects(state=state(), diff=AccessDiff(groups=(GAIN,)), causes=lambda _: Position(file="cause.yaml"))
    return list(rules.broken([*enumerate(policies.rules)], subjects, terms, actor=actor, bounds=bounds))


def _where(path: Sequence[str | int]) -> Position:
    return Position(file="orgsync.yaml", line=int(path[1]) + 1, column=7 if len(path) == 2 else 9)


TRUE_OF_ALL = [
    ("user", 'user.login.endsWith("@example.com") && user.domain == "example.com" && user.active'),
    ("user", 'user.roles.all(r, r in ["lead", "rep"])'),
    ("user", 'user.privileged == ("lead" in user.roles)'),
    ("user", '!("lead:read" in user.access) || user.access["lead:read"] == "unit"'),
    ("user", "user.name == null && size(user.units) == 1"),
    ("unit", 'unit.level == (unit.parent == "west" ? 2 : 1) && unit.members == 1'),
    ("unit", 'unit.key == "west" || unit.roles.exists(r, r == "rep")'),
    ("role", 'role.key != "lead" || (role.includes == ["rep"] && role.holders == 1 && role.privileged)'),
    ("role", 'role.access["lead:read"] == "unit"'),
    ("assignment", "assignment.days == null || (assignment.days == 10 && assignment.until > today)"),
    ("assignment", 'assignment.unit != "oslo" || (assignment.privileged && assignment.roles == ["lead"])'),
    ("gain", 'gain.privileges.exists(p, p.object == "lead" && p.action == "delete" && p.scope == "organization")'),
    ("gain", 'gain.users.all(u, u != actor) && gain.units == ["west"]'),
    ("loss", "false"),
    ("user", '"user.rolls is only a text" != ""'),
]


def test_a_rule_sees_users_units_roles_assignments_and_what_is_gained() -> None:
    assert asked(*TRUE_OF_ALL, actor="ana@example.com") == []


def test_what_breaks_a_rule_is_told_with_its_message_and_both_places() -> None:
    (finding,) = asked(
        ("user", '!("lead" in user.roles)'),
        message="{user.login} leads {user.units} as {user.roles}",
        remedy="Ask Eve.",
    )
    assert finding.code == "r-0"
    assert finding.detail == "ana@example.com leads oslo as lead, rep"
    assert finding.remedy == "Ask Eve.\nthe rule stands at orgsync.yaml:1:7"
    assert (str(finding.position), finding.address) == ("units/a.yaml:5:1", "user/ana@example.com")


def test_a_gain_that_breaks_a_rule_is_told_where_it_comes_from() -> None:
    (finding,) = asked(("gain", "!(actor in gain.users)"), actor="ben@example.com")
    assert (str(finding.position), finding.detail) == ("cause.yaml:1:1", "ben@example.com")


UNUSABLE = [
    ("1 +", "syntax"),
    ('user.login + 1 == ""', "string + int"),
    ("user.login", "gives a text, not true or false"),
    ("user.access", "gives a mapping"),
    ("user.roles", "gives a list"),
    ("null", "gives something"),
    ("1", "gives a number"),
    ("person.active", "person"),
    ("user.access['nope'] == 'own'", "nope"),
    ("today.nope", ""),
    ("1 / 0 == 1", "zero"),
    ("9223372036854775807 + 1 > 0", "overflow"),
    ("user.login.matches('[')", "regex"),
    ("user.login.matches('((a{1000}){1000}){1000}')", "size limit"),
    ("user.login.nope()", "nope"),
    ("[1][5] == 1", ""),
    ("((((" * 200, ""),
    ("int(user.login) == 1", ""),
]


def test_a_rule_that_cannot_be_used_is_an_error_that_says_why_and_hides_no_other() -> None:
    found = asked(*(("user", one) for one, _ in UNUSABLE), ("user", "false"))
    faults, told = found[: len(UNUSABLE)], found[len(UNUSABLE) :]
    for line, (one, (expression, words)) in enumerate(zip(faults, UNUSABLE, strict=True), 1):
        assert (one.code, str(one.position)) == ("unusable-rule", f"orgsync.yaml:{line}:9"), expression
        assert words.lower() in one.detail.lower(), (expression, one.detail)
        assert len(one.detail) < 500
        assert "\n" not in one.detail
    assert [one.code for one in told] == [f"r-{len(UNUSABLE)}"] * 2


def test_a_text_that_does_not_parse_is_told_with_its_place_and_without_a_picture() -> None:
    (finding,) = asked(("user", "user.login = 1"))
    assert finding.detail == "r-0: line 1, column 12 of it: Syntax error: token recognition error at: '= '"


def _nested(depth: int) -> str:
    names = [f"x{number}" for number in range(depth)]
    return "".join(f"[1,2,3,4,5,6,7,8,9].all({name}, " for name in names) + "true" + ")" * depth


HOSTILE = {
    "a comprehension within a comprehension": _nested(12),
    "a sum of two thousand parts": "+".join("1" * 990) + " > 0",
    "a tower of negations": "!" * 1900 + "true",
    "a text that doubles": 'cel.bind(a, "' + "x" * 900 + '", true)',
    "a list of lists that grow": "[0,0,0,0,0,0,0,0,0,0]"
    + "".join(f".map(x{n}, [{','.join([f'x{n}'] * 30)}])" for n in range(8))
    + ".size() > 0",
    "a regular expression that goes back": r'("' + "a" * 300 + r'!").matches("^(a+)+$")',
}


@pytest.mark.parametrize("what", HOSTILE)
def test_a_hostile_expression_ends_soon_and_is_told_or_harmless(what: str) -> None:
    found = asked(
        ("user", HOSTILE[what]), ("user", 'user.login != "ben@example.com"'), bounds=Bounds(seconds=1, bytes=512 << 20)
    )
    assert {one.code for one in found} <= {"unusable-rule", "r-0", "r-1"}
    assert found, "the second rule is either told of, or said not to have been asked"


def test_a_rule_that_runs_for_ever_is_named_and_so_are_those_that_waited() -> None:
    found = asked(("user", _nested(12)), ("user", "false"), bounds=Bounds(seconds=1))
    assert [one.detail for one in found] == [
        "r-0: it takes longer than 1 seconds",
        "r-1: the rules before it took all of the 1 seconds",
    ]


def test_memory_is_bounded() -> None:
    (finding,) = asked(("user", HOSTILE["a list of lists that grow"]), bounds=Bounds(seconds=20, bytes=400 << 20))
    assert finding.detail == "r-0: it needs too much memory or too much depth"


def test_without_a_rule_no_process_is_started(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(subprocess, "run", None)
    assert asked() == []


def test_the_process_gets_no_secret_and_takes_no_module_from_where_it_runs(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "cel.py").write_text("raise SystemExit('taken over')")
    (tmp_path / "json.py").write_text("raise SystemExit('taken over')")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("CRM_SECRET", "canary")
    seen: list[dict[str, Any]] = []
    run = subprocess.run

    def watched(*arguments: Any, **named: Any) -> Any:
        seen.append(named)
        return run(*arguments, **named)

    monkeypatch.setattr(subprocess, "run", watched)
    assert asked(("user", "true")) == []
    (named,) = seen
    assert named["env"].keys() <= {"HOME", "LD_LIBRARY_PATH", "PATH", "PYTHONPATH", "SYSTEMROOT"}
    assert os.environ["CRM_SECRET"] == "canary"


def test_a_missing_library_is_an_error_and_not_a_rule_that_holds(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    broken = tmp_path / "child.py"
    broken.write_text("import a_package_that_is_not_there\n")
    monkeypatch.setattr(rules, "_CHILD", str(broken))
    (finding,) = asked(("user", "true"))
    assert finding.detail == "r-0: the package common-expression-language is not installed"


@pytest.mark.parametrize("each", SUBJECTS)
def test_a_subject_has_the_fields_that_the_settings_know(each: str) -> None:
    subjects = Subjects(state=state(), diff=AccessDiff(groups=(GAIN,)))
    assert {tuple(one.fields) for one in subjects.of(each)} <= {SUBJECTS[each]}


def test_the_program_answers_line_by_line() -> None:
    """What runs in the other process, in this one."""
    question: dict[str, Any] = {"subjects": {"user": [{"login": "a", "access": 0}, {"login": "b", "access": 0}]}}
    question |= {"shared": [{"lead:read": "own"}], "common": {"today": "2026-11-01", "actor": ""}}
    rule: dict[str, Any] = {"each": "user", "require": 'user.login == "a"', "fields": ["login"]}
    assert child.answer(rule, question) == {"broken": [1]}
    rule = {"each": "user", "require": 'user.access["lead:read"] == "own"', "fields": ["access"]}
    assert child.answer(rule, question) == {"broken": []}
    assert child.answer({**rule, "require": "user.access"}, question) == {
        "fault": "it gives a mapping, not true or false",
        "of": 0,
    }
    assert "fault" in child.answer({**rule, "require": "("}, question)


def test_the_program_reads_and_writes_json() -> None:
    question = {"rules": [], "subjects": {}, "shared": [], "common": {}, "seconds": 1, "bytes": 1 << 30}
    done = subprocess.run(
        [sys.executable, str(rules._CHILD)], input=json.dumps(question), capture_output=True, text=True, check=True
    )
    assert (done.stdout, done.stderr) == ("", "")


def test_a_rule_uses_only_what_it_names(monkeypatch: pytest.MonkeyPatch) -> None:
    questions: list[Any] = []

    def ask(question: Any, _: float) -> tuple[list[Any], str]:
        questions.append(question)
        return [{"broken": []}] * len(question["rules"]), ""

    monkeypatch.setattr(rules, "_ask", ask)
    asked(("user", 'user.active && user . login != "user.roles"'), ("user", "[user].size() == 1"))
    first, second = questions[0]["rules"]
    assert first["fields"] == ["active", "login"]
    assert second["fields"] == list(SUBJECTS["user"])


def test_a_rule_is_a_value() -> None:
    rule = rule_of({"id": "a", "each": "user", "require": "true"})
    assert (rule.severity, rule.message) == ("error", None)
