"""Memberships and grants of the embedded CRM, whole columns at a time: there are a hundred times more of them than of
anything else.

In: their tables as columns, and the keys of what they refer to. Out: rows of ours. Never: passes over a row that refers
to nothing, which raises KeyError.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from operator import add
from types import MappingProxyType

from orgsync.adapters.canonical import EMPTY
from orgsync.adapters.local.columns import Columns, where
from orgsync.adapters.local.named import Keys, foreign_among
from orgsync.adapters.local.rows import Rows
from orgsync.resources import Fields, Kind

_NO_MEMBERSHIP_FIELDS: Fields = MappingProxyType(EMPTY[Kind.MEMBERSHIP])
_NO_GRANT_FIELDS: Fields = MappingProxyType(EMPTY[Kind.GRANT])


def add_memberships(rows: Rows, table: Iterable[Columns], keys: Mapping[Kind, Keys]) -> None:
    """Those of foreign units are left out."""
    begin = {number: f"{Kind.MEMBERSHIP}/{key}/" for number, key in keys[Kind.UNIT].items()}
    users, strange = keys[Kind.USER], foreign_among(keys[Kind.UNIT])
    texts: dict[str | None, str | None] = {}  # one text for all that say the same: a third of the reasons, few dates
    for everybody in table:
        part = where((unit not in strange for unit in everybody["unit_id"]), everybody) if strange else everybody
        until, reason = (map(texts.setdefault, column, column) for column in (part["until"], part["reason"]))
        rows.add(
            [*map(add, map(begin.__getitem__, part["unit_id"]), map(users.__getitem__, part["user_id"]))],
            [
                {"until": end, "reason": why} if end or why else _NO_MEMBERSHIP_FIELDS
                for end, why in zip(until, reason, strict=True)
            ],
            part["id"],
        )


def held_by_ours(table: Iterable[Columns], units: Keys) -> Iterator[Columns]:
    """Grants, without those of members of foreign units."""
    strange = foreign_among(units)
    for part in table:
        if None in part["unit_id"]:
            raise KeyError(part["membership_id"][part["unit_id"].index(None)])
        yield where((unit not in strange for unit in part["unit_id"]), part) if strange else part


def add_grants(rows: Rows, table: Iterable[Columns], keys: Mapping[Kind, Keys]) -> Sequence[Columns]:
    """Those of foreign roles are left out, and returned."""
    begin = {number: f"{Kind.GRANT}/{key}/" for number, key in keys[Kind.UNIT].items()}
    users, roles, strange = keys[Kind.USER], keys[Kind.ROLE], foreign_among(keys[Kind.ROLE])
    theirs = []
    for everybody in table:
        part = everybody
        if strange:
            part = where((role not in strange for role in everybody["role_id"]), everybody)
            theirs.append(where((role in strange for role in everybody["role_id"]), everybody))
        ends = (
            map(key.__getitem__, part[column])
            for key, column in ((begin, "unit_id"), (users, "user_id"), (roles, "role_id"))
        )
        rows.add(
            [f"{unit}{login}/{role}" for unit, login, role in zip(*ends, strict=True)],
            [{"until": end} if end else _NO_GRANT_FIELDS for end in part["until"]],
            part["id"],
        )
    return theirs
