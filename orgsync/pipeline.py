"""The sentence of the engine; the only module that knows the order of the stages.

load the files, resolve them into the desired organization, project it onto what the CRM can express, read the live
one, diff the two, order the changes, check them for safety, seal a plan; later apply the plan and journal it.

Everything but ``apply_plan`` opens the CRM through a transport that refuses to write.
"""

import secrets
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time
from pathlib import Path
from typing import TYPE_CHECKING

from orgsync import documents
from orgsync.adapter import Adapter, Changed, Foreign, HasEffects, Scope, Snapshot
from orgsync.adapters import open_adapter
from orgsync.apply import apply, moved, settle, verify
from orgsync.change import Batch, Change, Effect, Outcome, Status
from orgsync.collector import collector_paused
from orgsync.diff import diff, rename
from orgsync.effects import make_good
from orgsync.errors import AdapterError, IncompleteRead, InvalidInput, OrgsyncError, PlanRefused, Refused, StalePlan
from orgsync.finding import Finding, Severity, has_errors
from orgsync.load import Repository, load
from orgsync.order import order
from orgsync.plan import Plan, Target
from orgsync.project import bound_names, project
from orgsync.references import expand_url
from orgsync.resolve import resolve
from orgsync.resources import KEY, Address, Json, Kind, Organization, key_of, kind_of, well_formed
from orgsync.revision import revision
from orgsync.safety import carried_over, guard, guard_again, names_taken, rings, risky, violations, withhold
from orgsync.seal import Judged, seal
from orgsync.settings import Settings, TargetSettings
from orgsync.users import settle_users
from orgsync.watch import Watch

if TYPE_CHECKING:  # it loads a database library, which validate has no use for
    from orgsync import journal

Environment = Mapping[str, str]
Clock = Callable[[], datetime]


@dataclass(frozen=True, slots=True, kw_only=True)
class Declared:
    """What the YAML says: the files, the organization they declare, and all findings (errors too)."""

    repository: Repository
    desired: Organization
    findings: tuple[Finding, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """What an apply did. ``differences``: what the CRM says it did and did not."""

    run: str
    outcomes: tuple[Outcome, ...]
    differences: tuple[Finding, ...]

    @property
    def summary(self) -> dict[str, int]:
        found = Counter(one.status for one in self.outcomes)
        return {str(status): found[status] for status in Status}

    @property
    def complete(self) -> bool:
        return not self.differences and all(one.status is Status.APPLIED for one in self.outcomes)


@dataclass(frozen=True, slots=True, kw_only=True)
class Drift:
    """How the CRM differs from what is declared: the plan that would take it back, foreign things, who changed what."""

    plan: Plan
    foreign: tuple[Foreign, ...]
    changed: Mapping[Address, Changed]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Compared:
    """Both sides in the CRM's space, under today's addresses."""

    desired: Organization
    live: Snapshot
    former: Mapping[Address, Address]
    identity: str
    findings: tuple[Finding, ...]


def validate(root: Path, *, today: date, watch: Watch) -> Declared:
    """No CRM, no credentials. Raises nothing for content: errors are among the findings."""
    with collector_paused():
        with watch.stage("load"):
            repository = load(root)
        with watch.stage("validate"):
            checked, invalid = documents.check(repository)
        with watch.stage("resolve"):
            desired, unresolved = resolve(checked, repository, today=today)
    findings = _sorted([*repository.findings, *invalid, *unresolved])
    return Declared(repository=repository, desired=desired, findings=findings)


def make_plan(
    root: Path,
    settings: Settings,
    target_name: str,
    *,
    today: date,
    environment: Environment,
    watch: Watch,
    accept: frozenset[str] = frozenset(),
) -> Plan:
    """Raises InvalidInput (errors in the YAML, or what the target cannot do), IncompleteRead, AdapterError."""
    return _plan(root, settings, target_name, today, environment, watch, accept)[0]


def find_drift(
    root: Path, settings: Settings, target_name: str, *, today: date, environment: Environment, watch: Watch
) -> Drift:
    """Raises as ``make_plan``."""
    plan, live = _plan(root, settings, target_name, today, environment, watch, frozenset())
    touched = [change.address for change in (*plan.changes, *plan.withheld)]
    changed = {address: live.changed[address] for address in touched if address in live.changed}
    return Drift(plan=plan, foreign=tuple(live.foreign), changed=changed)


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
) -> Report:
    """Does exactly the plan's changes. Raises Refused, PlanRefused, StalePlan before the first call to the CRM."""
    from orgsync import journal  # noqa: PLC0415

    target = _target(settings, plan.target.name)
    _check_guards(plan, accept)
    if plan.settings != _in_force(settings, target):
        raise PlanRefused("the safety settings changed since this plan was made", remedy="plan again")
    with (
        open_adapter(
            target.adapter, target, root, writable=True, actor=actor, environment=environment, clock=clock
        ) as adapter,
        journal.open_journal(expand_url(settings.journal, environment), root) as book,
    ):
        if adapter.identity != plan.target.identity:
            raise PlanRefused(f"this plan is for {plan.target.identity}, not {adapter.identity}", remedy="plan again")
        with watch.stage("freshness"):
            live, former = _read_again(plan, adapter, everybody=True)
            if sentences := moved(plan.changes, live, _dropped(plan.effects), seen=plan.seen, former=former):
                raise StalePlan(sentences)
        _guard_again(plan, live, book, settings, accept, clock())
        return _carry_out(plan, live, adapter, book, target.concurrency, actor=actor, clock=clock, watch=watch)


def runs(root: Path, settings: Settings, *, environment: Environment) -> "list[journal.Run]":
    """Newest first; empty where nothing was ever applied."""
    from orgsync import journal  # noqa: PLC0415

    with journal.read_journal(expand_url(settings.journal, environment), root) as book:
        return book.runs() if book is not None else []


def _plan(
    root: Path,
    settings: Settings,
    target_name: str,
    today: date,
    environment: Environment,
    watch: Watch,
    accept: frozenset[str],
) -> tuple[Plan, Snapshot]:
    target = _target(settings, target_name)
    declared = validate(root, today=today, watch=watch)
    _stop_at_errors(declared.findings)
    with _reading(target, root, environment) as adapter:
        compared = _compare(declared, target, adapter, watch)
        _stop_at_errors(_placed(compared.findings, declared))
        with watch.stage("diff"):
            changes = diff(compared.desired, compared.live, compared.former, today=today)
        with watch.stage("order"):
            kept, withheld = withhold(changes, compared.live, target.prune, adapter.capabilities)
            effects = _effects(adapter, kept, compared.live)
            kept = make_good(kept, effects, compared.desired.resources, compared.live.resources)
            kept = order(kept, compared.live.resources, adapter.capabilities)
            impossible = names_taken(kept, compared.live, adapter.capabilities) + rings(kept, compared.live.resources)
            _stop_at_errors(_placed(impossible, declared))
    with watch.stage("safety"):
        past, intents = _history(settings, root, compared.identity, today, environment)
        findings = [*declared.findings, *_placed(compared.findings, declared), *intents]
        judged = _judge(kept, withheld, effects, compared, declared, settings, past, accept, findings)
    with watch.stage("seal"):
        plan = seal(
            judged,
            compared.desired,
            compared.live,
            target=Target(name=target_name, adapter=target.adapter, identity=compared.identity),
            revision=revision(root),
            settings=_in_force(settings, target),
            origins=_origins([*kept, *withheld], declared),
            bound=bound_names(declared.desired, target.adapter),
            roles=declared.desired.resources,
        )
    return plan, compared.live


def _compare(declared: Declared, target: TargetSettings, adapter: Adapter, watch: Watch) -> _Compared:
    desired = declared.desired
    with watch.stage("project"):
        projected, lost = project(
            desired, adapter.capabilities, target.adapter, narrower=target.scope_fallback == "narrower"
        )
    with watch.stage("read"):
        live = _read(adapter, Scope(logins=_logins(projected), bound=bound_names(desired, target.adapter)))
    with watch.stage("diff"):
        live, former = rename(live, projected.previously)
        settled, people = settle_users(projected, live, target.missing_users)
        unbound = _unbound(bound_names(desired, target.adapter), live)
    findings = (*lost, *people, *unbound, *live.findings)
    return _Compared(desired=settled, live=live, former=former, identity=adapter.identity, findings=findings)


def _judge(
    kept: Sequence[Change],
    withheld: Sequence[Change],
    effects: Sequence[Effect],
    compared: _Compared,
    declared: Declared,
    settings: Settings,
    past: frozenset[Address],
    accept: frozenset[str],
    findings: Iterable[Finding],
) -> Judged:
    stated, live, safety = declared.desired.resources, compared.live, settings.safety
    return Judged(
        changes=kept,
        withheld=withheld,
        effects=effects,
        risky=risky(kept, live.resources, stated, effects, safety.protected),
        guards=guard(kept, withheld, live, compared.desired, safety, declared=stated, earlier=past, accepted=accept),
        findings=_sorted(findings),
    )


def _carry_out(
    plan: Plan,
    live: Snapshot,
    adapter: Adapter,
    book: "journal.Journal",
    concurrency: int,
    *,
    actor: str,
    clock: Clock,
    watch: Watch,
) -> Report:
    run = secrets.token_hex(4)
    book.start(run, plan, actor=actor, at=clock())
    log = _Log(book, run, clock, watch, len(plan.changes))
    with watch.stage("apply"):
        outcomes = apply(plan.changes, adapter, live.ids, log, concurrency=concurrency)
    with watch.stage("verify"):
        settled, differences = _settled(plan, outcomes, adapter)
        if resolved := [new for old, new in zip(outcomes, settled, strict=True) if old is not new]:
            book.record(run, resolved, at=clock())
    report = Report(run=run, outcomes=tuple(settled), differences=tuple(differences))
    book.finish(run, report.summary, at=clock())
    return report


def _settled(plan: Plan, outcomes: Sequence[Outcome], adapter: Adapter) -> tuple[Sequence[Outcome], list[Finding]]:
    """What the CRM says when it is read again; where it cannot be read, nothing is taken for granted."""
    try:
        after, former = _read_again(plan, adapter)
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

    def __init__(self, book: "journal.Journal", run: str, clock: Clock, watch: Watch, total: int) -> None:
        self._book, self._run, self._clock, self._watch = book, run, clock, watch
        self._done, self._total = 0, total

    def intend(self, batch: Batch) -> None:
        self._book.intend(self._run, batch, at=self._clock())

    def record(self, outcomes: Sequence[Outcome]) -> None:
        self._book.record(self._run, outcomes, at=self._clock())
        self._done += len(outcomes)
        self._watch.outcomes(outcomes, self._done, self._total)


def _read(adapter: Adapter, scope: Scope) -> Snapshot:
    """Raises IncompleteRead where a key cannot be one: what hangs on it would belong to something else."""
    live = adapter.read(scope)
    if (strange := next((address for address in live.resources if not well_formed(address)), None)) is not None:
        raise IncompleteRead(f"{adapter.identity} answers with a key that is none: {strange}", remedy=_STRANGE)
    return live


_STRANGE = "find out who wrote that key, and correct it in the CRM"


@contextmanager
def _reading(target: TargetSettings, root: Path, environment: Environment) -> Iterator[Adapter]:
    with open_adapter(
        target.adapter, target, root, writable=False, actor="", environment=environment, clock=_never
    ) as adapter:
        yield adapter


def _never() -> datetime:
    raise AssertionError("a read asks for no time")


def _read_again(plan: Plan, adapter: Adapter, *, everybody: bool = False) -> tuple[Snapshot, Mapping[Address, Address]]:
    """The live organization under the plan's addresses, for the users that it speaks of; what has its former key.

    ``everybody``: all users, since the guards ask who of them can still administer.
    """
    logins = {change.address.split("/")[2] for change in plan.changes if kind_of(change.address) in _WITH_LOGIN}
    logins |= {key_of(change.address) for change in plan.changes if kind_of(change.address) is Kind.USER}
    live = _read(adapter, Scope(logins=None if everybody else frozenset(logins), bound=plan.bound))
    previously = {
        change.address: (f"{change.kind}/{change.before[KEY]}",)
        for change in (*plan.changes, *plan.withheld)
        if change.before is not None and KEY in change.before
    }
    return rename(live, previously)


_WITH_LOGIN = {Kind.MEMBERSHIP, Kind.GRANT}


def _logins(desired: Organization) -> frozenset[str]:
    prefix = f"{Kind.USER}/"
    return frozenset(address.removeprefix(prefix) for address in desired.resources if address.startswith(prefix))


def _unbound(bound: Mapping[Address, str], live: Snapshot) -> list[Finding]:
    return [
        Finding(
            code="bound-role-missing",
            summary="the role to use does not exist in the target",
            detail=f'no role is named "{name}"',
            remedy="correct the name under `bind`, or create that role in the CRM",
            address=address,
        )
        for address, name in bound.items()
        if address not in live.resources
    ]


def _effects(adapter: Adapter, changes: Sequence[Change], live: Snapshot) -> Sequence[Effect]:
    return adapter.effects(changes, live) if isinstance(adapter, HasEffects) else ()


def _dropped(effects: Iterable[Effect]) -> frozenset[Address]:
    return frozenset(address for effect in effects for address in effect.drops)


def _check_guards(plan: Plan, accept: frozenset[str]) -> None:
    guards = [replace(one, accepted=one.accepted or (one.violated and one.name in accept)) for one in plan.guards]
    if refusals := violations(guards):
        raise Refused(refusals)


def _guard_again(
    plan: Plan, live: Snapshot, book: "journal.Journal", settings: Settings, accept: frozenset[str], now: datetime
) -> None:
    """Other runs and other people may have come in between: two plans that are fine alone need not be so in a row."""
    past = book.removals(plan.target.identity, _since(now.date(), settings))
    guards = guard_again(plan.changes, live, settings.safety, declared=plan.roles, earlier=past)
    if refusals := violations(carried_over(plan.guards, guards, accept)):
        raise Refused(refusals)


def _history(
    settings: Settings, root: Path, identity: str, today: date, environment: Environment
) -> tuple[frozenset[Address], list[Finding]]:
    """What was removed in the last days, and steps of runs that were cut off before their outcome was known."""
    from orgsync import journal  # noqa: PLC0415

    with journal.read_journal(expand_url(settings.journal, environment), root) as book:
        if book is None:
            return frozenset(), []
        return book.removals(identity, _since(today, settings)), [
            _cut_off(intent) for intent in book.open_intents(identity)
        ]


def _since(day: date, settings: Settings) -> datetime:
    """Where the window for removals of earlier runs begins."""
    return datetime.combine(day, time(), UTC) - settings.safety.window


def _cut_off(intent: "journal.OpenIntent") -> Finding:
    return Finding(
        code="open-intent",
        severity=Severity.INFO,
        summary="an earlier run was cut off here",
        detail=f"run {intent.run} was about to {intent.action} {intent.address} at {intent.at:%Y-%m-%d %H:%M}",
        remedy="nothing: this plan read the CRM and goes on from what is there",
        address=intent.address,
    )


def _in_force(settings: Settings, target: TargetSettings) -> dict[str, Json]:
    return {
        "prune": [*sorted(target.prune)],
        "missingUsers": target.missing_users,
        "scopeFallback": target.scope_fallback,
        "safety": settings.safety.model_dump(mode="json", by_alias=True),
    }


def _target(settings: Settings, name: str) -> TargetSettings:
    if name not in settings.targets:
        known = ", ".join(sorted(settings.targets)) or "none"
        raise OrgsyncError(f'there is no target "{name}"', remedy=f"targets in orgsync.yaml: {known}")
    return settings.targets[name]


def _stop_at_errors(findings: Sequence[Finding]) -> None:
    if has_errors(list(findings)):
        raise InvalidInput(_sorted(findings))


def _placed(findings: Iterable[Finding], declared: Declared) -> list[Finding]:
    """Findings about resources, at the place in the YAML that states them."""
    return [
        replace(one, position=declared.repository.position(declared.desired.sources[one.address]))
        if one.position is None and one.address in declared.desired.sources
        else one
        for one in findings
    ]


def _origins(changes: Iterable[Change], declared: Declared) -> dict[str, str]:
    """Change id -> file:line:column of the statement behind it; of a removed edge, that of its unit."""
    found: dict[str, str] = {}
    sources = declared.desired.sources
    for change in changes:
        place = sources.get(change.address)
        if place is None and change.kind in _WITH_LOGIN:
            place = sources.get(f"{Kind.UNIT}/{change.address.split('/')[1]}")
        if place is not None:
            found[change.id] = str(declared.repository.position(place))
    return found


def _sorted(findings: Iterable[Finding]) -> tuple[Finding, ...]:
    """By place, those without one last; errors before warnings in one place."""
    ranks = {severity: rank for rank, severity in enumerate(Severity)}
    return tuple(
        sorted(
            findings,
            key=lambda one: (
                one.position is None,
                (one.position.file, one.position.line, one.position.column) if one.position else ("", 0, 0),
                ranks[one.severity],
                one.code,
                one.detail,
            ),
        )
    )
