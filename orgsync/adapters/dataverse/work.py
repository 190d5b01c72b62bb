"""What a step becomes: operations, and what the index learns once they were carried out.

In: ids and an index, while steps are prepared. Out: work. Never: sends anything.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from orgsync.adapters.dataverse.api import Api
from orgsync.adapters.dataverse.batch import Operation
from orgsync.adapters.dataverse.index import Index
from orgsync.resources import Address, Kind, RemoteId, address

NEW: Mapping[str, str] = {"If-None-Match": "*"}
THERE: Mapping[str, str] = {"If-Match": "*"}
"""An update by PATCH makes what is not there, unless it says that it must be."""
_RELATIONS = {"teams": "teamroles_association", "systemusers": "systemuserroles_association"}


class Impossible(Exception):
    """Why a step cannot be written: nothing was sent for it."""


@dataclass(slots=True, kw_only=True)
class Work:
    """``id``: of what is made or changed; ``later``: what can only be said once the operations were carried out."""

    id: RemoteId | None = None
    operations: list[Operation] = field(default_factory=list)
    learns: list[Callable[[], object]] = field(default_factory=list)
    later: "Callable[[], Work] | None" = None

    def patch(self, path: str, body: Mapping[str, object], headers: Mapping[str, str] = THERE) -> None:
        self.operations.append(Operation(method="PATCH", path=path, body=body, headers=headers))

    def post(self, path: str, body: Mapping[str, object]) -> None:
        self.operations.append(Operation(method="POST", path=path, body=body))

    def delete(self, path: str) -> None:
        self.operations.append(Operation(method="DELETE", path=path))

    def learn(self) -> None:
        for one in self.learns:
            one()


class Links:
    """Roles of teams and people, by the copy that counts where they are.

    ``refresh``: learns where the copies are of roles and business units that came into being meanwhile.
    """

    def __init__(self, api: Api, ids: Mapping[Address, RemoteId], index: Index, refresh: Callable[[], None]) -> None:
        self._api, self._ids, self.index = api, ids, index
        self._refresh, self._fresh = refresh, False

    def id(self, at: Address, known: RemoteId | None = None) -> RemoteId:
        """Raises Impossible."""
        found = known or self._ids.get(at)
        if found is None:
            raise Impossible(f"{at} is not in Dataverse")
        return found

    def role(self, key: str) -> RemoteId:
        return self.id(address(Kind.ROLE, key))

    def copy(self, key: str, place: RemoteId) -> RemoteId:
        """The role as it is in that business unit. Raises Impossible."""
        root = self.role(key)
        if (root, place) not in self.index.copies:
            self._look_again()
        found = self.index.copies.get((root, place))
        if found is None:
            raise Impossible(f"the role {key} has no copy in the business unit {place}")
        return found

    def carried(self, holder: RemoteId, place: RemoteId) -> list[RemoteId]:
        """What somebody holds, as it is in another business unit; what has no copy there is lost."""
        found, lost = self.index.carried(holder, place)
        if lost:
            self._look_again()
            found, _ = self.index.carried(holder, place)
        return found

    def _look_again(self) -> None:
        """Once for all steps of a batch."""
        if not self._fresh:
            self._refresh()
            self._fresh = True

    def member(self, work: Work, team: RemoteId, user: RemoteId) -> None:
        work.post(f"teams({team})/teammembership_association/$ref", self._to(f"systemusers({user})"))

    def give(self, work: Work, holders: str, holder: RemoteId, copy: RemoteId) -> None:
        """``holders``: teams or systemusers."""
        work.post(f"{holders}({holder})/{_RELATIONS[holders]}/$ref", self._to(f"roles({copy})"))
        work.learns.append(lambda: self.index.held.setdefault(holder, set()).add(copy))

    def _to(self, path: str) -> dict[str, str]:
        return {"@odata.id": self._api.link(path)}

    def take(self, work: Work, holders: str, holder: RemoteId, root: RemoteId) -> None:
        """Every copy of it: people may hold several where the environment allows it."""
        copies = self.index.held_of(holder, root)
        for copy in copies:
            work.delete(f"{holders}({holder})/{_RELATIONS[holders]}({copy})/$ref")
        work.learns.append(lambda: self.index.held.get(holder, set()).difference_update(copies))
