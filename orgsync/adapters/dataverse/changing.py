"""Which operations carry out a step about people: memberships, grants, who comes and goes and moves.

In: a step, links. Out: work. Never: creates or deletes a user; touches a licence.
"""

from orgsync.adapters.dataverse.making import Making
from orgsync.adapters.dataverse.work import Impossible, Links, Work
from orgsync.change import Action, Step
from orgsync.resources import Kind, address, kind_of, parts_of

_PEOPLE = "systemusers"


class Changing:
    def __init__(self, making: Making, links: Links) -> None:
        self._making, self._links = making, links

    def of(self, step: Step) -> Work:
        """Raises Impossible."""
        match kind_of(step.address):
            case Kind.MEMBERSHIP:
                return self._membership(step)
            case Kind.GRANT:
                return self._grant(step)
            case Kind.USER:
                return self._user(step)
        return self._making.of(step)

    def _membership(self, step: Step) -> Work:
        unit, login = parts_of(step.address)
        team = self._making.team(self._links.id(address(Kind.UNIT, unit)))
        user, work = self._links.id(address(Kind.USER, login)), Work()
        if step.action is Action.DELETE:
            work.delete(f"teams({team})/teammembership_association({user})/$ref")
        else:
            self._links.member(work, team, user)
        return work

    def _grant(self, step: Step) -> Work:
        """The role's copy in the business unit where the user is at home."""
        _, login, key = parts_of(step.address)
        user, work = self._links.id(address(Kind.USER, login)), Work()
        if step.action is Action.DELETE:
            self._links.take(work, _PEOPLE, user, self._links.role(key))
        else:
            self._links.give(work, _PEOPLE, user, self._links.copy(key, self._links.index.place.get(user, "")))
        return work

    def _user(self, step: Step) -> Work:
        if step.action is not Action.UPDATE:
            raise Impossible("people are neither created nor deleted here: they come from Microsoft Entra")
        user = self._links.id(step.address, step.remote_id)
        work, body = Work(id=user), dict[str, object]()
        if "active" in step.after:
            body["isdisabled"] = step.after["active"] is False
        if "businessUnit" not in step.after:
            work.patch(f"{_PEOPLE}({user})", body)
            return work
        place = self._making.place(Kind.BUSINESS_UNIT, step.after["businessUnit"])
        leaves = body if body.get("isdisabled") else {}
        stays = {} if leaves else body
        work.patch(f"{_PEOPLE}({user})", {**stays, "businessunitid@odata.bind": f"/businessunits({place})"})
        self._move(work, user, place)
        if leaves:  # last: nobody who is disabled is given a role
            work.patch(f"{_PEOPLE}({user})", leaves)
        return work

    def _move(self, work: Work, user: str, place: str) -> None:
        """Takes every role: those of others are given again with it, those of ours by steps that come after."""
        index, carried = self._links.index, self._links.carried(user, place)
        left: set[str] = set() if index.strips else {*carried}
        work.learns += [
            lambda: index.place.__setitem__(user, place),
            lambda: index.held.__setitem__(user, left),
        ]
        for copy in carried if index.strips else ():
            if index.root_of[copy][0] not in index.ours:
                self._links.give(work, _PEOPLE, user, copy)
