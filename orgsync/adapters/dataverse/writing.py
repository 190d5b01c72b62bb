"""Send batches in the fewest calls, and find out what became of each step.

In: a batch, a way to look. Out: one outcome per step. Never: repeats what may have been carried out.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace

from orgsync.adapter import Snapshot
from orgsync.adapters.dataverse.api import Api
from orgsync.adapters.dataverse.batch import Result
from orgsync.adapters.dataverse.capabilities import OPERATIONS
from orgsync.adapters.dataverse.changing import Changing
from orgsync.adapters.dataverse.work import Impossible, Work
from orgsync.adapters.http import found
from orgsync.change import Batch, Outcome, Status, Step
from orgsync.errors import CallRefused, UnknownOutcome
from orgsync.resources import RemoteId

_PRECONDITION, _NOT_FOUND = 412, 404
_DUPLICATE = "0x80040237"
_DOUBT = "in doubt"
Job = tuple[Step, Work]


class Writer:
    """``look``: reads everything again."""

    def __init__(self, api: Api, changing: Changing, look: Callable[[], Snapshot]) -> None:
        self._api, self._changing, self._look = api, changing, look

    def carry_out(self, batch: Batch) -> list[Outcome]:
        """Raises AdapterError where Dataverse cannot be spoken to."""
        jobs, outcomes = self._prepared(batch)
        outcomes += self._sent(jobs)
        by_id = {one.id: one for one in outcomes}
        doubtful = {one.id for one in outcomes if one.status is Status.UNKNOWN}
        if doubtful:
            live = self._look()
            by_id |= {step.id: _settled(step, by_id[step.id], live) for step in batch.steps if step.id in doubtful}
        return [by_id[step.id] for step in batch.steps]

    def _prepared(self, batch: Batch) -> tuple[list[Job], list[Outcome]]:
        jobs: list[Job] = []
        outcomes: list[Outcome] = []
        for step in batch.steps:
            try:
                jobs.append((step, self._changing.of(step)))
            except Impossible as why:
                outcomes.append(_outcome(step, Status.FAILED, str(why)))
        return jobs, outcomes

    def _sent(self, jobs: Sequence[Job]) -> list[Outcome]:
        outcomes = [_outcome(step, Status.APPLIED, "", work.id) for step, work in jobs if not work.operations]
        more: list[Job] = []
        for some in _packed([job for job in jobs if job[1].operations]):
            for (step, work), result in zip(some, self._results(some), strict=True):
                if result.done:
                    work.learn()
                if result.done and work.later is not None:
                    more.append((step, work))
                else:
                    outcomes.append(_judged(step, work, result))
        return outcomes + (self._then(more) if more else [])

    def _then(self, jobs: Sequence[Job]) -> list[Outcome]:
        """The second half of what takes two."""
        second: list[Job] = []
        outcomes: list[Outcome] = []
        for step, work in jobs:
            try:
                rest = work.later() if work.later is not None else Work()
                second.append((step, replace(rest, id=work.id)))
            except Impossible as why:
                outcomes.append(_outcome(step, Status.FAILED, f"made without its roles: {why}"))
        return outcomes + self._sent(second)

    def _results(self, jobs: Sequence[Job]) -> list[Result]:
        """A call that was refused as a whole was refused for each; one without an answer leaves each in doubt."""
        try:
            return self._api.batch([work.operations for _, work in jobs])
        except CallRefused as refusal:
            return [Result(status=refusal.status or 400, message=str(refusal))] * len(jobs)
        except UnknownOutcome as problem:
            return [Result(code=_DOUBT, message=str(problem))] * len(jobs)


def _packed(jobs: Sequence[Job]) -> Iterator[list[Job]]:
    some: list[Job] = []
    count = 0
    for job in jobs:
        size = len(job[1].operations)
        if some and count + size > OPERATIONS:
            yield some
            some, count = [], 0
        some.append(job)
        count += size
    if some:
        yield some


def _judged(step: Step, work: Work, result: Result) -> Outcome:
    if result.done:
        return _outcome(step, Status.APPLIED, "", step.remote_id or work.id)
    if result.code == _DOUBT:
        return _outcome(step, Status.UNKNOWN, result.message)
    status = Status.UNKNOWN if _maybe_so(result) else Status.FAILED
    return _outcome(step, status, f"{_REFUSED}{result.text}")


_REFUSED = "Dataverse refused: "


def _maybe_so(result: Result) -> bool:
    """It is there already, or not there any more: what was wanted, or the work of somebody else."""
    return result.status in {_PRECONDITION, _NOT_FOUND} or result.code.lower() == _DUPLICATE


def _outcome(step: Step, status: Status, detail: str, remote_id: RemoteId | None = None) -> Outcome:
    return Outcome(
        id=step.id, address=step.address, action=step.action, status=status, detail=detail, remote_id=remote_id
    )


def _settled(step: Step, doubt: Outcome, live: Snapshot) -> Outcome:
    done, remote_id = found(step, live)
    if done:
        return replace(doubt, status=Status.APPLIED, remote_id=remote_id, detail=f"found by reading: {doubt.detail}")
    return replace(doubt, status=Status.FAILED) if doubt.detail.startswith(_REFUSED) else doubt
