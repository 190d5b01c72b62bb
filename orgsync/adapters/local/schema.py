"""The embedded CRM's tables, and which column or table holds which field.

``external_id`` carries orgsync's key; NULL means that the row is foreign. Every row says who changed it last and when,
as ISO 8601 text in UTC: a hundred thousand of them are read per plan, and text needs no conversion to be compared.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import JSON, BigInteger, Boolean, Column, ForeignKey, Integer, MetaData, String, Table, UniqueConstraint

from orgsync.adapters.local import names
from orgsync.adapters.local.names import COLUMNS, NAMED, REFERENCES
from orgsync.resources import Kind

METADATA = MetaData(naming_convention={"ix": "ix_%(table_name)s_%(column_0_name)s"})
_ID = BigInteger().with_variant(Integer, "sqlite")  # only INTEGER names SQLite's own row id


def _reference(name: str, to: str, *, primary: bool = False, nullable: bool = False) -> Column[int]:
    foreign = ForeignKey(f"{to}.id", ondelete="RESTRICT")
    return Column(name, _ID, foreign, primary_key=primary, nullable=nullable and not primary, index=not primary)


def _audit() -> list[Column[Any]]:
    return [Column(name, String, nullable=False) for name in ("created_by", "created_at", "changed_by", "changed_at")]


def _table(name: str, *columns: Column[Any] | UniqueConstraint) -> Table:
    """SQLite would give the id of a removed row to the next one; a remote id must never mean something else."""
    return Table(name, METADATA, Column("id", _ID, primary_key=True), *columns, *_audit(), sqlite_autoincrement=True)


def _named(name: str, *columns: Column[Any]) -> Table:
    return _table(
        name,
        Column("external_id", String, unique=True),
        Column("name", String, unique=True),
        Column("description", String),
        *columns,
    )


def _links(name: str, *columns: Column[Any]) -> Table:
    return Table(name, METADATA, *columns, *_audit())


def _word(name: str) -> Column[str]:
    return Column(name, String, primary_key=True)


def _json(name: str) -> Column[Any]:
    return Column(name, JSON(none_as_null=True))


business_unit = _named("crm_business_unit", _reference("parent_id", "crm_business_unit", nullable=True))
function = _named("crm_function")
role = _named("crm_role", _json("conflicts_with"), Column("privileged", Boolean), _json("holders"))
unit = _named(
    "crm_unit",
    Column("type", String),
    _reference("business_unit_id", "crm_business_unit"),
    _reference("parent_id", "crm_unit", nullable=True),
    Column("owner", String),
    _json("review"),
    _json("workflows"),
)
user = _table(
    "crm_user",
    Column("login", String, nullable=False, unique=True),
    Column("name", String),
    Column("active", Boolean, nullable=False),
)
membership = _table(
    "crm_membership",
    _reference("unit_id", "crm_unit"),
    _reference("user_id", "crm_user"),
    Column("until", String),
    Column("reason", String),
    UniqueConstraint("unit_id", "user_id"),
)
grant = _table(
    "crm_grant",
    _reference("membership_id", "crm_membership"),
    _reference("role_id", "crm_role"),
    Column("until", String),
    UniqueConstraint("membership_id", "role_id"),
)
unit_role = _links(
    "crm_unit_role", _reference("unit_id", "crm_unit", primary=True), _reference("role_id", "crm_role", primary=True)
)
role_include = _links(
    "crm_role_include",
    _reference("role_id", "crm_role", primary=True),
    _reference("included_id", "crm_role", primary=True),
)
role_function = _links(
    "crm_role_function",
    _reference("role_id", "crm_role", primary=True),
    _reference("function_id", "crm_function", primary=True),
    Column("scope", String, nullable=False),
)
role_privilege = _links(
    "crm_role_privilege",
    _reference("role_id", "crm_role", primary=True),
    _word("object"),
    _word("action"),
    Column("scope", String, nullable=False),
)
function_privilege = _links(
    "crm_function_privilege",
    _reference("function_id", "crm_function", primary=True),
    _word("object"),
    _word("action"),
)

TABLES: Mapping[Kind, Table] = {
    Kind.BUSINESS_UNIT: business_unit,
    Kind.FUNCTION: function,
    Kind.ROLE: role,
    Kind.UNIT: unit,
    Kind.USER: user,
    Kind.MEMBERSHIP: membership,
    Kind.GRANT: grant,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Links:
    """``names.Links`` with its table."""

    table: Table
    owner: str
    key: tuple[str, ...]
    to: Kind | None = None
    value: str | None = None


LINKS: Mapping[Kind, Mapping[str, Links]] = {
    kind: {
        name: Links(table=METADATA.tables[one.table], owner=one.owner, key=one.key, to=one.to, value=one.value)
        for name, one in links.items()
    }
    for kind, links in names.LINKS.items()
}

__all__ = ["COLUMNS", "LINKS", "METADATA", "NAMED", "REFERENCES", "TABLES", "Links"]
