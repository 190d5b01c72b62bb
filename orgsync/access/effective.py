"""Evaluate an organization: who holds which roles in which units, and what that allows.

In: resources by address and today's date. Out: an Access. Never: computes twice what is the same for all who hold
the same roles; a hundred thousand assignments of two hundred roles are two hundred tables and one pass.
"""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from operator import itemgetter

from orgsync.access.forest import Forest, forest_of
from orgsync.access.roles import Roles, RoleSet
from orgsync.access.values import BEYOND, EVERYWHERE, ORGANIZATION, Privilege, Reach, Reaches, reach
from orgsync.resources import NO_FIELDS, NO_UNIT, Address, Fields, Kind, of_kind

Holding = tuple[tuple[str, RoleSet], ...]
"""What one user holds: (unit, roles) by unit."""
Resources = Mapping[Address, Fields]
_NOTHING: Resources = {}
_UNIT, _USER = f"{Kind.UNIT}/", f"{Kind.USER}/"


@dataclass(frozen=True, slots=True, kw_only=True)
class Access:
    """``holdings``: login -> what that user holds, of those who hold anything."""

    resources: Resources
    holdings: Mapping[str, Holding]
    roles: Roles
    forest: Forest
    today: str

    def reaches(self, holding: Holding, privilege: Privilege) -> Iterator[Reach]:
        """Every reach of a privilege, those that another one covers as well."""
        for unit, roles in holding:
            if level := self.roles.held(roles).get(privilege):
                yield reach(level, unit)

    def reached(self, holding: Holding) -> dict[Privilege, Reaches]:
        """All that the holder can do, and how far, without what another reach covers: one walk over the units for all
        privileges, and one answer for those that are given alike. Nothing adds to what is everywhere."""
        found: dict[Privilege, Reaches] = {}
        given: dict[Privilege, list[Reach]] = {}
        for unit, roles in holding:
            at = [reach(level, unit) for level in range(BEYOND + 1)]
            for privilege, level in self.roles.held(roles).items():
                if level == ORGANIZATION:
                    found[privilege] = _EVERYWHERE
                elif (reaches := given.get(privilege)) is None:
                    given[privilege] = [at[level]]
                else:
                    reaches.append(at[level])
        known: dict[tuple[Reach, ...], Reaches] = {}
        for privilege in given.keys() - found.keys():
            alike = tuple(given[privilege])
            if (least := known.get(alike)) is None:
                least = known[alike] = self.forest.least(alike)
            found[privilege] = least
        return found


_EVERYWHERE: Reaches = (EVERYWHERE,)


def evaluate(
    resources: Resources,
    *,
    today: date,
    contents: Resources = _NOTHING,
    unknown: frozenset[Address] = frozenset(),
    logins: Collection[str] | None = None,
    roles: Roles | None = None,
) -> Access:
    """Who holds what on that day.

    contents   role and function address -> what it allows, where ``resources`` do not tell
    unknown    roles of the CRM's own, of which nobody knows what they allow
    logins     the users of interest, or None for all
    roles      those of another organization in which all roles allow the same: their tables are made only once
    """
    units = {address: resources[address] for address in of_kind(Kind.UNIT, resources)}
    return Access(
        resources=resources,
        holdings=_holdings(resources, units, today.isoformat(), logins),
        roles=roles or Roles(resources={**resources, **contents} if contents else resources, unknown=unknown),
        forest=forest_of(units),
        today=today.isoformat(),
    )


def already(
    resources: Resources,
    holdings: Mapping[str, Holding],
    *,
    today: date,
    named: Mapping[Kind, Resources],
    unknown: frozenset[Address] = frozenset(),
) -> Access:
    """As ``evaluate``, of what is declared: whoever read it knows already who holds what.

    named    kind -> those of ``resources`` that are of it: roles are looked for among these alone
    """
    return Access(
        resources=resources,
        holdings=holdings,
        roles=Roles(resources={**named.get(Kind.ROLE, {}), **named.get(Kind.FUNCTION, {})}, unknown=unknown),
        forest=forest_of(named.get(Kind.UNIT, {})),
        today=today.isoformat(),
    )


@dataclass(slots=True)
class _Held:
    """The work in progress. ``of``: user -> unit -> roles; equal sets of roles are one object."""

    of: dict[str, dict[str, RoleSet]] = field(default_factory=dict)
    ended: set[tuple[str, str]] = field(default_factory=set)
    joined: dict[tuple[RoleSet, str], RoleSet] = field(default_factory=dict)

    def add(self, user: str, unit: str, role: str, base: RoleSet) -> None:
        units = self.of.setdefault(user, {})
        had = units.get(unit, base)
        if (both := self.joined.get((had, role))) is None:
            both = self.joined[had, role] = had | {role}
        units[unit] = both


def _holdings(resources: Resources, units: Resources, today: str, logins: Collection[str] | None) -> dict[str, Holding]:
    held = _Held()
    _join(held, resources, unit_roles(units), today, logins)
    _grant(held, resources, today, logins)
    found = {user: _sorted(units) for user, units in held.of.items() if _is_active(user, resources)}
    return {user: holding for user, holding in found.items() if holding}


def _is_active(user: str, resources: Resources) -> bool:
    return resources.get(f"{_USER}{user}", NO_FIELDS).get("active") is not False


def _sorted(units: Mapping[str, RoleSet]) -> Holding:
    return tuple(sorted([one for one in units.items() if one[1]], key=_unit))


_unit = itemgetter(0)


def _join(
    held: _Held, resources: Resources, given: Mapping[str, RoleSet], today: str, logins: Collection[str] | None
) -> None:
    """A member holds the roles of the unit; a membership that has ended gives nothing."""
    for address in of_kind(Kind.MEMBERSHIP, resources):
        _, unit, user = address.split("/")
        if logins is not None and user not in logins:
            continue
        if has_ended(resources[address], today):
            held.ended.add((unit, user))
        elif (units := held.of.get(user)) is None:
            held.of[user] = {unit: given.get(unit, _NO_ROLES)}
        else:
            units[unit] = given.get(unit, _NO_ROLES)


def _grant(held: _Held, resources: Resources, today: str, logins: Collection[str] | None) -> None:
    """A grant ends with its membership. One that knows no unit counts in every unit that the user is a member of."""
    folded: list[tuple[str, str]] = []
    for address in of_kind(Kind.GRANT, resources):
        _, unit, user, role = address.split("/")
        if (logins is not None and user not in logins) or has_ended(resources[address], today):
            continue
        if unit == NO_UNIT:
            folded.append((user, role))
        elif (unit, user) not in held.ended:
            held.add(user, unit, role, _NO_ROLES)
    for user, role in folded:
        for unit in [*held.of.get(user, ())] or [NO_UNIT]:
            held.add(user, unit, role, _NO_ROLES)


_NO_ROLES: RoleSet = frozenset()


def has_ended(fields: Fields, today: str) -> bool:
    until = fields.get("until") if fields else None
    return isinstance(until, str) and until < today


def unit_roles(resources: Resources) -> dict[str, RoleSet]:
    """Unit -> the roles that every member holds; equal sets are one object."""
    same: dict[RoleSet, RoleSet] = {}
    found: dict[str, RoleSet] = {}
    for address, fields in resources.items():
        if address.startswith(_UNIT) and isinstance(keys := fields.get("roles"), list) and keys:
            roles = frozenset(map(str, keys))
            found[address.removeprefix(_UNIT)] = same.setdefault(roles, roles)
    return found
