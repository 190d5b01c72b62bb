"""``orgsync history`` and ``rollback`` from the outside, over a journal that an apply wrote."""

import json
import re
import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.cli.conftest import Answer

Run = Callable[..., Answer]


@pytest.fixture
def acme(tmp_path: Path, run: Run, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("ORGSYNC_ACTOR", "ana")
    monkeypatch.chdir(tmp_path)
    assert run("init", "acme").code == 0
    monkeypatch.chdir(tmp_path / "acme")
    assert run("apply", "--yes").code == 0
    return tmp_path / "acme"


def newest(run: Run) -> str:
    name: str = json.loads(run("history", "--format", "json").out)[0]["run"]
    return name


def head(run: Run) -> str:
    found: str = json.loads(run("history", "--verify", "--format", "json").out)["head"]
    return found


def test_a_whole_journal_is_said_to_be_whole_with_its_head(acme: Path, run: Run) -> None:
    assert acme.is_dir()
    answer = run("history", "--verify")
    assert answer.code == 0
    assert re.fullmatch(r"The journal is whole: \d+ entries, head \d+:[0-9a-f]{64}\n", answer.out)
    assert run("history", "--verify", "--expect", head(run)).code == 0
    assert run("history", "--verify", "--expect", head(run)[:24]).code == 0


def test_apply_prints_a_head_that_can_be_expected_later(acme: Path, run: Run) -> None:
    (acme / "units" / "sales.yaml").write_text(
        (acme / "units" / "sales.yaml").read_text(encoding="utf-8").replace("name: ", "name: New ", 1), encoding="utf-8"
    )
    told = run("apply", "--yes").err
    found = re.search(r"--expect (\d+:[0-9a-f]{16})", told)
    assert found is not None
    assert run("history", "--verify", "--expect", found[1]).code == 0


def test_an_edited_journal_fails_with_what_is_wrong(acme: Path, run: Run) -> None:
    noted = head(run)
    with sqlite3.connect(acme / ".orgsync" / "journal.db") as journal:
        journal.execute("DELETE FROM orgsync_journal WHERE seq > 2")
    answer = run("history", "--verify", "--expect", noted)
    assert answer.code == 1
    assert "the end was cut off" in answer.out
    assert "is not the one that was noted" in answer.out


def test_a_journal_that_is_gone_fails_where_a_head_is_expected(acme: Path, run: Run) -> None:
    noted = head(run)
    (acme / ".orgsync" / "journal.db").unlink()
    assert run("history", "--verify").out == "There is no journal yet.\n"
    assert run("history", "--verify", "--expect", noted).code == 1


@pytest.mark.parametrize("words", [["--expect", "1:abc"], ["--verify", "--expect", "nonsense"]])
def test_a_head_that_is_none_is_told(acme: Path, run: Run, words: list[str]) -> None:
    assert acme.is_dir()
    assert run("history", *words).code in {1, 2}


def test_the_steps_of_a_run_are_listed_with_what_became_of_them(acme: Path, run: Run) -> None:
    assert acme.is_dir()
    name = newest(run)
    assert "membership/sales" in run("history", name[:5]).out
    value = json.loads(run("history", name, "--format", "json").out)
    assert {step["status"] for step in value["steps"]} == {"applied"}
    assert value["actor"] == "ana"


def test_a_run_that_does_not_exist_is_told(acme: Path, run: Run) -> None:
    assert acme.is_dir()
    for command in ("history", "rollback"):
        answer = run(command, "nosuch")
        assert answer.code == 1
        assert "no run begins" in answer.err


def test_a_rollback_is_planned_shown_saved_and_applied_like_any_other(acme: Path, run: Run) -> None:
    file = acme / "units" / "sales.yaml"
    file.write_text(file.read_text(encoding="utf-8").replace("name: ", "name: New ", 1), encoding="utf-8")
    assert run("apply", "--yes").code == 0
    name = newest(run)
    answer = run("rollback", name, "-o", "back.plan.json")
    assert answer.code == 0
    assert f"undoes run {name}" in answer.out
    assert "the YAML still declares what this takes back" in answer.err
    assert run("apply", "back.plan.json", "--yes").code == 0
    assert "Nothing to do" in run("rollback", name).out
    assert json.loads(run("history", "--format", "json").out)[0]["undoes"] == name
    assert f"undoes {name}" in run("history").out


def test_a_target_that_is_held_is_told_and_can_be_taken_over_by_name(acme: Path, run: Run) -> None:
    with sqlite3.connect(acme / ".orgsync" / "journal.db") as journal:
        journal.execute(
            "INSERT INTO orgsync_lease (identity, run, holder, until) VALUES "
            "('sqlite:///.orgsync/demo.db', 'dead', 'bob', '2999-01-01T00:00:00+00:00')"
        )
    file = acme / "units" / "sales.yaml"
    file.write_text(file.read_text(encoding="utf-8").replace("name: ", "name: New ", 1), encoding="utf-8")
    answer = run("apply", "--yes")
    assert answer.code == 1
    assert "run dead (bob)" in answer.err
    assert "--take-over dead" in answer.err
    assert run("apply", "--yes", "--take-over", "dead").code == 0
    assert json.loads(run("history", "--format", "json").out)[0]["tookOver"] == "dead"
