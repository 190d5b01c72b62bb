"""People who join and leave teams: through the Teams API, or, where that is closed, through the list of each user.

In: a batch of memberships, ids, an index. Out: one outcome per step. Never: takes one member's outcome for another's.
"""

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial

from orgsync.adapter import Snapshot
from orgsync.adapters.http import carry_out, found
from orgsync.adapters.hubspot.api import BATCH, Api
from orgsync.adapters.hubspot.reading import Index
from orgsync.adapters.hubspot.values import Person
from orgsync.change import Action, Batch, Outcome, Status, Step
from orgsync.errors import CallRefused, UnknownOutcome
from orgsync.resources import Address, Kind, RemoteId, parts_of


@dataclass(frozen=True, slots=True, kw_only=True)
class _Edge:
    step: Step
    team: RemoteId
    person: Person


class Members:
    def __init__(
        self,
        api: Api,
        index: Index,
        ids: Mapping[Address, RemoteId],
        look: Callable[[], Snapshot],
        *,
        through_teams: bool,
    ) -> None:
        self._api, self._index, self._ids, self._look = api, index, ids, look
        self._through_teams = through_teams

    def carry_out(self, batch: Batch) -> list[Outcome]:
        """Raises AdapterError where HubSpot cannot be spoken to."""
        edges, outcomes = self._prepared(batch)
        leaving = batch.action is Action.DELETE
        if self._through_teams and not leaving:
            outcomes += self._joined(edges)
        else:
            send = self._leave if self._through_teams else self._change
            outcomes += [self._singly(edge, partial(send, edge)) for edge in edges]
        by_id = {one.id: one for one in outcomes}
        return [by_id[step.id] for step in batch.steps]

    def _prepared(self, batch: Batch) -> tuple[list[_Edge], list[Outcome]]:
        """What is so already, by the main team or since somebody was here before, needs no call."""
        edges: list[_Edge] = []
        outcomes: list[Outcome] = []
        for step in batch.steps:
            unit, login = parts_of(step.address)
            team = self._ids.get(f"{Kind.UNIT}/{unit}")
            person = self._index.people.get(self._ids.get(f"{Kind.USER}/{login}", ""))
            if team is None or person is None:
                lacking = f"{Kind.USER}/{login}" if team else f"{Kind.UNIT}/{unit}"
                outcomes.append(_outcome(step, Status.FAILED, f"{lacking} is not in HubSpot"))
            elif (team in person.teams) is (batch.action is Action.CREATE):
                outcomes.append(_outcome(step, Status.APPLIED, "", person.id))
            else:
                edges.append(_Edge(step=step, team=team, person=person))
        return edges, outcomes

    def _joined(self, edges: Sequence[_Edge]) -> list[Outcome]:
        by_team: dict[RemoteId, list[_Edge]] = defaultdict(list)
        for edge in edges:
            by_team[edge.team].append(edge)
        outcomes = [one for team, some in by_team.items() for one in self._join(team, some)]
        if any(one.status is Status.UNKNOWN for one in outcomes):
            live = self._look()
            steps = {edge.step.id: edge.step for edge in edges}
            outcomes = [_settled(one, steps[one.id], live) for one in outcomes]
        return outcomes

    def _join(self, team: RemoteId, edges: Sequence[_Edge]) -> Iterator[Outcome]:
        for start in range(0, len(edges), BATCH):
            some = edges[start : start + BATCH]
            try:
                said = self._api.add_members(team, [edge.person.id for edge in some])
            except CallRefused:
                yield from (self._singly(edge, partial(self._join_alone, edge)) for edge in some)
            except UnknownOutcome as problem:
                yield from (_outcome(edge.step, Status.UNKNOWN, str(problem)) for edge in some)
            else:
                yield from (self._of_batch(edge, said.get(edge.person.id)) for edge in some)

    def _of_batch(self, edge: _Edge, why: str | None) -> Outcome:
        if why is None:
            return _outcome(edge.step, Status.UNKNOWN, "the answer does not say what became of this member")
        if why:
            return _outcome(edge.step, Status.FAILED, why)
        self._note(edge, joined=True)
        return _outcome(edge.step, Status.APPLIED, "", edge.person.id)

    def _join_alone(self, edge: _Edge) -> RemoteId:
        self._api.add_member(edge.team, edge.person.id)
        return self._note(edge, joined=True)

    def _leave(self, edge: _Edge) -> RemoteId:
        self._api.remove_member(edge.team, edge.person.id, main=edge.person.primary == edge.team)
        return self._note(edge, joined=False)

    def _change(self, edge: _Edge) -> RemoteId:
        """The whole list is written, as HubSpot wants it here: what somebody added since it was read is lost."""
        person = self._index.people[edge.person.id]
        if edge.step.action is Action.DELETE and person.primary == edge.team:
            raise CallRefused("only the Teams API (settings.users.teams.write) takes somebody out of their main team")
        joined = edge.step.action is Action.CREATE
        extra = person.extra | {edge.team} if joined else person.extra - {edge.team}
        answered = self._api.update_user(person.id, {"secondaryTeamIds": [*sorted(extra)]})
        if answered.extra != extra:
            raise UnknownOutcome(f"the user {person.id} is not as it was written")
        return self._note(edge, joined=joined)

    def _note(self, edge: _Edge, *, joined: bool) -> RemoteId:
        person = self._index.people[edge.person.id]
        extra = person.extra | {edge.team} if joined else person.extra - {edge.team}
        primary = "" if person.primary == edge.team and not joined else person.primary
        self._index.people[person.id] = replace(person, extra=extra, primary=primary)
        return person.id

    def _singly(self, edge: _Edge, send: Callable[[], RemoteId | None]) -> Outcome:
        return carry_out(edge.step, send, lambda: found(edge.step, self._look()), unique=True)


def _outcome(step: Step, status: Status, detail: str, remote_id: RemoteId | None = None) -> Outcome:
    return Outcome(
        id=step.id, address=step.address, action=step.action, status=status, remote_id=remote_id, detail=detail
    )


def _settled(doubt: Outcome, step: Step, live: Snapshot) -> Outcome:
    done, remote_id = found(step, live) if doubt.status is Status.UNKNOWN else (False, None)
    if not done:
        return doubt
    return replace(doubt, status=Status.APPLIED, remote_id=remote_id, detail=f"found by reading: {doubt.detail}")
