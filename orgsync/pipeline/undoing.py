"""From what a run did to a sealed plan that takes it back. Reads the CRM and changes nothing."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from functools import partial
from pathlib import Path

from orgsync.adapter import Scope, Snapshot
from orgsync.change import Change, Status
from orgsync.diff import rename
from orgsync.errors import PlanRefused
from orgsync.finding import Finding, Severity
from orgsync.pipeline.past import steps
from orgsync.pipeline.target import read, reading
from orgsync.pipeline.values import Environment
from orgsync.pipeline.weighing import Asked, Compared, plan_of, roles_of
from orgsync.plan import Plan, digest_of_resources
from orgsync.resources import Address, ends_of
from orgsync.revision import revision
from orgsync.settings import Settings
from orgsync.undo import Image, images, undo
from orgsync.watch import Watch


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
    asked = Asked(
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
        compared = Compared(
            contents=digest_of_resources(desired.resources, desired.managed),
            desired=desired,
            live=live,
            former=former,
            stated={**live.resources, **past.roles},
            bound=past.bound,
            findings=[*kept, *live.findings],
        )
        return plan_of(asked, compared, adapter, revision=partial(revision, root), place=list, origins=_from_nowhere)


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


def _roles_in(images: Iterable[Address]) -> frozenset[Address]:
    """Of what a run did: those that it made or changed, and those that it granted."""
    return roles_of([*images, *(end for address in images for end in ends_of(address))])
