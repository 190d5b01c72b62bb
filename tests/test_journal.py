"""The chain shows every edit; runs, intents and removals are read back; SQLite and PostgreSQL alike."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import Connection, create_engine, text

from orgsync.change import Action, Batch, Outcome, Status, Step
from orgsync.errors import JournalError
from orgsync.journal import Run, read_journal
from orgsync.journal.book import Journal, open_journal
from orgsync.plan import seal
from orgsync.resources import Kind
from tests.organizations import create, delete, plan_of

START = datetime(2026, 11, 1, 12, tzinfo=UTC)
SQLITE = "sqlite:///.orgsync/journal.db"
PLAN = seal(plan_of([delete("unit/u")]))


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgresql)])
def url(request: pytest.FixtureRequest) -> str:
    if request.param == "sqlite":
        return SQLITE
    server: str = request.getfixturevalue("postgresql_url")
    engine = create_engine(server)
    with engine.begin() as connection:
        connection.execute(text("DROP TABLE IF EXISTS orgsync_journal, orgsync_journal_head, orgsync_lease"))
    engine.dispose()
    return server


@pytest.fixture
def book(url: str, tmp_path: Path) -> Iterator[Journal]:
    with open_journal(url, tmp_path) as opened:
        yield opened


def at(minutes: int) -> datetime:
    return START + timedelta(minutes=minutes)


def step(address: str, action: Action = Action.DELETE) -> Step:
    return Step(id=address, address=address, action=action, before={"name": "Süd"})


def outcome(address: str, status: Status = Status.APPLIED, action: Action = Action.DELETE) -> Outcome:
    return Outcome(id=address, address=address, action=action, status=status, detail="said so")


def batch(*addresses: str) -> Batch:
    return Batch(kind=Kind.UNIT, action=Action.DELETE, steps=tuple(map(step, addresses)))


def run(book: Journal, name: str, *addresses: str, minutes: int = 0, finish: bool = True) -> None:
    book.take("memory", name, "ci", over=name)
    book.start(name, PLAN, actor="ci", at=at(minutes))
    book.turn(name, (), [batch(*addresses)], at=at(minutes + 1))
    book.record(name, [outcome(address) for address in addresses], at=at(minutes + 2))
    if finish:
        book.finish(name, {"applied": len(addresses)}, at=at(minutes + 3))
    book.release(name)


def tamper(book: Journal, statement: str) -> None:
    connection: Connection = book.connection
    with connection.begin():
        assert connection.execute(text(statement)).rowcount > 0


def test_runs_are_read_newest_first_with_what_they_were(book: Journal) -> None:
    run(book, "one", "unit/u")
    run(book, "two", "unit/v", minutes=10, finish=False)
    two, one = book.runs()
    assert (two.id, two.finished, dict(two.summary)) == ("two", None, {})
    assert one == Run(
        id="one",
        target="demo",
        identity="memory",
        actor="ci",
        digest=PLAN.digest,
        revision="abc",
        started=at(0),
        finished=at(3),
        summary={"applied": 1},
        removals=1,
    )


def test_what_was_written_is_there_when_the_journal_is_opened_again(url: str, tmp_path: Path) -> None:
    with open_journal(url, tmp_path) as book:
        run(book, "one", "unit/u")
    with read_journal(url, tmp_path) as again:
        assert again is not None
        assert [one.id for one in again.runs()] == ["one"]
        assert again.verify() == []


def test_an_untouched_journal_verifies_and_an_empty_one_too(book: Journal) -> None:
    assert book.verify() == []
    for number in range(3):
        run(book, f"r{number}", "unit/u", minutes=10 * number)
    assert book.verify() == []


@pytest.mark.parametrize("column", ["run", "at", "event", "body", "hash"])
@pytest.mark.parametrize("seq", [1, 5, 8])
def test_an_edit_of_any_column_of_any_entry_shows(book: Journal, column: str, seq: int) -> None:
    run(book, "one", "unit/u")
    run(book, "two", "unit/v")
    tamper(book, f"UPDATE orgsync_journal SET {column} = 'x' || substr({column}, 2) WHERE seq = {seq}")
    assert f"entry {seq} " in book.verify()[0]


@pytest.mark.parametrize(("where", "missing"), [("seq = 3", "3 to 3"), ("seq IN (3, 4)", "3 to 4")])
def test_a_removed_entry_shows(book: Journal, where: str, missing: str) -> None:
    run(book, "one", "unit/u")
    run(book, "two", "unit/v")
    tamper(book, f"DELETE FROM orgsync_journal WHERE {where}")
    assert book.verify()[0] == f"entries {missing} are missing"


def test_a_removed_entry_shows_although_the_others_are_numbered_anew(book: Journal) -> None:
    run(book, "one", "unit/u")
    tamper(book, "DELETE FROM orgsync_journal WHERE seq = 2")
    tamper(book, "UPDATE orgsync_journal SET seq = 2 WHERE seq = 3")
    tamper(book, "UPDATE orgsync_journal SET seq = 3 WHERE seq = 4")
    assert book.verify() == [
        "entry 2 (outcome of run one) does not fit the one before it",
        "entry 3 (finish of run one) does not fit the one before it",
        "entries 4 to 4 are missing: the end was cut off",
    ]


@pytest.mark.parametrize("kept", [0, 3, 7])
def test_an_end_that_was_cut_off_shows(book: Journal, kept: int) -> None:
    run(book, "one", "unit/u")
    run(book, "two", "unit/v")
    tamper(book, f"DELETE FROM orgsync_journal WHERE seq > {kept}")
    assert book.verify() == [f"entries {kept + 1} to 8 are missing: the end was cut off"]


def test_an_end_that_was_cut_off_together_with_its_head_shows_to_whoever_noted_the_head(book: Journal) -> None:
    run(book, "one", "unit/u")
    noted = book.head()
    run(book, "two", "unit/v")
    assert book.holds(noted)
    assert book.holds(replace(noted, hash=noted.hash[:12]))
    assert not book.holds(replace(noted, hash=noted.hash[:11]))
    assert not book.holds(replace(noted, hash="0" * 64))
    tamper(book, "DELETE FROM orgsync_journal WHERE seq > 2")
    tamper(book, "UPDATE orgsync_journal_head SET seq = 2, hash = (SELECT hash FROM orgsync_journal WHERE seq = 2)")
    assert book.verify() == []
    assert not book.holds(noted)


def test_a_journal_without_its_head_is_neither_read_on_nor_written(book: Journal) -> None:
    run(book, "one", "unit/u")
    tamper(book, "DELETE FROM orgsync_journal_head")
    for use in (book.verify, book.head, lambda: run(book, "two", "unit/v")):
        with pytest.raises(JournalError, match="head"):
            use()


def test_an_entry_added_behind_the_head_shows(book: Journal) -> None:
    run(book, "one", "unit/u")
    tamper(
        book,
        "INSERT INTO orgsync_journal (seq, run, at, event, body, hash) "
        "SELECT 5, run, at, event, body, hash FROM orgsync_journal WHERE seq = 4",
    )
    assert book.verify()[-1] == "the last entry is 5, and the journal was at 4: an entry was added or edited"


def test_a_run_that_was_cut_off_is_open_until_a_later_one_came_to_its_end(book: Journal) -> None:
    book.take("memory", "one", "ci")
    book.start("one", PLAN, actor="ci", at=at(0))
    book.turn("one", (), [batch("unit/u")], at=at(1))
    book.release("one")
    run(book, "two", "unit/v", minutes=10, finish=False)
    assert [taken.run for taken in book.open_intents("memory")] == ["one"]
    run(book, "three", "unit/v", minutes=20)
    assert book.open_intents("memory") == []


def test_an_inserted_entry_shows(book: Journal) -> None:
    run(book, "one", "unit/u")
    tamper(book, "UPDATE orgsync_journal SET seq = 5 WHERE seq = 4")
    tamper(
        book,
        "INSERT INTO orgsync_journal (seq, run, at, event, body, hash) "
        "SELECT 4, run, at, event, body, hash FROM orgsync_journal WHERE seq = 3",
    )
    assert any("entry 4 " in line for line in book.verify())


def test_a_journal_cut_off_at_the_front_shows(book: Journal) -> None:
    run(book, "one", "unit/u")
    run(book, "two", "unit/v")
    tamper(book, "DELETE FROM orgsync_journal WHERE seq <= 4")
    assert book.verify()[0] == "entries 1 to 4 are missing"
    tamper(book, "UPDATE orgsync_journal SET seq = seq - 4")
    assert "entry 1 " in book.verify()[0]


def test_an_entry_that_cannot_be_read_is_an_error_of_the_journal(book: Journal) -> None:
    run(book, "one", "unit/u")
    tamper(book, "UPDATE orgsync_journal SET body = '{' WHERE seq = 1")
    with pytest.raises(JournalError, match="entry 1 "):
        book.runs()


def test_an_intent_without_an_outcome_stays_open(book: Journal) -> None:
    book.take("memory", "one", "ci")
    book.start("one", PLAN, actor="ci", at=at(0))
    book.turn("one", (), [batch("unit/u", "unit/v", "unit/w")], at=at(1))
    book.record("one", [outcome("unit/u"), outcome("unit/w", Status.UNKNOWN)], at=at(2))
    assert [(one.run, one.step.address, one.step.action, one.at) for one in book.open_intents("memory")] == [
        ("one", "unit/v", Action.DELETE, at(1)),
        ("one", "unit/w", Action.DELETE, at(1)),
    ]
    assert book.open_intents("another target") == []


def test_a_finished_run_leaves_no_open_intent(book: Journal) -> None:
    book.take("memory", "one", "ci")
    book.start("one", PLAN, actor="ci", at=at(0))
    book.turn("one", (), [batch("unit/u")], at=at(1))
    book.finish("one", {}, at=at(2))
    assert book.open_intents("memory") == []


def test_removals_are_those_that_were_applied_to_this_target_within_the_window(book: Journal) -> None:
    run(book, "old", "unit/old", minutes=-100)
    run(book, "one", "unit/u", "grant/u/p@x/r")
    book.take("memory", "two", "ci")
    book.start("two", PLAN, actor="ci", at=at(10))
    book.turn("two", (), [batch("unit/failed", "unit/unknown", "unit/settled", "unit/open")], at=at(10))
    book.record(
        "two",
        [
            outcome("unit/failed", Status.FAILED),
            outcome("unit/unknown", Status.UNKNOWN),
            outcome("unit/created", action=Action.CREATE),
            outcome("unit/settled", Status.UNKNOWN),
        ],
        at=at(11),
    )
    book.record("two", [outcome("unit/settled")], at=at(12))
    maybe = {"unit/settled", "unit/unknown", "unit/open"}
    assert book.removals("memory", at(0)) == {"unit/u", "grant/u/p@x/r", *maybe}
    assert book.removals("memory", at(1)) == maybe
    assert book.removals("another target", at(-1000)) == frozenset()


@pytest.mark.parametrize("noted", [True, False])
def test_only_runs_with_removals_are_looked_through_for_them(
    book: Journal,
    noted: bool,  # noqa: FBT001
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A run of a journal from before that was noted may have some."""
    book.take("memory", "filling", "ci")
    book.start("filling", seal(plan_of([create("unit/u")])), actor="ci", at=at(0))
    if not noted:
        tamper(book, """UPDATE orgsync_journal SET body = replace(body, ',"removals"\\:0', '')""")
    asked: list[str] = []
    rows = Journal.rows

    def noting(book: Journal, query: str, **values: str | int) -> list[tuple[object, ...]]:
        asked.append(query)
        return rows(book, query, **values)

    monkeypatch.setattr(Journal, "rows", noting)
    assert book.removals("memory", at(0)) == frozenset()
    assert any("LIKE" in query for query in asked) is not noted


def test_the_intent_holds_the_image_from_before(book: Journal) -> None:
    run(book, "one", "unit/u")
    body = book.connection.execute(text("SELECT body FROM orgsync_journal WHERE event = 'intent'")).scalar_one()
    book.connection.rollback()
    assert '"before":{"name":"Süd"}' in body


def test_looking_creates_nothing(tmp_path: Path) -> None:
    with read_journal(SQLITE, tmp_path) as book:
        assert book is None
    assert list(tmp_path.iterdir()) == []


def test_looking_into_a_database_without_a_journal_creates_no_table(url: str, tmp_path: Path) -> None:
    if url == SQLITE:
        (tmp_path / ".orgsync").mkdir()
        (tmp_path / ".orgsync" / "journal.db").touch()
    for _ in range(2):
        with read_journal(url, tmp_path) as book:
            assert book is None


SECRET = "hunter2"


@pytest.mark.parametrize(
    "url",
    [
        f"postgresql+psycopg://me:{SECRET}@127.0.0.1:1/none",
        f"postgresql://me:{SECRET}@127.0.0.1:{SECRET}/none",
        f"postgresql://me:pa@{SECRET}@127.0.0.1:1/none",
        f"nonsense://me:{SECRET}@host/db",
        f"no url but {SECRET}",
        f"mysql+nothing://me:{SECRET}@host/db",
    ],
)
def test_a_journal_that_cannot_be_reached_never_tells_its_password(url: str, tmp_path: Path) -> None:
    for opener in (open_journal, read_journal):
        with pytest.raises(JournalError) as caught, opener(url, tmp_path):
            pytest.fail("opened")
        told = f"{caught.value} {caught.value.remedy} {caught.value.__cause__} {caught.value.__suppress_context__}"
        assert SECRET not in told
        assert told.endswith("True")
        assert "orgsync.yaml" in caught.value.remedy


def test_a_folder_that_cannot_be_made_is_an_error_of_the_journal(tmp_path: Path) -> None:
    (tmp_path / ".orgsync").write_text("a file")
    with pytest.raises(JournalError, match="folder"), open_journal(SQLITE, tmp_path):
        pytest.fail("opened")


def test_a_file_that_is_no_database_is_an_error_of_the_journal(tmp_path: Path) -> None:
    (tmp_path / ".orgsync").mkdir()
    (tmp_path / ".orgsync" / "journal.db").write_text("not a database " * 100)
    with pytest.raises(JournalError, match="not a database"), open_journal(SQLITE, tmp_path):
        pytest.fail("opened")
