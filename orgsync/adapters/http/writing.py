"""One write and what became of it: a no is an outcome, and who knows is settled by reading before anything else.

In: a step, how to send it, how to look. Out: its Outcome. Never: repeats blindly.
"""

from collections.abc import Callable

from orgsync.adapter import Snapshot
from orgsync.change import Action, Outcome, Status, Step
from orgsync.errors import CallRefused, UnknownOutcome
from orgsync.resources import KEY, RemoteId, same

Look = Callable[[], tuple[bool, RemoteId | None]]
"""Reads: (the CRM is as the step wants it, the remote id where there is one)."""


def carry_out(step: Step, send: Callable[[], RemoteId | None], look: Look, *, unique: bool = False) -> Outcome:
    """``send`` makes the call and returns the remote id, if the CRM gives one.

    unique   the CRM itself refuses a second one, so that a step that is not found may be sent once more; otherwise
             its outcome stays unknown, since a slow server may still be at it
    Raises what ``look`` raises, and an AdapterError of ``send`` that says that the CRM cannot be spoken to.
    """
    doubt: Exception | None = None
    for _ in range(2 if unique else 1):
        try:
            return _outcome(step, Status.APPLIED, send(), "")
        except CallRefused as refusal:
            if doubt is None:
                return _outcome(step, Status.FAILED, None, str(refusal))
        except UnknownOutcome as problem:
            doubt = problem
        done, remote_id = look()
        if done:
            return _outcome(step, Status.APPLIED, remote_id, f"found by reading: {doubt}")
    return _outcome(step, Status.UNKNOWN, None, str(doubt))


def found(step: Step, live: Snapshot) -> tuple[bool, RemoteId | None]:
    """What ``look`` answers where the whole CRM was read again: is it as the step wants it, and under which id."""
    current = live.resources.get(step.address)
    if step.action is Action.DELETE:
        return current is None, None
    done = current is not None and all(same(current.get(n), v) for n, v in step.after.items() if n != KEY)
    return done, live.ids.get(step.address)


def _outcome(step: Step, status: Status, remote_id: RemoteId | None, detail: str) -> Outcome:
    return Outcome(
        id=step.id, address=step.address, action=step.action, status=status, remote_id=remote_id, detail=detail
    )
