"""The objects, as the Object Reference describes them: fields with types, and what may be done with them.

Never: a field that nothing needs; what is missing here is refused as unknown.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True, kw_only=True)
class Field:
    """``to``: the object that a reference leads to; ``relation``: how SOQL calls it."""

    type: str = "string"
    length: int = 255
    create: bool = False
    update: bool = False
    required: bool = False
    nillable: bool = True
    to: tuple[str, ...] = ()
    relation: str = ""
    default: object = None
    filter: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Object:
    prefix: str
    create: bool = False
    update: bool = False
    delete: bool = False
    fields: Mapping[str, Field] = field(default_factory=dict)


def _text(length: int, *, required: bool = False, nillable: bool = True) -> Field:
    return Field(length=length, create=True, update=True, required=required, nillable=nillable)


def _system() -> dict[str, Field]:
    return {
        "Id": Field(type="id", nillable=False),
        "LastModifiedDate": Field(type="datetime", nillable=False),
        "LastModifiedById": Field(type="reference", to=("User",), relation="LastModifiedBy"),
    }


def _flag(*, create: bool = True) -> Field:
    return Field(type="boolean", create=create, update=create, nillable=False, default=False)


def _fixed(*to: str, relation: str = "") -> Field:
    return Field(type="reference", create=True, required=True, nillable=False, to=to, relation=relation)


def _either(to: str) -> Field:
    return Field(type="reference", create=True, to=(to,), relation=to)


FLAGS = {
    f"Permissions{name}": _flag() for name in ("Read", "Create", "Edit", "Delete", "ViewAllRecords", "ModifyAllRecords")
}
SYSTEM_PERMISSIONS = {
    f"Permissions{name}": _flag()
    for name in (
        "ApiEnabled",
        "ViewSetup",
        "ManageUsers",
        "ManageProfilesPermissionsets",
        "AssignPermissionSets",
        "ViewAllData",
        "ModifyAllData",
        "ViewRoles",
        "ManageRoles",
    )
}
MOST_PARTS = 100
ACCESS = ("None", "Read", "Edit")
TYPES = ("Regular", "Queue")
OBJECTS: Mapping[str, Object] = {
    "User": Object(
        prefix="005",
        update=True,
        fields={
            **_system(),
            "Username": _text(80, nillable=False),
            "Email": _text(128, nillable=False),
            "LastName": _text(80, nillable=False),
            "FederationIdentifier": _text(512),
            "IsActive": Field(type="boolean", create=True, update=True, nillable=False, default=True),
            "Name": Field(nillable=False),
            "UserRoleId": Field(type="reference", create=True, update=True, to=("UserRole",), relation="UserRole"),
            "UserType": Field(nillable=False, default="Standard"),
        },
    ),
    "UserRole": Object(
        prefix="00E",
        create=True,
        update=True,
        delete=True,
        fields={
            **_system(),
            "Name": _text(80, required=True, nillable=False),
            "DeveloperName": _text(80),
            "ParentRoleId": Field(type="reference", create=True, update=True, to=("UserRole",), relation="ParentRole"),
            "RollupDescription": _text(80),
            "OpportunityAccessForAccountOwner": _text(40, required=True, nillable=False),
            "PortalType": Field(default="None"),
        },
    ),
    "Group": Object(
        prefix="00G",
        create=True,
        update=True,
        delete=True,
        fields={
            **_system(),
            "Name": _text(40, required=True, nillable=False),
            "DeveloperName": _text(80, nillable=False),
            "Description": _text(255),
            "Type": Field(create=True, required=True, nillable=False),
        },
    ),
    "GroupMember": Object(
        prefix="011",
        create=True,
        delete=True,
        fields={
            "Id": Field(type="id", nillable=False),
            "GroupId": _fixed("Group", relation="Group"),
            "UserOrGroupId": _fixed("User", "Group"),
        },
    ),
    "PermissionSet": Object(
        prefix="0PS",
        create=True,
        update=True,
        delete=True,
        fields={
            **_system(),
            "Name": _text(80, required=True, nillable=False),
            "Label": _text(80, required=True, nillable=False),
            "Description": _text(255),
            "IsOwnedByProfile": _flag(create=False),
            "NamespacePrefix": Field(length=15),
            "Type": Field(nillable=False, default="Regular"),
            **SYSTEM_PERMISSIONS,
        },
    ),
    "EntityDefinition": Object(
        prefix="4ie",
        fields={
            "DurableId": Field(nillable=False),
            "QualifiedApiName": Field(nillable=False),
            "InternalSharingModel": Field(nillable=False),
        },
    ),
    "SetupAuditTrail": Object(
        prefix="0Ym",
        fields={
            "Id": Field(type="id", nillable=False),
            "Action": Field(nillable=False),
            "Section": Field(filter=False),
            "Display": Field(length=1000, filter=False),
            "CreatedDate": Field(type="datetime", nillable=False),
            "CreatedById": Field(type="reference", to=("User",), relation="CreatedBy"),
        },
    ),
    "PermissionSetGroup": Object(
        prefix="0PG",
        create=True,
        update=True,
        delete=True,
        fields={
            **_system(),
            "DeveloperName": _text(80, required=True, nillable=False),
            "MasterLabel": _text(80, required=True, nillable=False),
            "Description": _text(255),
            "NamespacePrefix": Field(length=15),
            "Status": Field(nillable=False, default="Updated"),
        },
    ),
    "PermissionSetGroupComponent": Object(
        prefix="0PM",
        create=True,
        delete=True,
        fields={
            **_system(),
            "PermissionSetGroupId": _fixed("PermissionSetGroup", relation="PermissionSetGroup"),
            "PermissionSetId": _fixed("PermissionSet", relation="PermissionSet"),
        },
    ),
    "ObjectPermissions": Object(
        prefix="110",
        create=True,
        update=True,
        delete=True,
        fields={
            **_system(),
            "ParentId": _fixed("PermissionSet"),
            "SobjectType": Field(create=True, required=True, nillable=False),
            **FLAGS,
        },
    ),
    "PermissionSetAssignment": Object(
        prefix="0Pa",
        create=True,
        update=True,
        delete=True,
        fields={
            "Id": Field(type="id", nillable=False),
            "AssigneeId": _fixed("User", relation="Assignee"),
            "PermissionSetId": _either("PermissionSet"),
            "PermissionSetGroupId": _either("PermissionSetGroup"),
            "ExpirationDate": Field(type="datetime", create=True, update=True),
            "IsActive": Field(type="boolean", nillable=False, default=True),
        },
    ),
}
PERMISSIONABLE = (
    *("Account", "Campaign", "Quote", "Case", "Contact", "Contract", "Lead", "Opportunity", "Order", "Product2"),
    *("A_Note__c", "Invoice__c"),
)
WITHOUT_ALL = ("Product2",)
"""View All and Modify All are not available for these: what is written of it is taken, and is not there afterwards."""
MASTERS = {"Contract": "Account", "Invoice__c": "Account", "A_Note__c": "Invoice__c"}
"""Detail -> master: who reads the one has to read the other as far."""
NEEDS = {
    "PermissionsCreate": ("PermissionsRead",),
    "PermissionsEdit": ("PermissionsRead",),
    "PermissionsDelete": ("PermissionsRead", "PermissionsEdit"),
    "PermissionsViewAllRecords": ("PermissionsRead",),
    "PermissionsModifyAllRecords": (
        "PermissionsRead",
        "PermissionsEdit",
        "PermissionsDelete",
        "PermissionsViewAllRecords",
    ),
}
