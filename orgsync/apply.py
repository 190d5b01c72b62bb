"""Carry out a plan's changes, batch by batch, and write down every intent before it and every outcome after it.

In: changes with their waits, an adapter, a journal. Out: one outcome per change. Never: reads YAML, plans, or asks;
sends a step whose waits were not all applied; repeats a step whose outcome is unknown.
"""

from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Executor, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field, replace
from graphlib import TopologicalSorter
from itertools import groupby
from types import MappingProxyType
from typing import Any, Protocol, TypeVar

from orgsync.adapter import Adapter, Snapshot
from orgsync.change import Action, Batch, Change, Outcome, Status, Step, strata
from orgsync.errors import AdapterError
from orgsync.finding import Finding
from orgsync.freshness import differences
from orgsync.resources import NO_FIELDS, Address, Kind, RemoteId

T = TypeVar("T")


class Log(Protocol):
    """Where intents and outcomes go: the journal, and whoever watches."""

    def turn(self, outcomes: Sequence[Outcome], batches: Sequence[Batch]) -> None:
        """What came back, and what is about to be sent: written when this returns, both or neither.

        Raises what stops the run: then nothing is sent, and the outcomes are written if they can be.
        """
        ...


Stop = Callable[[], str]
"""Why no further call should be made; empty as long as all is well."""


def go_on() -> str:
    return ""


@dataclass(slots=True)
class _Progress:
    """``stopped``: why no further call is made, once the CRM could not be reached."""

    ids: dict[Address, RemoteId]
    outcomes: dict[str, Outcome] = field(default_factory=dict)
    stopped: str = ""

    def stop(self, why: str) -> None:
        """The first reason counts."""
        self.stopped = self.stopped or why


@dataclass(frozen=True, slots=True, kw_only=True)
class _Answer:
    """``fault``: the adapter's own, no word of the CRM; then there are no outcomes."""

    outcomes: Sequence[Outcome] = ()
    fault: Exception | None = None


def apply(
    changes: Sequence[Change],
    adapter: Adapter,
    ids: Mapping[Address, RemoteId],
    log: Log,
    *,
    concurrency: int = 1,
    stop: Stop = go_on,
) -> list[Outcome]:
    """One outcome per change, in the order of ``changes``. ``ids``: remote ids that are known beforehand.

    Raises nothing for what the CRM refuses; an AdapterError leaves its batch unknown and the rest skipped. ``stop`` is
    asked before every call: what is under way is still written down, the rest is skipped.
    """
    by_id = {change.id: change for change in changes}
    progress = _Progress(dict(ids))
    flying = max(min(concurrency, adapter.capabilities.max_concurrency), 1)
    batches = [*_batches(changes, by_id, adapter)]
    with _Here() if flying == 1 else ThreadPoolExecutor(max_workers=flying) as pool:
        run = _Run(by_id=by_id, batches=batches, log=log, progress=progress, stop=stop, adapter=adapter, pool=pool)
        run.carry_out(at_once=1 if flying == 1 else 4 * flying)
    return [progress.outcomes[change.id] for change in changes]


_MOMENT = 0.01
"""Seconds."""


class _Here(Executor):
    """One call at a time stays in this thread, where its connection lives."""

    def submit(self, call: Callable[..., T], /, *arguments: Any, **named: Any) -> Future[T]:
        future: Future[T] = Future()
        future.set_result(call(*arguments, **named))
        return future


@dataclass(slots=True, kw_only=True)
class _Run:
    """A batch goes as soon as those that it waits for are done, whatever else is under way.

    The intents of three times as many batches as can fly are written ahead, so that no connection is idle while the
    journal is written; and what came back is written together with what goes next, since a transaction takes as long
    for many entries as for one. Only ``_call`` runs in other threads.

    sent    number and steps of the batches whose intents are written and whose outcomes are not
    heard   outcomes that are not written down yet: they are before the next call is sent
    """

    by_id: Mapping[str, Change]
    batches: Sequence[Batch]
    log: Log
    progress: _Progress
    stop: Stop
    adapter: Adapter
    pool: Executor
    sent: dict[Future[_Answer], tuple[int, Batch]] = field(default_factory=dict)
    heard: list[Outcome] = field(default_factory=list)

    def carry_out(self, *, at_once: int) -> None:
        order, ready = _order(self.batches, self.by_id), list[int]()
        try:
            while order.is_active():
                ready = sorted([*ready, *order.get_ready()])
                room = at_once - len(self.sent)
                order.done(*self._start(ready[:room]))
                ready = ready[room:]
                if self.sent:
                    order.done(*self._land(self._back(at_once)))
        except BaseException as error:
            self.progress.stop(f"stopped: {type(error).__name__}")
            if isinstance(error, Exception):
                self._land(wait(self.sent).done)
            raise
        finally:
            self._write([])

    def _back(self, at_once: int) -> set[Future[_Answer]]:
        """The calls that came back; where others wait to be sent anyhow, so do their outcomes, for a moment, so that
        fewer transactions hold the threads up."""
        done = wait(self.sent, return_when=FIRST_COMPLETED).done
        return wait(self.sent, timeout=_MOMENT).done if len(self.sent) > at_once // 2 else done

    def _start(self, numbers: Sequence[int]) -> list[int]:
        """Returns those of which nothing is left to send."""
        if numbers:
            self.progress.stop(self.stop())
        possible = [(number, self._possible(self.batches[number])) for number in numbers]
        starting = [(number, batch) for number, batch in possible if batch.steps]
        self._write([batch for _, batch in starting])
        self.sent |= {self.pool.submit(self._call, batch): (number, batch) for number, batch in starting}
        return [number for number, batch in possible if not batch.steps]

    def _write(self, batches: Sequence[Batch]) -> None:
        heard, self.heard = self.heard, []
        if heard or batches:
            self.log.turn(heard, batches)

    def _possible(self, batch: Batch) -> Batch:
        """The steps whose waits were all applied; the others are skipped."""
        why = {step.id: self._blocker(step) or self.progress.stopped for step in batch.steps}
        if not any(why.values()):
            return batch
        self._note([_outcome(step, Status.SKIPPED, why[step.id]) for step in batch.steps if why[step.id]])
        return replace(batch, steps=tuple(step for step in batch.steps if not why[step.id]))

    def _blocker(self, step: Step) -> str:
        waits, outcomes = self.by_id[step.id].waits_for, self.progress.outcomes
        return next((f"waits for {one}" for one in waits if outcomes[one].status is not Status.APPLIED), "")

    def _call(self, batch: Batch) -> _Answer:
        """A CRM that cannot be reached leaves its batch unknown, and what nobody has sent yet is not sent.

        The ids are looked at and not copied: a hundred thousand of them take longer to copy than a call takes.
        """
        if why := self.progress.stopped or self.stop():
            return _Answer(outcomes=[_outcome(step, Status.SKIPPED, why) for step in batch.steps])
        try:
            return _Answer(outcomes=self.adapter.apply(batch, MappingProxyType(self.progress.ids)))
        except AdapterError as error:
            self.progress.stop(f"stopped: {error}")
            return _Answer(outcomes=[_outcome(step, Status.UNKNOWN, str(error)) for step in batch.steps])
        except Exception as error:  # noqa: BLE001  (raised again where it belongs)
            self.progress.stop(f"stopped: {type(error).__name__}")
            return _Answer(fault=error)

    def _land(self, calls: Collection[Future[_Answer]]) -> list[int]:
        """Which batches came back by now. Raises the adapter's own fault, after everything else was noted."""
        landed = sorted(((*self.sent.pop(call), call.result()) for call in calls), key=lambda one: one[0])
        for _, batch, answer in landed:
            if answer.fault is None:
                self._note(_complete(batch, answer.outcomes))
        for _, _, answer in landed:
            if answer.fault is not None:
                raise answer.fault
        return [number for number, _, _ in landed]

    def _note(self, outcomes: Sequence[Outcome]) -> None:
        self.heard += outcomes
        for one in outcomes:
            self.progress.outcomes[one.id] = one
            if one.status is Status.APPLIED and one.action is Action.DELETE:
                self.progress.ids.pop(one.address, None)
            elif one.status is Status.APPLIED and one.remote_id is not None:
                self.progress.ids[one.address] = one.remote_id


def _order(batches: Sequence[Batch], by_id: Mapping[str, Change]) -> "TopologicalSorter[int]":
    """Over the numbers of the batches: one waits for those that hold what its steps wait for."""
    number = {step.id: at for at, batch in enumerate(batches) for step in batch.steps}
    sorter = TopologicalSorter(
        {at: {number[w] for step in batch.steps for w in by_id[step.id].waits_for} for at, batch in enumerate(batches)}
    )
    sorter.prepare()
    return sorter


def _batches(changes: Sequence[Change], by_id: Mapping[str, Change], adapter: Adapter) -> Iterator[Batch]:
    """As few as the waits allow: what does not wait for one another, of one kind and one action, fills them."""
    sorter = strata(changes)
    while sorter.is_active():
        ready = sorter.get_ready()
        yield from _filled([by_id[id_] for id_ in ready], adapter)
        sorter.done(*ready)


def _filled(changes: Sequence[Change], adapter: Adapter) -> Iterator[Batch]:
    """Deletes of edges before creations, so that nobody holds old and new access for longer than needed."""

    def group(change: Change) -> tuple[bool, int, str]:
        return (change.action is not Action.DELETE, _RANK[change.kind], change.action)

    for _, alike in groupby(sorted(changes, key=lambda change: (*group(change), change.id)), key=group):
        members = list(alike)
        kind, action = members[0].kind, members[0].action
        size = max(adapter.capabilities.of(kind).max_batch, 1)
        for start in range(0, len(members), size):
            steps = tuple(_step(change) for change in members[start : start + size])
            yield Batch(kind=kind, action=action, steps=steps)


_RANK = {kind: rank for rank, kind in enumerate(Kind)}


def _step(change: Change) -> Step:
    return Step(
        id=change.id,
        address=change.address,
        action=change.action,
        before=change.before or NO_FIELDS,
        after=change.after or NO_FIELDS,
        remote_id=change.remote_id,
    )


def _complete(batch: Batch, outcomes: Sequence[Outcome]) -> list[Outcome]:
    """One outcome per step: what was answered not at all or twice is unknown, what nobody asked for is left out."""
    times = Counter(one.id for one in outcomes)
    answered = {one.id: one for one in outcomes if times[one.id] == 1}
    return [
        replace(answered[step.id], address=step.address, action=step.action)
        if step.id in answered
        else _outcome(step, Status.UNKNOWN, f"the CRM gave {times[step.id] or 'no'} answers")
        for step in batch.steps
    ]


def _outcome(step: Step, status: Status, detail: str) -> Outcome:
    return Outcome(id=step.id, address=step.address, action=step.action, status=status, detail=detail)


def settle(
    changes: Sequence[Change], outcomes: Sequence[Outcome], live: Snapshot, former: Collection[Address] = ()
) -> list[Outcome]:
    """Decide by reading what an unknown step did: applied where the CRM is as the step wanted, else failed.

    ``former``: today's addresses of what the CRM still holds under the key that it had.
    """
    by_id = {change.id: change for change in changes}
    return [
        one
        if one.status is not Status.UNKNOWN
        else replace(one, status=Status.APPLIED, detail=f"found by reading: {one.detail}")
        if not differences(by_id[one.id], live.resources, former)
        else replace(one, status=Status.FAILED, detail=f"not done, found by reading: {one.detail}")
        for one in outcomes
    ]


def verify(
    changes: Sequence[Change], outcomes: Sequence[Outcome], live: Snapshot, former: Collection[Address] = ()
) -> list[Finding]:
    """What was reported as applied and is not so: each named, with the value that the CRM has instead."""
    last = {change.address: change.id for change in changes}
    applied = {one.id for one in outcomes if one.status is Status.APPLIED}
    return [
        Finding(
            code="not-as-applied",
            summary="the CRM is not as it said",
            detail=difference,
            remedy="run orgsync plan again; if it comes back, the CRM or somebody else undoes it",
            address=change.address,
        )
        for change in changes
        if change.id in applied and last[change.address] == change.id
        for difference in differences(change, live.resources, former)
    ]
