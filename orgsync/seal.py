"""Make the plan: collect what apply needs and what a reviewer wants, and seal it with its digests.

In: ordered changes and everything around them. Out: a sealed Plan. Never: reads files or the CRM.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from orgsync.access import AccessDiff
from orgsync.adapter import Snapshot
from orgsync.change import Change, Effect
from orgsync.finding import Finding
from orgsync.plan import Guard, Plan, Target
from orgsync.plan import seal as seal_plan
from orgsync.resources import (
    NO_FIELDS,
    NO_UNIT,
    Address,
    Fields,
    Json,
    Kind,
    Organization,
    key_of,
    parts_of,
    references,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """What the safety stage found out about the changes."""

    changes: Sequence[Change]
    withheld: Sequence[Change]
    risky: frozenset[str]
    effects: Sequence[Effect]
    guards: Sequence[Guard]
    findings: Sequence[Finding]


def seal(
    judged: Judged,
    desired: Organization,
    live: Snapshot,
    *,
    contents: str,
    target: Target,
    revision: str,
    settings: Mapping[str, Json],
    origins: Mapping[str, str],
    bound: Mapping[Address, str],
    roles: Mapping[Address, Fields],
    access: AccessDiff,
    as_of: str = "",
    undoes: str = "",
    journal: str = "",
) -> Plan:
    """``roles``: as declared, before anything that the CRM cannot express was folded away."""
    everything = [*judged.changes, *judged.withheld]
    return seal_plan(
        Plan(
            target=target,
            revision=revision,
            contents=contents,
            settings=settings,
            changes=tuple(judged.changes),
            withheld=tuple(judged.withheld),
            risky=judged.risky,
            effects=tuple(judged.effects),
            guards=tuple(judged.guards),
            findings=tuple(judged.findings),
            seen=seen(judged.changes, live),
            roles=_weights(roles),
            origins=origins,
            bound=bound,
            names=_names(everything, desired, live, access),
            seats=live.seats,
            access=access,
            live={str(kind): count for kind, count in live.index.counts.items()},
            as_of=as_of,
            undoes=undoes,
            journal=journal,
        )
    )


def seen(changes: Iterable[Change], live: Snapshot) -> dict[Address, Fields]:
    """The live fields of all that the changes touch or refer to, by address, sorted."""
    met = {address for change in changes for address in _met(change)}
    return {address: live.resources[address] for address in sorted(met) if address in live.resources}


def _weights(roles: Mapping[Address, Fields]) -> dict[Address, Fields]:
    """What the guards ask of a role: whether it is privileged, the roles that it contains, how many must hold it."""
    found = {
        address: {name: fields[name] for name in ("holders", "includes", "privileged") if fields.get(name)}
        for address, fields in roles.items()
        if address.startswith(f"{Kind.ROLE}/")
    }
    return {address: fields for address, fields in sorted(found.items()) if fields}


def _met(change: Change) -> list[Address]:
    return [
        change.address,
        *references(change.address, change.before or NO_FIELDS),
        *references(change.address, change.after or NO_FIELDS),
    ]


def _names(changes: Iterable[Change], desired: Organization, live: Snapshot, access: AccessDiff) -> dict[Address, str]:
    """Display names of what the plan speaks of, where they are more than the key."""
    met = {address for change in changes for address in [*_met(change), *_ends(change.address)]}
    met |= {f"{Kind.UNIT}/{unit}" for group in access.groups for unit in group.units}
    met |= {f"{Kind.UNIT}/{one.over}" for group in access.groups for one in group.privileges if one.over}
    found = {address: _name(address, desired, live) for address in sorted(met)}
    return {address: name for address, name in found.items() if name and name != key_of(address)}


def _ends(address: Address) -> list[Address]:
    kind = address.partition("/")[0]
    if kind not in {Kind.MEMBERSHIP, Kind.GRANT} or parts_of(address)[0] == NO_UNIT:
        return []
    return [f"{Kind.UNIT}/{parts_of(address)[0]}", f"{Kind.USER}/{parts_of(address)[1]}"]


def _name(address: Address, desired: Organization, live: Snapshot) -> str:
    name = desired.resources.get(address, NO_FIELDS).get("name") or live.resources.get(address, NO_FIELDS).get("name")
    return name if isinstance(name, str) else ""
