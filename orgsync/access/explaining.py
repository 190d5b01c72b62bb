"""Why a user can do something, and who can.

In: an Access. Out: allowances with their paths. Never: lists every chain of inclusions between two roles; the shortest
one says why.
"""

from collections.abc import Callable, Iterator, Mapping

from orgsync.access.effective import Access, Holding, has_ended
from orgsync.access.roles import Roles
from orgsync.access.values import LEVELS, ORGANIZATION, OWN, SUBTREE, UNKNOWN, Allowance, Path, Privilege, Reaches
from orgsync.resources import NO_UNIT, Address, Kind

_Source = tuple[Privilege, int, tuple[Address, ...]]
"""What a role allows, how far, and the addresses from the role to where that is stated."""


def allowances(access: Access, user: str, privilege: Privilege | None = None) -> list[Allowance]:
    """Everything that the user can do, or this one thing and what is unknown; by object and action."""
    holding = access.holdings.get(user, ())
    found = access.reached(holding)
    wanted = sorted(one for one in found if privilege is None or one == privilege or one[0] == UNKNOWN)
    trails = _trails(access.roles)
    return [_allowance(access, user, holding, one, found[one], trails) for one in sorted(wanted, key=_known_first)]


def who_can(
    access: Access, privilege: Privilege, *, scope: str = LEVELS[OWN], unit: str | None = None
) -> list[Allowance]:
    """Whoever can do it at least that far, and in that unit; last those of whom nobody knows. By scope, then by login.

    ``unit``: what reaches the records of this unit, from within it or from above.
    """
    least, trails, found = LEVELS.index(scope), _trails(access.roles), list[Allowance]()
    for user in sorted(access.holdings):
        whole = access.holdings[user]
        holding = whole if unit is None else _reaching(access, whole, privilege, unit)
        if max((access.roles.held(roles).get(privilege, 0) for _, roles in holding), default=0) >= least:
            found.append(_allowance(access, user, holding, privilege, _least(access, holding, privilege), trails))
        else:
            held = {one for _, roles in whole for one in access.roles.held(roles) if one[0] == UNKNOWN}
            found += [_allowance(access, user, whole, one, _least(access, whole, one), trails) for one in sorted(held)]
    return sorted(found, key=lambda one: (one.object == UNKNOWN, -LEVELS.index(one.scope)))


def _known_first(privilege: Privilege) -> tuple[bool, Privilege]:
    return privilege[0] == UNKNOWN, privilege


def _reaching(access: Access, holding: Holding, privilege: Privilege, unit: str) -> Holding:
    """The part of a holding that reaches the records of a unit; where the CRM knows no unit it may."""
    above = {*access.forest.above(unit)}

    def reaches_it(where: str, level: int) -> bool:
        here = where in {unit, NO_UNIT}
        return bool(level) and (here or level >= ORGANIZATION or (level == SUBTREE and where in above))

    return tuple(
        (where, roles) for where, roles in holding if reaches_it(where, access.roles.held(roles).get(privilege, 0))
    )


def _least(access: Access, holding: Holding, privilege: Privilege) -> Reaches:
    return access.forest.least(access.reaches(holding, privilege))


def _allowance(
    access: Access, user: str, holding: Holding, privilege: Privilege, reaches: Reaches, trails: "_Trails"
) -> Allowance:
    return Allowance(
        user=user,
        object=privilege[0],
        action=privilege[1],
        scope=LEVELS[reaches[0][0]],
        reaches=tuple((LEVELS[level], unit) for level, unit in reaches),
        paths=tuple(_paths(access, user, holding, privilege, trails)),
    )


_Trails = Callable[[str], Mapping[Privilege, list[_Source]]]


def _trails(roles: Roles) -> _Trails:
    """Role -> privilege -> its sources within the role; each role is walked once."""
    known: dict[str, Mapping[Privilege, list[_Source]]] = {}

    def of(role: str) -> Mapping[Privilege, list[_Source]]:
        if role not in known:
            found: dict[Privilege, list[_Source]] = {}
            for one in _sources(roles, role):
                found.setdefault(one[0], []).append(one)
            known[role] = found
        return known[role]

    return of


def _sources(roles: Roles, role: str) -> Iterator[_Source]:
    for included, chain in roles.chains(role).items():
        steps = tuple(f"{Kind.ROLE}/{one}" for one in chain)
        for function, privilege, level in roles.sources(included):
            if level:
                yield privilege, level, (*steps, f"{Kind.FUNCTION}/{function}") if function else steps


def _paths(access: Access, user: str, holding: Holding, privilege: Privilege, trails: _Trails) -> Iterator[Path]:
    """The widest first, as they are held otherwise."""
    found = [
        (level, Path(steps=(*start, *steps), scope=LEVELS[level], unit="" if unit == NO_UNIT else unit))
        for unit, roles in holding
        for role in sorted(roles)
        for _, level, steps in trails(role).get(privilege, ())
        for start in _starts(access, user, unit, role)
    ]
    yield from (path for _, path in sorted(found, key=lambda one: -one[0]))


def _starts(access: Access, user: str, unit: str, role: str) -> Iterator[tuple[Address, ...]]:
    """From the user to the role: through the membership whose unit gives it, and through a grant."""
    me, there = f"{Kind.USER}/{user}", f"{Kind.UNIT}/{unit}"
    given = access.resources.get(there, {}).get("roles")
    membership = f"{Kind.MEMBERSHIP}/{unit}/{user}"
    if isinstance(given, list) and role in given and _lasts(access, membership):
        yield me, membership, there
    for where in (unit, NO_UNIT):
        grant = f"{Kind.GRANT}/{where}/{user}/{role}"
        if _lasts(access, grant):
            yield (me, grant, there) if unit != NO_UNIT else (me, grant)


def _lasts(access: Access, address: Address) -> bool:
    return address in access.resources and not has_ended(access.resources[address], access.today)
