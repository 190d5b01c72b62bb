"""Make of the rows of an environment a snapshot, and an index of what stands behind it.

In: rows, options, a scope. Out: what was found. Never: asks the server; chooses between two that claim to be one.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from orgsync.adapter import Changed, Foreign, Scope, Snapshot
from orgsync.adapters.dataverse.api import Row
from orgsync.adapters.dataverse.convert import Marks, flag, is_person, moment, privileges_of
from orgsync.adapters.dataverse.index import Index, Text
from orgsync.adapters.dataverse.options import Options
from orgsync.adapters.dataverse.tables import MEMBERS, OWNER, World, roots
from orgsync.finding import Finding, Severity
from orgsync.resources import NO_UNIT, Address, Kind, RemoteId, address


@dataclass(slots=True)
class _Sorting:
    options: Options
    scope: Scope
    world: World
    index: Index
    marks: Marks
    names: dict[RemoteId, str] = field(default_factory=dict)
    resources: dict[Address, dict[str, Any]] = field(default_factory=dict)
    ids: dict[Address, RemoteId] = field(default_factory=dict)
    changed: dict[Address, Changed] = field(default_factory=dict)
    foreign: list[Foreign] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)
    address: dict[RemoteId, Address] = field(default_factory=dict)

    def put(self, at: Address, row: Row, id_: RemoteId, fields: Mapping[str, Any]) -> None:
        if at in self.resources:
            self.findings.append(_twice(at, self.ids[at], id_))
            return
        self.resources[at], self.ids[at] = dict(fields), id_
        if (told := _changed(row, self.names)) is not None:
            self.changed[at] = told
        self.address[id_] = at

    def key(self, id_: RemoteId | None) -> str | None:
        """Of what is ours, ``foreign:`` and the id else; None for nothing and for the root business unit."""
        if id_ is None or id_ == self.index.root:
            return None
        found = self.address.get(id_)
        return found.partition("/")[2] if found is not None else f"foreign:{id_}"


def index(world: World, options: Options, scope: Scope, me: Row, privileges: Mapping[RemoteId, str]) -> Index:
    """``privileges``: id -> name."""
    found = Index(organization=me["OrganizationId"], me=me["UserId"])
    work = _Sorting(options, scope, world, found, Marks(prefix=options.prefix))
    work.names = {user["systemuserid"]: _login(user, options) or str(user["domainname"]) for user in world.users}
    _sort_rows(work)
    _sort_parts(work)
    _sort_teams(work)
    _sort_roles(work, privileges)
    _sort_users(work)
    _sort_links(work)
    _sort_audits(work)
    _keep_people_of_interest(work)
    found.snapshot = Snapshot(
        resources=work.resources,
        ids=work.ids,
        changed=work.changed,
        foreign=sorted(work.foreign, key=lambda one: (one.kind, one.name, one.id)),
        findings=work.findings,
        acting=next((_login(one, options) for one in world.users if one["systemuserid"] == found.me), ""),
    )
    return found


def _sort_rows(work: _Sorting) -> None:
    """What the writer has to know of every row, whoever it belongs to."""
    world, to = work.world, work.index
    to.root = world.root
    to.place = {row["teamid"]: row["_businessunitid_value"] for row in world.teams}
    to.groups = {row["teamid"] for row in world.teams if not row["isdefault"]}
    to.place |= {row["systemuserid"]: row["_businessunitid_value"] for row in world.users}
    to.etags = {row["teamid"]: row["@odata.etag"] for row in world.teams if "@odata.etag" in row}
    to.taken = {row["businessunitid"] for row in world.parts} | {row["teamid"] for row in world.teams}
    to.names = {row["teamid"]: row["name"] for row in world.teams}
    to.names |= {row["systemuserid"]: str(row["domainname"]) for row in world.users}
    to.learn(world.roles)
    for row in world.team_roles:
        to.held.setdefault(row["teamid"], set()).add(row["roleid"])
    for row in world.user_roles:
        to.held.setdefault(row["systemuserid"], set()).add(row["roleid"])
    kept = flag(world.settings["orgdborgsettings"], "DoNotRemoveRolesOnChangeBusinessUnit")
    to.strips = not kept


def _sort_parts(work: _Sorting) -> None:
    kind = Kind.UNIT if work.options.units == "businessUnits" else Kind.BUSINESS_UNIT
    for row in work.world.parts:
        text, marked, key = work.marks.read(row["description"])
        id_ = row["businessunitid"]
        if marked == kind and id_ != work.index.root:
            work.index.texts[id_] = Text(text=text, kind=marked, key=key)
            work.put(address(kind, key), row, id_, {"name": row["name"], "description": text, "parent": None})
            work.findings += [_disabled(address(kind, key))] if row["isdisabled"] else []
        if id_ not in work.address:
            work.foreign.append(_foreign(kind, row, id_, row["name"], work.names))
    for row in work.world.parts:
        if (at := work.address.get(row["businessunitid"])) is not None:
            work.resources[at]["parent"] = work.key(row["_parentbusinessunitid_value"])


def _sort_teams(work: _Sorting) -> None:
    trees = work.options.units == "businessUnits"
    for row in work.world.teams:
        text, marked, key = work.marks.read(row["description"])
        id_, place = row["teamid"], row["_businessunitid_value"]
        mine = row["teamtype"] == OWNER and not row["isdefault"]
        if trees and mine and marked == MEMBERS and work.ids.get(f"{Kind.UNIT}/{key}") == place:
            work.index.teams[place] = id_
            work.address[id_] = f"{Kind.UNIT}/{key}"
        elif not trees and mine and marked == Kind.UNIT:
            work.index.texts[id_] = Text(text=text, kind=marked, key=key)
            fields = {"name": row["name"], "description": text, "businessUnit": work.key(place), "roles": []}
            work.put(address(Kind.UNIT, key), row, id_, fields)
        if id_ not in work.address and not row["isdefault"] and not trees:
            work.foreign.append(_foreign(Kind.UNIT, row, id_, row["name"], work.names))


def _sort_roles(work: _Sorting, privileges: Mapping[RemoteId, str]) -> None:
    words = {table: word for word, table in work.options.models.items()}
    bound = {name: at for at, name in work.scope.bound.items()}
    given: dict[RemoteId, list[tuple[str, int]]] = {}
    for row in work.world.depths:
        name = privileges.get(row["privilegeid"], row["privilegeid"])
        given.setdefault(row["roleid"], []).append((name, row["privilegedepthmask"]))
    for role in roots(work.world.roles, work.index.root):
        text, marked, key = work.marks.read(role["description"])
        id_ = role["roleid"]
        if role["name"] in bound:
            work.put(bound[role["name"]], role, id_, {})
        elif marked == Kind.ROLE and not role["ismanaged"]:
            work.index.texts[id_] = Text(text=text, kind=marked, key=key)
            fields = {"name": role["name"], "description": text, "privileges": privileges_of(given.get(id_, []), words)}
            work.put(address(Kind.ROLE, key), role, id_, fields)
        if id_ in work.address:
            work.index.ours.add(id_)
        else:
            work.foreign.append(_foreign(Kind.ROLE, role, id_, role["name"], work.names))


def _login(user: Row, options: Options) -> str:
    return str(user[options.login_column] or "").lower()


def _sort_users(work: _Sorting) -> None:
    for user in work.world.users:
        login, id_ = _login(user, work.options), user["systemuserid"]
        at = address(Kind.USER, login)
        if not is_person(user) or not login or "/" in login:
            continue
        if at in work.resources:
            wanted = work.scope.logins
            work.findings += [_two_people(login, at)] if wanted is None or login in wanted else []
            continue
        home = {"businessUnit": work.key(user["_businessunitid_value"])} if work.options.homes else {}
        work.put(at, user, id_, {"active": not user["isdisabled"], **home})


def _sort_links(work: _Sorting) -> None:
    """Who is in which team, who holds which role."""
    for row in work.world.memberships:
        unit, user = work.address.get(row["teamid"], ""), work.address.get(row["systemuserid"], "")
        if unit and user:
            work.resources[address(Kind.MEMBERSHIP, _key(unit), _key(user))] = {}
    for row in work.world.user_roles:
        role, user = _role(work, row["roleid"]), work.address.get(row["systemuserid"], "")
        if role and user:
            work.resources[address(Kind.GRANT, NO_UNIT, _key(user), _key(role))] = {}
    strange: dict[Address, list[str]] = {}
    titles = {row["roleid"]: row["name"] for row in work.world.roles}
    given: dict[Address, set[str]] = {}
    for row in work.world.team_roles:
        if not (unit := work.address.get(row["teamid"], "")):
            continue
        if role := _role(work, row["roleid"]):
            given.setdefault(unit, set()).add(_key(role))
        else:
            strange.setdefault(unit, []).append(f'"{titles.get(row["roleid"], row["roleid"])}"')
    for unit in [one for one in work.resources if one.startswith(f"{Kind.UNIT}/")]:
        work.resources[unit]["roles"] = sorted(given.get(unit, ()))
    work.findings += [_more(unit, names) for unit, names in sorted(strange.items())]


def _key(at: Address) -> str:
    return at.partition("/")[2]


def _role(work: _Sorting, copy: RemoteId) -> Address:
    return work.address.get(work.index.root_of.get(copy, ("", ""))[0], "")


def _sort_audits(work: _Sorting) -> None:
    """What changed besides a row's own columns: the last word is the audit table's where it is the later one."""
    for row in work.world.audits:
        at = work.address.get(row["_objectid_value"] or "")
        told = Changed(by=work.names.get(row["_userid_value"], ""), at=moment(row["createdon"]))
        if at is not None and (at not in work.changed or told.at > work.changed[at].at):
            work.changed[at] = told


def _keep_people_of_interest(work: _Sorting) -> None:
    """Everybody was read, in as many pages as there are; who is neither asked for nor in anything of ours is left."""
    if work.scope.logins is None:
        return
    edges = (f"{Kind.MEMBERSHIP}/", f"{Kind.GRANT}/")
    wanted = {*work.scope.logins, *(one.split("/")[2] for one in work.resources if one.startswith(edges))}
    for at in [one for one in work.resources if one.startswith(f"{Kind.USER}/")]:
        if _key(at) not in wanted:
            del work.resources[at], work.ids[at]
            work.changed.pop(at, None)


def _changed(row: Row, names: Mapping[RemoteId, str]) -> Changed | None:
    """None for what was never changed: no column says that it always is."""
    if row["modifiedon"] is None:
        return None
    return Changed(by=names.get(row["_modifiedby_value"], ""), at=moment(row["modifiedon"]))


def _foreign(kind: Kind, row: Row, id_: RemoteId, name: str, names: Mapping[RemoteId, str]) -> Foreign:
    return Foreign(kind=kind, id=id_, name=name or "", changed=_changed(row, names))


def _twice(at: Address, one: RemoteId, other: RemoteId) -> Finding:
    return Finding(
        code="duplicate-mark",
        summary="the CRM has one thing twice",
        detail=f"{at} is marked in the descriptions of {one} and {other}",
        remedy="find out there which one is right, and take the mark out of the other's description",
        address=at,
    )


def _disabled(at: Address) -> Finding:
    return Finding(
        code="business-unit-disabled",
        severity=Severity.WARNING,
        summary="somebody disabled a business unit that is declared",
        detail=f"{at} is disabled: nobody in it can sign in, and nothing can be given there",
        remedy="enable it in Dataverse (Business units, More commands), or take it out of the YAML",
        address=at,
    )


def _two_people(login: str, at: Address) -> Finding:
    return Finding(
        code="duplicate-login",
        summary="two people of the CRM have one login",
        detail=f"{login} is the login of two users of Dataverse",
        remedy="find people by their user name, which is unique: login: domainName",
        address=at,
    )


def _more(unit: Address, names: Iterable[str]) -> Finding:
    return Finding(
        code="more-than-declared",
        severity=Severity.WARNING,
        summary="somebody tied more to a group of ours than is declared",
        detail=f"the team of {unit} also has {', '.join(sorted(names))}",
        remedy="take the role off in Dataverse (the team, Manage security roles), or declare it and bind it",
        address=unit,
    )
