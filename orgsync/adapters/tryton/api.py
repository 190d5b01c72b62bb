"""Tryton's JSON-RPC: one call, whole tables page by page, the session, and the server's own time.

In: a model's method and its arguments. Out: its result. Never: takes an error for an answer (they come with status
200), repeats a write, shows a password or a traceback.
"""

from base64 import b64encode
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from types import MappingProxyType, TracebackType
from typing import Any, Self
from urllib.parse import quote

from orgsync.adapters.http import Answer, Client, Limits, Page, Renewed, Time, pages
from orgsync.errors import AdapterError, CallRefused, IncompleteRead, UnknownOutcome

EVERYTHING: Mapping[str, Any] = MappingProxyType({"active_test": False})
"""Context of every read: what is deactivated exists, too."""

_LONGEST = 500
_NEITHER = "it is neither a result nor an error"


class Stale(CallRefused):
    """Somebody changed a record since it was read: nothing was written."""


class Denied(IncompleteRead):
    """Tryton itself said no to a read."""


class Server:
    """A context manager. ``page``: records per page. ``calls``: how often each method was sent, for whoever counts."""

    def __init__(
        self,
        url: str,
        *,
        username: str,
        password: str,
        writable: bool,
        page: int,
        limits: Limits = Limits(),  # noqa: B008  (frozen)
        time: Time = Time(),  # noqa: B008  (frozen)
    ) -> None:
        base, _, database = url.rpartition("/")
        self._path, self._time = f"{quote(database, safe='')}/rpc/", time
        self._username, self._password, self._page = username, password, page
        same: dict[str, Any] = {"secrets": {password} - {""}, "limits": limits, "time": time}
        self._door = Client(base, authorization=None, writable=False, **same)
        self._client = Client(base, authorization=Renewed(self._session), writable=writable, **same)
        self.calls: Counter[str] = Counter()
        self.now = datetime.fromtimestamp(0, UTC)
        """What time the server has: of its last answer."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        self._door.__exit__(kind, error, tb)
        self._client.__exit__(kind, error, tb)

    def __repr__(self) -> str:
        return f"Server({self._client!r})"

    def _session(self) -> str:
        """A new one; asked again when the server has forgotten the last."""
        parameters = [self._username, {"password": self._password}]
        self.calls["common.db.login"] += 1
        answer = self._door.call("POST", self._path, json=_request("common.db.login", parameters), safe=True)
        found = _result(answer, "common.db.login")
        if not (isinstance(found, list) and len(found) > 1 and isinstance(found[1], str)):
            raise AdapterError("Tryton gave no session", remedy="check the target's credentials")
        token = f"{self._username}:{found[0]}:{found[1]}".encode()
        return f"Session {b64encode(token).decode()}"

    def version(self) -> str:
        answer = self._door.call("POST", "rpc/", json=_request("common.server.version", []), safe=True)
        return str(_result(answer, "common.server.version"))

    def ask(self, method: str, *arguments: Any) -> Any:
        """A method that only reads. Raises IncompleteRead, which is Denied where the server refuses."""
        try:
            return self._call(method, [*arguments, dict(EVERYTHING)], safe=True)
        except CallRefused as refusal:
            raise Denied(str(refusal), remedy=refusal.remedy, status=refusal.status) from None

    def tell(self, method: str, *arguments: Any, stamps: Mapping[str, str] = EVERYTHING) -> Any:
        """A method that writes, in one transaction of Tryton's: all of it or nothing.

        ``stamps``: "model,id" -> ``_timestamp``: what must not have changed since it was read.
        Raises CallRefused (Stale among them), UnknownOutcome, AdapterError, ReadOnly.
        """
        context = {"_timestamp": dict(stamps)} if stamps is not EVERYTHING and stamps else {}
        return self._call(method, [*arguments, context], safe=False)

    def table(self, model: str, domain: Sequence[Any], fields: Sequence[str]) -> list[dict[str, Any]]:
        """Every record, by id: a record that is deleted meanwhile shifts no page. Raises IncompleteRead."""

        def fetch(after: str | int | None) -> Page[dict[str, Any]]:
            beyond = domain if after is None else [["id", ">", after], *([list(domain)] if domain else [])]
            asked = [list(beyond), 0, self._page, [["id", "ASC"]], list(fields)]
            found = self.ask(f"model.{model}.search_read", *asked)
            if not (isinstance(found, list) and all(isinstance(one, dict) and "id" in one for one in found)):
                raise IncompleteRead(f"{model}: the answer is no list of records")
            return Page(items=found, after=found[-1]["id"] if len(found) >= self._page else None)

        return pages(fetch, what=model, key=lambda record: record["id"])

    def records(self, model: str, ids: Iterable[int], fields: Sequence[str]) -> dict[int, dict[str, Any]]:
        """Those that exist, by id."""
        wanted = sorted(set(ids))
        return {one["id"]: one for one in self.table(model, [["id", "in", wanted]], fields)} if wanted else {}

    def _call(self, method: str, parameters: Sequence[Any], *, safe: bool) -> Any:
        self.calls[method] += 1
        answer = self._client.call("POST", self._path, json=_request(method, parameters), safe=safe)
        self.now = _date(answer, self._time)
        try:
            return _result(answer, method)
        except IncompleteRead as problem:
            raise problem if safe else UnknownOutcome(str(problem)) from None


def _request(method: str, parameters: Sequence[Any]) -> dict[str, Any]:
    """Exactly these three: with any other field beside them Tryton answers in another form."""
    return {"id": 0, "method": method, "params": list(parameters)}


def _date(answer: Answer, time: Time) -> datetime:
    try:
        return parsedate_to_datetime(answer.headers["Date"]).astimezone(UTC)
    except (KeyError, ValueError):
        return datetime.fromtimestamp(time.wall(), UTC)


def _result(answer: Answer, method: str) -> Any:
    value = answer.value
    if isinstance(value, dict) and "error" in value:
        kind, words = _words(value["error"])
        raise (Stale if kind == "ConcurrencyException" else CallRefused)(f"{method}: {words}", status=answer.status)
    if not (isinstance(value, dict) and "result" in value):
        raise IncompleteRead(f"{method}: {_NEITHER}")
    return value["result"]


def _words(error: Any) -> tuple[str, str]:
    """(kind, what Tryton says to people); of an unexpected error its first line, and never its traceback."""
    kind = str(error[0]) if isinstance(error, list) and error else str(error)
    said = error[1] if isinstance(error, list) and len(error) > 1 else ""
    if isinstance(said, list):
        text = " ".join(part for part in said[:3] if isinstance(part, str) and part)
    else:
        text = said if kind.endswith(("Exception", "Error", "Warning")) and isinstance(said, str) else kind
    line = " ".join((text or kind).split())
    return kind, line if len(line) <= _LONGEST else f"{line[:_LONGEST]}…"
