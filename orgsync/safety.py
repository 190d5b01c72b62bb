"""Decide what must not simply happen: removals that the prune policy holds back, and guards as data.

In: changes, the live and desired resources, the settings. Out: withheld changes, guards, ids of risky changes,
findings. Never: applies, prints, or lets one override silence another; each guard is accepted by its own name.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from fnmatch import fnmatchcase

from orgsync.adapter import Capabilities, Foreign, Snapshot
from orgsync.change import Action, Change, Effect
from orgsync.finding import Finding
from orgsync.plan import Guard
from orgsync.resources import NO_FIELDS, NO_UNIT, Address, Fields, Kind, kind_of, parts_of, references
from orgsync.settings import Limit, Safety

Resources = Mapping[Address, Fields]

_PEOPLE = {Kind.USER, Kind.MEMBERSHIP, Kind.GRANT}


def withhold(
    changes: Iterable[Change], live: Snapshot, prune: frozenset[Kind], capabilities: Capabilities
) -> tuple[list[Change], list[Change]]:
    """(kept, withheld): what is not pruned, what the CRM cannot do, what something else still needs."""
    kept: list[Change] = []
    withheld: list[Change] = []
    for change in changes:
        reason = _held_back(change, prune, capabilities)
        (withheld if reason else kept).append(replace(change, reason=reason) if reason else change)
    return _hold_what_is_needed(kept, withheld, live.resources)


def _held_back(change: Change, prune: frozenset[Kind], capabilities: Capabilities) -> str:
    if change.action not in capabilities.of(change.kind).actions:
        return f"the target cannot {change.action} a {change.kind}"
    if change.action is Action.DELETE and change.kind not in prune:
        return f"prune does not name {change.kind} for this target"
    return ""


def _hold_what_is_needed(
    kept: list[Change], withheld: list[Change], live: Resources
) -> tuple[list[Change], list[Change]]:
    """A CRM does not delete what something else still refers to; such a removal waits for a later plan."""
    while True:
        removed = {change.address for change in kept if change.action is Action.DELETE and change.kind not in _LEAVES}
        needed = _needed(removed, kept, live) if removed else {}
        if not needed:
            return kept, withheld
        withheld += [
            replace(change, reason=f"{needed[change.address]} still refers to it")
            for change in kept
            if change.action is Action.DELETE and change.address in needed
        ]
        kept = [change for change in kept if change.action is not Action.DELETE or change.address not in needed]


_LEAVES = {Kind.GRANT, Kind.USER}


def _needed(removed: set[Address], kept: Iterable[Change], live: Resources) -> dict[Address, Address]:
    """Removed address -> something that will still refer to it."""
    final = {change.address: change for change in kept}
    needed: dict[Address, Address] = {}
    for address, fields in live.items():
        change = final.get(address)
        if change is not None and change.action is Action.DELETE:
            continue
        after = {**fields, **(change.after or {})} if change is not None else fields
        for reference in removed.intersection(references(address, after)):
            needed[reference] = address
    return needed


def names_taken(changes: Sequence[Change], live: Snapshot, capabilities: Capabilities) -> list[Finding]:
    """A unique name that something foreign or withheld keeps: the CRM would refuse."""
    given_up = {change.address for change in changes if change.before is not None and _frees_name(change)}
    holders = {
        (kind_of(address), name): address
        for address, fields in live.resources.items()
        if (kind := kind_of(address)) not in _PEOPLE
        and "name" in capabilities.of(kind).unique
        and (name := fields.get("name"))
        and address not in given_up
    }
    foreign = {(thing.kind, thing.name): thing for thing in live.foreign}
    return [
        finding
        for change in changes
        if "name" in capabilities.of(change.kind).unique and (name := (change.after or NO_FIELDS).get("name"))
        for finding in _taken(
            change, str(name), holders.get((change.kind, name)), foreign.get((change.kind, str(name)))
        )
    ]


def _frees_name(change: Change) -> bool:
    return change.action is Action.DELETE or "name" in (change.after or NO_FIELDS)


def _taken(change: Change, name: str, holder: Address | None, foreign: Foreign | None) -> list[Finding]:
    if holder in {None, change.address} and foreign is None:
        return []
    who = (
        holder if holder is not None else f"something that orgsync does not manage (id {foreign.id if foreign else ''})"
    )
    return [
        Finding(
            code="name-taken",
            summary="the name is taken in the target",
            detail=f'"{name}" is the name of {who}',
            remedy="choose another name, rename the other one in the CRM, or let orgsync remove it (prune)",
            address=change.address,
        )
    ]


def guard(
    changes: Sequence[Change],
    live: Snapshot,
    desired: Resources,
    safety: Safety,
    *,
    earlier: Mapping[Kind, int],
    accepted: frozenset[str],
) -> list[Guard]:
    """Every guard that has something to say; ``earlier``: removals per kind within the window, from the journal."""
    before, after = live.resources, _after(changes, live.resources)
    found = [
        *_removals(changes, before, safety, earlier),
        *_emptied(before, after),
        *_groups(changes, before, safety),
        *_shrunk(before, desired, safety.shrink),
        *_protected(changes, safety.protected),
        *_privileged(before, after, safety),
    ]
    return [replace(one, accepted=one.violated and one.name in accepted) for one in found]


def violations(guards: Iterable[Guard]) -> list[Finding]:
    return [
        Finding(
            code=one.name,
            summary="a guard refuses this plan",
            detail=one.text,
            remedy=f"if this is meant, review it and repeat with --accept {one.name}",
        )
        for one in guards
        if one.violated and not one.accepted
    ]


def risky(
    changes: Sequence[Change], live: Resources, desired: Resources, effects: Iterable[Effect], protected: Sequence[str]
) -> frozenset[str]:
    """Ids of removals, gains of a privileged role, effects that lose something, and whatever touches a guard."""
    privileged = _privileged_roles(live) | _privileged_roles(desired)
    ids = {change.id for change in changes if _is_risky(change, privileged, protected)}
    return frozenset(ids | {effect.cause for effect in effects if effect.drops})


def _is_risky(change: Change, privileged: set[str], protected: Sequence[str]) -> bool:
    if change.action is Action.DELETE or any(fnmatchcase(change.address, pattern) for pattern in protected):
        return True
    if change.kind is Kind.GRANT:
        return parts_of(change.address)[2] in privileged
    after = change.after or NO_FIELDS
    gained = after.get("roles")
    return "privileged" in after or (isinstance(gained, list) and not privileged.isdisjoint(map(str, gained)))


def _after(changes: Iterable[Change], live: Resources) -> Resources:
    result = dict(live)
    for change in changes:
        if change.action is Action.DELETE:
            result.pop(change.address, None)
        else:
            result[change.address] = {**result.get(change.address, NO_FIELDS), **(change.after or NO_FIELDS)}
    return result


def _count(addresses: Iterable[Address]) -> Counter[str]:
    return Counter(address.partition("/")[0] for address in addresses)


def _removals(changes: Iterable[Change], live: Resources, safety: Safety, earlier: Mapping[Kind, int]) -> list[Guard]:
    removed = Counter(change.kind for change in changes if change.action is Action.DELETE)
    present = _count(live)
    return [
        _limit(
            f"{kind}-removals",
            f"removals {now} of {present[kind]} {kind}s",
            now,
            present[kind],
            safety.kinds.get(kind, safety.removals),
            safety.allowance,
            past=earlier.get(kind, 0),
            days=safety.window.days,
        )
        for kind, now in removed.items()
    ]


def _limit(
    name: str, what: str, now: int, present: int, limit: Limit, allowance: int, *, past: int = 0, days: int = 0
) -> Guard:
    """Past removals count with today's, so that slicing a removal does not help."""
    total, base = now + past, present + past
    too_many = total > limit.count or (total > allowance and total > limit.share * base)
    slices = f"; {total} in {days} days" if past else ""
    return Guard(name=name, text=f"{what} (limit {limit.share:.0%}, at most {limit.count}{slices})", violated=too_many)


def _emptied(before: Resources, after: Resources) -> list[Guard]:
    had, has = _count(before), _count(after)
    return [
        Guard(name=f"{kind}s-emptied", text=f"every {kind} would be removed ({had[kind]})", violated=True)
        for kind in had
        if had[kind] > 1 and not has[kind]
    ]


def _groups(changes: Iterable[Change], live: Resources, safety: Safety) -> list[Guard]:
    """Members of one unit, holders of one role: what a share of all memberships does not see."""
    removed = {change.address for change in changes if change.action is Action.DELETE}
    return [
        *_group("unit-members", Kind.MEMBERSHIP, 0, removed, live, safety),
        *_group("role-holders", Kind.GRANT, 2, removed, live, safety),
    ]


def _group(name: str, kind: Kind, part: int, removed: set[Address], live: Resources, safety: Safety) -> list[Guard]:
    """One guard for all groups over the limit; ``part`` of the address names the group. A group that goes away
    as a whole is the removal of that unit or role, which has its own guard."""
    of_kind = f"{kind}/"
    gone = Counter(parts_of(address)[part] for address in removed if address.startswith(of_kind))
    if not gone:
        return []
    present = Counter(parts_of(address)[part] for address in live if address.startswith(of_kind))
    owner = Kind.UNIT if part == 0 else Kind.ROLE
    over = [
        f"{count} of {present[key]} in {owner}/{key}"
        for key, count in sorted(gone.items())
        if f"{owner}/{key}" not in removed
        and (count > safety.group.count or (count > safety.allowance and count > safety.group.share * present[key]))
    ]
    limit = f"limit {safety.group.share:.0%}, at most {safety.group.count}"
    return (
        [Guard(name=name, text=f"{name.replace('-', ' ')} {', '.join(over)} ({limit})", violated=True)] if over else []
    )


def _shrunk(live: Resources, desired: Resources, share: float) -> list[Guard]:
    """A bad merge or a wrong folder: far less is declared than lives, whatever prune says."""
    have = sum(1 for address in live if kind_of(address) is not Kind.USER)
    want = sum(1 for address in desired if kind_of(address) is not Kind.USER)
    if not have:
        return []
    if not want:
        return [Guard(name="empty-organization", text=f"nothing is declared, {have} resources live", violated=True)]
    gone = sum(1 for address in live if kind_of(address) is not Kind.USER and address not in desired)
    if gone <= share * have:
        return []
    return [Guard(name="shrunken-organization", text=f"{gone} of {have} resources are not declared", violated=True)]


def _protected(changes: Iterable[Change], patterns: Sequence[str]) -> list[Guard]:
    touched = [c.address for c in changes if any(fnmatchcase(c.address, pattern) for pattern in patterns)]
    more = f" and {len(touched) - 3} more" if len(touched) > _SHOWN else ""
    text = f"protected: {', '.join(touched[:_SHOWN])}{more}"
    return [Guard(name="protected", text=text, violated=True)] if touched else []


_SHOWN = 3


def _privileged(before: Resources, after: Resources, safety: Safety) -> list[Guard]:
    """People who gain a privileged role, and how many are left who hold one."""
    roles = _privileged_roles(after) | _privileged_roles(before)
    if not roles:
        return []
    had, have = _holders(before, roles), _holders(after, roles)
    gained = have - had
    left = {user for user, _ in have}
    fewer = len(left) < safety.administrators and len({user for user, _ in had}) >= safety.administrators
    return [
        Guard(
            name="administrators",
            text=f"{len(left)} people hold a privileged role (at least {safety.administrators})",
            violated=fewer,
        ),
        Guard(
            name="privileged-gains",
            text=f"{len(gained)} gains of a privileged role (limit {safety.gains})",
            violated=len(gained) > safety.gains,
        ),
    ]


def _privileged_roles(resources: Resources) -> set[str]:
    prefix = f"{Kind.ROLE}/"
    return {
        address.removeprefix(prefix)
        for address, fields in resources.items()
        if address.startswith(prefix) and fields.get("privileged") is True
    }


def _holders(resources: Resources, roles: set[str]) -> set[tuple[str, str]]:
    """(login, role) of everybody who holds one of these roles by a grant or through a unit; includes count too."""
    reach = {role: _including(role, resources) for role in roles}
    holding = defaultdict(set)
    for role, carriers in reach.items():
        for carrier in carriers:
            holding[carrier].add(role)
    found: set[tuple[str, str]] = set()
    for address in resources:
        kind, *parts = address.split("/")
        if kind == Kind.GRANT:
            found.update((parts[1], role) for role in holding.get(parts[2], ()))
        elif kind == Kind.MEMBERSHIP and parts[0] != NO_UNIT:
            attached = resources.get(f"{Kind.UNIT}/{parts[0]}", NO_FIELDS).get("roles")
            keys = attached if isinstance(attached, list) else []
            found.update((parts[1], role) for key in keys for role in holding.get(str(key), ()))
    return found


def _including(role: str, resources: Resources) -> set[str]:
    """The role and every role that includes it, however deep."""
    found, prefix = {role}, f"{Kind.ROLE}/"
    while True:
        more = {
            address.removeprefix(prefix)
            for address, fields in resources.items()
            if address.startswith(prefix)
            and isinstance(includes := fields.get("includes"), list)
            and not found.isdisjoint(map(str, includes))
        }
        if more <= found:
            return found
        found |= more
