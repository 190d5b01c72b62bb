"""From what is declared to a sealed plan. Reads the CRM and changes nothing."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path

from orgsync.access import NO_LIMITS
from orgsync.adapter import Scope, Snapshot
from orgsync.change import Change
from orgsync.collector import collector_paused, hold
from orgsync.diff import rename
from orgsync.finding import Finding
from orgsync.pipeline.accessing import Meaning, meaning
from orgsync.pipeline.ahead import Begun, begun
from orgsync.pipeline.declaring import Declared, by_place, placed, stop_at_errors, validate
from orgsync.pipeline.judging import judged, terms_of
from orgsync.pipeline.target import WITH_LOGIN, check_keys
from orgsync.pipeline.values import Drift, Environment
from orgsync.pipeline.weighing import Asked, Compared, plan_of
from orgsync.plan import Plan, digest_of_resources
from orgsync.policy import State, declared_state, live_state
from orgsync.project import bound_names, project
from orgsync.resources import KEY, Address, Kind, Organization, key_of
from orgsync.revision import revision_begun
from orgsync.settings import Settings, TargetSettings
from orgsync.users import settle_users
from orgsync.watch import Watch


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
    seen: "Seen | None" = None,
) -> Plan:
    """Raises InvalidInput (errors in the YAML, or what the target cannot do), IncompleteRead, AdapterError.

    cache   the folder that holds what was read of the same files and CRM earlier; it changes only the time it takes
    actor   who proposes the change: an account at the code host, or a login; "" where nobody asks
    as_of   the day that the plan is made for, where somebody names one
    seen    told once files and CRM are read: of each file that has a key, the key of the bytes that were read
    """
    asked = Asked(
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
    return _plan_declared(asked, seen).plan


Seen = Callable[[Mapping[str, str]], None]


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
    asked = Asked(
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
    asked = Asked(
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


@dataclass(frozen=True, slots=True, kw_only=True)
class _Planned:
    plan: Plan
    declared: Declared
    compared: Compared
    meaning: Meaning


def _plan_declared(asked: Asked, seen: Seen | None = None) -> _Planned:
    hold()
    target = asked.target
    with collector_paused(), begun(target, asked.root, asked.environment, asked.cache) as crm:
        declared = validate(
            asked.root, today=asked.today, watch=asked.watch, cache=asked.cache, policies=asked.policies
        )
        stop_at_errors(declared.findings)
        revision = revision_begun(asked.root)
        compared = _compare(declared, target, crm, asked.watch, seen)
        plan = plan_of(
            asked,
            compared,
            crm.adapter,
            revision=revision,
            place=lambda findings: placed(findings, declared),
            origins=lambda changes: _origins(changes, declared),
            findings=declared.findings,
        )
        known = meaning(
            crm.adapter.capabilities, compared.live.index.of_kind(Kind.ROLE), compared.stated, compared.bound
        )
    planned = _Planned(plan=plan, declared=declared, compared=compared, meaning=known)
    hold(planned)
    return planned


def _compare(declared: Declared, target: TargetSettings, crm: Begun, watch: Watch, seen: Seen | None) -> Compared:
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
        contents = digest_of_resources(desired.resources, desired.managed)  # while the CRM is still being read
        live = crm.read(_scope(projected, target, bound))
    if seen is not None:
        seen({one.file: one.key for one in declared.repository.documents if one.key})
    with watch.stage("diff"):
        # What is declared is well-formed: only the rest of what lives has to be looked at, and found only once.
        unstated = live.resources.keys() - projected.resources.keys()
        check_keys(adapter, unstated)
        live, former = rename(live, projected.previously)
        settled, people = settle_users(projected, live, target.missing_users)
    findings = (*lost, *people, *_unbound(bound, live), *live.findings)
    return Compared(
        contents=contents,
        desired=settled,
        live=live,
        former=former,
        stated={**desired.named.get(Kind.FUNCTION, {}), **desired.named.get(Kind.ROLE, {})},
        bound=bound,
        findings=findings,
        unstated=None if former else unstated,
    )


def _scope(desired: Organization, target: TargetSettings, bound: Mapping[Address, str]) -> Scope:
    """Whoever is assigned, and whom orgsync runs as: the guards ask what becomes of that one."""
    logins = {*map(key_of, desired.named.get(Kind.USER, ()))}
    logins |= {target.runs_as} if target.runs_as else set()
    return Scope(logins=frozenset(logins), roles=frozenset(desired.named.get(Kind.ROLE, ())), bound=bound)


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
