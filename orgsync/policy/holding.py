"""Who holds what: separation of duties, terms of privileged roles, numbers of holders.

In: a State. Out: findings. Never: compares every person with every pair of roles; those who hold the same are one.
"""

from collections import Counter, defaultdict
from collections.abc import Collection, Iterator, Mapping
from dataclasses import replace

from orgsync.finding import Finding, Position
from orgsync.policy.state import GRANT, MEMBERSHIP, ROLE, UNIT, USER, RoleSet, State, keys
from orgsync.resources import NO_FIELDS, Fields


def conflicts(state: State) -> Iterator[Finding]:
    """Roles that exclude each other, through includes, through a unit and across units."""
    pairs = sorted(
        {
            (min(role, other), max(role, other))
            for role, fields in state.roles.items()
            for other in keys(fields.get("conflictsWith"))
        }
    )
    found = [
        (user, one, other) for one, other in pairs for user in sorted(_holding_both(state.users_by_roles, one, other))
    ]
    given = _given(state, {user for user, _, _ in found}) if found else {}
    for user, one, other in found:
        yield _conflict(state, given[user], user, one, other)


def _holding_both(users_by_roles: Mapping[RoleSet, list[str]], one: str, other: str) -> Iterator[str]:
    for roles, users in users_by_roles.items():
        if one in roles and other in roles:
            yield from users


_Given = tuple[str, Position | None]
"""(role, where it is given)."""


def _conflict(state: State, given: list[_Given], user: str, one: str, other: str) -> Finding:
    """At the later one of the two statements that give them."""
    first, second = sorted(
        next(n for n, (role, _) in enumerate(given) if end in state.access.roles.chains(role)) for end in (one, other)
    )
    before, after = given[first][1], given[second][1]
    elsewhere = "" if before == after else f"; the first comes from {before}"
    holds = "holds" if state.live else "would hold"
    found = state.tell("conflicting-roles", f"{user} {holds} both {one} and {other}{elsewhere}", f"{USER}{user}")
    return replace(found, position=after)


def _given(state: State, users: Collection[str]) -> Mapping[str, list[_Given]]:
    """What gives these users their roles, in the order of the documents; a unit's role where the user is assigned."""
    given: dict[str, list[_Given]] = defaultdict(list)
    for address in state.resources:
        if address.startswith(MEMBERSHIP):
            _, unit, user = address.split("/")
            if user in users:
                roles = keys(state.resources.get(f"{UNIT}{unit}", NO_FIELDS).get("roles"))
                given[user] += [(role, state.at(address, "user")) for role in roles]
        elif address.startswith(GRANT):
            _, _, user, role = address.split("/")
            if user in users:
                given[user].append((role, state.at(address)))
    return given


def terms(state: State) -> Iterator[Finding]:
    """Whoever gets a privileged role does so until a day, and for a reason."""
    for user, unit, role in state.strong_holdings():
        membership = f"{MEMBERSHIP}{unit}/{user}"
        stated = state.resources.get(membership, NO_FIELDS)
        missing = [name for name in ("until", "reason") if not stated.get(name)]
        if missing:
            yield state.tell(
                "privileged-without-terms",
                f"{user} gets {role} without {' and '.join(missing)}",
                membership,
                remedy=f"add {' and '.join(f'{name}:' for name in missing)} to the assignment",
            )


def numbers(state: State) -> Iterator[Finding]:
    limited = {role: limits(fields) for role, fields in state.roles.items() if fields.get("holders")}
    counts = holders(state) if limited else Counter[str]()
    for role, (least, most) in limited.items():
        count = counts[role]
        if most is not None and count > most:
            yield _number(state, role, "too-many-holders", f"{count} people hold {role}, at most {most} may", "max")
        if count < least and state.complete:
            yield _number(state, role, "too-few-holders", f"{count} people hold {role}, at least {least} must", "min")


def holders(state: State) -> Counter[str]:
    """Role -> people who hold it, each counted once."""
    counts: Counter[str] = Counter()
    for roles, users in state.users_by_roles.items():
        for role in roles:
            counts[role] += len(users)
    return counts


def limits(fields: Fields) -> tuple[int, int | None]:
    """(at least, at most)."""
    stated = fields.get("holders")
    if not isinstance(stated, dict):
        return 0, None
    least, most = stated.get("min"), stated.get("max")
    return least if isinstance(least, int) else 0, most if isinstance(most, int) else None


def _number(state: State, role: str, code: str, detail: str, limit: str) -> Finding:
    return state.tell(code, detail, f"{ROLE}{role}", "holders", limit)
