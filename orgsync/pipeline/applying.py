"""From a plan to a changed CRM."""

import secrets
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from orgsync.adapter import Adapter, Snapshot
from orgsync.adapters import open_adapter
from orgsync.apply import Stop, apply, go_on, settle, verify
from orgsync.change import Batch, Outcome
from orgsync.collector import hold
from orgsync.errors import AdapterError, PlanRefused, Refused, StalePlan
from orgsync.finding import Finding
from orgsync.freshness import moved
from orgsync.pipeline.past import since
from orgsync.pipeline.target import in_force, kinds_kept, read_again, target_of
from orgsync.pipeline.values import Clock, Environment, Report
from orgsync.plan import Plan, violations
from orgsync.references import expand_url
from orgsync.safety import acting_in, carried_over, guard_again
from orgsync.settings import Settings, TargetSettings
from orgsync.watch import Watch

if TYPE_CHECKING:  # it loads a database library, which validate has no use for
    from orgsync.journal.book import Journal


def apply_plan(
    plan: Plan,
    root: Path,
    settings: Settings,
    *,
    actor: str,
    environment: Environment,
    clock: Clock,
    watch: Watch,
    accept: frozenset[str] = frozenset(),
    take_over: str = "",
    stop: Stop = go_on,
) -> Report:
    """Does exactly the plan's changes. Raises Refused, PlanRefused, StalePlan, LeaseHeld before the first call.

    take_over   a dead run, whose lease is taken
    stop        asked before every call: a reason, and no further call is made
    """
    from orgsync.journal.book import open_journal  # noqa: PLC0415

    hold()  # applying needs room of its own
    target = target_of(settings, plan.target.name)
    _check_signature(plan, settings)
    _check_guards(plan, accept)
    _check_day(plan, clock())
    if plan.settings != in_force(settings, target):
        raise PlanRefused("the safety settings or the policies changed since this plan was made", remedy="plan again")
    run = secrets.token_hex(4)
    with (
        open_adapter(
            target.adapter, target, root, writable=True, actor=actor, environment=environment, clock=clock
        ) as adapter,
        open_journal(expand_url(settings.journal, environment), root) as book,
    ):
        if adapter.identity != plan.target.identity:
            raise PlanRefused(f"this plan is for {plan.target.identity}, not {adapter.identity}", remedy="plan again")
        book.take(adapter.identity, run, actor, over=take_over)
        try:
            _check_journal(plan, book)
            live = _fresh(plan, adapter, watch)
            _guard_again(plan, live, book, settings, target, accept, clock())
            book.start(run, plan, actor=actor, at=clock(), took_over=take_over)
            return _carry_out(plan, live, adapter, _Log(book, run, clock, watch, len(plan.changes)), target, stop)
        finally:
            book.release(run)


def _check_signature(plan: Plan, settings: Settings) -> None:
    if settings.plans.trusted:
        from orgsync.signing import check_signature  # noqa: PLC0415

        check_signature(plan, settings.plans.trusted)


def _check_guards(plan: Plan, accept: frozenset[str]) -> None:
    if refusals := violations(plan.guards, accept):
        raise Refused(refusals)


def _check_day(plan: Plan, now: datetime) -> None:
    """A look ahead is for looking: what ends until then has not ended yet."""
    if plan.as_of and plan.as_of != now.date().isoformat():
        raise PlanRefused(
            f"this plan was made as of {plan.as_of}, and today is {now.date()}", remedy="plan without --as-of"
        )


def _check_journal(plan: Plan, book: "Journal") -> None:
    from orgsync import journal  # noqa: PLC0415

    seq, head = plan.journal.partition(":")[0], journal.head_of(plan.journal)
    if plan.journal and (head is None or not book.holds(head)):
        raise PlanRefused(
            f"the journal no longer holds the entry {seq} that this plan saw: it was cut off, rewritten or replaced",
            remedy="find out who did that (orgsync history --verify); then restore the journal from a backup, or name "
            "a new one in orgsync.yaml, and plan again",
        )


def _fresh(plan: Plan, adapter: Adapter, watch: Watch) -> Snapshot:
    with watch.stage("freshness"):
        live, former = read_again(plan, adapter, everybody=True)
        dropped = frozenset(address for effect in plan.effects for address in effect.drops)
        kept = kinds_kept(adapter)
        if sentences := moved(plan.changes, live, dropped, seen=plan.seen, former=former, kept=kept):
            raise StalePlan(sentences)
        return live


def _guard_again(
    plan: Plan,
    live: Snapshot,
    book: "Journal",
    settings: Settings,
    target: TargetSettings,
    accept: frozenset[str],
    now: datetime,
) -> None:
    """Other runs and other people may have come in between: two plans that are fine alone need not be so in a row."""
    earlier = book.removals(plan.target.identity, since(now.date(), settings))
    acting = acting_in(live, target.runs_as)
    guards = guard_again(plan.changes, live, settings.safety, declared=plan.roles, earlier=earlier, acting=acting)
    if refusals := violations(carried_over(plan.guards, guards, accept)):
        raise Refused(refusals)


def _carry_out(plan: Plan, live: Snapshot, adapter: Adapter, log: "_Log", target: TargetSettings, stop: Stop) -> Report:
    with log.watch.stage("apply"):
        outcomes = apply(plan.changes, adapter, live.ids, log, concurrency=target.concurrency, stop=stop)
    with log.watch.stage("verify"):
        settled, differences = _settled(plan, outcomes, adapter)
        if resolved := [new for old, new in zip(outcomes, settled, strict=True) if old is not new]:
            log.book.record(log.run, resolved, at=log.clock())
    report = Report(run=log.run, outcomes=tuple(settled), differences=tuple(differences), journal="")
    log.book.finish(log.run, report.summary, at=log.clock())
    return replace(report, journal=str(log.book.head()))


def _settled(plan: Plan, outcomes: Sequence[Outcome], adapter: Adapter) -> tuple[Sequence[Outcome], list[Finding]]:
    """What the CRM says when it is read again; where it cannot be read, nothing is taken for granted."""
    try:
        after, former = read_again(plan, adapter)
    except AdapterError as error:
        return outcomes, [_not_verified(str(error))]
    settled = settle(plan.changes, outcomes, after, former)
    return settled, verify(plan.changes, settled, after, former)


def _not_verified(why: str) -> Finding:
    return Finding(
        code="not-verified",
        summary="the CRM could not be read after the last call",
        detail=why,
        remedy="run orgsync plan again: it reads the CRM and goes on from what is there",
    )


class _Log:
    """Writes to the journal first, then tells whoever watches."""

    def __init__(self, book: "Journal", run: str, clock: Clock, watch: Watch, total: int) -> None:
        self.book, self.run, self.clock, self.watch = book, run, clock, watch
        self._done, self._total = 0, total

    def turn(self, outcomes: Sequence[Outcome], batches: Sequence[Batch]) -> None:
        self.book.turn(self.run, outcomes, batches, at=self.clock())
        if outcomes:
            self._done += len(outcomes)
            self.watch.outcomes(outcomes, self._done, self._total)
