"""What a target of the Salesforce adapter may state.

In: settings. Out: checked options. Never: connects.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Annotated, Literal
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo, available_timezones

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

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
LOGINS: Mapping[str, str] = MappingProxyType(
    {"username": "Username", "email": "Email", "federationIdentifier": "FederationIdentifier"}
)


def _origin(url: str) -> str:
    where = urlsplit(url)
    if where.scheme not in {"http", "https"} or not where.hostname or where.path.strip("/") or where.query:
        raise ValueError("write https://<My Domain>.my.salesforce.com")
    return url.rstrip("/")


def _one_word_each(objects: Mapping[str, str]) -> Mapping[str, str]:
    if len(set(objects.values())) < len(objects):
        raise ValueError("two words mean the same object: what is read back could be either")
    if bad := [name for name in objects.values() if not (name.isascii() and name.isidentifier())]:
        raise ValueError(f"no API name of an object: {', '.join(bad)}")
    return objects


def _known_zone(name: str) -> str:
    if name != "UTC" and name not in available_timezones():
        raise ValueError("no such time zone; write one such as Europe/Berlin")
    return name


class Options(BaseModel):
    """What a target of the Salesforce adapter may state."""

    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True, hide_input_in_errors=True)

    url: Annotated[str, AfterValidator(_origin)] = Field(description="My Domain: https://acme.my.salesforce.com")
    api_version: str | None = Field(
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
    prefix: str = Field(
        default="orgsync",
        pattern=r"^[a-z][a-z0-9]{0,9}$",
        description="begins the API names of the groups and permission sets that orgsync manages",
    )
    objects: Annotated[Mapping[str, str], AfterValidator(_one_word_each)] = Field(
        default_factory=dict, description="word of a privilege -> API name of an object; comes before the defaults"
    )
    timezone: Annotated[str, AfterValidator(_known_zone)] = Field(
        default="UTC", description="where the day of an `until` ends"
    )
    page_size: int = Field(default=2000, ge=200, le=2000, alias="pageSize", description="records per page of a query")

    @property
    def models(self) -> Mapping[str, str]:
        """Word -> object: a default gives way to a word or an object that is stated."""
        taken = set(self.objects.values())
        return {**{word: name for word, name in OBJECTS.items() if name not in taken}, **self.objects}

    @property
    def zone(self) -> ZoneInfo:
        return ZoneInfo(self.timezone)

    @property
    def login_field(self) -> str:
        return LOGINS[self.login]
