"""A malicious pull request and a CRM that was taken over: their texts are shown, and act nowhere.

Every case is compared with a harmless twin: the same organization with a plain word where the text stands. What a
destination makes of both (elements, lines, values) must be the same but for the words.
"""

import json
import re
import shutil
import sqlite3
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from orgsync import adapters
from orgsync.change import Action, Change
from orgsync.explain import attributes
from orgsync.finding import Finding, Position
from orgsync.plan import Guard, Plan, Target, save, seal
from orgsync.render import markdown
from orgsync.revision import revision
from tests import hostile_crm
from tests.commands import Answer, command
from tests.figures import record
from tests.hostile import (
    HARMLESS,
    TEXTS,
    controls,
    heaps,
    holds,
    linked,
    quoted,
    rendered,
    structure,
    without_colours,
    workflow_commands,
)
from tests.render import plans

PLAN_FORMATS = ("text", "json", "markdown", "html", "github", "sarif")
SEEN = ("text", "json", "markdown")
LOGIN = "o'|{{7*7}}~#1~*x*_$y$@evil.example"
PLAIN_LOGIN = "plain@evil.example"
Texts = Mapping[str, str]

SETTINGS = """
apiVersion: orgsync/v1
kind: Settings
organization: {organization}
targets:
  demo:
    adapter: local
    url: sqlite:///.orgsync/demo.db
    missingUsers: create
    prune: [membership, grant, unit, role, function, businessUnit]
safety:
  protected: [{protected}]
  administrators: 0
policies:
  longestUntil: {{assignment: 1d}}
  waivers: [{{code: until-too-far, reason: {waiver}, until: 2036-01-01}}]
"""
UNITS = """
apiVersion: orgsync/v1
kind: BusinessUnit
key: commercial
name: {bu_name}
description: {bu_description}
---
apiVersion: orgsync/v1
kind: Unit
key: sales
name: {unit_name}
description: {unit_description}
businessUnit: commercial
owner: {login}
roles: [rep]
workflows:
  - name: {workflow}
    url: https://example.com
assignments:
  - user: {login}
    roles: [admin]
    until: 2036-01-01
    reason: {reason}
  - user: ana@example.com
"""
ROLES = """
apiVersion: orgsync/v1
kind: Function
key: selling
name: {function_name}
description: {function_description}
privileges:
  lead: [read]
---
apiVersion: orgsync/v1
kind: Role
key: rep
name: {role_name}
description: {role_description}
privileges:
  lead: {{read: unit}}
bind:
  other: {{role: {bound}}}
---
apiVersion: orgsync/v1
kind: Role
key: admin
name: Administrator
privileged: true
includes: [rep]
"""
PLACES = (
    "organization",
    "protected",
    "waiver",
    "bu_name",
    "bu_description",
    "unit_name",
    "unit_description",
    "workflow",
    "reason",
    "function_name",
    "function_description",
    "role_name",
    "role_description",
    "bound",
)

FAULTS = """
apiVersion: {text}
kind: Unit
key: a
---
apiVersion: orgsync/v1
kind: {text}
key: b
---
apiVersion: orgsync/v1
kind: Unit
key: {text}
name: {text}
businessUnit: {text}
parent: {text}
owner: {text}
type: {text}
roles: [{text}]
review: {{every: {text}}}
workflows:
  - name: {text}
    url: {text}
assignments:
  - user: {text}
    roles: [{text}]
    until: {text}
    reason: {text}
previously: [{text}]
---
apiVersion: orgsync/v1
kind: Unit
key: c
name: c
businessUnit: c
{text}: 1
---
apiVersion: orgsync/v1
kind: Role
key: {text}
name: {text}
functions: {{{text}: {text}}}
privileges: {{{text}: {{{text}: {text}}}}}
conflictsWith: [{text}]
holders: {{min: {text}}}
---
{text}: {text}
{text}: {text}
"""
BAD_SETTINGS = """
apiVersion: orgsync/v1
kind: Settings
organization: {text}
defaultTarget: {text}
targets:
  {text}: {{adapter: local}}
  demo:
    adapter: {text}
    url: {text}
    missingUsers: {text}
    {text}: {text}
    credentials: {{{text}: {text}}}
journal: {text}
safety:
  removals: {{share: {text}, count: {text}}}
  kinds: {{{text}: {{}}}}
  window: {text}
policies:
  severities: {{{text}: {text}}}
  mailDomains: [{text}]
  names: {{unit: {{key: {text}, {text}: a}}}}
  accounts: {{{text}: {text}}}
  rules: [{{id: {text}, each: {text}, require: {text}, message: {text}}}]
  waivers: [{{code: {text}, address: {text}, reason: {text}, until: {text}}}]
{text}: {text}
"""


@pytest.fixture(autouse=True)
def _page(monkeypatch: pytest.MonkeyPatch) -> None:
    _calm(monkeypatch)


def _calm(monkeypatch: pytest.MonkeyPatch) -> None:
    """A page so wide that nothing moves to a line of its own."""
    for name in ("CI", "NO_COLOR", "FORCE_COLOR", "COLUMNS", "GITHUB_ACTOR", "ORGSYNC_ACTOR"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("COLUMNS", "2000")


class Leaks:
    """What acted, in words; and how many outputs were looked at."""

    def __init__(self, suite: str, part: str, *, lines: bool = True) -> None:
        """``lines``: False for texts that are wider than any page."""
        self._suite, self._part = suite, part
        self.lines, self.tried = lines, 0
        self.found: list[str] = []

    def look(self, what: str, style: str, answer: Answer, twin: Answer | None = None) -> None:
        """``twin``: of the same shape, or None where there is none; then only what may never be is looked for."""
        self.tried += 1
        before = len(self.found)
        self._terminal(answer.err)
        if style != "html":
            self._terminal(answer.out)
        if style != "github":
            self._all("is a workflow command", workflow_commands(answer.out))
        self._all("is a workflow command on stderr", workflow_commands(answer.err))
        getattr(self, f"_{style}")(answer.out, twin.out if twin else None)
        if twin is not None and answer.code != twin.code:
            self.found.append(f"exit code {answer.code}, not {twin.code}: {answer.err[-300:]}")
        if answer.code == 70:
            self.found.append(f"internal error: {answer.err[-300:]}")
        self.found[before:] = [f"{what}: {one}" for one in self.found[before:]]

    def settle(self) -> None:
        record(self._suite, self._part, tried=self.tried, leaked=len(self.found))
        assert not self.found, "\n".join(self.found[:20])

    def _all(self, says: str, found: object) -> None:
        self.found += [f"{says}: {str(one)[:200]!r}" for one in (found if isinstance(found, list) else [found]) if one]

    def _terminal(self, text: str) -> None:
        self._all("acts on a terminal", dict(controls(text)))
        self._all("grows over its neighbours", heaps(text))

    def _text(self, page: str, twin: str | None) -> None:
        if self.lines and twin is not None and page.count("\n") != twin.count("\n"):
            self.found.append(f"{page.count(chr(10))} lines, not {twin.count(chr(10))}")

    def _json(self, page: str, twin: str | None) -> None:
        value = json.loads(page)
        if twin is not None and _shape(value) != _shape(json.loads(twin)):
            self.found.append("another shape of JSON")

    def _sarif(self, page: str, twin: str | None) -> None:
        self._json(page, twin)
        messages = [one["message"]["text"] for one in json.loads(page)["runs"][0]["results"]]
        self._all("is a link in a viewer of SARIF", [one for one in messages if "](" in one])
        for one in messages:
            self._terminal(one)

    def _github(self, page: str, twin: str | None) -> None:
        lines = page.split("\n")
        ours = [line for line in lines if line.startswith(("::error ", "::warning ", "::notice "))]
        self._all("is no command of ours", [line for line in lines if line and line not in ours])
        self._all(
            "has another property", [line for line in ours if _properties(line) - {"file", "line", "col", "title"}]
        )
        if twin is not None and len(lines) != len(twin.split("\n")):
            self.found.append(f"{len(lines)} commands, not {len(twin.split(chr(10)))}")

    def _mermaid(self, page: str, twin: str | None) -> None:
        """What a name does within a label is told by Mermaid itself (tests/render/picture)."""
        self._text(page, twin)

    def _dot(self, page: str, twin: str | None) -> None:
        self._text(page, twin)

    def _markdown(self, page: str, twin: str | None) -> None:
        self._page(rendered(page), rendered(twin) if twin is not None else None)
        if len(page) > 65_536:
            self.found.append(f"{len(page)} characters are no comment")

    def _html(self, page: str, twin: str | None) -> None:
        self._terminal(page)
        self._page(page, twin, links=False)

    def _page(self, page: str, twin: str | None, *, links: bool = True) -> None:
        elements = structure(page)
        never = ("/a[", "/img", "script", "on", "iframe", "unexpected", "left open", "unknown", "instruction")
        self._all("should not be there", [one for one in elements if _never(one, never)])
        if links:
            self._all("is linked", linked(page))
        if twin is not None and elements != structure(twin):
            other = structure(twin)
            self.found.append(f"other elements: +{dict(elements - other)} -{dict(other - elements)}")


def _never(element: str, words: tuple[str, ...]) -> bool:
    tag = element.rpartition("/")[2]
    return any(element.startswith(word) or word in element for word in words[:2]) or any(
        element.startswith(word) or tag.startswith(word) for word in words[2:]
    )


def _properties(line: str) -> set[str]:
    stated = line.partition(" ")[2].partition("::")[0]
    return {pair.partition("=")[0] for pair in stated.split(",")}


def _shape(value: object) -> object:
    """Members and lengths; what the texts are does not matter, nor in which order equal things stand."""
    if isinstance(value, dict):
        return {name if re.fullmatch("[a-z][A-Za-z]*", name) else "": _shape(one) for name, one in value.items()}
    if isinstance(value, list):
        return sorted((_shape(one) for one in value), key=repr)
    return type(value).__name__


# A pull request


def repository(root: Path, texts: Texts, login: str = PLAIN_LOGIN) -> Path:
    """``texts``: place -> what stands there."""
    values = {place: quoted(text) for place, text in texts.items()}
    values = dict.fromkeys(PLACES, quoted(HARMLESS)) | values | {"login": quoted(login)}
    (root / "units").mkdir(parents=True, exist_ok=True)
    (root / "roles").mkdir(exist_ok=True)
    (root / "orgsync.yaml").write_text(SETTINGS.format(**values), encoding="utf-8")
    (root / "units" / "units.yaml").write_text(UNITS.format(**values), encoding="utf-8")
    (root / "roles" / "roles.yaml").write_text(ROLES.format(**values), encoding="utf-8")
    return root


def at(root: Path, style: str, *arguments: str) -> Answer:
    return command("--repo", str(root), "--format", style, *arguments)


def everything(root: Path) -> Iterator[tuple[str, str, Answer]]:
    """(what, format, answer) of the whole life of an organization."""
    for style in ("text", "json", "markdown", "github", "sarif"):
        yield "validate", style, at(root, style, "validate")
    for style in PLAN_FORMATS:
        yield "plan", style, at(root, style, "plan", "-v", "-o", str(root / "a.plan.json"))
    yield "show", "text", at(root, "text", "show", str(root / "a.plan.json"))
    for style in SEEN:
        yield "drift before", style, at(root, style, "drift")
    yield "apply", "text", at(root, "text", "apply", "--yes", "-v", str(root / "a.plan.json"))
    yield "graph org", "mermaid", at(root, "mermaid", "graph", "org", "--live")
    yield "graph roles", "dot", at(root, "dot", "graph", "roles", "--live")
    yield "history", "text", at(root, "text", "history")
    yield "history", "json", at(root, "json", "history")
    yield "doctor", "text", at(root, "text", "doctor")
    yield "doctor", "json", at(root, "json", "doctor")
    yield "targets", "text", at(root, "text", "targets")
    yield "targets", "json", at(root, "json", "targets")
    (root / "units" / "units.yaml").write_text(FEWER, encoding="utf-8")
    accept = [one for name in ACCEPTED for one in ("--accept", name)]
    for style in PLAN_FORMATS:
        yield "plan of removals", style, at(root, style, "plan", "-v")
    for style in SEEN:
        yield "drift", style, at(root, style, "drift")
        yield "apply refused", style, at(root, style, "apply", "--yes")
    for style in SEEN:
        yield "apply of removals", style, at(root, style, "apply", "--yes", *accept)


FEWER = "apiVersion: orgsync/v1\nkind: BusinessUnit\nkey: other\nname: Other\n"
ACCEPTED = ("unit-removals", "business-unit-removals", "membership-removals", "grant-removals", "shrink", "protected")


def refused_places(root: Path, text: str) -> set[str]:
    """Where this text is not let in at all: as one line, or as several."""
    lines = {place for place in PLACES if "description" in place or place == "reason"}
    alike = {
        "unit_name": {*PLACES} - lines - {"organization", "protected"},
        "organization": {"organization", "protected"},
    }
    alike["unit_description"] = lines
    return {
        place
        for one, places in alike.items()
        if at(repository(root, {one: text}), "json", "validate").code
        for place in places
    }


def fits(text: str) -> bool:
    return len(text) < 200


@pytest.fixture(scope="module")
def patient() -> Iterator[pytest.MonkeyPatch]:
    with pytest.MonkeyPatch.context() as patch:
        yield patch


@pytest.fixture(scope="module")
def twin(tmp_path_factory: pytest.TempPathFactory, patient: pytest.MonkeyPatch) -> dict[tuple[str, str], Answer]:
    _calm(patient)
    root = repository(tmp_path_factory.mktemp("twin"), dict.fromkeys(PLACES, HARMLESS))
    return {(what, style): answer for what, style, answer in everything(root)}


@pytest.mark.parametrize("name", TEXTS)
def test_a_text_of_a_pull_request_acts_nowhere(name: str, tmp_path: Path, twin: dict[tuple[str, str], Answer]) -> None:
    text = TEXTS[name]
    refused = refused_places(tmp_path / "asked", text)
    stated = {place: HARMLESS if place in refused else text for place in PLACES}
    root = repository(tmp_path / "pull", stated, LOGIN)
    leaks = Leaks("hostile names", f"pull request {name}", lines=fits(text))
    for what, style, answer in everything(root):
        leaks.look(f"{what} {style}", style, answer, twin[what, style])
        if (what, style) == ("plan", "json") and "unit_description" not in refused and not holds(text, answer.out):
            leaks.found.append("plan json: the text is not what it was")
    leaks.settle()


@pytest.mark.parametrize("name", TEXTS)
@pytest.mark.parametrize("file", ["units/faults.yaml", "orgsync.yaml"])
def test_a_refused_text_acts_nowhere(name: str, file: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    root = repository(tmp_path, {})
    template = FAULTS if file.startswith("units") else BAD_SETTINGS
    (root / file).write_text(template.format(text=quoted(TEXTS[name])), encoding="utf-8")
    leaks = Leaks("hostile names", f"refused in {file} {name}")
    for style in ("text", "json", "markdown", "github", "sarif"):
        answer = at(root, style, "validate")
        if file == "orgsync.yaml" and style == "markdown":
            leaks.look(f"validate {style}", "text", answer)
        else:
            leaks.look(f"validate {style}", style, answer)
        assert answer.code == 2
    for style in PLAN_FORMATS:
        answer = at(root, style, "plan")
        leaks.look(f"plan {style}", style if style in {"json", "sarif", "github"} else "text", answer)
    monkeypatch.setenv("FORCE_COLOR", "1")
    answer = at(root, "text", "validate")
    coloured = Answer(code=answer.code, out=without_colours(answer.out), err=without_colours(answer.err))
    leaks.look("validate in colour", "text", coloured)
    leaks.settle()


# A CRM


@pytest.fixture
def taken_over(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    monkeypatch.setattr(adapters, "BUILT_IN", {**adapters.BUILT_IN, "hostile": "tests.hostile_crm:opener"})
    root = repository(tmp_path, {})
    settings = (root / "orgsync.yaml").read_text(encoding="utf-8")
    (root / "orgsync.yaml").write_text(
        settings.replace("adapter: local", "adapter: hostile").replace("    url: sqlite:///.orgsync/demo.db\n", ""),
        encoding="utf-8",
    )
    yield root
    hostile_crm.SAID.text, hostile_crm.SAID.mode = "", "answers"


def answers_of_a_crm(root: Path, text: str) -> Iterator[tuple[str, str, Answer]]:
    said = hostile_crm.SAID
    said.text, said.mode, said.reads = text, "answers", 0
    accept = [one for name in (*ACCEPTED, "role-removals", "function-removals") for one in ("--accept", name)]
    plan = str(root / "crm.plan.json")
    for style in PLAN_FORMATS:
        yield "plan", style, at(root, style, "plan", "-v", "-o", plan)
        yield "show", style, at(root, style, "show", "-v", plan)
    for style in SEEN:
        yield "drift", style, at(root, style, "drift", "-v")
    yield "doctor", "text", at(root, "text", "doctor")
    yield "doctor", "json", at(root, "json", "doctor")
    for mode in ("refuses", "breaks", "answers"):
        for style in SEEN:
            said.mode = mode
            yield f"apply that {mode}", style, at(root, style, "apply", "--yes", "-v", *accept)
    said.mode = "moves"
    for style in SEEN:
        said.reads = 0
        yield "apply that moves", style if style == "json" else "text", at(root, style, "apply", "--yes", *accept)
    said.mode = "cannot be read"
    for style in PLAN_FORMATS:
        machine = style if style in {"json", "sarif", "github"} else "text"
        yield f"plan that cannot be read as {style}", machine, at(root, style, "plan")
    yield "doctor that cannot read", "text", at(root, "text", "doctor")
    yield "history", "text", at(root, "text", "history")
    yield "history", "json", at(root, "json", "history")


@pytest.mark.parametrize("name", [*TEXTS, "half a pair of surrogates"])
def test_a_text_of_a_crm_acts_nowhere(name: str, taken_over: Path) -> None:
    text = TEXTS.get(name, "a\ud800b\udc00")
    twins = [one for *_, one in answers_of_a_crm(taken_over, "Innocent")]
    (taken_over / ".orgsync" / "journal.db").unlink(missing_ok=True)
    leaks = Leaks("hostile names", f"crm {name}", lines=fits(text))
    for (what, style, answer), other in zip(answers_of_a_crm(taken_over, text), twins, strict=True):
        leaks.look(f"{what} {style}", style, answer, other)
        if (what, style) == ("plan", "json") and not holds(text, answer.out):
            leaks.found.append("plan json: the text is not what it was")
    leaks.settle()


STRANGE = {
    "UPDATE crm_unit SET external_id = 'a/b/c'": 4,
    "UPDATE crm_unit SET external_id = ''": 4,
    "UPDATE crm_unit SET external_id = '../../etc'": 4,
    "UPDATE crm_unit SET external_id = '-'": 0,
    "UPDATE crm_unit SET external_id = 'Sales Team'": 0,
    "UPDATE crm_user SET login = 'a/b@example.com' WHERE id = 1": 4,
    "UPDATE crm_user SET login = '' WHERE id = 1": 4,
    "UPDATE crm_unit SET changed_at = 'yesterday'": 4,
    "UPDATE crm_unit SET workflows = '{'": 4,
    "UPDATE crm_unit SET workflows = '[[[1]]]'": 0,
    "UPDATE crm_unit SET name = 7": 0,
    "UPDATE crm_user SET active = 'x'": 0,
    "UPDATE crm_role_privilege SET scope = 'galaxy'": 0,
    "UPDATE crm_unit SET parent_id = id": 0,
    "DELETE FROM crm_user": 4,
    "DROP TABLE crm_grant": 4,
}
"""What somebody did to the CRM's database -> exit code of the next plan."""


@pytest.mark.parametrize("done", STRANGE)
def test_an_answer_that_makes_no_sense_is_told_and_nothing_is_done_about_it(done: str, tmp_path: Path) -> None:
    root = repository(tmp_path, {})
    assert at(root, "text", "apply", "--yes").code == 0
    with closing(sqlite3.connect(root / ".orgsync" / "demo.db")) as database:
        database.execute("PRAGMA foreign_keys = OFF")
        database.execute(done)
        database.commit()
    leaks = Leaks("hostile names", f"strange {done}")
    for arguments in (["plan"], ["drift"], ["apply", "--yes"]):
        answer = at(root, "text", *arguments)
        leaks.look(" ".join(arguments), "text", answer)
        if arguments == ["plan"] and answer.code != STRANGE[done]:
            leaks.found.append(f"plan: exit code {answer.code}: {answer.err}")
    leaks.settle()


# A plan file


@pytest.mark.parametrize("name", TEXTS)
def test_a_text_of_a_forged_plan_acts_nowhere(name: str, tmp_path: Path) -> None:
    """Whoever writes a plan file can seal it, too: ``show`` must be safe with any."""
    leaks = Leaks("hostile names", f"plan {name}", lines=fits(TEXTS[name]))
    for style in PLAN_FORMATS:
        twin, answer = (shown(forged(text), tmp_path, style) for text in (HARMLESS, TEXTS[name]))
        assert twin.code == 0
        leaks.look(f"show {style}", style, answer, twin)
    leaks.settle()


def shown(plan: Plan, folder: Path, style: str) -> Answer:
    save(plan, folder / "forged.json", attributes)
    return command("--format", style, "show", "-v", str(folder / "forged.json"))


def forged(text: str) -> Plan:
    """One of everything, with this text wherever a plan has one."""
    plan = plans.everything()
    found = Finding(code=text, summary=text, detail=text, remedy=text.replace("\n", " "), address=text)
    return seal(
        replace(
            plan,
            target=Target(name=text, adapter=text, identity=text),
            revision=text,
            contents=text,
            changes=tuple(replace(one, reason=text, remote_id=text) for one in plan.changes),
            withheld=tuple(replace(one, reason=text) for one in plan.withheld),
            effects=tuple(replace(one, cause=text, summary=text) for one in plan.effects),
            guards=tuple(replace(one, name=text, text=text) for one in plan.guards),
            findings=(found, replace(found, position=Position(file=text, line=7))),
            origins={one.id: f"{text}:1:1" for one in plan.changes},
            names={one.address: text for one in plan.changes} | {"unit/sales": text, "unit/benelux": text},
        )
    )


def test_a_huge_text_hides_no_other_change() -> None:
    """A comment is cut at some length: not where somebody else's risky change would have stood."""
    huge = [
        Change(address=f"unit/a{n}", action=Action.CREATE, after={"name": "&" * 90_000, "description": "$" * 9_000})
        for n in range(30)
    ]
    names = {one.address: "&" * 90_000 for one in huge}
    quiet = Change(address="grant/-/mallory@example.com/administrator", action=Action.CREATE, after={})
    guard = Guard(name="gains", text="!" * 90_000, violated=True)
    risky = frozenset(one.id for one in [*huge, quiet])
    plan = plans.of(*huge, quiet, names=names, risky=risky, guards=(guard,))
    page = markdown.plan(plan)
    hidden = ("mallory" not in page) + ("31 to create" not in page) + ("more entr" not in page)
    record("hostile names", "a huge text", tried=1, leaked=hidden)
    assert not hidden
    assert len(page) < 65_536
    assert "left open" not in str(structure(rendered(page)))
    assert not linked(rendered(page))


# Files and folders


@pytest.mark.parametrize("name", TEXTS)
def test_the_name_of_a_file_acts_nowhere(name: str, tmp_path: Path) -> None:
    leaks = Leaks("hostile names", f"file {name}", lines=fits(TEXTS[name]))
    twins = list(answers_of_files(repository(tmp_path / "twin", {}), HARMLESS))
    for (style, answer), (_, twin) in zip(
        answers_of_files(repository(tmp_path / "pull", {}), TEXTS[name]), twins, strict=True
    ):
        leaks.look(style, style, answer, twin)
    leaks.settle()


def answers_of_files(root: Path, text: str) -> Iterator[tuple[str, Answer]]:
    """Sound documents in a folder of that name, then one with a fault beside them."""
    name = text.replace("/", "_").replace("\0", "_").encode()[:120].decode(errors="ignore")
    folder = root / "units" / name
    folder.mkdir()
    (root / "units" / "units.yaml").rename(folder / f"{name}.yaml")
    for style in PLAN_FORMATS:
        yield style, at(root, style, "plan", "-v")
    (folder / f"-{name}.yaml").write_text("apiVersion: orgsync/v1\nkind: Unit\nkey: a\n", encoding="utf-8")
    for style in ("text", "json", "markdown", "github", "sarif"):
        yield style, at(root, style, "validate")


SECRET = "name: s3cr3t-of-the-machine\n[core\n"


@pytest.mark.parametrize(
    ("link", "to"),
    [
        ("units/x.yaml", "outside/secret"),
        ("units/x.yaml", "repository/.git/config"),
        ("units/x.yaml", "repository/.orgsync/notes"),
        ("units/x.yaml", "repository/private.yaml"),
        ("units/deep/x.yaml", "repository/.git/config"),
        ("roles/x.yml", "repository/.git/config"),
        ("orgsync.yaml", "outside/secret"),
        ("orgsync.yaml", "repository/.git/config"),
        ("units", "outside"),
        ("units/folder", "outside"),
        ("units/x.yaml", "/etc/passwd"),
        ("orgsync.yaml", "/etc/passwd"),
        ("orgsync.yaml", "/proc/self/environ"),
        ("units/x.yaml", "/dev/zero"),
        ("orgsync.yaml", "/dev/zero"),
    ],
)
def test_a_link_shows_nobody_what_it_points_at(
    link: str, to: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CRM_LOGIN", "s3cr3t-of-the-machine")
    root = repository(tmp_path / "repository", {})
    for folder in ("../outside", ".git", ".orgsync"):
        (root / folder).mkdir()
    for file in ("../outside/secret", "../outside/x.yaml", ".git/config", ".orgsync/notes", "private.yaml"):
        (root / file).write_text(SECRET, encoding="utf-8")
    place = root / link
    if place.is_dir():
        place.rename(root / "before")
    place.parent.mkdir(exist_ok=True)
    place.unlink(missing_ok=True)
    place.symlink_to(tmp_path / to)
    answers = [at(root, style, "validate") for style in ("text", "json", "markdown", "github", "sarif")]
    leaked = sum("s3cr3t" in one.all or "root:" in one.all for one in answers)
    record("hostile files", f"link {link} {to}", tried=len(answers), leaked=leaked)
    assert leaked == 0
    assert all(one.code == 2 and "link" in one.all for one in answers)


def _alias_bomb() -> str:
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 12)]
    return "\n".join(lines)


def _unknown_roles() -> str:
    """Every one is compared with all that there are, for "did you mean"."""
    known = "".join(
        f"---\napiVersion: orgsync/v1\nkind: Unit\nkey: some-long-key-of-a-unit-{n}\nname: n{n}\nbusinessUnit: b\n"
        f"parent: some-long-key-of-no-unit-{n}\n"
        for n in range(1_500)
    )
    return known.removeprefix("---\n")


BOMBS: dict[str, Callable[[], str]] = {
    "alias bomb": _alias_bomb,
    "alias to itself": lambda: "a: &a [*a]",
    "deep flow": lambda: "a: " + "[" * 100_000,
    "deep and closed": lambda: "a: " + "[" * 20_000 + "]" * 20_000,
    "deep block": lambda: "\n".join(f"{' ' * n}a:" for n in range(2_000)),
    "deep braces": lambda: "{a: " * 50_000,
    "long line": lambda: "name: " + "x" * 3_000_000,
    "long line of words that look like names": lambda: "name: " + "a-" * 400_000,
    "long blank line": lambda: "name: x" + " " * 2_000_000 + "y: z",
    "long number": lambda: "holders: " + "9" * 1_000_000,
    "long key": lambda: "k" * 500_000 + ": x",
    "many documents": lambda: "---\n{}\n" * 30_000,
    "many fields": lambda: "".join(f"f{n}: x\n" for n in range(20_000)),
    "python object": lambda: "a: !!python/object/apply:os.system [touch pwned]",
    "python name": lambda: "a: !!python/name:os.system ''",
    "binary": lambda: "a: !!binary aGVsbG8=",
    "own tag": lambda: "%TAG ! tag:evil.example,2026:\n---\na: !x y",
    "merge": lambda: "b: &b {a: 1}\nc: {<<: *b}",
    "sixty": lambda: "a: 1:20:30\nb: 0o17\nc: 1e999\nd: .inf\ne: 2026-13-45",
    "not text": lambda: "\ufffe\x00\x1b[2J",
    "many anchors": lambda: "".join(f"a{n}: &x{n} y\n" for n in range(20_000)),
    "quotes that never end": lambda: 'a: "' + "\\n" * 100_000,
    "unknown roles": _unknown_roles,
}


@pytest.mark.parametrize("bomb", BOMBS)
@pytest.mark.parametrize("file", ["units/bomb.yaml", "orgsync.yaml"])
def test_a_yaml_bomb_is_a_finding_within_seconds(bomb: str, file: str, tmp_path: Path) -> None:
    root = repository(tmp_path, {})
    (root / file).write_text(BOMBS[bomb]() + "\n", encoding="utf-8")
    begin = time.process_time()
    answer = at(root, "text", "validate")
    seconds = time.process_time() - begin
    record("hostile files", f"bomb {bomb} {file}", tried=1, leaked=int(answer.code != 2))
    assert answer.code == 2, answer.err[-500:]
    assert seconds < 30, f"{seconds:.1f} s"
    assert not controls(answer.all)
    assert not list(tmp_path.glob("**/pwned"))


# Git, which orgsync asks for the commit


def git(folder: Path, *arguments: str) -> None:
    subprocess.run(
        ["git", "-c", "user.name=t", "-c", "user.email=t@example.com", *arguments],
        cwd=folder,
        check=True,
        capture_output=True,
    )


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A repository whose organization stands in a folder, as somebody's pull request left it."""
    repository(tmp_path / "org", {})
    git(tmp_path, "init", "-q")
    git(tmp_path, "add", ".")
    git(tmp_path, "commit", "-q", "-m", "first")
    return tmp_path


RUNS = "#!/bin/sh\ntouch '{0}'\n"


def test_a_repository_inside_the_pull_request_runs_nothing(checkout: Path) -> None:
    """Files of the pull request that look like a repository without a folder of its own, with settings that run."""
    org, mark = checkout / "org", checkout / "pwned"
    for folder in ("objects", "refs"):
        (org / folder).mkdir()
        (org / folder / ".keep").touch()
    (org / "HEAD").write_text("ref: refs/heads/main\n", encoding="utf-8")
    (org / "run.sh").write_text(RUNS.format(mark), encoding="utf-8")
    (org / "run.sh").chmod(0o755)
    config = f"[core]\n repositoryformatversion = 0\n bare = false\n worktree = {org}\n fsmonitor = {org}/run.sh\n"
    (org / "config").write_text(config, encoding="utf-8")
    commit = subprocess.run(["git", "rev-parse", "HEAD"], cwd=checkout, capture_output=True, text=True, check=True)
    (org / "refs" / "heads").mkdir()
    (org / "refs" / "heads" / "main").write_text(commit.stdout, encoding="utf-8")
    shutil.copytree(checkout / ".git" / "objects", org / "objects", dirs_exist_ok=True)
    found = revision(org)
    record("hostile files", "repository in a repository", tried=1, leaked=int(mark.exists()))
    assert not mark.exists()
    assert found == "unversioned"


@pytest.mark.parametrize("setting", ["core.fsmonitor", "core.hooksPath"])
def test_asking_for_the_commit_runs_no_program_that_the_repository_names(setting: str, checkout: Path) -> None:
    """A pull request cannot write .git/config; whoever can need not get a program run by ``orgsync plan``."""
    mark, hooks = checkout / "pwned", checkout / "hooks"
    hooks.mkdir()
    program = hooks / "post-index-change"
    program.write_text(RUNS.format(mark), encoding="utf-8")
    program.chmod(0o755)
    git(checkout, "config", setting, str(hooks if setting == "core.hooksPath" else program))
    mark.unlink(missing_ok=True)
    (checkout / "org" / "units" / "units.yaml").touch()
    found = revision(checkout / "org")
    record("hostile files", f"git {setting}", tried=1, leaked=int(mark.exists()))
    assert not mark.exists()
    assert found.partition("+")[0] != "unversioned"


def test_git_is_asked_for_nothing_that_a_name_could_be_mistaken_for(tmp_path: Path) -> None:
    """Folders that look like options."""
    root = repository(tmp_path / "--exec=touch pwned", {})
    git(root, "init", "-q")
    git(root, "add", ".")
    git(root, "commit", "-q", "-m", "first")
    assert len(revision(root)) == 40
    assert not list(tmp_path.glob("**/pwned"))
