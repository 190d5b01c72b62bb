"""One host, spoken to in calls that say what they are; the only place that decides whether a call is repeated.

A call is *safe* (it reads, by whatever method), *idempotent* (twice is as good as once) or neither. Attempts whose
outcome is in doubt are repeated only for the first two; what the server surely did not carry out, for all.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from threading import Lock
from types import MappingProxyType
from typing import Self
from urllib.parse import urlsplit

import requests
from urllib3.exceptions import InvalidHeader, MaxRetryError
from urllib3.util import Retry

from orgsync import __version__
from orgsync.adapters.http.address import Base, joined, origin
from orgsync.adapters.http.answers import Answer, Failure, NotJson, json_of, said, words
from orgsync.adapters.http.authorization import Authorization, Fixed
from orgsync.adapters.http.limits import Limits, Time
from orgsync.adapters.http.pace import Pace
from orgsync.adapters.http.quota import common_quota
from orgsync.adapters.http.transport import Transport
from orgsync.errors import AdapterError, CallRefused, IncompleteRead, ReadOnly, UnknownOutcome

_SAFE = frozenset({"GET", "HEAD"})
_CONNECTIONS = 64
"""Kept open: as many as a target's settings allow at once. One too few, and calls open and close connections."""
_REDIRECTS = 5
_SHORTEST = 0.001
_NOT_IMPLEMENTED, _TIMEOUT, _UNAUTHORIZED = 501, 408, 401
_SAME_METHOD = frozenset({307, 308})
_NO_HEADERS: Mapping[str, str] = MappingProxyType({})


@dataclass(frozen=True, slots=True, kw_only=True)
class _Call:
    method: str
    url: str
    safe: bool
    repeatable: bool
    as_json: bool
    deadline: float
    body: Mapping[str, object] = field(repr=False)
    headers: Mapping[str, str] = field(repr=False)

    @property
    def name(self) -> str:
        """Without the query, which may hold what is nobody's business."""
        where = urlsplit(self.url)
        return f"{self.method} {where.path} at {where.netloc}"


@dataclass(slots=True, kw_only=True)
class _Tries:
    """``doubt``: an earlier attempt may have been carried out."""

    call: _Call
    retry: Retry
    token: str = field(repr=False)
    renewed: bool = False
    doubt: bool = False
    last: Failure | None = None


class Client:
    """A context manager; several threads may call at once.

    base      https://host/path, or http:// on this machine; paths of calls begin there
    writable  False: calls that are not safe raise ReadOnly and nothing is sent
    secrets   what no text may show, whoever says it: the target's credentials
    headers   sent with every call
    quota     (headers of an answer, seconds since 1970) -> seconds to wait before the next call
    proxy     for https; the environment's are not looked at. ``ca``: a file of certificates to trust instead
    """

    def __init__(
        self,
        base: str,
        *,
        authorization: Authorization | None,
        writable: bool,
        secrets: Iterable[str] = (),
        headers: Mapping[str, str] = _NO_HEADERS,
        limits: Limits = Limits(),  # noqa: B008  (frozen)
        quota: Callable[[Mapping[str, str], float], float] = common_quota,
        proxy: str | None = None,
        ca: Path | None = None,
        time: Time = Time(),  # noqa: B008  (frozen)
    ) -> None:
        """Raises AdapterError for an address with a password, one that is not https, and a missing ``ca``."""
        self._base = Base.of(base)
        self._authorization, self._writable = authorization or Fixed(""), writable
        self._secrets = {*secrets, urlsplit(proxy or "").password or ""}
        self._headers = {"Accept": "application/json", "Accept-Encoding": "gzip", "User-Agent": _AGENT, **headers}
        self._limits, self._quota, self._time = limits, quota, time
        self._retry = Retry(
            limits.attempts - 1, backoff_factor=limits.backoff, backoff_max=limits.longest, allowed_methods=None
        )
        self._proxies = {"https": proxy} if proxy else {}
        if ca is not None and not ca.is_file():
            raise AdapterError(f"there is no file of certificates at {ca}")
        self._verify = str(ca) if ca is not None else True
        self._transport, self._lock, self._pace = Transport(_CONNECTIONS), Lock(), Pace(time.clock)
        self._closed = False

    def __repr__(self) -> str:
        return f"Client({self._base.origin})"

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        """Whoever still reads in another thread gets an error at the next call."""
        self._closed = True
        self._transport.close()

    def call(
        self,
        method: str,
        path: str,
        *,
        params: Mapping[str, str] = _NO_HEADERS,
        json: object | None = None,
        form: Mapping[str, str] | None = None,
        content: bytes | None = None,
        headers: Mapping[str, str] = _NO_HEADERS,
        safe: bool | None = None,
        idempotent: bool = False,
        as_json: bool = True,
    ) -> Answer:
        """A 2xx answer, complete.

        path        below ``base``; with a slash in front: of the host; or an address on the same host (a next link);
                    ids in it are quoted by the caller
        safe        None: GET and HEAD are
        idempotent  may be carried out twice
        as_json     the answer has to be JSON (or, for what is not safe, 204)
        Raises ReadOnly; CallRefused (4xx: surely not carried out); UnknownOutcome (not safe, and who knows);
        IncompleteRead (safe, and no usable answer); AdapterError (not safe, and surely not sent).
        """
        reads = method in _SAFE if safe is None else safe
        call = _Call(
            method=method,
            url=self._base.below(path),
            safe=reads,
            repeatable=reads or idempotent,
            as_json=as_json and method != "HEAD",
            deadline=self._time.clock() + self._limits.total,
            body={"params": dict(params), "json": json, "data": form if form is not None else content},
            headers=headers,
        )
        if not (reads or self._writable):
            raise ReadOnly(f"{call.name}: not sent, since only reading was allowed")
        return self._answered(_Tries(call=call, retry=self._retry, token=self._token()))

    def _token(self, *, stale: str = "") -> str:
        token = self._authorization.header(stale=stale)
        if not (token.isascii() and token.isprintable()):
            raise AdapterError("a credential has characters that no header can carry")
        with self._lock:
            self._secrets = {*self._secrets, token, token.rpartition(" ")[2]}
        return token

    def _answered(self, tries: _Tries) -> Answer:
        while True:
            found = self._paced(tries)
            if isinstance(found, Answer):
                return found
            tries.last, tries.doubt = found, tries.doubt or not found.certain
            if not self._renewed(tries, found):
                self._back_off(tries, found)

    def _renewed(self, tries: _Tries, failure: Failure) -> bool:
        """A 401 says that the call was not carried out; a new token is worth one more attempt."""
        if failure.status != _UNAUTHORIZED or tries.renewed:
            return False
        before, tries.renewed = tries.token, True
        tries.token = self._token(stale=before)
        return tries.token != before

    def _back_off(self, tries: _Tries, failure: Failure) -> None:
        if not failure.again or not (failure.certain or tries.call.repeatable):
            raise self._error(tries, failure)
        try:
            tries.retry = tries.retry.increment(tries.call.method, tries.call.url)
        except MaxRetryError:
            more = f"{failure.why} ({self._limits.attempts} attempts)"
            raise self._error(tries, replace(failure, why=more)) from None
        if failure.wait:
            self._pace.hold(failure.wait)
        elif not self._pace.held:
            # urllib3's own first repetition is immediate, and its jitter comes on top instead of spreading
            seconds = max(tries.retry.get_backoff_time(), self._limits.backoff)
            self._wait(tries, failure, seconds * (0.5 + self._time.chance() / 2))

    def _paced(self, tries: _Tries) -> Answer | Failure:
        why = tries.last or Failure(why="no calls are left for now", certain=True)
        self._wait(tries, why, self._pace.turn())
        moment = 0.0
        while moment := self._pace.begin(moment):
            self._wait(tries, why, moment - self._time.clock())
        try:
            return self._attempt(tries)
        finally:
            self._pace.end()

    def _wait(self, tries: _Tries, failure: Failure, seconds: float) -> None:
        if seconds <= 0:
            return
        left = tries.call.deadline - self._time.clock()
        if seconds > left:
            why = f"{failure.why}; the next attempt would be in {seconds:.0f} s, and {max(left, 0):.0f} s are left"
            raise self._error(tries, replace(failure, why=why))
        self._time.sleep(seconds)

    def _attempt(self, tries: _Tries) -> Answer | Failure:
        call = tries.call
        if self._closed:
            return Failure(why="the connection was given up", certain=True)
        for _ in range(_REDIRECTS + 1):
            found = self._exchange(call, tries.token)
            if isinstance(found, Failure):
                return found
            moved = found.headers.get("Location", "") if 300 <= found.status < 400 else ""  # noqa: PLR2004
            if not moved:
                return self._judged(call, found)
            target, same_call = joined(call.url, moved), call.method in _SAFE or found.status in _SAME_METHOD
            if not (call.safe and same_call and self._base.covers(target)):
                why = f"redirected to {origin(target)}, which is not followed"
                return Failure(why=why, certain=found.status in _SAME_METHOD, answer=found)
            call = replace(call, url=target.partition("#")[0], body={**call.body, "params": {}})
        return Failure(why=f"redirected more than {_REDIRECTS} times", certain=True)

    def _exchange(self, call: _Call, token: str) -> Answer | Failure:
        began = self._time.clock()
        until = min(call.deadline, began + self._limits.answer)
        found = self._transport.exchange(
            self._prepared(call, token),
            left=lambda: until - self._time.clock(),
            size=self._limits.size,
            timeout=(max(min(self._limits.connect, until - self._time.clock()), _SHORTEST), self._limits.read),
            verify=self._verify,
            proxies=self._proxies,
        )
        if isinstance(found, Answer):
            now = self._time.wall()
            self._pace.heed(found.headers, now, began)
            if (wait := self._quota(found.headers, now)) > 0:
                self._pace.hold(wait)
        return found

    def _prepared(self, call: _Call, token: str) -> requests.PreparedRequest:
        headers = {**self._headers, **call.headers} | ({"Authorization": token} if token else {})
        try:
            return requests.Request(call.method, self._base.below(call.url), headers=headers, **call.body).prepare()
        except (requests.RequestException, ValueError) as error:  # their texts quote headers
            raise AdapterError(f"{call.name}: not sent, since it cannot be written: {type(error).__name__}") from None

    def _judged(self, call: _Call, answer: Answer) -> Answer | Failure:
        status = answer.status
        if 200 <= status < 300:  # noqa: PLR2004
            return _read(call, answer)
        told = said(answer, self._secrets)
        spoken = words(answer, told, self._secrets)
        why = f"answered {status}" + (f": {spoken}" if spoken else "")
        if status in self._limits.busy or self._limits.locked(told):
            return Failure(why=why, certain=True, again=True, wait=self._retry_after(answer), answer=answer)
        if status == _TIMEOUT or (status >= 500 and status != _NOT_IMPLEMENTED):  # noqa: PLR2004
            return Failure(why=why, again=True, wait=self._retry_after(answer), answer=answer)
        return Failure(why=why, certain=status >= 400, answer=answer)  # noqa: PLR2004

    def _retry_after(self, answer: Answer) -> float | None:
        try:
            return self._retry.parse_retry_after(answer.headers["Retry-After"])
        except (KeyError, InvalidHeader, ValueError, OverflowError):
            return None

    def _error(self, tries: _Tries, failure: Failure) -> AdapterError:
        answer, doubt = failure.answer, tries.doubt or not failure.certain
        refused = failure.certain and answer is not None and answer.status >= 400  # noqa: PLR2004
        kind: type[AdapterError] = CallRefused if refused else AdapterError
        if tries.call.safe:
            kind = CallRefused if refused and not failure.again else IncompleteRead
        elif doubt:
            kind = UnknownOutcome
        remedy = "check the target's credentials" if failure.status == _UNAUTHORIZED else failure.remedy
        told = said(answer, self._secrets) if answer is not None else None
        return kind(f"{tries.call.name}: {failure.why}", remedy=remedy, status=failure.status, said=told)


_AGENT = f"orgsync/{__version__}"


def _read(call: _Call, answer: Answer) -> Answer | Failure:
    if not call.as_json or (answer.status == 204 and not call.safe):  # noqa: PLR2004
        return answer
    try:
        return replace(answer, value=json_of(answer))
    except NotJson as problem:
        return Failure(why=f"answered {answer.status}, but {problem}", again=not problem.lasting, answer=answer)
