"""What ``init`` makes is valid, and what was there stays."""

import json
import re
from collections.abc import Callable
from datetime import date
from pathlib import Path

import jsonschema
import pytest

from orgsync import __version__, documents
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
    assert run("--repo", str(root), "validate").out.startswith("validate: no findings")
    assert desired.resources["business-unit/company"]["name"] == organization
    assert load_settings(root).organization == organization


@pytest.mark.parametrize(
    ("folder", "name"),
    [
        ("acme", "Acme"),
        ("acme-corp_crm", "Acme Corp Crm"),
        ("McGraw & Söhne", "McGraw Söhne"),
        ("---", "My Organization"),
        ("\u202eacme", "Acme"),
        ("x" * 200, "X" + "x" * 119),
    ],
)
def test_the_organization_is_named_after_its_folder(tmp_path: Path, run: Run, folder: str, name: str) -> None:
    run("init", str(tmp_path / folder))
    assert load_settings(tmp_path / folder).organization == name


def test_the_working_folder_names_the_organization_too(
    tmp_path: Path, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "acme").mkdir()
    monkeypatch.chdir(tmp_path / "acme")
    run("init")
    assert load_settings(tmp_path / "acme").organization == "Acme"


def test_workflows_install_the_version_that_wrote_them(tmp_path: Path, run: Run) -> None:
    run("init", str(tmp_path))
    major, minor, *_ = __version__.split(".")
    for path in (tmp_path / ".github" / "workflows").iterdir():
        installs = re.findall(r"pip install (.*)", path.read_text())
        assert set(installs) == {f'--quiet "orgsync=={major}.{minor}.*"'}


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


def test_an_organization_gets_no_second_one_beside_it(tmp_path: Path, run: Run) -> None:
    run("init", str(tmp_path))
    (tmp_path / "units" / "company.yaml").rename(tmp_path / "units" / "acme.yaml")
    (tmp_path / ".vscode" / "settings.json").unlink()
    answer = run("init", str(tmp_path))
    assert [one for one in answer.out.splitlines() if one.startswith("created")] == ["created  .vscode/settings.json"]
    assert "kept     units/" in answer.out
    assert run("validate", "--repo", str(tmp_path)).code == 0


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
