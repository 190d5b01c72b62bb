"""Compare the access of two organizations: who gains and who loses what, grouped into sentences.

In: two Access values. Out: an AccessDiff. Never: cuts without counting.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from orgsync.access.effective import Access
from orgsync.access.shifts import Sentence, Sides
from orgsync.access.values import LEVELS, AccessDiff, AccessGroup, Shift
from orgsync.resources import NO_UNIT, Address, Kind


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """How much is listed; None for everything."""

    groups: int | None = 150
    users: int | None = 50
    privileges: int | None = 50
    units: int | None = 50
    causes: int | None = 20


LISTED = Limits()
NO_LIMITS = Limits(groups=None, users=None, privileges=None, units=None, causes=None)


Touched = Callable[[Address], str | None]
"""Address -> id of the change that touches it."""
_Users = dict[str, list[str]]
"""Unit -> users."""


def compare(
    before: Access,
    after: Access,
    *,
    strong: frozenset[str] = frozenset(),
    touched: Touched | None = None,
    limits: Limits = NO_LIMITS,
    as_declared: bool = False,
) -> AccessDiff:
    """What users gain and lose from ``before`` to ``after``.

    strong    keys of privileged roles
    touched   to name causes
    """
    sides = Sides(before, after)
    found = _sentences(sides)
    ranked = sorted(found, key=lambda one: _rank(sides, one, found[one], strong))
    gains, losses = [one for one in ranked if one.gain], [one for one in ranked if not one.gain]
    listed = [*gains[: limits.groups], *losses[: limits.groups]]
    return AccessDiff(
        groups=tuple(_group(sides, one, found[one], strong, touched, limits) for one in listed),
        gaining=_people(found[one] for one in gains),
        losing=_people(found[one] for one in losses),
        privileged=_people(found[one] for one in gains if _is_strong(sides, one, strong)),
        more_gains=len(gains) - len(gains[: limits.groups]),
        more_losses=len(losses) - len(losses[: limits.groups]),
        as_declared=as_declared,
    )


def _sentences(sides: Sides) -> dict[Sentence, _Users]:
    found: dict[Sentence, _Users] = {}
    had, has = sides.before.holdings, sides.after.holdings
    for user in sorted(had.keys() | has.keys()):
        for sentence, units in sides.said(had.get(user, ()), has.get(user, ())):
            users = found.setdefault(sentence, {})
            for unit in units:
                users.setdefault(unit, []).append(user)
    return found


def _people(groups: Iterable[_Users]) -> int:
    listed = [users for group in groups for users in group.values()]
    return len(listed[0]) if len(listed) == 1 else len(set().union(*listed))


def _all(users: _Users) -> set[str]:
    return {user for listed in users.values() for user in listed}


def _rank(sides: Sides, one: Sentence, users: _Users, strong: frozenset[str]) -> tuple[object, ...]:
    """What a reviewer must see first."""
    widest = max(level for _, _, level, _, _ in one.turns)
    return not _is_strong(sides, one, strong), -widest, -_people([users]), one.roles, one.turns


def _is_strong(sides: Sides, sentence: Sentence, strong: frozenset[str]) -> bool:
    known = (sides.after if sentence.gain else sides.before).roles
    return bool(strong) and any(not strong.isdisjoint(known.chains(role)) for role in sentence.roles)


def _group(
    sides: Sides,
    one: Sentence,
    users: _Users,
    strong: frozenset[str],
    touched: Touched | None,
    limits: Limits,
) -> AccessGroup:
    everybody = sorted(_all(users))
    causes = _causes(sides, one, users, touched, limits) if touched is not None else {}
    return AccessGroup(
        gain=one.gain,
        privileged=_is_strong(sides, one, strong),
        roles=one.roles,
        privileges=_shifts(one, limits.privileges),
        privilege_count=len(one.turns),
        units={unit: len(users[unit]) for unit in sorted(users)[: limits.units]},
        unit_count=len(users),
        users=tuple(everybody[: limits.users]),
        user_count=len(everybody),
        causes=tuple(causes)[: limits.causes],
    )


def _shifts(sentence: Sentence, most: int | None) -> tuple[Shift, ...]:
    """The widest first, so that what is not listed is the least."""
    ordered = sorted(sentence.turns, key=lambda turn: -turn[2])
    return tuple(
        Shift(object=thing, action=action, scope=LEVELS[level], other=LEVELS[less], over=over)
        for thing, action, level, less, over in ordered[:most]
    )


def _causes(sides: Sides, one: Sentence, users: _Users, touched: Touched, limits: Limits) -> dict[str, None]:
    """Ids of the changes that this comes from: of as many people as are listed, and of what all of them share."""
    found: dict[str, None] = {}
    everybody = True
    for unit in sorted(users):
        for user in users[unit][: limits.users]:
            at = [f"{Kind.GRANT}/{where}/{user}/{role}" for where in (unit, NO_UNIT) for role in one.roles]
            at += [f"{Kind.MEMBERSHIP}/{unit}/{user}", f"{Kind.USER}/{user}"]
            own = next(filter(None, map(touched, at)), None)
            everybody = everybody and own is not None
            found |= {own: None} if own is not None else {}
    if everybody:
        return found
    shared = [f"{Kind.UNIT}/{over}" for *_, over in one.turns if over]
    shared += [address for role in one.roles for address in _content(sides, role)]
    shared += [f"{Kind.UNIT}/{unit}" for unit in sorted(users)]
    return dict.fromkeys(filter(None, map(touched, shared))) | found


def _content(sides: Sides, role: str) -> Iterator[Address]:
    """The role, all that it includes and their functions, on either side."""
    for access in (sides.after, sides.before):
        for included in access.roles.chains(role):
            yield f"{Kind.ROLE}/{included}"
            yield from (f"{Kind.FUNCTION}/{key}" for key, _, _ in access.roles.sources(included) if key)
