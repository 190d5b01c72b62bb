"""What is one record each: memberships, grants, people who come and go. Written by sObject Collections.

In: steps of one kind and action, ids. Out: what to send for each. Never: creates or deletes a user; touches a licence.
"""

from collections.abc import Mapping
from typing import Any
from zoneinfo import ZoneInfo

from orgsync.adapters.salesforce.convert import moment
from orgsync.adapters.salesforce.graphs import Impossible
from orgsync.change import Action, Step
from orgsync.resources import Address, Kind, RemoteId, kind_of, parts_of

SOBJECTS = {Kind.MEMBERSHIP: "GroupMember", Kind.GRANT: "PermissionSetAssignment", Kind.USER: "User"}


class Edges:
    def __init__(self, ids: Mapping[Address, RemoteId], zone: ZoneInfo) -> None:
        self._ids, self._zone = ids, zone

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
            return {**found, "IsActive": step.after["active"] is not False}
        return {**found, "ExpirationDate": moment(step.after.get("until"), self._zone)}

    def _created(self, kind: Kind, step: Step) -> dict[str, Any]:
        parts = parts_of(step.address)
        user = self._id(f"{Kind.USER}/{parts[1]}")
        if kind is Kind.MEMBERSHIP:
            return {"GroupId": self._id(f"{Kind.UNIT}/{parts[0]}"), "UserOrGroupId": user}
        ends = moment(step.after.get("until"), self._zone)
        record = {"AssigneeId": user, "PermissionSetId": self._id(f"{Kind.ROLE}/{parts[2]}")}
        return record | ({"ExpirationDate": ends} if ends else {})

    def _id(self, address: Address) -> RemoteId:
        found = self._ids.get(address)
        if found is None:
            raise Impossible(f"{address} is not in Salesforce")
        return found
