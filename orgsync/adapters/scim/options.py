"""The settings of a SCIM target that are the adapter's own.

In: what the settings state. Out: checked options. Never: more than one way to say one thing.
"""

from collections.abc import Mapping
from enum import StrEnum
from typing import Annotated, Any

from pydantic import AfterValidator, Field

from orgsync.adapters.scim.vendors import Deviations, Model, Vendor
from orgsync.resources import Kind, well_formed


class Units(StrEnum):
    GROUPS = "groups"
    NONE = "none"


class Roles(StrEnum):
    WORDS = "words"
    GROUPS = "groups"
    NONE = "none"


class Words(StrEnum):
    ROLES = "roles"
    ENTITLEMENTS = "entitlements"


class Reach(StrEnum):
    MEMBERS = "members"
    NESTED = "nested"


class Home(StrEnum):
    ORGANIZATION = "organization"
    DIVISION = "division"
    DEPARTMENT = "department"
    COST_CENTER = "costCenter"


def _groups_of_ours(existing: Mapping[str, str]) -> Mapping[str, str]:
    kinds = (Kind.UNIT, Kind.ROLE, Kind.BUSINESS_UNIT)
    for address in existing:
        if not (well_formed(address) and address.startswith(tuple(f"{kind}/" for kind in kinds))):
            raise ValueError(f'"{address}" is not the address of a unit, role or business unit')
    if len(set(existing.values())) < len(existing):
        raise ValueError("one group cannot stand for two things")
    return existing


_OURS = frozenset({"schemas", "id", "meta", "externalid", "username", "active", "groups", "members"})


def _not_ours(template: Mapping[str, Any]) -> Mapping[str, Any]:
    if taken := sorted(name for name in template if name.lower() in _OURS):
        raise ValueError(f"{', '.join(taken)} cannot be stated for new users")
    return template


class Options(Model):
    """What a target of the SCIM adapter may state."""

    url: str = Field(repr=False)
    """The address below which /Users and /Groups are."""
    vendor: Vendor = Vendor.STANDARD
    """Whose deviations from the standard to expect."""
    deviations: Deviations = Deviations()
    """Single deviations, in place of the vendor's."""
    key_prefix: str = Field(default="orgsync:", min_length=1)
    """What every externalId of ours begins with; two organizations in one provider need two."""
    business_units: Units = Units.GROUPS
    """Whether business units are groups in which the units' groups are nested."""
    roles: Roles = Roles.WORDS
    """Whether a role is a word that users carry, or a group."""
    role_attribute: Words = Words.ROLES
    """Which attribute of users carries those words."""
    role_type: str = "orgsync"
    """The type of the words that orgsync adds, which tells them from others'; empty: none."""
    unit_roles: Reach = Reach.MEMBERS
    """Where roles are groups: whether a unit's role is given to each member, or the unit's group is nested in it."""
    business_unit_attribute: Home | None = None
    """Which attribute of the enterprise extension holds the key of a user's business unit."""
    managers: bool = False
    """Whether the enterprise extension's manager is the one that the YAML names."""
    existing: Annotated[dict[str, str], AfterValidator(_groups_of_ours)] = Field(default_factory=dict)
    """Groups that exist and keep no externalId: address -> displayName."""
    new_users: Annotated[dict[str, Any], AfterValidator(_not_ours)] = Field(default_factory=dict)
    """Attributes that the provider wants of a new user."""
    page_size: int = Field(default=500, ge=1, le=10_000)
    """So many users or groups are asked for at once."""
    token_url: str | None = Field(default=None, repr=False)
    """Where an OAuth token is fetched with clientId and clientSecret."""
    token_scope: str | None = None
    """The scope to ask for there."""
    proxy: str | None = Field(default=None, repr=False)
    """A proxy for https."""
    ca: str | None = None
    """A file of certificates to trust, relative to the repository."""
