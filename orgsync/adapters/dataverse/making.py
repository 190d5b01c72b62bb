"""Which operations make, change and delete business units, units and roles: one change set each.

In: a step, links. Out: work. Never: writes the root business unit, a default team, or a row without a mark of ours.
"""

from collections.abc import Mapping
from functools import partial

from orgsync.adapters.dataverse.convert import DEPTHS, VERBS, Marks, new_id, privilege_name
from orgsync.adapters.dataverse.index import Text
from orgsync.adapters.dataverse.options import Options
from orgsync.adapters.dataverse.tables import MEMBERS, OWNER
from orgsync.adapters.dataverse.work import NEW, THERE, Impossible, Links, Work
from orgsync.change import Action, Step
from orgsync.resources import KEY, Address, Fields, Json, Kind, RemoteId, address, key_of, kind_of

_TEAMS, _PARTS = "teams", "businessunits"


class Making:
    """``privileges``: name -> id."""

    def __init__(self, options: Options, links: Links, privileges: Mapping[str, RemoteId]) -> None:
        self._options, self._links, self._privileges = options, links, privileges
        self._index, self._marks = links.index, Marks(prefix=options.prefix)
        self._trees = options.units == "businessUnits"

    def of(self, step: Step) -> Work:
        """Raises Impossible."""
        kind = kind_of(step.address)
        if step.action is Action.DELETE:
            return self._deleted(kind, step)
        new = step.action is Action.CREATE
        work = Work(id=self._new(step.address) if new else self._links.id(step.address, step.remote_id))
        if kind is Kind.ROLE:
            self._role(step, work, new=new)
        elif kind is Kind.UNIT and not self._trees:
            self._team(step, work, new=new)
        else:
            self._part(kind, step, work, new=new)
        if kind is Kind.UNIT and self._trees:
            self._inner_team(step, work, new=new)
        return work

    def team(self, unit: RemoteId) -> RemoteId:
        """Raises Impossible where somebody deleted it."""
        if not self._trees:
            return unit
        if unit not in self._index.teams:
            raise Impossible(f"the business unit {unit} has lost the team of its members")
        return self._index.teams[unit]

    def place(self, kind: Kind, key: Json) -> RemoteId:
        """A business unit; what names none is below the root business unit."""
        return self._links.id(address(kind, str(key))) if key else self._index.root

    def _new(self, at: Address) -> RemoteId:
        return new_id(self._index.organization, self._options.prefix, at, self._index.taken)

    def _columns(self, kind: Kind, step: Step, work: Work, *, new: bool) -> dict[str, object]:
        """Name and description; the key stands in the latter."""
        body: dict[str, object] = {"name": step.after["name"]} if "name" in step.after else {}
        if not (new or {"description", KEY} & step.after.keys()):
            return body
        id_ = str(work.id)
        old = self._index.texts.get(id_) or Text(text=None, kind=str(kind), key=key_of(step.address))
        text = step.after.get("description", old.text)
        now = Text(text=str(text) if text else None, kind=old.kind, key=str(step.after.get(KEY, old.key)))
        work.learns.append(partial(self._index.texts.__setitem__, id_, now))
        return {**body, "description": self._marks.marked(now.text, now.kind, now.key)}

    def _write(self, work: Work, entity_set: str, id_: RemoteId, body: Mapping[str, object], *, new: bool) -> None:
        """Teams, which know optimistic concurrency, are only written in the version that was read."""
        if not (body or new):
            return
        version = self._index.etags.get(id_)
        headers = NEW if new else {"If-Match": version} if version else THERE
        work.patch(f"{entity_set}({id_})", body, headers)
        work.learns.append(partial(self._index.etags.pop, id_, None))
        if new:
            work.learns.append(partial(self._index.taken.add, id_))

    def _part(self, kind: Kind, step: Step, work: Work, *, new: bool) -> None:
        body = self._columns(kind, step, work, new=new)
        if new or "parent" in step.after:
            above = self.place(kind, step.after.get("parent"))
            body["parentbusinessunitid@odata.bind"] = f"/{_PARTS}({above})"
        self._write(work, _PARTS, str(work.id), body, new=new)

    def _role(self, step: Step, work: Work, *, new: bool) -> None:
        body = self._columns(Kind.ROLE, step, work, new=new)
        if new:
            body |= {"businessunitid@odata.bind": f"/{_PARTS}({self._index.root})", "isinherited": _MEMBERS_TOO}
            work.learns.append(partial(self._index.ours.add, str(work.id)))
        self._write(work, "roles", str(work.id), body, new=new)
        given = self._given(step.after)
        if given or ("privileges" in step.after and not new):
            work.post(f"roles({work.id})/Microsoft.Dynamics.CRM.ReplacePrivilegesRole", {"Privileges": given})

    def _given(self, fields: Fields) -> list[dict[str, str]]:
        """The whole set, which is what the call replaces."""
        found = fields.get("privileges")
        return [
            {
                "PrivilegeId": self._privilege(word, action),
                "Depth": DEPTHS[str(scope)],
                "BusinessUnitId": self._index.root,
            }
            for word, actions in (found.items() if isinstance(found, dict) else ())
            for action, scope in (actions.items() if isinstance(actions, dict) else ())
            if scope in DEPTHS
        ]

    def _privilege(self, word: str, action: str) -> RemoteId:
        """A word that is none is what a privilege about no table goes by."""
        table = self._options.models.get(word, word)
        name = privilege_name(table, action) if action in VERBS else table
        if name not in self._privileges:
            raise Impossible(f"the environment has no privilege {name}")
        return self._privileges[name]

    def _team(self, step: Step, work: Work, *, new: bool) -> None:
        team, body = str(work.id), self._columns(Kind.UNIT, step, work, new=new)
        before = place = self._index.place.get(team, "")
        if new or "businessUnit" in step.after:
            place = self.place(Kind.BUSINESS_UNIT, step.after.get("businessUnit"))
            body["businessunitid@odata.bind"] = f"/{_PARTS}({place})"
            work.learns.append(partial(self._index.place.__setitem__, team, place))
        moved = not new and place != before
        gone = _roles(step.before) - _roles(step.after) if moved and _states(step) else set()
        for key in () if self._index.strips else sorted(gone):
            self._links.take(work, _TEAMS, team, self._links.role(key))
        self._write(work, _TEAMS, team, body | (self._born() if new else {}), new=new)
        if moved:
            self._carry_roles(work, team, place, {self._links.role(key) for key in gone})
        self._roles(step, work, team, place, moved=moved)

    def _born(self) -> dict[str, object]:
        """A team needs an administrator, which is no member and has no rights in it: we are."""
        return {"teamtype": OWNER, "administratorid@odata.bind": f"/systemusers({self._index.me})"}

    def _carry_roles(self, work: Work, team: RemoteId, place: RemoteId, gone: set[RemoteId]) -> None:
        """A move drops all roles of the team, whoever gave them: they are given again with it, unless they are kept."""
        index = self._index
        carried = [copy for copy in self._links.carried(team, place) if index.root_of[copy][0] not in gone]
        left: set[str] = set() if index.strips else {*carried}
        work.learns.append(lambda: index.held.__setitem__(team, left))
        for copy in carried if index.strips else ():
            self._links.give(work, _TEAMS, team, copy)

    def _roles(self, step: Step, work: Work, team: RemoteId, place: RemoteId, *, moved: bool = False) -> None:
        """Links come and go one by one."""
        if not _states(step):
            return
        before, after = _roles(step.before), _roles(step.after)
        for key in () if moved else sorted(before - after):
            self._links.take(work, _TEAMS, team, self._links.role(key))
        for key in sorted(after - before):
            self._links.give(work, _TEAMS, team, self._links.copy(key, place))

    def _inner_team(self, step: Step, work: Work, *, new: bool) -> None:
        """Of a unit that is a business unit: its roles' copies come into being with it."""
        part = str(work.id)
        team = self._new(f"{step.address}/{MEMBERS}") if new else self.team(part)
        body: dict[str, object] = {"name": f"{step.after['name']} {MEMBERS}"} if "name" in step.after else {}
        if new or KEY in step.after:
            key = str(step.after.get(KEY, key_of(step.address)))
            body["description"] = self._marks.marked(None, MEMBERS, key)
        if new:
            body |= {**self._born(), "businessunitid@odata.bind": f"/{_PARTS}({part})"}
            work.learns.append(partial(self._index.teams.__setitem__, part, team))
        self._write(work, _TEAMS, team, body, new=new)
        if new and _roles(step.after):
            work.later = partial(self._first_roles, step, team, part)
        elif not new:
            self._roles(step, work, team, part)

    def _first_roles(self, step: Step, team: RemoteId, part: RemoteId) -> Work:
        work = Work()
        self._roles(step, work, team, part)
        return work

    def _deleted(self, kind: Kind, step: Step) -> Work:
        """A business unit has to be disabled first, and goes with its default team and its copies of roles."""
        work, id_ = Work(), self._links.id(step.address, step.remote_id)
        part = kind is Kind.BUSINESS_UNIT or (kind is Kind.UNIT and self._trees)
        if kind is Kind.ROLE and (holders := self._index.holders(id_)):
            raise Impossible(f"the role is still given to: {', '.join(holders)}")
        if part and (others := self._index.inside(id_)):
            raise Impossible(f"it would take along what is still there: {', '.join(others)}")
        if id_ in self._index.teams:
            work.delete(f"{_TEAMS}({self._index.teams[id_]})")
            work.learns.append(partial(self._index.forget, self._index.teams[id_]))
        if part:
            work.patch(f"{_PARTS}({id_})", {"isdisabled": True})
        work.delete(f"{_PARTS if part else 'roles' if kind is Kind.ROLE else _TEAMS}({id_})")
        work.learns.append(partial(self._index.forget, id_))
        return work


def _states(step: Step) -> bool:
    return "roles" in step.after


def _roles(fields: Fields) -> set[str]:
    found = fields.get("roles")
    return {str(key) for key in found} if isinstance(found, list) else set()


_MEMBERS_TOO = 1
"""``isinherited``: members have what their team's role gives in scope own as if it were given to themselves."""
