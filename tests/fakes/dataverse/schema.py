"""What the service description does not say: which columns can be written when, how long they may be, what is required.

From Microsoft's table reference (Business Unit, Team, Security Role, User). Never: a column that nothing needs.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """``lengths``: of texts; ``create``, ``update``: columns that may stand in a body, lookups by their link's name."""

    key: str
    create: frozenset[str] = frozenset()
    update: frozenset[str] = frozenset()
    required: frozenset[str] = frozenset()
    lengths: Mapping[str, int] = field(default_factory=dict)
    concurrency: bool = False


_NAMED = frozenset({"name", "description"})
TABLES: Mapping[str, Table] = {
    "businessunits": Table(
        key="businessunitid",
        create=_NAMED | {"businessunitid", "parentbusinessunitid"},
        update=_NAMED | {"parentbusinessunitid", "isdisabled"},
        required=frozenset({"name", "parentbusinessunitid"}),
        lengths={"name": 160, "description": 2000},
    ),
    "teams": Table(
        key="teamid",
        create=_NAMED | {"teamid", "teamtype", "businessunitid", "administratorid"},
        update=_NAMED | {"businessunitid", "administratorid"},
        required=frozenset({"name", "businessunitid", "administratorid"}),
        lengths={"name": 160, "description": 2000},
        concurrency=True,
    ),
    "roles": Table(
        key="roleid",
        create=_NAMED | {"roleid", "businessunitid", "isinherited"},
        update=_NAMED | {"isinherited"},
        required=frozenset({"name", "businessunitid"}),
        lengths={"name": 100, "description": 2000},
    ),
    "systemusers": Table(key="systemuserid", update=frozenset({"isdisabled", "businessunitid"})),
    "privileges": Table(key="privilegeid"),
    "organizations": Table(key="organizationid"),
    "audits": Table(key="auditid"),
    "sdkmessages": Table(key="sdkmessageid"),
    "sdkmessagefilters": Table(key="sdkmessagefilterid"),
    "teammemberships": Table(key="teammembershipid"),
    "teamrolescollection": Table(key="teamroleid"),
    "systemuserrolescollection": Table(key="systemuserroleid"),
    "roleprivilegescollection": Table(key="roleprivilegeid"),
}
LINKED: Mapping[tuple[str, str], tuple[str, str, str]] = {
    ("teams", "teammembership_association"): ("teammemberships", "teamid", "systemuserid"),
    ("teams", "teamroles_association"): ("teamrolescollection", "teamid", "roleid"),
    ("systemusers", "systemuserroles_association"): ("systemuserrolescollection", "systemuserid", "roleid"),
}
"""(set, link) -> (the set of its rows, their column for this end, that for the other)."""
READING: Mapping[str, str] = {
    "businessunits": "prvReadBusinessUnit",
    "teams": "prvReadTeam",
    "teammemberships": "prvReadTeam",
    "teamrolescollection": "prvReadTeam",
    "roles": "prvReadRole",
    "roleprivilegescollection": "prvReadRole",
    "systemusers": "prvReadUser",
    "systemuserrolescollection": "prvReadUser",
    "organizations": "prvReadOrganization",
    "audits": "prvReadAuditSummary",
    "sdkmessages": "prvReadSdkMessage",
    "sdkmessagefilters": "prvReadSdkMessage",
}
"""Set -> the privilege without which it is closed."""
ACTIONS = ("Create", "Read", "Write", "Delete", "Append", "AppendTo", "Assign", "Share")
OWNED = ("Account", "Activity", "Campaign", "Contact", "Contract", "Incident", "Lead", "Opportunity", "Order", "Quote")
"""Tables whose rows have an owner: privileges of every depth."""
SHARED = ("Product",)
"""Tables of the organization: no owner, one depth."""
ADMINISTRATION = ("BusinessUnit", "Team", "Role", "User", "Organization")
MISCELLANEOUS = (
    "prvReparentBusinessUnit",
    "prvDisableBusinessUnit",
    "prvReparentTeam",
    "prvDisableUser",
    "prvReparentUser",
    "prvReadAuditSummary",
    "prvExportToExcel",
    "prvReadSdkMessage",
    "prvReadEntity",
)
