"""Which table and column of the embedded CRM holds which field.

In: nothing. Out: names. Never: needs the database's library, so that a SQLite file can be read without it.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from orgsync.resources import Kind

NAMED = (Kind.BUSINESS_UNIT, Kind.FUNCTION, Kind.ROLE, Kind.UNIT)
"""The kinds whose key stands in ``external_id``."""

COLUMNS: Mapping[Kind, Mapping[str, str]] = {
    Kind.BUSINESS_UNIT: {"name": "name", "description": "description"},
    Kind.FUNCTION: {"name": "name", "description": "description"},
    Kind.ROLE: {
        "name": "name",
        "description": "description",
        "conflictsWith": "conflicts_with",
        "privileged": "privileged",
        "holders": "holders",
    },
    Kind.UNIT: {
        "name": "name",
        "description": "description",
        "type": "type",
        "owner": "owner",
        "review": "review",
        "workflows": "workflows",
    },
    Kind.USER: {"name": "name", "active": "active"},
    Kind.MEMBERSHIP: {"until": "until", "reason": "reason"},
    Kind.GRANT: {"until": "until"},
}
"""Field -> column, of what is stored as it is."""
AS_JSON = frozenset({"conflictsWith", "holders", "review", "workflows"})
FLAGS = frozenset({"privileged", "active"})

REFERENCES: Mapping[Kind, Mapping[str, tuple[str, Kind]]] = {
    Kind.BUSINESS_UNIT: {"parent": ("parent_id", Kind.BUSINESS_UNIT)},
    Kind.UNIT: {"businessUnit": ("business_unit_id", Kind.BUSINESS_UNIT), "parent": ("parent_id", Kind.UNIT)},
}
"""Field -> (column, kind of what it refers to)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Links:
    """A field that is stored link by link: ``owner`` and ``key`` columns identify a link, ``value`` may qualify it."""

    table: str
    owner: str
    key: tuple[str, ...]
    to: Kind | None = None
    value: str | None = None


LINKS: Mapping[Kind, Mapping[str, Links]] = {
    Kind.FUNCTION: {"privileges": Links(table="crm_function_privilege", owner="function_id", key=("object", "action"))},
    Kind.ROLE: {
        "includes": Links(table="crm_role_include", owner="role_id", key=("included_id",), to=Kind.ROLE),
        "functions": Links(
            table="crm_role_function", owner="role_id", key=("function_id",), to=Kind.FUNCTION, value="scope"
        ),
        "privileges": Links(table="crm_role_privilege", owner="role_id", key=("object", "action"), value="scope"),
    },
    Kind.UNIT: {"roles": Links(table="crm_unit_role", owner="unit_id", key=("role_id",), to=Kind.ROLE)},
}


def table_of(kind: Kind) -> str:
    return f"crm_{kind.replace('-', '_')}"
