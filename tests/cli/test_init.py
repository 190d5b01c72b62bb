"""What ``init`` makes is valid, and what was there stays."""

import json
from collections.abc import Callable
from datetime import date
from pathlib import Path

import jsonschema
import pytest

from orgsync import documents
from orgsync.cli.schema import NAMES, schema_of
from orgsync.load import load
from orgsync.resolve import resolve
from orgsync.settings import load_settings
from tests.cli.conftest import Answer

Run = Callable[..., Answer]


@pytest.mark.parametrize("organization", ["Northwind", 'Q "quoted": & {co}', "- no", "日本"])
def test_a_new_repository_is_valid_whatever_the_name(tmp_path: Path, run: Run, organization: str) -> None:
    answer = run("init", str(tmp_path / "new"), "--organization", organization)
    assert answer.code == 0
    assert "orgsync plan" in answer.err
    root = tmp_path / "new"
    repository = load(root)
    checked, invalid = documents.check(repository)
    desired, unresolved = resolve(checked, repository, today=date(2026, 11, 23))
    assert [*repository.findings, *invalid, *unresolved] == []
    assert desired.resources["business-unit/company"]["name"] == organization
    assert load_settings(root).organization == organization


def test_nothing_that_exists_is_overwritten(tmp_path: Path, run: Run) -> None:
    (tmp_path / "orgsync.yaml").write_text("mine")
    (tmp_path / ".gitignore").write_text("*.log")
    answer = run("init", str(tmp_path))
    assert "kept     orgsync.yaml" in answer.out
    assert (tmp_path / "orgsync.yaml").read_text() == "mine"
    assert (tmp_path / ".gitignore").read_text() == "*.log\n.orgsync/\n*.plan.json\n"


def test_a_second_init_changes_nothing(tmp_path: Path, run: Run) -> None:
    run("init", str(tmp_path))
    before = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    assert "created" not in run("init", str(tmp_path)).out
    assert {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()} == before


def test_a_dangling_link_is_not_written_through(tmp_path: Path, run: Run) -> None:
    (tmp_path / "orgsync.yaml").symlink_to(tmp_path / "elsewhere")
    run("init", str(tmp_path))
    assert not (tmp_path / "elsewhere").exists()


@pytest.mark.parametrize("name", NAMES)
def test_every_schema_is_one(name: str) -> None:
    jsonschema.Draft202012Validator.check_schema(schema_of(name))


def test_schemas_are_written_where_asked(root: Path, run: Run) -> None:
    assert run("schema", "unit", "--write", str(root / "s")).code == 0
    assert json.loads((root / "s" / "unit.schema.json").read_text())["title"] == "Unit"
