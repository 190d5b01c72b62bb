"""Bytes there and back, once: requests' adapter with a bound on the time and the size of the whole answer.

In: a prepared request. Out: an Answer, or a Failure that says whether the server may have carried the call out.
Never: repeats, follows a redirect, looks at the environment.
"""

import ssl
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from http.client import HTTPResponse
from io import BufferedReader, RawIOBase
from socket import socket
from typing import Any

import requests
import urllib3
from requests.adapters import HTTPAdapter

from orgsync.adapters.http.answers import Answer, Failure

_CHUNK = 65536
_left: ContextVar[Callable[[], float]] = ContextVar("left", default=lambda: float("inf"))


class Transport(HTTPAdapter):
    """Safe for several threads; ``connections``: how many are kept open."""

    def __init__(self, connections: int) -> None:
        super().__init__(pool_maxsize=connections)

    def init_poolmanager(self, *args: Any, **settings: Any) -> None:
        super().init_poolmanager(*args, **settings)
        self.poolmanager.pool_classes_by_scheme = _POOLS

    def proxy_manager_for(self, proxy: str, **settings: Any) -> Any:
        manager = super().proxy_manager_for(proxy, **settings)
        manager.pool_classes_by_scheme = _POOLS
        return manager

    def exchange(
        self, request: requests.PreparedRequest, *, left: Callable[[], float], size: int, **settings: Any
    ) -> Answer | Failure:
        """``left``: seconds until the answer must be complete; ``size``: bytes; ``settings``: as for ``send``."""
        try:
            with _within(left):
                response = self.send(request, stream=True, **settings)
                try:
                    content = _bounded(response, size)
                finally:
                    response.close()
        except (requests.RequestException, urllib3.exceptions.HTTPError, OSError) as error:
            return _broken(error)
        if content is None:
            return Failure(why=f"the answer is longer than {size} bytes")
        return Answer(status=response.status_code, headers=response.headers, content=content)


def _bounded(response: requests.Response, size: int) -> bytes | None:
    content = bytearray()
    for chunk in response.iter_content(_CHUNK):
        content += chunk
        if len(content) > size:
            return None
    return bytes(content)


def _broken(error: BaseException) -> Failure:
    """Never quotes the error: requests' texts have addresses with their queries, and headers."""
    chain = list(_causes(error))
    for cause in chain:
        if isinstance(cause, ssl.SSLCertVerificationError):
            why = f"the server's certificate is not accepted: {cause.verify_message}"
            return Failure(why=why, certain=True)
    if any(isinstance(cause, _NOT_SENT) for cause in chain):
        remedy = "check that address, and the network or the proxy on the way to it"
        return Failure(why="the server cannot be reached", certain=True, again=True, remedy=remedy)
    if any(isinstance(cause, TimeoutError | requests.Timeout | urllib3.exceptions.TimeoutError) for cause in chain):
        return Failure(why="no complete answer in time", again=True)
    return Failure(why="the connection broke off", again=True)


_NOT_SENT = (
    requests.exceptions.ConnectTimeout,
    requests.exceptions.ProxyError,
    urllib3.exceptions.NewConnectionError,
)


def _causes(error: object) -> Iterator[BaseException]:
    """requests and urllib3 put what they wrap into ``args`` or ``reason``."""
    if isinstance(error, BaseException):
        yield error
        for inner in (*error.args, getattr(error, "reason", None)):
            yield from _causes(inner)


@contextmanager
def _within(left: Callable[[], float]) -> Iterator[None]:
    token = _left.set(left)
    try:
        yield
    finally:
        _left.reset(token)


class _Timed(RawIOBase):
    """A socket's file in which every read ends when the whole answer has to: a timeout alone begins anew each byte."""

    def __init__(self, sock: socket, raw: RawIOBase) -> None:
        self._sock, self._raw, self._between_bytes = sock, raw, sock.gettimeout()

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int | None:
        left = _left.get()()
        if left <= 0:
            raise TimeoutError("the answer took too long")
        self._sock.settimeout(left if self._between_bytes is None else min(left, self._between_bytes))
        try:
            return self._raw.readinto(buffer)
        finally:
            self._sock.settimeout(self._between_bytes)

    def close(self) -> None:
        self._raw.close()
        super().close()


class _TimedResponse(HTTPResponse):
    def __init__(self, sock: socket, *args: Any, **settings: Any) -> None:
        super().__init__(sock, *args, **settings)
        self.fp = BufferedReader(_Timed(sock, self.fp.detach()))


class _Connection(urllib3.connection.HTTPConnection):
    response_class = _TimedResponse


class _TlsConnection(urllib3.connection.HTTPSConnection):
    response_class = _TimedResponse


class _Pool(urllib3.HTTPConnectionPool):
    ConnectionCls = _Connection


class _TlsPool(urllib3.HTTPSConnectionPool):
    ConnectionCls = _TlsConnection


_POOLS = {"http": _Pool, "https": _TlsPool}
