"""Read what changed since the last time, where tables are tracked and their rows were kept.

In: an API, a file of the user's. Out: all rows, as a whole reading gives them. Never: half a delta; a delta that does
not fit with the rest: then everything is read whole.
"""

import time
from collections.abc import Mapping
from contextlib import suppress

from orgsync.adapters.dataverse.api import Api, Row, check_columns
from orgsync.adapters.dataverse.convert import Marks
from orgsync.adapters.dataverse.kept import File, Kept, Table, by_id
from orgsync.adapters.dataverse.tables import COLUMNS, World, fetch, in_order, rows_of
from orgsync.errors import AdapterError, IncompleteRead
from orgsync.resources import RemoteId

TRACKED = ("businessunits", "teams", "roles", "systemusers")
"""Not who is in a team or holds a role: no page says that a delta tells of a link that went with a row or a move."""
_DELETED = "/$deletedEntity"
_PART = "_businessunitid_value"


def fetch_since(api: Api, marks: Marks, file: File) -> tuple[World, int]:
    """(the rows, how many calls it takes to read them whole). Raises IncompleteRead, AdapterError."""
    if (kept := file.read()) is not None:
        with suppress(AdapterError):
            reading = _Reading(api, kept.tables)
            world, calls = reading.carry_out(marks)
            if not kept.tables or fits(world):
                file.write(Kept(begun=kept.begun, tables=reading.tables))
                return world, calls
    begun, reading = time.time(), _Reading(api, None)
    world, calls = reading.carry_out(marks)
    file.write(Kept(begun=begun, tables=reading.tables if fits(world) else {}))
    return world, calls


class _Reading:
    """``known``: what was kept; None: everything is read whole. ``tables``: what is to be kept."""

    def __init__(self, api: Api, known: Mapping[str, Table] | None) -> None:
        self._api, self._known = api, known
        self.tables: dict[str, Table] = {}
        self._spared = 0

    def carry_out(self, marks: Marks) -> tuple[World, int]:
        before = self._api.calls
        world = fetch(self._api, marks, self._rows)
        return world, self._api.calls - before + self._spared

    def _rows(self, entity_set: str) -> list[Row]:
        known, before = self._known, self._api.calls
        if entity_set not in (TRACKED if known is None else known):
            return rows_of(self._api, entity_set)
        found = _whole(self._api, entity_set) if known is None else since(self._api, entity_set, known[entity_set])
        if found.link:
            self.tables[entity_set] = found
        whole = max(1, -(-len(found.rows) // self._api.page))
        self._spared += whole - (self._api.calls - before)
        return in_order(entity_set, found.rows.values())


def _whole(api: Api, entity_set: str) -> Table:
    with suppress(AdapterError):
        rows, link = api.tracked(entity_set, COLUMNS[entity_set])
        if link:
            check_columns(rows, COLUMNS[entity_set], entity_set)
            return Table(link=link, rows=by_id(entity_set, rows))
    return Table(link="", rows=by_id(entity_set, rows_of(api, entity_set)))


def since(api: Api, entity_set: str, table: Table) -> Table:
    """As the table is now. Raises IncompleteRead."""
    entries, link = api.changes(table.link, entity_set)
    gone = {_gone(one, entity_set) for one in entries if _is_gone(one)}
    rows = [one for one in entries if not _is_gone(one)]
    check_columns(rows, COLUMNS[entity_set], entity_set)
    came = by_id(entity_set, rows)
    if gone & came.keys():  # an id that came again, before or after: nothing tells
        raise IncompleteRead(f"{entity_set}: a row is both there and gone")
    left = {id_: row for id_, row in {**table.rows, **came}.items() if id_ not in gone}
    return Table(link=link or table.link, rows=left)


def _is_gone(entry: Row) -> bool:
    return str(entry.get("@odata.context", "")).endswith(_DELETED)


def _gone(entry: Row, what: str) -> RemoteId:
    if entry.get("reason") != "deleted" or not isinstance(entry.get("id"), str):
        raise IncompleteRead(f"{what}: an entry does not say what became of a row")
    return str(entry["id"])


def fits(world: World) -> bool:
    """Every business unit, every role and both ends of every link are there."""
    parts, roles = {row["businessunitid"] for row in world.parts}, {row["roleid"] for row in world.roles}
    teams, users = {row["teamid"] for row in world.teams}, {row["systemuserid"] for row in world.users}
    return (
        {row["_parentbusinessunitid_value"] for row in world.parts} <= {None, *parts}
        and {row[_PART] for row in (*world.teams, *world.roles, *world.users)} <= parts
        and {row["_parentrootroleid_value"] for row in world.roles} <= roles
        and {row["roleid"] for row in (*world.team_roles, *world.user_roles)} <= roles
        and {row["teamid"] for row in (*world.team_roles, *world.memberships)} <= teams
        and {row["systemuserid"] for row in (*world.user_roles, *world.memberships)} <= users
    )
