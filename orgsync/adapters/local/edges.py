"""Memberships and grants of the embedded CRM, whole columns at a time: there are a hundred times more of them than of
anything else.

In: their tables as columns, and the keys of what they refer to. Out: rows of ours. Never: passes over a row that refers
to nothing, which raises KeyError.
"""

from collections.abc import Iterable, Mapping, Sequence
from itertools import compress
from operator import add
from types import MappingProxyType

from orgsync.adapters.canonical import EMPTY
from orgsync.adapters.local.columns import Columns
from orgsync.adapters.local.named import Keys, foreign_among
from orgsync.adapters.local.rows import Rows
from orgsync.resources import Address, Fields, Kind

_NO_MEMBERSHIP_FIELDS: Fields = MappingProxyType(EMPTY[Kind.MEMBERSHIP])
_NO_GRANT_FIELDS: Fields = MappingProxyType(EMPTY[Kind.GRANT])


def add_edges(
    rows: Rows, memberships: Iterable[Columns], grants: Iterable[Columns], keys: Mapping[Kind, Keys]
) -> Sequence[Columns]:
    """Returns the grants of foreign roles to members of ours, for ``add_grants`` once it is known which are bound."""
    ours = _add_memberships(rows, memberships, keys[Kind.UNIT], keys[Kind.USER])
    members_of_strangers = foreign_among(keys[Kind.UNIT])
    strange = foreign_among(keys[Kind.ROLE])
    theirs = []
    for part in grants:
        held: Columns = {**part, "membership": [*map(ours.__getitem__, part["membership_id"])]}
        if members_of_strangers:
            held = _where(map(bool, held["membership"]), held)
        add_grants(rows, held, keys[Kind.ROLE])
        theirs.append(_where(map(strange.__contains__, held["role_id"] if strange else ()), held))
    return theirs


def _where(chosen: Iterable[bool], columns: Columns) -> Columns:
    kept = [*chosen]
    return {name: [*compress(column, kept)] for name, column in columns.items()}


def _add_memberships(rows: Rows, table: Iterable[Columns], units: Keys, users: Keys) -> Mapping[int, Address]:
    """Row id -> address, empty for a member of a foreign unit."""
    ours: dict[int, Address] = {}
    begin = {number: f"{Kind.MEMBERSHIP}/{key}/" for number, key in units.items()}
    strange = foreign_among(units)
    texts: dict[str | None, str | None] = {}  # one text for all that say the same: a third of the reasons, few dates
    for all_of_part in table:
        part = all_of_part
        if strange:
            ours |= dict.fromkeys(part["id"], "")
            part = _where((unit not in strange for unit in part["unit_id"]), part)
        addresses = [*map(add, map(begin.__getitem__, part["unit_id"]), map(users.__getitem__, part["user_id"]))]
        until, reason = (map(texts.setdefault, column, column) for column in (part["until"], part["reason"]))
        fields = [
            {"until": end, "reason": why} if end or why else _NO_MEMBERSHIP_FIELDS
            for end, why in zip(until, reason, strict=True)
        ]
        rows.add(addresses, fields, part["id"])
        ours.update(zip(part["id"], addresses, strict=True))
    return ours


def add_grants(rows: Rows, table: Columns, roles: Keys) -> None:
    """``membership``: the address of the membership. Those of foreign roles are left out."""
    if strange := foreign_among(roles):
        table = _where((role not in strange for role in table["role_id"]), table)
    held = zip(table["membership"], map(roles.__getitem__, table["role_id"]), strict=True)
    rows.add(
        [f"{Kind.GRANT}{membership[_EDGE]}/{role}" for membership, role in held],
        [{"until": end} if end else _NO_GRANT_FIELDS for end in table["until"]],
        table["id"],
    )


_EDGE = slice(len(Kind.MEMBERSHIP), None)
