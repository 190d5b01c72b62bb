"""The values of effective access, and the JSON of an access diff."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from orgsync.resources import SCOPES, Address

Privilege = tuple[str, str]
"""(object, action). What a role of the CRM's own allows is not known: that is (``UNKNOWN``, the role's key)."""
Reach = tuple[int, str]
"""(level, unit): the level as an index of ``LEVELS``, and the key of the unit in which it counts.

``unit`` and ``subtree`` count in the unit that grants them. One's own records are one's own in every unit, the
organization is the same everywhere, and of what is unknown nobody knows: those have the unit "".
"""
Reaches = tuple[Reach, ...]

UNKNOWN = "?"
LEVELS = (*SCOPES, "unknown")
OWN, UNIT, SUBTREE, ORGANIZATION, BEYOND = range(1, len(LEVELS))
EVERYWHERE: Reach = (ORGANIZATION, "")


def reach(level: int, unit: str) -> Reach:
    """What a level reaches that is granted in this unit."""
    return (level, unit if level in {UNIT, SUBTREE} else "")


def level_of(scope: object) -> int:
    """A word that nobody knows, as a CRM may answer, is taken for the most that there is."""
    return _LEVELS.get(str(scope), ORGANIZATION)


_LEVELS = {scope: level for level, scope in enumerate(SCOPES)}


@dataclass(frozen=True, slots=True, kw_only=True)
class Path:
    """One way in which a user comes to a privilege.

    steps   addresses, from the user to the role or function that states it: user, membership or grant, unit (none
            where the CRM knows no unit of a grant), role, included roles, function
    scope   what is granted there, and ``unit`` the unit that grants it ("" where there is none)
    """

    steps: tuple[Address, ...]
    scope: str
    unit: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Allowance:
    """What one user can do. ``scope`` is the highest of ``reaches``, which hold nothing that another one covers."""

    user: str
    object: str
    action: str
    scope: str
    reaches: tuple[tuple[str, str], ...]
    paths: tuple[Path, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Shift:
    """One privilege that is gained or lost.

    scope   what is gained or lost
    other   the highest scope of the same privilege on the other side: before a gain, after a loss; "none" without
    over    a unit that the grant reaches (or does not reach any more) because that unit moved; "" otherwise
    """

    object: str
    action: str
    scope: str
    other: str = SCOPES[0]
    over: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class AccessGroup:
    """Users who gain (or lose) the same privileges through the same roles: one sentence.

    Of privileges, units and users the first are listed, ``*_count`` says how many there are in all.

    units   unit that grants (``NO_UNIT`` where the CRM knows none) -> how many of the users
    causes  ids of changes that this comes from, where they are known
    """

    gain: bool
    privileged: bool
    roles: tuple[str, ...]
    privileges: tuple[Shift, ...]
    privilege_count: int
    units: Mapping[str, int]
    unit_count: int
    users: tuple[str, ...]
    user_count: int
    causes: tuple[str, ...] = ()

    @property
    def complete(self) -> bool:
        """Whether everything that is counted is listed."""
        listed = len(self.privileges), len(self.units), len(self.users)
        return listed == (self.privilege_count, self.unit_count, self.user_count)


@dataclass(frozen=True, slots=True, kw_only=True)
class AccessDiff:
    """Gains first, privileged ones first among them, then losses.

    gaining, losing   users, each counted once
    privileged        users who gain something through a privileged role
    more_gains        groups that are not listed
    as_declared       the CRM does not tell what its roles allow: their contents are those of the YAML
    """

    groups: tuple[AccessGroup, ...] = ()
    gaining: int = 0
    losing: int = 0
    privileged: int = 0
    more_gains: int = 0
    more_losses: int = 0
    as_declared: bool = False

    @property
    def empty(self) -> bool:
        return not (self.gaining or self.losing)

    @property
    def complete(self) -> bool:
        return not (self.more_gains or self.more_losses) and all(group.complete for group in self.groups)


NO_ACCESS = AccessDiff()


def to_json(diff: AccessDiff) -> dict[str, Any]:
    return {
        "summary": {"gaining": diff.gaining, "losing": diff.losing, "privileged": diff.privileged},
        "groups": [_group(one) for one in diff.groups],
        "more": {"gains": diff.more_gains, "losses": diff.more_losses},
        "asDeclared": diff.as_declared,
    }


def _group(group: AccessGroup) -> dict[str, Any]:
    return {
        "change": "gain" if group.gain else "loss",
        "privileged": group.privileged,
        "roles": list(group.roles),
        "privileges": [
            {"object": one.object, "action": one.action, "scope": one.scope, "other": one.other, "over": one.over}
            for one in group.privileges
        ],
        "privilegeCount": group.privilege_count,
        "units": dict(group.units),
        "unitCount": group.unit_count,
        "users": list(group.users),
        "userCount": group.user_count,
        "causes": list(group.causes),
    }


def from_json(value: Mapping[str, Any]) -> AccessDiff:
    """Raises KeyError or TypeError where it is none."""
    return AccessDiff(
        groups=tuple(_open_group(one) for one in value["groups"]),
        gaining=value["summary"]["gaining"],
        losing=value["summary"]["losing"],
        privileged=value["summary"]["privileged"],
        more_gains=value["more"]["gains"],
        more_losses=value["more"]["losses"],
        as_declared=value["asDeclared"],
    )


def _open_group(value: Mapping[str, Any]) -> AccessGroup:
    return AccessGroup(
        gain=value["change"] == "gain",
        privileged=value["privileged"],
        roles=tuple(value["roles"]),
        privileges=tuple(Shift(**one) for one in value["privileges"]),
        privilege_count=value["privilegeCount"],
        units=value["units"],
        unit_count=value["unitCount"],
        users=tuple(value["users"]),
        user_count=value["userCount"],
        causes=tuple(value["causes"]),
    )
