"""What one user gains and loses between two organizations.

In: two Access values, what a user holds in each. Out: sentences, equal for all of whom the same is to be said.
Never: compares twice what is held in the same way, or looks at a privilege that no change could have touched.

A gain is a reach that nothing covered before, a loss one that nothing covers afterwards. A unit that is only on one
side counts as being there on the other one, too, without anybody in it: who sees all below Europe gains nothing by a
new unit below Europe, while a unit that moves there brings its records along.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from typing import NamedTuple

from orgsync.access.effective import Access, Holding
from orgsync.access.forest import Forest
from orgsync.access.roles import Roles, RoleSet, Table
from orgsync.access.values import SUBTREE, UNIT, Privilege, Reach
from orgsync.resources import Kind

Turn = tuple[str, str, int, int, str]
"""(object, action, level, level on the other side, unit that moved): a Shift that is quickly compared."""


class Sentence(NamedTuple):
    """What makes two users one group."""

    gain: bool
    roles: tuple[str, ...]
    turns: tuple[Turn, ...]


Said = tuple[Sentence, tuple[str, ...]]
"""A sentence, and the units that grant what it speaks of."""
_NO_ROLES: RoleSet = frozenset()


@dataclass(slots=True)
class Sides:
    """Both organizations in one forest each, and answers that are remembered.

    entered, left   unit -> units that are below it only after, only before
    turned          role -> the privileges that it allows in another way than it did
    """

    before: Access
    after: Access
    forests: tuple[Forest, Forest] = field(init=False)
    entered: Mapping[str, Sequence[str]] = field(init=False)
    left: Mapping[str, Sequence[str]] = field(init=False)
    turned: Mapping[str, AbstractSet[Privilege]] = field(init=False)
    _tables: dict[tuple[RoleSet, RoleSet], Sequence[Sentence]] = field(default_factory=dict)
    _levels: dict[tuple[RoleSet, RoleSet], AbstractSet[Privilege]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.forests = _merged(self.before, self.after), _merged(self.after, self.before)
        self.entered, self.left = _moved(*self.forests), _moved(*reversed(self.forests))
        self.turned = _turned(self.before.roles, self.after.roles)

    def said(self, had: Holding, has: Holding) -> Sequence[Said]:
        """All that is to be said about whoever held the one and holds the other."""
        if had == has and not (self.turned or self.entered or self.left):
            return ()
        unit = (had or has)[0][0]
        if len(had) > 1 or len(has) > 1 or unit != (has or had)[0][0] or self._is_moved(unit):
            return list(self._in_many(had, has))
        roles = had[0][1] if had else _NO_ROLES, has[0][1] if has else _NO_ROLES
        if (known := self._tables.get(roles)) is None:
            known = self._tables[roles] = list(self._in_one_unit(*roles))
        return [(sentence, (unit,)) for sentence in known]

    def _is_moved(self, unit: str) -> bool:
        return unit in self.entered or unit in self.left

    def _in_one_unit(self, had: RoleSet, has: RoleSet) -> Iterator[Sentence]:
        """Where there is one unit alone, the higher level covers the lower one."""
        one, other = self.before.roles.held(had), self.after.roles.held(has)
        yield from _above(self.after.roles, has, other, one, gain=True)
        yield from _above(self.before.roles, had, one, other, gain=False)

    def _in_many(self, had: Holding, has: Holding) -> Iterator[Said]:
        """The general case: several units, or one whose place in the forest changed."""
        old, new = dict(had), dict(has)
        apart = {unit for unit in old.keys() | new.keys() if self._is_apart(unit, old.get(unit), new.get(unit))}
        if wanted := self._in_question(apart, old, new):
            alike = [one for one in had if one[0] not in apart]
            shared = _given(self.before.roles, alike, wanted, {})
            one = _side(self.before, old, self.forests[0], wanted, apart, shared)
            other = _side(self.after, new, self.forests[1], wanted, apart, shared)
            yield from _one_way(wanted, other, one, self.entered, gain=True)
            yield from _one_way(wanted, one, other, self.left, gain=False)

    def _is_apart(self, unit: str, had: RoleSet | None, has: RoleSet | None) -> bool:
        """Whether the unit may give something else: what all others give is worked out once for both sides."""
        return had != has or self._is_moved(unit) or not self.turned.keys().isdisjoint(has or _NO_ROLES)

    def _in_question(
        self, apart: Iterable[str], had: Mapping[str, RoleSet], has: Mapping[str, RoleSet]
    ) -> set[Privilege]:
        """Privileges of which some unit gives another level, or reaches other units: of the rest nothing differs."""
        found: set[Privilege] = set()
        for unit in apart:
            one, other = had.get(unit, _NO_ROLES), has.get(unit, _NO_ROLES)
            found |= self._differing(one, other)
            if self._is_moved(unit):
                found |= self.before.roles.held(one).keys() | self.after.roles.held(other).keys()
        return found

    def _differing(self, had: RoleSet, has: RoleSet) -> AbstractSet[Privilege]:
        """Only what some role gives that is held on one side alone, or that gives another thing now, can differ."""
        if (known := self._levels.get((had, has))) is None:
            before, after = self.before.roles, self.after.roles
            asked = {privilege for role in had - has for privilege in before.whole(role)}
            asked.update(privilege for role in has - had for privilege in after.whole(role))
            asked.update(privilege for role in self.turned.keys() & had & has for privilege in self.turned[role])
            one, other = before.levels(had, asked), after.levels(has, asked)
            known = self._levels[had, has] = {
                privilege for privilege in asked if one.get(privilege) != other.get(privilege)
            }
        return known


def _above(known: Roles, roles: RoleSet, table: Table, other: Table, *, gain: bool) -> Iterator[Sentence]:
    found: dict[tuple[str, ...], list[Turn]] = defaultdict(list)
    for privilege, level in table.items():
        if level > (less := other.get(privilege, 0)):
            found[givers(known, roles, privilege, level)].append((*privilege, level, less, ""))
    yield from (Sentence(gain, through, tuple(sorted(turns))) for through, turns in _fewest(found).items())


Given = Mapping[Privilege, Mapping[Reach, Sequence[str]]]
"""Every reach of some privileges, and the units that give it."""


@dataclass(frozen=True, slots=True)
class _Side:
    """One user on one side. ``given``: of the privileges in question."""

    roles: Roles
    forest: Forest
    held: Mapping[str, RoleSet]
    given: Given


def _side(
    access: Access,
    held: Mapping[str, RoleSet],
    forest: Forest,
    wanted: AbstractSet[Privilege],
    apart: AbstractSet[str],
    shared: Given,
) -> _Side:
    own = [(unit, held[unit]) for unit in sorted(apart) if unit in held]
    return _Side(access.roles, forest, held, _given(access.roles, own, wanted, shared))


def _given(known: Roles, held: Iterable[tuple[str, RoleSet]], wanted: AbstractSet[Privilege], shared: Given) -> Given:
    """On top of what is shared, which is left as it is."""
    given = {privilege: {at: [*units] for at, units in shared.get(privilege, {}).items()} for privilege in wanted}
    for unit, roles in held:
        for privilege, level in known.levels(roles, wanted).items():
            at = (level, unit if UNIT <= level <= SUBTREE else "")
            if (units := given[privilege].get(at)) is None:
                given[privilege][at] = [unit]
            else:
                units.append(unit)
    return given


def _one_way(
    wanted: AbstractSet[Privilege], has: _Side, had: _Side, moved: Mapping[str, Sequence[str]], *, gain: bool
) -> Iterator[Said]:
    """What the one side has and the other has not. ``moved``: unit -> units that are below it only on this side."""
    found: dict[tuple[str, ...], dict[tuple[str, ...], list[Turn]]] = {}
    for privilege in wanted:
        now, then = has.given[privilege], had.given[privilege]
        if not moved and now.keys() <= then.keys():  # what is there on both sides is covered
            continue
        less = max(then, default=(0,))[0]
        for one, over in _uncovered(has.forest.least(now), then.keys(), had.forest, moved):
            units = tuple(now[one])
            through = {role for unit in units for role in givers(has.roles, has.held[unit], privilege, one[0])}
            by_roles = found.setdefault(units, {})
            by_roles.setdefault(tuple(sorted(through)), []).append((*privilege, one[0], less, over))
    for units, by_roles in found.items():
        for roles, turns in _fewest(by_roles).items():
            yield Sentence(gain, roles, tuple(sorted(turns))), units


def _fewest(by_roles: Mapping[tuple[str, ...], list[Turn]]) -> Mapping[tuple[str, ...], list[Turn]]:
    """What several roles give, one of which has been named already, needs no sentence of its own."""
    if len(by_roles) == 1:
        return by_roles
    found: dict[tuple[str, ...], list[Turn]] = {}
    for roles in sorted(by_roles, key=lambda one: (len(one), one)):
        through = next((fewer for fewer in found if {*fewer} <= {*roles}), roles)
        found.setdefault(through, []).extend(by_roles[roles])
    return found


def _uncovered(
    reaches: Iterable[Reach], then: AbstractSet[Reach], forest: Forest, moved: Mapping[str, Sequence[str]]
) -> Iterator[tuple[Reach, str]]:
    """(reach, "") of what nothing covers in that forest; (reach, unit) where it covers a unit that moved below it."""
    for one in reaches:
        if not then or not forest.covers(then, one):
            yield one, ""
        elif one[0] == SUBTREE:
            yield from ((one, unit) for unit in moved.get(one[1], ()) if not forest.covers(then, (SUBTREE, unit)))


def givers(known: Roles, roles: RoleSet, privilege: Privilege, level: int) -> tuple[str, ...]:
    """Those of the roles that give the privilege at that very level."""
    if len(roles) == 1:
        return tuple(roles)
    return tuple(sorted(role for role in roles if known.whole(role).get(privilege) == level))


def _turned(before: Roles, after: Roles) -> dict[str, set[Privilege]]:
    """Where both sides share their roles there are none."""
    roles = before.known() | after.known() if before is not after else ()
    tables = ((role, before.whole(role), after.whole(role)) for role in roles)
    return {role: {one for one, _ in had.items() ^ has.items()} for role, had, has in tables if had != has}


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
