"""Send jobs in as few requests as possible, and find out what became of each.

In: a batch, ids, a way to look. Out: one outcome per step. Never: repeats a creation without having looked; takes one
operation's outcome for another's.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import Enum, auto

from orgsync.adapter import Snapshot
from orgsync.adapters.scim.api import Api
from orgsync.adapters.scim.bulk import Job, Operation, Result, fits, made, packed
from orgsync.adapters.scim.discovery import Bulk
from orgsync.adapters.scim.jobs import Desk, jobs
from orgsync.change import Action, Batch, Outcome, Status, Step
from orgsync.resources import KEY, Address, Fields, Kind, RemoteId, same


class _Fate(Enum):
    DONE = auto()
    REFUSED = auto()
    MAYBE_SO = auto()  # refused, perhaps since it is so already
    STALE = auto()  # somebody changed it since it was read
    DOUBT = auto()


_MAYBE_SO = frozenset({404, 409})
_GONE = frozenset({"notarget", "uniqueness"})
_STALE = 412
_BUSY = 429


@dataclass(frozen=True, slots=True, kw_only=True)
class _Verdict:
    fate: _Fate
    id: RemoteId = ""
    detail: str = ""


Look = Callable[[], tuple[Snapshot, Desk]]
"""Reads everything again: what lives, and a desk with fresh versions."""


@dataclass(slots=True, kw_only=True)
class Writer:
    """``versions``: kept up to date with every answer."""

    api: Api
    bulk: Bulk | None
    versions: dict[RemoteId, str] = field(default_factory=dict)

    def carry_out(self, batch: Batch, desk: Desk, look: Look) -> list[Outcome]:
        """Raises AdapterError where the provider cannot be spoken to."""
        found, refused = jobs(batch, desk)
        verdicts = {
            step.id: _Verdict(fate=_Fate.REFUSED, detail=why)
            for step in batch.steps
            if (why := refused.get(step.id)) is not None
        }
        verdicts |= self._sent(found)
        verdicts |= self._one_by_one(batch, found, verdicts, desk)
        open_ = [step for step in batch.steps if verdicts[step.id].fate not in {_Fate.DONE, _Fate.REFUSED}]
        settled = self._looked_up(batch, open_, verdicts, look) if open_ else {}
        return [settled.get(step.id) or _outcome(step, verdicts[step.id]) for step in batch.steps]

    def _one_by_one(
        self, batch: Batch, found: Sequence[Job], verdicts: Mapping[str, _Verdict], desk: Desk
    ) -> dict[str, _Verdict]:
        """A patch is all or nothing: one bad member is no reason to refuse the others."""
        together = {step.id for job in found if len(job.steps) > 1 for step in job.steps}
        bad = {_Fate.REFUSED, _Fate.MAYBE_SO}
        again = tuple(step for step in batch.steps if step.id in together and verdicts[step.id].fate in bad)
        return self._sent(jobs(replace(batch, steps=again), desk, folded=False)[0]) if again else {}

    def _looked_up(
        self, batch: Batch, open_: Sequence[Step], verdicts: Mapping[str, _Verdict], look: Look
    ) -> dict[str, Outcome]:
        live, desk = look()
        settled = {step.id: _found(step, verdicts[step.id], live) for step in open_ if _is_so(step, live.resources)}
        left = [_rest(step, live) or step for step in open_ if step.id not in settled]
        again = [step for step in left if _may_be_sent_again(step, verdicts[step.id], live.resources)]
        second: dict[str, _Verdict] = {}
        for action in {step.action: None for step in again}:
            steps = tuple(step for step in again if step.action is action)
            second |= self._sent(jobs(replace(batch, action=action, steps=steps), desk, folded=False)[0])
        return settled | {step.id: _outcome(step, second.get(step.id) or verdicts[step.id]) for step in left}

    def _sent(self, found: Sequence[Job]) -> dict[str, _Verdict]:
        if self.bulk is None:
            return dict(pair for job in found for pair in _judged(job, self._singly(job)))
        return dict(pair for some in packed(found, self.bulk) for pair in self._together(some, self.bulk))

    def _together(self, some: Sequence[Job], limits: Bulk) -> Iterable[tuple[str, _Verdict]]:
        operations = [operation for job in some for operation in job.operations]
        answers = self.api.bulk(operations) if fits(some, limits) else None
        if answers is None:
            for job in some:
                yield from _judged(job, self._singly(job))
            return
        for operation, answer in zip(operations, answers, strict=True):
            self._note(operation, answer)
        left = iter(answers)
        for job in some:
            results = [next(left) for _ in job.operations]
            busy = all(one.status == _BUSY for one in results)
            yield from _judged(job, self._singly(job) if busy else results)

    def _singly(self, job: Job) -> list[Result]:
        """Stops at the first operation that fails: what comes after it builds on it."""
        results: list[Result] = []
        ids: dict[str, RemoteId] = {}
        for operation in job.operations:
            result = self.api.send(made(operation, ids))
            self._note(operation, result)
            results.append(result)
            if not result.fine or (operation.bulk_id and not result.id):
                break
            ids |= {operation.bulk_id: result.id} if operation.bulk_id else {}
        return results

    def _note(self, operation: Operation, result: Result) -> None:
        id_ = operation.path.partition("/")[2] or result.id
        if result.version:
            self.versions[id_] = result.version
        else:
            self.versions.pop(id_, None)


def _judged(job: Job, results: Sequence[Result]) -> Iterable[tuple[str, _Verdict]]:
    verdict = _verdict(job, results)
    return [(step.id, verdict) for step in job.steps]


def _verdict(job: Job, results: Sequence[Result]) -> _Verdict:
    bad = next((one for one in results if not one.fine), None)
    id_ = next((one.id for operation, one in zip(job.operations, results, strict=False) if operation.bulk_id), "")
    if bad is not None:
        begun = any(one.fine for one in results)
        return _Verdict(fate=_Fate.DOUBT if begun else _fate(bad), id=id_, detail=bad.detail)
    if len(results) < len(job.operations) or (any(one.bulk_id for one in job.operations) and not id_):
        return _Verdict(fate=_Fate.DOUBT, detail="it was accepted, and no id came with the answer")
    return _Verdict(fate=_Fate.DONE, id=id_)


def _fate(result: Result) -> _Fate:
    if result.status == 0:
        return _Fate.DOUBT
    if result.status == _STALE:
        return _Fate.STALE
    maybe = result.status in _MAYBE_SO or result.scim_type.lower() in _GONE
    return _Fate.MAYBE_SO if maybe else _Fate.REFUSED


def _is_so(step: Step, live: Mapping[Address, Fields]) -> bool:
    current = live.get(step.address)
    if step.action is Action.DELETE:
        return current is None
    return current is not None and all(
        name == KEY or same(current.get(name), value) for name, value in step.after.items()
    )


def _rest(step: Step, live: Snapshot) -> Step | None:
    """What is left to do of a creation whose answer was lost: it is there, and not yet in its place."""
    current = live.resources.get(step.address)
    if step.action is not Action.CREATE or current is None or step.address not in live.ids:
        return None
    lacking = {name: value for name, value in step.after.items() if not same(current.get(name), value)}
    before = {name: current.get(name) for name in lacking}
    return replace(step, action=Action.UPDATE, before=before, after=lacking, remote_id=live.ids[step.address])


def _may_be_sent_again(step: Step, verdict: _Verdict, live: Mapping[Address, Fields]) -> bool:
    """Once more, and never a group: a slow server may still be at it, and would take a second one."""
    if step.action is Action.CREATE and step.address.startswith(_GROUPS):
        return False
    if verdict.fate is _Fate.STALE:
        current = live.get(step.address, {})
        return all(same(current.get(name), value) for name, value in step.before.items() if name != KEY)
    return verdict.fate is _Fate.DOUBT


_GROUPS = tuple(f"{kind}/" for kind in (Kind.UNIT, Kind.ROLE, Kind.BUSINESS_UNIT))


def _found(step: Step, verdict: _Verdict, live: Snapshot) -> Outcome:
    return Outcome(
        id=step.id,
        address=step.address,
        action=step.action,
        status=Status.APPLIED,
        remote_id=live.ids.get(step.address),
        detail=f"found by reading: {verdict.detail}",
    )


def _outcome(step: Step, verdict: _Verdict) -> Outcome:
    """A step that was begun and not finished, or that nobody answered, is unknown."""
    status = {_Fate.DONE: Status.APPLIED, _Fate.DOUBT: Status.UNKNOWN}.get(verdict.fate, Status.FAILED)
    detail = f"it changed since it was read: {verdict.detail}" if verdict.fate is _Fate.STALE else verdict.detail
    return Outcome(
        id=step.id,
        address=step.address,
        action=step.action,
        status=status,
        remote_id=(verdict.id or step.remote_id) if status is Status.APPLIED else None,
        detail=detail,
    )
