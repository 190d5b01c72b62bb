"""The account that the adapter is tested on refuses what HubSpot does not document."""

import json
from typing import Any

import pytest

from tests.fakes.hubspot import SCOPES, TOKEN, Account, Service

USERS, TEAMS = "/settings/users/2026-09", "/settings/teams/2026-09"


@pytest.fixture
def service() -> Service:
    return Service(Account())


def ask(service: Service, method: str, path: str, body: object = None, token: str = TOKEN) -> tuple[int, Any]:
    content = b"" if body is None else json.dumps(body).encode()
    sent = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
    status, value, _ = service.answer(method, path, sent, content)
    return status, value


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/settings/v2/users", 404),
        ("GET", "/settings/users/2025-03", 404),
        ("GET", "/settings/teams/2026-03", 404),
        ("POST", f"{USERS}/roles", 404),
        ("DELETE", f"{USERS}/1", 404),
        ("GET", f"{USERS}?offset=1", 400),
        ("GET", f"{USERS}?limit=0", 400),
        ("GET", f"{USERS}?limit=1&limit=2", 400),
        ("GET", f"{USERS}?limit=101", 400),
        ("GET", f"{USERS}?after=2", 400),
        ("GET", f"{USERS}/roles?limit=1", 400),
        ("DELETE", f"{TEAMS}/1/members/2?type=MAIN", 400),
        ("GET", "/account-info/2026-09/activity/audit-logs?occurredAfter=yesterday", 403),
    ],
)
def test_an_undocumented_call_is_refused(service: Service, method: str, path: str, status: int) -> None:
    answered, value = ask(service, method, path)
    assert answered == status
    assert {"message", "correlationId", "category"} <= value.keys()


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"email": "a@b.example", "sendWelcomeEmail": False}, 201),
        ({"email": "a@b.example"}, 400),
        ({"email": "nobody", "sendWelcomeEmail": False}, 400),
        ({"email": "ADMIN@acme.example", "sendWelcomeEmail": False}, 409),
        ({"email": "a@b.example", "sendWelcomeEmail": "no"}, 400),
        ({"email": "a@b.example", "sendWelcomeEmail": False, "superAdmin": True}, 400),
        ({"email": "a@b.example", "sendWelcomeEmail": False, "roleId": "7"}, 400),
        ({"email": "a@b.example", "sendWelcomeEmail": False, "roleId": None}, 400),
        ({"email": "a@b.example", "sendWelcomeEmail": False, "primaryTeamId": "7"}, 400),
        ({"email": "a@b.example", "sendWelcomeEmail": False, "secondaryTeamIds": [7]}, 400),
        ([], 400),
    ],
)
def test_a_user_who_is_not_as_documented_is_refused(service: Service, body: object, status: int) -> None:
    assert ask(service, "POST", USERS, body)[0] == status


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"name": "x", "members": []}, 201),
        ({"name": "x"}, 400),
        ({"name": "", "members": []}, 400),
        ({"name": "There", "members": []}, 400),
        ({"name": "x", "members": [], "externalId": "x"}, 400),
        ({"name": "x", "members": [], "parentTeamId": "7"}, 404),
        ({"name": "x", "members": [], "parentTeamId": None}, 400),
        ({"name": "x", "members": [{"userId": "7"}]}, 400),
    ],
)
def test_a_team_that_is_not_as_documented_is_refused(service: Service, body: object, status: int) -> None:
    service.account.team("there")
    assert ask(service, "POST", TEAMS, body)[0] == status


def test_a_team_is_written_as_a_whole_and_never_below_itself(service: Service) -> None:
    outer = service.account.team("Outer")
    inner = service.account.team("Inner", outer)
    for body in ({"name": "x"}, {"parentTeamId": None}, {"name": "Outer", "parentTeamId": inner}):
        assert ask(service, "PATCH", f"{TEAMS}/{outer}", body)[0] == 400
    assert ask(service, "DELETE", f"{TEAMS}/{outer}")[0] == 400
    assert ask(service, "PATCH", f"{TEAMS}/{inner}", {"name": "Inner", "parentTeamId": None})[0] == 200
    assert ask(service, "DELETE", f"{TEAMS}/{outer}") == (204, None)


def test_nobody_is_in_a_team_twice(service: Service) -> None:
    account = service.account
    team, other = account.team("One"), account.team("Other")
    user = account.person("ana@example.com", primaryTeamId=team)
    assert ask(service, "POST", f"{TEAMS}/{team}/members", {"userId": user, "type": "EXTRA"})[0] == 400
    assert ask(service, "POST", f"{TEAMS}/{other}/members", {"userId": user, "type": "DEFAULT"})[0] == 400
    assert ask(service, "PUT", f"{USERS}/{user}", {"secondaryTeamIds": [team]})[0] == 400
    assert ask(service, "POST", f"{TEAMS}/{other}/members", {"userId": user, "type": "EXTRA"})[0] == 201
    assert ask(service, "PUT", f"{USERS}/{user}", {"primaryTeamId": other})[0] == 400
    assert ask(service, "DELETE", f"{TEAMS}/{other}/members/{user}?type=DEFAULT")[0] == 404
    assert ask(service, "DELETE", f"{TEAMS}/{other}/members/{user}?type=EXTRA") == (204, None)


def test_a_batch_says_of_each_member_what_became_of_it(service: Service) -> None:
    team, user = service.account.team("One"), service.account.person("ana@example.com")
    inputs = [{"userId": id_, "type": "EXTRA"} for id_ in (user, "7")]
    status, value = ask(service, "POST", f"{TEAMS}/{team}/members/batch", {"inputs": inputs})
    assert (status, value["results"], value["numErrors"]) == (207, [{"userId": user, "type": "EXTRA"}], 1)
    too_many = {"inputs": [{"userId": user, "type": "EXTRA"}] * 101}
    assert ask(service, "POST", f"{TEAMS}/{team}/members/batch", too_many)[0] == 400


def test_every_call_needs_its_scope(service: Service) -> None:
    service.account.scopes = tuple(one for one in SCOPES if one != "settings.users.teams.write")
    status, value = ask(service, "POST", TEAMS, {"name": "x", "members": []})
    assert (status, value["category"]) == (403, "MISSING_SCOPES")
    assert value["errors"][0]["context"] == {"requiredGranularScopes": ["settings.users.teams.write"]}
    assert ask(service, "GET", TEAMS)[0] == 200


def test_a_super_admin_and_a_paid_seat_are_not_to_be_had(service: Service) -> None:
    free, paid = service.account.permission_set("Free"), service.account.permission_set("Paid", paid=True)
    user = service.account.person("ana@example.com")
    assert ask(service, "PUT", f"{USERS}/{service.account.admin}", {"roleId": free})[0] == 400
    assert ask(service, "PUT", f"{USERS}/{user}", {"roleId": paid})[0] == 403
    assert ask(service, "PUT", f"{USERS}/{user}", {"roleId": free})[1]["roleIds"] == [free]


def test_limits_are_counted_and_told() -> None:
    now = [0.0]
    service = Service(Account(daily=3, most=2), lambda: now[0])
    statuses = []
    for _ in range(3):
        status, value, headers = service.answer("GET", TEAMS, {"Authorization": f"Bearer {TOKEN}"}, b"")
        statuses.append(status)
    assert (statuses, value["policyName"]) == ([200, 200, 429], "TEN_SECONDLY_ROLLING")
    assert headers["X-HubSpot-RateLimit-Remaining"] == "0"
    now[0] = 10.0
    assert [ask(service, "GET", TEAMS)[0] for _ in range(2)] == [200, 429]
    assert ask(service, "GET", TEAMS)[1]["policyName"] == "DAILY"


def test_a_body_has_to_say_that_it_is_json(service: Service) -> None:
    body = json.dumps({"email": "a@b.example", "sendWelcomeEmail": False}).encode()
    assert service.answer("POST", USERS, {"Authorization": f"Bearer {TOKEN}"}, body)[0] == 415


def test_a_token_that_nobody_has_is_refused(service: Service) -> None:
    status, value = ask(service, "GET", TEAMS, token="another")
    assert (status, value["category"]) == (401, "INVALID_AUTHENTICATION")
