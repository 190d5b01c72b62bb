"""Compare the access of two organizations: who gains and who loses what, grouped into sentences.

In: two Access values. Out: an AccessDiff. Never: compares two users who hold the same twice.

A gain is a reach that nothing covered before, a loss one that nothing covers afterwards. A unit that is only on one
side counts as being there on the other one, too, without anybody in it: who sees all below Europe gains nothing by a
new unit below Europe, while a unit that moves there brings its records along.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field

from orgsync.access.effective import Access, Holding
from orgsync.access.forest import Forest
from orgsync.access.roles import Roles, RoleSet
from orgsync.access.values import LEVELS, SUBTREE, AccessDiff, AccessGroup, Privilege, Reach, Shift, reach
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


@dataclass(frozen=True, slots=True)
class _Sentence:
    """What makes two users one group."""

    gain: bool
    roles: tuple[str, ...]
    shifts: tuple[Shift, ...]


_Said = tuple[_Sentence, tuple[str, ...]]
"""A sentence, and the units that grant what it speaks of."""
_Users = dict[str, list[str]]
"""Unit -> users."""


def compare(
    before: Access,
    after: Access,
    *,
    strong: frozenset[str] = frozenset(),
    touched: Mapping[Address, str] | None = None,
    limits: Limits = NO_LIMITS,
    as_declared: bool = False,
) -> AccessDiff:
    """What users gain and lose from ``before`` to ``after``.

    strong    keys of privileged roles
    touched   address -> id of the change that touches it, to name causes
    """
    sides = _Sides(before, after)
    found = _sentences(sides)
    ranked = sorted(found, key=lambda one: _rank(sides, one, found[one], strong))
    gains, losses = [one for one in ranked if one.gain], [one for one in ranked if not one.gain]
    listed = [*gains[: limits.groups], *losses[: limits.groups]]
    return AccessDiff(
        groups=tuple(_group(sides, one, found[one], strong, touched or {}, limits) for one in listed),
        gaining=_people(found[one] for one in gains),
        losing=_people(found[one] for one in losses),
        privileged=_people(found[one] for one in gains if _is_strong(sides, one, strong)),
        more_gains=len(gains) - len(gains[: limits.groups]),
        more_losses=len(losses) - len(losses[: limits.groups]),
        as_declared=as_declared,
    )


def _sentences(sides: "_Sides") -> "dict[_Sentence, _Users]":
    found: dict[_Sentence, _Users] = {}
    had, has = sides.before.holdings, sides.after.holdings
    for user in sorted(had.keys() | has.keys()):
        for sentence, units in sides.said(had.get(user, ()), has.get(user, ())):
            users = found.setdefault(sentence, {})
            for unit in units:
                users.setdefault(unit, []).append(user)
    return found


def _people(groups: "Iterable[_Users]") -> int:
    return len({user for users in groups for user in _all(users)})


def _all(users: _Users) -> set[str]:
    return {user for listed in users.values() for user in listed}


@dataclass(slots=True)
class _Sides:
    """Both organizations in one forest each, and answers that are remembered."""

    before: Access
    after: Access
    forests: tuple[Forest, Forest] = field(init=False)
    entered: Mapping[str, Sequence[str]] = field(init=False)
    left: Mapping[str, Sequence[str]] = field(init=False)
    _tables: dict[tuple[RoleSet, RoleSet], Sequence[_Sentence]] = field(default_factory=dict)
    _levels: dict[tuple[RoleSet, RoleSet], AbstractSet[Privilege]] = field(default_factory=dict)
    _holdings: dict[tuple[Holding, Holding], Sequence[_Said]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.forests = _merged(self.before, self.after), _merged(self.after, self.before)
        self.entered, self.left = _moved(*self.forests), _moved(*reversed(self.forests))

    def said(self, had: Holding, has: Holding) -> Sequence[_Said]:
        """All that is to be said about whoever held the one and holds the other."""
        unit = (had or has)[0][0]
        if len(had) <= 1 and len(has) <= 1 and unit == (has or had)[0][0] and not self._is_moved(unit):
            roles = had[0][1] if had else _NO_ROLES, has[0][1] if has else _NO_ROLES
            if (known := self._tables.get(roles)) is None:
                known = self._tables[roles] = list(self._in_one_unit(*roles))
            return [(sentence, (unit,)) for sentence in known]
        if (said := self._holdings.get((had, has))) is None:
            said = self._holdings[had, has] = list(self._in_many(had, has))
        return said

    def _is_moved(self, unit: str) -> bool:
        return unit in self.entered or unit in self.left

    def _in_one_unit(self, had: RoleSet, has: RoleSet) -> Iterator[_Sentence]:
        one, other = self.before.roles.held(had), self.after.roles.held(has)
        if one == other:
            return
        for gain, roles, known, wanted, against in (
            (True, self.after.roles, has, other, one),
            (False, self.before.roles, had, one, other),
        ):
            by_roles: dict[tuple[str, ...], list[Shift]] = defaultdict(list)
            for privilege, level in wanted.items():
                if level > (less := against.get(privilege, 0)):
                    by_roles[_givers(roles, known, privilege, level)].append(_shift(privilege, level, less))
            yield from (_Sentence(gain, through, _in_order(shifts)) for through, shifts in by_roles.items())

    def _in_many(self, had: Holding, has: Holding) -> Iterator[_Said]:
        """The general case: several units, or one whose place in the forest changed."""
        if wanted := self._in_question(dict(had), dict(has)):
            one, other = _Side(self.before, had, self.forests[0]), _Side(self.after, has, self.forests[1])
            yield from _one_way(wanted, other, one, self.entered, gain=True)
            yield from _one_way(wanted, one, other, self.left, gain=False)

    def _in_question(self, had: Mapping[str, RoleSet], has: Mapping[str, RoleSet]) -> set[Privilege]:
        """Privileges of which some unit gives another level, or reaches other units: of the rest nothing differs."""
        found: set[Privilege] = set()
        for unit in had.keys() | has.keys():
            one, other = had.get(unit, _NO_ROLES), has.get(unit, _NO_ROLES)
            found |= self._differing(one, other)
            if self._is_moved(unit):
                found |= self.before.roles.held(one).keys() | self.after.roles.held(other).keys()
        return found

    def _differing(self, had: RoleSet, has: RoleSet) -> AbstractSet[Privilege]:
        if (known := self._levels.get((had, has))) is None:
            one, other = self.before.roles.held(had), self.after.roles.held(has)
            known = self._levels[had, has] = {privilege for privilege, _ in one.items() ^ other.items()}
        return known


_NO_ROLES: RoleSet = frozenset()


@dataclass(frozen=True, slots=True)
class _Side:
    """One user on one side."""

    access: Access
    holding: Holding
    forest: Forest

    def reaches(self, privilege: Privilege) -> set[Reach]:
        return set(self.access.reaches(self.holding, privilege))

    def givers(self, privilege: Privilege, wanted: Reach) -> tuple[tuple[str, ...], tuple[str, ...]]:
        """(units, roles) of what gives exactly this reach."""
        known = self.access.roles
        found = [
            (unit, roles)
            for unit, roles in self.holding
            if (level := known.held(roles).get(privilege)) and reach(level, unit) == wanted
        ]
        through = {role for _, roles in found for role in _givers(known, roles, privilege, wanted[0])}
        return tuple(unit for unit, _ in found), tuple(sorted(through))


def _one_way(
    wanted: AbstractSet[Privilege], has: _Side, had: _Side, moved: Mapping[str, Sequence[str]], *, gain: bool
) -> Iterator[_Said]:
    """What the one side has and the other has not. ``moved``: unit -> units that are below it only on this side."""
    found: dict[tuple[tuple[str, ...], tuple[str, ...]], list[Shift]] = defaultdict(list)
    for privilege in wanted:
        now, then = has.reaches(privilege), had.reaches(privilege)
        if now == then and not any(unit in moved for _, unit in now):
            continue
        less = max((level for level, _ in then), default=0)
        for one, over in _uncovered(has.forest.least(now), then, had.forest, moved):
            found[has.givers(privilege, one)].append(_shift(privilege, one[0], less, over))
    for (units, roles), shifts in found.items():
        yield _Sentence(gain, roles, _in_order(shifts)), units


def _uncovered(
    reaches: Iterable[Reach], then: set[Reach], forest: Forest, moved: Mapping[str, Sequence[str]]
) -> Iterator[tuple[Reach, str]]:
    """(reach, "") of what nothing covers in that forest; (reach, unit) where it covers a unit that moved below it."""
    for one in reaches:
        if not forest.covers(then, one):
            yield one, ""
        elif one[0] == SUBTREE:
            yield from ((one, unit) for unit in moved.get(one[1], ()) if not forest.covers(then, (SUBTREE, unit)))


def _givers(known: Roles, roles: RoleSet, privilege: Privilege, level: int) -> tuple[str, ...]:
    return tuple(sorted(role for role in roles if known.whole(role).get(privilege) == level))


def _shift(privilege: Privilege, level: int, less: int, over: str = "") -> Shift:
    """``less``: the highest level on the other side, which may be as high elsewhere."""
    return Shift(object=privilege[0], action=privilege[1], scope=LEVELS[level], other=LEVELS[less], over=over)


def _in_order(shifts: Iterable[Shift]) -> tuple[Shift, ...]:
    return tuple(sorted(shifts, key=lambda one: (one.object, one.action, one.scope, one.over)))


def _merged(access: Access, other: Access) -> Forest:
    """The forest of the one, with units that only the other one has where they are there."""
    prefix = f"{Kind.UNIT}/"
    strange = {unit: above for unit, above in other.forest.parents.items() if f"{prefix}{unit}" not in access.resources}
    return Forest(parents={**strange, **access.forest.parents})


def _moved(before: Forest, after: Forest) -> dict[str, list[str]]:
    """Unit -> units that were not below it and now are, each the topmost of what moved along with it."""
    found: dict[str, list[str]] = defaultdict(list)
    for unit in sorted(before.parents.keys() | after.parents.keys()):
        if before.parents.get(unit) != after.parents.get(unit):
            for above in {*after.above(unit)}.difference(before.above(unit)):
                found[above].append(unit)
    return dict(found)


def _rank(sides: "_Sides", one: _Sentence, users: _Users, strong: frozenset[str]) -> tuple[object, ...]:
    """What a reviewer must see first."""
    widest = max(LEVELS.index(shift.scope) for shift in one.shifts)
    text = [(shift.object, shift.action, shift.scope, shift.other, shift.over) for shift in one.shifts]
    return not _is_strong(sides, one, strong), -widest, -_people([users]), one.roles, text


def _is_strong(sides: _Sides, sentence: _Sentence, strong: frozenset[str]) -> bool:
    known = (sides.after if sentence.gain else sides.before).roles
    return bool(strong) and any(not strong.isdisjoint(known.chains(role)) for role in sentence.roles)


def _group(
    sides: _Sides,
    one: _Sentence,
    users: _Users,
    strong: frozenset[str],
    touched: Mapping[Address, str],
    limits: Limits,
) -> AccessGroup:
    everybody = sorted(_all(users))
    causes = _causes(sides, one, users, touched, limits) if touched else {}
    return AccessGroup(
        gain=one.gain,
        privileged=_is_strong(sides, one, strong),
        roles=one.roles,
        privileges=tuple(_foremost(one.shifts)[: limits.privileges]),
        privilege_count=len(one.shifts),
        units={unit: len(users[unit]) for unit in sorted(users)[: limits.units]},
        unit_count=len(users),
        users=tuple(everybody[: limits.users]),
        user_count=len(everybody),
        causes=tuple(causes)[: limits.causes],
    )


def _foremost(shifts: Sequence[Shift]) -> list[Shift]:
    """The widest first, so that what is not listed is the least."""
    return sorted(shifts, key=lambda one: -LEVELS.index(one.scope))


def _causes(
    sides: _Sides, one: _Sentence, users: _Users, touched: Mapping[Address, str], limits: Limits
) -> dict[str, None]:
    """Ids of the changes that this comes from: of as many people as are listed, and of what all of them share."""
    found: dict[str, None] = {}
    everybody = True
    for unit in sorted(users):
        for user in users[unit][: limits.users]:
            at = [f"{Kind.GRANT}/{where}/{user}/{role}" for where in (unit, NO_UNIT) for role in one.roles]
            at += [f"{Kind.MEMBERSHIP}/{unit}/{user}", f"{Kind.USER}/{user}"]
            own = next((touched[address] for address in at if address in touched), None)
            everybody = everybody and own is not None
            found |= {own: None} if own is not None else {}
    if everybody:
        return found
    shared = [f"{Kind.UNIT}/{shift.over}" for shift in one.shifts if shift.over]
    shared += [address for role in one.roles for address in _content(sides, role)]
    shared += [f"{Kind.UNIT}/{unit}" for unit in sorted(users)]
    return dict.fromkeys(touched[address] for address in shared if address in touched) | found


def _content(sides: _Sides, role: str) -> Iterator[Address]:
    """The role, all that it includes and their functions, on either side."""
    for access in (sides.after, sides.before):
        for included in access.roles.chains(role):
            yield f"{Kind.ROLE}/{included}"
            yield from (f"{Kind.FUNCTION}/{key}" for key, _, _ in access.roles.sources(included) if key)
