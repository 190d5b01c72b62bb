"""Effective access: who can do what, and why; and how it differs between two organizations.

In: resources (declared, live, or what a plan makes of them) and today's date. Out: values. Never: reads a CRM or a
file, or shows less than there is without saying how much it left out.

    Access      an organization, evaluated: what each user holds, shared between all who hold the same
    Allowance   one (object, action) of one user: how far it reaches, and every path that grants it
    AccessDiff  what users gain and lose between two organizations, grouped so that people can read it
"""

from orgsync.access.difference import LISTED, NO_LIMITS, Limits, compare
from orgsync.access.effective import Access, already, evaluate, has_ended
from orgsync.access.explaining import allowances, who_can
from orgsync.access.values import (
    LEVELS,
    NO_ACCESS,
    UNKNOWN,
    AccessDiff,
    AccessGroup,
    Allowance,
    Path,
    Privilege,
    Reach,
    Shift,
    from_json,
    to_json,
)

__all__ = [
    "LEVELS",
    "LISTED",
    "NO_ACCESS",
    "NO_LIMITS",
    "UNKNOWN",
    "Access",
    "AccessDiff",
    "AccessGroup",
    "Allowance",
    "Limits",
    "Path",
    "Privilege",
    "Reach",
    "Shift",
    "allowances",
    "already",
    "compare",
    "evaluate",
    "from_json",
    "has_ended",
    "to_json",
    "who_can",
]
