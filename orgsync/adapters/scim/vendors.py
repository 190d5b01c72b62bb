"""Where providers leave the standard: one setting per deviation, and a preset per vendor.

In: a vendor's name, and what the target's settings state beside it. Out: deviations. Never: guesses one at run time.
The vendor's page for each stands in docs/adapters/scim.md.
"""

import re
from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType

from pydantic import BaseModel, ConfigDict, Field


class Model(BaseModel):
    model_config = ConfigDict(
        extra="forbid",
        frozen=True,
        alias_generator=lambda name: re.sub(r"_(\w)", lambda found: found[1].upper(), name),
        populate_by_name=True,
        hide_input_in_errors=True,
    )


class Vendor(StrEnum):
    STANDARD = "standard"
    SALESFORCE = "salesforce"
    ENTRA = "entra"
    AWS = "aws"
    SLACK = "slack"


class Removal(StrEnum):
    """How one member is taken out of a group."""

    FILTER = "filter"  # path members[value eq "…"]
    VALUES = "values"  # path members, and the members as its value


class Deviations(Model):
    """What a provider does otherwise than RFC 7644; the defaults are the standard."""

    config_path: str = "ServiceProviderConfig"
    """Where the provider says what it offers."""
    removal: Removal = Removal.FILTER
    """How members are removed: by a filter in the path, or as a list of values."""
    wrapped_members: bool = False
    """True: the value of a change of members is {members: [...]} instead of [...]."""
    capital_operations: bool = False
    """True: operations are spelled Add, Remove and Replace."""
    text_booleans: bool = False
    """True: active is sent as the text True or False."""
    pathless_replace: bool = False
    """True: a replace has no path; its value names the attributes."""
    projection: bool = True
    """False: the provider does not know the parameter attributes."""
    members_listed: bool = True
    """False: lists of groups come without members; they are asked for user by user."""
    members_per_patch: int = Field(default=0, ge=0)
    """So many members change in one request at most; 0: as many as there are."""
    filter_terms: int = Field(default=40, ge=0)
    """So many terms one filter may join with `or`; 1: no `or`; 0: no filters at all."""
    fixed_groups: bool = False
    """True: groups can neither be created nor renamed nor deleted, and keep no externalId."""
    full_names: bool = False
    """True: a new user needs a display name, a given and a family name."""
    nested_groups: bool | None = None
    """Whether a group may contain groups; unset: what the provider's schema says."""
    bulk: bool | None = None
    """Whether there is /Bulk; unset: what the provider says. The same holds for the next two."""
    etag: bool | None = None
    cursor: bool | None = None
    discovery: bool = True
    """False: /Schemas and /ResourceTypes are not asked for."""


PRESETS: Mapping[Vendor, Deviations] = MappingProxyType(
    {
        Vendor.STANDARD: Deviations(),
        Vendor.SALESFORCE: Deviations(
            config_path="ServiceProviderConfigs",
            removal=Removal.VALUES,
            wrapped_members=True,
            fixed_groups=True,
            full_names=True,
            nested_groups=False,
            bulk=False,
            etag=False,
        ),
        Vendor.ENTRA: Deviations(removal=Removal.VALUES, capital_operations=True, text_booleans=True),
        Vendor.AWS: Deviations(
            pathless_replace=True,
            projection=False,
            members_listed=False,
            members_per_patch=100,
            filter_terms=1,
            full_names=True,
            nested_groups=False,
            bulk=False,
            cursor=True,
        ),
        Vendor.SLACK: Deviations(discovery=False, nested_groups=False),
    }
)


def deviations(vendor: Vendor, stated: Deviations) -> Deviations:
    """The preset, with what is stated in its place."""
    return PRESETS[vendor].model_copy(update={name: getattr(stated, name) for name in stated.model_fields_set})
