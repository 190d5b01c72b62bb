"""HTTP around a fake: a listener on 127.0.0.1 that hands each request to one function and sends what that answers.

In: a function. Out: its address. Never: knows a vendor, or a request that is good.
"""

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any
from urllib.parse import parse_qsl

Answer = Callable[[str, str, Mapping[str, str], bytes], tuple[int, Any, Mapping[str, str]]]
"""(method, target, headers in Title-Case, body) -> (status, JSON, bytes or None, headers)."""
_NO_CONTENT = 204


def parameters(search: str) -> dict[str, str] | None:
    """Of a query or a form; None where one comes twice, or where it is neither."""
    try:
        pairs = parse_qsl(search, keep_blank_values=True, strict_parsing=True) if search else []
    except ValueError:
        return None
    found = dict(pairs)
    return found if len(found) == len(pairs) else None


def is_json(headers: Mapping[str, str]) -> bool:
    return headers.get("Content-Type", "").partition(";")[0] == "application/json"


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    wbufsize = -1
    answer: Answer

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        """Says nothing."""

    def take(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        headers = {name.title(): value for name, value in self.headers.items()}
        status, value, more = self.answer(self.command, self.path, headers, body)
        content = value if isinstance(value, bytes) else b"" if value is None else json.dumps(value).encode()
        self.send_response(status)
        for name, text in {**_about(status, content), **more}.items():
            self.send_header(name, text)
        self.end_headers()
        self.wfile.write(content)

    do_GET = do_POST = do_PATCH = do_DELETE = do_PUT = take  # noqa: N815


def _about(status: int, content: bytes) -> dict[str, str]:
    if status == _NO_CONTENT:
        return {}
    return {"Content-Type": "application/json;charset=UTF-8", "Content-Length": str(len(content))}


@contextmanager
def listening(answer: Answer) -> Iterator[str]:
    handler = type("Handler", (_Handler,), {"answer": staticmethod(answer)})
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as listener:
        listener.daemon_threads = True
        thread = Thread(target=listener.serve_forever, args=(0.02,))
        thread.start()
        try:
            yield f"http://127.0.0.1:{listener.server_address[1]}"
        finally:
            listener.shutdown()
            thread.join()
