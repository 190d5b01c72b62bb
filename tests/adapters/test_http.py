"""The HTTP client against a server that misbehaves: what is repeated, what is not, what each error says and hides."""

import json
import logging
import time as real_time
from base64 import b64encode
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from email.utils import formatdate
from itertools import count
from pathlib import Path
from threading import Barrier
from typing import Any

import pytest
import responses

from orgsync.adapters.http import (
    Authorization,
    Client,
    Fixed,
    Limits,
    Page,
    Renewed,
    Time,
    basic,
    bearer,
    carry_out,
    common_quota,
    numbered,
    oauth_token,
    pages,
)
from orgsync.change import Status
from orgsync.errors import AdapterError, CallRefused, IncompleteRead, OrgsyncError, ReadOnly, UnknownOutcome
from tests.adapters.crms import create
from tests.faults import acts
from tests.faults.acts import Act, Reply, fine, refuses, says
from tests.faults.server import Request, Server, certificate, serving

SECRET = "s3cr3t-t0ken/of+ours"
QUICK = Limits(connect=2, read=5, answer=5, total=60)


@dataclass
class Clock:
    """Time that passes only while somebody sleeps."""

    now: float = 1000.0
    slept: list[float] = field(default_factory=list)

    def sleep(self, seconds: float) -> None:
        self.slept.append(round(seconds, 3))
        self.now += seconds

    @property
    def time(self) -> Time:
        return Time(clock=lambda: self.now, sleep=self.sleep, chance=lambda: 1.0)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@contextmanager
def client_of(
    url: str,
    clock: Clock | None = None,
    *,
    limits: Limits = QUICK,
    authorization: Authorization | None = None,
    **more: Any,
) -> Iterator[Client]:
    stated: dict[str, Any] = {
        "writable": True,
        "time": (clock or Clock()).time,
        "authorization": authorization or bearer(SECRET),
    }
    with Client(url, limits=limits, **stated | more) as client:
        yield client


@contextmanager
def talking(*script: Act, clock: Clock | None = None, **more: Any) -> Iterator[tuple[Server, Client]]:
    with serving(*script) as server, client_of(server.url, clock, **more) as client:
        yield server, client


def fails(client: Client, method: str = "GET", path: str = "things", **more: Any) -> AdapterError:
    with pytest.raises(AdapterError) as caught:
        client.call(method, path, **more)
    assert_nothing_secret(caught.value)
    return caught.value


def assert_nothing_secret(error: OrgsyncError) -> None:
    told = f"{error} {error!r} {error.remedy} {getattr(error, 'said', '')} {error.__cause__}"
    assert SECRET not in told
    assert b64encode(SECRET.encode()).decode() not in told


# what a call is


def test_an_answer_comes_with_its_json_and_the_request_carried_what_it_should() -> None:
    with talking(fine, headers={"X-Ours": "1"}) as (server, client):
        answer = client.call("GET", "things", params={"page": "2"})
    assert (answer.status, answer.value) == (200, {"method": "GET", "path": "/things"})
    (request,) = server.requests
    assert request.query == {"page": "2"}
    assert request.headers["authorization"] == f"Bearer {SECRET}"
    assert (request.headers["x-ours"], request.headers["accept"]) == ("1", "application/json")


@pytest.mark.parametrize(
    ("body", "sent", "sort"),
    [
        ({"json": {"a": 1}}, b'{"a": 1}', "application/json"),
        ({"form": {"a": "1 2"}}, b"a=1+2", "application/x-www-form-urlencoded"),
        ({"content": b"--x--", "headers": {"Content-Type": "multipart/mixed"}}, b"--x--", "multipart/mixed"),
        ({}, b"", None),
    ],
)
def test_a_body_is_json_a_form_or_bytes(body: Any, sent: bytes, sort: str | None) -> None:
    with talking(fine) as (server, client):
        client.call("POST", "things", **body)
    assert server.requests[0].body == sent
    assert server.requests[0].headers.get("content-type") == sort


@pytest.mark.parametrize(
    ("path", "asked"),
    [
        ("users", "/api/v2/users"),
        ("/other/1", "/other/1"),
        ("users/../units/1", None),
        ("users/%2E%2e", None),
        ("users/.", None),
        ("users/a#b", None),
        ("users?filter=a/../b", "/api/v2/users"),
        ("//x", None),
        ("https://crm.example/api/v2/users?after=2", None),
        ("http://127.0.0.1:1/x", None),
        ("http://[", None),
    ],
)
def test_paths_begin_at_the_base_and_never_lead_to_another_host(path: str, asked: str | None) -> None:
    with serving(*[fine] * (asked is not None)) as server, client_of(f"{server.url}/api/v2/") as client:
        if asked is None:
            assert "nothing was sent" in str(fails(client, path=path))
        else:
            client.call("GET", path)
            assert server.requests[0].path == asked


def test_a_next_link_with_our_own_host_is_followed_with_its_query() -> None:
    with talking(fine) as (server, client):
        client.call("GET", f"{server.url}/things?after=2")
    assert server.requests[0].query == {"after": "2"}


@pytest.mark.parametrize(
    ("method", "declared", "passes"),
    [
        ("GET", {}, True),
        ("HEAD", {}, True),
        ("POST", {"safe": True}, True),
        ("GET", {"safe": False}, False),
        ("POST", {}, False),
        ("PUT", {"idempotent": True}, False),
        ("DELETE", {}, False),
    ],
)
def test_a_client_for_reading_sends_only_what_is_safe(method: str, declared: Any, passes: bool) -> None:  # noqa: FBT001
    with talking(*[fine] * passes, writable=False) as (server, client):
        if passes:
            assert client.call(method, "things", as_json=method != "HEAD", **declared).status == 200
        else:
            assert isinstance(fails(client, method, **declared), ReadOnly)
    assert len(server.requests) == passes


@pytest.mark.parametrize(
    "base",
    [
        "http://crm.example/",
        "https://ana:s3cr3t-t0ken@crm.example/",
        "https://s3cr3t-t0ken@crm.example/",
        "ftp://crm.example/",
        "crm.example",
        "https://",
        "https://crm.example:port/",
        "https://crm.example/?key=1",
        "https://[",
    ],
)
def test_an_address_that_credentials_must_not_be_sent_to_is_refused(base: str) -> None:
    with pytest.raises(AdapterError) as caught:
        Client(base, authorization=None, writable=False)
    assert "s3cr3t" not in f"{caught.value} {caught.value.remedy}"


@pytest.mark.parametrize("base", ["http://localhost:1", "http://[::1]:1", "http://127.1.2.3:1", "https://crm.example"])
def test_a_client_shows_its_host_and_no_credentials(base: str) -> None:
    with Client(base, authorization=bearer(SECRET), writable=False, secrets=[SECRET]) as client:
        assert repr(client) == f"Client({base})"


def test_authorizations_hide_their_values() -> None:
    assert basic("ana", "x").header() == "Basic YW5hOng="
    assert SECRET not in repr([bearer(SECRET), basic("ana", SECRET), Renewed(lambda: SECRET)])


@pytest.mark.parametrize("value", [f"Bearer {SECRET}\r\nX: 1", f"Bearer {SECRET}é", f"Bearer {SECRET}\x00"])
def test_a_credential_that_no_header_can_carry_is_refused_without_being_quoted(value: str) -> None:
    with talking(authorization=Fixed(value)) as (_, client):
        assert "no header can carry" in str(fails(client))


def test_a_call_that_cannot_be_written_is_refused_without_being_quoted() -> None:
    with talking() as (_, client):
        assert "InvalidHeader" in str(fails(client, headers={"X-Key": f"{SECRET}\n"}))
        assert "InvalidJSONError" in str(fails(client, "POST", json={"x": float("nan")}))


# what is repeated

IN_DOUBT: Mapping[str, Act] = {
    "500": refuses(500),
    "503": refuses(503),
    "408": refuses(408),
    "reset": acts.resets,
    "reset afterwards": acts.carries_out_and_resets,
    "closed": acts.closes,
    "truncated": acts.truncates,
    "cut in half": acts.cuts_in_half,
    "doubled body": acts.doubles_body,
    "garbage": acts.garbage,
    "empty": acts.empty,
    "no http": acts.no_http,
    "nan": says(Reply(headers={"Content-Type": "application/json"}, body=b"NaN")),
    "deep": says(Reply(headers={"Content-Type": "application/json"}, body=b"[" * 100_000)),
    "bad gzip": says(Reply(headers={"Content-Encoding": "gzip"}, body=b"plain")),
}


@pytest.mark.parametrize("kind", IN_DOUBT)
@pytest.mark.parametrize("declared", [{}, {"safe": True}, {"idempotent": True}])
def test_what_is_in_doubt_is_repeated_only_where_twice_is_as_good_as_once(kind: str, declared: Any) -> None:
    with talking(*[IN_DOUBT[kind], fine][: 2 if declared else 1]) as (server, client):
        if declared:
            assert client.call("POST", "things", **declared).value["path"] == "/things"
        else:
            assert isinstance(fails(client, "POST"), UnknownOutcome)
    assert len(server.requests) == (2 if declared else 1)


@pytest.mark.parametrize("kind", IN_DOUBT)
def test_attempts_are_counted_and_the_last_failure_is_told(kind: str) -> None:
    three = Limits(attempts=3, read=5, answer=5, total=60)
    with talking(*[IN_DOUBT[kind]] * 6, limits=three) as (_, client):
        read, written = fails(client), fails(client, "PUT", idempotent=True)
    assert isinstance(read, IncompleteRead)
    assert isinstance(written, UnknownOutcome)
    assert "3 attempts" in str(read)
    assert "GET /things at 127.0.0.1:" in str(read)


@pytest.mark.parametrize("declared", [{}, {"safe": True}, {"idempotent": True}])
def test_a_refusal_for_now_is_repeated_whatever_the_call_is(declared: Any, clock: Clock) -> None:
    with talking(refuses(429, Retry_After="7"), fine, clock=clock) as (_, client):
        assert client.call("POST", "things", **declared).status == 200
    assert clock.slept == [7]


def test_other_statuses_that_mean_later_can_be_named(clock: Clock) -> None:
    locked = Limits(busy=frozenset({423, 429}))
    with talking(refuses(423), fine, clock=clock, limits=locked) as (_, client):
        assert client.call("POST", "things").status == 200


@pytest.mark.parametrize("declared", [{}, {"idempotent": True}])
def test_a_busy_server_that_stays_busy_has_refused_a_write(declared: Any, clock: Clock) -> None:
    with talking(*[refuses(429, "slow down")] * 5, clock=clock) as (_, client):
        error = fails(client, "POST", **declared)
    assert (type(error), error.status) == (CallRefused, 429)
    assert "slow down" in str(error)


def test_a_busy_server_that_stays_busy_leaves_a_read_incomplete(clock: Clock) -> None:
    with talking(*[refuses(429)] * 5, clock=clock) as (_, client):
        assert isinstance(fails(client), IncompleteRead)


def test_waits_double_and_are_shortened_by_chance(clock: Clock) -> None:
    with talking(*[refuses(500)] * 4, fine, clock=clock) as (_, client):
        client.call("GET", "things")
    assert clock.slept == [0.5, 1, 2, 4]
    clock.slept.clear()
    with serving(refuses(500), fine) as server:
        half = Time(clock=lambda: clock.now, sleep=clock.sleep, chance=lambda: 0.0)
        with client_of(server.url, time=half) as client:
            client.call("GET", "things")
    assert clock.slept == [0.25]


@pytest.mark.parametrize("status", [429, 503])
def test_a_moment_to_come_again_is_waited_for(status: int, clock: Clock) -> None:
    at = formatdate(real_time.time() + 30, usegmt=True)
    with talking(refuses(status, Retry_After=at), fine, clock=clock) as (_, client):
        client.call("GET", "things")
    assert 25 < clock.slept[0] <= 30


@pytest.mark.parametrize("when", ["soon", "-3", "", "0", "Mon, 99 Foo 2026"])
def test_a_moment_that_makes_no_sense_is_none(when: str, clock: Clock) -> None:
    with talking(refuses(429, Retry_After=when), fine, clock=clock) as (_, client):
        client.call("GET", "things")
    assert clock.slept == [0.5]


@pytest.mark.parametrize("when", ["61", "9" * 400])
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_a_wait_beyond_the_bound_is_told_at_once(when: str, method: str, clock: Clock) -> None:
    with talking(refuses(429, Retry_After=when), clock=clock) as (_, client):
        error = fails(client, method)
        assert "s are left" in str(error)
        assert clock.slept == []
        assert isinstance(error, CallRefused if method == "POST" else IncompleteRead)
        later = fails(client, "POST")
        assert type(later) is AdapterError
        assert "no calls are left for now" in str(later)


def test_the_total_time_ends_a_call_before_its_attempts_do(clock: Clock) -> None:
    short = Limits(total=2, backoff=1, attempts=9)
    with talking(*[refuses(500)] * 2, clock=clock, limits=short) as (_, client):
        assert isinstance(fails(client), IncompleteRead)
    assert clock.slept == [1]


def test_a_connection_that_was_refused_is_tried_again_for_everything(clock: Clock) -> None:
    with serving() as gone:
        pass
    with client_of(gone.url, clock) as client:
        written, read = fails(client, "POST"), fails(client)
    assert type(written) is AdapterError
    assert isinstance(read, IncompleteRead)
    assert "cannot be reached (5 attempts)" in str(written)
    assert "check that address" in read.remedy
    assert len(clock.slept) == 8


def test_a_refusal_after_an_attempt_in_doubt_leaves_the_outcome_unknown() -> None:
    with talking(acts.carries_out_and_resets, refuses(404, "gone")) as (_, client):
        error = fails(client, "DELETE", idempotent=True)
    assert (type(error), error.status) == (UnknownOutcome, 404)


@pytest.mark.parametrize("status", [400, 403, 404, 409, 412, 422, 501])
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_a_definite_no_is_told_in_the_vendors_words_and_never_repeated(status: int, method: str) -> None:
    with talking(refuses(status, "names are unique")) as (_, client):
        error = fails(client, method)
    assert (type(error), error.status, error.said) == (CallRefused, status, {"message": "names are unique"})
    assert str(error).endswith(f"answered {status}: names are unique")


@pytest.mark.parametrize("status", [300, 304, 600])
def test_a_status_that_says_neither_leaves_a_write_unknown(status: int) -> None:
    with talking(*[refuses(status)] * 2, limits=Limits(attempts=1)) as (_, client):
        assert isinstance(fails(client, "POST"), UnknownOutcome)
        assert isinstance(fails(client), IncompleteRead)


# time and size


TRICKLES = [acts.drips_head(0.1), acts.drips_body(0.1)]
BOUNDS = [Limits(answer=0.4, attempts=1), Limits(total=0.4)]


@pytest.mark.parametrize(
    ("act", "limits"),
    [(act, limits) for act in (*TRICKLES, acts.silent, acts.late(30)) for limits in BOUNDS]
    + [(acts.silent, Limits(read=0.3, attempts=1))],
)
def test_a_server_that_keeps_us_waiting_runs_into_a_bound(act: Act, limits: Limits) -> None:
    begin = real_time.monotonic()
    with serving(at={0: act}) as server, client_of(server.url, limits=limits, time=Time()) as client:
        assert "no complete answer in time" in str(fails(client))
    assert real_time.monotonic() - begin < 3


def test_time_that_runs_out_between_two_reads_is_noticed_before_the_next() -> None:
    ticking = count(1000.0, 3)
    time, limits = Time(clock=lambda: next(ticking)), Limits(answer=5, attempts=1)
    with serving(at={0: acts.silent}) as server, client_of(server.url, limits=limits, time=time) as client:
        assert "no complete answer in time" in str(fails(client))


def test_a_slow_answer_within_the_bounds_is_fine_and_so_is_the_next_on_that_connection() -> None:
    patient = Limits(read=3, answer=3)
    with talking(acts.late(0.2), fine, limits=patient, time=Time()) as (_, client):
        assert client.call("GET", "one").value["path"] == "/one"
        assert client.call("GET", "two").value["path"] == "/two"


@pytest.mark.parametrize("packed", [False, True])
def test_an_answer_beyond_the_size_is_not_read_to_its_end(packed: bool) -> None:  # noqa: FBT001
    import gzip

    body = gzip.compress(b" " * 3_000_000)
    bomb = says(Reply(headers={"Content-Encoding": "gzip"}, body=body))
    with talking(bomb if packed else acts.huge(3_000_000), limits=Limits(size=1_000_000)) as (_, client):
        error = fails(client)
    assert isinstance(error, IncompleteRead)
    assert "longer than 1000000 bytes" in str(error)


# what an answer must be


def test_a_page_for_people_is_no_json_and_not_asked_for_again() -> None:
    with talking(acts.page_for_people, acts.page_for_people) as (_, client):
        read, written = fails(client), fails(client, "POST")
    assert "text/html where JSON was expected" in str(read)
    assert (type(read), type(written)) == (IncompleteRead, UnknownOutcome)


def test_an_answer_without_a_content_type_may_be_json() -> None:
    with talking(says(Reply(body=b"[1]")), says(Reply(body=b"\xef\xbb\xbf[1]"))) as (_, client):
        assert [client.call("GET", "things").value for _ in range(2)] == [[1], [1]]


def test_nothing_is_an_answer_to_a_write_and_none_to_a_read() -> None:
    nothing = says(Reply(status=204))
    with talking(nothing, *[nothing] * 5) as (_, client):
        assert client.call("DELETE", "things").value is None
        assert "empty" in str(fails(client))


def test_what_need_not_be_json_is_handed_over_as_it_is() -> None:
    with talking(acts.page_for_people) as (_, client):
        assert client.call("GET", "things", as_json=False).content == b"<html>log in</html>"


def test_a_copy_of_an_answer_is_not_taken_for_the_next_one() -> None:
    with talking(acts.doubles_answer, fine) as (_, client):
        first = client.call("GET", "one")
        real_time.sleep(0.05)  # the copy has come
        second = client.call("GET", "two")
    assert [first.value["path"], second.value["path"]] == ["/one", "/two"]


# the vendor's words


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ([{"errorCode": "X", "message": "first\n\tline"}], "first line"),
        ({"error": {"code": "0x8", "message": "inner"}}, "inner"),
        ({"error": "invalid_grant", "error_description": "expired"}, "expired"),
        ({"errors": [{}, {"detail": "second"}]}, "second"),
        ({"code": 1}, ""),
        ("plain", "plain"),
        ({"message": "x" * 400}, "x" * 300 + "…"),
        (None, ""),
    ],
)
def test_the_vendors_words_are_found_wherever_they_stand(body: object, words: str) -> None:
    with talking(says(Reply.of(body, 400))) as (_, client):
        assert str(fails(client)).endswith(f"answered 400: {words}" if words else "answered 400")


@pytest.mark.parametrize(("sort", "words"), [("text/plain", ": bad  wolf"), ("text/html", ""), ("", "")])
def test_words_of_a_page_for_people_are_left_out(sort: str, words: str) -> None:
    reply = Reply(status=400, headers={"Content-Type": sort} if sort else {}, body=b"bad  wolf")
    with talking(says(reply)) as (_, client):
        error = fails(client)
    assert str(error).endswith(f"answered 400{' '.join(words.split())}" if words else "answered 400")
    assert error.said is None


# secrets


@pytest.mark.parametrize(
    "echo",
    [
        SECRET,
        f"Bearer {SECRET}",
        b64encode(SECRET.encode()).decode(),
        "s3cr3t-t0ken%2Fof%2Bours",
        f"password {SECRET} is wrong",
    ],
)
def test_a_server_that_quotes_our_credentials_is_not_quoted(echo: str, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    told = says(Reply.of({"message": echo, "echo": {echo: [echo]}}, 400))
    plain = says(Reply(status=400, headers={"Content-Type": "text/plain"}, body=echo.encode()))
    with talking(told, plain, secrets=[SECRET]) as (_, client):
        for _ in range(2):
            error = fails(client)
            assert echo not in str(error)
            assert "***" in str(error)
    assert SECRET not in caplog.text


@pytest.mark.parametrize(
    ("said", "shown"),
    [
        ("got Authorization: Bearer abcdefghijkl", "Bearer ***"),
        ("no session c0ffee00c0ffee", "no session ***"),
        ("the token certainly expired", "the token certainly expired"),
    ],
)
def test_a_token_of_somebody_else_is_hidden_too_and_plain_words_are_not(said: str, shown: str) -> None:
    with talking(refuses(400, said)) as (_, client):
        assert str(fails(client)).endswith(shown)


def test_failures_name_no_query_and_no_header(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    with talking(*[acts.resets] * 5) as (_, client):
        fails(client, params={"key": SECRET}, headers={"X-Key": SECRET})
    assert SECRET not in caplog.text


# other hosts


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
@pytest.mark.parametrize(("method", "declared"), [("GET", {}), ("POST", {"safe": True}), ("POST", {})])
def test_a_redirect_to_another_host_is_not_followed_and_names_it(status: int, method: str, declared: Any) -> None:
    with serving() as other, talking(acts.redirects(f"{other.url}/x?key={SECRET}", status)) as (_, client):
        error = fails(client, method, **declared)
    assert f"redirected to {other.url}" in str(error)
    assert other.requests == []
    unknown = method == "POST" and not declared and status < 307
    assert isinstance(error, UnknownOutcome) is unknown


@pytest.mark.parametrize(
    "target",
    [
        "https://{host}/",
        "http://localhost:{port}/",
        "//crm.example/",
        "http://ana:x@crm.example/",
        "http://[",
        "file:///x",
    ],
)
def test_a_redirect_to_another_scheme_name_or_nowhere_is_not_followed(target: str) -> None:
    with serving(at={}) as server, client_of(server.url) as client:
        host = server.url.removeprefix("http://")
        server.acts = [acts.redirects(target.format(host=host, port=server.port))]
        assert "which is not followed" in str(fails(client))


@pytest.mark.parametrize(
    ("method", "status", "follows"),
    [("GET", 302, True), ("GET", 308, True), ("POST", 307, True), ("POST", 302, False), ("POST", 303, False)],
)
def test_what_is_safe_is_asked_again_at_the_same_host(method: str, status: int, follows: bool) -> None:  # noqa: FBT001
    with talking(acts.redirects("/new?page=3#part", status), *[fine] * follows) as (server, client):
        if not follows:
            assert isinstance(fails(client, method, safe=True), IncompleteRead)
            return
        answer = client.call(
            method, "old", params={"page": "1"}, json={"q": 1} if method == "POST" else None, safe=True
        )
    assert answer.value == {"method": method, "path": "/new"}
    assert server.requests[1].query == {"page": "3"}
    assert server.requests[1].body == server.requests[0].body


def test_redirects_without_end_are_an_error() -> None:
    with talking(*[acts.redirects("/again")] * 6) as (_, client):
        assert "redirected more than 5 times" in str(fails(client))


def test_the_environment_names_no_proxy_and_no_credentials(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, clock: Clock
) -> None:
    netrc = tmp_path / "netrc"
    netrc.write_text(f"machine 127.0.0.1 login ana password {SECRET}\n")
    netrc.chmod(0o600)
    monkeypatch.setenv("NETRC", str(netrc))
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(tmp_path / "none.pem"))
    with serving() as proxy, serving(fine) as server:
        for name in ("http_proxy", "HTTP_PROXY", "https_proxy", "ALL_PROXY"):
            monkeypatch.setenv(name, proxy.url)
        monkeypatch.delenv("NO_PROXY", raising=False)
        with Client(server.url, authorization=None, writable=False, time=clock.time) as client:
            client.call("GET", "things")
    assert proxy.requests == []
    assert "authorization" not in server.requests[0].headers


def test_a_stated_proxy_gets_its_own_password_and_nothing_of_ours(clock: Clock) -> None:
    with serving(*[refuses(407)] * 5) as proxy:
        stated = proxy.url.replace("http://", "http://ana:pr0xy-pass@")
        with client_of("https://crm.example/", clock, proxy=stated) as client:
            error = fails(client, "POST")
    assert "pr0xy-pass" not in str(error)
    assert proxy.requests[0].method == "CONNECT"
    assert proxy.requests[0].headers["proxy-authorization"] == basic("ana", "pr0xy-pass").header()
    assert "authorization" not in proxy.requests[0].headers
    assert type(error) is AdapterError


def test_cookies_are_neither_kept_nor_sent() -> None:
    with talking(says(Reply.of({}, Set_Cookie="session=1")), fine) as (server, client):
        client.call("GET", "one")
        client.call("GET", "two")
    assert "cookie" not in server.requests[1].headers


# TLS


def test_a_certificate_that_nobody_vouches_for_is_refused(tmp_path: Path, clock: Clock) -> None:
    own = certificate(tmp_path, "IP:127.0.0.1")
    with serving(certificate=own) as server, client_of(server.url, clock) as client:
        error = fails(client, "POST")
    assert "certificate is not accepted: self-signed certificate" in str(error)
    assert (type(error), clock.slept, server.requests) == (AdapterError, [], [])


def test_a_certificate_that_the_settings_vouch_for_is_accepted(tmp_path: Path) -> None:
    own = certificate(tmp_path, "IP:127.0.0.1")
    with serving(fine, certificate=own) as server, client_of(server.url, ca=own) as client:
        assert client.call("GET", "things").status == 200


def test_a_certificate_for_another_host_is_refused(tmp_path: Path) -> None:
    own = certificate(tmp_path, "DNS:elsewhere.example")
    with serving(certificate=own) as server, client_of(server.url, ca=own) as client:
        error = fails(client)
    assert "certificate is not accepted" in str(error)
    assert server.requests == []


def test_a_server_that_speaks_no_tls_is_an_error(clock: Clock) -> None:
    with serving() as server, client_of(server.url.replace("http:", "https:"), clock) as client:
        assert isinstance(fails(client), IncompleteRead)


def test_a_file_of_certificates_must_exist(tmp_path: Path) -> None:
    with pytest.raises(AdapterError, match="no file of certificates"):
        Client("https://crm.example", authorization=None, writable=False, ca=tmp_path / "ca.pem")


# tokens


class Tokens:
    """A login that gives out numbered tokens."""

    def __init__(self) -> None:
        self.given = 0

    def fetch(self) -> str:
        self.given += 1
        return f"Bearer {SECRET}{self.given}"


def expecting(number: int) -> Any:
    """An application that takes only the token of that number."""

    def app(request: Request) -> Reply:
        fresh = request.headers["authorization"] == f"Bearer {SECRET}{number}"
        return Reply.of({"path": request.path} if fresh else {"message": "expired"}, 200 if fresh else 401)

    return app


def test_an_expired_token_is_renewed_once_and_the_call_repeated_whatever_it_is(clock: Clock) -> None:
    tokens = Tokens()
    with (
        serving(fine, fine, fine, app=expecting(2)) as server,
        client_of(server.url, clock, authorization=Renewed(tokens.fetch)) as client,
    ):
        assert client.call("POST", "one").status == 200
        assert client.call("POST", "two").status == 200
    assert (tokens.given, clock.slept) == (2, [])


def test_a_new_token_that_is_refused_too_ends_it(clock: Clock) -> None:
    tokens = Tokens()
    with (
        serving(fine, fine, app=expecting(99)) as server,
        client_of(server.url, clock, authorization=Renewed(tokens.fetch)) as client,
    ):
        error = fails(client)
    assert (type(error), error.status, error.remedy) == (CallRefused, 401, "check the target's credentials")


def test_a_fixed_token_that_is_refused_is_not_sent_again() -> None:
    with talking(refuses(401)) as (_, client):
        assert isinstance(fails(client, "POST"), CallRefused)


def test_many_threads_renew_a_token_once() -> None:
    tokens = Tokens()
    with (
        serving(app=expecting(2), further=True) as server,
        client_of(server.url, authorization=Renewed(tokens.fetch), time=Time()) as client,
        ThreadPoolExecutor(8) as pool,
    ):
        answers = list(pool.map(lambda number: client.call("POST", f"{number}").value["path"], range(40)))
    assert answers == [f"/{number}" for number in range(40)]
    assert tokens.given == 2


def test_a_login_that_fails_stops_the_call() -> None:
    def fetch() -> str:
        raise AdapterError("no access token")

    with talking(authorization=Renewed(fetch)) as (_, client):
        assert str(fails(client)) == "no access token"


@responses.activate
def test_an_oauth_token_is_asked_for_with_a_form_even_while_only_reading() -> None:
    form = {"grant_type": "client_credentials", "client_secret": SECRET}
    sent = responses.post(
        "https://login.example/token",
        json={"access_token": "new", "token_type": "bearer"},
        match=[responses.matchers.urlencoded_params_matcher(form)],
    )
    with Client("https://login.example", authorization=None, writable=False) as login:
        assert oauth_token(login, "/token", form) == "Bearer new"
    assert sent.call_count == 1


@pytest.mark.parametrize(
    ("status", "body", "told"),
    [
        (400, {"error": "invalid_client", "error_description": f"{SECRET} is wrong"}, "*** is wrong"),
        (200, {"token": "x"}, "answered without one"),
        (200, ["x"], "answered without one"),
        (200, {"access_token": ""}, "answered without one"),
    ],
)
def test_no_access_token_is_an_error_in_the_vendors_words(status: int, body: object, told: str) -> None:
    with serving(says(Reply.of(body, status))) as server, client_of(server.url, secrets=[SECRET]) as login:
        with pytest.raises(AdapterError, match="no access token") as caught:
            oauth_token(login, "/token", {"client_secret": SECRET})
        assert type(caught.value) is AdapterError
        assert told in str(caught.value)
        assert "access token: " not in str(caught.value), "what follows would be taken for a secret and hidden"
        assert_nothing_secret(caught.value)


# quotas


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({}, 0),
        ({"RateLimit-Remaining": "1", "RateLimit-Reset": "9"}, 0),
        ({"RateLimit-Remaining": "0", "RateLimit-Reset": "9"}, 9),
        ({"RateLimit-Remaining": "0", "RateLimit-Reset": "-9"}, 0),
        ({"RateLimit-Remaining": "0"}, 0),
        ({"RateLimit-Remaining": "few", "RateLimit-Reset": "9"}, 0),
        ({"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": "1800000030"}, 30),
        ({"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": "1700000000"}, 0),
        ({"RateLimit": '"burst";r=0;t=12'}, 12),
        ({"RateLimit": '"burst";r=3;t=12'}, 0),
        ({"RateLimit": "odd"}, 0),
    ],
)
def test_headers_say_how_long_to_wait(headers: dict[str, str], seconds: float) -> None:
    assert common_quota(headers, 1_800_000_000) == seconds


def test_the_next_call_waits_for_new_quota_instead_of_being_refused(clock: Clock) -> None:
    last = says(Reply.of([], RateLimit_Remaining="0", RateLimit_Reset="12"))
    with talking(last, fine, fine, clock=clock) as (_, client):
        client.call("GET", "one")
        assert clock.slept == []
        client.call("POST", "two")
        client.call("POST", "three")
    assert clock.slept == [12]


def test_an_adapter_can_count_in_its_own_way(clock: Clock) -> None:
    def quota(headers: Mapping[str, str], now: float) -> float:
        assert now > 1_700_000_000
        return float(headers.get("X-Vendor-Pause", 0))

    with talking(says(Reply.of([], X_Vendor_Pause="3")), fine, clock=clock, quota=quota) as (_, client):
        client.call("GET", "one")
        client.call("GET", "two")
    assert clock.slept == [3]


# pages


def fetching(*found: Page[int] | AdapterError) -> Any:
    left = iter(found)

    def fetch(_: object) -> Page[int]:
        page = next(left)
        if isinstance(page, AdapterError):
            raise page
        return page

    return fetch


@dataclass
class Numbers:
    """A list that is asked for from an item on. ``most``: pages fetched at the same time."""

    count: int
    size: int = 3
    together: Barrier | None = None
    asked: list[object] = field(default_factory=list)
    short: Mapping[int, int] = field(default_factory=dict)
    fails: int | None = None

    def __call__(self, at: str | int | None) -> Page[int]:
        self.asked.append(at)
        start = int(at or 0)
        if self.together is not None and at is not None:
            self.together.wait(10)
        if start == self.fails:
            raise AdapterError("the line went dead")
        items = range(start, min(start + self.short.get(start, self.size), self.count))
        after = start + len(items)
        return Page(items=items, after=after if after < self.count else None, total=self.count)


@pytest.mark.parametrize("count", [0, 1, 3, 4, 9, 10])
def test_numbered_pages_take_as_many_calls_as_there_are_pages(count: int) -> None:
    numbers = Numbers(count)
    assert numbered(numbers, what="things", at_once=4, key=lambda one: one) == [*range(count)]
    assert len(numbers.asked) == max(-(-count // 3), 1)


def test_numbered_pages_are_fetched_at_once_and_come_in_order() -> None:
    numbers = Numbers(15, together=Barrier(4))
    assert numbered(numbers, what="things", at_once=4) == [*range(15)]


def test_a_numbered_page_that_is_shorter_than_the_first_leaves_no_gap() -> None:
    numbers = Numbers(12, short={3: 1})
    assert numbered(numbers, what="things", at_once=2, key=lambda one: one) == [*range(12)]


def test_numbered_pages_are_all_or_nothing() -> None:
    with pytest.raises(IncompleteRead, match="things: reading stopped after 3: the line went dead"):
        numbered(Numbers(12, fails=6), what="things", at_once=2)
    with pytest.raises(IncompleteRead, match="the line went dead"):
        numbered(Numbers(12, fails=0), what="things", at_once=2)

    def shrinking(at: object) -> Page[int]:
        page = Numbers(9)(at if isinstance(at, int) else None)
        return Page(items=page.items, after=page.after, total=9 if at is None else 8)

    with pytest.raises(IncompleteRead, match="there were 9, and 8 a page later"):
        numbered(shrinking, what="things", at_once=1)


def test_numbered_pages_without_a_total_or_with_cursors_come_one_after_the_other() -> None:
    for after in ("next", 1):
        found = [Page(items=[1], after=after, total=2 if after == "next" else None), Page(items=[2])]
        assert numbered(fetching(*found), what="things", at_once=4) == [1, 2]


def test_all_pages_come_in_order() -> None:
    asked: list[object] = []

    def fetch(cursor: object) -> Page[int]:
        asked.append(cursor)
        return Page(items=[len(asked)], after=len(asked) if len(asked) < 3 else None, total=3 if cursor else None)

    assert pages(fetch, what="things", key=lambda one: one) == [1, 2, 3]
    assert asked == [None, 1, 2]


@pytest.mark.parametrize(
    ("found", "told"),
    [
        ([Page(items=[1], after=1), AdapterError("no", remedy="log in")], "things: reading stopped after 1: no"),
        ([CallRefused("no", status=403)], "reading stopped after 0: no"),
        ([Page(items=[1], after=1), IncompleteRead("cut off")], "cut off"),
        ([Page(items=[1], after="a"), Page(items=[2], after="b"), Page(items=[3], after="a")], "ring after 3"),
        ([Page(items=[], after=number) for number in range(102)], "ring after 0"),
        ([Page(items=[1], after=1, total=3), Page(items=[2], total=2)], "there were 3, and 2 a page later"),
        ([Page(items=[1], total=3)], "3 were announced and 1 came"),
        ([Page(items=[1], after=1, total=2), Page(items=[])], "2 were announced and 1 came"),
        ([Page(items=[1], after=1), Page(items=[1])], "some came twice"),
    ],
)
def test_half_of_the_pages_is_none(found: list[Page[int] | AdapterError], told: str) -> None:
    with pytest.raises(IncompleteRead, match=told):
        pages(fetching(*found), what="things", key=lambda one: one)


def test_a_total_that_grows_and_items_that_look_alike_are_fine() -> None:
    found = [Page(items=[1], after=1, total=2), Page(items=[1, 1], total=3)]
    assert pages(fetching(*found), what="things") == [1, 1, 1]


# one write


@pytest.mark.parametrize(
    ("sent", "found", "unique", "status", "detail"),
    [
        (["7"], [], False, Status.APPLIED, ""),
        ([CallRefused("no")], [], False, Status.FAILED, "no"),
        ([UnknownOutcome("lost")], [(True, "7")], False, Status.APPLIED, "found by reading: lost"),
        ([UnknownOutcome("lost")], [(False, None)], False, Status.UNKNOWN, "lost"),
        ([UnknownOutcome("lost"), "7"], [(False, None)], True, Status.APPLIED, ""),
        ([UnknownOutcome("lost"), CallRefused("taken")], [(False, None), (True, "7")], True, Status.APPLIED, "found"),
        ([UnknownOutcome("lost"), CallRefused("no")], [(False, None)] * 2, True, Status.UNKNOWN, "lost"),
        ([UnknownOutcome("lost"), UnknownOutcome("again")], [(False, None)] * 2, True, Status.UNKNOWN, "again"),
    ],
)
def test_a_write_in_doubt_is_looked_for_before_it_is_sent_again(
    sent: list[str | AdapterError],
    found: list[tuple[bool, str | None]],
    unique: bool,  # noqa: FBT001
    status: Status,
    detail: str,
) -> None:
    step = create("unit/sales")
    outcome = carry_out(step, playing(sent), playing(found), unique=unique)
    assert (sent, found) == ([], [])
    assert (outcome.id, outcome.action, outcome.status) == (step.id, step.action, status)
    assert outcome.detail.startswith(detail)
    assert outcome.remote_id == ("7" if status is Status.APPLIED else None)


def playing(script: list[Any]) -> Any:
    def play() -> Any:
        one = script.pop(0)
        if isinstance(one, AdapterError):
            raise one
        return one

    return play


@pytest.mark.parametrize("error", [AdapterError("not sent"), ReadOnly("no"), IncompleteRead("cut off")])
def test_a_crm_that_cannot_be_spoken_to_stops_the_run(error: AdapterError) -> None:
    with pytest.raises(type(error)):
        carry_out(create("unit/sales"), playing([error]), playing([]))


def test_the_servers_of_these_tests_are_strict() -> None:
    with pytest.raises(AssertionError, match="unexpected: GET /things"), talking() as (_, client):
        client.call("GET", "things")
    with pytest.raises(AssertionError, match="1 acts were not played"), talking(fine):
        pass
    with pytest.raises(AssertionError, match="ZeroDivisionError"):  # noqa: SIM117
        with serving(*[fine] * 5, app=lambda _: 1 // 0) as server, client_of(server.url) as client:  # type: ignore[arg-type,return-value]
            fails(client)


def test_said_is_what_an_adapter_decides_by() -> None:
    body = [{"errorCode": "UNABLE_TO_LOCK_ROW", "message": "locked"}]
    with talking(says(Reply.of(body, 500))) as (_, client):
        error = fails(client, "POST")
    assert (type(error), error.status) == (UnknownOutcome, 500)
    assert json.dumps(error.said) == json.dumps(body)
