"""Which commit is being planned: real git, real folders."""

import subprocess
from datetime import date
from pathlib import Path

import pytest

from orgsync.errors import BadUsage, OrgsyncError
from orgsync.revision import commit_at, commit_of, lay_out, revision, revision_begun


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


def test_asking_in_a_thread_finds_the_same(repository: Path) -> None:
    (repository / "units" / "u.yaml").write_text("changed")
    assert revision_begun(repository)() == revision(repository)


def test_where_there_is_no_git_no_name_of_a_commit_would_do_better(tmp_path: Path) -> None:
    said = "it is no git repository, or git is not installed"
    with pytest.raises(BadUsage, match=said):
        commit_of(tmp_path, "HEAD")
    with pytest.raises(BadUsage, match=said):
        commit_at(tmp_path, date(2026, 11, 1))


def test_a_commit_is_known_by_what_people_call_it(repository: Path) -> None:
    head = git(repository, "rev-parse", "HEAD")
    git(repository, "tag", "v1")
    assert {commit_of(repository, name) for name in ("HEAD", "v1", head[:10], head)} == {head}
    assert commit_at(repository, date(2100, 1, 1)) == head
    with pytest.raises(BadUsage, match="no commit"):
        commit_at(repository, date(2000, 1, 1))


def test_what_a_commit_declares_is_laid_out_and_nothing_else(
    repository: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    (repository / "units" / "u.yaml").write_text("changed")
    folder = tmp_path_factory.mktemp("laid-out")
    lay_out(repository, commit_of(repository, "HEAD"), folder)
    assert [path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()] == ["units/u.yaml"]
    assert (folder / "units" / "u.yaml").read_text() == "kind: Unit\n"


def test_a_path_that_leads_elsewhere_is_refused(repository: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    blob = git(repository, "rev-parse", "HEAD:units/u.yaml")
    tree = b"100644 out.yaml\0" + bytes.fromhex(blob)
    for name in (b"..", b"units"):  # git itself never writes such a tree
        made = subprocess.run(
            ["git", "hash-object", "-t", "tree", "-w", "--literally", "--stdin"],
            cwd=repository,
            input=tree,
            check=True,
            capture_output=True,
        )
        tree = b"40000 " + name + b"\0" + bytes.fromhex(made.stdout.decode().strip())
    root = subprocess.run(
        ["git", "hash-object", "-t", "tree", "-w", "--literally", "--stdin"],
        cwd=repository,
        input=tree,
        check=True,
        capture_output=True,
    )
    commit = git(repository, "commit-tree", root.stdout.decode().strip(), "-m", "x")
    folder = tmp_path_factory.mktemp("laid-out") / "inside"
    folder.mkdir()
    with pytest.raises(OrgsyncError, match="not a plain file"):
        lay_out(repository, commit, folder)
    assert list(folder.parent.rglob("*.yaml")) == []
