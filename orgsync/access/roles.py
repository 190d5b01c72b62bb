"""What roles allow: their privileges, those of their functions, and those of all roles that they include.

In: resources. Out: tables of (object, action) -> level, made once per role and once per set of roles that is held.
"""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field

from orgsync.access.values import BEYOND, UNKNOWN, Privilege, level_of
from orgsync.resources import NO_FIELDS, Address, Fields, Json, Kind, key_of, of_kind

Table = Mapping[Privilege, int]
RoleSet = frozenset[str]
_NOTHING: Table = {}


@dataclass(frozen=True, slots=True, kw_only=True)
class Roles:
    """``resources`` by address, those of other kinds ignored; ``unknown``: roles whose contents nobody knows, beside
    those that are not there at all. The other members remember answers."""

    resources: Mapping[Address, Fields]
    unknown: frozenset[Address]
    _own: dict[str, Table] = field(default_factory=dict)
    _whole: dict[str, Table] = field(default_factory=dict)
    _held: dict[RoleSet, Table] = field(default_factory=dict)
    _chains: dict[str, Mapping[str, tuple[str, ...]]] = field(default_factory=dict)

    def known(self) -> set[str]:
        """Those that are there, and those of the CRM's own."""
        return {*map(key_of, of_kind(Kind.ROLE, self.resources)), *map(key_of, self.unknown)}

    def privileges(self) -> set[Privilege]:
        """All that any of the roles allows."""
        roles = [key_of(address) for address in of_kind(Kind.ROLE, self.resources)]
        return {privilege for role in roles for privilege in self._stated(role)}

    def held(self, roles: RoleSet) -> Table:
        """What a set of roles allows together: each privilege at its highest level."""
        if (found := self._held.get(roles)) is None:
            found = self._held[roles] = self._together(roles)
        return found

    def _together(self, roles: RoleSet) -> Table:
        """What one role allows is shared; of several, the rest is put on a copy of the longest."""
        tables = sorted(map(self.whole, roles), key=len, reverse=True)
        return tables[0] if len(tables) == 1 else _highest(iter(tables))

    def levels(self, roles: RoleSet, wanted: Collection[Privilege]) -> dict[Privilege, int]:
        """Of these privileges alone: who holds many different sets of roles would need a table for each."""
        found: dict[Privilege, int] = {}
        for role in roles:
            table = self._whole.get(role) or self.whole(role)
            for privilege in wanted:
                if (level := table.get(privilege, 0)) > found.get(privilege, 0):
                    found[privilege] = level
        return found

    def whole(self, role: str) -> Table:
        """What the role allows with all that it includes."""
        if (found := self._whole.get(role)) is None:
            found = self._whole[role] = _highest(self._stated(one) for one in self.chains(role))
        return found

    def chains(self, role: str) -> Mapping[str, tuple[str, ...]]:
        """The role and all that it includes -> the shortest chain of inclusions that leads there, both ends named."""
        if (found := self._chains.get(role)) is None:
            found = self._chains[role] = self._follow(role)
        return found

    def sources(self, role: str) -> Iterator[tuple[str, Privilege, int]]:
        """(function, privilege, level) of what the role states itself; "" for what needs no function."""
        if self._is_unknown(role):
            yield "", (UNKNOWN, role), BEYOND
            return
        fields = self.resources[f"{Kind.ROLE}/{role}"]
        for thing, actions in _mapped(fields.get("privileges")).items():
            yield from (("", (thing, action), level_of(scope)) for action, scope in _mapped(actions).items())
        for function, scope in _mapped(fields.get("functions")).items():
            level = level_of(scope)
            yield from ((function, privilege, level) for privilege in self._covered_by(function))

    def _is_unknown(self, role: str) -> bool:
        address = f"{Kind.ROLE}/{role}"
        return address in self.unknown or address not in self.resources

    def _covered_by(self, function: str) -> Iterator[Privilege]:
        fields = self.resources.get(f"{Kind.FUNCTION}/{function}", NO_FIELDS)
        for thing, actions in _mapped(fields.get("privileges")).items():
            yield from ((thing, str(action)) for action in (actions if isinstance(actions, list) else ()))

    def _stated(self, role: str) -> Table:
        if (found := self._own.get(role)) is None:
            found = self._own[role] = _highest({privilege: level} for _, privilege, level in self.sources(role))
        return found

    def _follow(self, role: str) -> Mapping[str, tuple[str, ...]]:
        """Breadth first, so that each is met by its shortest chain, and in a ring only once."""
        chains: dict[str, tuple[str, ...]] = {role: (role,)}
        waiting = [role]
        for one in waiting:  # grows while it is walked
            fields = NO_FIELDS if self._is_unknown(one) else self.resources[f"{Kind.ROLE}/{one}"]
            included = fields.get("includes")
            for other in map(str, included) if isinstance(included, list) else ():
                if other not in chains:
                    chains[other] = (*chains[one], other)
                    waiting.append(other)
        return chains


def _highest(tables: Iterator[Table]) -> Table:
    """Levels that are nothing are left out."""
    found = {privilege: level for privilege, level in next(tables, _NOTHING).items() if level}
    for table in tables:
        for privilege, level in table.items():
            if level > found.get(privilege, 0):
                found[privilege] = level
    return found


def _mapped(value: Json) -> Mapping[str, Json]:
    return value if isinstance(value, dict) else {}
