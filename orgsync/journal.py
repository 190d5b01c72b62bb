"""What was done to which CRM: an append-only, hash-chained table in any SQL database.

In: runs, intents (before a call) and outcomes (after it). Out: runs, open intents, removals within a window.
Never: updates or deletes an entry; holds a credential. Each entry's hash covers the one before it, so that an
edited, removed or inserted entry shows.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from sqlalchemy import URL, Column, Connection, Engine, Integer, MetaData, String, Table, Text, create_engine, select
from sqlalchemy.engine import make_url
from sqlalchemy.exc import SQLAlchemyError

from orgsync.change import Action, Batch, Outcome, Status
from orgsync.errors import JournalError
from orgsync.plan import Plan, digest_of
from orgsync.resources import Address

_METADATA = MetaData()
_ENTRY = Table(
    "orgsync_journal",
    _METADATA,
    Column("seq", Integer, primary_key=True, autoincrement=False),
    Column("run", String(32), nullable=False, index=True),
    Column("at", String(40), nullable=False),
    Column("event", String(16), nullable=False),  # start, intent, outcome, finish
    Column("body", Text, nullable=False),
    Column("hash", String(64), nullable=False),
)
_FIRST = "0" * 64


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """One apply. ``finished`` is None while it runs, or when it was cut off."""

    id: str
    target: str
    identity: str
    actor: str
    digest: str
    revision: str
    started: datetime
    finished: datetime | None = None
    summary: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenIntent:
    """A step that was about to be sent and whose outcome nobody wrote down."""

    run: str
    address: Address
    action: Action
    at: datetime


@dataclass(frozen=True, slots=True)
class Journal:
    """An open journal; ``append`` commits before it returns."""

    connection: Connection

    def start(self, run: str, plan: Plan, *, actor: str, at: datetime) -> None:
        body = {
            "target": plan.target.name,
            "identity": plan.target.identity,
            "actor": actor,
            "digest": plan.digest,
            "revision": plan.revision,
        }
        self._append(run, at, "start", body)

    def intend(self, run: str, batch: Batch, *, at: datetime) -> None:
        steps = [
            {
                "id": step.id,
                "address": step.address,
                "action": step.action,
                "before": dict(step.before),
                "after": dict(step.after),
                "remoteId": step.remote_id,
            }
            for step in batch.steps
        ]
        self._append(run, at, "intent", {"steps": steps})

    def record(self, run: str, outcomes: Sequence[Outcome], *, at: datetime) -> None:
        rows = [
            {
                "id": one.id,
                "address": one.address,
                "action": one.action,
                "status": one.status,
                "remoteId": one.remote_id,
                "detail": one.detail,
            }
            for one in outcomes
        ]
        self._append(run, at, "outcome", {"outcomes": rows})

    def finish(self, run: str, summary: Mapping[str, int], *, at: datetime) -> None:
        self._append(run, at, "finish", {"summary": dict(summary)})

    def _append(self, run: str, at: datetime, event: str, body: Mapping[str, Any]) -> None:
        with self.connection.begin():
            last = self.connection.execute(select(_ENTRY.c.seq, _ENTRY.c.hash).order_by(_ENTRY.c.seq.desc()).limit(1))
            seq, previous = next(((row.seq, row.hash) for row in last), (0, _FIRST))
            text = json.dumps(body, sort_keys=True, separators=(",", ":"), ensure_ascii=False, default=dict)
            text = text.encode(errors="backslashreplace").decode()  # half a surrogate pair becomes JSON's own escape
            entry = {"seq": seq + 1, "run": run, "at": at.isoformat(), "event": event, "body": text}
            self.connection.execute(_ENTRY.insert().values(**entry, hash=digest_of([previous, entry])))

    def verify(self) -> list[str]:
        """One sentence per entry that does not continue the chain; empty when nothing was edited or removed."""
        broken, previous, expected = [], _FIRST, 1
        for row in self._rows():
            entry = {name: row[name] for name in ("seq", "run", "at", "event", "body")}
            if row["seq"] != expected:
                broken.append(f"entries {expected} to {row['seq'] - 1} are missing")
            if row["hash"] != digest_of([previous, entry]):
                broken.append(f"entry {row['seq']} ({row['event']} of run {row['run']}) does not fit the one before it")
            previous, expected = row["hash"], row["seq"] + 1
        return broken

    def runs(self) -> list[Run]:
        """Newest first."""
        found: dict[str, Run] = {}
        for row in self._rows("start", "finish"):
            body, at = _body(row), datetime.fromisoformat(row["at"])
            if row["event"] == "start":
                found[row["run"]] = Run(id=row["run"], started=at, **body)
            elif (run := found.get(row["run"])) is not None:
                found[row["run"]] = _finished(run, at, body["summary"])
        return list(reversed(found.values()))

    def open_intents(self, identity: str) -> list[OpenIntent]:
        """Of runs against this target that were cut off between a call and its outcome."""
        runs = {run.id for run in self.runs() if run.identity == identity and run.finished is None}
        waiting: dict[tuple[str, str], OpenIntent] = {}
        for row in self._rows("intent", "outcome") if runs else ():
            if row["run"] not in runs:
                continue
            body = _body(row)
            for step in body.get("steps", ()):
                waiting[row["run"], step["id"]] = OpenIntent(
                    run=row["run"],
                    address=step["address"],
                    action=Action(step["action"]),
                    at=datetime.fromisoformat(row["at"]),
                )
            for outcome in body.get("outcomes", ()):
                if outcome["status"] != Status.UNKNOWN:
                    waiting.pop((row["run"], outcome["id"]), None)
        return list(waiting.values())

    def removals(self, identity: str, since: datetime) -> frozenset[Address]:
        """What was removed from this target by runs that began since then."""
        runs = {run.id for run in self.runs() if run.identity == identity and run.started >= since}
        return frozenset(
            outcome["address"]
            for row in (self._rows("outcome") if runs else ())
            if row["run"] in runs
            for outcome in _body(row)["outcomes"]
            if outcome["action"] == Action.DELETE and outcome["status"] == Status.APPLIED
        )

    def _rows(self, *events: str) -> list[dict[str, Any]]:
        query = select(_ENTRY).order_by(_ENTRY.c.seq)
        if events:
            query = query.where(_ENTRY.c.event.in_(events))
        with self.connection.begin():
            return [dict(row) for row in self.connection.execute(query).mappings()]


def _body(row: Mapping[str, Any]) -> dict[str, Any]:
    try:
        body = json.loads(row["body"])
    except ValueError:
        body = None
    if not isinstance(body, dict):
        raise JournalError(f"entry {row['seq']} of the journal was edited: it cannot be read", remedy=_VERIFY)
    return body


_VERIFY = "restore the journal from a backup, or name another one under `journal` in orgsync.yaml"


def _finished(run: Run, at: datetime, summary: Mapping[str, int]) -> Run:
    return Run(
        id=run.id,
        target=run.target,
        identity=run.identity,
        actor=run.actor,
        digest=run.digest,
        revision=run.revision,
        started=run.started,
        finished=at,
        summary=summary,
    )


@contextmanager
def open_journal(url: str, root: Path) -> Iterator[Journal]:
    """Creates the table where it is missing; a relative SQLite path is relative to ``root``."""
    with _connected(url, root) as connection:
        _METADATA.create_all(connection)
        connection.commit()
        yield Journal(connection)


@contextmanager
def read_journal(url: str, root: Path) -> Iterator[Journal | None]:
    """None where no journal has been written yet: looking never creates one."""
    path = _sqlite_path(_parsed(url), root)
    if path is not None and not path.exists():
        yield None
        return
    with _connected(url, root) as connection:
        known = connection.dialect.has_table(connection, _ENTRY.name)
        connection.rollback()
        yield Journal(connection) if known else None


@contextmanager
def _connected(url: str, root: Path) -> Iterator[Connection]:
    engine = _engine(_parsed(url), root)
    try:
        with engine.connect() as connection:
            yield connection
    except SQLAlchemyError as error:
        raise _broken(str(getattr(error, "orig", None) or type(error).__name__)) from None
    finally:
        engine.dispose()


def _parsed(url: str) -> URL:
    """Whatever is wrong with the URL is not repeated: it may hold a password."""
    try:
        parsed = make_url(url)
    except (SQLAlchemyError, ValueError):
        raise _broken("its URL cannot be read") from None
    if "@" in (parsed.host or ""):
        raise _broken("the host in its URL has an @; write that of a password as %40") from None
    return parsed


def _sqlite_path(url: URL, root: Path) -> Path | None:
    if url.get_backend_name() != "sqlite" or not url.database or url.database == ":memory:":
        return None
    return root / url.database


def _engine(url: URL, root: Path) -> Engine:
    path = _sqlite_path(url, root)
    try:
        if path is not None:
            path.parent.mkdir(parents=True, exist_ok=True)
            url = url.set(database=str(path))
        elif url.drivername == "postgresql":
            url = url.set(drivername="postgresql+psycopg")
        return create_engine(url)
    except OSError as error:
        raise _broken(f"its folder cannot be made: {error.strerror}") from None
    except (SQLAlchemyError, ImportError):
        raise _broken(f"there is no driver for {url.drivername}") from None


def _broken(words: str) -> JournalError:
    """The database's own words, without the statement and its parameters."""
    return JournalError(f"the journal cannot be used: {words}", remedy="check `journal` in orgsync.yaml")
