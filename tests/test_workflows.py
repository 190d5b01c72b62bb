"""The workflows: valid, pinned, with least rights, without injection; and their scripts do what they promise.

The scripts run with bash, as a runner runs them, in a repository of their own against the embedded CRM; ``gh`` is a
stub that keeps its own comments and issues.
"""

import json
import os
import re
import shutil
import sqlite3
import subprocess
import sys
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

ROOT = Path(__file__).parent.parent
FOLDER = ROOT / ".github" / "workflows"
NAMES = sorted(path.name for path in FOLDER.iterdir())
PIN = re.compile(r"- uses: ([\w-]+/[\w-]+)@([0-9a-f]{40})  # v\d+\.\d+\.\d+")
ACTIONS = {"actions/checkout", "actions/setup-python", "actions/upload-artifact", "actions/download-artifact"}
WRITES = {("plan.yml", "comment"): {"pull-requests": "write"}, ("drift.yml", "report"): {"issues": "write"}}
READS = {("apply.yml", "reviewed"): {"actions": "read", "pull-requests": "read"}}
HEAD, MERGE, STRAY = "a" * 40, "b" * 40, "c" * 40


def workflow(name: str) -> dict[str, Any]:
    loaded: dict[Any, Any] = yaml.safe_load((FOLDER / name).read_text(encoding="utf-8"))
    return {"on" if key is True else str(key): value for key, value in loaded.items()}  # YAML 1.1 takes "on" for true


def steps(name: str) -> list[dict[str, Any]]:
    return [step for job in workflow(name)["jobs"].values() for step in job["steps"]]


def test_there_are_the_four_workflows() -> None:
    assert NAMES == ["apply.yml", "ci.yml", "drift.yml", "plan.yml"]


@pytest.mark.parametrize("name", NAMES)
def test_a_workflow_is_valid(name: str) -> None:
    vendored = files("check_jsonschema") / "builtin_schemas" / "vendor" / "github-workflows.json"
    jsonschema.validate(workflow(name), json.loads(vendored.read_text(encoding="utf-8")))


@pytest.mark.parametrize("name", NAMES)
def test_every_action_is_pinned_to_a_commit_and_says_its_version(name: str) -> None:
    lines = [line.strip() for line in (FOLDER / name).read_text(encoding="utf-8").splitlines() if "uses:" in line]
    pins = [PIN.fullmatch(line) for line in lines]
    assert lines
    assert all(pins), lines
    assert {pin[1] for pin in pins if pin} <= ACTIONS


@pytest.mark.parametrize("name", [name for name in NAMES if name != "ci.yml"])
def test_init_writes_the_same_workflow(name: str) -> None:
    """Only that orgsync comes from the registry there, in the version that wrote it, not from the repository."""
    scaffold = ROOT / "orgsync" / "cli" / "scaffold" / "dotgithub" / "workflows" / name
    ours = (FOLDER / name).read_text(encoding="utf-8").replace("--quiet .\n", '--quiet "orgsync==@VERSION@.*"\n')
    assert scaffold.read_text(encoding="utf-8") == ours


def test_an_action_has_one_version_everywhere() -> None:
    pins = {step["uses"] for name in NAMES for step in steps(name) if "uses" in step}
    assert len(pins) == len({pin.partition("@")[0] for pin in pins})


@pytest.mark.parametrize("name", NAMES)
def test_a_workflow_may_read_the_code_and_a_job_no_more_than_it_needs(name: str) -> None:
    found = workflow(name)
    assert found["permissions"] == {"contents": "read"}
    for job, body in found["jobs"].items():
        assert body.get("permissions") == {**WRITES, **READS}.get((name, job))
        assert body["timeout-minutes"] <= 120


@pytest.mark.parametrize("name", NAMES)
def test_no_job_that_can_write_runs_anything_but_the_workflow_itself(name: str) -> None:
    for job, body in workflow(name)["jobs"].items():
        if (name, job) in WRITES:
            assert "environment" not in body
            assert not any("checkout" in step.get("uses", "") or "pip" in step.get("run", "") for step in body["steps"])


@pytest.mark.parametrize("name", NAMES)
def test_no_expression_stands_in_a_script(name: str) -> None:
    assert not [step["run"] for step in steps(name) if "${{" in step.get("run", "")]


@pytest.mark.parametrize("name", NAMES)
def test_no_checkout_leaves_a_token_behind(name: str) -> None:
    checkouts = [step for step in steps(name) if "checkout" in step.get("uses", "")]
    assert all(step["with"]["persist-credentials"] is False for step in checkouts)


def test_a_fork_gets_no_environment_and_no_dangerous_trigger_exists() -> None:
    jobs = workflow("plan.yml")["jobs"]
    assert "environment" not in jobs["validate"]
    assert jobs["plan"]["if"] == "github.event.pull_request.head.repo.full_name == github.repository"
    assert not any({"pull_request_target", "workflow_run"} & set(_triggers(name)) for name in NAMES)


def _triggers(name: str) -> list[str]:
    on = workflow(name)["on"]
    return [on] if isinstance(on, str) else list(on)


def test_only_one_apply_runs_and_none_is_cut_off() -> None:
    job = workflow("apply.yml")["jobs"]["apply"]
    assert job["environment"] == "apply"
    assert job["concurrency"] == {"group": "orgsync-apply", "cancel-in-progress": False}


@dataclass(kw_only=True)
class Runner:
    """Runs the jobs of a workflow as GitHub would: steps in order, artifacts by name, expressions in ``env`` only."""

    root: Path
    away: Path
    answers: dict[str, str]
    """Expression -> value."""
    printed: str = ""

    def __post_init__(self) -> None:
        programs = self.away / "bin"
        programs.mkdir()
        for name, command in (("orgsync", "-m orgsync"), ("gh", str(ROOT / "tests" / "stub_gh.py"))):
            (programs / name).write_text(f'#!/bin/sh\nexec "{sys.executable}" {command} "$@"\n', encoding="utf-8")
            (programs / name).chmod(0o755)
        self.state = {"calls": [], "comments": [], "issues": [], "merged": [], "runs": [], "artifacts": {}}

    @property
    def state(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads((self.away / "gh.json").read_text(encoding="utf-8"))
        return found

    @state.setter
    def state(self, value: dict[str, Any]) -> None:
        (self.away / "gh.json").write_text(json.dumps(value), encoding="utf-8")

    @property
    def summary(self) -> str:
        return (self.away / "summary").read_text(encoding="utf-8")

    def job(self, name: str, job: str) -> int:
        """The exit code of the first step that fails, or 0."""
        body = workflow(name)["jobs"][job]
        workspace = self.root if any("checkout" in step.get("uses", "") for step in body["steps"]) else self._empty()
        for step in body["steps"]:
            if "uses" in step:
                self._artifact(step, workspace)
            elif "pip install" not in step["run"] and (code := self._run(step, workspace)):
                return code
        for output, expression in body.get("outputs", {}).items():
            self.answers[f"needs.{job}.outputs.{output}"] = self.answers[expression.strip("${} ")]
        return 0

    def _empty(self) -> Path:
        workspace = self.away / "workspace"
        shutil.rmtree(workspace, ignore_errors=True)
        workspace.mkdir()
        return workspace

    def artifact(self, name: str) -> Path:
        return self.away / "artifacts" / name

    def _artifact(self, step: dict[str, Any], workspace: Path) -> None:
        if "upload-artifact" in step["uses"]:
            shutil.rmtree(self.artifact(step["with"]["name"]), ignore_errors=True)
            shutil.copytree(workspace / step["with"]["path"], self.artifact(step["with"]["name"]))
            shutil.rmtree(workspace / step["with"]["path"])  # the next run has a fresh checkout
        elif "download-artifact" in step["uses"]:
            shutil.copytree(self.artifact(step["with"]["name"]), workspace / step["with"]["path"])

    def _run(self, step: dict[str, Any], workspace: Path) -> int:
        output = self.away / "output"
        output.write_text("", encoding="utf-8")
        (self.away / "script.sh").write_text(step["run"], encoding="utf-8")
        given = {name: self._value(str(value)) for name, value in step.get("env", {}).items()}
        done = subprocess.run(
            ["bash", "--noprofile", "--norc", "-eo", "pipefail", str(self.away / "script.sh")],
            cwd=workspace,
            env={**self._environment(output), **given},
            capture_output=True,
            text=True,
            check=False,
        )
        self.printed = done.stdout + done.stderr
        for line in output.read_text(encoding="utf-8").splitlines():
            name, _, value = line.partition("=")
            self.answers[f"steps.{step['id']}.outputs.{name}"] = value
        return done.returncode

    def _environment(self, output: Path) -> dict[str, str]:
        return {
            "PATH": f"{self.away / 'bin'}{os.pathsep}{os.environ['PATH']}",
            "PYTHONPATH": str(ROOT),
            "HOME": str(self.away),
            "CI": "true",
            "GH_STATE": str(self.away / "gh.json"),
            "GITHUB_ACTIONS": "true",
            "GITHUB_ACTOR": "maria",
            "GITHUB_OUTPUT": str(output),
            "GITHUB_REF": self.answers.get("github.ref", "refs/heads/main"),
            "GITHUB_REPOSITORY": "northwind/organization",
            "GITHUB_SHA": self.answers.get("github.sha", MERGE),
            "GITHUB_STEP_SUMMARY": str(self.away / "summary"),
        }

    def _value(self, text: str) -> str:
        return re.sub(r"\$\{\{ (.*?) \}\}", lambda found: self.answers[found[1]], text)

    def merged(self) -> None:
        """The pull request's plan is there, and it was merged."""
        merged = {"head": HEAD, "merge": MERGE}
        artifacts = {"42": str(self.artifact("plan"))}
        self.state = {**self.state, "merged": [merged], "runs": [{"id": 42, "commit": HEAD}], "artifacts": artifacts}

    def rename(self, name: str, *, in_crm: bool) -> None:
        if in_crm:
            with sqlite3.connect(self.root / ".orgsync" / "demo.db") as crm:
                crm.execute("UPDATE crm_unit SET name = ? WHERE external_id = 'sales'", (name,))
            crm.close()
        else:
            path = self.root / "units" / "sales" / "sales.yaml"
            path.write_text(path.read_text(encoding="utf-8").replace("Sales Team", name), encoding="utf-8")


@pytest.fixture
def runner(tmp_path: Path) -> Runner:
    root, away = tmp_path / "repository", tmp_path / "runner"
    away.mkdir()
    for name in ("units", "roles"):
        shutil.copytree(ROOT / name, root / name)
    for name in ("orgsync.yaml", ".gitignore"):
        shutil.copy(ROOT / name, root / name)
    git = ["git", "-c", "user.name=t", "-c", "user.email=t@example.com", "-c", "commit.gpgsign=false"]
    for command in (["init", "-q"], ["add", "-A"], ["commit", "-qm", "Begin"]):
        subprocess.run([*git, *command], cwd=root, check=True)
    answers = {"github.token": "t0ken", "github.event.pull_request.number": "7", "inputs.accept": ""}
    answers["github.event.pull_request.user.login"] = "octocat"
    return Runner(root=root, away=away, answers=answers)


def reviewed(runner: Runner) -> None:
    assert runner.job("plan.yml", "plan") == 0, runner.printed
    runner.merged()


def test_the_sample_passes_its_check(runner: Runner) -> None:
    assert runner.job("plan.yml", "validate") == 0, runner.printed


def test_a_fault_is_annotated_where_it_stands(runner: Runner) -> None:
    path = runner.root / "roles" / "sales" / "sales-manager.yaml"
    path.write_text(
        path.read_text(encoding="utf-8").replace("[sales-representative]", "[sales-repp]"), encoding="utf-8"
    )
    assert runner.job("plan.yml", "validate") != 0
    assert "::error file=roles/sales/sales-manager.yaml,line=7," in runner.printed


def test_an_author_who_raises_their_own_access_gets_no_plan_and_the_line_is_annotated(runner: Runner) -> None:
    path = runner.root / "orgsync.yaml"
    text = path.read_text(encoding="utf-8")
    known = text.replace(
        "  # accounts: {maria-l: maria.lopez@example.com}", "  accounts: {octocat: maria.lopez@example.com}"
    )
    assert known != text
    path.write_text(known, encoding="utf-8")
    assert runner.job("plan.yml", "plan") != 0
    assert "::error file=units/sales/sales.yaml,line=" in runner.printed
    assert "[own-access-raised]::maria.lopez@example.com gains" in runner.printed


def test_a_plan_annotates_what_gives_access(runner: Runner) -> None:
    assert runner.job("plan.yml", "plan") == 0, runner.printed
    assert "::warning title=nobody knows who the author is in the CRM [unknown-author]::" in runner.printed
    assert "::warning file=units/operations/crm-operations.yaml,line=" in runner.printed
    assert "title=this gives people access [access-gain]::" in runner.printed


def test_a_plan_becomes_one_comment_that_is_updated(runner: Runner) -> None:
    runner.state = {**runner.state, "comments": [{"id": 1, "user": "eve", "body": "<!-- orgsync: plan -->\nmine"}]}
    for name in ("Sales Team", "Sales Crew"):
        runner.rename(name, in_crm=False)
        assert runner.job("plan.yml", "plan") == 0, runner.printed
        assert runner.job("plan.yml", "comment") == 0, runner.printed
    others, ours = runner.state["comments"]
    assert others["body"] == "<!-- orgsync: plan -->\nmine"
    assert ours["body"].startswith("<!-- orgsync: plan -->\n")
    assert "Sales Crew" in ours["body"]
    assert "Sales Crew" in runner.summary
    assert "Sales Team" not in ours["body"]


def test_what_was_reviewed_is_applied(runner: Runner) -> None:
    reviewed(runner)
    assert runner.job("apply.yml", "reviewed") == 0, runner.printed
    assert runner.job("apply.yml", "apply") == 0, runner.printed
    assert runner.job("drift.yml", "drift") == 0
    assert runner.answers["needs.drift.outputs.code"] == "0"


def test_what_differs_from_what_was_reviewed_is_refused(runner: Runner) -> None:
    reviewed(runner)
    runner.rename("Sales Crew", in_crm=False)
    assert runner.job("apply.yml", "reviewed") == 0, runner.printed
    assert runner.job("apply.yml", "apply") != 0
    assert "not the plan that was reviewed" in runner.printed
    assert runner.job("drift.yml", "drift") == 0
    assert runner.answers["needs.drift.outputs.code"] == "3"


def empty_a_unit(runner: Runner) -> None:
    """Applies the sample, and reviews a plan that a guard refuses."""
    reviewed(runner)
    assert (runner.job("apply.yml", "reviewed"), runner.job("apply.yml", "apply")) == (0, 0), runner.printed
    path = runner.root / "units" / "sales" / "emea" / "germany-sales.yaml"
    path.write_text(path.read_text(encoding="utf-8").partition("assignments:")[0] + "assignments: []\n", "utf-8")
    reviewed(runner)


def test_a_guard_is_accepted_by_hand_for_what_was_reviewed(runner: Runner) -> None:
    empty_a_unit(runner)
    assert "apply with `--accept unit-members`" in (runner.artifact("plan") / "plan.md").read_text(encoding="utf-8")
    assert runner.job("apply.yml", "reviewed") == 0, runner.printed
    assert runner.job("apply.yml", "apply") == 1
    assert "--accept unit-members" in runner.printed
    runner.answers["inputs.accept"] = "unit-members"
    assert runner.job("apply.yml", "reviewed") == 0, runner.printed
    assert runner.job("apply.yml", "apply") == 0, runner.printed
    assert "Accepted by maria: unit-members" in runner.summary
    assert drifted(runner) == []


def test_accepting_a_guard_lets_nothing_through_that_was_not_reviewed(runner: Runner) -> None:
    empty_a_unit(runner)
    runner.rename("Sales Crew", in_crm=False)
    runner.answers["inputs.accept"] = "unit-members role-holders"
    assert runner.job("apply.yml", "reviewed") == 0, runner.printed
    assert runner.job("apply.yml", "apply") == 1
    assert "not the plan that was reviewed" in runner.printed


@pytest.mark.parametrize(
    "accept", ["x; touch pwned", "$(touch pwned)", "--yes", "a  b", " a", "a\nb=c", "*", "Unit-Members", "a-"]
)
def test_only_names_of_guards_are_taken_by_hand(runner: Runner, accept: str) -> None:
    reviewed(runner)
    runner.answers["inputs.accept"] = accept
    assert runner.job("apply.yml", "reviewed") == 1
    assert "accept takes names of guards" in runner.printed
    assert "needs.reviewed.outputs.accept" not in runner.answers
    assert not list(runner.root.rglob("pwned"))
    assert not list(runner.away.rglob("pwned"))


def test_another_branch_is_not_applied_by_hand(runner: Runner) -> None:
    reviewed(runner)
    runner.answers["github.ref"] = "refs/heads/mine"
    assert runner.job("apply.yml", "reviewed") == 1
    assert "only what is on main is applied" in runner.printed


def test_a_commit_that_no_pull_request_merged_is_refused(runner: Runner) -> None:
    reviewed(runner)
    runner.answers["github.sha"] = STRAY
    assert runner.job("apply.yml", "reviewed") == 1
    assert "::error title=Nothing was applied::this commit was not merged by a pull request" in runner.printed


def test_a_merge_whose_last_commit_was_never_planned_is_refused(runner: Runner) -> None:
    reviewed(runner)
    runner.state = {**runner.state, "runs": [{"id": 42, "commit": STRAY}]}
    assert runner.job("apply.yml", "reviewed") == 1
    assert "no successful plan of its last commit" in runner.printed


def test_a_plan_without_a_digest_is_refused(runner: Runner) -> None:
    reviewed(runner)
    (runner.artifact("plan") / "plan.json").write_text('{"changeDigest": "x; rm -rf /"}', encoding="utf-8")
    assert runner.job("apply.yml", "reviewed") == 1
    assert "the reviewed plan has no digest" in runner.printed
    assert "needs.reviewed.outputs.digest" not in runner.answers


def drifted(runner: Runner) -> list[dict[str, Any]]:
    assert runner.job("drift.yml", "drift") == 0, runner.printed
    assert runner.job("drift.yml", "report") == 0, runner.printed
    found: list[dict[str, Any]] = runner.state["issues"]
    return found


def test_drift_opens_one_issue_updates_it_and_closes_it(runner: Runner) -> None:
    reviewed(runner)
    assert runner.job("apply.yml", "reviewed") == 0
    assert runner.job("apply.yml", "apply") == 0
    assert drifted(runner) == []
    for name in ("Sales Gang", "Sales Mob"):
        runner.rename(name, in_crm=True)
        (issue,) = drifted(runner)
        assert issue["state"] == "open"
        assert name in issue["body"]
    runner.rename("Sales Team", in_crm=True)
    (issue,) = drifted(runner)
    assert (issue["state"], issue["state_reason"]) == ("closed", "completed")


def test_a_crm_that_cannot_be_read_fails_the_night_and_changes_no_issue(runner: Runner) -> None:
    (runner.root / ".orgsync").mkdir()
    (runner.root / ".orgsync" / "demo.db").write_bytes(b"not a database" * 100)
    assert runner.job("drift.yml", "drift") == 1
    assert "needs.drift.outputs.code" not in runner.answers
