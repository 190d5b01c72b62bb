"""What a target of the HubSpot adapter may state.

In: settings. Out: checked options. Never: connects.
"""

from collections.abc import Mapping
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from orgsync.adapters.stating import Origin
from orgsync.resources import Kind, well_formed


def _one_team_each(teams: Mapping[str, str]) -> Mapping[str, str]:
    if len(set(teams.values())) < len(teams):
        raise ValueError("two units mean the same team")
    if bad := [id_ for id_ in teams.values() if not id_.isdigit()]:
        raise ValueError(f"no id of a team: {', '.join(bad)}")
    if bad := [key for key in teams if not well_formed(f"{Kind.UNIT}/{key}")]:
        raise ValueError(f"no key of a unit: {', '.join(bad)}")
    return teams


class Options(BaseModel):
    """What a target of the HubSpot adapter may state."""

    model_config = ConfigDict(
        extra="forbid", frozen=True, populate_by_name=True, hide_input_in_errors=True, coerce_numbers_to_str=True
    )

    account: int = Field(gt=0, description="Hub ID of the account; a token of another one is refused")
    url: Origin = Field(default="https://api.hubapi.com", description="where the API is, without a path")
    api_version: Literal["2026-09", "2026-03"] = Field(
        default="2026-09",
        alias="apiVersion",
        description="of the API; in 2026-03 teams are read without their parents, and never written",
    )
    prefix: str = Field(
        default="orgsync",
        pattern=r"^[a-z][a-z0-9]{0,9}$",
        description="begins the marks in the names of teams; two organizations in one account need two",
    )
    teams: Annotated[Mapping[str, str], AfterValidator(_one_team_each)] = Field(
        default_factory=dict, description="key of a unit -> id of the team that it is; its name then has no mark"
    )
    nested_teams: bool = Field(
        default=True, alias="nestedTeams", description="whether teams have parents: only with Enterprise"
    )
    without_role: str | None = Field(
        default=None,
        alias="withoutRole",
        min_length=1,
        description="name of the permission set of whoever has no role; without it roles are replaced, never taken",
    )
    welcome_email: bool = Field(
        default=False, alias="welcomeEmail", description="whether HubSpot writes to the people that are created"
    )
    audit_days: int = Field(
        default=1, ge=1, le=30, alias="auditDays", description="how far back the audit log is asked who changed what"
    )
    page_size: int = Field(default=100, ge=1, le=100, alias="pageSize", description="teams or users per page")
