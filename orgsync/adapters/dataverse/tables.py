"""The tables that are read, with the columns that are needed, as they come.

In: an API. Out: rows. Never: half of them.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from orgsync.adapters.dataverse.api import Api, Row
from orgsync.adapters.dataverse.convert import POSSIBLE, Marks
from orgsync.errors import IncompleteRead
from orgsync.resources import Kind, RemoteId

MEMBERS = "members"
"""The mark of the team in a unit that is a business unit itself."""
_WHO = ("modifiedon", "_modifiedby_value")
COLUMNS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "organizations": ("organizationid", "orgdborgsettings", "isauditenabled"),
        "businessunits": (
            "businessunitid",
            "name",
            "description",
            "isdisabled",
            "_parentbusinessunitid_value",
            *_WHO,
        ),
        "teams": ("teamid", "name", "description", "teamtype", "isdefault", "_businessunitid_value", *_WHO),
        "roles": (
            "roleid",
            "name",
            "description",
            "ismanaged",
            "_businessunitid_value",
            "_parentrootroleid_value",
            *_WHO,
        ),
        "privileges": ("privilegeid", "name", *POSSIBLE.values()),
        "roleprivilegescollection": ("roleprivilegeid", "roleid", "privilegeid", "privilegedepthmask"),
        "systemusers": (
            "systemuserid",
            "domainname",
            "internalemailaddress",
            "azureactivedirectoryobjectid",
            "isdisabled",
            "accessmode",
            "applicationid",
            "_businessunitid_value",
            *_WHO,
        ),
        "teammemberships": ("teammembershipid", "teamid", "systemuserid"),
        "teamrolescollection": ("teamroleid", "teamid", "roleid"),
        "systemuserrolescollection": ("systemuserroleid", "systemuserid", "roleid"),
        "audits": ("auditid", "_objectid_value", "_userid_value", "createdon"),
    }
)
"""Set -> columns, of which the first tells rows apart."""
_REFUSED = {400, 403, 404}
"""The audit table is closed to us, or takes no such query: it is kept elsewhere than the others."""
_AT_ONCE = 60
"""Roles per query of their privileges: their ids stand in its address."""
OWNER = 0
"""``teamtype``: access teams and the groups of Entra have others."""
LINKING = (53, 54, 57, 58, 59)
"""``audit.action``: roles of teams and privileges of roles: what ``modifiedon`` does not tell."""


@dataclass(frozen=True, slots=True, kw_only=True)
class World:
    """The rows as they came; ``root``: the root business unit."""

    root: RemoteId
    parts: list[Row]
    teams: list[Row]
    roles: list[Row]
    depths: list[Row]
    users: list[Row]
    memberships: list[Row]
    team_roles: list[Row]
    user_roles: list[Row]
    audits: list[Row]
    settings: Row


def fetch(api: Api, marks: Marks, read: Callable[[str], list[Row]]) -> World:
    """``read``: a set's rows, in the order of their ids. Raises IncompleteRead, AdapterError."""
    settings, parts, roles = organization(api), read("businessunits"), read("roles")
    top = root_of(parts)
    ours = [role["roleid"] for role in roots(roles, top) if marks.read(role["description"])[1] == Kind.ROLE]
    return World(
        root=top,
        parts=parts,
        teams=read("teams"),
        roles=roles,
        depths=[row for some in _chunks(ours) for row in _depths(api, some)],
        users=read("systemusers"),
        memberships=read("teammemberships"),
        team_roles=read("teamrolescollection"),
        user_roles=read("systemuserrolescollection"),
        audits=_audits(api, settings),
        settings=settings,
    )


def rows_of(api: Api, entity_set: str) -> list[Row]:
    """In the order of their ids: two readings of one environment are equal. Raises IncompleteRead."""
    return in_order(entity_set, api.rows(entity_set, COLUMNS[entity_set]))


def in_order(entity_set: str, rows: Iterable[Row]) -> list[Row]:
    return sorted(rows, key=lambda row: str(row[COLUMNS[entity_set][0]]))


def organization(api: Api) -> Row:
    """Raises IncompleteRead."""
    return _only(rows_of(api, "organizations"), "organizations")


def root_of(parts: Iterable[Row]) -> RemoteId:
    """The business unit above all. Raises IncompleteRead."""
    tops = [row for row in parts if row["_parentbusinessunitid_value"] is None]
    return str(_only(tops, "root business units")["businessunitid"])


def _only(rows: list[Row], what: str) -> Row:
    if len(rows) != 1:
        raise IncompleteRead(f"there are {len(rows)} {what}, and every environment has one")
    return rows[0]


def roots(roles: Iterable[Row], root: RemoteId) -> list[Row]:
    """Those of the root business unit; their copies, and roles that were made elsewhere, are of others."""
    return [role for role in roles if role["_businessunitid_value"] == root]


def _chunks(ids: list[RemoteId]) -> Iterator[list[RemoteId]]:
    for start in range(0, len(ids), _AT_ONCE):
        yield ids[start : start + _AT_ONCE]


def _depths(api: Api, roles: Iterable[RemoteId]) -> list[Row]:
    where = " or ".join(f"roleid eq {id_}" for id_ in roles)
    return api.rows("roleprivilegescollection", COLUMNS["roleprivilegescollection"], where=where)


def _audits(api: Api, settings: Row) -> list[Row]:
    """The latest; empty where the environment keeps none, or does not show them to us: only names hang on it."""
    if settings["isauditenabled"] is not True:
        return []
    where = " or ".join(f"action eq {one}" for one in LINKING)
    try:
        return api.rows("audits", COLUMNS["audits"], where=where, latest="createdon")
    except IncompleteRead as error:
        if error.status not in _REFUSED:
            raise
        return []
