"""A wire between orgsync and a CRM that fails as it is told, on 127.0.0.1.

In: the CRM's address, a fault. Out: what passed through. Never: changes what it passes on, except as told.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Lock, Thread
from urllib.parse import urlsplit

from orgsync.testing.crm import Call

_PER_HOP = {"connection", "keep-alive", "transfer-encoding", "te", "trailer", "upgrade", "content-length"}
_SECONDS = 60


@dataclass(frozen=True, slots=True)
class Passed:
    """An answer on its way back."""

    status: int
    headers: list[tuple[str, str]]
    body: bytes


Pass = Callable[[], Passed]
Fault = Callable[[Pass], Passed | None]
"""What becomes of one call; None: the connection breaks off without an answer."""


def refused(_: Pass) -> Passed | None:
    """500, and the CRM never heard of it."""
    return _said(500, b'{"message": "it went wrong"}')


def committed_and_500(carry_out: Pass) -> Passed | None:
    carry_out()
    return _said(500, b'{"message": "it went wrong"}')


def committed_and_lost(carry_out: Pass) -> Passed | None:
    carry_out()
    return None


def lost(_: Pass) -> Passed | None:
    return None


def empty_200(_: Pass) -> Passed | None:
    """Says that all is well, and did nothing."""
    return _said(200, b"")


def void_200(_: Pass) -> Passed | None:
    """Says so in JSON."""
    return _said(200, b"{}")


def truncated(carry_out: Pass) -> Passed | None:
    answer = carry_out()
    return Passed(answer.status, answer.headers, answer.body[: len(answer.body) // 2])


def _said(status: int, body: bytes) -> Passed:
    return Passed(status, [("Content-Type", "application/json")], body)


@dataclass(slots=True)
class Proxy:
    """``faults``: which call of those that ``counts`` counts fails how; ``dead_from``: no call at all from there on."""

    upstream: str
    counts: Callable[[Call], bool]
    faults: dict[int, Fault] = field(default_factory=dict)
    dead_from: int | None = None
    port: int = 0
    seen: int = 0
    calls: list[Call] = field(default_factory=list)
    _dead: bool = False
    _lock: Lock = field(default_factory=Lock)

    def url(self, like: str) -> str:
        where = urlsplit(like)
        return where._replace(scheme="http", netloc=f"127.0.0.1:{self.port}").geturl()

    def reset(self) -> None:
        """A fresh wire: nothing fails, and the count begins anew."""
        self.faults, self.dead_from, self.seen, self._dead = {}, None, 0, False
        self.calls.clear()

    def take(self, call: Call, carry_out: Pass) -> Passed | None:
        with self._lock:
            self.calls.append(call)
            number = self.seen if self.counts(call) else None
            if number is not None:
                self.seen += 1
                self._dead = self._dead or (self.dead_from is not None and number >= self.dead_from)
            dead, fault = self._dead, self.faults.get(number) if number is not None else None
        if dead:
            return None
        return fault(carry_out) if fault is not None else carry_out()


@contextmanager
def proxying(upstream: str, counts: Callable[[Call], bool]) -> Iterator[Proxy]:
    proxy = Proxy(upstream, counts)
    with _Listener(proxy) as listener:
        proxy.port = listener.server_address[1]
        thread = Thread(target=listener.serve_forever, args=(0.02,))
        thread.start()
        try:
            yield proxy
        finally:
            listener.shutdown()
            thread.join()


class _Listener(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, proxy: Proxy) -> None:
        self.proxy = proxy
        super().__init__(("127.0.0.1", 0), _Handler)

    def handle_error(self, request: object, client_address: object) -> None:
        """Clients hang up; whatever went wrong on the way shows as a call without an answer."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    wbufsize = -1  # head and body in one piece: two small packets would wait for each other
    server: _Listener

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        """Says nothing."""

    def take(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        answer = self.server.proxy.take(Call(method=self.command, path=self.path, body=body), lambda: self._pass(body))
        if answer is None:
            self.close_connection = True
            return
        self.send_response_only(answer.status)
        for name, value in answer.headers:
            self.send_header(name, value)
        if answer.status != 204:
            self.send_header("Content-Length", str(len(answer.body)))
        self.end_headers()
        self.wfile.write(answer.body)

    do_GET = do_HEAD = do_POST = do_PUT = do_PATCH = do_DELETE = take  # noqa: N815

    def _pass(self, body: bytes) -> Passed:
        where = urlsplit(self.server.proxy.upstream)
        make = HTTPSConnection if where.scheme == "https" else HTTPConnection
        connection = make(where.hostname or "", where.port, timeout=_SECONDS)
        try:
            headers = {name: value for name, value in self.headers.items() if name.lower() not in _PER_HOP}
            connection.request(self.command, self.path, body=body or None, headers=headers)
            answer = connection.getresponse()
            kept = [(name, value) for name, value in answer.getheaders() if name.lower() not in _PER_HOP]
            return Passed(answer.status, kept, answer.read())
        except (OSError, HTTPException) as error:
            raise ConnectionError("the CRM itself cannot be reached") from error
        finally:
            connection.close()
