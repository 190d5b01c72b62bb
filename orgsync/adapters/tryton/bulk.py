"""Many steps in one call, and each with an outcome of its own.

In: groups of steps that belong together, how to send some of them. Out: one outcome per step. Never: sends what was
accepted a second time; asks again after an answer that never came.
"""

from collections.abc import Callable, Sequence

from orgsync.change import Outcome, Status, Step
from orgsync.errors import CallRefused
from orgsync.resources import RemoteId

Group = Sequence[Step]
"""Steps of which all are sent or none."""
Send = Callable[[Sequence[Group]], Sequence[Outcome]]


class Refusal(Exception):
    """Nothing was sent for this step: what it refers to is not there, or the words do not exist."""


def divided(groups: Sequence[Group], send: Send) -> list[Outcome]:
    """All at once; where Tryton refuses, by halves, until those who are to blame stand alone."""
    if not groups:
        return []
    try:
        return list(send(groups))
    except (CallRefused, Refusal) as refusal:
        if len(groups) == 1:
            return [outcome(step, refused=str(refusal)) for step in groups[0]]
    middle = len(groups) // 2
    return [*divided(groups[:middle], send), *divided(groups[middle:], send)]


def alone(steps: Sequence[Step]) -> list[Group]:
    return [(step,) for step in steps]


def flat(groups: Sequence[Group]) -> list[Step]:
    return [step for group in groups for step in group]


def outcome(step: Step, *, refused: str = "", remote_id: RemoteId | None = None) -> Outcome:
    return Outcome(
        id=step.id,
        address=step.address,
        action=step.action,
        status=Status.FAILED if refused else Status.APPLIED,
        remote_id=remote_id,
        detail=refused,
    )
