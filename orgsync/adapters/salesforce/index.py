"""Where the records stand that belong to no address: filled by reading, kept up to date by writing.

In: records as they come and as they were written. Out: their ids. Never: asks the server.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from orgsync.adapter import Snapshot
from orgsync.adapters.salesforce.api import Row
from orgsync.resources import RemoteId

Pair = tuple[RemoteId, RemoteId]
OWN_PART, BUNDLE, NODE = "ownpart", "bundle", "node"
"""Names of nodes in a graph: a role's own set in its group, that group, a unit's node in the role hierarchy."""


@dataclass(slots=True, kw_only=True)
class Index:
    """What Salesforce calls things: a *bundle* is a permission set group, its *parts* are its components, a *node* is
    a role of the role hierarchy, a *seat* is the role that somebody has in it.

    links      (group, member group) -> GroupMember
    rows       (permission set, object) -> ObjectPermissions
    sets       permission set -> its record
    bundles    permission set of a role -> that role's bundle
    parts      (bundle, permission set) -> component
    direct     (person, permission set) -> assignment of the set itself
    unsettled  bundles may be about to be recalculated; ``stuck``: those that are not up to date -> their status
    nodes      group of a unit -> its node; ``strays``: key -> node without a group
    seats      person -> node
    """

    snapshot: Snapshot = field(default_factory=Snapshot)
    links: dict[Pair, RemoteId] = field(default_factory=dict)
    rows: dict[tuple[RemoteId, str], RemoteId] = field(default_factory=dict)
    sets: dict[RemoteId, Row] = field(default_factory=dict)
    bundles: dict[RemoteId, RemoteId] = field(default_factory=dict)
    parts: dict[Pair, RemoteId] = field(default_factory=dict)
    direct: dict[Pair, RemoteId] = field(default_factory=dict)
    unsettled: bool = False
    stuck: dict[RemoteId, str] = field(default_factory=dict)
    nodes: dict[RemoteId, RemoteId] = field(default_factory=dict)
    strays: dict[str, RemoteId] = field(default_factory=dict)
    seats: dict[RemoteId, RemoteId | None] = field(default_factory=dict)

    def sit(self, records: Iterable[Row]) -> None:
        """People whose role in the hierarchy was written."""
        self.seats.update({one["id"]: one["UserRoleId"] for one in records if "UserRoleId" in one})

    def add(self, sobject: str, reference: str, body: Mapping[str, Any], id_: RemoteId) -> None:
        """A record that a graph has made."""
        match sobject:
            case "GroupMember":
                self.links[body["GroupId"], body["UserOrGroupId"]] = id_
            case "ObjectPermissions":
                self.rows[body["ParentId"], body["SobjectType"]] = id_
            case "PermissionSetGroupComponent":
                self.parts[body["PermissionSetGroupId"], body["PermissionSetId"]] = id_
                if reference == OWN_PART:
                    self.bundles[body["PermissionSetId"]] = body["PermissionSetGroupId"]
