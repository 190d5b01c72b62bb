"""The settings of a local target that are the adapter's own.

In: what the settings state. Out: checked options. Never: loads the database's library for those of a SQLite file.
"""

from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from orgsync.references import sqlite_file


def _usable(url: str) -> str:
    if sqlite_file(url) is not None:
        return url
    from orgsync.adapters.local.connect import parse_url  # noqa: PLC0415

    parse_url(url)
    return url


class Options(BaseModel):
    """What a target of the local adapter may state."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    url: Annotated[str, AfterValidator(_usable)] = Field(
        repr=False,  # references are resolved by now: a password may stand in it
        description="a SQLAlchemy URL; a SQLite path is relative to the organization repository",
    )
    seats: int | None = Field(default=None, ge=0, description="how many active users the licence allows")
