"""The org that the adapter is tested on refuses what Salesforce does not document."""

import json
from typing import Any
from urllib.parse import quote, urlencode

import pytest

from tests.fakes.salesforce import CLIENT, SECRET, Org, Service
from tests.fakes.salesforce.store import Refusal

DATA = "/services/data/v67.0"
SEMI_JOIN = "ParentId IN (SELECT Id FROM PermissionSet)"
ACCESS = {"OpportunityAccessForAccountOwner": "None"}


@pytest.fixture
def service() -> Service:
    return Service(Org())


def ask(service: Service, method: str, path: str, body: object = None, **headers: str) -> tuple[int, Any]:
    form = {"grant_type": "client_credentials", "client_id": CLIENT, "client_secret": SECRET}
    sort = {"Content-Type": "application/x-www-form-urlencoded", "Host": "here"}
    _, token, _ = service.answer("POST", "/services/oauth2/token", sort, urlencode(form).encode())
    sent = {"Authorization": f"Bearer {token['access_token']}", "Content-Type": "application/json", **headers}
    status, value, _ = service.answer(method, path, sent, b"" if body is None else json.dumps(body).encode())
    return status, value


def codes(service: Service, sobject: str, *records: dict[str, Any]) -> list[str]:
    body = {"allOrNone": False, "records": [{"attributes": {"type": sobject}, **one} for one in records]}
    status, value = ask(service, "POST", f"{DATA}/composite/sobjects", body)
    assert status == 200, value
    return [one["errors"][0]["statusCode"] if one["errors"] else "" for one in value]


@pytest.mark.parametrize(
    ("method", "path", "code"),
    [
        ("GET", f"{DATA}/queryAll?q=x", "NOT_FOUND"),
        ("GET", f"{DATA}/query?q=x&more=1", "NOT_FOUND"),
        ("POST", f"{DATA}/query", "NOT_FOUND"),
        ("PUT", f"{DATA}/composite/sobjects", "METHOD_NOT_ALLOWED"),
        ("GET", f"{DATA}/sobjects/Account/describe", "NOT_FOUND"),
        ("GET", "/services/data/v12.0/query?q=x", "NOT_FOUND"),
        ("GET", f"{DATA}/query/01g-5", "INVALID_QUERY_LOCATOR"),
    ],
)
def test_an_undocumented_call_is_refused(service: Service, method: str, path: str, code: str) -> None:
    status, value = ask(service, method, path)
    assert status >= 400
    assert [one["errorCode"] for one in value] == [code]


@pytest.mark.parametrize(
    ("soql", "code"),
    [
        ("SELECT Nothing FROM Group", "INVALID_FIELD"),
        ("SELECT Id FROM Nothing", "INVALID_TYPE"),
        ("SELECT Id FROM Group WHERE Name = 'it's'", "MALFORMED_QUERY"),
        ("SELECT Id FROM Group WHERE Name = 'x' OR", "MALFORMED_QUERY"),
        ("SELECT Parent.Name FROM Group", "INVALID_FIELD"),
        ("SELECT Id FROM ObjectPermissions WHERE Parent.Name = 'x'", "INVALID_FIELD"),
        ("SELECT Id FROM ObjectPermissions WHERE ParentId IN (SELECT Id FROM Nothing)", "INVALID_TYPE"),
        ("SELECT Id FROM ObjectPermissions WHERE ParentId IN (SELECT Id FROM Group", "MALFORMED_QUERY"),
        (f"SELECT Id FROM ObjectPermissions WHERE {SEMI_JOIN} OR SobjectType = 'x'", "MALFORMED_QUERY"),
        (f"SELECT Id FROM ObjectPermissions WHERE SobjectType = 'x' AND ({SEMI_JOIN})", "MALFORMED_QUERY"),
        ("SELECT Id FROM Group WHERE Id IN (SELECT Id FROM Group)", "MALFORMED_QUERY"),
        ("SELECT DurableId FROM EntityDefinition LIMIT 1", "INVALID_QUERY_FILTER_OPERATOR"),
        (
            "SELECT DurableId FROM EntityDefinition WHERE QualifiedApiName = 'x' OR QualifiedApiName = 'y'",
            "INVALID_QUERY_FILTER_OPERATOR",
        ),
        ("SELECT Id FROM SetupAuditTrail WHERE Display = 'x'", "INVALID_FIELD"),
        ("SELECT Id FROM SetupAuditTrail LIMIT x", "MALFORMED_QUERY"),
        ("SELECT Id FROM SetupAuditTrail ORDER BY Display", "MALFORMED_QUERY"),
        ("SELECT Id FROM Group ORDER BY CreatedDate DESC", "INVALID_FIELD"),
        ("SELECT Id FROM Group; DELETE", "MALFORMED_QUERY"),
    ],
)
def test_a_query_that_is_none_is_refused(service: Service, soql: str, code: str) -> None:
    status, value = ask(service, "GET", f"{DATA}/query?q={quote(soql, safe='')}")
    assert (status, value[0]["errorCode"]) == (400, code)


def test_pages_of_another_size_than_documented_are_refused(service: Service) -> None:
    soql = quote("SELECT Id FROM Group", safe="")
    options = {"Sforce-Query-Options": "batchSize=10"}
    assert ask(service, "GET", f"{DATA}/query?q={soql}", **options)[0] == 400


@pytest.mark.parametrize(
    ("record", "code"),
    [
        ({"Name": "x", "Type": "Regular"}, ""),
        ({"Name": "x"}, "REQUIRED_FIELD_MISSING"),
        ({"Name": "x", "Type": "Role"}, "INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST"),
        ({"Name": "x" * 41, "Type": "Regular"}, "STRING_TOO_LONG"),
        ({"Name": "x", "Type": "Regular", "DeveloperName": "a__b"}, "INVALID_API_NAME"),
        ({"Name": "x", "Type": "Regular", "Nothing": 1}, "INVALID_FIELD"),
        ({"Name": "x", "Type": "Regular", "LastModifiedById": "x"}, "INVALID_FIELD_FOR_INSERT_UPDATE"),
        ({"Name": 7, "Type": "Regular"}, "JSON_PARSER_ERROR"),
    ],
)
def test_a_group_that_is_not_as_documented_is_refused(service: Service, record: dict[str, Any], code: str) -> None:
    assert codes(service, "Group", record) == [code]


def test_api_names_are_unique_per_type(service: Service) -> None:
    record = {"Name": "x", "DeveloperName": "x", "Type": "Regular"}
    assert codes(service, "Group", record, record, {**record, "Type": "Queue"}) == ["", "DUPLICATE_DEVELOPER_NAME", ""]


def test_permissions_without_what_they_need_are_refused(service: Service) -> None:
    held = service.org.put("PermissionSet", Name="x", Label="x")
    record = {"ParentId": held, "SobjectType": "Lead", "PermissionsDelete": True, "PermissionsRead": True}
    assert codes(service, "ObjectPermissions", record) == ["FIELD_INTEGRITY_EXCEPTION"]
    assert codes(service, "ObjectPermissions", {**record, "PermissionsEdit": True}) == [""]


def test_more_than_two_hundred_records_and_two_sorts_are_refused(service: Service) -> None:
    body: dict[str, Any] = {"allOrNone": False, "records": [{"attributes": {"type": "Group"}}] * 201}
    assert ask(service, "POST", f"{DATA}/composite/sobjects", body)[1][0]["errorCode"] == "EXCEEDED_MAX_SIZE_REQUEST"
    body["records"] = [{"attributes": {"type": one}} for one in ("Group", "User")]
    assert ask(service, "POST", f"{DATA}/composite/sobjects", body)[1][0]["errorCode"] == "MIXED_DML_OPERATION"


def test_what_products_cannot_have_is_taken_and_is_not_there(service: Service) -> None:
    held = service.org.put("PermissionSet", Name="x", Label="x")
    all_ = {"PermissionsRead": True, "PermissionsViewAllRecords": True}
    records = [{"ParentId": held, "SobjectType": one, **all_} for one in ("Product2", "Lead")]
    assert codes(service, "ObjectPermissions", *records) == ["", ""]
    rows = service.org.tables["ObjectPermissions"].values()
    assert {one["SobjectType"]: one["PermissionsViewAllRecords"] for one in rows} == {"Product2": False, "Lead": True}


@pytest.mark.parametrize(
    ("body", "headers", "status"),
    [
        ({"allOrNone": False, "records": [{"attributes": {"type": "Group"}}]}, {}, 200),
        ({"allOrNone": "false", "records": [{"attributes": {"type": "Group"}}]}, {}, 400),
        ({"allOrNone": False, "records": []}, {}, 400),
        ({"allOrNone": False, "records": [{"Name": "x"}]}, {}, 400),
        ({"allOrNone": False, "records": [{"attributes": {"type": "Group"}}], "more": 1}, {}, 400),
        ({"allOrNone": False, "records": [{"attributes": {"type": "Group"}}]}, {"Content-Type": "text/plain"}, 415),
    ],
)
def test_a_collection_that_is_not_as_documented_is_refused(
    service: Service, body: object, headers: dict[str, str], status: int
) -> None:
    assert ask(service, "POST", f"{DATA}/composite/sobjects", body, **headers)[0] == status


def test_a_parameter_that_comes_twice_and_no_truth_are_refused(service: Service) -> None:
    for search in ("ids=x&ids=y&allOrNone=false", "ids=x&allOrNone=no", "ids=x"):
        assert ask(service, "DELETE", f"{DATA}/composite/sobjects?{search}")[0] >= 400


def test_a_graph_names_each_of_its_nodes_once(service: Service) -> None:
    node = {"method": "POST", "url": f"{DATA}/sobjects/Group", "referenceId": "a", "body": {"Type": "Regular"}}
    for nodes in ([node, node], []):
        body = {"graphs": [{"graphId": "1", "compositeRequest": nodes}]}
        assert ask(service, "POST", f"{DATA}/composite/graph", body)[1][0]["errorCode"] == "INVALID_INPUT"


def test_the_role_hierarchy_holds_who_is_in_it_and_has_no_ring(service: Service) -> None:
    role = {"Name": "x", "OpportunityAccessForAccountOwner": "None"}
    assert codes(service, "UserRole", {"Name": "x", "DeveloperName": "x"}) == ["REQUIRED_FIELD_MISSING"]
    assert codes(service, "UserRole", {**role, "DeveloperName": "x__y"}) == ["INVALID_API_NAME"]
    assert codes(service, "UserRole", {**role, "DeveloperName": "x"}, {**role, "DeveloperName": "X"})[1] == (
        "DUPLICATE_DEVELOPER_NAME"
    )
    [above] = service.org.tables["UserRole"]
    below = service.org.put("UserRole", Name="y", DeveloperName="y", ParentRoleId=above, **ACCESS)
    with pytest.raises(Refusal, match="above itself"):
        service.org.update("UserRole", above, {"ParentRoleId": below})
    with pytest.raises(Refusal, match="roles below"):
        service.org.delete("UserRole", above)
    service.org.person("x@example.com", UserRoleId=below)
    with pytest.raises(Refusal, match="users assigned"):
        service.org.delete("UserRole", below)


def test_a_permission_set_group_is_worked_out_later_and_assigned_to_nobody_before(service: Service) -> None:
    org = service.org
    own = org.create("PermissionSet", {"Name": "x", "Label": "x"})
    group = org.create("PermissionSetGroup", {"DeveloperName": "g", "MasterLabel": "g"})
    org.create("PermissionSetGroupComponent", {"PermissionSetGroupId": group, "PermissionSetId": own})
    soql = quote("SELECT Status FROM PermissionSetGroup", safe="")
    grant = {"AssigneeId": org.admin, "PermissionSetGroupId": group}
    told = []
    for _ in range(4):
        told += [org.tables["PermissionSetGroup"][group]["Status"], *codes(service, "PermissionSetAssignment", grant)]
        ask(service, "GET", f"{DATA}/query?q={soql}")
    no = "FIELD_INTEGRITY_EXCEPTION"
    assert told == ["Outdated", no, "Updating", no, "Updating", no, "Updated", ""]
    [given] = (one for one in org.tables["PermissionSetAssignment"].values() if one["PermissionSetGroupId"] == group)
    assert org.tables["PermissionSet"][given["PermissionSetId"]]["Type"] == "Group"
    with pytest.raises(Refusal, match="part of a permission set group"):
        org.delete("PermissionSet", own)
    with pytest.raises(Refusal, match="is assigned to users"):
        org.delete("PermissionSetGroup", group)


def test_one_of_a_permission_set_and_its_group_is_assigned_and_each_is_a_part_once(service: Service) -> None:
    org = service.org
    own = org.create("PermissionSet", {"Name": "x", "Label": "x"})
    group = org.create("PermissionSetGroup", {"DeveloperName": "g", "MasterLabel": "g"})
    both = {"AssigneeId": org.admin, "PermissionSetId": own, "PermissionSetGroupId": group}
    neither = {"AssigneeId": org.admin}
    assert codes(service, "PermissionSetAssignment", both, neither) == ["FIELD_INTEGRITY_EXCEPTION"] * 2
    part = {"PermissionSetGroupId": group, "PermissionSetId": own}
    assert codes(service, "PermissionSetGroupComponent", part, part) == ["", "DUPLICATE_VALUE"]
    for at in range(99):
        org.put("PermissionSetGroupComponent", PermissionSetGroupId=group, PermissionSetId=f"0PS{at:015}")
    more = org.create("PermissionSet", {"Name": "y", "Label": "y"})
    assert codes(service, "PermissionSetGroupComponent", {**part, "PermissionSetId": more}) == ["LIMIT_EXCEEDED"]


def test_users_are_neither_made_nor_deleted(service: Service) -> None:
    assert codes(service, "User", {"Username": "x@example.com"}) == ["CANNOT_INSERT_UPDATE_ACTIVATE_ENTITY"]


def test_a_graph_is_carried_out_as_a_whole_or_not_at_all(service: Service) -> None:
    path = f"{DATA}/sobjects/PermissionSet"
    nodes = [
        {"method": "POST", "url": path, "referenceId": "a", "body": {"Name": "x", "Label": "x"}},
        {"method": "POST", "url": path, "referenceId": "b", "body": {"Name": "x", "Label": "y"}},
    ]
    before = service.org.snapshot()
    status, value = ask(
        service, "POST", f"{DATA}/composite/graph", {"graphs": [{"graphId": "1", "compositeRequest": nodes}]}
    )
    parts = value["graphs"][0]["graphResponse"]["compositeResponse"]
    assert (status, value["graphs"][0]["isSuccessful"]) == (200, False)
    assert [one["body"][0]["errorCode"] for one in parts] == ["PROCESSING_HALTED", "DUPLICATE_DEVELOPER_NAME"]
    assert service.org.tables == before


def test_a_graph_that_is_too_deep_or_too_varied_is_refused(service: Service) -> None:
    path = f"{DATA}/sobjects/Group"
    chain = [
        {"method": "POST", "url": path, "referenceId": f"n{at}", "body": {"Name": f"@{{n{at - 1}.id}}"} if at else {}}
        for at in range(16)
    ]
    varied = [{"method": "GET", "url": f"{DATA}/sobjects/O{at}/x", "referenceId": f"n{at}"} for at in range(16)]
    for nodes in (chain, varied):
        body = {"graphs": [{"graphId": "1", "compositeRequest": nodes}]}
        assert ask(service, "POST", f"{DATA}/composite/graph", body)[1][0]["errorCode"] == "LIMIT_EXCEEDED"


def test_a_session_that_nobody_has_is_refused(service: Service) -> None:
    status, value, _ = service.answer("GET", f"{DATA}/query?q=x", {"Authorization": "Bearer x"}, b"")
    assert (status, value[0]["errorCode"]) == (401, "INVALID_SESSION_ID")
