"""What a journal tells, from any SQL database.

In: rows. Out: runs, the steps of a run, open intents, removals within a window, whether the chain holds. Never: writes.
"""

import json
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from orgsync.change import Action, Status, Step
from orgsync.errors import JournalError
from orgsync.journal.values import Head, Run, Taken
from orgsync.plan import digest_of
from orgsync.resources import Address

FIRST = Head(0, "0" * 64)
_ENOUGH = 12
SECONDS = 30
"""How long one of several who use a journal waits for another."""


class Entries(ABC):
    """The journal's entries, read."""

    __slots__ = ()

    @abstractmethod
    def rows(self, query: str, **values: str | int) -> list[tuple[Any, ...]]:
        """``query`` names its values as in ``:run``."""

    def head(self) -> Head:
        found = self.rows("SELECT seq, hash FROM orgsync_journal_head")
        if not found:
            raise JournalError("the journal has lost its head", remedy=RESTORE)
        return Head(*found[0])

    def holds(self, head: Head) -> bool:
        """Whether that was the last entry once: no longer so in a journal that was cut off, rewritten or replaced.

        The first 12 figures of the hash are enough.
        """
        if head == FIRST:
            return True
        found = self.rows("SELECT hash FROM orgsync_journal WHERE seq = :seq", seq=head.seq)
        return bool(found) and len(head.hash) >= _ENOUGH and found[0][0].startswith(head.hash)

    def verify(self) -> list[str]:
        """One sentence per entry that does not continue the chain; empty when nobody touched it."""
        broken, last = [], FIRST
        for row in self._entries():
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
        for row in self._entries("start", "finish"):
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
        for row in self._entries("intent", "outcome", runs=runs, action=action) if runs else ():
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
        recent = [run for run in self.runs() if run.identity == identity and run.started >= since]
        runs = [run.id for run in recent if run.removals != 0]  # the steps of one may be all of a large organization
        return frozenset(
            one.step.address
            for one in self.steps(*runs, action=Action.DELETE)
            if one.step.action is Action.DELETE and one.status in {None, Status.UNKNOWN, Status.APPLIED}
        )

    def _entries(self, *events: str, runs: Sequence[str] = (), action: Action | None = None) -> list[dict[str, Any]]:
        conditions = [f"event IN ({', '.join(repr(event) for event in events)})"] if events else []
        values: dict[str, str] = {}
        if runs:
            values |= {f"run{number}": run for number, run in enumerate(runs)}
            conditions.append(f"run IN ({', '.join(f':{name}' for name in values)})")
        if action is not None:  # in the very form in which it is written
            conditions.append("body LIKE :action")
            values["action"] = f'%"action":"{action}"%'
        where = f"WHERE {' AND '.join(conditions)} " if conditions else ""
        query = f"SELECT {', '.join(_COLUMNS)} FROM orgsync_journal {where}ORDER BY seq"  # noqa: S608  (no word is a value)
        return [dict(zip(_COLUMNS, row, strict=True)) for row in self.rows(query, **values)]


_COLUMNS = ("seq", "run", "at", "event", "body", "hash")


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
    return JournalError(f"entry {row['seq']} of the journal was edited: it cannot be read", remedy=RESTORE)


RESTORE = "restore the journal from a backup, or name another one under `journal` in orgsync.yaml"


def broken(words: str) -> JournalError:
    """The database's own words, without the statement and its parameters."""
    return JournalError(
        f"the journal cannot be used: {words}",
        remedy="check `journal` in orgsync.yaml; if an apply was under way, orgsync plan tells what it did and goes on",
    )
