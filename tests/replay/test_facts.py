"""Fingerprints: equal to what the ordinary way finds, and no further than the first difference."""

import os
import shutil
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orgsync.load.files import key_of
from orgsync.replay import asking, facts
from orgsync.replay.record import Record
from tests.replay.stage import Stage, set_up
from tests.repository import sql

LIVE = ".orgsync/demo.db"


@pytest.fixture
def stage(tmp_path: Path) -> Stage:
    return set_up(tmp_path)


@given(contents=st.lists(st.binary(max_size=40), max_size=4), chunk=st.integers(1, 9))
def test_a_file_has_the_key_that_reading_gives_it(
    contents: list[bytes], chunk: int, tmp_path_factory: pytest.TempPathFactory
) -> None:
    root = tmp_path_factory.mktemp("root")
    names = [f"{folder}/a.yaml" for folder in ("units", "roles", "units/east", "units/west")][: len(contents)]
    for name, content in zip(names, contents, strict=True):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(content)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(facts, "_CHUNK", chunk)
        found = [*facts.contents(str(root), [*names, "units/none.yaml"])]
    assert found == [*map(key_of, names, contents), ""]


def test_nothing_is_read_beyond_the_first_difference(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "units").mkdir()
    (tmp_path / facts.SETTINGS).write_text("")
    for at, name in enumerate("abcde"):
        (tmp_path / "units" / name).write_text(name)
        os.utime(tmp_path / "units" / name, (at, 99 if name == "c" else at))
    os.utime(tmp_path / facts.SETTINGS, (1, 1))
    files = facts.files(str(tmp_path))
    record = Record(
        repo="",
        root=str(tmp_path),
        code=[],
        journal=[],
        live=[],
        declared=[*facts.contents(str(tmp_path), files)],
        cheap="",
        dear="",
        exit=0,
        said=[],
    )
    assert asking._stand_there(record, files)
    record.declared[[*files].index("units/c")] = "another"
    opened: list[str] = []
    really = os.open

    def noted(path: str, flags: int) -> int:
        opened.append(path)
        return really(path, flags)

    monkeypatch.setattr(os, "open", noted)
    assert not asking._stand_there(record, files)
    assert opened == [str(tmp_path / "units" / "c")]


def test_a_transaction_is_seen_without_reading_the_file_and_another_time_is_none(stage: Stage) -> None:
    path = str(stage.root / LIVE)
    before = facts.likeness(path)
    shutil.copy(path, stage.root / "copy.db")
    (stage.root / "copy.db").replace(path)
    assert facts.likeness(path) == before
    sql(stage.root, "UPDATE crm_unit SET name = name")
    assert facts.likeness(path) != before
    assert facts.likeness(str(stage.root / "none.db")) == ((), ())


def test_git_can_be_told_that_nobody_waits(stage: Stage) -> None:
    """Neither a process nor a pipe stays behind."""
    pipes = len(os.listdir("/proc/self/fd")) if os.path.isdir("/proc/self/fd") else 0  # noqa: PTH112, PTH208
    git = facts.Git(str(stage.root))
    git.stop()
    with pytest.raises(ChildProcessError):
        os.waitpid(git._process, 0)
    assert not pipes or len(os.listdir("/proc/self/fd")) == pipes  # noqa: PTH208
