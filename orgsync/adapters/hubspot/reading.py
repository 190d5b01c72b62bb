"""Read the whole account, and make of it a snapshot and an index of the teams and people behind it.

In: an API, an offer, options, a scope. Out: what was found. Never: half of it; chooses between two that claim
to be one.
"""

import time
from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from orgsync.adapter import Capabilities, Changed, Foreign, Scope, Snapshot
from orgsync.adapters.canonical import FOREIGN
from orgsync.adapters.hubspot.api import Api
from orgsync.adapters.hubspot.audit import Log, last_changes
from orgsync.adapters.hubspot.marks import Marks, named
from orgsync.adapters.hubspot.offer import WRITE_TEAMS, Offer
from orgsync.adapters.hubspot.options import Options
from orgsync.adapters.hubspot.values import PermissionSet, Person, Team
from orgsync.errors import IncompleteRead
from orgsync.finding import Finding, Severity
from orgsync.resources import NO_FIELDS, NO_UNIT, Address, Fields, Json, Kind, RemoteId, key_of, well_formed

PAUSES = (0.25, 0.5, 1, 2, 4, 8)
"""Seconds between two looks at a list that is not up to date."""


@dataclass(frozen=True, slots=True, kw_only=True)
class World:
    """The records as they came; ``log``: None where nobody knows who changed what."""

    people: Sequence[Person]
    teams: Sequence[Team]
    sets: Sequence[PermissionSet] = ()
    brands: Sequence[Team] = ()
    log: Log | None = None


@dataclass(slots=True, kw_only=True)
class Index:
    """Kept up to date by the writer: by id, and by name the permission sets that there is one of.

    others   user id -> name of the permission set that they have and nobody declared
    made     ids of what this run made and did not delete since: a list that lacks one of them is an old one
    """

    snapshot: Snapshot = field(default_factory=Snapshot)
    people: dict[RemoteId, Person] = field(default_factory=dict)
    teams: dict[RemoteId, Team] = field(default_factory=dict)
    sets: dict[str, PermissionSet] = field(default_factory=dict)
    others: dict[RemoteId, str] = field(default_factory=dict)
    made: set[RemoteId] = field(default_factory=set)

    def refresh(self, fresh: "Index") -> None:
        self.snapshot, self.people, self.teams = fresh.snapshot, fresh.people, fresh.teams
        self.sets, self.others = fresh.sets, fresh.others


def fetch_with(api: Api, offer: Offer, options: Options, made: Collection[RemoteId]) -> World:
    """With all that was made: HubSpot promises of no list that it shows what is new at once.

    Raises IncompleteRead, AdapterError.
    """
    for pause in (*PAUSES, None):
        world = fetch(api, offer, options)
        missing = sorted({*made} - {one.id for one in world.people} - {one.id for one in world.teams})
        if not missing:
            return world
        if pause is not None:
            time.sleep(pause)
    raise IncompleteRead(f"HubSpot's lists lack what was just made: {', '.join(missing)}", remedy="plan again later")


def fetch(api: Api, offer: Offer, options: Options) -> World:
    """Raises IncompleteRead, AdapterError."""
    return World(
        people=api.people(),
        teams=api.all_teams() if offer.teams else api.named_teams(),
        sets=api.permission_sets() if offer.roles else (),
        brands=api.brands(offer.user) if offer.brands else (),
        log=last_changes(api, options.audit_days) if offer.audit else None,
    )


@dataclass(slots=True, kw_only=True)
class _Sorting:
    """``units``: team id -> key; ``roles``: permission set id -> key."""

    options: Options
    able: Capabilities
    scope: Scope
    world: World
    units: Mapping[RemoteId, str] = field(default_factory=dict)
    roles: dict[RemoteId, str] = field(default_factory=dict)
    resources: dict[Address, Fields] = field(default_factory=dict)
    ids: dict[Address, RemoteId] = field(default_factory=dict)
    changed: dict[Address, Changed] = field(default_factory=dict)
    foreign: list[Foreign] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)

    def put(self, kind: Kind, key: str, id_: RemoteId, fields: Fields) -> None:
        stored = self.able.of(kind).fields
        address = f"{kind}/{key}"
        self.resources[address] = {name: value for name, value in fields.items() if name in stored}
        self.ids[address] = id_
        if changed := self.who(kind, id_):
            self.changed[address] = changed

    def who(self, kind: Kind, id_: RemoteId) -> Changed | None:
        return (self.world.log or {}).get((kind, id_))

    def stranger(self, kind: Kind, id_: RemoteId, name: str) -> None:
        self.foreign.append(Foreign(kind=kind, id=id_, name=name, changed=self.who(kind, id_)))


def index(world: World, offer: Offer, options: Options, able: Capabilities, scope: Scope) -> Index:
    work = _Sorting(options=options, able=able, scope=scope, world=world)
    _sort_teams(work)
    sets = _sort_sets(work)
    for brand in world.brands:
        work.stranger(Kind.BUSINESS_UNIT, brand.id, brand.name)
    for person in world.people:
        _sort_person(work, person)
    if offer.audit and world.log is None:
        work.findings.append(_too_busy(options))
    if not offer.writes_teams:
        work.findings.append(_read_only(offer, options))
    snapshot = Snapshot(
        resources=work.resources,
        ids=work.ids,
        changed=work.changed,
        foreign=sorted(work.foreign, key=lambda one: (one.kind, one.name, one.id)),
        findings=work.findings,
        acting=next((person.email for person in world.people if person.id == offer.user), ""),
    )
    return Index(
        snapshot=snapshot,
        people={person.id: person for person in world.people},
        teams={team.id: team for team in world.teams},
        sets=sets,
        others=_others(work),
    )


def _others(work: _Sorting) -> dict[RemoteId, str]:
    names = {one.id: one.name for one in work.world.sets if one.name != work.options.without_role}
    strange = {id_: name for id_, name in names.items() if id_ not in work.roles}
    held = ((person.id, next((one for one in person.roles if one in strange), "")) for person in work.world.people)
    return {id_: strange[role] for id_, role in held if role}


def _sort_teams(work: _Sorting) -> None:
    teams, marks = {team.id: team for team in work.world.teams}, Marks(prefix=work.options.prefix)
    found = named(teams, work.options)
    work.units, stated = found.keys, {*work.options.teams.values()}
    work.findings += found.findings
    for team in teams.values():
        if key := work.units.get(team.id):
            name = team.name if team.id in stated else marks.read(team.name)[0]
            work.put(Kind.UNIT, key, team.id, {"name": name, "parent": _unit(work, team.parent)})
        else:
            work.stranger(Kind.UNIT, team.id, team.name)


def _unit(work: _Sorting, team: RemoteId) -> Json:
    return (work.units.get(team) or FOREIGN + team) if team else None


def _sort_sets(work: _Sorting) -> dict[str, PermissionSet]:
    """A declared role is the permission set of its key's name, or of the name that a document binds it to."""
    by_name: dict[str, list[PermissionSet]] = defaultdict(list)
    for one in work.world.sets:
        by_name[one.name].append(one)
    wanted = {role: key_of(role) for role in work.scope.roles} | dict(work.scope.bound)
    declared: dict[str, list[Address]] = defaultdict(list)
    for role, name in sorted(wanted.items()):
        declared[name].append(role)
    for name, namesakes in by_name.items():
        roles = declared.get(name, [])
        if len(namesakes) == 1 and len(roles) == 1 and name != work.options.without_role:
            work.roles[namesakes[0].id] = key_of(roles[0])
            work.put(Kind.ROLE, key_of(roles[0]), namesakes[0].id, NO_FIELDS)
            continue
        work.findings += [_unclear(role, name, namesakes) for role in roles]
        for one in namesakes:
            work.stranger(Kind.ROLE, one.id, one.name)
    fallback = work.options.without_role
    if fallback is not None and len(by_name.get(fallback, [])) != 1:
        work.findings.append(_no_fallback(fallback))
    return {name: namesakes[0] for name, namesakes in by_name.items() if len(namesakes) == 1}


def _sort_person(work: _Sorting, person: Person) -> None:
    """Everybody was read; who is neither asked for nor in anything of ours is left."""
    login, wanted = person.email, work.scope.logins
    if not well_formed(f"{Kind.USER}/{login}"):
        work.stranger(Kind.USER, person.id, login)
        return
    edges = [*_edges(work, person)]
    if person.super_admin and wanted is not None and login in wanted and work.world.sets:
        work.findings.append(_above_roles(login))
    if wanted is None or login in wanted or edges:
        work.put(Kind.USER, login, person.id, {"name": person.name or None, "unit": _unit(work, person.primary)})
    for edge in edges:
        work.resources[edge], work.ids[edge] = NO_FIELDS, person.id


def _edges(work: _Sorting, person: Person) -> Iterator[Address]:
    for team in sorted(person.teams):
        if key := work.units.get(team):
            yield f"{Kind.MEMBERSHIP}/{key}/{person.email}"
    for id_ in person.roles:
        if role := work.roles.get(id_):
            yield f"{Kind.GRANT}/{NO_UNIT}/{person.email}/{role}"


def _unclear(role: Address, name: str, namesakes: Sequence[PermissionSet]) -> Finding:
    ids = ", ".join(sorted(one.id for one in namesakes))
    return Finding(
        code="role-not-clear",
        summary="nobody can tell which permission set a role is",
        detail=f'"{name}" ({ids}) is the name of several, of several roles, or of the one that stands for no role',
        remedy="rename the permission sets in HubSpot, bind the role to another, or correct withoutRole",
        address=role,
    )


def _above_roles(login: str) -> Finding:
    return Finding(
        code="super-admin",
        severity=Severity.INFO,
        summary="roles do not count for a super admin",
        detail=f"{login} is one: a permission set would take that away, and is therefore refused",
        remedy="take a role of theirs out of the YAML, or let another super admin make them a user in HubSpot",
        address=f"{Kind.USER}/{login}",
    )


def _no_fallback(name: str) -> Finding:
    return Finding(
        code="bound-role-missing",
        summary="the role to use does not exist in the target",
        detail=f'no permission set, or more than one, is named "{name}", which withoutRole names',
        remedy="correct withoutRole, or create that permission set in HubSpot",
    )


def _read_only(offer: Offer, options: Options) -> Finding:
    why = f"the token lacks {WRITE_TEAMS}" if offer.teams else f"in {options.api_version} there is no API for them"
    return Finding(
        code="teams-read-only",
        severity=Severity.WARNING,
        summary="the account lets nobody write teams",
        detail=f"{why}: units are compared, and what differs is withheld",
        remedy="add the scope, or make the teams in HubSpot and state their ids under `teams`",
    )


def _too_busy(options: Options) -> Finding:
    return Finding(
        code="attribution-incomplete",
        severity=Severity.INFO,
        summary="too much happened to say who changed what",
        detail=f"the audit log of the last {options.audit_days} days is longer than orgsync reads",
        remedy="look into HubSpot's audit log, or set a smaller auditDays",
    )
