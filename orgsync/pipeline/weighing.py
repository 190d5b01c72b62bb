"""From both sides, in one space, to a sealed plan: what changes, in which order, how safe it is, whom it gives what.

The part of a plan that is the same whether it comes from files or takes a run back.
"""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path

from orgsync.access import LISTED, Limits
from orgsync.adapter import Adapter, HasCost, HasEffects, Snapshot
from orgsync.change import Change, Effect
from orgsync.diff import diff
from orgsync.effects import lost, make_good
from orgsync.finding import Finding, Severity
from orgsync.order import order
from orgsync.pipeline.accessing import access_diff, meaning
from orgsync.pipeline.declaring import by_place, stop_at_errors
from orgsync.pipeline.judging import terms_of
from orgsync.pipeline.past import Past, explained, past_of
from orgsync.pipeline.proposing import Proposed, judged_plan
from orgsync.pipeline.target import in_force, target_of
from orgsync.pipeline.values import Environment
from orgsync.plan import Plan, Target
from orgsync.references import expand, is_set
from orgsync.resources import Address, Fields, Kind, Organization, of_kind
from orgsync.safety import acting_in, guard, names_taken, rings, risky, withhold
from orgsync.seal import Judged, seal
from orgsync.settings import Settings, TargetSettings
from orgsync.settings.values import Policies
from orgsync.watch import Watch


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
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


@dataclass(frozen=True, slots=True, kw_only=True)
class Compared:
    """Both sides in the CRM's space, under today's addresses.

    contents   digest of all that is declared, expressible or not
    stated     roles and functions as declared, beyond what the CRM can express (privileged, includes, holders)
    unstated   what lives and is not desired, where somebody found it already
    """

    contents: str
    desired: Organization
    live: Snapshot
    former: Mapping[Address, Address]
    stated: Mapping[Address, Fields]
    bound: Mapping[Address, str]
    findings: Sequence[Finding]
    unstated: Collection[Address] | None = None


Place = Callable[[Iterable[Finding]], list[Finding]]
Origins = Callable[[Sequence[Change]], Mapping[str, str]]


def plan_of(
    asked: Asked,
    compared: Compared,
    adapter: Adapter,
    *,
    revision: Callable[[], str],
    place: Place,
    origins: Origins,
    findings: Sequence[Finding] = (),
) -> Plan:
    target, watch, live = asked.target, asked.watch, compared.live
    stop_at_errors(place(compared.findings))
    with watch.stage("diff"):
        changes = diff(compared.desired, live, compared.former, today=asked.today, unstated=compared.unstated)
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
            compared.desired,
            live,
            contents=compared.contents,
            target=Target(name=asked.name, adapter=target.adapter, identity=adapter.identity),
            revision=revision(),
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


def _broken(asked: Asked, proposed: Proposed) -> list[Finding]:
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


def _signed(plan: Plan, asked: Asked) -> Plan:
    """Where the settings name a key and the environment has it: the job that applies need not."""
    key = asked.settings.plans.key
    if key is None or not is_set(key, asked.environment):
        return plan
    from orgsync.signing import signed  # noqa: PLC0415

    return signed(plan, expand(key, asked.environment))


def _without(live: Snapshot, gone: set[Address]) -> Snapshot:
    return replace(live, resources={a: fields for a, fields in live.resources.items() if a not in gone})


def _judge(
    asked: Asked,
    compared: Compared,
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


def roles_of(addresses: Iterable[Address]) -> frozenset[Address]:
    return frozenset(of_kind(Kind.ROLE, addresses))
