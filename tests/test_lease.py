"""One apply per target: who holds it is told, who died is taken over by name, who was taken over sends nothing more."""

import time
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import create_engine, text

from orgsync.change import Action, Batch, Outcome, Status, Step
from orgsync.errors import LeaseHeld, LeaseLost
from orgsync.journal.book import Journal, open_journal
from orgsync.resources import Kind
from tests.test_journal import PLAN, SQLITE, START

BATCH = Batch(kind=Kind.UNIT, action=Action.DELETE, steps=(Step(id="unit/u", address="unit/u", action=Action.DELETE),))
DONE = Outcome(id="unit/u", address="unit/u", action=Action.DELETE, status=Status.APPLIED)


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgresql)])
def two(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[tuple[Journal, Journal]]:
    """Two processes' journals in one database."""
    url = SQLITE
    if request.param == "postgresql":
        url = request.getfixturevalue("postgresql_url")
        engine = create_engine(url)
        with engine.begin() as connection:
            connection.execute(text("DROP TABLE IF EXISTS orgsync_journal, orgsync_journal_head, orgsync_lease"))
        engine.dispose()
    with open_journal(url, tmp_path) as one, open_journal(url, tmp_path) as other:
        yield one, other


def test_a_target_that_is_held_is_refused_with_the_run_that_has_it(two: tuple[Journal, Journal]) -> None:
    one, other = two
    one.take("crm", "aaaa", "ana")
    with pytest.raises(LeaseHeld) as held:
        other.take("crm", "bbbb", "bob")
    assert "aaaa (ana)" in str(held.value)
    assert "--take-over aaaa" in held.value.remedy
    other.take("another crm", "bbbb", "bob")


def test_a_target_that_was_given_back_is_free(two: tuple[Journal, Journal]) -> None:
    one, other = two
    one.take("crm", "aaaa", "ana")
    one.release("aaaa")
    other.take("crm", "bbbb", "bob")
    assert one.holder("crm") == other.holder("crm") is not None


def test_only_the_run_that_is_named_is_taken_over(two: tuple[Journal, Journal]) -> None:
    one, other = two
    one.take("crm", "aaaa", "ana")
    with pytest.raises(LeaseHeld, match="aaaa"):
        other.take("crm", "bbbb", "bob", over="cccc")
    other.take("crm", "bbbb", "bob", over="aaaa")
    held = one.holder("crm")
    assert held is not None
    assert held.run == "bbbb"


def test_a_lease_that_ran_out_is_nobodys(two: tuple[Journal, Journal]) -> None:
    one, other = two
    Journal(one.connection, lasts=timedelta(seconds=-1)).take("crm", "aaaa", "ana")
    other.take("crm", "bbbb", "bob")


def test_every_sign_of_life_prolongs_it(two: tuple[Journal, Journal]) -> None:
    one, other = two
    brief = Journal(one.connection, lasts=timedelta(seconds=3))
    brief.take("crm", "aaaa", "ana")
    before = other.holder("crm")
    time.sleep(1.1)  # the databases' clocks tell whole seconds
    brief.turn("aaaa", (), [BATCH], at=START)
    after = other.holder("crm")
    assert before is not None
    assert after is not None
    assert after.until > before.until


def test_who_was_taken_over_may_send_nothing_more_but_still_say_what_was_done(two: tuple[Journal, Journal]) -> None:
    one, other = two
    one.take("crm", "aaaa", "ana")
    one.start("aaaa", PLAN, actor="ana", at=START)
    one.turn("aaaa", (), [BATCH], at=START)
    other.take("crm", "bbbb", "bob", over="aaaa")
    one.record("aaaa", [DONE], at=START)
    with pytest.raises(LeaseLost, match="aaaa"):
        one.turn("aaaa", (), [BATCH], at=START)
    assert [(taken.step.address, taken.status) for taken in other.steps("aaaa")] == [("unit/u", Status.APPLIED)]
    assert other.verify() == []


def test_giving_back_what_somebody_else_took_over_changes_nothing(two: tuple[Journal, Journal]) -> None:
    one, other = two
    one.take("crm", "aaaa", "ana")
    other.take("crm", "bbbb", "bob", over="aaaa")
    one.release("aaaa")
    held = other.holder("crm")
    assert held is not None
    assert held.run == "bbbb"
