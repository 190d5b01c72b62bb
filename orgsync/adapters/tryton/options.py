"""What a target of the Tryton adapter may state.

In: settings. Out: checked options. Never: connects.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Annotated
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from orgsync.adapters.stating import Timezone, one_word_each, vocabulary

OBJECTS: Mapping[str, str] = MappingProxyType(
    {
        "account": "party.party",
        "contact": "party.contact_mechanism",
        "opportunity": "sale.opportunity",
        "quote": "sale.sale",
        "product": "product.template",
        "user": "res.user",
        "audit-log": "ir.model.log",
    }
)
"""What the words of roles mean in Tryton, unless the target says otherwise."""


def _with_database(url: str) -> str:
    where = urlsplit(url)
    if where.scheme not in {"http", "https"} or not where.hostname or not where.path.strip("/"):
        raise ValueError("write https://host/database")
    return url.rstrip("/")


def _one_word_each(objects: Mapping[str, str]) -> Mapping[str, str]:
    return one_word_each(objects, "model")


class Options(BaseModel):
    """What a target of the Tryton adapter may state."""

    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True, hide_input_in_errors=True)

    url: Annotated[str, AfterValidator(_with_database)] = Field(
        repr=False, description="https://host/database, as Tryton's own clients name it"
    )
    prefix: str = Field(
        default="orgsync",
        pattern=r"^[a-z0-9][a-z0-9-]{0,30}$",
        description="begins the names of the groups that mark what orgsync manages",
    )
    currency: str = Field(default="EUR", pattern=r"^[A-Z]{3}$", description="of the companies that orgsync creates")
    timezone: Timezone = Field(default="UTC", description="where the day of an `until` ends")
    objects: Annotated[Mapping[str, str], AfterValidator(_one_word_each)] = Field(
        default_factory=dict,
        description="word of a privilege -> Tryton model; comes before the defaults, model by model",
    )
    page_size: int = Field(
        default=1000, ge=1, le=10_000, alias="pageSize", description="records per call while reading"
    )

    @property
    def models(self) -> Mapping[str, str]:
        """Word -> model."""
        return vocabulary(OBJECTS, self.objects)

    @property
    def zone(self) -> ZoneInfo:
        return ZoneInfo(self.timezone)
