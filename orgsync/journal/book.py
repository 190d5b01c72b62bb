"""What was done to which CRM: an append-only, hash-chained table in any SQL database, and the lease of each target.

In: runs, intents (before a call) and outcomes (after it). Out: runs, the steps of a run, open intents, removals within
a window. Never: updates or deletes an entry; holds a credential. Each entry's hash covers the one before it, and the
head names the last one, so that an edited, removed, inserted or cut off entry shows.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, func, select
from sqlalchemy.exc import SQLAlchemyError

from orgsync.change import Action, Batch, Outcome, Status, Step
from orgsync.errors import JournalError, LeaseHeld, LeaseLost
from orgsync.journal.connect import ENTRY, HEAD, LEASE, METADATA, connected, parsed, sqlite_path
from orgsync.journal.values import Head, Lease, Run, Taken
from orgsync.plan import Plan, digest_of
from orgsync.resources import Address

FIRST = Head(0, "0" * 64)
_ENOUGH = 12
LASTS = timedelta(minutes=15)
"""How long a lease holds without a sign of life: longer than any one call may take."""


@dataclass(frozen=True, slots=True)
class Journal:
    """An open journal; whatever is written is committed before the method returns."""

    connection: Connection
    lasts: timedelta = LASTS

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
        self._append(run, at, "start", {name: value for name, value in body.items() if value})

    def intend(self, run: str, batches: Sequence[Batch], *, at: datetime) -> None:
        """Raises LeaseLost where another run was given the target: nothing more may be sent."""
        steps = [
            {
                "id": step.id,
                "address": step.address,
                "action": step.action,
                "before": dict(step.before),
                "after": dict(step.after),
                "remoteId": step.remote_id,
            }
            for batch in batches
            for step in batch.steps
        ]
        self._append(run, at, "intent", {"steps": steps}, leased=True)

    def record(self, run: str, outcomes: Sequence[Outcome], *, at: datetime) -> None:
        """With or without the lease: what was done was done."""
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

    def _append(self, run: str, at: datetime, event: str, body: Mapping[str, Any], *, leased: bool = False) -> None:
        with self._alone():
            if not self._prolong(run) and leased:
                raise LeaseLost(run)
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
            raise JournalError("the journal has lost its head", remedy=_RESTORE)
        return Head(row.seq, row.hash)

    # --- what is read

    def head(self) -> Head:
        with self.connection.begin():
            return self._head()

    def holds(self, head: Head) -> bool:
        """Whether that was the last entry once: no longer so in a journal that was cut off, rewritten or replaced.

        The first 12 figures of the hash are enough.
        """
        if head == FIRST:
            return True
        with self.connection.begin():
            found = self.connection.execute(select(ENTRY.c.hash).where(ENTRY.c.seq == head.seq)).scalar()
        return found is not None and len(head.hash) >= _ENOUGH and found.startswith(head.hash)

    def verify(self) -> list[str]:
        """One sentence per entry that does not continue the chain; empty when nobody touched it."""
        broken, last = [], FIRST
        for row in self._rows():
            entry = {name: row[name] for name in ("seq", "run", "at", "event", "body")}
            if row["seq"] != last.seq + 1:
                broken.append(f"entries {last.seq + 1} to {row['seq'] - 1} are missing")
            if row["hash"] != digest_of([last.hash, entry]):
                broken.append(f"entry {row['seq']} ({row['event']} of run {row['run']}) does not fit the one before it")
            last = Head(row["seq"], row["hash"])
        head = self.head()
        if last.seq < head.seq:
            broken.append(f"entries {last.seq + 1} to {head.seq} are missing: the end was cut off")
        elif last != head:
            broken.append(
                f"the last entry is {last.seq}, and the journal was at {head.seq}: an entry was added or edited"
            )
        return broken

    def runs(self) -> list[Run]:
        """Newest first."""
        found: dict[str, Run] = {}
        for row in self._rows("start", "finish"):
            body, at = _body(row), datetime.fromisoformat(row["at"])
            if row["event"] == "start":
                found[row["run"]] = _run(row, body, at)
            elif (run := found.get(row["run"])) is not None:
                found[row["run"]] = replace(run, finished=at, summary=body["summary"])
        return list(reversed(found.values()))

    def steps(self, *runs: str, action: Action | None = None) -> list[Taken]:
        """Every step that these runs were about to send, in that order, with the last that was heard of it.

        ``action``: at least those that do this; the database passes over entries that have none of them.
        """
        found: dict[tuple[str, str], Taken] = {}
        for row in self._rows("intent", "outcome", runs=runs, action=action) if runs else ():
            body, run = _body(row), row["run"]
            for step in body.get("steps", ()):
                found[run, step["id"]] = Taken(run=run, step=_step(step), at=datetime.fromisoformat(row["at"]))
            for one in body.get("outcomes", ()):
                if (taken := found.get((run, one["id"]))) is not None:
                    found[run, one["id"]] = replace(taken, status=Status(one["status"]), detail=one["detail"])
        return list(found.values())

    def open_intents(self, identity: str) -> list[Taken]:
        """Of runs against this target that were cut off between a call and its outcome, and of none older than a run
        that came to its end: that one read the CRM and went on from what was there."""
        runs: list[str] = []
        for run in self.runs():
            if run.identity == identity and run.finished is not None:
                break
            if run.identity == identity:
                runs.insert(0, run.id)
        return [one for one in self.steps(*runs) if one.status in {None, Status.UNKNOWN}]

    def removals(self, identity: str, since: datetime) -> frozenset[Address]:
        """What was removed from this target, or may have been, by runs that began since then."""
        runs = [run.id for run in self.runs() if run.identity == identity and run.started >= since]
        return frozenset(
            one.step.address
            for one in self.steps(*runs, action=Action.DELETE)
            if one.step.action is Action.DELETE and one.status in {None, Status.UNKNOWN, Status.APPLIED}
        )

    def _rows(self, *events: str, runs: Sequence[str] = (), action: Action | None = None) -> list[dict[str, Any]]:
        query = select(ENTRY).order_by(ENTRY.c.seq)
        if events:
            query = query.where(ENTRY.c.event.in_(events))
        if runs:
            query = query.where(ENTRY.c.run.in_(runs))
        if action is not None:  # in the very form in which ``_append`` writes it
            query = query.where(ENTRY.c.body.contains(f'"action":"{action}"', autoescape=True))
        with self.connection.begin():
            return [dict(row) for row in self.connection.execute(query).mappings()]


def _run(row: Mapping[str, Any], body: Mapping[str, Any], at: datetime) -> Run:
    try:
        return Run(id=row["run"], started=at, **body)
    except TypeError:
        raise _unreadable(row) from None


def _step(value: Mapping[str, Any]) -> Step:
    return Step(
        id=value["id"],
        address=value["address"],
        action=Action(value["action"]),
        before=value["before"],
        after=value["after"],
        remote_id=value["remoteId"],
    )


def _body(row: Mapping[str, Any]) -> dict[str, Any]:
    try:
        body = json.loads(row["body"])
    except ValueError:
        body = None
    if not isinstance(body, dict):
        raise _unreadable(row)
    return body


def _unreadable(row: Mapping[str, Any]) -> JournalError:
    return JournalError(f"entry {row['seq']} of the journal was edited: it cannot be read", remedy=_RESTORE)


_RESTORE = "restore the journal from a backup, or name another one under `journal` in orgsync.yaml"


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
def read_journal(url: str, root: Path) -> Iterator[Journal | None]:
    """None where no journal has been written yet: looking never creates one."""
    path = sqlite_path(parsed(url), root)
    if path is not None and not path.exists():
        yield None
        return
    with connected(url, root) as connection:
        known = connection.dialect.has_table(connection, ENTRY.name)
        connection.rollback()
        yield Journal(connection) if known else None
