"""``orgsync doctor`` against the embedded CRM."""

import json
import re
import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest

from orgsync.adapters.local.file import FileReader
from orgsync.errors import IncompleteRead
from tests.cli.conftest import Answer

Run = Callable[..., Answer]


@pytest.fixture
def repository(tmp_path: Path, run: Run, monkeypatch: pytest.MonkeyPatch) -> Path:
    run("init", str(tmp_path / "acme"))
    monkeypatch.chdir(tmp_path / "acme")
    assert run("apply", "--yes").code == 0
    return tmp_path / "acme"


def test_a_target_that_can_be_read_is_ready(repository: Path, run: Run) -> None:
    assert repository.is_dir()
    answer = run("doctor", "--format", "json")
    (target,) = json.loads(answer.out)
    assert answer.code == 0
    assert (target["ok"], target["read"]["business-unit"], target["read"]["foreign"]) == (True, 1, 0)
    assert "writing is allowed" in {one["summary"] for one in target["findings"]}


def test_the_adapters_own_doctor_is_heard_even_where_reading_fails(
    repository: Path, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(*_: object) -> None:
        raise IncompleteRead("page 3 of 5 failed", remedy="wait an hour")

    assert repository.is_dir()
    monkeypatch.setattr(FileReader, "read", fails)
    answer = run("doctor")
    assert answer.code == 1
    assert re.search(r"^ready +NO$", answer.out, re.MULTILINE)
    assert answer.out.index("the database answers") < answer.out.index("the target cannot be read: page 3 of 5 failed")
    assert "wait an hour" in answer.out
    (target,) = json.loads(run("doctor", "--format", "json").out)
    assert target["read"] is None
    assert target["identity"] == "sqlite:///.orgsync/demo.db"


def test_what_the_adapters_doctor_said_is_not_said_again(repository: Path, run: Run) -> None:
    with sqlite3.connect(repository / ".orgsync" / "demo.db") as crm:
        crm.execute("DROP TABLE crm_grant")
    crm.close()
    (target,) = json.loads(run("doctor", "--format", "json").out)
    errors = [one["detail"] for one in target["findings"] if one["severity"] == "error"]
    assert len(errors) == 1
    assert "tables are missing: crm_grant" in errors[0]


def test_targets_are_told_apart_by_one_empty_line(repository: Path, run: Run) -> None:
    settings = repository / "orgsync.yaml"
    other = '  other: {adapter: scim, url: "http://127.0.0.1:9/v2", credentials: {token: "${env:NOT_SET_HERE}"}}\n'
    settings.write_text(settings.read_text().replace("journal:", f"{other}journal:"))
    answer = run("doctor")
    assert answer.code == 1
    assert answer.out.count("\n\n") == 1
    assert answer.out.endswith("  remedy  set NOT_SET_HERE; orgsync.yaml refers to it\n")
