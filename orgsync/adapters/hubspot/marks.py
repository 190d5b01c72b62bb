"""Which unit a team is: by its id in the settings, or by the mark at the end of its name.

HubSpot keeps no external id of a team. In: names. Out: keys, names with a mark. Never: takes a team for ours because
it is called like a unit.
"""

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from orgsync.adapters.hubspot.options import Options
from orgsync.adapters.hubspot.values import Team
from orgsync.finding import Finding
from orgsync.resources import Kind, RemoteId, well_formed


@dataclass(frozen=True, slots=True, kw_only=True)
class Marks:
    prefix: str

    def written(self, name: str, key: str) -> str:
        return f"{name} [{self.prefix}:{key}]"

    def read(self, name: str) -> tuple[str, str]:
        """(the name without its mark, the key); the key is empty where there is no mark of ours."""
        found = re.fullmatch(rf"(.*?) ?\[{self.prefix}:([^\[\]/\s]+)\]", name, re.DOTALL)
        return (found[1], found[2]) if found and well_formed(f"{Kind.UNIT}/{found[2]}") else (name, "")


@dataclass(slots=True, kw_only=True)
class Named:
    """Team id -> the unit's key, of what is certain; the teams of a claim that is not stand in ``findings``."""

    keys: dict[RemoteId, str] = field(default_factory=dict)
    findings: list[Finding] = field(default_factory=list)


def named(teams: Mapping[RemoteId, Team], options: Options) -> Named:
    claims: dict[str, list[Team]] = defaultdict(list)
    marks, stated = Marks(prefix=options.prefix), {id_: key for key, id_ in options.teams.items()}
    for team in teams.values():
        if key := stated.get(team.id) or marks.read(team.name)[1]:
            claims[key].append(team)
    found = Named(findings=[_nowhere(key, id_) for key, id_ in sorted(options.teams.items()) if id_ not in teams])
    for key, claimants in claims.items():
        if len(claimants) == 1:
            found.keys[claimants[0].id] = key
        else:
            found.findings.append(_twice(key, claimants))
    return found


def _twice(key: str, teams: Iterable[Team]) -> Finding:
    return Finding(
        code="duplicate-mark",
        summary="the CRM has one thing twice",
        detail=f"{Kind.UNIT}/{key}: {', '.join(sorted(f'{one.name} ({one.id})' for one in teams))}",
        remedy="find out which team is meant, and take the mark from the name of the other, or delete it",
        address=f"{Kind.UNIT}/{key}",
    )


def _nowhere(key: str, id_: RemoteId) -> Finding:
    return Finding(
        code="stated-team-missing",
        summary="the team that the settings name does not exist",
        detail=f"{Kind.UNIT}/{key} is to be the team {id_}",
        remedy="correct the id under `teams`, or take it out: then a new team is made",
        address=f"{Kind.UNIT}/{key}",
    )
