"""The calls that HubSpot's API gets, one by one: what is sent, and what is made of each sort of answer."""

import json
from collections.abc import Iterator

import pytest
import responses
from requests import PreparedRequest

from orgsync.adapters.http import Client, bearer
from orgsync.adapters.hubspot.api import LIMITS, Api, quota
from orgsync.adapters.hubspot.audit import PAGES, last_changes
from orgsync.adapters.hubspot.offer import probe
from orgsync.adapters.hubspot.options import Options
from orgsync.adapters.hubspot.values import Team
from orgsync.errors import AdapterError, CallRefused, IncompleteRead, UnknownOutcome
from orgsync.resources import Kind

URL = "https://api.hubapi.com"
USERS, TEAMS = f"{URL}/settings/users/2026-09", f"{URL}/settings/teams/2026-09"
AUDIT = f"{URL}/account-info/2026-09/activity/audit-logs"
TOKEN = "pat-na1-secret-0001"
ANA = {"id": "7", "email": "Ana@example.com", "roleIds": ["5"], "superAdmin": False, "primaryTeamId": "9"}
LEFT = {"X-HubSpot-RateLimit-Daily": "650000", "X-HubSpot-RateLimit-Daily-Remaining": "649999"}


def over(policy: str) -> dict[str, str]:
    message, id_ = "You have reached your limit.", "c033cdaa-2c40-4a64-ae48-b4cec88dad24"
    return {
        "status": "error",
        "message": message,
        "errorType": "RATE_LIMIT",
        "correlationId": id_,
        "policyName": policy,
    }


@pytest.fixture
def sleeps(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    found: list[float] = []
    monkeypatch.setattr("time.sleep", found.append)
    return found


@pytest.fixture
def wire(sleeps: list[float]) -> Iterator[responses.RequestsMock]:  # noqa: ARG001  (nobody waits in these tests)
    with responses.RequestsMock() as found:
        yield found


@pytest.fixture
def api() -> Iterator[Api]:
    with Client(URL, authorization=bearer(TOKEN), writable=True, secrets=[TOKEN], limits=LIMITS, quota=quota) as client:
        yield Api(client, version="2026-09", page=2)


def test_users_are_read_page_by_page_and_the_budget_is_learned(wire: responses.RequestsMock, api: Api) -> None:
    matches = responses.matchers.query_param_matcher
    first = {"results": [ANA], "paging": {"next": {"after": "NTI1", "link": "?after=NTI1"}}}
    other = {
        **ANA,
        "id": "8",
        "email": "bo@example.com",
        "secondaryTeamIds": ["9"],
        "firstName": "Bo",
        "lastName": "Li",
    }
    wire.get(USERS, json=first, match=[matches({"limit": "2"})])
    wire.get(USERS, json={"results": [other]}, headers=LEFT, match=[matches({"limit": "2", "after": "NTI1"})])
    ana, bo = api.people()
    assert (ana.email, ana.primary, ana.roles, ana.teams) == ("ana@example.com", "9", ("5",), frozenset("9"))
    assert (bo.name, bo.extra) == ("Bo Li", frozenset("9"))
    assert (api.left, api.limit, api.calls) == (649_999, 650_000, 2)


@pytest.mark.parametrize(
    "page",
    [
        {},
        [],
        {"results": None},
        {"results": ["x"]},
        {"results": [{"id": "7"}]},
        {"results": [{**ANA, "email": ""}]},
        {"results": [{**ANA, "id": 7}]},
        {"results": [ANA, ANA]},
        {"results": [ANA], "paging": {"next": {"link": "?after=NTI1"}}},
        {"results": [ANA], "paging": {"next": {"after": ""}}},
        {"results": [ANA], "paging": "NTI1"},
    ],
)
def test_a_page_that_is_not_whole_is_no_answer(wire: responses.RequestsMock, api: Api, page: object) -> None:
    wire.get(USERS, json=page)
    with pytest.raises(IncompleteRead):
        api.people()


@pytest.mark.parametrize("name", ["roles", "teams"])
def test_a_list_without_pages_that_has_more_is_no_answer(wire: responses.RequestsMock, api: Api, name: str) -> None:
    more = {"paging": {"next": {"after": "NTI1"}}}
    wire.get(f"{USERS}/{name}", json={"results": [{"id": "1", "name": "x", "requiresBillingWrite": False}], **more})
    with pytest.raises(IncompleteRead):
        api.permission_sets() if name == "roles" else api.named_teams()


def test_a_team_is_made_without_members_and_below_its_parent(wire: responses.RequestsMock, api: Api) -> None:
    body = {"name": "Sales", "members": [], "parentTeamId": "1"}
    answer = {"id": "9", "name": "Sales", "parentTeamId": "1"}
    wire.post(TEAMS, json=answer, status=201, match=[responses.matchers.json_params_matcher(body)])
    assert api.create_team("Sales", "1") == Team(id="9", name="Sales", parent="1")


def test_a_team_is_written_with_name_and_parent_and_has_to_come_back_so(wire: responses.RequestsMock, api: Api) -> None:
    body = {"name": "Sales", "parentTeamId": None}
    wire.patch(f"{TEAMS}/9", json={"id": "9", "name": "Sales"}, match=[responses.matchers.json_params_matcher(body)])
    wire.patch(f"{TEAMS}/9", json={"id": "9", "name": "Sales", "parentTeamId": "1"})
    assert api.update_team(Team(id="9", name="Sales")).parent == ""
    with pytest.raises(UnknownOutcome, match="not as it was written"):
        api.update_team(Team(id="9", name="Sales"))


def test_an_id_cannot_leave_its_place_in_an_address(wire: responses.RequestsMock, api: Api) -> None:
    wire.delete(f"{TEAMS}/..%2F9/members/7%3Fx", status=204)
    api.remove_member("../9", "7?x", main=True)
    assert str(wire.calls[0].request.url).endswith("/..%2F9/members/7%3Fx?type=DEFAULT")


def test_gone_is_only_what_is_answered_so(wire: responses.RequestsMock, api: Api) -> None:
    wire.delete(f"{TEAMS}/9", json={})
    with pytest.raises(UnknownOutcome):
        api.delete_team("9")


def test_of_a_batch_each_member_has_an_outcome_or_is_in_doubt(wire: responses.RequestsMock, api: Api) -> None:
    error = {"status": "error", "category": "VALIDATION_ERROR", "message": "no such user", "context": {"userId": ["8"]}}
    answer = {
        "status": "COMPLETE",
        "results": [{"userId": "7", "type": "EXTRA"}],
        "errors": [error, {"message": "of nobody"}],
        "numErrors": 2,
    }
    body = {"inputs": [{"userId": id_, "type": "EXTRA"} for id_ in ("7", "8", "9")]}
    match = [responses.matchers.json_params_matcher(body)]
    wire.post(f"{TEAMS}/1/members/batch", json=answer, status=207, match=match)
    assert api.add_members("1", ["7", "8", "9"]) == {"7": "", "8": "no such user"}


@pytest.mark.parametrize("answer", [{}, [], {"status": "PENDING", "results": []}, {"status": "COMPLETE"}])
def test_a_batch_that_is_not_complete_is_a_doubt(wire: responses.RequestsMock, api: Api, answer: object) -> None:
    wire.post(f"{TEAMS}/1/members/batch", json=answer)
    with pytest.raises(UnknownOutcome):
        api.add_members("1", ["7"])


@pytest.mark.parametrize("answer", [{}, {"id": "7"}, {**ANA, "superAdmin": False, "roleIds": [5]}])
def test_a_user_who_does_not_come_back_is_a_doubt(wire: responses.RequestsMock, api: Api, answer: object) -> None:
    wire.put(f"{USERS}/7", json=answer)
    with pytest.raises(UnknownOutcome):
        api.update_user("7", {"roleId": "5"})


def test_a_member_who_does_not_come_back_and_an_account_without_a_number_are_no_answers(
    wire: responses.RequestsMock, api: Api
) -> None:
    wire.post(f"{TEAMS}/1/members", json={"userId": "8", "type": "EXTRA"})
    wire.get(f"{URL}/account-info/2026-09/details", json={"portalId": "4242"})
    with pytest.raises(UnknownOutcome):
        api.add_member("1", "7")
    with pytest.raises(IncompleteRead):
        api.details()


def test_a_refusal_is_told_in_hubspot_s_words(wire: responses.RequestsMock, api: Api) -> None:
    scopes = {"requiredGranularScopes": ["settings.users.teams.write"]}
    error = {"status": "error", "category": "MISSING_SCOPES", "message": f"not granted to {TOKEN}", "context": scopes}
    wire.post(TEAMS, json=error, status=403)
    with pytest.raises(CallRefused, match="not granted to") as raised:
        api.create_team("Sales", None)
    assert TOKEN not in str(raised.value)


def test_a_rolling_limit_is_waited_for(wire: responses.RequestsMock, api: Api, sleeps: list[float]) -> None:
    headers = {"X-HubSpot-RateLimit-Remaining": "0", "X-HubSpot-RateLimit-Interval-Milliseconds": "10000"}
    wire.put(f"{USERS}/7", json=over("TEN_SECONDLY_ROLLING"), status=429, headers=headers)
    wire.put(f"{USERS}/7", json=ANA)
    assert api.update_user("7", {"roleId": "5"}).id == "7"
    assert sum(sleeps) > 9


def test_what_is_locked_is_asked_for_again_after_two_seconds_at_least(
    wire: responses.RequestsMock, api: Api, sleeps: list[float]
) -> None:
    wire.put(f"{USERS}/7", json={"status": "error", "message": "locked"}, status=423)
    wire.put(f"{USERS}/7", json=ANA)
    assert api.update_user("7", {"roleId": "5"}).id == "7"
    assert min(sleeps) >= 2


def test_a_used_up_day_ends_the_run_at_once(wire: responses.RequestsMock, api: Api, sleeps: list[float]) -> None:
    headers = {"X-HubSpot-RateLimit-Daily": "10", "X-HubSpot-RateLimit-Daily-Remaining": "0"}
    wire.post(TEAMS, json=over("DAILY"), status=429, headers=headers)
    with pytest.raises(AdapterError, match="used up") as raised:
        api.create_team("Sales", None)
    assert not isinstance(raised.value, CallRefused)
    assert len(wire.calls) == 1
    assert sum(sleeps) < 2


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({}, 0),
        ({"X-HubSpot-RateLimit-Remaining": "1", "X-HubSpot-RateLimit-Interval-Milliseconds": "10000"}, 0),
        ({"X-HubSpot-RateLimit-Remaining": "0", "X-HubSpot-RateLimit-Interval-Milliseconds": "10000"}, 10),
        ({"X-HubSpot-RateLimit-Remaining": "0"}, 1),
        ({"X-HubSpot-RateLimit-Daily-Remaining": "0"}, 86_400),
    ],
)
def test_pacing_follows_the_headers(headers: dict[str, str], seconds: float) -> None:
    assert quota(headers, 0) == seconds


INFO = {"userId": 1, "hubId": 4242, "appId": 3, "scopes": ["settings.users.read"]}
INFO_URL = f"{URL}/oauth/v2/private-apps/get/access-token-info"


def test_the_token_goes_into_the_body_of_one_call_and_nowhere_else(wire: responses.RequestsMock, api: Api) -> None:
    match = [responses.matchers.json_params_matcher({"tokenKey": TOKEN})]
    wire.post(INFO_URL, json=INFO, match=match)
    wire.get(TEAMS, json={"results": []})
    wire.get(f"{USERS}/roles", json={"message": "no"}, status=403)
    offer = probe(api, Options(account=4242), TOKEN)
    assert (offer.user, offer.teams, offer.roles, offer.writes_teams, offer.audit) == ("1", True, False, False, False)
    assert [TOKEN in str(call.request.url) for call in wire.calls] == [False] * 3


def test_a_token_of_another_account_is_refused(wire: responses.RequestsMock, api: Api) -> None:
    wire.post(INFO_URL, json=INFO)
    with pytest.raises(AdapterError, match="belongs to the account 4242"):
        probe(api, Options(account=1), TOKEN)


def test_a_broken_answer_about_the_token_is_no_answer(wire: responses.RequestsMock, api: Api) -> None:
    wire.post(INFO_URL, json={})
    with pytest.raises(IncompleteRead):
        probe(api, Options(account=4242), TOKEN)


def test_where_hubspot_does_not_know_the_token_the_account_is_asked_for(wire: responses.RequestsMock, api: Api) -> None:
    wire.post(INFO_URL, json={"message": "no such app"}, status=404)
    wire.get(f"{URL}/account-info/2026-09/details", json={"portalId": 4242})
    wire.get(TEAMS, json={"message": "no"}, status=404)
    wire.get(f"{USERS}/roles", json={"results": []})
    wire.get(AUDIT, json={"message": "no"}, status=403)
    offer = probe(api, Options(account=4242), TOKEN)
    assert offer.scopes is None
    assert (offer.teams, offer.roles, offer.audit, offer.writes_users) == (False, True, False, True)


@pytest.mark.parametrize("status", [401, 400])
def test_a_no_that_is_no_lack_of_an_offer_stops_the_probe(wire: responses.RequestsMock, api: Api, status: int) -> None:
    wire.post(INFO_URL, json=INFO)
    wire.get(TEAMS, json={"message": "no"}, status=status)
    with pytest.raises(AdapterError, match=f"answered {status}"):
        probe(api, Options(account=4242), TOKEN)


EVENT = {
    "id": "a",
    "category": "TEAM",
    "subCategory": "SETTINGS",
    "targetObjectId": "9",
    "occurredAt": "2026-11-02T10:00:00.000Z",
    "actingUser": {"userId": 1, "userEmail": "ana@example.com"},
}


def test_the_audit_log_is_asked_by_the_server_s_clock_and_the_last_one_counts(
    wire: responses.RequestsMock, api: Api
) -> None:
    wire.get(TEAMS, json={"results": []}, headers={"Date": "Tue, 03 Nov 2026 09:00:00 GMT"})
    api.all_teams()
    match = [responses.matchers.query_param_matcher({"limit": "2", "occurredAfter": "2026-11-02T09:00:00Z"})]
    earlier = {**EVENT, "id": "b", "occurredAt": "2026-11-02T09:30:00.000Z", "actingUser": {"userId": 2}}
    contact = {**EVENT, "id": "c", "category": "CRM_OBJECT", "subCategory": "CONTACT"}
    wire.get(AUDIT, json={"results": [EVENT, earlier, contact]}, match=match)
    found = last_changes(api, 1)
    assert found is not None
    assert {at: one.by for at, one in found.items()} == {(Kind.UNIT, "9"): "ana@example.com"}


def test_a_longer_log_than_is_read_names_nobody(wire: responses.RequestsMock, api: Api) -> None:
    count = 0

    def answer(_: PreparedRequest) -> tuple[int, dict[str, str], str]:
        nonlocal count
        count += 1
        page = {"results": [{**EVENT, "id": str(count)}], "paging": {"next": {"after": str(count)}}}
        return 200, {"Date": "Tue, 03 Nov 2026 09:00:00 GMT"}, json.dumps(page)

    wire.add_callback("GET", AUDIT, answer, content_type="application/json")
    api.page(api.audit, "once, to learn the time")
    assert last_changes(api, 1) is None
    assert count == PAGES + 1


@pytest.mark.parametrize("event", [{**EVENT, "occurredAt": "yesterday"}, {**EVENT, "actingUser": "ana"}])
def test_an_event_that_cannot_be_understood_is_no_answer(
    wire: responses.RequestsMock, api: Api, event: dict[str, object]
) -> None:
    wire.get(AUDIT, json={"results": [event]}, headers={"Date": "Tue, 03 Nov 2026 09:00:00 GMT"})
    api.page(api.audit, "once, to learn the time")
    with pytest.raises(IncompleteRead):
        last_changes(api, 1)
