"""From what is declared, or what a run did, to a sealed plan. Reads the CRM and changes nothing."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path

from orgsync.access import LISTED, NO_LIMITS, Limits
from orgsync.adapter import Adapter, HasCost, HasEffects, Scope, Snapshot
from orgsync.change import Change, Effect, Status
from orgsync.collector import collector_paused
from orgsync.diff import diff, rename
from orgsync.effects import lost, make_good
from orgsync.errors import PlanRefused
from orgsync.finding import Finding, Severity
from orgsync.order import order
from orgsync.pipeline.accessing import Meaning, access_diff, meaning
from orgsync.pipeline.ahead import Begun, begun
from orgsync.pipeline.declaring import Declared, by_place, placed, stop_at_errors, validate
from orgsync.pipeline.judging import judged, terms_of
from orgsync.pipeline.past import Past, explained, past_of, steps
from orgsync.pipeline.proposing import Proposed, judged_plan
from orgsync.pipeline.target import WITH_LOGIN, in_force, read, reading, target_of
from orgsync.pipeline.values import Drift, Environment
from orgsync.plan import Plan, Target
from orgsync.policy import State, declared_state, live_state
from orgsync.project import bound_names, project
from orgsync.references import expand, is_set
from orgsync.resources import KEY, Address, Fields, Kind, Organization, ends_of, of_kind
from orgsync.revision import revision
from orgsync.safety import acting_in, guard, names_taken, rings, risky, withhold
from orgsync.seal import Judged, seal
from orgsync.settings import Settings, TargetSettings
from orgsync.settings.policies import Policies
from orgsync.undo import Image, images, undo
from orgsync.users import settle_users
from orgsync.watch import Watch


@dataclass(frozen=True, slots=True, kw_only=True)
class _Compared:
    """Both sides in the CRM's space, under today's addresses.

    stated   roles and functions as declared, beyond what the CRM can express (privileged, includes, holders)
    """

    desired: Organization
    live: Snapshot
    former: Mapping[Address, Address]
    stated: Mapping[Address, Fields]
    bound: Mapping[Address, str]
    findings: Sequence[Finding]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Asked:
    """What every plan needs to know, and gets from whoever asks.

    ``policies``: what must hold; None for a plan that only tells how things are, whatever it should be like.
    """

    root: Path
    settings: Settings
    name: str
    today: date
    environment: Environment
    watch: Watch
    accept: frozenset[str] = frozenset()
    undoes: str = ""
    limits: Limits = LISTED
    cache: Path | None = None
    policies: Policies | None = None
    actor: str = ""
    as_of: date | None = None

    @property
    def target(self) -> TargetSettings:
        return target_of(self.settings, self.name)


Place = Callable[[Iterable[Finding]], list[Finding]]
Origins = Callable[[Sequence[Change]], Mapping[str, str]]


def make_plan(
    root: Path,
    settings: Settings,
    target_name: str,
    *,
    today: date,
    environment: Environment,
    watch: Watch,
    accept: frozenset[str] = frozenset(),
    cache: Path | None = None,
    actor: str = "",
    as_of: date | None = None,
) -> Plan:
    """Raises InvalidInput (errors in the YAML, or what the target cannot do), IncompleteRead, AdapterError.

    cache   the folder that holds what was read of the same files and CRM earlier; it changes only the time it takes
    actor   who proposes the change: an account at the code host, or a login; "" where nobody asks
    as_of   the day that the plan is made for, where somebody names one
    """
    asked = _Asked(
        root=root,
        settings=settings,
        name=target_name,
        today=today,
        environment=environment,
        watch=watch,
        accept=accept,
        cache=cache,
        policies=settings.policies,
        actor=actor,
        as_of=as_of,
    )
    return _plan_declared(asked).plan


def find_access_diff(
    root: Path,
    settings: Settings,
    target_name: str,
    *,
    today: date,
    environment: Environment,
    watch: Watch,
    cache: Path | None = None,
) -> Plan:
    """A plan whose access diff lists everything. Raises as ``make_plan``."""
    asked = _Asked(
        root=root,
        settings=settings,
        name=target_name,
        today=today,
        environment=environment,
        watch=watch,
        limits=NO_LIMITS,
        cache=cache,
    )
    return _plan_declared(asked).plan


def find_drift(
    root: Path,
    settings: Settings,
    target_name: str,
    *,
    today: date,
    environment: Environment,
    watch: Watch,
    cache: Path | None = None,
    hints: bool = False,
) -> Drift:
    """Raises as ``make_plan``. ``hints``: hints at less privilege, too."""
    asked = _Asked(
        root=root,
        settings=settings,
        name=target_name,
        today=today,
        environment=environment,
        watch=watch,
        cache=cache,
    )
    planned = _plan_declared(asked)
    plan, live = planned.plan, planned.compared.live
    touched = [change.address for change in (*plan.changes, *plan.withheld)]
    changed = {address: live.changed[address] for address in touched if address in live.changed}
    with watch.stage("policies"):
        terms = replace(terms_of(root, settings.policies, today), live=True)
        broken = judged(_lives(planned, today), (), terms, ask_hints=hints)
    return Drift(plan=plan, foreign=tuple(live.foreign), changed=changed, broken=tuple(by_place(broken)))


def _lives(planned: "_Planned", today: date) -> State:
    """The live organization as policies look at it."""
    compared, known, declared = planned.compared, planned.meaning, planned.declared
    state = declared_state(declared.desired, declared.repository.position, sound=True, today=today)
    return live_state(
        compared.live.resources,
        compared.stated,
        contents=known.contents,
        unknown=known.unknown,
        today=today,
        agreed=state.strong_pairs(),
    )


def make_rollback(
    root: Path,
    settings: Settings,
    run: str,
    *,
    today: date,
    environment: Environment,
    watch: Watch,
    accept: frozenset[str] = frozenset(),
) -> Plan:
    """A plan that restores what a run found, as far as nobody changed it since. No YAML is read: it may be broken.

    Raises OrgsyncError (no such run), PlanRefused (the target is another one by now), and as ``make_plan``.
    """
    past, taken = steps(root, settings, run, environment=environment)
    did, renamed = images(one.step for one in taken if one.status not in {Status.FAILED, Status.SKIPPED})
    asked = _Asked(
        root=root,
        settings=settings,
        name=past.target,
        today=today,
        environment=environment,
        watch=watch,
        accept=accept,
        policies=settings.policies,
        undoes=past.id,
    )
    with reading(asked.target, root, environment) as adapter:
        if adapter.identity != past.identity:
            raise PlanRefused(
                f"run {past.id} was against {past.identity}, not {adapter.identity}",
                remedy=f"name that CRM again under the target {past.target} in orgsync.yaml",
            )
        with watch.stage("read"):
            found = read(adapter, Scope(logins=None, roles=_roles_in(did), bound=past.bound))
        with watch.stage("diff"):
            live, former = rename(found, renamed)
            desired, kept = undo(_renamed(did, renamed), live)
            both = live.resources.keys()  # under either address: what was never renamed, or is gone, keeps no key
            kept += [_key_kept(old, new) for old, (new,) in renamed.items() if {old, new} <= both]
        compared = _Compared(
            desired=desired,
            live=live,
            former=former,
            stated={**live.resources, **past.roles},
            bound=past.bound,
            findings=[*kept, *live.findings],
        )
        return _plan(asked, compared, adapter, contents=desired, place=list, origins=_from_nowhere)


def _renamed(did: Mapping[Address, Image], renamed: Mapping[Address, tuple[Address, ...]]) -> dict[Address, Image]:
    """The images under the addresses from before the run."""
    before, _ = rename(Snapshot(resources={a: one.before or {} for a, one in did.items()}), renamed)
    after, _ = rename(Snapshot(resources={a: one.after or {} for a, one in did.items()}), renamed)
    return {
        address: Image(
            None if one.before is None else dict(before.resources[address]),
            None if one.after is None else dict(after.resources[address]),
        )
        for address, one in zip(before.resources, did.values(), strict=True)
    }


def _key_kept(old: Address, new: Address) -> Finding:
    return Finding(
        code="not-undone",
        severity=Severity.WARNING,
        summary="this is not taken back",
        detail=f"{new}: its key stays, since {old} exists again",
        remedy="state the former key under `previously` in the YAML, or change it in the CRM",
        address=new,
    )


def _from_nowhere(_: Sequence[Change]) -> Mapping[str, str]:
    return {}


@dataclass(frozen=True, slots=True, kw_only=True)
class _Planned:
    plan: Plan
    declared: Declared
    compared: _Compared
    meaning: Meaning


def _plan_declared(asked: _Asked) -> _Planned:
    target = asked.target
    with collector_paused(), begun(target, asked.root, asked.environment, asked.cache) as crm:
        declared = validate(
            asked.root, today=asked.today, watch=asked.watch, cache=asked.cache, policies=asked.policies
        )
        stop_at_errors(declared.findings)
        compared = _compare(declared, target, crm, asked.watch)
        plan = _plan(
            asked,
            compared,
            crm.adapter,
            contents=compared.desired,
            place=lambda findings: placed(findings, declared),
            origins=lambda changes: _origins(changes, declared),
            findings=declared.findings,
        )
        known = meaning(
            crm.adapter.capabilities, compared.live.index.of_kind(Kind.ROLE), compared.stated, compared.bound
        )
    return _Planned(plan=plan, declared=declared, compared=compared, meaning=known)


def _plan(
    asked: _Asked,
    compared: _Compared,
    adapter: Adapter,
    *,
    contents: Organization,
    place: Place,
    origins: Origins,
    findings: Sequence[Finding] = (),
) -> Plan:
    target, watch, live = asked.target, asked.watch, compared.live
    stop_at_errors(place(compared.findings))
    with watch.stage("diff"):
        changes = diff(compared.desired, live, compared.former, today=asked.today)
    with watch.stage("order"):
        kept, withheld = withhold(changes, live, target.prune, adapter.capabilities)
        effects = adapter.effects(kept, live) if isinstance(adapter, HasEffects) else ()
        if gone := lost(effects, live.resources):
            kept, withheld = withhold(changes, _without(live, gone), target.prune, adapter.capabilities)
        kept = make_good(kept, effects, compared.desired.resources, live.resources)
        kept = order(kept, live.resources, adapter.capabilities)
        stop_at_errors(place(names_taken(kept, live, adapter.capabilities) + rings(kept, live)))
    with watch.stage("safety"):
        past = past_of(asked.settings, asked.root, adapter.identity, asked.today, asked.environment)
        found = by_place([*findings, *place([*compared.findings, *explained(past, live)]), *_cost(adapter, kept)])
        weighed = _judge(asked, compared, kept, withheld, effects, past, found)
    with watch.stage("access"):
        known = meaning(adapter.capabilities, live.index.of_kind(Kind.ROLE), compared.stated, compared.bound)
        access = access_diff(live, kept, effects, known, today=asked.today, limits=asked.limits)
    proposed = Proposed(
        live=live,
        changes=kept,
        effects=effects,
        meaning=known,
        stated=compared.stated,
        told=findings,
        gaining=access.gaining,
        causes=origins([*kept, *withheld]),
        actor=asked.actor,
    )
    broken = place(_broken(asked, proposed))
    stop_at_errors(broken)
    with watch.stage("seal"):
        plan = seal(
            replace(weighed, findings=by_place([*weighed.findings, *broken])),
            contents,
            live,
            target=Target(name=asked.name, adapter=target.adapter, identity=adapter.identity),
            revision=revision(asked.root),
            settings=in_force(asked.settings, target),
            as_of=asked.as_of.isoformat() if asked.as_of else "",
            origins=proposed.causes,
            bound=compared.bound,
            roles=compared.stated,
            access=access,
            undoes=asked.undoes,
            journal=past.head,
        )
        return _signed(plan, asked)


def _broken(asked: _Asked, proposed: Proposed) -> list[Finding]:
    if asked.policies is None:
        return []
    with asked.watch.stage("policies"):
        return judged_plan(proposed, terms_of(asked.root, asked.policies, asked.today))


def _cost(adapter: Adapter, changes: Sequence[Change]) -> list[Finding]:
    """No part of what is reviewed: the same change planned again finds other calls left."""
    said = adapter.cost(changes) if isinstance(adapter, HasCost) else ""
    return [_counted(said)] if said else []


def _counted(said: str) -> Finding:
    return Finding(
        code="calls-counted",
        severity=Severity.INFO,
        summary="the target counts calls",
        detail=said,
        remedy="where they do not suffice, wait until there are more, or apply less at once",
    )


def _signed(plan: Plan, asked: _Asked) -> Plan:
    """Where the settings name a key and the environment has it: the job that applies need not."""
    key = asked.settings.plans.key
    if key is None or not is_set(key, asked.environment):
        return plan
    from orgsync.signing import signed  # noqa: PLC0415

    return signed(plan, expand(key, asked.environment))


def _without(live: Snapshot, gone: set[Address]) -> Snapshot:
    return replace(live, resources={a: fields for a, fields in live.resources.items() if a not in gone})


def _compare(declared: Declared, target: TargetSettings, crm: Begun, watch: Watch) -> _Compared:
    desired, adapter = declared.desired, crm.adapter
    bound = bound_names(desired, target.adapter)
    with watch.stage("project"):
        projected, lost = project(
            desired,
            adapter.capabilities,
            target.adapter,
            narrower=target.scope_fallback == "narrower",
            omit=target.inexpressible == "omit",
        )
    with watch.stage("read"):
        live = crm.read(_scope(projected, target, bound))
    with watch.stage("diff"):
        live, former = rename(live, projected.previously)
        settled, people = settle_users(projected, live, target.missing_users)
    findings = (*lost, *people, *_unbound(bound, live), *live.findings)
    return _Compared(
        desired=settled,
        live=live,
        former=former,
        stated={a: fields for a, fields in desired.resources.items() if a.startswith(_CONTENTS)},
        bound=bound,
        findings=findings,
    )


_CONTENTS = (f"{Kind.ROLE}/", f"{Kind.FUNCTION}/")


def _judge(
    asked: _Asked,
    compared: _Compared,
    kept: Sequence[Change],
    withheld: Sequence[Change],
    effects: Sequence[Effect],
    past: Past,
    findings: Sequence[Finding],
) -> Judged:
    stated, live, safety = compared.stated, compared.live, asked.settings.safety
    return Judged(
        changes=kept,
        withheld=withheld,
        effects=effects,
        risky=risky(kept, live, stated, effects, safety.protected),
        guards=guard(
            kept,
            withheld,
            live,
            compared.desired,
            safety,
            declared=stated,
            earlier=past.removed,
            acting=acting_in(live, asked.target.runs_as),
            accepted=asked.accept,
        ),
        findings=findings,
    )


def _scope(desired: Organization, target: TargetSettings, bound: Mapping[Address, str]) -> Scope:
    """Whoever is assigned, and whom orgsync runs as: the guards ask what becomes of that one."""
    prefix = f"{Kind.USER}/"
    logins = {address.removeprefix(prefix) for address in desired.resources if address.startswith(prefix)}
    logins |= {target.runs_as} if target.runs_as else set()
    return Scope(logins=frozenset(logins), roles=_roles(desired.resources), bound=bound)


def _roles_in(images: Iterable[Address]) -> frozenset[Address]:
    """Of what a run did: those that it made or changed, and those that it granted."""
    return _roles([*images, *(end for address in images for end in ends_of(address))])


def _roles(addresses: Iterable[Address]) -> frozenset[Address]:
    return frozenset(of_kind(Kind.ROLE, addresses))


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


def _origins(changes: Iterable[Change], declared: Declared) -> dict[str, str]:
    """Change id -> file:line:column of the statement behind it; of a removed edge, that of its unit."""
    found: dict[str, str] = {}
    sources = declared.desired.sources
    for change in changes:
        place = sources.get(change.address)
        if place is None and change.kind in WITH_LOGIN:
            place = sources.get(f"{Kind.UNIT}/{change.address.split('/')[1]}")
        if place is not None and change.kind in _NESTED and change.before is not None and change.after is not None:
            place = place[0], _first_difference(change.before, change.after)
        if place is not None:
            found[change.id] = str(declared.repository.position(place))
    return found


_NESTED = {Kind.ROLE, Kind.FUNCTION}


def _first_difference(before: object, after: object) -> tuple[str, ...]:
    """The names that lead to what is no longer as it was."""
    if not isinstance(before, Mapping) or not isinstance(after, Mapping):
        return ()
    name = next((one for one in after if one != KEY and before.get(one) != after[one]), None)
    return (name, *_first_difference(before.get(name), after[name])) if name is not None else ()
