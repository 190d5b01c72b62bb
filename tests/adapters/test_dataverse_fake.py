"""The environment that the adapter is tested in refuses what the documented contract does not allow."""

import json
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

import pytest

from tests.fakes.dataverse import Environment, Service
from tests.fakes.dataverse.csdl import Refusal, model
from tests.fakes.dataverse.server import ROOT

HEADERS = {"Authorization": "Bearer t", "Odata-Version": "4.0", "Odata-Maxversion": "4.0", "Host": "here"}
BATCH = {"Content-Type": "multipart/mixed; boundary=b", "Prefer": "odata.continue-on-error"}
PART = "0d0d0d0d-0000-0000-0000-000000000001"
TEAM = "0d0d0d0d-0000-0000-0000-000000000002"


@pytest.fixture
def service() -> Service:
    found = Service(Environment())
    found.door.tokens.add("t")
    return found


def ask(service: Service, path: str, **headers: str) -> tuple[int, Any]:
    status, value, _ = service.answer("GET", ROOT + path, {**HEADERS, **headers}, b"")
    return status, value


Sent = tuple[str, str, Any, Mapping[str, str]]


def batch(service: Service, *operations: Sent) -> str:
    """One change set; the status of what failed and its words, or nothing."""
    lines = ["--b", "Content-Type: multipart/mixed; boundary=c", ""]
    for at, (method, path, body, headers) in enumerate(operations):
        lines += ["--c", "Content-Type: application/http", "Content-Transfer-Encoding: binary", f"Content-ID: {at}", ""]
        lines += [f"{method} {ROOT}{path} HTTP/1.1", *(f"{name}: {text}" for name, text in headers.items())]
        lines += ["Content-Type: application/json", "", "" if body is None else json.dumps(body)]
    content = "\r\n".join([*lines, "--c--", "", "--b--", ""])
    return told(service, content)


def told(service: Service, content: str, **headers: str) -> str:
    status, value, _ = service.answer("POST", f"{ROOT}$batch", {**HEADERS, **BATCH, **headers}, content.encode())
    text = value.decode() if isinstance(value, bytes) else json.dumps(value)
    return "" if status == 200 and "HTTP/1.1 4" not in text else text


def bind(table: str, id_: str) -> str:
    return f"/{table}({id_})"


def part(service: Service, **more: Any) -> dict[str, Any]:
    return {"name": "EMEA", "parentbusinessunitid@odata.bind": bind("businessunits", service.environment.root), **more}


@pytest.mark.parametrize(
    ("path", "words"),
    [
        ("roles", "All columns"),
        ("roles?$select=nothing", "Could not find a property named 'nothing'"),
        ("nothings?$select=x", "Resource not found"),
        ("roles?$select=roleid&$skip=1", "not supported"),
        ("roles?$select=roleid&$filter=" + quote("name eq 7"), "incompatible types"),
        ("roles?$select=roleid&$filter=" + quote("roleid eq 'x'"), "incompatible types"),
        ("roles?$select=roleid&$filter=" + quote("parentrootroleid eq null"), "Could not find a property"),
        ("roles?$select=roleid&$filter=" + quote("name like 'x'"), "Syntax error"),
        ("roles?$select=roleid&$filter=" + quote("(name eq 'x'"), "Expression expected"),
        ("roles?$select=roleid&$filter=" + quote("name eq 'x"), "unterminated"),
        ("roles?$select=roleid&$orderby=nothing", "Could not find a property"),
        ("roles?$select=roleid&$top=many", "Invalid value"),
        ("systemusers(x)/Microsoft.Dynamics.CRM.RetrieveUserPrivileges()", "Resource not found"),
        (f"roles({PART})/Microsoft.Dynamics.CRM.RetrieveUserPrivileges()", "Resource not found"),
        ("audits?$select=auditid&$expand=userid", "not supported"),
    ],
)
def test_a_query_that_is_none_is_refused(service: Service, path: str, words: str) -> None:
    status, value = ask(service, path)
    assert status in {400, 404}
    assert words in value["error"]["message"]


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Authorization": "Bearer x"}, 401),
        ({"Cookie": "ARRAffinity=1"}, 400),
        ({"Odata-Version": "3.0"}, 400),
        ({"Prefer": "odata.track-changes,return=minimal"}, 400),
    ],
)
def test_headers_are_as_documented(service: Service, headers: dict[str, str], status: int) -> None:
    assert ask(service, "roles?$select=roleid", **headers)[0] == status


TRACKING = {"Prefer": "odata.track-changes"}


@pytest.mark.parametrize("option", ["$filter=name eq 'x'", "$orderby=name", "$expand=teamroles_association", "$top=1"])
def test_changes_are_tracked_without_further_options(service: Service, option: str) -> None:
    status, value = ask(service, f"teams?$select=teamid&{quote(option, safe='$=')}", **TRACKING)
    name = option.partition("=")[0]
    assert (status, f'The "{name}" query parameter' in value["error"]["message"]) == (400, True)


def test_changes_are_told_since_a_link_was_given_and_not_for_ever(service: Service) -> None:
    environment = service.environment
    _, value = ask(service, "teams?$select=name", **TRACKING)
    link = value["@odata.deltaLink"].partition(ROOT)[2]
    assert ask(service, link)[1]["value"] == []
    team = environment.team("Sales")
    environment.change("teams", team, name="Sales 2")
    gone = environment.team("Gone")
    environment.drop("teams", gone)
    [row, deleted] = ask(service, link)[1]["value"]
    assert (row["teamid"], row["name"], "@odata.etag" in row) == (team, "Sales 2", True)
    assert (deleted["id"], deleted["reason"], deleted["@odata.context"][-15:]) == (gone, "deleted", "/$deletedEntity")
    environment.count += 8 * 86400
    assert ask(service, link)[0] == 400


def test_a_table_without_change_tracking_has_no_changes(service: Service) -> None:
    assert ask(service, "teammemberships?$select=teamid", **TRACKING)[0] == 400
    definitions = "EntityDefinitions?$select=LogicalName&$filter=" + quote(
        "ChangeTrackingEnabled eq true and IsCustomEntity eq false"
    )
    assert ask(service, definitions)[0] == 403
    service.environment.also("prvReadEntity")
    assert {"LogicalName": "team"} in ask(service, definitions)[1]["value"]
    assert ask(service, "EntityDefinitions?$select=LogicalName")[0] == 404


def test_pages_hold_what_was_asked_for_at_most(service: Service) -> None:
    seen: list[str] = []
    path = "privileges?$select=name"
    while path:
        status, value = ask(service, path, Prefer="odata.maxpagesize=50")
        assert (status, len(value["value"]) <= 50) == (200, True)
        seen += [row["name"] for row in value["value"]]
        path = value.get("@odata.nextLink", "").partition(ROOT)[2]
    assert len(seen) == len(set(seen)) == len(service.environment.tables["privileges"])


def test_a_limit_that_is_exceeded_says_when_to_come_back(service: Service) -> None:
    service.throttled = 1
    status, value, more = service.answer("GET", f"{ROOT}WhoAmI()", HEADERS, b"")
    assert (status, value["error"]["code"], more) == (429, "0x80072322", {"Retry-After": "1"})


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({}, ""),
        ({"name": None}, "A name is required"),
        ({"name": 7}, "expected type 'Edm.String'"),
        ({"name": "x" * 161}, "maximum allowed length"),
        ({"nothing": 1}, "Invalid property 'nothing'"),
        ({"_parentbusinessunitid_value": PART}, "Invalid property"),
        ({"modifiedon": "2026-01-01T00:00:00Z"}, "not valid for create"),
        ({"isdisabled": True}, "not valid for create"),
        ({"parentbusinessunitid@odata.bind": bind("teams", PART)}, "no address of a row of businessunits"),
        ({"parentbusinessunitid@odata.bind": bind("businessunits", PART)}, "Does Not Exist"),
        ({"business_unit_teams@odata.bind": bind("teams", PART)}, "is a collection"),
        ({"ParentBusinessUnitId@odata.bind": bind("businessunits", PART)}, "Could not find a property"),
    ],
)
def test_a_business_unit_that_is_not_as_documented_is_refused(
    service: Service, change: dict[str, Any], words: str
) -> None:
    found = batch(service, ("PATCH", f"businessunits({PART})", part(service, **change), {"If-None-Match": "*"}))
    assert words in found if words else found == ""


def test_what_exists_is_not_made_again_and_what_does_not_is_not_changed(service: Service) -> None:
    new = ("PATCH", f"businessunits({PART})", part(service), {"If-None-Match": "*"})
    assert "Does Not Exist" in batch(service, ("PATCH", f"businessunits({PART})", {"name": "X"}, {"If-Match": "*"}))
    assert batch(service, new) == ""
    assert "matching key values already exists" in batch(service, new)
    version = {"If-Match": 'W/"1"'}
    rename = ("PATCH", f"businessunits({PART})", {"name": "Y"}, version)
    assert "Optimistic concurrency isn't enabled" in batch(service, rename)


def test_a_change_set_is_carried_out_as_a_whole_or_not_at_all(service: Service) -> None:
    before = {name: dict(table) for name, table in service.environment.tables.items()}
    found = batch(
        service,
        ("PATCH", f"businessunits({PART})", part(service), {"If-None-Match": "*"}),
        ("DELETE", f"businessunits({PART})", None, {}),
    )
    assert "has to be disabled" in found
    assert {name: dict(table) for name, table in service.environment.tables.items()} == before


def test_business_units_bring_a_team_and_copies_of_all_roles(service: Service) -> None:
    here = service.environment
    assert batch(service, ("PATCH", f"businessunits({PART})", part(service), {"If-None-Match": "*"})) == ""
    assert [one["name"] for one in here.where("teams", _businessunitid_value=PART, isdefault=True)] == ["EMEA"]
    [copy] = here.where("roles", _businessunitid_value=PART)
    assert copy["_parentrootroleid_value"] == here.mine != copy["roleid"]
    gone: list[Sent] = [
        ("PATCH", f"businessunits({PART})", {"isdisabled": True}, {}),
        ("DELETE", f"businessunits({PART})", None, {}),
    ]
    assert batch(service, *gone) == ""
    assert (
        [*here.where("roles", _businessunitid_value=PART)] == [*here.where("teams", _businessunitid_value=PART)] == []
    )


@pytest.mark.parametrize(
    ("method", "path", "body", "words"),
    [
        ("DELETE", "businessunits({root})", None, "cannot be deleted"),
        ("PATCH", "businessunits({root})", {"isdisabled": True}, "neither disabled nor moved"),
        ("PATCH", "businessunits({root})", {"parentbusinessunitid@odata.bind": "/businessunits({part})"}, "nor moved"),
        ("PATCH", "businessunits({part})", {"parentbusinessunitid@odata.bind": "/businessunits({part})"}, "ancestor"),
        ("PATCH", "businessunits({part})", {"name": "contoso"}, "used by another"),
        ("DELETE", "teams({default})", None, "cannot be deleted"),
        ("PATCH", "teams({default})", {"name": "X"}, "cannot be changed"),
        ("POST", "teams({default})/teammembership_association/$ref", {"@odata.id": "{user}"}, "cannot be changed"),
        ("PATCH", "teams({team})", {"teamtype": 1}, "not valid for update"),
        ("PATCH", "roles({copy})", {"name": "X"}, "Only the role of the root"),
        ("DELETE", "roles({copy})", None, "Only the role of the root"),
        ("DELETE", "roles({mine})", None, "assigned to users"),
        ("POST", "teams({team})/teamroles_association/$ref", {"@odata.id": "{copy}"}, "another business unit"),
        (
            "POST",
            "systemusers({user_id})/systemuserroles_association/$ref",
            {"@odata.id": "{copy}"},
            "another business",
        ),
        ("POST", "teams({team})/teamroles_association/$ref", {"@odata.id": "{user}"}, "no address of a row of roles"),
        ("POST", "teams({team})/nothing/$ref", {"@odata.id": "{user}"}, "Could not find a property"),
        ("DELETE", "teams({team})/teammembership_association({user_id})/$ref", None, "Does Not Exist"),
        ("DELETE", "systemusers({user_id})", None, "is missing prvDeleteUser privilege"),
        ("PATCH", "systemusers({me})", {"isdisabled": True}, "Application and support users"),
        ("PATCH", "systemusers({nobody})", {"isdisabled": True}, "not valid for create"),
        ("POST", "roles({mine})/Microsoft.Dynamics.CRM.AddPrivilegesRole", {"Privileges": []}, "Resource not found"),
        ("POST", "roles({mine})/Microsoft.Dynamics.CRM.ReplacePrivilegesRole", {"RoleId": "x"}, "is not valid for"),
        ("POST", "roles({mine})/Microsoft.Dynamics.CRM.ReplacePrivilegesRole", {"Privileges": {}}, "a collection"),
        ("GET", "roles({mine})", None, "cannot contain GET"),
        ("POST", "roles", {"name": "x"}, "Resource not found"),
    ],
)
def test_a_write_that_the_service_would_refuse_is_refused(
    service: Service, method: str, path: str, body: dict[str, Any] | None, words: str
) -> None:
    here = service.environment
    inner = here.part("Inner")
    user = here.person("ana@example.com")
    names = {
        "root": here.root,
        "part": inner,
        "default": next(here.where("teams", isdefault=True))["teamid"],
        "team": here.team("Team"),
        "copy": next(here.where("roles", _businessunitid_value=inner))["roleid"],
        "mine": here.mine,
        "me": str(here.me),
        "user_id": user,
        "nobody": here.new_id(),
    }
    links = {"{user}": f"http://here{ROOT}systemusers({user})", "{copy}": f"http://here{ROOT}roles({names['copy']})"}
    asked = {name: links.get(str(value), value) for name, value in (body or {}).items()}
    asked = {name: value.format(**names) if isinstance(value, str) else value for name, value in asked.items()}
    found = batch(service, (method, path.format(**names), asked if body is not None else None, {}))
    assert words in found


@pytest.mark.parametrize(
    ("depth", "name", "words"),
    [
        ("Deep", "prvReadLead", ""),
        ("Deep", "prvReadProduct", "is not valid for prvReadProduct"),
        ("Deeper", "prvReadLead", "none of the enumeration"),
        ("Global", "prvCreateUser", "does not have prvCreateUser"),
    ],
)
def test_privileges_have_the_depths_that_they_can_have(service: Service, depth: str, name: str, words: str) -> None:
    here = service.environment
    role = here.role("Role")
    one = {"PrivilegeId": here.privilege(name), "Depth": depth, "BusinessUnitId": here.root}
    path = f"roles({role})/Microsoft.Dynamics.CRM.ReplacePrivilegesRole"
    found = batch(service, ("POST", path, {"Privileges": [one]}, {}))
    assert words in found if words else found == ""


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("", "does not end with its boundary"),
        ("--b\n--b--\n", "CRLF"),
        ("--b--\r\n", "empty"),
        ("--b\r\nContent-Type: application/http\r\n\r\nx\r\n--b--\r\n", "multipart/mixed is expected"),
    ],
)
def test_a_batch_that_is_none_is_refused(service: Service, content: str, words: str) -> None:
    assert words in told(service, content)


def test_an_operation_without_an_id_and_a_batch_that_is_too_long_are_refused(service: Service) -> None:
    head = "--c\r\nContent-Type: application/http\r\nContent-Transfer-Encoding: binary\r\n"
    inner = head + "{}\r\nDELETE {} HTTP/1.1\r\n\r\n\r\n"
    frame = "--b\r\nContent-Type: multipart/mixed; boundary=c\r\n\r\n{}--c--\r\n--b--\r\n"
    assert "Content-ID" in told(service, frame.format(inner.format("", f"{ROOT}teams({TEAM})")))
    many = "".join(inner.format(f"Content-ID: {at}\r\n", f"{ROOT}teams({TEAM})") for at in range(1001))
    assert "1001 operations" in told(service, frame.format(many))
    assert "first failure ends" in told(service, frame.format(""), Prefer="return=minimal")


def test_what_stands_in_a_business_unit_goes_with_it_and_what_is_below_is_disabled_with_it(service: Service) -> None:
    here = service.environment
    outer = here.part("Outer")
    inner, team = here.part("Inner", outer), here.team("Team", outer)
    off: Sent = ("PATCH", f"businessunits({outer})", {"isdisabled": True}, {})
    assert batch(service, off) == ""
    assert here.tables["businessunits"][inner]["isdisabled"] is True
    assert "still has business units below" in batch(service, ("DELETE", f"businessunits({outer})", None, {}))
    assert batch(service, ("DELETE", f"businessunits({inner})", None, {})) == ""
    assert batch(service, ("DELETE", f"businessunits({outer})", None, {})) == ""
    assert team not in here.tables["teams"]


def test_whoever_may_not_read_everything_sees_less_and_is_not_told(service: Service) -> None:
    here = service.environment
    here.part("Inner")
    [row] = here.where("roleprivilegescollection", roleid=here.mine, privilegeid=here.privilege("prvReadTeam"))
    assert len(ask(service, "teams?$select=name")[1]["value"]) == 2
    here.change("roleprivilegescollection", row["roleprivilegeid"], privilegedepthmask=2)
    assert [one["name"] for one in ask(service, "teams?$select=name")[1]["value"]] == ["Contoso"]


def test_nobody_gives_a_role_that_can_do_more_than_they_can(service: Service) -> None:
    here = service.environment
    role, user = here.role("Powerful", {"prvCreateUser": "Global"}), here.person("ana@example.com")
    body = {"@odata.id": f"http://here{ROOT}roles({role})"}
    give: Sent = ("POST", f"systemusers({user})/systemuserroles_association/$ref", body, {})
    assert "more privileges than its assigner: prvCreateUser" in batch(service, give)
    here.also("prvCreateUser")
    assert batch(service, give) == ""


def test_whoever_moves_loses_their_roles_unless_the_environment_keeps_them(service: Service) -> None:
    here = service.environment
    inner, user = here.part("Inner"), here.person("ana@example.com")
    here.put("systemuserrolescollection", systemuserid=user, roleid=here.role("Role"))
    move: Sent = ("PATCH", f"systemusers({user})", {"businessunitid@odata.bind": bind("businessunits", inner)}, {})
    back: Sent = (*move[:2], {"businessunitid@odata.bind": bind("businessunits", here.root)}, {})
    here.setting("DoNotRemoveRolesOnChangeBusinessUnit", "true")
    assert batch(service, move) == ""
    assert len([*here.where("systemuserrolescollection", systemuserid=user)]) == 1
    here.change("organizations", here.organization, orgdborgsettings="<OrgSettings/>")
    assert batch(service, back) == ""
    assert [*here.where("systemuserrolescollection", systemuserid=user)] == []


def test_the_description_of_the_service_knows_no_more_than_it_says() -> None:
    found = model()
    assert found.columns("teams")["ownerid"] == "Edm.Guid"
    assert found.actions["ReplacePrivilegesRole"].bound == "role"
    assert found.functions["WhoAmI"].bound == ""
    with pytest.raises(Refusal):
        found.link("roles", "ownerid")
