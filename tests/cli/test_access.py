"""``orgsync access`` from the outside: real YAML, real git, a real CRM in a file."""

import csv
import io
import json
import re
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from orgsync.schema import schemas
from tests.cli.conftest import Answer

Run = Callable[..., Answer]
SETTINGS = """apiVersion: orgsync/v1
kind: Settings
organization: Northwind
targets: {demo: {adapter: local, url: "sqlite:///.orgsync/demo.db", missingUsers: create, prune: [membership, grant]}}
safety: {group: {share: 100%, count: 100}, removals: {share: 100%, count: 100}}
"""
ROLES = """apiVersion: orgsync/v1
kind: Role
key: rep
name: Rep
privileges: {lead: {read: own}}
---
apiVersion: orgsync/v1
kind: Role
key: boss
name: Boss
includes: [rep]
privileged: true
privileges: {lead: {delete: subtree}}
---
apiVersion: orgsync/v1
kind: Role
key: seat
name: Seat
bind: {local: {role: Sales seat}}
"""
UNITS = """apiVersion: orgsync/v1
kind: BusinessUnit
key: all
name: All
---
apiVersion: orgsync/v1
kind: Unit
key: sales
name: Sales Team
businessUnit: all
owner: ana@example.com
roles: [rep]
assignments:
  - {user: ana@example.com, roles: [boss], until: 2029-01-01, reason: Leads}
  - {user: bob@example.com}
---
apiVersion: orgsync/v1
kind: Unit
key: de
name: Germany
businessUnit: all
parent: sales
owner: ana@example.com
assignments: []
"""


def git(folder: Path, *arguments: str, **environment: str) -> str:
    command = ["git", "-c", "user.name=t", "-c", "user.email=t@example.com", "-c", "commit.gpgsign=false", *arguments]
    done = subprocess.run(
        command, cwd=folder, check=True, capture_output=True, text=True, env={"PATH": "/usr/bin:/bin", **environment}
    )
    return done.stdout.strip()


def commit(folder: Path, day: str) -> None:
    git(folder, "add", ".")
    at = f"{day}T12:00:00Z"
    git(folder, "commit", "-qm", day, GIT_COMMITTER_DATE=at, GIT_AUTHOR_DATE=at)


@pytest.fixture
def acme(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name, text in (("orgsync.yaml", SETTINGS), ("roles/roles.yaml", ROLES), ("units/units.yaml", UNITS)):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    (tmp_path / ".gitignore").write_text(".orgsync/\n*.json\n")
    git(tmp_path, "init", "-q")
    commit(tmp_path, "2026-01-01")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def widen(folder: Path) -> None:
    path = folder / "roles" / "roles.yaml"
    path.write_text(path.read_text().replace("delete: subtree", "delete: organization"))


def without_seat(folder: Path) -> None:
    """No role of that name is in the embedded CRM."""
    (folder / "roles" / "roles.yaml").write_text(ROLES.rpartition("---\n")[0])


def fits(name: str, text: str) -> Any:
    value = json.loads(text)
    jsonschema.validate(value, schemas()[name], jsonschema.Draft202012Validator)
    return value


def test_who_can_says_how_far_and_through_which_role(acme: Path, run: Run) -> None:
    assert acme.is_dir()
    assert run("access", "who-can", "lead:delete").out.splitlines() == [
        "lead:delete  1 user",
        "USER             SCOPE                  THROUGH",
        "ana@example.com  subtree of Sales Team  boss in Sales Team",
    ]


@pytest.mark.parametrize(
    ("options", "users"),
    [
        ((), {"ana@example.com", "bob@example.com"}),
        (("--scope", "unit"), set()),
        (("--unit", "sales"), {"ana@example.com", "bob@example.com"}),
        (("--unit", "de"), set()),
    ],
)
def test_who_can_takes_a_scope_and_a_unit(options: tuple[str, ...], users: set[str], acme: Path, run: Run) -> None:
    assert acme.is_dir()
    found = fits("access", run("access", "who-can", "lead:read", *options, "--format", "json").out)
    assert {one["user"] for one in found} == users


def test_explain_draws_every_path_with_its_place(acme: Path, run: Run) -> None:
    assert acme.is_dir()
    assert run("access", "explain", "Ana@example.com").out.splitlines() == [
        "ana@example.com",
        "├── granted role boss in Sales Team  units/units.yaml:14",
        "│   ├── lead: delete (subtree)",
        "│   └── includes rep  roles/roles.yaml:1",
        "│       └── lead: read (own)",
        "└── member of Sales Team  units/units.yaml:14",
        "    └── which gives role rep  roles/roles.yaml:1",
        "        └── lead: read (own)",
    ]


def test_explain_says_so_where_there_is_nothing(acme: Path, run: Run) -> None:
    assert acme.is_dir()
    answer = run("access", "explain", "bob@example.com", "lead:delete")
    assert (answer.code, answer.out) == (0, "bob@example.com: nothing that is held grants lead:delete\n")
    assert fits("access", run("access", "explain", "nobody@example.com", "--format", "json").out) == []


def test_a_question_about_what_is_not_there_is_no_answer_that_calms(acme: Path, run: Run) -> None:
    assert acme.is_dir()
    misspelled = run("access", "who-can", "lead:delet")
    assert (misspelled.code, misspelled.out) == (0, "lead:delet  0 users\n")
    assert misspelled.err == 'warning: no role is known to allow lead:delet (did you mean "lead:delete"?)\n'
    assert run("access", "who-can", "lead:delete", "--scope", "organization").err == ""
    nobody = run("access", "explain", "anna@example.com")
    assert nobody.err == 'warning: nobody here has the login "anna@example.com" (did you mean "ana@example.com"?)\n'
    assert run("access", "explain", "bob@example.com", "lead:delete").err == ""


def test_a_bound_role_is_said_to_be_unknown(acme: Path, run: Run) -> None:
    path = acme / "units" / "units.yaml"
    path.write_text(path.read_text().replace("{user: bob@example.com}", "{user: bob@example.com, roles: [seat]}"))
    assert "1 user not listed above may be able to as well: nobody knows what seat allows" in (
        run("access", "who-can", "lead:delete").out
    )
    assert "whatever this role of the CRM's own allows: not known" in run("access", "explain", "bob@example.com").out
    rows = fits("access", run("access", "explain", "bob@example.com", "--format", "json").out)
    assert [(one["object"], one["action"], one["scope"]) for one in rows] == [
        ("lead", "read", "own"),
        ("?", "seat", "unknown"),
    ]


def test_csv_has_no_cell_that_is_a_formula(acme: Path, run: Run) -> None:
    path = acme / "units" / "units.yaml"
    path.write_text(path.read_text().replace("user: bob@example.com", "user: '=cmd@example.com'"))
    rows = list(csv.reader(io.StringIO(run("access", "who-can", "lead:read", "--format", "csv").out)))
    assert rows[0] == ["user", "object", "action", "scope", "granted", "unit", "path"]
    assert {row[0] for row in rows[1:]} == {"ana@example.com", "'=cmd@example.com"}


def test_live_and_planned_access_differ_from_what_is_declared(acme: Path, run: Run) -> None:
    without_seat(acme)
    assert run("apply", "--yes").code == 0
    widen(acme)
    run("plan", "-o", "wider.json")
    asked = ("access", "explain", "ana@example.com", "lead:delete", "--format", "json")
    scopes = {
        source: fits("access", run(*asked, *source).out)[0]["scope"]
        for source in ((), ("--live",), ("--plan", "wider.json"))
    }
    assert list(scopes.values()) == ["organization", "subtree", "organization"]
    assert run("apply", "--yes", "wider.json").code == 0
    assert run(*asked, "--plan", "wider.json").code == 1  # the CRM is not as the plan saw it any more


def planned(folder: Path, run: Run) -> None:
    """A CRM, a plan to widen a role of it in wider.json, and two commits."""
    without_seat(folder)
    assert run("apply", "--yes").code == 0
    widen(folder)
    commit(folder, "2026-03-01")
    assert run("plan", "-o", "wider.json").code == 0


@pytest.mark.parametrize(
    ("source", "scope"),
    [
        ((), "organization"),
        (("--live",), "subtree"),
        (("--plan", "wider.json"), "organization"),
        (("--at", "2026-02-01"), "subtree"),
    ],
)
def test_whose_access_it_is_can_be_said_in_every_format(
    source: tuple[str, ...], scope: str, acme: Path, run: Run
) -> None:
    planned(acme, run)
    for question in (("who-can", "lead:delete"), ("explain", "ana@example.com", "lead:delete")):
        (found,) = fits("access", run("access", *question, *source, "--format", "json").out)
        (row,) = csv.DictReader(io.StringIO(run("access", *question, *source, "--format", "csv").out))
        shown = run("access", *question, *source).out
        assert (found["user"], found["scope"]) == (row["user"], row["scope"]) == ("ana@example.com", scope)
        assert row["path"] == " > ".join(found["paths"][0][:-1])
        assert "ana@example.com" in shown
        assert scope in shown


@pytest.mark.parametrize("compared", [(), ("--plan", "wider.json"), ("HEAD~1", "HEAD"), ("--at", "2026-02-01")])
def test_what_differs_can_be_said_in_every_format(compared: tuple[str, ...], acme: Path, run: Run) -> None:
    planned(acme, run)
    diff = fits("access-diff", run("access", "diff", *compared, "--format", "json").out)
    assert diff["summary"] == {"gaining": 1, "losing": 0, "privileged": 1}
    (row,) = csv.DictReader(io.StringIO(run("access", "diff", *compared, "--format", "csv").out))
    assert (row["change"], row["privileged"], row["user"]) == ("gain", "yes", "ana@example.com")
    assert (row["other"], row["scope"]) == ("subtree", "organization")
    assert (
        "  ! Sales Team: ana@example.com gains lead:delete (subtree -> organization) through boss (privileged)\n"
    ) in run("access", "diff", *compared).out


def test_a_plan_file_that_does_not_list_everybody_says_so_in_every_format(acme: Path, run: Run) -> None:
    without_seat(acme)
    path = acme / "units" / "units.yaml"
    more = "".join(f"  - {{user: p{n}@example.com}}\n" for n in range(60))
    path.write_text(path.read_text().replace("  - {user: bob@example.com}\n", more))
    assert run("plan", "-o", "first.json").code == 0
    for form in ("text", "json", "csv"):
        said = run("access", "diff", "--plan", "first.json", "--format", form).err
        assert "a plan file does not list everything: orgsync access diff, without --plan, does" in said
        assert "does not list" not in run("access", "diff", "--format", form).err
    listed, everybody = (
        {row["user"] for row in csv.DictReader(io.StringIO(run("access", "diff", *plan, "--format", "csv").out))}
        for plan in (("--plan", "first.json"), ())
    )
    assert (len(listed), len(everybody)) == (51, 61)  # 50 who gain alike, and ana, who gains more


def test_a_plan_says_who_gains_before_who_loses_in_every_format(acme: Path, run: Run) -> None:
    without_seat(acme)
    assert run("apply", "--yes").code == 0
    widen(acme)
    path = acme / "units" / "units.yaml"
    path.write_text(path.read_text().replace("  - {user: bob@example.com}\n", ""))
    sides = [one["change"] for one in json.loads(run("plan", "--format", "json").out)["access"]["groups"]]
    assert sides == ["gain", "loss"]
    for form in ("text", "markdown", "html"):
        shown = re.sub(r"&#(\d+);", lambda one: chr(int(one[1])), run("plan", "--format", form).out).replace(
            "\u200b", ""
        )
        gain, loss = shown.index("ana@example.com gains lead:delete"), shown.index("bob@example.com loses lead:read")
        assert gain < loss
        assert "through boss (privileged)" in shown[gain:loss]


def test_a_risky_gain_is_annotated_at_the_line_of_the_yaml_that_causes_it(acme: Path, run: Run) -> None:
    planned(acme, run)
    line = 1 + (acme / "roles" / "roles.yaml").read_text().split("\n").index("key: boss")
    (shown,) = [one for one in run("plan", "--format", "github").out.splitlines() if "access-gain" in one]
    place = re.match(r"::warning file=roles/roles.yaml,line=(\d+),col=\d+,title=this gives people access", shown)
    assert place is not None
    results = json.loads(run("plan", "--format", "sarif").out)["runs"][0]["results"]
    (gain,) = [one for one in results if one["ruleId"] == "access-gain"]
    at = gain["locations"][0]["physicalLocation"]
    assert at["artifactLocation"]["uri"] == "roles/roles.yaml"
    assert at["region"]["startLine"] == int(place[1]) == line + 4  # the privileges of boss
    assert "ana@example.com gains lead:delete (subtree -> organization)" in gain["message"]["text"]


def test_the_past_is_read_from_git_with_the_clock_of_that_day(acme: Path, run: Run) -> None:
    widen(acme)
    commit(acme, "2026-03-01")
    asked = ("access", "explain", "ana@example.com", "lead:delete", "--format", "json")
    assert [fits("access", run(*asked, "--at", day).out)[0]["scope"] for day in ("2026-02-28", "2026-03-01")] == [
        "subtree",
        "organization",
    ]
    nothing = run(*asked, "--at", "2025-01-01")
    assert (nothing.code, "no commit of 2025-01-01" in nothing.err) == (2, True)


def test_two_commits_are_compared_and_the_work_tree_is_left_alone(acme: Path, run: Run) -> None:
    widen(acme)
    commit(acme, "2026-03-01")
    (acme / "roles" / "roles.yaml").write_text("broken: [")
    before = git(acme, "status", "--porcelain")
    answer = run("access", "diff", "HEAD~1", "HEAD", "--exit-code")
    assert answer.code == 3
    assert answer.out.splitlines() == [
        "ACCESS  1 user gains (1 of them through a privileged role)",
        "  ! Sales Team: ana@example.com gains lead:delete (subtree -> organization) through boss (privileged)",
        "      roles/roles.yaml:7",
    ]
    assert git(acme, "status", "--porcelain") == before
    assert run("access", "diff", "HEAD", "HEAD", "--exit-code").code == 0
    assert run("access", "diff", "HEAD").code == 2  # the files as they are have errors


def test_a_commit_and_the_files_as_they_are_are_compared(acme: Path, run: Run) -> None:
    widen(acme)
    diff = fits("access-diff", run("access", "diff", "HEAD", "--format", "json").out)
    assert diff["summary"] == {"gaining": 1, "losing": 0, "privileged": 1}
    rows = list(csv.reader(io.StringIO(run("access", "diff", "--at", "2026-02-01", "--format", "csv").out)))
    assert rows[1] == [
        "gain",
        "yes",
        "ana@example.com",
        "lead",
        "delete",
        "organization",
        "subtree",
        "",
        "boss",
        "sales",
    ]


def test_a_renamed_unit_gives_and_takes_nothing(acme: Path, run: Run) -> None:
    path = acme / "units" / "units.yaml"
    path.write_text(
        path.read_text()
        .replace("key: sales\n", "key: selling\npreviously: [sales]\n")
        .replace("parent: sales", "parent: selling")
    )
    assert run("access", "diff", "HEAD").out == "ACCESS  nobody gains or loses anything\n"


def test_without_commits_the_crm_is_compared_with_what_a_plan_would_make_of_it(acme: Path, run: Run) -> None:
    without_seat(acme)
    run("plan", "-o", "first.json")
    assert run("access", "diff").out == run("access", "diff", "--plan", "first.json").out
    assert "Sales Team: bob@example.com gains lead:read (own) through rep" in run("access", "diff").out
    assert run("apply", "--yes").code == 0
    assert run("access", "diff", "--exit-code").code == 0


@pytest.mark.parametrize(
    "arguments",
    [
        ("who-can", "lead"),
        ("who-can", "lead:read", "--live", "--at", "2026-01-01"),
        ("who-can", "lead:read", "--unit", "nowhere"),
        ("diff", "HEAD", "--at", "2026-01-01"),
        ("diff", "no-such-commit"),
        ("diff", "--upload-pack=touch x"),
        ("diff", "--", "--output=x"),
        ("who-can", "lead:read", "--format", "html"),
    ],
)
def test_what_cannot_be_meant_is_a_usage_error(arguments: tuple[str, ...], acme: Path, run: Run) -> None:
    answer = run("access", *arguments)
    assert (answer.code, answer.out) == (2, "")
    assert not (acme / "x").exists()


def test_no_filter_or_attribute_of_the_repository_is_obeyed(acme: Path, run: Run) -> None:
    (acme / ".gitattributes").write_text("*.yaml filter=evil export-ignore\n")
    git(acme, "config", "filter.evil.smudge", f"touch {acme}/ran")
    commit(acme, "2026-03-01")
    widen(acme)
    assert run("access", "diff", "HEAD~1", "HEAD").out == "ACCESS  nobody gains or loses anything\n"
    assert not (acme / "ran").exists()


def test_a_link_in_a_commit_is_not_followed(acme: Path, run: Run) -> None:
    (acme / "units" / "link.yaml").symlink_to("/etc/passwd")
    commit(acme, "2026-03-01")
    answer = run("access", "diff", "HEAD", "HEAD~1")
    assert (answer.code, "units/link.yaml" in answer.err) == (1, True)
