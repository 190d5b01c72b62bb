"""The calls that Dataverse's API gets, one by one: what is sent, and what is made of each sort of answer."""

from collections.abc import Iterator

import pytest
import responses

from orgsync.adapters.dataverse.api import HEADERS, Api
from orgsync.adapters.dataverse.batch import Operation, Result, results, written
from orgsync.adapters.dataverse.login import Login
from orgsync.adapters.dataverse.options import Options
from orgsync.adapters.http import Client, bearer
from orgsync.errors import AdapterError, CallRefused, IncompleteRead, UnknownOutcome
from tests.fakes.dataverse import CLIENT, SECRET, TENANT
from tests.fakes.dataverse.multipart import Reply, replies, requests

URL = "https://contoso.crm4.dynamics.com"
DATA = f"{URL}/api/data/v9.2"
SETS = [
    [Operation(method="PATCH", path="teams(1)", body={"name": "Vertrieb Süd"}, headers={"If-None-Match": "*"})],
    [
        Operation(method="POST", path="teams(1)/teamroles_association/$ref", body={"@odata.id": "x"}),
        Operation(method="DELETE", path="roles(2)"),
    ],
]
LIMIT = {"error": {"code": "0x80072322", "message": "Number of requests exceeded the limit"}}


@pytest.fixture
def wire(monkeypatch: pytest.MonkeyPatch) -> Iterator[responses.RequestsMock]:
    monkeypatch.setattr("time.sleep", lambda _: None)
    with responses.RequestsMock() as found:
        yield found


@pytest.fixture
def api() -> Iterator[Api]:
    with Client(URL, authorization=bearer("eyJ.secret-0001"), writable=True, headers=HEADERS) as client:
        yield Api(client, URL, page=5000)


def answered(*sets: list[int], bare: bool = False) -> tuple[str, bytes]:
    body = b'{"error":{"code":"0x80040217","message":"Does Not Exist"}}'
    return replies(
        [
            [Reply(status=status, body=body if status >= 400 else b"", id=str(at)) for at, status in enumerate(one)]
            for one in sets
        ],
        bare=bare,
    )


def test_a_batch_is_read_as_it_was_written() -> None:
    """By the fake's own reader, which knows nothing of the writer."""
    found = requests(*written("/api/data/v9.2/", SETS))
    assert [[one.method for one in each] for each in found] == [["PATCH"], ["POST", "DELETE"]]
    [first], [_, last] = found
    assert (first.target, first.headers["if-none-match"]) == ("/api/data/v9.2/teams(1)", "*")
    assert first.body == b'{"name": "Vertrieb S\\u00fcd"}'
    assert (last.body, last.id) == (b"", "2")


def test_every_change_set_has_its_own_result() -> None:
    refused = Result(status=404, code="0x80040217", message="Does Not Exist")
    assert results(*answered([204], [204, 204]), SETS) == [Result(), Result()]
    for bare in (False, True):
        assert results(*answered([204], [404], bare=bare), SETS) == [Result(), refused]
    assert refused.text == "0x80040217: Does Not Exist"


@pytest.mark.parametrize(
    ("sort", "content"),
    [
        ("application/json", b"{}"),
        answered([204]),
        answered([204], [204]),
        answered([204], [204, 204], [204]),
        (answered([204], [204, 204])[0], answered([204], [204, 204])[1][:-40]),
        (answered([204], [204, 204])[0], answered([204], [204, 204])[1].replace(b"HTTP/1.1 204", b"HTTP/1.1")),
        (answered([204], [204, 204])[0], answered([204], [204, 204])[1].replace(b"application/http", b"text/plain")),
        ("", b""),
    ],
)
def test_an_answer_that_does_not_say_what_became_of_each_is_a_doubt(sort: str, content: bytes) -> None:
    with pytest.raises(UnknownOutcome):
        results(sort, content, SETS)


def test_a_batch_without_an_answer_is_not_sent_again(wire: responses.RequestsMock, api: Api) -> None:
    wire.post(f"{DATA}/$batch", status=500)
    with pytest.raises(UnknownOutcome):
        api.batch(SETS)
    assert len(wire.calls) == 1


@pytest.mark.parametrize("status", [400, 404, 412])
def test_a_batch_that_is_refused_in_parts_is_a_doubt_and_one_that_is_refused_whole_is_none(
    wire: responses.RequestsMock, api: Api, status: int
) -> None:
    """Without continue-on-error a batch has the status of what failed in it, and what came before is done."""
    sort, content = answered([204], [404])
    wire.post(f"{DATA}/$batch", body=content, content_type=sort, status=status)
    with pytest.raises(UnknownOutcome, match=f"answered {status}"):
        api.batch(SETS)
    wire.post(f"{DATA}/$batch", json={"error": {"code": "0x80048d19", "message": "no batch"}}, status=status)
    with pytest.raises(CallRefused, match="no batch"):
        api.batch(SETS)


def test_a_batch_that_the_limits_refuse_is_sent_again(wire: responses.RequestsMock, api: Api) -> None:
    sort, content = answered([204], [204, 204])
    wire.post(f"{DATA}/$batch", json=LIMIT, status=429, headers={"Retry-After": "3"})
    wire.post(f"{DATA}/$batch", body=content, content_type=sort, headers={"x-ms-dop-hint": "6"})
    assert api.batch(SETS) == [Result(), Result()]
    assert api.at_once == 6


def test_no_cookie_comes_back(wire: responses.RequestsMock, api: Api) -> None:
    for _ in range(2):
        wire.get(f"{DATA}/WhoAmI()", json={}, headers={"Set-Cookie": "ARRAffinity=1;Path=/"})
        api.get("WhoAmI()")
    assert "Cookie" not in wire.calls[1].request.headers


def test_pages_are_followed_and_filters_quoted(wire: responses.RequestsMock, api: Api) -> None:
    more = f"{DATA}/roles?$select=roleid&$skiptoken=1"
    first = {"value": [{"roleid": "1"}], "@odata.nextLink": more}
    query = "%24select=roleid&%24filter=name%20eq%20'a%26b'"
    wire.get(f"{DATA}/roles?{query.replace('%24', '$')}", json=first)
    wire.get(more, json={"value": [{"roleid": "2"}]})
    assert [one["roleid"] for one in api.rows("roles", ("roleid",), where="name eq 'a&b'")] == ["1", "2"]
    assert wire.calls[0].request.headers["Prefer"] == "odata.maxpagesize=5000"


@pytest.mark.parametrize(
    "page",
    [
        {},
        [],
        {"value": {}},
        {"value": [1]},
        {"value": [{"name": "1"}]},
        {"value": [{"roleid": "1"}, {"roleid": "1"}]},
        {"value": [], "@odata.nextLink": 7},
        {"value": [], "@odata.nextLink": "https://elsewhere.example/roles"},
    ],
)
def test_a_page_that_is_not_whole_is_no_answer(wire: responses.RequestsMock, api: Api, page: object) -> None:
    wire.get(f"{DATA}/roles", json=page)
    with pytest.raises(IncompleteRead):
        api.rows("roles", ("roleid",))


@pytest.mark.parametrize("said", [{}, [], {"UserId": "1"}, {"UserId": 1, "BusinessUnitId": "2", "OrganizationId": "3"}])
def test_who_we_are_has_to_be_said(wire: responses.RequestsMock, api: Api, said: object) -> None:
    wire.get(f"{DATA}/WhoAmI()", json=said)
    with pytest.raises(IncompleteRead):
        _ = api.me


def test_what_we_may_has_to_be_said(wire: responses.RequestsMock, api: Api) -> None:
    wire.get(f"{DATA}/systemusers(1)/Microsoft.Dynamics.CRM.RetrieveUserPrivileges()", json={})
    with pytest.raises(IncompleteRead):
        api.privileges_of("1")


def test_a_refusal_has_the_words_of_the_service(wire: responses.RequestsMock, api: Api) -> None:
    wire.post(f"{DATA}/$batch", json={"error": {"code": "0x80060888", "message": "no batch"}}, status=400)
    with pytest.raises(CallRefused, match="no batch"):
        api.batch(SETS)


def login(flow: str = "clientSecret", **credentials: str) -> Login:
    options = Options.model_validate({"url": URL, "tenant": TENANT, "flow": flow})
    return Login(options, credentials)


@pytest.mark.parametrize(
    ("flow", "given", "lacking"),
    [
        ("clientSecret", {"clientId": CLIENT}, "clientSecret"),
        ("githubOidc", {"clientId": CLIENT, "clientSecret": SECRET}, "oidcUrl, oidcToken"),
    ],
)
def test_credentials_that_a_flow_needs_are_named(flow: str, given: dict[str, str], lacking: str) -> None:
    with pytest.raises(AdapterError, match=f"the flow {flow} lacks credentials: {lacking}"):
        login(flow, **given).fetch()


ENTRA = f"https://login.microsoftonline.com/{TENANT}"
FOUND = {
    "issuer": f"{ENTRA}/v2.0",
    "authorization_endpoint": f"{ENTRA}/oauth2/v2.0/authorize",
    "token_endpoint": f"{ENTRA}/oauth2/v2.0/token",
}


def test_a_token_is_asked_of_entra_for_this_environment(wire: responses.RequestsMock) -> None:
    wire.get(f"{ENTRA}/v2.0/.well-known/openid-configuration", json=FOUND)
    wire.post(f"{ENTRA}/oauth2/v2.0/token", json={"access_token": "eyJ.1", "token_type": "Bearer", "expires_in": 9})
    assert login(clientId=CLIENT, clientSecret=SECRET).fetch() == "Bearer eyJ.1"
    body = str(wire.calls[1].request.body)
    assert "scope=https%3A%2F%2Fcontoso.crm4.dynamics.com%2F.default" in body
    assert "grant_type=client_credentials" in body


@pytest.mark.parametrize(
    ("answer", "status"),
    [({}, 200), ({"error": "invalid_client", "error_description": "AADSTS1: no\r\nTrace"}, 401), ({"error": "x"}, 400)],
)
def test_no_token_is_an_error_in_the_words_of_entra(
    wire: responses.RequestsMock, answer: dict[str, str], status: int
) -> None:
    wire.get(f"{ENTRA}/v2.0/.well-known/openid-configuration", json=FOUND)
    wire.post(f"{ENTRA}/oauth2/v2.0/token", json=answer, status=status)
    with pytest.raises(AdapterError, match="no access token") as raised:
        login(clientId=CLIENT, clientSecret=SECRET).fetch()
    assert SECRET not in str(raised.value)


def test_entra_cannot_send_us_elsewhere_with_our_secret(wire: responses.RequestsMock) -> None:
    elsewhere = {**FOUND, "token_endpoint": f"https://login.elsewhere.example/{TENANT}/oauth2/v2.0/token"}
    wire.get(f"{ENTRA}/v2.0/.well-known/openid-configuration", json=elsewhere)
    with pytest.raises(AdapterError, match=r"sends us to login\.elsewhere\.example"):
        login(clientId=CLIENT, clientSecret=SECRET).fetch()
    assert len(wire.calls) == 1


def test_a_tenant_that_is_none_is_an_error(wire: responses.RequestsMock) -> None:
    wire.get(f"{ENTRA}/v2.0/.well-known/openid-configuration", json={"error": "invalid_tenant"}, status=400)
    with pytest.raises(AdapterError, match="no access token"):
        login(clientId=CLIENT, clientSecret=SECRET).fetch()


@pytest.mark.parametrize("answer", [{}, {"value": ""}, {"value": 1}, []])
def test_no_word_of_github_is_an_error(wire: responses.RequestsMock, answer: object) -> None:
    wire.get(f"{ENTRA}/v2.0/.well-known/openid-configuration", json=FOUND)
    wire.get("https://actions.example/token", json=answer)
    given = {"clientId": CLIENT, "oidcUrl": "https://actions.example/token", "oidcToken": "t"}
    with pytest.raises(AdapterError, match="GitHub"):
        login("githubOidc", **given).fetch()
    assert "audience=api" in str(wire.calls[1].request.url)
