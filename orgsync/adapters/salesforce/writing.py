"""Send batches in the fewest calls, and find out what became of each step.

In: a batch, ids, an index, a way to look. Out: one outcome per step. Never: repeats what may have been carried out.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from itertools import islice
from typing import TypeVar

from orgsync.adapter import Snapshot
from orgsync.adapters.http import found
from orgsync.adapters.salesforce.api import Api, Node, Result
from orgsync.adapters.salesforce.bundles import awaited
from orgsync.adapters.salesforce.capabilities import GRAPHS, RECORDS
from orgsync.adapters.salesforce.convert import Names
from orgsync.adapters.salesforce.edges import SOBJECTS, Edges
from orgsync.adapters.salesforce.graphs import Graphs, Impossible
from orgsync.adapters.salesforce.index import Index
from orgsync.adapters.salesforce.options import Options
from orgsync.change import Action, Batch, Outcome, Status, Step
from orgsync.errors import CallRefused, UnknownOutcome
from orgsync.resources import Address, Kind, RemoteId

NODES = 500
"""Per request, over all its graphs (REST API Developer Guide, "Composite Graph limits")."""
_MAYBE_SO = frozenset({"DUPLICATE_VALUE", "DUPLICATE_DEVELOPER_NAME", "ENTITY_IS_DELETED", "NOT_FOUND"})
Job = tuple[Step, list[Node]]
T = TypeVar("T")
Send = Callable[[], Sequence[Result]]


class Writer:
    """``look``: reads everything again."""

    def __init__(self, api: Api, options: Options, index: Index, look: Callable[[], Snapshot]) -> None:
        self._api, self._options, self._index, self._look = api, options, index, look
        self._names = Names(prefix=options.prefix)

    def carry_out(self, batch: Batch, ids: Mapping[Address, RemoteId]) -> list[Outcome]:
        """Raises AdapterError where Salesforce cannot be spoken to."""
        outcomes = self._edges(batch, ids) if batch.kind in SOBJECTS else self._graphs(batch, ids)
        by_id = {one.id: one for one in outcomes}
        doubtful = {one.id for one in outcomes if one.status is Status.UNKNOWN}
        if doubtful:
            live = self._look()
            by_id |= {step.id: _settled(step, by_id[step.id], live) for step in batch.steps if step.id in doubtful}
        return [by_id[step.id] for step in batch.steps]

    def _graphs(self, batch: Batch, ids: Mapping[Address, RemoteId]) -> list[Outcome]:
        graphs = Graphs(self._options, ids, self._index)
        jobs, outcomes = _prepared(batch, graphs.nodes)
        outcomes += [_applied(step, step.remote_id) for step, nodes in jobs if not nodes]
        self._index.unsettled |= batch.kind is Kind.ROLE and self._options.bundled
        for some in _packed([job for job in jobs if job[1]]):
            results = _sent(partial(self._api.graphs, [nodes for _, nodes in some]), len(some))
            for (step, nodes), result in zip(some, results, strict=True):
                outcomes.append(_outcome(step, result))
                if not result.code:
                    graphs.note(nodes, result)
        return outcomes

    def _edges(self, batch: Batch, ids: Mapping[Address, RemoteId]) -> list[Outcome]:
        edges = Edges(ids, self._index, self._options.zone)
        if batch.kind is Kind.GRANT and self._index.unsettled and any(map(edges.bundle, batch.steps)):
            self._index.stuck, self._index.unsettled = awaited(self._api, self._names), False
        jobs, outcomes = _prepared(batch, edges.record)
        sobject, waiting = SOBJECTS[batch.kind], iter(jobs)
        while some := list(islice(waiting, RECORDS)):
            if batch.kind is Kind.MEMBERSHIP and batch.action is Action.DELETE:
                kept = self._unseated(edges, [step for step, _ in some])
                outcomes += kept.values()
                some = [(step, record) for step, record in some if step.id not in kept]
            records = [record for _, record in some]
            send: Mapping[Action, Send] = {
                Action.CREATE: partial(self._api.create, sobject, records),
                Action.UPDATE: partial(self._api.update, sobject, records),
                Action.DELETE: partial(self._api.delete, [str(record.get("id")) for record in records]),
            }
            results = _sent(send[batch.action], len(some)) if some else []
            self._index.sit(record for record, result in zip(records, results, strict=True) if not result.code)
            outcomes += [_outcome(step, result) for (step, _), result in zip(some, results, strict=True)]
        return self._tidied(batch, outcomes, edges) if batch.kind is Kind.GRANT else outcomes

    def _unseated(self, edges: Edges, steps: Sequence[Step]) -> dict[str, Outcome]:
        """Whoever leaves a unit leaves its role in the hierarchy first; step -> what became of those who could not."""
        leaving = {step.id: user for step in steps if (user := edges.seated(step))}
        records = [{"id": user, "UserRoleId": None} for user in leaving.values()]
        results = _sent(partial(self._api.update, "User", records), len(records)) if records else []
        self._index.sit(record for record, result in zip(records, results, strict=True) if not result.code)
        failed = {id_: result for id_, result in zip(leaving, results, strict=True) if result.code}
        return {step.id: _outcome(step, failed[step.id]) for step in steps if step.id in failed}

    def _tidied(self, batch: Batch, outcomes: list[Outcome], edges: Edges) -> list[Outcome]:
        """Who holds the permission set group, or nothing any more, does not keep its permission set besides."""
        done = {one.id for one in outcomes if one.status is Status.APPLIED}
        spare = {step.id: id_ for step in batch.steps if step.id in done and (id_ := edges.spare(step))}
        results = _sent(partial(self._api.delete, [*spare.values()]), len(spare)) if spare else []
        kept = {id_: result for id_, result in zip(spare, results, strict=True) if result.code}
        return [_half_done(one, kept[one.id]) if one.id in kept else one for one in outcomes]


def _prepared(batch: Batch, make: Callable[[Step], T]) -> tuple[list[tuple[Step, T]], list[Outcome]]:
    jobs: list[tuple[Step, T]] = []
    outcomes: list[Outcome] = []
    for step in batch.steps:
        try:
            jobs.append((step, make(step)))
        except Impossible as why:
            outcomes.append(replace(_applied(step, None), status=Status.FAILED, detail=str(why)))
    return jobs, outcomes


def _packed(jobs: Sequence[Job]) -> Iterator[list[Job]]:
    some: list[Job] = []
    count = 0
    for job in jobs:
        if some and (len(some) == GRAPHS or count + len(job[1]) > NODES):
            yield some
            some, count = [], 0
        some.append(job)
        count += len(job[1])
    if some:
        yield some


def _sent(send: Send, count: int) -> list[Result]:
    """A call that was refused as a whole was refused for each; one without an answer leaves each in doubt."""
    try:
        return [*send()]
    except CallRefused as refusal:
        return [Result(code="REFUSED", message=str(refusal))] * count
    except UnknownOutcome as problem:
        return [Result(code=_DOUBT, message=str(problem))] * count


_DOUBT = "UNKNOWN"


def _outcome(step: Step, result: Result) -> Outcome:
    if not result.code:
        return _applied(step, step.remote_id or result.id)
    in_doubt = result.code == _DOUBT or result.code in _MAYBE_SO
    detail = result.message if result.code in {_DOUBT, "REFUSED"} else result.text
    status = Status.UNKNOWN if in_doubt else Status.FAILED
    return replace(_applied(step, None), status=status, detail=detail)


def _applied(step: Step, remote_id: RemoteId | None) -> Outcome:
    return Outcome(
        id=step.id, address=step.address, action=step.action, status=Status.APPLIED, remote_id=remote_id or None
    )


def _half_done(outcome: Outcome, result: Result) -> Outcome:
    status = Status.UNKNOWN if result.code == _DOUBT else Status.FAILED
    detail = f"the permission set is still assigned besides: {result.message}"
    return replace(outcome, status=status, detail=detail)


def _settled(step: Step, doubt: Outcome, live: Snapshot) -> Outcome:
    done, remote_id = found(step, live)
    if done:
        return replace(doubt, status=Status.APPLIED, remote_id=remote_id, detail=f"found by reading: {doubt.detail}")
    refused = doubt.detail.partition(":")[0] in _MAYBE_SO
    return replace(doubt, status=Status.FAILED) if refused else doubt
