"""HubSpot's records as values: users, teams, permission sets.

In: JSON. Out: values. Never: takes half a record for one.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from orgsync.resources import RemoteId

Row = Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """``primary``: the main team's id, or ""; ``extra``: ids of the additional ones."""

    id: RemoteId
    email: str
    name: str = ""
    roles: tuple[str, ...] = ()
    primary: str = ""
    extra: frozenset[str] = frozenset()
    super_admin: bool = False

    @property
    def teams(self) -> frozenset[str]:
        return self.extra | ({self.primary} if self.primary else frozenset())


@dataclass(frozen=True, slots=True, kw_only=True)
class Team:
    """``name``: with the mark, where it has one; ``parent``: an id, or ""."""

    id: RemoteId
    name: str
    parent: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class PermissionSet:
    id: RemoteId
    name: str
    paid: bool = False


def person_of(row: Row) -> Person:
    """Raises KeyError, TypeError for what is none."""
    several = row["roleIds"] or ([row["roleId"]] if row.get("roleId") else [])
    return Person(
        id=_text(row["id"]),
        email=_text(row["email"]).lower(),
        name=" ".join(str(row[name]) for name in ("firstName", "lastName") if row.get(name)),
        roles=tuple(map(_text, several)),
        primary=_text(row.get("primaryTeamId") or "-").removeprefix("-"),
        extra=frozenset(map(_text, row.get("secondaryTeamIds") or [])),
        super_admin=row["superAdmin"] is True,
    )


def team_of(row: Row) -> Team:
    """Raises KeyError, TypeError for what is none."""
    return Team(id=_text(row["id"]), name=str(row["name"]), parent=str(row.get("parentTeamId") or ""))


def permission_set_of(row: Row) -> PermissionSet:
    """Raises KeyError, TypeError for what is none."""
    return PermissionSet(id=_text(row["id"]), name=_text(row["name"]), paid=row["requiresBillingWrite"] is True)


def _text(value: object) -> str:
    if not isinstance(value, str) or not value:
        raise TypeError(f"a text is expected, not {type(value).__name__}")
    return value
