"""What the journal knows: earlier runs, what they removed, what they left open, and whether the chain holds."""

from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from pathlib import Path
from typing import TYPE_CHECKING

from orgsync.adapter import Snapshot
from orgsync.errors import OrgsyncError
from orgsync.finding import Finding, Severity
from orgsync.freshness import differences
from orgsync.pipeline.values import Checked, Environment
from orgsync.references import expand_url
from orgsync.resources import Address
from orgsync.settings import Settings

if TYPE_CHECKING:  # it loads a database library, which validate has no use for
    from orgsync.journal import Head, Run, Taken


@dataclass(frozen=True, slots=True, kw_only=True)
class Past:
    """removed: within the window of the safety settings; open: steps whose outcome nobody wrote down."""

    removed: frozenset[Address] = frozenset()
    open: tuple["Taken", ...] = ()
    head: str = ""


def runs(root: Path, settings: Settings, *, environment: Environment) -> "list[Run]":
    """Newest first; empty where nothing was ever applied."""
    from orgsync import journal  # noqa: PLC0415

    with journal.read_journal(expand_url(settings.journal, environment), root) as book:
        return book.runs() if book is not None else []


def steps(root: Path, settings: Settings, name: str, *, environment: Environment) -> "tuple[Run, list[Taken]]":
    """A run and its steps, in the order in which they were sent. Any unambiguous beginning of its name will do."""
    from orgsync import journal  # noqa: PLC0415

    with journal.read_journal(expand_url(settings.journal, environment), root) as book:
        known = book.runs() if book is not None else []
        meant = [run for run in known if run.id.startswith(name)]
        if book is None or len(meant) != 1 or not name:
            raise OrgsyncError(
                f'{"several runs begin" if len(meant) > 1 else "no run begins"} with "{name}"',
                remedy="orgsync history lists the runs",
            )
        return meant[0], book.steps(meant[0].id)


def check_journal(root: Path, settings: Settings, *, expected: str = "", environment: Environment) -> Checked:
    """``expected``: a head that was noted earlier, ``41:7b1e…``; the journal must still hold it."""
    from orgsync import journal  # noqa: PLC0415

    noted = _head(expected)
    with journal.read_journal(expand_url(settings.journal, environment), root) as book:
        if book is None:
            gone = [f"entry {expected} is not there: there is no journal"] if noted is not None else []
            return Checked(entries=0, head="", faults=tuple(gone))
        faults, head = book.verify(), book.head()
        if noted is not None and not book.holds(noted):
            faults.append(f"entry {noted.seq} is not the one that was noted: the journal was cut off or rewritten")
        return Checked(entries=head.seq, head=str(head), faults=tuple(faults))


def _head(text: str) -> "Head | None":
    from orgsync import journal  # noqa: PLC0415

    if not text:
        return None
    if (found := journal.head_of(text)) is None:
        raise OrgsyncError(f'"{text}" is not the head of a journal', remedy="it looks like 41:7b1ec09…")
    return found


def past_of(settings: Settings, root: Path, identity: str, today: date, environment: Environment) -> Past:
    from orgsync import journal  # noqa: PLC0415

    with journal.read_journal(expand_url(settings.journal, environment), root) as book:
        if book is None:
            return Past()
        return Past(
            removed=book.removals(identity, since(today, settings)),
            open=tuple(book.open_intents(identity)),
            head=str(book.head()),
        )


def since(day: date, settings: Settings) -> datetime:
    """Where the window for removals of earlier runs begins."""
    return datetime.combine(day, time(), UTC) - settings.safety.window


def explained(past: Past, live: Snapshot) -> list[Finding]:
    """What became of steps that were cut off, found out by reading."""
    return [
        Finding(
            code="open-intent",
            severity=Severity.INFO,
            summary="an earlier run was cut off here",
            detail=f"run {one.run} was about to {one.step.action} {one.step.address} at {one.at:%Y-%m-%d %H:%M}: "
            + ("it was not done" if differences(one.step, live.resources) else "it was done"),
            remedy="nothing: this plan read the CRM and goes on from what is there",
            address=one.step.address,
        )
        for one in past.open
    ]
