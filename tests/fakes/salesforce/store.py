"""What an org holds, and the rules by which it takes and refuses records.

In: one record's write. Out: an id, or a Refusal in the platform's words. Never: knows HTTP.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from copy import deepcopy
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

from tests.fakes.salesforce.schema import (
    ACCESS,
    FLAGS,
    MASTERS,
    MOST_PARTS,
    NEEDS,
    OBJECTS,
    PERMISSIONABLE,
    TYPES,
    WITHOUT_ALL,
    Field,
)

Record = dict[str, Any]
_NAME = re.compile(r"[A-Za-z](?:_?[A-Za-z0-9])*\Z")
_STAMP = "%Y-%m-%dT%H:%M:%S.000+0000"
_BEGIN = datetime(2026, 11, 1, tzinfo=UTC)
_NEXT: dict[str, type] = {"string": str, "boolean": bool, "datetime": str, "id": str, "reference": str}


class Refusal(Exception):
    """A StatusCode of the platform, its message and the fields."""

    def __init__(self, code: str, message: str, *fields: str) -> None:
        super().__init__(message)
        self.code, self.message, self.fields = code, message, list(fields)


_LOCKED = ("UNABLE_TO_LOCK_ROW", "unable to obtain exclusive access to this record")


@dataclass
class Org:
    """``limit``, ``used``: API calls of the day; ``rows``: of a page, at most; ``locks``: writes that meet a lock;
    ``blocked``: writing calls that one refuses as a whole; ``expiring``: locators that will be gone.

    ``lag``: looks at a permission set group until it is recalculated; ``failing``: until that fails.
    ``opportunities``: the org-wide default of opportunities, below which no role's access goes.
    ``readable``: objects on which the integration user has Read, and which it is therefore shown.
    ``refused``: an object that nobody may update; ``hidden``: one that the integration user does not see.
    """

    tables: dict[str, dict[str, Record]] = field(default_factory=lambda: {name: {} for name in OBJECTS})
    limit: int = 100_000
    used: int = 0
    rows: int = 2000
    locks: int = 0
    blocked: int = 0
    expiring: int = 0
    lag: int = 2
    failing: bool = False
    opportunities: str = "None"
    readable: tuple[str, ...] = ()
    refused: str = ""
    hidden: str = ""
    admin: str = ""
    actor: str = ""
    _count: int = 0
    _due: dict[str, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.actor = self.admin = self.person("integration@example.com", "Integration")
        self.tables["User"][self.admin]["LastModifiedById"] = self.admin
        for name in PERMISSIONABLE:
            self.put("EntityDefinition", DurableId=name, QualifiedApiName=name, InternalSharingModel="Private")
        everything = {name: True for name in OBJECTS["PermissionSet"].fields if name.startswith("Permissions")}
        profile = self.put("PermissionSet", Name="X00ex", Label="X00ex", IsOwnedByProfile=True, **everything)
        self.tables["PermissionSet"][profile]["Type"] = "Profile"
        self.put("PermissionSetAssignment", AssigneeId=self.admin, PermissionSetId=profile)

    def person(self, login: str, name: str = "Person", **more: Any) -> str:
        return self.put("User", **{"Username": login, "Email": login, "LastName": name, "Name": name, **more})

    def put(self, sobject: str, **values: Any) -> str:
        """Past all rules: what the platform or an administrator made."""
        self._count += 1
        id_ = f"{OBJECTS[sobject].prefix}XX{self._count:010d}AAA"
        blank = {name: spec.default for name, spec in OBJECTS[sobject].fields.items()}
        self.tables[sobject][id_] = {**blank, "Id": id_, **values}
        self._touch(sobject, id_)
        return id_

    def _touch(self, sobject: str, id_: str) -> None:
        if "LastModifiedDate" in OBJECTS[sobject].fields:
            self._count += 1
            moment = _BEGIN + timedelta(seconds=self._count)
            stamp = {"LastModifiedDate": moment.strftime(_STAMP), "LastModifiedById": self.actor}
            self.tables[sobject][id_] |= stamp

    def snapshot(self) -> dict[str, dict[str, Record]]:
        return deepcopy(self.tables)

    def create(self, sobject: str, values: Mapping[str, Any]) -> str:
        spec = self._object(sobject, "create")
        self._check_fields(sobject, values, "create")
        for name, one in spec.fields.items():
            if one.required and values.get(name) is None:
                raise Refusal("REQUIRED_FIELD_MISSING", f"Required fields are missing: [{name}]", name)
        self._wait_for_locks()
        blank = {name: one.default for name, one in spec.fields.items() if name != "Id"}
        record = {**blank, **values}
        if sobject == "GroupMember" and (same := self._same_member(record)):
            return same
        self._rules(sobject, "", record)
        id_ = self.put(sobject, **{**blank, **record})
        self._outdate(sobject, record)
        self._log(sobject, record, "assigned to")
        return id_

    def update(self, sobject: str, id_: str, values: Mapping[str, Any]) -> None:
        self._object(sobject, "update")
        if sobject == self.refused:
            raise Refusal("INSUFFICIENT_ACCESS_OR_READONLY", "insufficient access rights on object id")
        current = self._existing(sobject, id_)
        self._check_fields(sobject, values, "update")
        self._wait_for_locks()
        record = {**current, **values}
        self._rules(sobject, id_, record)
        self._outdate(sobject, record)
        if sobject == "ObjectPermissions" and not any(record[flag] for flag in FLAGS):
            del self.tables[sobject][id_]
            return
        self.tables[sobject][id_] = record
        self._touch(sobject, id_)

    def delete(self, sobject: str, id_: str) -> None:
        self._object(sobject, "delete")
        self._existing(sobject, id_)
        self._wait_for_locks()
        self._outdate(sobject, self.tables[sobject][id_])
        gone = self.tables[sobject][id_]
        if sobject == "PermissionSetGroup":
            if any(one["PermissionSetGroupId"] == id_ for one in self.tables["PermissionSetAssignment"].values()):
                raise Refusal("DELETE_FAILED", "This permission set group is assigned to users.")
            self._cascade("PermissionSetGroupComponent", PermissionSetGroupId=id_)
            self._cascade("PermissionSet", Type="Group", Name=gone["DeveloperName"])
        if sobject == "ObjectPermissions":
            kept = [one for key, one in self.tables[sobject].items() if key != id_]
            _object_permissions({**gone, **dict.fromkeys(FLAGS, False)}, kept)
        if sobject == "UserRole":
            below = [one for one in self.tables["UserRole"].values() if one["ParentRoleId"] == id_]
            if below or any(one["UserRoleId"] == id_ for one in self.tables["User"].values()):
                raise Refusal("DELETE_FAILED", "The role has users assigned, or roles below it.")
        if sobject == "PermissionSet":
            if any(one["PermissionSetId"] == id_ for one in self.tables["PermissionSetGroupComponent"].values()):
                raise Refusal("DELETE_FAILED", "This permission set is part of a permission set group.")
            if any(one["PermissionSetId"] == id_ for one in self.tables["PermissionSetAssignment"].values()):
                raise Refusal("DELETE_FAILED", "This permission set can't be deleted while it is assigned to users.")
            self._cascade("ObjectPermissions", ParentId=id_)
        if sobject == "Group":
            self._cascade("GroupMember", GroupId=id_)
            self._cascade("GroupMember", UserOrGroupId=id_)
        self._log(sobject, gone, "unassigned from")
        del self.tables[sobject][id_]

    def _outdate(self, sobject: str, record: Record) -> None:
        """What a group gives is worked out later, when what it is made of changes."""
        parts = self.tables["PermissionSetGroupComponent"].values()
        touched = {
            "ObjectPermissions": lambda: [
                one["PermissionSetGroupId"] for one in parts if one["PermissionSetId"] == record["ParentId"]
            ],
            "PermissionSetGroupComponent": lambda: [record["PermissionSetGroupId"]],
        }
        for group in touched[sobject]() if sobject in touched else ():
            self.tables["PermissionSetGroup"][group] |= {"Status": "Outdated"}
            self._due[group] = self.lag

    def _log(self, sobject: str, record: Record, verb: str) -> None:
        """In the Setup Audit Trail: a sentence with names, and no ids."""
        taken = verb.startswith("un")
        if sobject == "PermissionSetAssignment" and record["PermissionSetGroupId"]:
            label = self.tables["PermissionSetGroup"][record["PermissionSetGroupId"]]["MasterLabel"]
            action = "PermSetGroupUnassign" if taken else "PermSetGroupAssign"
            self._say(action, f"Permission set group {label}", verb, record["AssigneeId"])
        elif sobject == "PermissionSetAssignment":
            label = self.tables["PermissionSet"][record["PermissionSetId"]]["Label"]
            action = "PermSetUnassign" if taken else "PermSetAssign"
            self._say(action, f"Permission set {label}", verb, record["AssigneeId"])
        elif sobject == "GroupMember" and record["UserOrGroupId"] in self.tables["User"]:
            name = self.tables["Group"][record["GroupId"]]["Name"]
            self._say("groupMembership", f"Group {name}", verb, record["UserOrGroupId"])

    def _say(self, action: str, what: str, verb: str, user: str) -> None:
        display = f"{what}: {verb} user {self.tables['User'][user]['Name']}"
        moment = (_BEGIN + timedelta(seconds=self._count)).strftime(_STAMP)
        row = {"Action": action, "Section": "Manage Users", "Display": display, "CreatedDate": moment}
        self.put("SetupAuditTrail", **row, CreatedById=self.actor)

    @staticmethod
    def days_ago(days: int) -> str:
        return (_BEGIN + timedelta(days=1 - days)).strftime(_STAMP)

    def tick(self) -> None:
        """Somebody looks at the permission set groups: time has passed."""
        for group, left in self._due.items():
            if group in self.tables["PermissionSetGroup"] and left >= 0:
                done = "Failed" if self.failing else "Updated"
                self.tables["PermissionSetGroup"][group]["Status"] = "Updating" if left else done
                self._due[group] = left - 1

    def _cascade(self, sobject: str, **where: str) -> None:
        table = self.tables[sobject]
        for id_ in [id_ for id_, one in table.items() if where.items() <= one.items()]:
            del table[id_]

    def type_of(self, id_: object) -> str:
        if isinstance(id_, str) and len(id_) == 18:
            for name, spec in OBJECTS.items():
                if id_.startswith(spec.prefix):
                    return name
        raise Refusal("MALFORMED_ID", f"malformed id {id_}")

    def _wait_for_locks(self) -> None:
        if self.locks:
            self.locks -= 1
            raise Refusal(*_LOCKED)

    def wait_for_block(self) -> None:
        if self.blocked:
            self.blocked -= 1
            raise Refusal(*_LOCKED)

    def _object(self, sobject: str, what: str) -> Any:
        if sobject not in OBJECTS:
            raise Refusal("INVALID_TYPE", f"sObject type '{sobject}' is not supported.")
        if not getattr(OBJECTS[sobject], what):
            raise Refusal("CANNOT_INSERT_UPDATE_ACTIVATE_ENTITY", f"entity type cannot be {what}d: {sobject}")
        return OBJECTS[sobject]

    def _existing(self, sobject: str, id_: str) -> Record:
        if self.type_of(id_) != sobject:
            raise Refusal("MALFORMED_ID", f"{id_} is no id of {sobject}")
        if id_ not in self.tables[sobject]:
            raise Refusal("ENTITY_IS_DELETED", "entity is deleted")
        return self.tables[sobject][id_]

    def _check_fields(self, sobject: str, values: Mapping[str, Any], what: str) -> None:
        for name, value in values.items():
            spec = OBJECTS[sobject].fields.get(name)
            if spec is None:
                raise Refusal("INVALID_FIELD", f"No such column '{name}' on sobject of type {sobject}", name)
            if not getattr(spec, what):
                raise Refusal(
                    "INVALID_FIELD_FOR_INSERT_UPDATE", f"Unable to create/update fields: {name}. Read-only.", name
                )
            self._check_value(name, spec, value)

    def _check_value(self, name: str, spec: Field, value: Any) -> None:
        if value is None or value == "":
            if not spec.nillable:
                raise Refusal("REQUIRED_FIELD_MISSING", f"Required fields are missing: [{name}]", name)
            return
        if not _is(value, _NEXT[spec.type]):
            raise Refusal("JSON_PARSER_ERROR", f"Cannot deserialize {name}: {value!r}", name)
        if spec.type == "string" and len(value) > spec.length:
            raise Refusal("STRING_TOO_LONG", f"{name}: data value too large (max length={spec.length})", name)
        if spec.type == "datetime":
            _moment(value)
        if spec.to and self.type_of(value) not in spec.to:
            raise Refusal("FIELD_INTEGRITY_EXCEPTION", f"{name}: id value of incorrect type: {value}", name)
        if spec.to and value not in self.tables[self.type_of(value)]:
            raise Refusal("INVALID_CROSS_REFERENCE_KEY", "invalid cross reference id", name)

    def _rules(self, sobject: str, id_: str, record: Record) -> None:
        others = [one for key, one in self.tables[sobject].items() if key != id_]
        rules: Mapping[str, Callable[[Record, list[Record]], None]] = {
            "Group": _group,
            "PermissionSet": _permission_set,
            "ObjectPermissions": _object_permissions,
            "PermissionSetAssignment": partial(self._assignment, id_),
            "GroupMember": self._member,
            "PermissionSetGroup": _bundle,
            "UserRole": partial(self._role, id_),
            "PermissionSetGroupComponent": self._part,
            "User": _user,
        }
        rules[sobject](record, others)

    def _same_member(self, record: Record) -> str:
        wanted = {"GroupId": record["GroupId"], "UserOrGroupId": record["UserOrGroupId"]}
        return next((id_ for id_, one in self.tables["GroupMember"].items() if wanted.items() <= one.items()), "")

    def _member(self, record: Record, _: list[Record]) -> None:
        if record["GroupId"] in {record["UserOrGroupId"], *self._below(record["UserOrGroupId"])}:
            raise Refusal("CIRCULAR_DEPENDENCY", "a group cannot contain itself", "UserOrGroupId")

    def _role(self, id_: str, record: Record, others: list[Record]) -> None:
        _check_name(str(record["DeveloperName"]), "DeveloperName")
        if any(str(one["DeveloperName"]).lower() == record["DeveloperName"].lower() for one in others):
            raise Refusal("DUPLICATE_DEVELOPER_NAME", "the developer name is in use", "DeveloperName")
        if record["OpportunityAccessForAccountOwner"] not in ACCESS[ACCESS.index(self.opportunities) :]:
            raise Refusal("FIELD_INTEGRITY_EXCEPTION", "below the default", "OpportunityAccessForAccountOwner")
        above = record["ParentRoleId"]
        while above is not None:
            if above == id_:
                raise Refusal("CIRCULAR_DEPENDENCY", "a role cannot be above itself", "ParentRoleId")
            above = self.tables["UserRole"][above]["ParentRoleId"]

    def _part(self, record: Record, others: list[Record]) -> None:
        pair = (record["PermissionSetGroupId"], record["PermissionSetId"])
        if any((one["PermissionSetGroupId"], one["PermissionSetId"]) == pair for one in others):
            raise Refusal("DUPLICATE_VALUE", "duplicate value found: PermissionSetGroupId, PermissionSetId")
        if sum(one["PermissionSetGroupId"] == pair[0] for one in others) >= MOST_PARTS:
            raise Refusal("LIMIT_EXCEEDED", f"a permission set group has at most {MOST_PARTS} permission sets")
        if self.tables["PermissionSet"][record["PermissionSetId"]]["Type"] != "Regular":
            raise Refusal("FIELD_INTEGRITY_EXCEPTION", "a group is made of regular permission sets", "PermissionSetId")

    def _below(self, group: str) -> Iterator[str]:
        for one in self.tables["GroupMember"].values():
            if one["GroupId"] == group:
                yield one["UserOrGroupId"]
                yield from self._below(one["UserOrGroupId"])

    def _assignment(self, id_: str, record: Record, others: list[Record]) -> None:
        """Whoever is assigned a group is assigned the set that holds together what it gives."""
        if not id_ and (record["PermissionSetId"] is None) is (record["PermissionSetGroupId"] is None):
            raise Refusal("FIELD_INTEGRITY_EXCEPTION", "one of the set and the group is assigned", "PermissionSetId")
        if record["PermissionSetGroupId"] is not None:
            record["PermissionSetId"] = self._together(record["PermissionSetGroupId"])
        held = ("AssigneeId", "PermissionSetId", "PermissionSetGroupId")
        if any(all(one[name] == record[name] for name in held) for one in others):
            raise Refusal("DUPLICATE_VALUE", "Duplicate PermissionSetAssignment. Assignee, Permission Set pair exists")
        if record["PermissionSetId"] and self.tables["PermissionSet"][record["PermissionSetId"]]["IsOwnedByProfile"]:
            raise Refusal("FIELD_INTEGRITY_EXCEPTION", "a profile is not assigned this way", "PermissionSetId")
        group = self.tables["PermissionSetGroup"].get(record["PermissionSetGroupId"], {"Status": "Updated"})
        if group["Status"] != "Updated" and not id_:
            raise Refusal("FIELD_INTEGRITY_EXCEPTION", "the permission set group is being recalculated")
        if record["ExpirationDate"] and _moment(record["ExpirationDate"]) <= _BEGIN:
            raise Refusal("FIELD_INTEGRITY_EXCEPTION", "the expiration date is in the past", "ExpirationDate")

    def _together(self, group: str) -> str:
        name = self.tables["PermissionSetGroup"][group]["DeveloperName"]
        sets = self.tables["PermissionSet"].items()
        found = next((id_ for id_, one in sets if (one["Type"], one["Name"]) == ("Group", name)), "")
        return found or self.put("PermissionSet", Name=name, Label=name, Type="Group")


def _is(value: object, wanted: type) -> bool:
    return isinstance(value, wanted)


def _moment(value: str) -> datetime:
    try:
        return datetime.strptime(value, "%Y-%m-%dT%H:%M:%S.%f%z")
    except ValueError:
        raise Refusal("JSON_PARSER_ERROR", f"no dateTime: {value}") from None


def _user(record: Record, others: list[Record]) -> None:
    if any(one["Username"].lower() == record["Username"].lower() for one in others):
        raise Refusal("DUPLICATE_USERNAME", "Duplicate Username.", "Username")


def _group(record: Record, others: list[Record]) -> None:
    if record["Type"] not in TYPES:
        raise Refusal("INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST", "bad value for restricted picklist", "Type")
    record["DeveloperName"] = record["DeveloperName"] or re.sub(r"\W+", "_", record["Name"]).strip("_")
    _check_name(record["DeveloperName"], "DeveloperName")
    mine = (record["DeveloperName"].lower(), record["Type"])
    if any((one["DeveloperName"].lower(), one["Type"]) == mine for one in others):
        raise Refusal("DUPLICATE_DEVELOPER_NAME", "the developer name is in use", "DeveloperName")


def _bundle(record: Record, others: list[Record]) -> None:
    _check_name(record["DeveloperName"], "DeveloperName")
    if any(_full(one, "DeveloperName") == _full(record, "DeveloperName") for one in others):
        raise Refusal("DUPLICATE_DEVELOPER_NAME", "the developer name is in use", "DeveloperName")


def _full(record: Record, name: str) -> tuple[object, str]:
    """A package has names of its own."""
    return record["NamespacePrefix"], record[name].lower()


def _permission_set(record: Record, others: list[Record]) -> None:
    _check_name(record["Name"], "Name")
    if any(_full(one, "Name") == _full(record, "Name") for one in others):
        raise Refusal("DUPLICATE_DEVELOPER_NAME", "the name is in use", "Name")


def _check_name(name: str, at: str) -> None:
    if not _NAME.match(name):
        raise Refusal("INVALID_API_NAME", "letters, digits and single underscores; begins with a letter", at)


def _object_permissions(record: Record, others: list[Record]) -> None:
    if record["SobjectType"] not in PERMISSIONABLE:
        raise Refusal("INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST", "bad value for restricted picklist", "SobjectType")
    pair = (record["ParentId"], record["SobjectType"])
    if any((one["ParentId"], one["SobjectType"]) == pair for one in others):
        raise Refusal("DUPLICATE_VALUE", "duplicate value found: ParentId, SobjectType", "SobjectType")
    rows = {one["SobjectType"]: one for one in others if one["ParentId"] == record["ParentId"]} | {
        record["SobjectType"]: record
    }
    for detail, master in MASTERS.items():
        for flag in ("PermissionsRead", "PermissionsViewAllRecords"):
            if rows.get(detail, {}).get(flag) and not rows.get(master, {}).get(flag):
                raise Refusal("FIELD_INTEGRITY_EXCEPTION", f"{flag} {detail} depends on permission(s): {master}")
    for flag, needed in NEEDS.items():
        lacking = [one for one in needed if record[flag] and not record[one]]
        if lacking:
            raise Refusal("FIELD_INTEGRITY_EXCEPTION", f"{flag} depends on permissions: {', '.join(lacking)}", *lacking)
    if record["SobjectType"] in WITHOUT_ALL:
        record |= {"PermissionsViewAllRecords": False, "PermissionsModifyAllRecords": False}
