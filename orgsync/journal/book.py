"""What was done to which CRM: an append-only, hash-chained table in any SQL database, and the lease of each target.

In: runs, intents (before a call) and outcomes (after it). Out: runs, the steps of a run, open intents, removals within
a window. Never: updates or deletes an entry; holds a credential. Each entry's hash covers the one before it, and the
head names the last one, so that an edited, removed, inserted or cut off entry shows.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, func, select, text
from sqlalchemy.exc import SQLAlchemyError

from orgsync.change import Action, Batch, Outcome, Step
from orgsync.errors import JournalError, LeaseHeld, LeaseLost
from orgsync.journal.connect import ENTRY, HEAD, LEASE, METADATA, connected, parsed, sqlite_path
from orgsync.journal.entries import FIRST, RESTORE, Entries
from orgsync.journal.values import Head, Lease
from orgsync.plan import Plan, digest_of

LASTS = timedelta(minutes=15)
"""How long a lease holds without a sign of life: longer than any one call may take."""


@dataclass(frozen=True, slots=True)
class Journal(Entries):
    """An open journal; whatever is written is committed before the method returns."""

    connection: Connection
    lasts: timedelta = LASTS

    def rows(self, query: str, **values: str | int) -> list[tuple[Any, ...]]:
        with self.connection.begin():
            return [tuple(row) for row in self.connection.execute(text(query), values)]

    # --- the lease

    def take(self, identity: str, run: str, holder: str, *, over: str = "") -> None:
        """Admits this run, and no other, to a target. ``over``: the run whose lease is taken because it is dead.

        Raises LeaseHeld. The database's clock decides, so that those of the machines need not agree.
        """
        with self._alone():
            now, held = self._now(), self._lease(identity)
            if held is not None and held.until > now and held.run != over:
                raise LeaseHeld(identity, held.run, held.holder, held.until)
            self.connection.execute(LEASE.delete().where(LEASE.c.identity == identity))
            until = (now + self.lasts).isoformat()
            self.connection.execute(LEASE.insert().values(identity=identity, run=run, holder=holder, until=until))

    def release(self, run: str) -> None:
        """Raises nothing: a lease that cannot be given back ends by itself."""
        with suppress(SQLAlchemyError), self._alone():
            self.connection.execute(LEASE.delete().where(LEASE.c.run == run))

    def holder(self, identity: str) -> Lease | None:
        with self.connection.begin():
            return self._lease(identity)

    def _lease(self, identity: str) -> Lease | None:
        row = self.connection.execute(select(LEASE).where(LEASE.c.identity == identity)).first()
        return None if row is None else Lease(run=row.run, holder=row.holder, until=datetime.fromisoformat(row.until))

    def _prolong(self, run: str) -> bool:
        until = (self._now() + self.lasts).isoformat()
        return bool(self.connection.execute(LEASE.update().where(LEASE.c.run == run).values(until=until)).rowcount)

    def _now(self) -> datetime:
        now: datetime = self.connection.execute(select(func.current_timestamp())).scalar_one()
        return now.astimezone(UTC) if now.tzinfo is not None else now.replace(tzinfo=UTC)

    # --- what is written

    def start(self, run: str, plan: Plan, *, actor: str, at: datetime, took_over: str = "") -> None:
        body = {
            "target": plan.target.name,
            "identity": plan.target.identity,
            "actor": actor,
            "digest": plan.digest,
            "revision": plan.revision,
            "took_over": took_over,
            "undoes": plan.undoes,
            "bound": dict(plan.bound),
            "roles": dict(plan.roles),
        }
        removals = sum(change.action is Action.DELETE for change in plan.changes)
        self._append(run, at, "start", {name: value for name, value in body.items() if value} | {"removals": removals})

    def turn(self, run: str, outcomes: Sequence[Outcome], batches: Sequence[Batch], *, at: datetime) -> None:
        """What came back and what is about to be sent, in one transaction.

        Raises LeaseLost where another run was given the target: nothing more may be sent. The outcomes are written with
        or without the lease: what was done was done.
        """
        with self._alone():
            leased = self._prolong(run)
            if outcomes:
                self._add(run, at, "outcome", {"outcomes": [_heard(one) for one in outcomes]})
            if batches and leased:
                self._add(run, at, "intent", {"steps": [_stated(step) for one in batches for step in one.steps]})
        if batches and not leased:
            raise LeaseLost(run)

    def record(self, run: str, outcomes: Sequence[Outcome], *, at: datetime) -> None:
        self.turn(run, outcomes, (), at=at)

    def finish(self, run: str, summary: Mapping[str, int], *, at: datetime) -> None:
        self._append(run, at, "finish", {"summary": dict(summary)})

    def _append(self, run: str, at: datetime, event: str, body: Mapping[str, Any]) -> None:
        with self._alone():
            self._prolong(run)
            self._add(run, at, event, body)

    def _add(self, run: str, at: datetime, event: str, body: Mapping[str, Any]) -> None:
        last = self._head()
        text = json.dumps(body, sort_keys=True, separators=(",", ":"), ensure_ascii=False, default=dict)
        text = text.encode(errors="backslashreplace").decode()  # half a surrogate pair becomes JSON's own escape
        entry = {"seq": last.seq + 1, "run": run, "at": at.isoformat(), "event": event, "body": text}
        head = Head(last.seq + 1, digest_of([last.hash, entry]))
        self.connection.execute(ENTRY.insert().values(**entry, hash=head.hash))
        self.connection.execute(HEAD.update().values(**asdict(head)))

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """One transaction at a time, whoever else writes: the first statement locks the head."""
        with self.connection.begin():
            self.connection.execute(HEAD.update().values(seq=HEAD.c.seq))
            yield

    def _head(self) -> Head:
        row = self.connection.execute(select(HEAD.c.seq, HEAD.c.hash)).first()
        if row is None:
            raise JournalError("the journal has lost its head", remedy=RESTORE)
        return Head(row.seq, row.hash)


def _stated(step: Step) -> dict[str, Any]:
    return {
        "id": step.id,
        "address": step.address,
        "action": step.action,
        "before": dict(step.before),
        "after": dict(step.after),
        "remoteId": step.remote_id,
    }


def _heard(one: Outcome) -> dict[str, Any]:
    return {
        "id": one.id,
        "address": one.address,
        "action": one.action,
        "status": one.status,
        "remoteId": one.remote_id,
        "detail": one.detail,
    }


@contextmanager
def open_journal(url: str, root: Path) -> Iterator[Journal]:
    """Creates the tables where they are missing; a relative SQLite path is relative to ``root``."""
    with connected(url, root) as connection:
        _prepare(connection)
        yield Journal(connection)


def _prepare(connection: Connection) -> None:
    """Two processes may do this at once: whoever comes second finds it done."""
    try:
        _create(connection)
    except SQLAlchemyError:
        connection.rollback()
        _create(connection)


def _create(connection: Connection) -> None:
    with connection.begin():
        METADATA.create_all(connection)
        begun = connection.execute(select(ENTRY.c.seq).limit(1)).first() is not None
        if not begun and connection.execute(select(HEAD.c.id)).first() is None:
            connection.execute(HEAD.insert().values(id=1, **asdict(FIRST)))


@contextmanager
def read_any(url: str, root: Path) -> Iterator[Journal | None]:
    """As ``read_journal``, wherever it is kept."""
    path = sqlite_path(parsed(url), root)
    if path is not None and not path.exists():
        yield None
        return
    with connected(url, root) as connection:
        known = connection.dialect.has_table(connection, ENTRY.name)
        connection.rollback()
        yield Journal(connection) if known else None
