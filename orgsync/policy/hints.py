"""Hints at less privilege: what nobody needs, or what could be said more simply.

In: a State. Out: findings that stop nothing, and are given only where somebody asks. Never: tells as a hint what is
already told as a fault.
"""

from collections import Counter, defaultdict
from collections.abc import Collection, Iterator

from orgsync.access import UNKNOWN
from orgsync.finding import Finding
from orgsync.policy.holding import holders
from orgsync.policy.state import GRANT, MEMBERSHIP, ROLE, UNIT, USER, State, keys
from orgsync.resources import NO_FIELDS, NO_UNIT, Address, Kind


def hints(state: State, told: Collection[Address] = ()) -> Iterator[Finding]:
    """``told``: memberships that a fault about privileged access is already told of."""
    if state.complete:
        yield from _unheld(state)
    yield from _contained(state)
    yield from _shared(state)
    yield from _without_end(state, told)
    if state.live:
        yield from _deactivated(state)


def _unheld(state: State) -> Iterator[Finding]:
    counts = holders(state)
    for role in state.roles:
        if not counts[role]:
            yield state.tell("role-without-holders", role, f"{ROLE}{role}", "key")


def _contained(state: State) -> Iterator[Finding]:
    """Each role once, with the smallest one that allows all of it without including it."""
    known = state.access.roles
    tables = {role: table for role in state.roles if (table := known.whole(role)) and (UNKNOWN, role) not in table}
    by_size = sorted(tables, key=lambda role: len(tables[role]))
    for role, table in tables.items():
        for other in by_size:
            larger = tables[other]
            if len(larger) < len(table) or other == role or role in known.chains(other) or other in known.chains(role):
                continue
            if all(larger.get(privilege, 0) >= level for privilege, level in table.items()):
                yield state.tell("role-within-another", f"{role} within {other}", f"{ROLE}{role}", "key")
                break


def _shared(state: State) -> Iterator[Finding]:
    """Of units with several members; never a privileged role, which whoever joins later would get unasked."""
    members: Counter[str] = Counter()
    given: dict[str, Counter[str]] = defaultdict(Counter)
    for address in state.resources:
        if address.startswith(MEMBERSHIP):
            members[address.split("/")[1]] += 1
        elif address.startswith(GRANT):
            _, unit, _, role = address.split("/")
            given[unit][role] += 1
    for unit, roles in given.items():
        attached = keys(state.resources.get(f"{UNIT}{unit}", NO_FIELDS).get("roles"))
        for role, count in roles.items():
            strong = state.privileged & state.whole(frozenset({role}))
            if count == members[unit] > 1 and unit != NO_UNIT and role not in attached and not strong:
                detail = f"all {count} members of {unit} hold {role}"
                yield state.tell("role-of-all-members", detail, f"{UNIT}{unit}", "key")


def _without_end(state: State, told: Collection[Address]) -> Iterator[Finding]:
    for user, unit, role in state.strong_holdings():
        membership = f"{MEMBERSHIP}{unit}/{user}"
        if membership not in told and not state.resources.get(membership, NO_FIELDS).get("until"):
            yield state.tell("privileged-without-end", f"{user} holds {role} in {unit}", membership)


def _deactivated(state: State) -> Iterator[Finding]:
    inactive = {user for user, fields in state.of(Kind.USER).items() if fields.get("active") is False}
    units: dict[str, list[str]] = defaultdict(list)
    for address in state.resources if inactive else ():
        if address.startswith(MEMBERSHIP) and (parts := address.split("/"))[2] in inactive:
            units[parts[2]].append(parts[1])
    for user, where in units.items():
        yield state.tell("deactivated-member", f"{user} in {', '.join(where)}", f"{USER}{user}")
