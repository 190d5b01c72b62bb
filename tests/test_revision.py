"""Which commit is being planned: real git, real folders."""

import subprocess
from pathlib import Path

import pytest

from orgsync.revision import revision


def git(folder: Path, *arguments: str) -> str:
    answer = subprocess.run(
        ["git", "-c", "user.name=t", "-c", "user.email=t@example.com", *arguments],
        cwd=folder,
        check=True,
        capture_output=True,
        text=True,
    )
    return answer.stdout.strip()


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    (tmp_path / "units").mkdir()
    (tmp_path / "units" / "u.yaml").write_text("kind: Unit\n")
    (tmp_path / "notes.txt").write_text("x")
    git(tmp_path, "init", "-q")
    git(tmp_path, "add", ".")
    git(tmp_path, "commit", "-q", "-m", "first")
    return tmp_path


def test_a_clean_repository_is_its_commit(repository: Path) -> None:
    assert revision(repository) == git(repository, "rev-parse", "HEAD")


@pytest.mark.parametrize("name", ["units/u.yaml", "units/new.yaml", "orgsync.yaml"])
def test_a_declared_file_that_differs_makes_it_dirty(repository: Path, name: str) -> None:
    (repository / name).write_text("changed")
    assert revision(repository) == git(repository, "rev-parse", "HEAD") + "+dirty"


def test_another_file_that_differs_does_not(repository: Path) -> None:
    (repository / "notes.txt").write_text("changed")
    assert "+dirty" not in revision(repository)


def test_an_organization_in_a_folder_of_a_repository_has_that_commit(repository: Path) -> None:
    assert revision(repository / "units") == git(repository, "rev-parse", "HEAD")


def test_a_folder_without_git_is_unversioned(tmp_path: Path) -> None:
    assert revision(tmp_path) == "unversioned"


def test_a_repository_without_a_commit_is_unversioned(tmp_path: Path) -> None:
    git(tmp_path, "init", "-q")
    assert revision(tmp_path) == "unversioned"


def test_a_machine_without_git_is_no_obstacle(repository: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(repository))
    assert revision(repository) == "unversioned"
