"""What the writer has to know besides the snapshot; kept up to date as rows are written.

In: rows. Out: where they stand. Never: asks anybody.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field, fields

from orgsync.adapter import Snapshot
from orgsync.adapters.dataverse.api import Row
from orgsync.resources import RemoteId


@dataclass(frozen=True, slots=True, kw_only=True)
class Text:
    """A description, and the mark in it."""

    text: str | None
    kind: str
    key: str


@dataclass(slots=True, kw_only=True)
class Index:
    """``me``: the user that we are; ``strips``: whether a move to another business unit takes roles.

    copies    (root role, business unit) -> the copy of the role there
    names     role, team or user -> what people call it
    root_of   copy -> (root role, business unit)
    groups    teams that are no business unit's default team
    place     team or user -> business unit
    held      team or user -> copies of roles
    teams     business unit -> the team in it, where units are business units
    texts     row of ours -> its description
    etags     team -> its version, until we have written it
    taken     ids that are in use
    ours      roles that are declared, or were
    """

    root: RemoteId = ""
    organization: str = ""
    me: RemoteId = ""
    strips: bool = True
    snapshot: Snapshot = field(default_factory=Snapshot)
    copies: dict[tuple[RemoteId, RemoteId], RemoteId] = field(default_factory=dict)
    root_of: dict[RemoteId, tuple[RemoteId, RemoteId]] = field(default_factory=dict)
    names: dict[RemoteId, str] = field(default_factory=dict)
    groups: set[RemoteId] = field(default_factory=set)
    place: dict[RemoteId, RemoteId] = field(default_factory=dict)
    held: dict[RemoteId, set[RemoteId]] = field(default_factory=dict)
    teams: dict[RemoteId, RemoteId] = field(default_factory=dict)
    texts: dict[RemoteId, Text] = field(default_factory=dict)
    etags: dict[RemoteId, str] = field(default_factory=dict)
    taken: set[RemoteId] = field(default_factory=set)
    ours: set[RemoteId] = field(default_factory=set)

    def become(self, fresh: "Index") -> None:
        """What was read anew; whoever holds this one goes on with it."""
        for one in fields(self):
            setattr(self, one.name, getattr(fresh, one.name))

    def forget(self, id_: RemoteId) -> None:
        """What was deleted, and what went with it: an id may come again."""
        for rows in (self.texts, self.etags, self.place, self.held, self.teams):
            rows.pop(id_, None)
        self.taken.discard(id_)
        self.ours.discard(id_)
        gone = [where for where in self.copies if id_ in where]
        for where in gone:
            self.root_of.pop(self.copies.pop(where), None)

    def learn(self, roles: Iterable[Row]) -> None:
        """Where every role's copies are."""
        found = {one["roleid"]: (one["_parentrootroleid_value"], one["_businessunitid_value"]) for one in roles}
        self.names |= {one["roleid"]: one["name"] for one in roles}
        self.root_of, self.copies = found, {where: id_ for id_, where in found.items()}
        self.taken |= found.keys()

    def held_of(self, holder: RemoteId, root: RemoteId) -> list[RemoteId]:
        """Copies of that role: a person may hold those of several business units where the environment allows it."""
        copies = self.held.get(holder, set())
        return sorted(copy for copy in copies if self.root_of.get(copy, ("", ""))[0] == root)

    def inside(self, part: RemoteId) -> list[str]:
        """Teams and roles of its own that a business unit has, by name, without the team of its members."""
        teams = (one for one in self.groups if self.place.get(one) == part and one != self.teams.get(part))
        roles = (one for one, where in self.root_of.items() if where == (one, part))
        return sorted(str(self.names.get(one, one)) for one in (*teams, *roles))

    def holders(self, root: RemoteId) -> list[str]:
        """Who holds any copy of that role, by name."""
        found = (holder for holder in self.held if self.held_of(holder, root))
        return sorted(str(self.names.get(holder, holder)) for holder in found)

    def carried(self, holder: RemoteId, place: RemoteId) -> tuple[list[RemoteId], list[RemoteId]]:
        """What somebody holds: (copies of it in another business unit, copies that have none there)."""
        found: list[RemoteId] = []
        lost: list[RemoteId] = []
        for copy in sorted(self.held.get(holder, ())):
            there = self.copies.get((self.root_of.get(copy, ("", ""))[0], place))
            (found if there else lost).append(there or copy)
        return found, lost
