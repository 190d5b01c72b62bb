"""The calls that Salesforce's API gets, one by one: what is sent, and what is made of each sort of answer."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime

import jwt
import pytest
import responses
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from requests import PreparedRequest

from orgsync.adapters.http import Client, bearer
from orgsync.adapters.salesforce import api as module
from orgsync.adapters.salesforce.api import LIMITS, Api, Node
from orgsync.adapters.salesforce.login import Login
from orgsync.adapters.salesforce.options import Options
from orgsync.adapters.salesforce.soql import begins, quoted
from orgsync.errors import AdapterError, CallRefused, IncompleteRead, UnknownOutcome

URL = "https://acme.my.salesforce.com"
DATA = f"{URL}/services/data/v67.0"
LOCKED = {"message": "unable to obtain exclusive access", "errorCode": "UNABLE_TO_LOCK_ROW", "fields": []}


@pytest.fixture
def wire(monkeypatch: pytest.MonkeyPatch) -> Iterator[responses.RequestsMock]:
    monkeypatch.setattr("time.sleep", lambda _: None)
    with responses.RequestsMock() as found:
        yield found


@pytest.fixture
def client() -> Iterator[Client]:
    with Client(URL, authorization=bearer("00D!secret-0001"), writable=True, limits=LIMITS) as found:
        yield found


@pytest.fixture
def api(client: Client) -> Api:
    return Api(client, version="67.0", page=2000)


def test_the_newest_version_that_both_know_is_used(wire: responses.RequestsMock, client: Client) -> None:
    offered = [{"label": "x", "url": f"/services/data/v{one}", "version": one} for one in ("61.0", "66.0", "99.0")]
    wire.get(f"{URL}/services/data/", json=offered)
    assert Api(client, version=None, page=2000).path("query") == "/services/data/v66.0/query"


def test_an_org_without_a_version_in_common_is_refused(wire: responses.RequestsMock, client: Client) -> None:
    wire.get(f"{URL}/services/data/", json=[{"version": "40.0"}])
    with pytest.raises(AdapterError, match="no version"):
        _ = Api(client, version=None, page=2000).version


def test_a_query_follows_its_pages_and_learns_the_budget(wire: responses.RequestsMock, api: Api) -> None:
    more = "/services/data/v67.0/query/01g-2"
    usage = {"Sforce-Limit-Info": "per-app-api-usage=17/250(appName=x); api-usage=18/5000"}
    first = {"totalSize": 2, "done": False, "nextRecordsUrl": more, "records": [{"Id": "1"}]}
    wire.get(f"{DATA}/query", json=first, headers=usage)
    wire.get(f"{URL}{more}", json={"totalSize": 2, "done": True, "records": [{"Id": "2"}]}, headers=usage)
    assert [row["Id"] for row in api.query("SELECT Id FROM Group", "groups")] == ["1", "2"]
    assert api.left == 4982


@pytest.mark.parametrize(
    "page",
    [
        {},
        {"totalSize": 1, "done": True},
        {"totalSize": 2, "done": True, "records": [{"Id": "1"}]},
        {"totalSize": 1, "done": False, "records": [{"Id": "1"}]},
        {"totalSize": 1, "done": True, "records": [{"Name": "1"}]},
    ],
)
def test_a_page_that_is_not_whole_is_no_answer(wire: responses.RequestsMock, api: Api, page: object) -> None:
    wire.get(f"{DATA}/query", json=page)
    with pytest.raises(IncompleteRead):
        api.query("SELECT Id FROM Group", "groups")


@pytest.mark.parametrize("status", [400, 500])
def test_a_lock_is_waited_for_whatever_its_status(wire: responses.RequestsMock, api: Api, status: int) -> None:
    wire.post(f"{DATA}/composite/sobjects", json=[LOCKED], status=status)
    wire.post(f"{DATA}/composite/sobjects", json=[{"id": "1", "success": True, "errors": []}])
    assert [one.id for one in api.create("Group", [{"Name": "x"}])] == ["1"]


def test_of_a_partial_save_only_what_was_locked_is_sent_again(wire: responses.RequestsMock, api: Api) -> None:
    sent: list[list[str]] = []

    def answer(request: PreparedRequest) -> tuple[int, dict[str, str], str]:
        names = [one["Name"] for one in json.loads(request.body or b"")["records"]]
        sent.append(names)
        bad = {"success": False, "errors": [{"statusCode": "STRING_TOO_LONG", "message": "too long", "fields": []}]}
        lock = {"success": False, "errors": [{"statusCode": "UNABLE_TO_LOCK_ROW", "message": "locked", "fields": []}]}
        fine = {"id": "9", "success": True, "errors": []}
        made = [bad if name == "bad" else lock if name == "locked" and len(sent) == 1 else fine for name in names]
        return 200, {}, json.dumps(made)

    wire.add_callback("POST", f"{DATA}/composite/sobjects", answer, content_type="application/json")
    found = api.create("Group", [{"Name": name} for name in ("fine", "locked", "bad")])
    assert sent == [["fine", "locked", "bad"], ["locked"]]
    assert [one.code for one in found] == ["", "", "STRING_TOO_LONG"]


def test_a_used_up_budget_ends_the_run(wire: responses.RequestsMock, api: Api) -> None:
    error = [{"message": "TotalRequests Limit exceeded.", "errorCode": "REQUEST_LIMIT_EXCEEDED"}]
    wire.post(f"{DATA}/composite/sobjects", json=error, status=403)
    with pytest.raises(AdapterError, match="used up") as raised:
        api.create("Group", [{"Name": "x"}])
    assert not isinstance(raised.value, CallRefused)


def test_a_maintenance_page_is_no_answer(wire: responses.RequestsMock, api: Api) -> None:
    """Reading is tried again, and then says so; what was to be written may or may not have been."""
    page = "<html><body>We are down for maintenance.</body></html>"
    for method, path in (("GET", "query"), ("POST", "composite/sobjects")):
        wire.add(method, f"{DATA}/{path}", body=page, status=503, content_type="text/html")
    with pytest.raises(IncompleteRead, match="503"):
        api.query("SELECT Id FROM Group", "groups")
    with pytest.raises(UnknownOutcome, match="503"):
        api.create("Group", [{"Name": "x"}])
    assert [one.request.method for one in wire.calls] == ["GET"] * LIMITS.attempts + ["POST"]


@pytest.mark.parametrize("answer", [{}, [], [{}], [{"success": True}], [{"success": False, "errors": []}]])
def test_an_answer_that_does_not_say_what_became_of_a_record_is_a_doubt(
    wire: responses.RequestsMock, api: Api, answer: object
) -> None:
    wire.patch(f"{DATA}/composite/sobjects", json=answer)
    with pytest.raises(UnknownOutcome):
        api.update("User", [{"id": "1", "IsActive": False}])


def test_a_deletion_names_its_ids_in_the_address(wire: responses.RequestsMock, api: Api) -> None:
    wire.delete(f"{DATA}/composite/sobjects", json=[{"id": "1", "success": True, "errors": []}])
    assert [one.id for one in api.delete(["1"])] == ["1"]
    assert str(wire.calls[0].request.url).endswith("?ids=1&allOrNone=false")


def test_a_graph_s_own_error_is_told_and_not_that_the_rest_was_halted(wire: responses.RequestsMock, api: Api) -> None:
    halted = [{"errorCode": "PROCESSING_HALTED", "message": "rolled back"}]
    own = [{"errorCode": "DUPLICATE_VALUE", "message": "it is there", "fields": []}]
    parts = [{"body": body, "httpStatusCode": 400, "referenceId": "x"} for body in (halted, own)]
    graph = {"graphId": "0", "graphResponse": {"compositeResponse": parts}, "isSuccessful": False}
    wire.post(f"{DATA}/composite/graph", json={"graphs": [graph]})
    node = Node(method="POST", sobject="Group", reference="x", body={"Name": "x"})
    assert [one.text for one in api.graphs([[node, node]])] == ["DUPLICATE_VALUE: it is there"]


@pytest.mark.parametrize("value", ["O'Brien", "a\\' OR Name LIKE '%", "x\ny", 'say "so"'])
def test_a_value_cannot_leave_its_quotes(value: str) -> None:
    inner = quoted(value)[1:-1].replace("\\\\", "")
    assert "'" not in inner.replace("\\'", "")
    assert "\n" not in inner


def test_wildcards_of_a_prefix_are_taken_as_they_are() -> None:
    assert begins("Name", "orgsync_") == "Name LIKE 'orgsync\\_%'"


def _login(client: Client, flow: str, **credentials: str) -> Login:
    options = Options.model_validate({"url": URL, "flow": flow})
    return Login(client, options, credentials, lambda: datetime(2026, 11, 1, tzinfo=UTC))


_ANSWER = {"access_token": "00D!token", "instance_url": URL, "id": "https://login.salesforce.com/id/00D/005XX"}


@pytest.mark.parametrize(
    ("flow", "credentials", "form"),
    [
        (
            "clientCredentials",
            {"clientId": "id", "clientSecret": "s"},
            {"grant_type": "client_credentials", "client_id": "id", "client_secret": "s"},
        ),
        (
            "refreshToken",
            {"clientId": "id", "refreshToken": "r"},
            {"grant_type": "refresh_token", "client_id": "id", "refresh_token": "r"},
        ),
    ],
)
def test_a_token_is_asked_for_by_the_flow_s_own_form(
    wire: responses.RequestsMock, client: Client, flow: str, credentials: dict[str, str], form: dict[str, str]
) -> None:
    match = [responses.matchers.urlencoded_params_matcher(form)]
    wire.post(f"{URL}/services/oauth2/token", json=_ANSWER, match=match)
    login = _login(client, flow, **credentials)
    assert login.fetch() == "Bearer 00D!token"
    assert login.user == "005XX"


def test_a_jwt_is_signed_for_three_minutes(wire: responses.RequestsMock, client: Client) -> None:
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    form = serialization.PrivateFormat.PKCS8
    pem = key.private_bytes(serialization.Encoding.PEM, form, serialization.NoEncryption()).decode()
    wire.post(f"{URL}/services/oauth2/token", json=_ANSWER)
    _login(client, "jwtBearer", clientId="id", username="o@acme.example", privateKey=pem).fetch()
    body = str(wire.calls[0].request.body)
    assertion = body.rpartition("assertion=")[2]
    claims = jwt.decode(
        assertion,
        key.public_key(),
        algorithms=["RS256"],
        audience="https://login.salesforce.com",
        options={"verify_exp": False},
    )
    assert (claims["iss"], claims["sub"]) == ("id", "o@acme.example")
    assert claims["exp"] == int(datetime(2026, 11, 1, 0, 3, tzinfo=UTC).timestamp())


def test_a_key_that_is_none_is_refused_without_showing_it(client: Client) -> None:
    login = _login(client, "jwtBearer", clientId="id", username="o@acme.example", privateKey="not-a-key-0001")
    with pytest.raises(AdapterError, match="private key") as raised:
        login.fetch()
    assert "not-a-key-0001" not in f"{raised.value} {raised.value.remedy}"


def test_missing_credentials_are_named(client: Client) -> None:
    with pytest.raises(AdapterError, match="clientSecret"):
        _login(client, "clientCredentials", clientId="id").fetch()


def test_a_token_of_another_host_is_not_used(wire: responses.RequestsMock, client: Client) -> None:
    wire.post(f"{URL}/services/oauth2/token", json={**_ANSWER, "instance_url": "https://evil.example"})
    with pytest.raises(AdapterError, match=r"evil\.example"):
        _login(client, "clientCredentials", clientId="id", clientSecret="s").fetch()


def test_a_refused_login_says_why_in_salesforce_s_words(wire: responses.RequestsMock, client: Client) -> None:
    error = {"error": "invalid_client", "error_description": "invalid client credentials"}
    wire.post(f"{URL}/services/oauth2/token", json=error, status=400)
    with pytest.raises(AdapterError, match="invalid client credentials"):
        _login(client, "clientCredentials", clientId="id", clientSecret="s").fetch()


def test_the_pause_before_a_locked_record_is_short_at_first() -> None:
    assert 0 < module._PAUSE <= 1
