"""An answer that is given again is the answer that would be given; and what must not be kept is not kept."""

import hashlib
import os
import random
import shutil
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from orgsync import pipeline
from orgsync.cli.witness import Witness
from orgsync.replay import facts, record
from orgsync.replay.record import Record, read, write
from orgsync.settings import load_settings
from tests.replay.stage import OWN, Stage, set_up
from tests.repository import SETTINGS_FILE, UNIT_FILE, applied, edit, planned, sql
from tests.test_signing import pair

LIVE, JOURNAL = ".orgsync/demo.db", ".orgsync/journal.db"
FORMATS = ("text", "json", "markdown", "html", "github", "sarif")


@pytest.fixture
def stage(tmp_path: Path) -> Stage:
    return set_up(tmp_path)


@pytest.mark.parametrize("more", [(), ("--exit-code", "--accept", "none-of-that-name"), ("--quiet",)], ids=" ".join)
@pytest.mark.parametrize("style", FORMATS)
def test_it_is_the_same_to_the_byte(stage: Stage, style: str, more: tuple[str, ...]) -> None:
    arguments = ("plan", "--format", style, *more)
    expected = stage.plan(*arguments, "--no-cache")
    assert not stage.knows(*arguments)
    assert stage.plan(*arguments) == expected
    assert stage.knows(*arguments)
    assert stage.plan(*arguments) == expected
    assert (b"no such guard" in expected) == ("--accept" in more)  # on stderr
    assert expected.endswith(b"--\n3" if "--exit-code" in more else b"--\n0")


def test_what_is_said_on_both_streams_is_said_in_that_order(stage: Stage) -> None:
    arguments = ("plan", "--accept", "nothing-of-that-name")
    first = stage.run(*arguments)
    assert b"no such guard" in first.stderr
    assert stage.knows(*arguments)
    again = subprocess.run(
        [sys.executable, str(stage.driver), *arguments],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        check=True,
        cwd=stage.root,
        env=stage.variables,
    )
    assert again.stdout == first.stderr + first.stdout


def test_it_comes_from_the_record_and_loads_next_to_nothing(stage: Stage) -> None:
    expected = stage.run().stdout
    done = stage.run(word="loaded")
    assert done.stdout == expected
    loaded = set(done.stderr.decode().split())
    assert {"orgsync.replay.asking"} <= loaded
    assert not loaded & {"click", "yaml", "pydantic", "sqlite3", "dataclasses", "typing", "json", "orgsync.cli"}
    stage.forge("forged")
    assert stage.run().stdout == b"forged"
    assert stage.run("plan", "--format", "json", "--no-cache").stdout == expected


def test_whatever_comes_to_pass_in_whatever_order_it_says_what_would_be_said_without(stage: Stage) -> None:
    """Back and forth between few states, so that many a state comes again."""
    chance = random.Random(5)
    states = {
        UNIT_FILE: ["Sales Team", "Sales Unit", "Sales Force"],
        SETTINGS_FILE: ["count: 100", "count: 101"],
    }
    for _ in range(8):
        match chance.randrange(3):
            case 0:
                file, texts = chance.choice(sorted(states.items()))
                now = next(text for text in texts if text in (stage.root / file).read_text())
                edit(stage.root, now, chance.choice(texts), file)
            case 1:
                name = chance.choice(["Sales Team", "Sales Unit"])
                sql(stage.root, f"UPDATE crm_unit SET name = '{name}' WHERE external_id = 'sales'")
            case _:
                stage.git("commit", "-qam", "Now", "--allow-empty")
        expected = stage.plan("plan", "--format", "json", "--no-cache")
        assert [stage.plan(), stage.plan()] == [expected, expected]
        assert stage.knows()


def test_an_apply_and_what_comes_after_it_is_seen(stage: Stage) -> None:
    first = stage.plan()
    assert stage.run("apply", "--yes").returncode == 0
    second = stage.plan()
    assert second != first
    assert stage.knows()
    assert second == stage.plan() == stage.plan("plan", "--format", "json", "--no-cache")


def test_a_crm_and_a_journal_that_are_not_there_yet_are_a_state_too(stage: Stage) -> None:
    shutil.rmtree(stage.root / ".orgsync")
    expected = stage.plan()
    assert stage.knows()
    assert stage.plan() == expected
    assert not (stage.root / ".orgsync").exists()
    applied(stage.root, planned(stage.root))
    assert not stage.knows()


def test_without_git_there_is_an_answer_too(stage: Stage) -> None:
    shutil.rmtree(stage.root / ".git")
    expected = stage.plan()
    assert b"unversioned" in expected
    assert stage.knows()
    assert stage.plan() == expected


@pytest.mark.parametrize(
    "arguments",
    [["-o", "plan.json"], ["--out=plan.json"], ["-v"], ["--profile"], ["--no-cache"]],
    ids=" ".join,
)
def test_it_is_kept_by_no_run_that_does_more_or_is_told_not_to(stage: Stage, arguments: list[str]) -> None:
    words = ("plan", "--format", "json", *arguments)
    assert stage.run(*words).returncode == 0
    assert not stage.record(*words).exists()


def test_it_is_not_kept_where_nothing_is(stage: Stage) -> None:
    off = replace(stage, environment={"ORGSYNC_CACHE": "off", "XDG_CACHE_HOME": str(stage.cache)})
    off.plan()
    assert not off.knows()
    assert not stage.cache.exists()


def test_a_run_that_fails_is_not_kept(stage: Stage) -> None:
    edit(stage.root, "roles: [rep]", "roles: [nobody]")
    first = stage.run()
    assert first.returncode == 2
    assert not stage.record().exists()


def test_a_crm_that_cannot_be_read_is_an_error_each_time(stage: Stage) -> None:
    stage.plan()
    with (stage.root / LIVE).open("r+b") as file:
        file.seek(4096)
        file.write(b"\xff" * 4096)
    stage.record().unlink()
    assert stage.run().returncode in {1, 4}
    assert not stage.record().exists()


def test_a_signed_plan_is_signed_each_time(stage: Stage) -> None:
    edit(stage.root, "journal:", 'plans: {key: "${env:PLAN_KEY}"}\njournal:', SETTINGS_FILE)
    private, _ = pair(7)
    signing = replace(stage, environment={"PLAN_KEY": private})
    signing.plan()
    assert not stage.record().exists()
    stage.plan()
    assert stage.knows()
    assert not signing.knows()


@pytest.mark.parametrize("mode", ["wal", "wal and back"])
def test_a_crm_with_a_log_beside_it_is_read_each_time(stage: Stage, mode: str) -> None:
    sql(stage.root, "PRAGMA journal_mode=WAL")
    if mode != "wal":
        sql(stage.root, "PRAGMA journal_mode=DELETE")
    if mode == "wal":
        with pytest.raises(facts.Doubt):
            facts.database(str(stage.root / LIVE))
    stage.plan()
    assert stage.knows() == (mode != "wal")


def test_what_leads_elsewhere_is_looked_at_each_time(stage: Stage) -> None:
    (stage.root / "units" / "note.md").symlink_to(stage.root / ".gitignore")
    assert stage.run().returncode == 0
    assert not stage.record().exists()


MEDDLING = {
    "a file, before it was told": f"""
from pathlib import Path
path = Path("{UNIT_FILE}")
path.write_text(path.read_text().replace("Sales Team", "Sales Unit"))
""",
    "a file, with its time set back": f"""
import os
found = os.stat("{UNIT_FILE}")
text = open("{UNIT_FILE}").read()
open("{UNIT_FILE}", "w").write(text.replace("Sales Team", "Sales Unit"))
os.utime("{UNIT_FILE}", ns=(found.st_atime_ns, found.st_mtime_ns))
""",
    "the settings": f"""
from pathlib import Path
path = Path("{SETTINGS_FILE}")
path.write_text(path.read_text().replace("count: 100", "count: 101"))
""",
    "a file more": "open('units/more.yaml', 'w').close()",
    "the CRM": f"""
import sqlite3
with sqlite3.connect("{LIVE}") as crm:
    crm.execute("UPDATE crm_unit SET name = 'Sales Unit'")
""",
    "the CRM, in another way": f"""
import shutil, os
shutil.copy("{LIVE}", "copy.db")
os.replace("copy.db", "{LIVE}")
""",
    "a file, and back": f"""
import os
found, content = os.stat("{UNIT_FILE}"), open("{UNIT_FILE}", "rb").read()
open("{UNIT_FILE}", "wb").write(content[::-1])
open("{UNIT_FILE}", "wb").write(content)
os.utime("{UNIT_FILE}", ns=(found.st_atime_ns, found.st_mtime_ns))
""",
    "the CRM, and back": f"""
import os
found, content = os.stat("{LIVE}"), open("{LIVE}", "rb").read()
open("{LIVE}", "wb").write(content[::-1])
open("{LIVE}", "wb").write(content)
os.utime("{LIVE}", ns=(found.st_atime_ns, found.st_mtime_ns))
""",
    "the journal": """
import sqlite3
with sqlite3.connect(".orgsync/journal.db") as journal:
    journal.execute("UPDATE orgsync_journal SET run = 'b' || run WHERE seq = 1")
""",
    "the program": "open(__file__, 'a').write('# edited\\n')",
    "the day": "today = facts.today() + 1; facts.today = lambda: today",
    "the keyring": "from orgsync.references import from_keyring; from_keyring.add('something')",
}


@pytest.mark.parametrize("code", MEDDLING.values(), ids=MEDDLING)
def test_what_was_written_while_the_plan_was_made_is_not_taken_for_what_was_read(stage: Stage, code: str) -> None:
    assert stage.run(word=f"meddle {code}").returncode == 0
    assert not stage.record().exists()


def test_a_commit_meanwhile_makes_it_an_answer_for_the_commit_before(stage: Stage) -> None:
    """Git is asked once: what it said stands in the plan, and in the record."""
    commit = """
import subprocess
author = ["-c", "user.name=t", "-c", "user.email=t@northwind.example"]
subprocess.run(["git", *author, "commit", "-q", "--allow-empty", "-m", "Now"], check=True)
"""
    before = stage.plan("plan", "--format", "json", "--no-cache")
    assert stage.plan(word=f"meddle {commit}") == before
    assert not stage.knows()
    after = stage.plan("plan", "--format", "json", "--no-cache")
    assert after != before
    stage.git("reset", "--soft", "HEAD^")
    assert stage.knows()
    assert stage.plan() == before
    stage.git("reset", "--soft", "HEAD@{1}")
    assert stage.plan() == after


def test_where_nobody_meddles_it_is_kept(stage: Stage) -> None:
    """So that the tests before this one show what they seem to."""
    assert stage.run(word="meddle pass").returncode == 0
    assert stage.knows()


def test_a_rule_that_time_or_memory_decides_is_asked_each_time(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []

    def recorded(self: Witness, *_: object) -> Record:
        asked.append(self.repo)
        raise facts.Doubt

    monkeypatch.setattr(Witness, "_record", recorded)
    one = Witness(question=None, repo="", root=Path(), live=(), journal=(), before=[])  # type: ignore[arg-type]
    for code, times in (("unusable-rule", 0), ("file-not-read", 1)):
        one.keep(SimpleNamespace(signature="", revision="", findings=[SimpleNamespace(code=code)]), 0)  # type: ignore[arg-type]
        assert len(asked) == times


def test_what_could_not_be_hashed_is_not_kept(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    root, began = str(stage.root), time.time_ns() + 60_000_000_000  # as if it began after everything was written
    path = stage.cache.parent / "one.answer"

    def failing(_: object) -> list[str]:
        raise OSError

    question = SimpleNamespace(path=str(path), process="", began=began, day=facts.today())
    live, journal = [str(stage.root / LIVE)], [str(stage.root / JOURNAL)]
    before = [facts.states(facts.files(root)), [facts.database(one) for one in (*live, *journal)]]
    plan: Any = SimpleNamespace(signature="", revision="", findings=[])
    kept = []
    for fault in (False, True):
        with monkeypatch.context() as patch:
            if fault:
                patch.setattr("orgsync.cli.witness.contents_of", failing)
            one = Witness(
                question=cast("Any", question), repo="", root=stage.root, live=live, journal=journal, before=before
            )
            one.all_was_read({})
            one.keep(plan, 0)
        kept.append(path.exists())
        path.unlink(missing_ok=True)
    one = replace(one, hashing=[], declared=[], contents=[])
    one.keep(plan, 0)  # nobody said that all was read
    assert [*kept, path.exists()] == [True, False, False]


def test_only_what_lies_in_files_has_an_answer(stage: Stage) -> None:
    journal = "journal: sqlite:///.orgsync/journal.db"
    found = {
        "as it is": journal,
        "elsewhere": 'journal: "postgresql://${env:DATABASE_HOST}/journal"',
        "unknown": 'journal: "${env:NOT_SET}"',
    }
    told = {}
    for name, line in found.items():
        (stage.root / SETTINGS_FILE).write_text((stage.root / SETTINGS_FILE).read_text().replace(journal, line))
        settings = load_settings(stage.root)
        told[name] = pipeline.databases(stage.root, settings, "demo", environment={"DATABASE_HOST": "db"})
        journal = line
    there = stage.root / ".orgsync"
    assert told == {"as it is": ((there / "demo.db",), [there / "journal.db"]), "elsewhere": None, "unknown": None}
    edit(stage.root, "adapter: local\n    url: sqlite:///.orgsync/demo.db", "adapter: scim", SETTINGS_FILE)
    edit(stage.root, journal, found["as it is"], SETTINGS_FILE)
    assert pipeline.databases(stage.root, load_settings(stage.root), "demo", environment={}) is None


def test_no_secret_of_the_environment_is_in_it(stage: Stage) -> None:
    secrets = {"CRM_PASSWORD": "cnry-Tq7@w", "GITHUB_TOKEN": "cnry-ghs-Nn01", "OTHER": "cnry-other"}
    edit(stage.root, "url: sqlite:///.orgsync/other.db", 'url: "sqlite:///${env:OTHER}.db"', SETTINGS_FILE)
    one = replace(stage, environment=secrets)
    one.plan()
    assert one.knows()
    content = one.record().read_bytes()
    for value in (*secrets, *secrets.values()):
        assert value.encode() not in content
        for algorithm in ("sha256", "sha1", "md5"):
            assert hashlib.new(algorithm, value.encode()).hexdigest().encode() not in content
            assert hashlib.new(algorithm, value.encode()).digest() not in content


def test_a_damaged_record_is_passed_over_and_written_again(stage: Stage) -> None:
    expected = stage.plan()
    path = stage.record()
    whole = path.read_bytes()
    chance = random.Random(3)
    damaged = [whole[:at] + bytes([whole[at] ^ 1]) + whole[at + 1 :] for at in chance.sample(range(len(whole)), 12)]
    for content in [b"", b"x", whole[:32], whole[:-1], whole + b"\0", hashlib.sha256(b"").digest(), *damaged]:
        path.write_bytes(content)
        with pytest.raises((ValueError, facts.Doubt)):
            read(str(path))
    assert not stage.knows()
    assert stage.plan() == expected
    assert stage.knows()


def test_a_record_with_a_checksum_that_is_none_is_none(stage: Stage) -> None:
    stage.cache.mkdir()
    for body in (b"", b"\1" * 5, b"2\0\0\0\0\0x" + b"\1" * 5, b"1\0\0\0\0\0000" + b"\1" * 5, b"\xff"):
        stage.record().write_bytes(hashlib.sha256(body).digest() + body)
        assert not stage.knows()


@pytest.mark.skipif(not hasattr(os, "geteuid"), reason="no owners here")
def test_what_somebody_else_left_or_could_write_is_not_believed(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    stage.plan()
    path = stage.record()
    assert path.stat().st_mode & 0o777 == 0o600
    assert path.parent.stat().st_mode & 0o777 == 0o700
    path.chmod(0o620)
    assert not stage.knows()
    path.chmod(0o600)
    assert stage.knows()
    me = os.geteuid()
    monkeypatch.setattr(os, "geteuid", lambda: me + 1)
    with pytest.raises(PermissionError):
        read(str(path))


def test_many_at_once_say_the_same(stage: Stage) -> None:
    expected = stage.plan("plan", "--format", "json", "--no-cache")
    with ThreadPoolExecutor(4) as pool:
        assert set(pool.map(lambda _: stage.plan(), range(8))) == {expected}
    assert stage.knows()
    assert [path.name for path in stage.cache.iterdir() if path.name.startswith(".new-")] == []


def one_record(text: str = "told") -> Record:
    return Record(
        repo="",
        root="/r",
        code=["/c"],
        journal=["/j"],
        live=["/l"],
        declared=["d", "e"],
        cheap="a",
        dear="b",
        exit=3,
        said=[f"1{text}"],
    )


def test_it_comes_back_as_it_was(tmp_path: Path) -> None:
    path = str(tmp_path / "a.answer")
    for text in ("", "é · …\n", "half a pair \ud800", "\r\n"):
        write(path, one_record(text))
        found = read(path)
        assert [getattr(found, name) for name in Record.__slots__] == [
            getattr(one_record(text), name) for name in Record.__slots__
        ]


def test_what_could_be_taken_for_something_else_or_is_too_much_is_not_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "a.answer"
    for text in ("a\0b", "a\1b"):
        with pytest.raises(facts.Doubt):
            write(str(path), one_record(text))
    monkeypatch.setattr(record, "MOST_BYTES", 100)
    with pytest.raises(facts.Doubt):
        write(str(path), one_record("x" * 100))
    assert not path.exists()


def test_so_many_are_kept_and_no_more(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(record, "MOST_FILES", 3)
    (tmp_path / "others.documents").write_text("")
    for number in range(6):
        write(str(tmp_path / f"{number}.answer"), one_record())
        os.utime(tmp_path / f"{number}.answer", (number, number))
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "3.answer",
        "4.answer",
        "5.answer",
        "others.documents",
    ]


@pytest.mark.parametrize(
    "start", [["-m", "orgsync"], [str(Path(sys.executable).with_name("orgsync"))]], ids=["-m", "script"]
)
def test_whoever_goes_away_while_it_is_said_is_told_of_as_elsewhere(stage: Stage, start: list[str]) -> None:
    command = [sys.executable, *start, "plan", "--format", "html"]
    ends = []
    for _ in range(2):
        done = subprocess.run(command, capture_output=True, check=False, cwd=stage.root, env=stage.variables)
        assert done.returncode == 0
        read_end, write_end = os.pipe()
        os.close(read_end)
        gone = subprocess.run(
            command, stdout=write_end, stderr=subprocess.PIPE, check=False, cwd=stage.root, env=stage.variables
        )
        os.close(write_end)
        ends.append((gone.returncode, gone.stderr))
    assert ends == [(1, b""), (1, b"")]
    assert OWN.exists()
