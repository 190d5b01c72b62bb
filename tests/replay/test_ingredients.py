"""Whatever goes into a plan: where it alone is different, the plan is made anew."""

import os
import shutil
import sqlite3
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from tests.replay.stage import OWN, Stage, set_up
from tests.repository import SETTINGS_FILE, UNIT_FILE, applied, edit, planned, sql

JOURNAL, LIVE = ".orgsync/journal.db", ".orgsync/demo.db"


@pytest.fixture
def stage(tmp_path: Path) -> Stage:
    found = set_up(tmp_path)
    found.plan()
    assert found.knows()
    return found


def another_content_of_the_same_size(stage: Stage) -> None:
    edit(stage.root, "Sales Team", "Sales Unit")


def another_content(stage: Stage) -> None:
    edit(stage.root, "Sales Team", "Sales Force")


def a_file_more(stage: Stage) -> None:
    (stage.root / "units" / "more.yaml").write_text("")


def a_folder_more_with_a_file(stage: Stage) -> None:
    (stage.root / "units" / "east").mkdir()
    (stage.root / "units" / "east" / "more.yml").write_text("")


def a_file_less(stage: Stage) -> None:
    (stage.root / UNIT_FILE).unlink()


def another_name(stage: Stage) -> None:
    (stage.root / UNIT_FILE).rename(stage.root / "units" / "trade.yaml")


def two_files_that_change_places(stage: Stage) -> None:
    """Of the same size, so that sizes and the order of names tell nothing."""
    roles = (stage.root / "roles" / "roles.yaml").read_bytes()
    (stage.root / "roles" / "roles.yaml").write_bytes(roles[::-1])


def a_file_that_is_not_read(stage: Stage) -> None:
    (stage.root / "units" / "sales.yml.txt.bak").write_text("")


def a_link(stage: Stage) -> None:
    (stage.root / "units" / "more.yaml").symlink_to(stage.root / UNIT_FILE)


def a_link_in_place_of_a_folder(stage: Stage) -> None:
    (stage.root / "units").rename(stage.root / "elsewhere")
    (stage.root / "units").symlink_to(stage.root / "elsewhere")


def other_settings(stage: Stage) -> None:
    edit(stage.root, "count: 100", "count: 101", SETTINGS_FILE)


def no_settings(stage: Stage) -> None:
    (stage.root / SETTINGS_FILE).unlink()


def settings_of_another_repository_on_the_way(stage: Stage) -> None:
    shutil.copy(stage.root / SETTINGS_FILE, stage.root / "units" / SETTINGS_FILE)


def a_row_that_somebody_changed(stage: Stage) -> None:
    sql(stage.root, "UPDATE crm_unit SET name = 'Sales Unit' WHERE external_id = 'sales'")


def another_crm_of_the_same_size(stage: Stage) -> None:
    path = stage.root / LIVE
    found = path.read_bytes()
    assert b"Sales Team" in found
    path.write_bytes(found.replace(b"Sales Team", b"Sales Unit"))


def another_crm_in_its_place(stage: Stage) -> None:
    path = stage.root / LIVE
    shutil.copy(path, stage.root / "copy.db")
    with sqlite3.connect(stage.root / "copy.db") as other:
        other.execute("UPDATE crm_unit SET name = 'Sales Unit' WHERE external_id = 'sales'")
    other.close()
    (stage.root / "copy.db").replace(path)


def no_crm(stage: Stage) -> None:
    (stage.root / LIVE).unlink()


def a_transaction_that_was_cut_off(stage: Stage) -> None:
    (stage.root / f"{LIVE}-journal").write_bytes(b"")


def a_log_that_is_not_written_back(stage: Stage) -> None:
    (stage.root / f"{LIVE}-wal").write_bytes(b"")


def a_run_more(stage: Stage) -> None:
    """Of another target, so that nothing else changes here."""
    before = (stage.root / LIVE).read_bytes()
    applied(stage.root, planned(stage.root, target="other"))
    assert (stage.root / LIVE).read_bytes() == before


def an_entry_that_was_edited(stage: Stage) -> None:
    with sqlite3.connect(stage.root / JOURNAL) as journal:
        journal.execute("UPDATE orgsync_journal SET run = 'b' || substr(run, 2) WHERE seq = 1")
    journal.close()


def no_journal(stage: Stage) -> None:
    (stage.root / JOURNAL).unlink()


def a_transaction_of_the_journal(stage: Stage) -> None:
    (stage.root / f"{JOURNAL}-journal").write_bytes(b"")


def a_commit(stage: Stage) -> None:
    stage.git("commit", "-q", "--allow-empty", "-m", "Nothing")


def no_git(stage: Stage) -> None:
    shutil.rmtree(stage.root / ".git")


def a_library_more(stage: Stage) -> None:
    folder = stage.root.parent / "more-packages"
    (folder / "found.py").write_text("")
    os.utime(folder, (1, 1))


def other_code_that_was_loaded(stage: Stage) -> None:
    stage.driver.write_text(stage.driver.read_text() + "\n")


CHANGES: list[Callable[[Stage], None]] = [
    another_content_of_the_same_size,
    another_content,
    a_file_more,
    a_folder_more_with_a_file,
    a_file_less,
    another_name,
    two_files_that_change_places,
    a_file_that_is_not_read,
    a_link,
    a_link_in_place_of_a_folder,
    other_settings,
    no_settings,
    a_row_that_somebody_changed,
    another_crm_of_the_same_size,
    another_crm_in_its_place,
    no_crm,
    a_transaction_that_was_cut_off,
    a_log_that_is_not_written_back,
    a_run_more,
    an_entry_that_was_edited,
    no_journal,
    a_transaction_of_the_journal,
    a_commit,
    no_git,
    a_library_more,
    other_code_that_was_loaded,
]


@pytest.mark.parametrize("change", CHANGES, ids=lambda change: change.__name__)
def test_what_was_said_is_not_said_again_with(stage: Stage, change: Callable[[Stage], None]) -> None:
    change(stage)
    assert not stage.knows()


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("CI", ""),
        ("COLUMNS", "60"),
        ("CRM_PASSWORD", "secret"),
        ("FORCE_COLOR", "1"),
        ("LC_ALL", "C"),
        ("NO_COLOR", "1"),
        ("ORGSYNC_ACTOR", "ana"),
        ("PYTHONIOENCODING", "ascii"),
        ("TERM", "dumb"),
        ("TZ", "Asia/Tokyo"),
        ("ZZZ", "whatever it is for"),
    ],
)
def test_what_was_said_is_not_said_again_in_an_environment_with_another(stage: Stage, name: str, value: str) -> None:
    assert not replace(stage, environment={name: value}).knows()


@pytest.mark.parametrize(
    "arguments",
    [
        ["plan", "--format", "text"],
        ["plan", "--format=json"],
        ["--format", "json", "plan"],
        ["plan", "--format", "json", "--target", "other"],
        ["plan", "--format", "json", "--as-of", "2027-01-01"],
        ["plan", "--format", "json", "--accept", "removals"],
        ["plan", "--format", "json", "--exit-code"],
        ["plan", "--format", "json", "--no-cache"],
    ],
    ids=" ".join,
)
def test_another_question_is_another_question(stage: Stage, arguments: list[str]) -> None:
    """Even in the other one's file, as if the names of both began alike."""
    shutil.copy(stage.record(), stage.record(*arguments))
    assert not stage.knows(*arguments)


def test_what_git_alone_tells_of_counts(stage: Stage) -> None:
    """``+dirty``"""
    stage.git("commit", "-qam", "Now")
    stage.plan()
    assert stage.knows()
    (stage.root / UNIT_FILE).chmod(0o755)
    assert not stage.knows()


def test_another_folder_is_another_question(stage: Stage) -> None:
    shutil.copy(stage.record(), stage.record(cwd=stage.root / "units"))
    assert not stage.knows(cwd=stage.root / "units")
    stage.plan(cwd=stage.root / "units")
    assert stage.knows(cwd=stage.root / "units")


def test_a_repository_that_is_nearer_counts(stage: Stage) -> None:
    (stage.root / "work").mkdir()
    stage.plan(cwd=stage.root / "work")
    assert stage.knows(cwd=stage.root / "work")
    shutil.copy(stage.root / SETTINGS_FILE, stage.root / "work" / SETTINGS_FILE)
    assert not stage.knows(cwd=stage.root / "work")


def test_a_name_that_leads_to_another_repository_is_followed(stage: Stage, tmp_path: Path) -> None:
    link = tmp_path / "link"
    link.symlink_to(stage.root)
    arguments = ("plan", "--repo", str(link))
    stage.plan(*arguments)
    assert stage.knows(*arguments)
    shutil.copytree(stage.root, tmp_path / "twin", symlinks=True)
    link.unlink()
    link.symlink_to(tmp_path / "twin")
    assert not stage.knows(*arguments)


def test_tomorrow_is_another_day(stage: Stage) -> None:
    assert not stage.knows(word="tomorrow")


def test_another_python_is_another_python(stage: Stage) -> None:
    assert not stage.knows(word="python 4.0")


def test_a_terminal_is_not_told_what_a_pipe_was_told(stage: Stage) -> None:
    assert stage.on_a_terminal() == b"False"


def test_another_orgsync_makes_its_own_plans(tmp_path: Path) -> None:
    """Also where only a file was edited that this run had no use for: another process of it may have had."""
    shutil.copytree(OWN / "orgsync", tmp_path / "code" / "orgsync", ignore=shutil.ignore_patterns("__pycache__"))
    stage = set_up(tmp_path, code=tmp_path / "code")
    stage.plan()
    assert stage.knows()
    with (tmp_path / "code" / "orgsync" / "policy" / "child.py").open("a") as file:
        file.write("# edited\n")
    assert not stage.knows()


def test_what_says_the_same_may_have_been_touched_or_moved(stage: Stage) -> None:
    """Neither names of inodes nor times are believed of what is declared or lives, in neither way."""
    for name in (UNIT_FILE, SETTINGS_FILE, LIVE):
        path = stage.root / name
        shutil.copy(path, stage.root / "copy")
        (stage.root / "copy").replace(path)
        os.utime(path, (1, 1))
    assert stage.knows()


@pytest.mark.parametrize("name", ["units/README.md", "units/empty.yaml", "roles/note.txt"])
def test_what_declares_nothing_counts_too(stage: Stage, name: str) -> None:
    (stage.root / name).write_text("# one\n")
    stage.plan()
    assert stage.knows()
    (stage.root / name).write_text("# two\n")
    assert not stage.knows()
