"""One call per step, but for people who join a team: find out what became of each.

In: a batch, ids, an index, a way to look. Out: one outcome per step. Never: repeats what may have been carried out;
deletes a user; changes a super admin's rights, or a permission set.
"""

from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial

from orgsync.adapter import Snapshot
from orgsync.adapters.http import carry_out, found
from orgsync.adapters.hubspot.api import Api
from orgsync.adapters.hubspot.marks import Marks
from orgsync.adapters.hubspot.members import Members
from orgsync.adapters.hubspot.options import Options
from orgsync.adapters.hubspot.reading import Index
from orgsync.adapters.hubspot.values import Person
from orgsync.change import Action, Batch, Outcome, Step
from orgsync.errors import CallRefused, UnknownOutcome
from orgsync.resources import KEY, Address, Json, Kind, RemoteId, key_of, parts_of

Send = Callable[[Step], RemoteId | None]


class Writer:
    """``look``: reads everything again; ``through_teams``: the Teams API may write, so that no list is replaced."""

    def __init__(
        self, api: Api, options: Options, index: Index, look: Callable[[], Snapshot], *, through_teams: bool
    ) -> None:
        self._api, self._options, self._index, self._look = api, options, index, look
        self._through_teams = through_teams
        self._ids: Mapping[Address, RemoteId] = {}

    def carry_out(self, batch: Batch, ids: Mapping[Address, RemoteId]) -> list[Outcome]:
        """Raises AdapterError where HubSpot cannot be spoken to."""
        self._ids = ids
        if batch.kind is Kind.MEMBERSHIP:
            members = Members(self._api, self._index, ids, self._look, through_teams=self._through_teams)
            return members.carry_out(batch)
        sends: Mapping[tuple[Kind, Action], Send] = {
            (Kind.UNIT, Action.CREATE): self._create_team,
            (Kind.UNIT, Action.UPDATE): self._update_team,
            (Kind.UNIT, Action.DELETE): self._delete_team,
            (Kind.USER, Action.CREATE): self._create_user,
            (Kind.USER, Action.UPDATE): self._update_user,
            (Kind.GRANT, Action.CREATE): self._grant,
            (Kind.GRANT, Action.DELETE): self._withdraw,
        }
        send = sends.get((batch.kind, batch.action), _impossible)
        unique = batch.kind in {Kind.USER, Kind.GRANT} or batch.action is not Action.CREATE
        return [carry_out(step, partial(send, step), partial(self._found, step), unique=unique) for step in batch.steps]

    def _found(self, step: Step) -> tuple[bool, RemoteId | None]:
        return found(step, self._look())

    def _id(self, address: Address) -> RemoteId:
        if (id_ := self._ids.get(address)) is None:
            raise CallRefused(f"{address} is not in HubSpot")
        return id_

    def _own_id(self, step: Step) -> RemoteId:
        return step.remote_id or self._id(step.address)

    def _parent(self, key: Json) -> RemoteId:
        return self._id(f"{Kind.UNIT}/{key}") if key is not None else ""

    def _create_team(self, step: Step) -> RemoteId:
        key, name = key_of(step.address), step.after.get("name")
        marked = Marks(prefix=self._options.prefix).written(str(name or key), key)
        team = self._api.create_team(marked, self._parent(step.after.get("parent")) or None)
        if team.name != marked:
            raise UnknownOutcome(f"the team {team.id} is not as it was written")
        self._index.teams[team.id] = team
        self._index.made.add(team.id)
        return team.id

    def _update_team(self, step: Step) -> RemoteId:
        team = self._index.teams.get(self._own_id(step))
        if team is None:
            raise CallRefused(f"{step.address} is not in HubSpot")
        name = self._name(step, team.id, team.name)
        parent = self._parent(step.after["parent"]) if "parent" in step.after else team.parent
        self._index.teams[team.id] = self._api.update_team(replace(team, name=name, parent=parent))
        return team.id

    def _name(self, step: Step, id_: RemoteId, current: str) -> str:
        if id_ in self._options.teams.values():
            if KEY in step.after:
                raise CallRefused(f"the settings name this team: state {id_} under its new key in `teams`")
            return str(step.after.get("name") or current)
        marks = Marks(prefix=self._options.prefix)
        name, key = marks.read(current)
        return marks.written(str(step.after.get("name") or name), str(step.after.get(KEY) or key))

    def _delete_team(self, step: Step) -> None:
        id_ = self._own_id(step)
        self._api.delete_team(id_)
        self._index.teams.pop(id_, None)
        self._index.made.discard(id_)
        for person in [*self._index.people.values()]:
            if id_ in person.teams:
                primary = "" if person.primary == id_ else person.primary
                self._index.people[person.id] = replace(person, primary=primary, extra=person.extra - {id_})

    def _create_user(self, step: Step) -> RemoteId:
        body: dict[str, Json] = {"email": key_of(step.address), "sendWelcomeEmail": self._options.welcome_email}
        body |= _names(step.after.get("name"))
        if unit := step.after.get("unit"):
            body["primaryTeamId"] = self._id(f"{Kind.UNIT}/{unit}")
        person = self._api.create_user(body)
        self._index.made.add(person.id)
        return self._noted(person, body)

    def _update_user(self, step: Step) -> RemoteId:
        person = self._person(self._own_id(step), step.address)
        body = _names(step.after["name"]) if "name" in step.after else {}
        if "unit" in step.after:
            body |= self._main_team(person, step.after["unit"])
        return self._noted(self._api.update_user(person.id, body), body) if body else person.id

    def _main_team(self, person: Person, unit: Json) -> dict[str, Json]:
        """The former one stays as an additional one: who leaves it leaves it by a step of its own."""
        if unit is None:
            if person.primary:
                raise CallRefused("no call of HubSpot's takes a main team away and leaves the membership")
            return {}
        team = self._id(f"{Kind.UNIT}/{unit}")
        extra = (person.teams - {team}) if person.primary != team else person.extra
        return {"primaryTeamId": team, **({"secondaryTeamIds": [*sorted(extra)]} if extra != person.extra else {})}

    def _person(self, id_: RemoteId, address: Address) -> Person:
        if (person := self._index.people.get(id_)) is None:
            raise CallRefused(f"{address} is not in HubSpot")
        return person

    def _grant(self, step: Step) -> RemoteId:
        _, login, role = parts_of(step.address)
        return self._give(login, self._id(f"{Kind.ROLE}/{role}"))

    def _withdraw(self, step: Step) -> RemoteId | None:
        """Nothing is sent where another one has taken its place by now."""
        _, login, role = parts_of(step.address)
        person = self._person(self._id(f"{Kind.USER}/{login}"), step.address)
        if self._ids.get(f"{Kind.ROLE}/{role}") not in person.roles:
            return None
        fallback = self._index.sets.get(self._options.without_role or "")
        if fallback is None:
            raise CallRefused("no call of HubSpot's takes a permission set away: state withoutRole")
        return self._give(login, fallback.id)

    def _give(self, login: str, permission_set: RemoteId) -> RemoteId:
        person = self._person(self._id(f"{Kind.USER}/{login}"), f"{Kind.USER}/{login}")
        if person.super_admin:
            raise CallRefused(f"{login} is a super admin, for whom permission sets do not count: nothing was sent")
        body: dict[str, Json] = {"roleId": permission_set}
        return self._noted(self._api.update_user(person.id, body), body)

    def _noted(self, person: Person, body: Mapping[str, Json]) -> RemoteId:
        """The answer has to be as it was written."""
        self._index.people[person.id] = person
        role, team = body.get("roleId", next(iter(person.roles), None)), body.get("primaryTeamId", person.primary)
        extra = body.get("secondaryTeamIds", [*sorted(person.extra)])
        if (role is not None and role not in person.roles) or team != person.primary or extra != sorted(person.extra):
            raise UnknownOutcome(f"the user {person.id} is not as it was written")
        return person.id


def _impossible(step: Step) -> None:
    raise CallRefused(f"HubSpot has no call that does this: {step.action} of {step.address}")


def _names(name: Json) -> dict[str, Json]:
    """A name is one text here, and two there: whatever is split so reads back as it was."""
    if not isinstance(name, str) or not name:
        return {}
    first, _, last = name.partition(" ")
    return {"firstName": first, "lastName": last}
