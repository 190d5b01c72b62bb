"""A server on 127.0.0.1 that misbehaves as it is told, and writes down every request that reaches it.

In: an application (what a call does) and acts (what becomes of its answer). Out: requests, and which of them were
carried out. It is strict: a call that no act was given for, and an act that no call came for, fail the test.
"""

import json
import ssl
import subprocess
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Event, Lock, Thread
from typing import Any
from urllib.parse import parse_qs, urlsplit

from tests.faults.acts import Act, Reply, Wire, fine


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    method: str
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


App = Callable[[Request], Reply]


@dataclass
class Server:
    """``acts``: by position; what comes after the last one is unexpected, or fine where ``further`` are allowed."""

    app: App
    acts: Sequence[Act] | Mapping[int, Act]
    further: bool = False
    scheme: str = "http"
    port: int = 0
    requests: list[Request] = field(default_factory=list)
    carried_out: list[Request] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    closing: Event = field(default_factory=Event)
    _lock: Lock = field(default_factory=Lock)

    @property
    def url(self) -> str:
        return f"{self.scheme}://127.0.0.1:{self.port}"

    def answer(self, request: Request, wire: Wire) -> None:
        with self._lock:
            index = len(self.requests)
            self.requests.append(request)
        self._act(index, request)(wire, lambda: self._carry_out(request))

    def _act(self, index: int, request: Request) -> Act:
        if isinstance(self.acts, Mapping):
            return self.acts.get(index, fine)
        if index < len(self.acts):
            return self.acts[index]
        if not self.further:
            self.problems.append(f"unexpected: {request.method} {request.path}")
        return fine

    def _carry_out(self, request: Request) -> Reply:
        with self._lock:
            self.carried_out.append(request)
            return self.app(request)

    def check(self) -> None:
        assert not self.problems, f"{self.problems}"
        if not isinstance(self.acts, Mapping):
            assert len(self.requests) >= len(self.acts), f"{len(self.acts) - len(self.requests)} acts were not played"


def echo(request: Request) -> Reply:
    return Reply.of({"method": request.method, "path": request.path})


@contextmanager
def serving(
    *acts: Act,
    at: Mapping[int, Act] | None = None,
    app: App = echo,
    further: bool = False,
    certificate: Path | None = None,
) -> Iterator[Server]:
    """``at``: acts by the number of the call, everything else is fine; ``certificate``: a PEM with its key: https."""
    server = Server(app, acts if at is None else at, further=further, scheme="https" if certificate else "http")
    with _Listener(server) as listener:
        if certificate is not None:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(certificate)
            listener.socket = context.wrap_socket(listener.socket, server_side=True, do_handshake_on_connect=False)
        server.port = listener.server_address[1]
        thread = Thread(target=listener.serve_forever, args=(0.02,))
        thread.start()
        try:
            yield server
        finally:
            server.closing.set()
            listener.shutdown()
            thread.join()
    server.check()


class _Listener(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, server: Server) -> None:
        self.behind = server
        super().__init__(("127.0.0.1", 0), _Handler)

    def handle_error(self, request: Any, client_address: Any) -> None:  # noqa: ARG002
        """Clients hang up, and acts do; anything else is a fault of the test."""
        import sys

        error = sys.exc_info()[1]
        if not isinstance(error, OSError):
            self.behind.problems.append(repr(error))


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Listener

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
        pass

    def take(self) -> None:
        where = urlsplit(self.path)
        request = Request(
            method=self.command,
            path=where.path,
            query={name: values[0] for name, values in parse_qs(where.query, keep_blank_values=True).items()},
            headers={name.lower(): value for name, value in self.headers.items()},
            body=self.rfile.read(int(self.headers.get("Content-Length") or 0)),
        )
        self.server.behind.answer(request, Wire(self, self.server.behind.closing))

    do_GET = do_HEAD = do_POST = do_PUT = do_PATCH = do_DELETE = do_CONNECT = take  # noqa: N815


def certificate(folder: Path, name: str) -> Path:
    """A certificate that nobody signed but itself, with its key, for ``IP:127.0.0.1`` or ``DNS:elsewhere.example``."""
    both, key = folder / "both.pem", folder / "key.pem"
    command = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
    command += ["-days", "2", "-subj", "/CN=orgsync test", "-addext", f"subjectAltName={name}"]
    subprocess.run([*command, "-keyout", str(key), "-out", str(both)], check=True, capture_output=True)
    both.write_bytes(both.read_bytes() + key.read_bytes())
    return both
