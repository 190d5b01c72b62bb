"""The embedded CRM is read by whole columns, as JSON where SQLite writes it: held against a reading row by row."""

import sqlite3
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from datetime import datetime
from functools import cache, partial
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import create_engine
from sqlalchemy.pool import StaticPool

from orgsync.adapter import Changed, ReadsAhead, Scope, Snapshot
from orgsync.adapters.local import columns
from orgsync.adapters.local.columns import Execute, Query, by_json, by_rows
from orgsync.adapters.local.file import FileReader
from orgsync.adapters.local.reading import begin, read
from orgsync.adapters.local.schema import METADATA
from orgsync.errors import IncompleteRead
from orgsync.resources import Fields, Kind
from tests.adapters.crms import ANA, create, engine_of, furnish, local

AUDIT, DAY = "changed_by, changed_at, created_by, created_at", "2026-11-02T09:30:00+00:00"
PART = 3
"""Rows at a time: a table of the tests has several parts."""
BOUND = {"role/seat": "Theirs", "role/r1": "Nobody's"}
SOME = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])

Row = Sequence[Any]


class Bytes(bytes):
    """A text that is no UTF-8, as another program may store it."""


text = st.text(max_size=5) | st.sampled_from(
    ('"', "\\", "\x00", "a\x00b", "/", "\u2028", "\U0001f600", "'", "\n", "[1,", "{}")
)
strange = st.sampled_from((Bytes(b"\xed\xa0\x80"), Bytes(b"\xff"), b"blob", 5, 1.5, float("inf")))
words = st.none() | text | st.sampled_from(("2027-01-01", ""))
whens = st.sampled_from(("2026-11-02T09:30:00+00:00", "2026-11-03T09:30:00+00:00"))
who = st.sampled_from(("orgsync", "eve"))
ids = st.integers(1, 5) | st.just(2**62)


def tables(
    words: st.SearchStrategy[Any], whens: st.SearchStrategy[Any], holders: st.SearchStrategy[Any]
) -> st.SearchStrategy[dict[str, list[Row]]]:
    def rows(*columns: st.SearchStrategy[Any]) -> st.SearchStrategy[list[Row]]:
        return st.lists(st.tuples(*columns, who, whens), max_size=8)

    named = st.none() | st.sampled_from(("a", "b", "foreign:x", "näme", 'qu"ote', "nul\x00"))
    names = st.sampled_from(("Theirs", "Ours")) | words
    return st.fixed_dictionaries(
        {
            "role": rows(ids, named, names, holders),
            "unit": rows(ids, named, names, words, st.just(1)),
            "user": rows(ids, text, words, st.booleans()),
            "membership": rows(ids | st.integers(6, 30), ids, ids, words, words),
            "grant": rows(ids | st.integers(6, 30), ids | st.integers(6, 30), ids, words),
        }
    )


COLUMNS = {
    "role": "id, external_id, name, holders",
    "unit": "id, external_id, name, description, business_unit_id",
    "user": "id, login, name, active",
    "membership": "id, unit_id, user_id, until, reason",
    "grant": "id, membership_id, role_id, until",
}


@cache
def empty() -> sqlite3.Connection:
    connection = sqlite3.connect(":memory:", isolation_level=None, check_same_thread=False)
    METADATA.create_all(create_engine("sqlite://", creator=lambda: connection, poolclass=StaticPool))
    connection.execute(
        f"INSERT INTO crm_business_unit (id, external_id, {AUDIT}) VALUES (1, 'all', 'x', '{DAY}', '', '')"
    )
    return connection


@contextmanager
def database(contents: Mapping[str, list[Row]]) -> Iterator[sqlite3.Connection]:
    """References may lead nowhere: nobody checks them. What breaks a rule of the tables is left out."""
    with closing(sqlite3.connect(":memory:", isolation_level=None)) as connection:
        empty().backup(connection)
        for table, rows in contents.items():
            for row in rows:
                values = ", ".join("CAST(? AS TEXT)" if isinstance(one, Bytes) else "?" for one in row)
                into = f"crm_{table} ({COLUMNS[table]}, {AUDIT})"
                connection.execute(f"INSERT OR IGNORE INTO {into} VALUES ({values}, '', '')", row)
        yield connection


def mend(connection: sqlite3.Connection) -> None:
    """What refers to nothing goes."""
    edges = {"membership": ("unit", "user"), "grant": ("membership", "role")}
    for table, to in ((table, to) for table, ends in edges.items() for to in ends):
        connection.execute(f"DELETE FROM crm_{table} WHERE {to}_id NOT IN (SELECT id FROM crm_{to})")


def answer(work: Callable[[], Snapshot]) -> object:
    """Everything that it tells, or why it cannot."""
    try:
        live = work()
    except (KeyError, ValueError, sqlite3.Error) as error:
        return type(error), str(error)
    assert live.ids.keys() == live.changed.keys() == live.resources.keys()
    return live.resources, dict(live.ids), dict(live.changed), live.foreign, live.seats


def plainly(execute: Execute, live: Snapshot, logins: frozenset[str] | None) -> dict[str, tuple[Fields, str, Changed]]:
    """People, memberships and grants, row by row; the keys of the rest are those that were read."""
    keys = {
        kind: {int(row): a.partition("/")[2] for a, row in live.ids.items() if a.startswith(f"{kind}/")}
        for kind in (Kind.ROLE, Kind.UNIT)
    }
    found, people, members = {}, {}, {}
    for row, login, name, active, by, at in execute(
        "SELECT id, login, name, active, changed_by, changed_at FROM crm_user"
    ):
        people[row] = login
        if logins is None or login in logins:
            found[f"user/{login}"] = ({"name": name, "active": bool(active)}, row, by, at)
    for row, unit, user, until, why, by, at in execute(
        "SELECT id, unit_id, user_id, until, reason, changed_by, changed_at FROM crm_membership"
    ):
        if unit in keys[Kind.UNIT]:
            members[row] = edge = f"{keys[Kind.UNIT][unit]}/{people[user]}"
            fields = {"until": until, "reason": why} if until or why else {"until": None, "reason": None}
            found[f"membership/{edge}"] = (fields, row, by, at)
    for row, member, role, until, by, at in execute(
        "SELECT id, membership_id, role_id, until, changed_by, changed_at FROM crm_grant"
    ):
        if member in members and role in keys[Kind.ROLE]:
            found[f"grant/{members[member]}/{keys[Kind.ROLE][role]}"] = ({"until": until or None}, row, by, at)
    return {a: (f, str(row), Changed(by=by, at=datetime.fromisoformat(at))) for a, (f, row, by, at) in found.items()}


@SOME
@given(
    tables(words, whens, st.sampled_from((None, '{"max": 3}', "[1]", "5"))),
    st.sampled_from((None, frozenset({"a", "0", "\x00", '"'}))),
    st.sampled_from(({}, BOUND)),
)
def test_whole_columns_are_what_a_reading_row_by_row_finds(
    contents: dict[str, list[Row]], logins: frozenset[str] | None, bound: dict[str, str]
) -> None:
    scope = Scope(logins=logins, bound=bound)
    with database(contents) as connection, patch.object(columns, "_PART", PART):
        mend(connection)
        both = [answer(partial(read, way, scope, 9)) for way in ways(connection)]
        assert both[0] == both[1]
        live = read(by_rows(connection.execute), scope, 9)
        edges = [a for a in live.resources if a.startswith(("user/", "membership/", "grant/"))]
        seen = {a: (live.resources[a], live.ids[a], live.changed[a]) for a in edges}
        assert seen == plainly(connection.execute, live, logins)


@SOME
@given(tables(words | strange, whens | st.just("yesterday"), words | strange))
def test_what_cannot_be_read_as_json_is_read_or_refused_as_rows_are(contents: dict[str, list[Row]]) -> None:
    with database(contents) as connection, patch.object(columns, "_PART", PART):
        rows, json = (answer(partial(read, way, Scope(), None)) for way in ways(connection))
        assert json == rows


def ways(connection: sqlite3.Connection) -> tuple[Query, Query]:
    return by_rows(connection.execute), by_json(connection.execute, sqlite3.Error)


def test_a_sqlite_without_json_is_read_row_by_row(tmp_path: Path) -> None:
    with local("sqlite:///demo.db", tmp_path) as crm:
        furnish(crm)
    with closing(sqlite3.connect(tmp_path / "demo.db")) as connection:

        def old(sql: str) -> Iterable[Row]:
            if "json_" in sql:
                raise sqlite3.OperationalError("no such function: json_group_array")
            return connection.execute(sql)

        expected = read(by_json(connection.execute, sqlite3.Error), Scope(), None)
        assert read(by_json(old, sqlite3.Error), Scope(), None) == expected
        assert f"grant/sales/{ANA}/manager" in expected.resources


def test_all_that_is_small_is_read_in_one_step(tmp_path: Path) -> None:
    """Between steps, the thread that reads waits for the one that works."""
    with local("sqlite:///demo.db", tmp_path) as crm:
        furnish(crm)
    with closing(sqlite3.connect(tmp_path / "demo.db")) as connection:
        asked = []

        def execute(sql: str) -> Iterable[Row]:
            asked.append(sql)
            return connection.execute(sql)

        begin(by_json(execute, sqlite3.Error), None)(Scope())
        memberships_and_grants = [sql for sql in asked if "LIMIT" in sql]
        assert (len(asked), len(memberships_and_grants)) == (3, 2)


def test_what_is_read_ahead_is_of_the_moment_of_the_beginning(tmp_path: Path) -> None:
    with local("sqlite:///demo.db", tmp_path) as crm, local("sqlite:///demo.db", tmp_path, writable=False) as reader:
        furnish(crm)
        assert isinstance(reader.adapter, ReadsAhead)
        before = crm.read(logins=frozenset({ANA}))
        end = reader.adapter.begin()
        crm.do(create("user/cy@example.com"), create("role/late", name="Late"))
        assert end(Scope(logins=frozenset({ANA}))) == before


def test_two_rows_for_one_membership_make_a_read_incomplete(tmp_path: Path) -> None:
    """One of them would hide the other, and stay when it is removed."""
    with local("sqlite:///demo.db", tmp_path) as crm:
        furnish(crm)
    with engine_of("sqlite:///demo.db", tmp_path) as engine, engine.begin() as connection:
        for sql in (
            "PRAGMA foreign_keys=OFF",
            "CREATE TABLE copy AS SELECT * FROM crm_membership",
            "INSERT INTO copy SELECT 77, unit_id, user_id, until, reason, '', '', changed_by, changed_at FROM copy",
            "DELETE FROM crm_grant",
            "DROP TABLE crm_membership",
            "ALTER TABLE copy RENAME TO crm_membership",
        ):
            connection.exec_driver_sql(sql)
    with local("sqlite:///demo.db", tmp_path, writable=False) as crm:
        assert isinstance(crm.adapter, FileReader)
        with pytest.raises(IncompleteRead, match="two rows are the same membership"):
            crm.read()
