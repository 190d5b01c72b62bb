import json
import re
from collections.abc import Callable
from datetime import date
from pathlib import Path

import pytest

from orgsync import errors
from orgsync.change import Status
from orgsync.cli.app import COMMANDS
from orgsync.errors import IncompleteRead, InvalidInput, OrgsyncError, Refused, StalePlan
from orgsync.explain import attributes
from orgsync.finding import Finding, Position
from orgsync.plan import Guard, Plan, save
from tests.cli.conftest import Answer, Engine
from tests.render import plans

Run = Callable[..., Answer]


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_help_and_the_shared_options(command: str, run: Run) -> None:
    answer = run(command, "--help")
    assert answer.code == 0
    assert "--format" in answer.out
    assert "--repo" in answer.out


def test_a_misspelled_command_is_guessed(run: Run) -> None:
    answer = run("aply")
    assert answer.code == 2
    assert "did you mean 'apply'?" in answer.err


def test_a_plan_goes_to_stdout_and_nothing_else(engine: Engine, run: Run) -> None:
    answer = run("plan")
    assert answer.code == 0
    assert answer.out.startswith("orgsync plan · target production")
    assert answer.err == ""
    assert engine.asked[0][1]["target"] == "demo"


@pytest.mark.parametrize("arguments", [("--format", "json", "plan"), ("plan", "--format", "json")])
def test_shared_options_work_before_and_after_the_command(arguments: tuple[str, ...], engine: Engine, run: Run) -> None:
    assert json.loads(run(*arguments).out)["digest"] == engine.plan.digest


def test_the_option_after_the_command_wins(engine: Engine, run: Run) -> None:
    run("--target", "demo", "plan", "--target", "production")
    assert engine.asked[0][1]["target"] == "production"


def test_the_nearest_folder_with_settings_is_the_repository(engine: Engine, root: Path, run: Run) -> None:
    run("plan")
    assert engine.asked[0][1]["root"] == root


def test_without_a_repository_the_remedy_is_init(
    tmp_path: Path, run: Run, monkeypatch: pytest.MonkeyPatch, engine: Engine
) -> None:
    assert engine.asked == []
    empty = tmp_path / "empty"
    empty.mkdir()
    monkeypatch.chdir(empty)
    answer = run("plan", "--repo", ".")
    assert answer.code == 2
    assert "orgsync init" in answer.err


@pytest.mark.parametrize("command", [("plan",), ("drift",), ("apply", "--yes"), ("doctor",)])
def test_an_unknown_target_is_a_usage_error(command: tuple[str, ...], engine: Engine, run: Run) -> None:
    answer = run(*command, "--target", "nope")
    assert answer.code == 2
    assert 'there is no target "nope"' in answer.err
    assert "demo, production" in answer.err
    assert engine.asked == []


@pytest.mark.parametrize("command", [("show",), ("apply", "--yes")])
def test_a_missing_plan_file_is_a_usage_error(command: tuple[str, ...], engine: Engine, run: Run) -> None:
    answer = run(*command, "nothing.plan.json")
    assert answer.code == 2
    assert "cannot read nothing.plan.json" in answer.err
    assert engine.asked == []


def test_accept_and_the_day_are_passed_on(engine: Engine, run: Run) -> None:
    run("plan", "--accept", "unit-removals", "--accept", "x", "--as-of", "2027-01-31")
    assert engine.asked[0][1]["accept"] == {"unit-removals", "x"}
    assert engine.asked[0][1]["today"] == date(2027, 1, 31)


def test_accepting_what_no_guard_refuses_is_said(engine: Engine, run: Run) -> None:
    assert engine.error is None
    assert "--accept typo: no such guard" in run("plan", "--accept", "typo").err


@pytest.mark.parametrize(("plan", "code"), [(plans.everything(), 3), (plans.nothing(), 0)])
def test_exit_code_tells_of_changes(plan: Plan, code: int, engine: Engine, run: Run) -> None:
    engine.plan = plan
    assert run("plan", "--exit-code").code == code


@pytest.mark.parametrize("form", ["text", "markdown", "html", "github", "sarif", "json"])
def test_a_refusing_guard_is_seen_in_every_format(form: str, engine: Engine, run: Run) -> None:
    assert engine.error is None
    assert "removals 1 of 2 units" in run("plan", "--format", form).out


def test_verbose_tells_the_seconds_of_each_stage_on_stderr(engine: Engine, run: Run) -> None:
    assert engine.error is None
    answer = run("plan", "-v")
    assert re.search(r"stages: read 0\.\d{3} s, \d+ MiB", answer.err)
    assert engine.plan.change_digest in answer.out


def test_profile_is_a_table_of_time_and_memory_per_stage_on_stderr(engine: Engine, run: Run) -> None:
    assert engine.error is None
    answer = run("plan", "--profile")
    head, row = [line for line in answer.err.splitlines() if line.startswith(("stage ", "read "))]
    assert head.split() == ["stage", "seconds", "share", "CPU", "peak", "MiB"]
    name, seconds, share, cpu, peak = row.split()
    assert (name, share) == ("read", "100.0%")
    assert float(seconds) >= 0
    assert float(cpu) >= 0
    assert int(peak) > 10
    assert answer.out == run("plan").out


def test_apply_without_a_terminal_needs_yes(engine: Engine, run: Run) -> None:
    answer = run("apply")
    assert answer.code == 2
    assert "--yes" in answer.err
    assert engine.asked == []


def _guarded(*guards: Guard) -> Plan:
    return plans.of(plans.create("unit/a"), plans.create("unit/b"), guards=guards)


def test_apply_shows_the_plan_and_reports(engine: Engine, run: Run) -> None:
    engine.plan = _guarded()
    answer = run("apply", "--yes")
    assert answer.code == 0
    assert "Plan: 2 to create" in answer.out
    assert answer.out.endswith("apply: 2 applied, 0 failed, 0 skipped, 0 unknown · run 7b1ec09\n")
    assert "[1/2] + unit a is created" in answer.err


@pytest.mark.parametrize("status", [Status.FAILED, Status.SKIPPED, Status.UNKNOWN])
def test_an_incomplete_apply_fails_and_says_what_next(status: Status, engine: Engine, run: Run) -> None:
    engine.plan, engine.status = _guarded(), status
    answer = run("apply", "--yes")
    assert answer.code == 1
    assert "next: " in answer.out


def test_the_json_of_apply_is_the_report_alone(engine: Engine, run: Run) -> None:
    engine.plan = _guarded()
    value = json.loads(run("apply", "--yes", "--format", "json").out)
    assert value["summary"] == {"applied": 2, "failed": 0, "skipped": 0, "unknown": 0}
    assert value["run"] == "7b1ec09"


def test_a_violated_guard_refuses_before_anything_is_applied(engine: Engine, run: Run) -> None:
    engine.plan = _guarded(Guard(name="unit-removals", text="too many", violated=True))
    answer = run("apply", "--yes")
    assert answer.code == 1
    assert "--accept unit-removals" in answer.err
    assert [name for name, _ in engine.asked] == ["make_plan"]


def test_an_accepted_guard_lets_a_saved_plan_through(engine: Engine, root: Path, run: Run) -> None:
    plan = _guarded(Guard(name="unit-removals", text="too many", violated=True))
    save(plan, root / "a.plan.json", attributes)
    assert run("apply", str(root / "a.plan.json"), "--yes", "--accept", "unit-removals").code == 0
    assert engine.asked[-1][1]["accept"] == {"unit-removals"}


def test_another_digest_than_the_reviewed_one_is_refused(engine: Engine, run: Run) -> None:
    engine.plan = _guarded()
    answer = run("apply", "--yes", "--expect-digest", "0" * 64)
    assert answer.code == 1
    assert engine.plan.change_digest in answer.err
    assert [name for name, _ in engine.asked] == ["make_plan"]


def test_the_reviewed_digest_is_applied(engine: Engine, run: Run) -> None:
    engine.plan = _guarded()
    assert run("apply", "--yes", "--expect-digest", engine.plan.change_digest).code == 0


@pytest.mark.parametrize("digest", ["", "8"])
def test_a_part_of_a_digest_is_not_the_digest(digest: str, engine: Engine, run: Run) -> None:
    engine.plan = _guarded()
    assert run("apply", "--yes", "--expect-digest", digest).code == 1


def test_a_saved_plan_for_another_target_is_refused(engine: Engine, root: Path, run: Run) -> None:
    save(_guarded(), root / "a.plan.json", attributes)
    assert run("apply", str(root / "a.plan.json"), "--yes", "--target", "demo").code == 1
    assert engine.asked == []


def test_nothing_to_apply_is_success(engine: Engine, run: Run) -> None:
    engine.plan = plans.nothing()
    answer = run("apply", "--yes")
    assert answer.code == 0
    assert "Nothing to do" in answer.out


def test_a_saved_plan_is_shown_as_it_was_planned(engine: Engine, root: Path, run: Run) -> None:
    path = str(root / "a.plan.json")
    planned = run("plan", "-o", path)
    assert f"--expect-digest {engine.plan.change_digest}" in planned.err
    assert run("show", path).out == planned.out


def test_saving_a_plan_that_guards_refuse_says_what_to_accept(engine: Engine, root: Path, run: Run) -> None:
    path = str(root / "a.plan.json")
    err = run("plan", "-o", path).err
    assert "saved; apply would refuse it: 1 guard not accepted" in err
    assert err.endswith(f"--expect-digest {engine.plan.change_digest} --accept unit-removals\n")
    assert "to apply exactly this" not in err
    engine.plan = _guarded()
    assert "to apply exactly this: orgsync apply" in run("plan", "-o", path).err
    assert "--accept" not in run("plan", "-o", path).err


def test_a_plan_that_looks_ahead_is_not_offered_for_today(engine: Engine, root: Path, run: Run) -> None:
    engine.plan = plans.of(plans.create("unit/a"), as_of="2999-01-01")
    answer = run("plan", "--as-of", "2999-01-01", "-o", str(root / "a.plan.json"))
    assert answer.err == "saved to look ahead: apply refuses it on any day but 2999-01-01\n"


def test_an_edited_plan_is_refused(engine: Engine, root: Path, run: Run) -> None:
    path = root / "a.plan.json"
    save(engine.plan, path, attributes)
    path.write_text(path.read_text().replace("benelux", "beneluxx"))
    assert run("show", str(path)).code == 1
    assert run("apply", "--yes", str(path)).code == 1


def test_every_error_has_the_exit_code_that_the_page_of_errors_says() -> None:
    said = dict(re.findall(r"(\w+) +exit (\d)", errors.__doc__ or ""))
    classes = [one for one in vars(errors).values() if isinstance(one, type) and issubclass(one, OrgsyncError)]
    assert said == {one.__name__: str(one.exit_code) for one in classes}


def test_drift_pending_is_three_only_when_asked(engine: Engine, run: Run) -> None:
    assert run("drift").code == 0
    assert run("drift", "--exit-code").code == 3
    engine.plan = plans.nothing()
    assert run("drift", "--exit-code").code == 0
    engine.findings = (_bad(),)
    assert run("drift", "--exit-code").code == 3, "a policy that does not hold counts"


def test_who_proposes_and_whether_hints_are_wanted_reach_the_engine(engine: Engine, run: Run) -> None:
    run("plan", "--actor", " octocat ", "--as-of", "2027-01-31")
    assert (engine.asked[-1][1]["actor"], engine.asked[-1][1]["as_of"]) == ("octocat", date(2027, 1, 31))
    run("plan")
    assert (engine.asked[-1][1]["actor"], engine.asked[-1][1]["as_of"]) == ("", None)
    for command in ("validate", "drift"):
        run(command, "--hints")
        assert engine.asked[-1][1]["hints"] is True
        run(command)
        assert engine.asked[-1][1]["hints"] is False


def test_drift_as_json_names_foreign_things(engine: Engine, run: Run) -> None:
    assert engine.error is None
    assert json.loads(run("drift", "--format", "json").out)["foreign"][0]["name"] == "Shadow Team"


def _bad() -> Finding:
    return Finding(code="bad", summary="it is bad", position=Position(file="orgsync.yaml", line=1, column=7))


def test_findings_of_validate_are_its_result(engine: Engine, run: Run) -> None:
    engine.findings = (_bad(),)
    answer = run("validate")
    assert answer.code == 2
    assert "1 | kind: Settings\n  |       ^^^^^^^^" in answer.out
    assert answer.out.endswith("validate: 1 error in 1 file\n")


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (InvalidInput([_bad()]), 2),
        (Refused([_bad()]), 1),
        (StalePlan(["unit/a moved"]), 1),
        (OrgsyncError("no way", remedy="try another"), 1),
        (IncompleteRead("page 3 of 5 failed"), 4),
        (KeyboardInterrupt(), 130),
        (RuntimeError("boom"), 70),
    ],
)
def test_errors_leave_with_their_codes_and_nothing_on_stdout(
    error: BaseException, code: int, engine: Engine, run: Run
) -> None:
    engine.error = error
    answer = run("plan")
    assert answer.code == code
    assert answer.out == ""
    assert answer.err
    assert "Traceback" not in answer.err


def test_an_expected_error_as_json_is_a_list_of_findings(engine: Engine, run: Run) -> None:
    engine.error = IncompleteRead("page 3 of 5 failed")
    answer = run("plan", "--format", "json")
    assert [one["code"] for one in json.loads(answer.out)] == ["incomplete-read"]
    assert "page 3 of 5" in answer.err


def test_a_bug_leaves_a_report_without_secrets(
    engine: Engine, run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CRM_SECRET", "hunter2hunter2")
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    engine.error = RuntimeError("login with hunter2hunter2 at https://me:pw@crm failed")
    answer = run("plan")
    report = next(tmp_path.glob("orgsync-report-*.txt")).read_text()
    assert "hunter2" not in report + answer.err
    assert "me:***@crm" in report
    assert "RuntimeError" in report
    assert "in make_plan" in report


def test_targets_lists_the_one_that_is_named(engine: Engine, run: Run) -> None:
    assert engine.error is None
    assert "demo" not in run("targets", "--target", "production").out
    assert run("targets", "--target", "productoin").code == 2


def test_a_plan_that_was_applied_already_is_no_list_of_all_that_it_did(engine: Engine, run: Run) -> None:
    engine.error = StalePlan([f"unit/{number} exists by now" for number in range(1, 141)])
    answer = run("plan")
    assert answer.err.count("exists by now") == 20
    assert "  and 120 more\n" in answer.err


def test_a_day_that_is_none_is_refused_with_an_example(engine: Engine, run: Run) -> None:
    assert engine.error is None
    for arguments in (("plan", "--as-of", "31.12.2027"), ("validate", "--as-of", "2027-02-29")):
        answer = run(*arguments)
        assert answer.code == 2
        assert "is no day that exists, written as year-month-day: 2027-03-31" in answer.err


def test_targets_show_no_password(engine: Engine, run: Run) -> None:
    assert engine.error is None
    answer = run("targets")
    assert "demo (default)" in answer.out
    assert "hidden" not in answer.out


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--format", "sarif", "history"), "it has text, json"),
        (("history", "--format", "sarif"), "is not one of 'text', 'json'"),
    ],
)
def test_a_format_that_a_command_lacks_is_a_usage_error(
    arguments: tuple[str, ...], said: str, engine: Engine, run: Run
) -> None:
    answer = run(*arguments)
    assert answer.code == 2
    assert said in answer.err
    assert engine.asked == []


@pytest.mark.parametrize(
    ("command", "formats"),
    [
        ("init", "text"),
        ("history", "text|json"),
        ("drift", "text|json|markdown"),
        ("validate", "text|json|markdown|github|sarif"),
        ("plan", "text|json|markdown|html|github|sarif"),
    ],
)
def test_a_command_offers_the_formats_that_it_has(command: str, formats: str, run: Run) -> None:
    assert f"--format [{formats}]" in run(command, "--help").out


def test_history_without_runs_says_so(engine: Engine, run: Run) -> None:
    assert engine.error is None
    assert "nothing was applied yet" in run("history").out
    assert "nothing was applied to a target production yet" in run("history", "--target", "production").out


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_prints_a_script(shell: str, run: Run) -> None:
    assert "_ORGSYNC_COMPLETE" in run("completion", shell).out


def test_targets_list_what_the_adapters_can_express_without_a_repository(
    tmp_path: Path, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    answer = run("targets", "--adapters")
    assert answer.code == 0, answer.err
    assert re.search(r"^adapter +local$", answer.out, re.MULTILINE)
    assert re.search(r"^scopes +none, own, unit, subtree, organization$", answer.out, re.MULTILINE)
    told = json.loads(run("targets", "--adapters", "--format", "json").out)
    assert told["local"]["kinds"]["user"]["actions"] == ["create", "update"]
