"""What a target of the Salesforce adapter may state.

In: settings. Out: checked options. Never: connects.
"""

from collections.abc import Mapping, Sequence
from graphlib import CycleError, TopologicalSorter
from itertools import chain
from types import MappingProxyType
from typing import Annotated, Literal, Self
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from orgsync.adapters.stating import Origin, Timezone, one_word_each, vocabulary

OLDEST = 62.0
"""The first version in which a group has a description."""
OBJECTS: Mapping[str, str] = MappingProxyType(
    {
        "account": "Account",
        "campaign": "Campaign",
        "case": "Case",
        "contact": "Contact",
        "contract": "Contract",
        "lead": "Lead",
        "opportunity": "Opportunity",
        "order": "Order",
        "product": "Product2",
        "quote": "Quote",
    }
)
"""What the words of roles mean in Salesforce, unless the target says otherwise."""
PARENTS: Mapping[str, str] = MappingProxyType({"Contract": "Account"})
"""Object -> the one that it belongs to: Salesforce lets nobody read the first without the second."""
ACCESS = ("None", "Read", "Edit")
"""From least to most."""
LOGINS: Mapping[str, str] = MappingProxyType(
    {"username": "Username", "email": "Email", "federationIdentifier": "FederationIdentifier"}
)


def _not_too_old(version: str | None) -> str | None:
    if version is not None and float(version) < OLDEST:
        raise ValueError(f"write {OLDEST} or a later one: groups have no description before")
    return version


def _names(objects: Mapping[str, str]) -> Mapping[str, str]:
    one_word_each(objects, "object")
    if bad := [name for name in objects.values() if not (name.isascii() and name.isidentifier())]:
        raise ValueError(f"no API name of an object: {', '.join(bad)}")
    return objects


def _nobody_else_s(prefix: str) -> str:
    if prefix.endswith("bu"):
        raise ValueError("a prefix that ends with bu begins what another organization's business units are called")
    return prefix


def masters(models: Mapping[str, str], stated: Mapping[str, Sequence[str]]) -> Mapping[str, frozenset[str]]:
    """Word -> words of what it belongs to. ``models``: word -> object."""
    words = {name: word for word, name in models.items()}
    known = {words[low]: [words[high]] for low, high in PARENTS.items() if {low, high} <= words.keys()}
    return {word: frozenset(above) for word, above in {**known, **stated}.items()}


class Options(BaseModel):
    """What a target of the Salesforce adapter may state."""

    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True, hide_input_in_errors=True)

    url: Origin = Field(description="My Domain: https://acme.my.salesforce.com")
    api_version: Annotated[str | None, AfterValidator(_not_too_old)] = Field(
        default=None,
        alias="apiVersion",
        pattern=r"^\d{2,3}\.0$",
        description="pins the version of the REST API; otherwise the newest that is known to both",
    )
    flow: Literal["clientCredentials", "jwtBearer", "refreshToken"] = Field(
        default="clientCredentials", description="how an access token is got"
    )
    audience: str = Field(
        default="https://login.salesforce.com",
        description="of the JWT; https://test.salesforce.com for a sandbox",
    )
    login: Literal["username", "email", "federationIdentifier"] = Field(
        default="username", description="which field of a Salesforce user has the login of an assignment"
    )
    login_suffix: str = Field(
        default="",
        alias="loginSuffix",
        pattern=r"^\S*$",
        description="what a sandbox has put behind every login: .uat behind usernames, .invalid behind email addresses",
    )
    includes: Literal["folded", "groups"] = Field(
        default="folded",
        description="what a role includes: folded into its object permissions, or a permission set group of its own",
    )
    hierarchy: Literal["groups", "roles"] = Field(
        default="groups",
        description="where units stand: public groups alone, or roles of the role hierarchy besides",
    )
    opportunity_access: Literal["None", "Read", "Edit"] = Field(
        default="None",
        alias="opportunityAccess",
        description="of a new role in the hierarchy, to others' opportunities on accounts that its people own",
    )
    prefix: Annotated[str, AfterValidator(_nobody_else_s)] = Field(
        default="orgsync",
        pattern=r"^[a-z][a-z0-9]{0,9}$",
        description="begins the API names of the groups and permission sets that orgsync manages",
    )
    objects: Annotated[Mapping[str, str], AfterValidator(_names)] = Field(
        default_factory=dict, description="word of a privilege -> API name of an object; comes before the defaults"
    )
    parents: Mapping[str, Sequence[str]] = Field(
        default_factory=dict,
        description="word of a custom object -> words of its masters: Salesforce lets nobody read it without those",
    )
    timezone: Timezone = Field(default="UTC", description="where the day of an `until` ends")
    audit_days: int = Field(
        default=7,
        ge=0,
        le=180,
        alias="auditDays",
        description="how far back the Setup Audit Trail is asked who gave or took memberships and grants; 0: never",
    )
    page_size: int = Field(default=2000, ge=200, le=2000, alias="pageSize", description="records per page of a query")

    @property
    def models(self) -> Mapping[str, str]:
        """Word -> object."""
        return vocabulary(OBJECTS, self.objects)

    @property
    def masters(self) -> Mapping[str, frozenset[str]]:
        """Word -> words of what it belongs to."""
        return masters(self.models, self.parents)

    @model_validator(mode="after")
    def _known_words(self) -> Self:
        named = {*self.parents, *chain.from_iterable(self.parents.values())}
        if lacking := sorted(named - self.models.keys()):
            raise ValueError(f"parents names words that mean no object: {', '.join(lacking)}")
        try:
            TopologicalSorter(self.parents).prepare()
        except CycleError as error:
            raise ValueError(f"parents go round in a ring: {' → '.join(error.args[1])}") from None
        return self

    @property
    def bundled(self) -> bool:
        """Roles that include others have a permission set group."""
        return self.includes == "groups"

    @property
    def ranked(self) -> bool:
        """Units are nodes of the role hierarchy, and people sit at one of them."""
        return self.hierarchy == "roles"

    @property
    def zone(self) -> ZoneInfo:
        return ZoneInfo(self.timezone)

    @property
    def login_field(self) -> str:
        return LOGINS[self.login]
