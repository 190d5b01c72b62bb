"""What is one record each: memberships, grants, people who come and go. Written by sObject Collections.

In: steps of one kind and action, ids. Out: what to send for each. Never: creates or deletes a user; touches a licence.
"""

from collections.abc import Mapping
from typing import Any
from zoneinfo import ZoneInfo

from orgsync.adapters.salesforce.convert import moment
from orgsync.adapters.salesforce.graphs import Impossible, node_of
from orgsync.adapters.salesforce.index import Index
from orgsync.change import Action, Step
from orgsync.resources import Address, Kind, RemoteId, kind_of, parts_of

SOBJECTS = {Kind.MEMBERSHIP: "GroupMember", Kind.GRANT: "PermissionSetAssignment", Kind.USER: "User"}


class Edges:
    def __init__(self, ids: Mapping[Address, RemoteId], index: Index, zone: ZoneInfo) -> None:
        self._ids, self._index, self._zone = ids, index, zone

    def record(self, step: Step) -> dict[str, Any]:
        """Raises Impossible; a deletion is its ``id`` alone."""
        kind = kind_of(step.address)
        if kind is Kind.USER and step.action is not Action.UPDATE:
            raise Impossible("people are neither created nor deleted here: a user takes a licence, and stays for ever")
        if step.action is Action.CREATE:
            return self._created(kind, step)
        found = {"id": step.remote_id or self._id(step.address)}
        if step.action is Action.DELETE:
            return found
        if kind is Kind.USER:
            return {**found, **self._person(step)}
        return {**found, "ExpirationDate": moment(step.after.get("until"), self._zone)}

    def _created(self, kind: Kind, step: Step) -> dict[str, Any]:
        parts = parts_of(step.address)
        user = self._id(f"{Kind.USER}/{parts[1]}")
        if kind is Kind.MEMBERSHIP:
            return {"GroupId": self._id(f"{Kind.UNIT}/{parts[0]}"), "UserOrGroupId": user}
        ends = moment(step.after.get("until"), self._zone)
        record = {"AssigneeId": user, **self._held(step, parts[2])}
        return record | ({"ExpirationDate": ends} if ends else {})

    def bundle(self, step: Step) -> RemoteId | None:
        """The permission set group of a grant's role, where it has one."""
        return self._index.bundles.get(self._ids.get(f"{Kind.ROLE}/{parts_of(step.address)[2]}", ""))

    def _held(self, step: Step, role: str) -> dict[str, RemoteId]:
        """A permission set group that is not up to date is assigned to nobody (Apex Developer Guide: it fails)."""
        bundle = self.bundle(step)
        if bundle is None:
            return {"PermissionSetId": self._id(f"{Kind.ROLE}/{role}")}
        if status := self._index.stuck.get(bundle):
            raise Impossible(f"the permission set group of {Kind.ROLE}/{role} is {status}")
        return {"PermissionSetGroupId": bundle}

    def _person(self, step: Step) -> dict[str, Any]:
        """A user's role in the hierarchy is written by itself: no other object comes with it (mixed DML)."""
        body: dict[str, Any] = {"IsActive": step.after["active"] is not False} if "active" in step.after else {}
        if "unit" in step.after:
            body["UserRoleId"] = node_of(step.after["unit"], self._ids, self._index)
        return body

    def seated(self, step: Step) -> RemoteId | None:
        """The person of a membership, where they are at that very unit in the role hierarchy."""
        unit, login = parts_of(step.address)[:2]
        node = self._index.nodes.get(self._ids.get(f"{Kind.UNIT}/{unit}", ""))
        user = self._ids.get(f"{Kind.USER}/{login}", "")
        return user if node is not None and self._index.seats.get(user) == node else None

    def spare(self, step: Step) -> RemoteId | None:
        """The assignment of a permission set alone, where its group is what a grant means."""
        _, login, role = parts_of(step.address)
        own, user = self._ids.get(f"{Kind.ROLE}/{role}", ""), self._ids.get(f"{Kind.USER}/{login}", "")
        found = self._index.direct.get((user, own)) if own in self._index.bundles else None
        return found if found != step.remote_id else None

    def _id(self, address: Address) -> RemoteId:
        found = self._ids.get(address)
        if found is None:
            raise Impossible(f"{address} is not in Salesforce")
        return found
