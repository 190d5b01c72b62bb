"""Decide what must not simply happen: removals that the prune policy holds back, and guards as data.

In: changes, the live and desired resources, the settings. Out: withheld changes, guards, ids of risky changes,
findings. Never: applies, prints, or lets one override silence another; each guard is accepted by its own name.
"""

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from fnmatch import fnmatchcase
from graphlib import CycleError, TopologicalSorter
from itertools import chain

from orgsync.adapter import Capabilities, Foreign, Snapshot
from orgsync.change import Action, Change, Effect
from orgsync.finding import Finding
from orgsync.index import After, Index, Side
from orgsync.plan import Guard
from orgsync.resources import (
    EDGES,
    FIELDS,
    KEY,
    NO_FIELDS,
    SCOPES,
    Address,
    Fields,
    Json,
    Kind,
    Organization,
    key_of,
    kind_of,
    login_of,
    of_kind,
    parts_of,
    references,
)
from orgsync.settings import Limit, Safety

Resources = Mapping[Address, Fields]


def withhold(
    changes: Iterable[Change], live: Snapshot, prune: frozenset[Kind], capabilities: Capabilities
) -> tuple[list[Change], list[Change]]:
    """(kept, withheld): what is not pruned, what the CRM cannot do, and what cannot be done without those."""
    kept: list[Change] = []
    withheld: list[Change] = []
    for change in changes:
        reason = _held_back(change, prune, capabilities)
        (withheld if reason else kept).append(replace(change, reason=reason) if reason else change)
    live.index.edges(
        {login_of(change.address) for change in kept if change.kind in EDGES}
    )  # once for all who ask later
    kept, withheld = _hold_what_lacks(kept, withheld)
    return _hold_what_is_needed(kept, withheld, live.index)


def _held_back(change: Change, prune: frozenset[Kind], capabilities: Capabilities) -> str:
    if change.action not in capabilities.of(change.kind).actions:
        return f"the target cannot {change.action} a {change.kind}"
    if change.action is Action.DELETE and change.kind not in prune:
        return f"prune does not name {change.kind} for this target"
    return ""


def _hold_what_lacks(kept: list[Change], withheld: list[Change]) -> tuple[list[Change], list[Change]]:
    """What refers to something that will not be created cannot be written either."""
    lacking = {change.address for change in withheld if change.action is Action.CREATE}
    new = lacking
    while new:
        lacks = {change.id: missing for change in kept if (missing := _lacks(change, lacking))}
        withheld += [
            replace(change, reason=f"{lacks[change.id]}, which it refers to, is withheld")
            for change in kept
            if change.id in lacks
        ]
        new = {change.address for change in kept if change.id in lacks and change.action is Action.CREATE}
        lacking |= new
        kept = [change for change in kept if change.id not in lacks]
    return kept, withheld


def _lacks(change: Change, lacking: Collection[Address]) -> Address | None:
    if change.after is None:
        return None
    return next((one for one in references(change.address, change.after) if one in lacking), None)


def _hold_what_is_needed(kept: list[Change], withheld: list[Change], live: Index) -> tuple[list[Change], list[Change]]:
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


def _needed(removed: set[Address], kept: Iterable[Change], live: Index) -> dict[Address, Address]:
    """Removed address -> something that will still refer to it."""
    final = {change.address: change for change in kept}
    needed: dict[Address, Address] = {}
    for address in _near(removed, live):
        change, fields = final.get(address), live.resources[address]
        if change is not None and change.action is Action.DELETE:
            continue
        after = {**fields, **(change.after or {})} if change is not None else fields
        for reference in _held(address, after):
            if reference in removed:
                needed[reference] = address
    return needed


def _held(address: Address, fields: Fields) -> list[Address]:
    """A person's unit is left to the membership that it comes with: where that goes, nothing else is in the way."""
    user = kind_of(address) is Kind.USER and "unit" in fields
    return references(address, {name: value for name, value in fields.items() if name != "unit"} if user else fields)


def _near(removed: Collection[Address], live: Index) -> Iterator[Address]:
    """All that may refer to these: of a removed membership only its grants, however many other people there are."""
    if any(kind_of(address) is not Kind.MEMBERSHIP for address in removed):
        for named in live.named.values():
            yield from named
    yield from live.hanging(removed)


def names_taken(changes: Sequence[Change], live: Snapshot, capabilities: Capabilities) -> list[Finding]:
    """A unique name that something foreign or withheld keeps: the CRM would refuse."""
    given_up = {change.address for change in changes if change.before is not None and _frees_name(change)}
    holders: dict[tuple[Kind, Json], Address] = {
        (kind, name): address
        for kind, named in live.index.named.items()
        if kind is not Kind.USER and "name" in capabilities.of(kind).unique
        for address, fields in named.items()
        if (name := fields.get("name")) and address not in given_up
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


def rings(changes: Sequence[Change], live: Snapshot) -> list[Finding]:
    """Parents or inclusions that would run in a ring, with what is not stated and therefore stays as it lives."""
    if not any(_links_own_kind(change) for change in changes):
        return []
    after = live.index.after(changes)
    found: list[Finding] = []
    for kind, name in _OWN_KIND:
        graph = {
            address: [f"{kind}/{key}" for key in _keys(fields.get(name))]
            for address, fields in after.of_kind(kind).items()
        }
        try:
            TopologicalSorter(graph).prepare()
        except CycleError as error:
            found.append(_ring(error.args[1]))
    return found


_OWN_KIND = [(kind, name) for kind, specs in FIELDS.items() for name, spec in specs.items() if spec.to is kind]


def _links_own_kind(change: Change) -> bool:
    return change.after is not None and any(change.after.get(name) for kind, name in _OWN_KIND if kind is change.kind)


def _keys(value: Json) -> list[str]:
    return [value] if isinstance(value, str) else [*map(str, _listed(value))]


def _ring(addresses: Sequence[Address]) -> Finding:
    return Finding(
        code="ring",
        summary="what would live contains itself",
        detail=" → ".join(reversed(addresses)),
        remedy="state the parent (or the inclusions) of each of them",
        address=addresses[0],
    )


def guard(
    changes: Sequence[Change],
    withheld: Sequence[Change],
    live: Snapshot,
    desired: Organization,
    safety: Safety,
    *,
    declared: Resources,
    earlier: Collection[Address] = (),
    acting: str = "",
    accepted: frozenset[str] = frozenset(),
) -> list[Guard]:
    """Every guard that has something to say.

    ``desired`` is what the CRM can express of ``declared``, which alone knows what a CRM has no place for (which roles
    are privileged, what they include). ``earlier``: what runs within the window removed, from the journal; what
    lives again does not count. ``acting``: the login that orgsync runs as.
    """
    found = [
        *guard_again(changes, live, safety, declared=declared, earlier=earlier, acting=acting),
        *_shrunk(live.index, desired.resources, [*changes, *withheld], safety.shrink),
    ]
    return [replace(one, accepted=one.violated and one.name in accepted) for one in found]


def guard_again(
    changes: Sequence[Change],
    live: Snapshot,
    safety: Safety,
    *,
    declared: Resources,
    earlier: Collection[Address] = (),
    acting: str = "",
) -> list[Guard]:
    """The guards that depend on what lives and on past runs: what was fine when a plan was made may not be any more."""
    before, after = live.index, live.index.after(changes)
    past = {address for address in earlier if not before.holds(address)}
    return [
        *_removals(changes, before, safety, past),
        *_emptied(changes, before, after),
        *_groups(changes, before, after, safety, past),
        *_protected(changes, safety.protected),
        *_privileged(before, after, declared, safety),
        *_too_few(before, after, declared),
        *_own_access(changes, before, after, declared, acting),
    ]


def acting_in(live: Snapshot, stated: str | None) -> str:
    """The login that orgsync runs as: what the CRM says, or else the settings."""
    return live.acting or stated or ""


def carried_over(reviewed: Iterable[Guard], again: Iterable[Guard], accepted: frozenset[str]) -> list[Guard]:
    """The guards as they stand now: accepted by name now, or when the plan was made and in the very same words."""
    agreed = {(one.name, one.text) for one in reviewed if one.accepted}
    return [
        replace(one, accepted=one.violated and (one.name in accepted or (one.name, one.text) in agreed))
        for one in again
    ]


def risky(
    changes: Sequence[Change], live: Snapshot, declared: Resources, effects: Iterable[Effect], protected: Sequence[str]
) -> frozenset[str]:
    """Ids of removals, gains of a privileged role, effects that lose something, and whatever touches a guard."""
    after = live.index.after(changes)
    strong = _strong(after, declared, _privileged_roles(live.index, declared))
    ids = {change.id for change in changes if _is_risky(change, after, strong.keys(), protected)}
    return frozenset(ids | {effect.cause for effect in effects if effect.drops})


def _is_risky(change: Change, after: Side, strong: Collection[str], protected: Sequence[str]) -> bool:
    if change.action is Action.DELETE or _is_protected(change, protected):
        return True
    wrote = change.after or NO_FIELDS
    match change.kind:
        case Kind.GRANT:
            return parts_of(change.address)[2] in strong
        case Kind.MEMBERSHIP:
            return any(role in strong for role in _unit_roles(parts_of(change.address)[0], after))
        case Kind.UNIT:
            moved = change.before is not None and "businessUnit" in wrote  # it bounds what data the members see
            return moved or any(str(role) in strong for role in _listed(wrote.get("roles")))
        case Kind.ROLE | Kind.FUNCTION:
            touched = wrote.keys() & {"includes", "functions", "privileges"}
            return "privileged" in wrote or bool(touched and parts_of(change.address)[0] in strong) or _widens(change)
    return False


def _widens(change: Change) -> bool:
    """Whoever holds it already can do more: another action, a wider scope, another role inside."""
    return change.before is not None and change.after is not None and _is_wider(change.after, change.before)


def _is_wider(one: Fields, other: Fields) -> bool:
    had = _reach(other)
    return any(level > had.get(path, 0) for path, level in _reach(one).items())


def _reach(fields: Fields) -> dict[tuple[str, ...], int]:
    """(object, action), (function,) or (role,) -> how far it reaches; what is only listed reaches as far as can be."""
    found: dict[tuple[str, ...], int] = {(str(key),): len(SCOPES) for key in _listed(fields.get("includes"))}
    found |= {(name,): _level(scope) for name, scope in _mapped(fields.get("functions")).items()}
    for thing, actions in _mapped(fields.get("privileges")).items():
        if isinstance(actions, dict):
            found |= {(thing, action): _level(scope) for action, scope in actions.items()}
        else:
            found |= {(thing, str(action)): len(SCOPES) for action in _listed(actions)}
    return found


def _level(scope: Json) -> int:
    return SCOPES.index(scope) if isinstance(scope, str) and scope in SCOPES else len(SCOPES)


def _mapped(value: Json) -> dict[str, Json]:
    return value if isinstance(value, dict) else {}


def _removals(changes: Iterable[Change], live: Index, safety: Safety, past: Collection[Address]) -> list[Guard]:
    removed = Counter(change.kind for change in changes if change.action is Action.DELETE)
    gone = Counter(map(kind_of, past))
    found: list[Guard] = []
    for kind, now in removed.items():
        limit, present = safety.kinds.get(kind, safety.removals), live.counts[kind]
        slices = f"; {now + gone[kind]} in {safety.window.days} days" if gone[kind] else ""
        text = f"removals {now} of {present} {kind}s (limit {limit.share:.0%}, at most {limit.count}{slices})"
        violated = _too_many(now, present, gone[kind], limit, safety.allowance)
        found.append(Guard(name=f"{kind}-removals", text=text, violated=violated))
    return found


def _too_many(now: int, present: int, past: int, limit: Limit, allowance: int) -> bool:
    """Past removals count with today's, so that slicing a removal does not help."""
    total, base = now + past, present + past
    return total > limit.count or (total > allowance and total > limit.share * base)


def _emptied(changes: Iterable[Change], before: Index, after: Side) -> list[Guard]:
    """Of a kind that had more than one, none is left; newcomers do not count."""
    touched = {change.address for change in changes}
    gone = Counter(kind_of(one) for one in touched if before.holds(one) and not after.holds(one))
    return [
        Guard(name=f"{kind}s-emptied", text=f"every {kind} would be removed ({count})", violated=True)
        for kind, count in before.counts.items()
        if count > 1 and gone[kind] == count
    ]


Held = Mapping[str, Collection[str]]
"""Key of a unit or role -> the logins of its members or holders."""
Losses = Mapping[str, tuple[int, int, int]]
"""Key of a unit or role -> how many people it loses, how many it has, how many it will have."""


def _groups(
    changes: Sequence[Change], before: Index, after: After, safety: Safety, past: Collection[Address]
) -> list[Guard]:
    """Members of one unit, holders of one role: what a share of all memberships does not see."""
    removed = {change.address for change in changes if change.action is Action.DELETE}
    units = _over("unit", _members_lost(before, after), _in_past(past, _MEMBERSHIP, 0), safety)
    roles = _over("role", _holders_lost(changes, before, after, safety, past), _in_past(past, _GRANT, 2), safety)
    limit = f"limit {safety.group.share:.0%}, at most {safety.group.count}"
    return [
        Guard(name=name, text=f"{name.replace('-', ' ')} {', '.join(shown)} ({limit})", violated=True)
        for name, over in (("unit-members", units), ("role-holders", roles))
        if (shown := [text for owner, text in over.items() if owner not in removed])  # its removal has its own guard
    ]


_MEMBERSHIP, _GRANT = f"{Kind.MEMBERSHIP}/", f"{Kind.GRANT}/"


def _over(kind: str, losses: Losses, past: Held, safety: Safety) -> dict[Address, str]:
    """Owner -> what it loses, of those that lose too many, or all of several."""
    return {
        f"{kind}/{key}": f"{lost} of {present} in {kind}/{key}"
        for key, (lost, present, left) in sorted(losses.items())
        if lost
        and (
            _too_many(lost, present, len(past.get(key, ())), safety.group, safety.allowance)
            or (present > 1 and not left)
        )
    }


def _in_past(addresses: Iterable[Address], prefix: str, part: int) -> Held:
    found: dict[str, set[str]] = defaultdict(set)
    for parts in (parts_of(address) for address in addresses if address.startswith(prefix)):
        found[parts[part]].add(parts[1])
    return found


def _members_lost(before: Index, after: After) -> Losses:
    gone = Counter(map(_unit_of, of_kind(Kind.MEMBERSHIP, filter(before.holds, after.gone))))
    come = Counter(_unit_of(one) for one in of_kind(Kind.MEMBERSHIP, after.written) if not before.holds(one))
    sizes = before.sizes if gone else {}
    return {unit: (lost, sizes[unit], sizes[unit] - lost + come[unit]) for unit, lost in gone.items()}


def _holders_lost(
    changes: Iterable[Change], before: Index, after: After, safety: Safety, past: Collection[Address]
) -> Losses:
    """Only of those that may lose too many, or all, the holders are counted: that takes a walk over everybody."""
    losing, detached = _losing(changes, before)
    asked = detached | _in_doubt(losing, before, after, safety, _in_past(past, _GRANT, 2))
    had, have = _direct(before, asked), _direct(after, asked)
    return {
        role: (len({*had[role]}.difference(have.get(role, ()))), len(had[role]), len(have.get(role, ())))
        for role in had
    }


def _in_doubt(losing: Held, before: Index, after: After, safety: Safety, past: Held) -> set[str]:
    """Without those of which a single unit or grant shows that they have and keep enough holders."""
    waiting = {
        role
        for role, people in losing.items()
        if len(people) + len(past.get(role, ())) <= min(safety.allowance, safety.group.count)
    }
    found: set[str] = set()
    left = Counter(map(_unit_of, of_kind(Kind.MEMBERSHIP, after.gone)))
    for address, fields in before.of_kind(Kind.UNIT).items() if losing else ():
        unit = key_of(address)
        if (size := before.sizes[unit]) > left[unit]:
            found.update(
                role
                for role in map(str, _listed(fields.get("roles")))
                if role in losing
                and not _too_many(len(losing[role]), size, len(past.get(role, ())), safety.group, safety.allowance)
            )
    waiting -= found
    for grant in before.grants:
        if not waiting:
            break
        if (role := _role_of(grant)) in waiting and grant not in after.gone:
            waiting.discard(role)
            found.add(role)
    return losing.keys() - found


def _members(side: Side, units: Collection[str]) -> Held:
    return {unit: [*map(login_of, edges)] for unit, edges in side.members(units).items()}


def _losing(changes: Iterable[Change], before: Index) -> tuple[Mapping[str, set[str]], set[str]]:
    """Role -> who may stop holding it, revoked or left together with a unit; and roles that are detached from a unit,
    so that it may be anybody in it."""
    found: dict[str, set[str]] = defaultdict(set)
    detached: set[str] = set()
    for change in changes:
        if change.action is Action.DELETE and change.kind is Kind.GRANT:
            found[_role_of(change.address)].add(login_of(change.address))
        elif change.action is Action.DELETE and change.kind is Kind.MEMBERSHIP:
            for role in _unit_roles(_unit_of(change.address), before):
                found[role].add(login_of(change.address))
        elif change.kind is Kind.UNIT and change.before is not None:
            detached.update(map(str, _listed(change.before.get("roles"))))
    return found, detached


def _unit_of(edge: Address) -> str:
    return edge.split("/", 2)[1]


def _role_of(grant: Address) -> str:
    return grant.rpartition("/")[2]


def _direct(side: Side, roles: Collection[str]) -> Held:
    """Who holds one of these roles by a grant or through a unit, inclusion aside."""
    return _holders(side, {role: frozenset({role}) for role in roles})


def _shrunk(live: Index, desired: Resources, changes: Iterable[Change], share: float) -> list[Guard]:
    """A bad merge or a wrong folder: far less is declared than lives, whatever prune says."""
    have = len(live.resources) - live.counts[Kind.USER]
    if not have:
        return []
    if all(address.startswith(_USER) for address in desired):
        return [Guard(name="empty-organization", text=f"nothing is declared, {have} resources live", violated=True)]
    gone = sum(1 for change in changes if change.action is Action.DELETE)
    if gone <= share * have:
        return []
    return [Guard(name="shrunken-organization", text=f"{gone} of {have} resources are not declared", violated=True)]


_USER, _ROLE = f"{Kind.USER}/", f"{Kind.ROLE}/"


def _protected(changes: Iterable[Change], patterns: Sequence[str]) -> list[Guard]:
    touched = [change.address for change in changes if _is_protected(change, patterns)]
    more = f" and {len(touched) - _SHOWN} more" if len(touched) > _SHOWN else ""
    text = f"protected: {', '.join(touched[:_SHOWN])}{more}"
    return [Guard(name="protected", text=text, violated=True)] if touched else []


_SHOWN = 3


def _is_protected(change: Change, patterns: Sequence[str]) -> bool:
    """Under the key that it has today, or the one that it is about to give up."""
    if not patterns:
        return False
    former = (change.before or NO_FIELDS).get(KEY)
    addresses = [change.address] if former is None else [change.address, f"{change.kind}/{former}"]
    return any(fnmatchcase(address, pattern) for address in addresses for pattern in patterns)


def _privileged(before: Index, after: Side, declared: Resources, safety: Safety) -> list[Guard]:
    """People who gain a privileged role, and how many are left who hold one."""
    roles = _privileged_roles(before, declared)
    if not roles:
        return []
    had, have = (_holders(side, _strong(side, declared, roles)) for side in (before, after))
    gained = sum(len({*users}.difference(had.get(role, ()))) for role, users in have.items())
    could, can = (_able(chain(*held.values()), side) for held, side in ((had, before), (have, after)))
    return [
        Guard(
            name="administrators",
            text=f"{len(can)} people hold a privileged role (at least {safety.administrators})",
            violated=len(can) < min(safety.administrators, len(could)),
        ),
        Guard(
            name="privileged-gains",
            text=f"{gained} gains of a privileged role (limit {safety.gains})",
            violated=gained > safety.gains,
        ),
    ]


def _too_few(before: Index, after: Side, declared: Resources) -> list[Guard]:
    """Roles that lose holders and are left with fewer than they must have."""
    least = {
        address.removeprefix(_ROLE): count
        for roles in (after.of_kind(Kind.ROLE), declared)
        for address, fields in roles.items()
        if address.startswith(_ROLE) and (count := _least(fields))
    }
    if not least:
        return []
    had, have = (_holders(side, _strong(side, declared, set(least))) for side in (before, after))
    few = []
    for role, count in sorted(least.items()):
        could, can = (_able(held.get(role, ()), side) for held, side in ((had, before), (have, after)))
        if len(can) < min(count, len(could)):
            few.append(f"role/{role} has {len(can)} of at least {count}")
    return [Guard(name="minimum-holders", text=f"too few holders: {', '.join(few)}", violated=True)] if few else []


def _least(fields: Fields) -> int:
    least = _mapped(fields.get("holders")).get("min")
    return least if isinstance(least, int) else 0


def _own_access(changes: Iterable[Change], before: Index, after: Side, declared: Resources, acting: str) -> list[Guard]:
    """The identity that orgsync runs as must not saw off the branch it sits on."""
    if not acting:
        return []
    had, have = (_held_by(acting, side, declared) for side in (before, after))
    lost = [f"loses role/{role}" for role in sorted(had - have)]
    if not _is_inactive(acting, before) and _is_inactive(acting, after):
        lost.append("is deactivated")
    lost += [
        f"can do less through {c.address}" for c in changes if c.address.removeprefix(_ROLE) in have and _narrows(c)
    ]
    text = f"{acting}, whom orgsync runs as, {', '.join(lost)}"
    return [Guard(name="own-access", text=text, violated=True)] if lost else []


def _held_by(user: str, side: Side, declared: Resources) -> set[str]:
    edges = side.edges([user])[user]
    direct = {parts_of(a)[2] for a in edges if a.startswith(_GRANT)}
    direct.update(role for a in edges if a.startswith(_MEMBERSHIP) for role in _unit_roles(parts_of(a)[0], side))
    return set[str]().union(*(_contained(role, side, declared) for role in direct))


def _narrows(change: Change) -> bool:
    return change.before is not None and change.after is not None and _is_wider(change.before, change.after)


def _able(holders: Iterable[str], side: Side) -> set[str]:
    """Whoever is deactivated holds a role and can do nothing with it."""
    return {user for user in holders if not _is_inactive(user, side)}


def _is_inactive(user: str, side: Side) -> bool:
    return side.fields(f"{_USER}{user}").get("active") is False


def _privileged_roles(live: Index, declared: Resources) -> set[str]:
    return {
        address.removeprefix(_ROLE)
        for roles in (live.of_kind(Kind.ROLE), declared)
        for address, fields in roles.items()
        if address.startswith(_ROLE) and fields.get("privileged") is True
    }


Strong = Mapping[str, frozenset[str]]
"""Role -> the roles of interest that it is or contains; roles without any are left out."""


def _strong(side: Side, declared: Resources, roles: set[str]) -> Strong:
    """A CRM that does not store inclusion is taken to have what is declared."""
    keys = [address.removeprefix(_ROLE) for address in side.of_kind(Kind.ROLE)] if roles else []
    found = {key: reached for key in keys if (reached := roles & _contained(key, side, declared))}
    return {key: frozenset(reached) for key, reached in found.items()}


def _contained(role: str, side: Side, declared: Resources) -> set[str]:
    found: set[str] = set()
    waiting = [role]
    while waiting:
        current = waiting.pop()
        if current not in found:
            found.add(current)
            address = f"{Kind.ROLE}/{current}"
            fields = side.fields(address)
            own = fields if "includes" in fields else declared.get(address, NO_FIELDS)
            waiting.extend(map(str, _listed(own.get("includes"))))
    return found


def _holders(side: Side, strong: Strong) -> Held:
    """Role of interest -> everybody who holds it by a grant or through a unit."""
    found: dict[str, set[str]] = defaultdict(set)
    for role, grants in side.holders(strong).items():
        users = {*map(login_of, grants)}
        for one in strong[role] if users else ():
            found[one] |= users
    given: dict[str, set[str]] = {}
    for address, fields in side.of_kind(Kind.UNIT).items() if strong else ():
        if reached := {one for key in _listed(fields.get("roles")) for one in strong.get(str(key), ())}:
            given[key_of(address)] = reached
    for unit, members in _members(side, given).items():
        for one in given[unit]:
            found[one].update(members)
    return found


def _unit_roles(unit: str, side: Side) -> list[str]:
    return [*map(str, _listed(side.fields(f"{Kind.UNIT}/{unit}").get("roles")))]


def _listed(value: Json) -> list[Json]:
    return value if isinstance(value, list) else []
