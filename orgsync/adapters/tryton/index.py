"""Which records make which of our resources: the names of the marker groups say so.

In: the world as Tryton has it, roles bound by name. Out: an index, and findings where a mark
stands twice. Never: guesses.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from orgsync.adapters.tryton.convert import PRIVILEGES
from orgsync.adapters.tryton.world import Company, Group, Role, World
from orgsync.finding import Finding
from orgsync.resources import Address, Kind, key_of, well_formed

UNIT, ROLE, BUSINESS_UNIT = str(Kind.UNIT), str(Kind.ROLE), str(Kind.BUSINESS_UNIT)


@dataclass(slots=True)
class Parts:
    """The records of one unit or role; what is None is missing (a run that was killed, or somebody's doing)."""

    marker: Group | None = None
    role: Role | None = None
    privileges: Group | None = None


@dataclass(slots=True)
class BusinessUnitParts:
    marker: Group
    company: Company | None = None


@dataclass(slots=True)
class Index:
    """By key. ``bound``: key of a role -> Tryton's own role that stands in for it. ``login``: user -> lower case."""

    world: World
    units: dict[str, Parts] = field(default_factory=dict)
    roles: dict[str, Parts] = field(default_factory=dict)
    business_units: dict[str, BusinessUnitParts] = field(default_factory=dict)
    bound: dict[str, Role] = field(default_factory=dict)
    login: dict[int, str] = field(default_factory=dict)
    findings: list[Finding] = field(default_factory=list)

    def mark(self, group: int) -> tuple[str, str] | None:
        found = self.world.groups.get(group)
        return found.mark if found is not None else None

    def keys(self, groups: Iterable[int], word: str) -> list[str]:
        marks = (self.mark(group) for group in groups)
        return sorted(mark[1] for mark in marks if mark is not None and mark[0] == word)

    def company_of(self, unit: Role) -> Company | None:
        """Of the unit's business unit."""
        keys = self.keys(unit.groups, BUSINESS_UNIT)
        parts = self.business_units.get(keys[0]) if keys else None
        return parts.company if parts is not None else None

    def assigned_roles(self) -> Iterable[tuple[Kind, str, Role]]:
        """(unit or role, key, the role of Tryton's whose rows are its memberships or grants)."""
        for key, parts in self.units.items():
            if parts.role is not None:
                yield Kind.UNIT, key, parts.role
        for key, parts in self.roles.items():
            if parts.role is not None:
                yield Kind.ROLE, key, parts.role
        for key, role in self.bound.items():
            yield Kind.ROLE, key, role


def index(world: World, bound: Mapping[Address, str]) -> Index:
    found = Index(world=world)
    _index_groups(found)
    _index_roles(found)
    _index_companies(found)
    _index_bound(found, bound)
    _index_logins(found)
    return found


def _index_groups(found: Index) -> None:
    for group in found.world.groups.values():
        if group.mark is None:
            continue
        word, key = group.mark
        if not well_formed(f"{ROLE if word == PRIVILEGES else word}/{key}"):
            found.findings.append(_strange(f'the group "{group.name}"'))
        elif word == PRIVILEGES:
            found.roles.setdefault(key, Parts()).privileges = group
        elif word == ROLE:
            found.roles.setdefault(key, Parts()).marker = group
        elif word == UNIT:
            found.units.setdefault(key, Parts()).marker = group
        elif key in found.business_units:
            found.findings.append(_twice(f"two groups are markers of {word}/{key}", (word, key)))
        else:
            found.business_units[key] = BusinessUnitParts(marker=group)


def _index_roles(found: Index) -> None:
    """Tryton's role that has a marker is ours; the markers tell which one."""
    claims: dict[tuple[str, str], list[Role]] = defaultdict(list)
    for role in found.world.roles.values():
        ours = [(word, key) for word in (UNIT, ROLE) for key in found.keys(role.groups, word)]
        for mark in ours:
            claims[mark].append(role)
        if len(ours) > 1:
            found.findings.append(_twice(f'the role "{role.name}" carries the marks of {_listed(ours)}', ours[0]))
    for (word, key), roles in claims.items():
        parts = (found.units if word == UNIT else found.roles).get(key)
        if parts is None:
            continue
        parts.role = min(roles, key=lambda role: role.id)
        if len(roles) > 1:
            names = " and ".join(f'"{role.name}" ({role.id})' for role in roles)
            found.findings.append(_twice(f"the roles {names} carry the mark of {word}/{key}", (word, key)))


def _index_companies(found: Index) -> None:
    by_party = {company.party: company for company in found.world.companies.values()}
    taken: dict[int, str] = {}
    for key, parts in found.business_units.items():
        company = by_party.get(parts.marker.party) if parts.marker.party is not None else None
        if company is None:
            continue
        parts.company = company
        if company.id in taken:
            detail = f'the company "{company.name}" is marked as {taken[company.id]} and as {key}'
            found.findings.append(_twice(detail, (BUSINESS_UNIT, key)))
        taken[company.id] = key


def _index_bound(found: Index, bound: Mapping[Address, str]) -> None:
    for address, name in bound.items():
        named = [role for role in found.world.roles.values() if role.name == name]
        if len(named) == 1 and key_of(address) not in found.roles:
            found.bound[key_of(address)] = named[0]
        elif len(named) > 1:
            found.findings.append(_twice(f'{len(named)} roles are named "{name}"', (ROLE, key_of(address))))


def _index_logins(found: Index) -> None:
    """People are compared without case; Tryton is not so."""
    by_login: dict[str, list[int]] = defaultdict(list)
    for user in found.world.users.values():
        by_login[user.login.lower()].append(user.id)
    for login, users in by_login.items():
        if not well_formed(f"{Kind.USER}/{login}"):
            continue
        found.login[users[0]] = login
        if len(users) > 1:
            found.findings.append(
                _twice(f"{len(users)} users have the login {login}, but for its case", ("user", login))
            )


def _listed(marks: Iterable[tuple[str, str]]) -> str:
    return " and ".join("/".join(mark) for mark in marks)


def _twice(detail: str, mark: tuple[str, str]) -> Finding:
    return Finding(
        code="duplicate-mark",
        summary="the CRM has one thing twice",
        detail=detail,
        remedy="find out in Tryton which one is right, and take the mark from the other (or rename it)",
        address="/".join(mark),
    )


def _strange(what: str) -> Finding:
    return Finding(
        code="strange-mark",
        summary="a mark in the CRM has a key that is none",
        detail=f"{what} begins like ours",
        remedy="rename it in Tryton",
    )
