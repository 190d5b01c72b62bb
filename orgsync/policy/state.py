"""An organization as policies look at it: what is declared, what lives, or what a plan makes of it.

In: resources and today's date. Out: a State, which answers who holds what and makes findings. Never: judges.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from functools import cached_property

from orgsync.access import Access, already, evaluate
from orgsync.finding import Finding, Position
from orgsync.resources import NO_FIELDS, Address, Fields, Json, Kind, Organization, Place, key_of
from orgsync.resources import named_of as by_kind
from orgsync.settings.policies import POLICIES

Resources = Mapping[Address, Fields]
RoleSet = frozenset[str]
ROLE, UNIT, USER, MEMBERSHIP, GRANT = (
    f"{kind}/" for kind in (Kind.ROLE, Kind.UNIT, Kind.USER, Kind.MEMBERSHIP, Kind.GRANT)
)


def _nowhere(_: Address, *__: str) -> None:
    return None


@dataclass(frozen=True, kw_only=True)
class State:
    """``at``: where a resource, or a field of it, is declared. ``complete``: everybody who holds anything is there.

    named      kind -> key -> fields, of everything but memberships and grants
    evaluated  works out who holds what, which takes longer than all else, once somebody asks
    agreed     (login, privileged role) of what is declared, whose terms are checked there
    """

    resources: Resources
    evaluated: Callable[[], Access]
    named: Mapping[str, Mapping[str, Fields]]
    today: date
    at: Callable[..., Position | None] = _nowhere
    complete: bool = True
    live: bool = False
    agreed: frozenset[tuple[str, str]] = frozenset()

    @cached_property
    def access(self) -> Access:
        return self.evaluated()

    def tell(self, code: str, detail: str, address: Address, *path: str, remedy: str = "") -> Finding:
        return finding(code, detail, address, self.at(address, *path), remedy)

    def of(self, kind: str) -> Mapping[str, Fields]:
        """Key -> fields of one kind, memberships and grants aside."""
        return self.named.get(kind, _NONE)

    @property
    def roles(self) -> Mapping[str, Fields]:
        return self.of(Kind.ROLE)

    @cached_property
    def privileged(self) -> RoleSet:
        return frozenset(role for role, fields in self.roles.items() if fields.get("privileged") is True)

    @cached_property
    def users_by_roles(self) -> Mapping[RoleSet, list[str]]:
        """All roles that somebody holds, those within them included -> who holds exactly these; nobody twice."""
        direct: dict[RoleSet, list[str]] = {}
        for user, holding in self.access.holdings.items():
            roles = holding[0][1] if len(holding) == 1 else frozenset().union(*(held for _, held in holding))
            direct.setdefault(roles, []).append(user)
        found: dict[RoleSet, list[str]] = {}
        for roles, users in direct.items():
            found.setdefault(self.whole(roles), []).extend(users)
        return found

    def whole(self, roles: RoleSet) -> RoleSet:
        """The roles and all that they include."""
        if (found := self._whole.get(roles)) is None:
            found = self._whole[roles] = frozenset().union(*(self.access.roles.chains(role) for role in roles))
        return found

    @cached_property
    def _whole(self) -> dict[RoleSet, RoleSet]:
        return {}

    def strong_holdings(self) -> Iterator[tuple[str, str, str]]:
        """(login, unit, privileged role) of whoever holds one, in every unit that gives it; the first of several.

        Where something is agreed on elsewhere it is left out.
        """
        for user, unit, strong in self._strong:
            if new := [role for role in strong if (user, role) not in self.agreed]:
                yield user, unit, new[0]

    def strong_pairs(self) -> frozenset[tuple[str, str]]:
        """(login, privileged role) of whoever holds one."""
        return frozenset((user, role) for user, _, strong in self._strong for role in strong)

    @cached_property
    def _strong(self) -> list[tuple[str, str, list[str]]]:
        if not self.privileged:
            return []
        return [
            (user, unit, sorted(strong))
            for user, holding in self.access.holdings.items()
            for unit, roles in holding
            if (strong := self.privileged & self.whole(roles))
        ]


def finding(code: str, detail: str, address: Address, position: Position | None, remedy: str = "") -> Finding:
    policy = POLICIES[code]
    return Finding(
        code=code,
        severity=policy.severity,
        summary=policy.summary,
        detail=detail,
        remedy=remedy or policy.remedy,
        position=position,
        address=address,
    )


def declared_state(desired: Organization, position: Callable[[Place], Position], *, sound: bool, today: date) -> State:
    """``sound``: every file could be read, and is without a fault."""

    def at(address: Address, *path: str) -> Position | None:
        place = desired.sources.get(address)
        return None if place is None else position((place[0], (*place[1], *path)))

    resources, units = desired.resources, desired.named.get(Kind.UNIT, {})

    def evaluated() -> Access:
        silent = (a for a in desired.bound if not any(map(resources.get(a, NO_FIELDS).get, _ALLOWING)))
        return already(resources, desired.holdings(), today=today, named=desired.named, unknown=frozenset(silent))

    complete = sound and units.keys() <= desired.managed
    named = _by_key(desired.named)
    return State(resources=resources, evaluated=evaluated, named=named, today=today, at=at, complete=complete)


_ALLOWING = ("includes", "functions", "privileges")


def live_state(
    live: Resources,
    stated: Resources,
    *,
    contents: Resources,
    unknown: frozenset[Address],
    today: date,
    agreed: frozenset[tuple[str, str]] = frozenset(),
) -> State:
    """What lives; of a role, what a CRM does not store is as declared.

    stated     roles as declared
    contents   role and function address -> what it allows, where the CRM does not tell
    unknown    roles of the CRM's own
    """
    noted = {
        a: {name: fields[name] for name in _NOTED if name in fields}
        for a, fields in stated.items()
        if a.startswith(ROLE)
    }
    resources = {**live, **{a: {**noted[a], **fields} for a, fields in live.items() if a in noted}}
    return State(
        resources=resources,
        evaluated=lambda: evaluate(resources, today=today, contents=contents, unknown=unknown),
        named=named_of(resources),
        today=today,
        live=True,
        agreed=agreed,
    )


def named_of(resources: Resources) -> dict[str, dict[str, Fields]]:
    """Kind -> key -> fields, of everything but memberships and grants."""
    return _by_key(by_kind(resources))


def _by_key(named: Mapping[Kind, Resources]) -> dict[str, dict[str, Fields]]:
    return {kind: {key_of(address): fields for address, fields in found.items()} for kind, found in named.items()}


_NONE: Mapping[str, Fields] = {}


_NOTED = ("conflictsWith", "holders", "includes", "privileged")


def keys(value: Json) -> list[str]:
    return [value] if isinstance(value, str) else [str(key) for key in value] if isinstance(value, list) else []
