"""What a target of the Dataverse adapter may state.

In: settings. Out: checked options. Never: connects.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Annotated, Literal, Self
from urllib.parse import urlsplit

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from orgsync.adapters.stating import one_word_each, vocabulary

OBJECTS: Mapping[str, str] = MappingProxyType(
    {
        "account": "Account",
        "activity": "Activity",
        "article": "KnowledgeArticle",
        "campaign": "Campaign",
        "case": "Incident",
        "contact": "Contact",
        "contract": "Contract",
        "entitlement": "Entitlement",
        "invoice": "Invoice",
        "lead": "Lead",
        "opportunity": "Opportunity",
        "order": "Order",
        "product": "Product",
        "quote": "Quote",
        "user": "User",
    }
)
"""What the words of roles mean: as the names of privileges have it, ``Account`` in ``prvReadAccount``."""
LOGINS: Mapping[str, str] = MappingProxyType(
    {
        "domainName": "domainname",
        "email": "internalemailaddress",
        "objectId": "azureactivedirectoryobjectid",
    }
)


def _origin(url: str) -> str:
    where = urlsplit(url)
    if where.scheme not in {"http", "https"} or not where.hostname or where.path.strip("/") or where.query:
        raise ValueError("write https://<organization>.crm.dynamics.com, or that of your region")
    return url.rstrip("/")


def _names(objects: Mapping[str, str]) -> Mapping[str, str]:
    one_word_each(objects, "table")
    if bad := [name for name in objects.values() if not (name.isascii() and name.isidentifier())]:
        raise ValueError(f"no table of a privilege: {', '.join(bad)}")
    return objects


class Options(BaseModel):
    """What a target of the Dataverse adapter may state."""

    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True, hide_input_in_errors=True)

    url: Annotated[str, AfterValidator(_origin)] = Field(
        description="the environment: https://contoso.crm4.dynamics.com"
    )
    tenant: str = Field(
        pattern=r"^[A-Za-z0-9][A-Za-z0-9.-]*$", description="the Microsoft Entra tenant: its id or one of its domains"
    )
    flow: Literal["clientSecret", "githubOidc"] = Field(
        default="clientSecret", description="how an access token is got"
    )
    authority: Annotated[str, AfterValidator(_origin)] = Field(
        default="https://login.microsoftonline.com", description="of Microsoft Entra; another one for national clouds"
    )
    units: Literal["teams", "businessUnits"] = Field(
        default="teams",
        description="what a unit is: an owner team in its business unit, or a business unit with a team in it",
    )
    login: Literal["domainName", "email", "objectId"] = Field(
        default="domainName", description="which column of a user has the login of an assignment"
    )
    homes: bool = Field(
        default=False,
        description="whether people are moved to the business unit of their primary assignment: it strips their roles",
    )
    prefix: str = Field(
        default="orgsync",
        pattern=r"^[a-z][a-z0-9-]{0,30}$",
        description="begins the marks in the descriptions of what orgsync manages",
    )
    objects: Annotated[Mapping[str, str], AfterValidator(_names)] = Field(
        default_factory=dict,
        description="word of a privilege -> table as privileges name it (cr1_Invoice); comes before the defaults",
    )
    deltas: bool = Field(
        default=True,
        description="whether a plan asks only for what changed since the one before, where it was kept",
    )
    page_size: int = Field(default=5000, ge=1, le=5000, alias="pageSize", description="rows per page")

    @model_validator(mode="after")
    def _homes_in_business_units(self) -> Self:
        if self.homes and self.units == "businessUnits":
            raise ValueError("homes: true needs units: teams, where units have business units")
        return self

    @property
    def models(self) -> Mapping[str, str]:
        """Word -> table."""
        return vocabulary(OBJECTS, self.objects)

    @property
    def login_column(self) -> str:
        return LOGINS[self.login]
