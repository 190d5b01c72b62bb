"""Salesforce's REST API: versions, queries, sObject Collections and Composite Graph, and what is left of the budget.

In: a client, SOQL, records, graphs. Out: rows, one result per record or graph. Never: takes an answer of another form
for a yes; repeats what may have been carried out.
"""

import re
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any
from urllib.parse import quote

from orgsync.adapters.http import Answer, Client, Limits, Page, pages
from orgsync.adapters.salesforce.options import OLDEST
from orgsync.errors import AdapterError, IncompleteRead, UnknownOutcome

NEWEST = 67.0
"""The version that this adapter was written for."""
_LOCKED, _OVER, _EXPIRED = "UNABLE_TO_LOCK_ROW", "REQUEST_LIMIT_EXCEEDED", "INVALID_QUERY_LOCATOR"
_HALTED = "PROCESSING_HALTED"
"""Of a whole graph: too many before it failed (REST API Developer Guide, "Composite Graph Limits")."""
_USAGE = re.compile(r"(?<![\w-])api-usage=(\d+)/(\d+)")
Row = Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """Of one record: ``code`` is the vendor's, empty where all is well."""

    id: str = ""
    code: str = ""
    message: str = ""
    ids: tuple[str, ...] = ()

    @property
    def text(self) -> str:
        return f"{self.code}: {self.message}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Node:
    """One record's write within a graph; ``body`` may refer to an earlier node as ``@{reference.id}``."""

    method: str
    sobject: str
    id: str = ""
    reference: str
    body: Mapping[str, Any] | None = None


class Api:
    def __init__(self, client: Client, *, version: str | None, page: int) -> None:
        self._client, self._pinned, self._page = client, version, page
        self.used: int | None = None
        self.limit: int | None = None
        self.calls = 0

    @cached_property
    def version(self) -> str:
        """Raises AdapterError where the org and this adapter have none in common."""
        if self._pinned:
            return self._pinned
        offered = self.call("GET", "/services/data/").value
        listed = offered if isinstance(offered, list) else []
        known = [str(one.get("version", "")) for one in listed if isinstance(one, dict)]
        fitting = [one for one in known if re.fullmatch(r"\d+\.\d", one) and OLDEST <= float(one) <= NEWEST]
        if not fitting:
            raise AdapterError(f"the org offers no version of the REST API from {OLDEST} to {NEWEST}")
        return max(fitting, key=float)

    @property
    def left(self) -> int | None:
        """API calls of the day, by the last answer."""
        return None if self.used is None or self.limit is None else self.limit - self.used

    def path(self, rest: str) -> str:
        return f"/services/data/v{self.version}/{rest}"

    def call(self, method: str, path: str, **more: Any) -> Answer:
        """Raises AdapterError when the day's calls are used up."""
        try:
            answer = self._client.call(method, path, **more)
        except AdapterError as error:
            if _OVER in _codes(error.said):
                raise _used_up(error) from None
            raise
        self.calls += 1
        self._note(answer.headers)
        return answer

    def _note(self, headers: Mapping[str, str]) -> None:
        if found := _USAGE.search(headers.get("Sforce-Limit-Info", "")):
            self.used, self.limit = int(found[1]), int(found[2])

    def query(self, soql: str, what: str) -> list[Row]:
        """Every record; from the beginning again where the locator of the next page is gone. Raises IncompleteRead."""
        try:
            return self._pages(soql, what)
        except IncompleteRead as error:
            if _EXPIRED not in _codes(error.said):
                raise
            return self._pages(soql, what)

    def _pages(self, soql: str, what: str) -> list[Row]:
        first = self.path(f"query?q={quote(soql, safe='')}")
        options = {"Sforce-Query-Options": f"batchSize={self._page}"}

        def fetch(after: str | int | None) -> Page[Row]:
            return _page(self.call("GET", str(after or first), headers=options).value, what)

        return pages(fetch, what=what, key=lambda row: row["Id"])

    def create(self, sobject: str, records: Sequence[Row]) -> list[Result]:
        return self._some("POST", sobject, records)

    def update(self, sobject: str, records: Sequence[Row]) -> list[Result]:
        """Each record with its ``id``."""
        return self._some("PATCH", sobject, records)

    def delete(self, ids: Sequence[str]) -> list[Result]:
        def send(some: Sequence[int]) -> list[Result]:
            chosen = ",".join(quote(ids[at], safe="") for at in some)
            path = self.path(f"composite/sobjects?ids={chosen}&allOrNone=false")
            return _results(self.call("DELETE", path).value, len(some))

        return self._patiently(len(ids), send)

    def _some(self, method: str, sobject: str, records: Sequence[Row]) -> list[Result]:
        """allOrNone is false: each record has an outcome of its own, and a bad one is no reason to refuse the rest."""

        def send(some: Sequence[int]) -> list[Result]:
            chosen = [{"attributes": {"type": sobject}, **records[at]} for at in some]
            body = {"allOrNone": False, "records": chosen}
            return _results(self.call(method, self.path("composite/sobjects"), json=body).value, len(some))

        return self._patiently(len(records), send)

    def _patiently(self, count: int, send: Callable[[Sequence[int]], list[Result]]) -> list[Result]:
        """A partial save: what ran into somebody's lock, or was not begun, was not written and is sent again."""
        found: dict[int, Result] = {}
        waiting = [*range(count)]
        for left in range(_TRIES - 1, -1, -1):
            found |= dict(zip(waiting, send(waiting), strict=True))
            again = [at for at in waiting if found[at].code in {_LOCKED, _HALTED}]
            if not again or not left:
                break
            waiting = again
            time.sleep(_PAUSE * (_TRIES - left))
        return [found[at] for at in sorted(found)]

    def graphs(self, graphs: Sequence[Sequence[Node]]) -> list[Result]:
        """One result per graph, each of which was carried out as a whole or not at all; ``ids``: one per node."""

        def send(some: Sequence[int]) -> list[Result]:
            body = {"graphs": [self._graph(str(at), graphs[at]) for at in some]}
            value = self.call("POST", self.path("composite/graph"), json=body).value
            return _graph_results(value, [(str(at), len(graphs[at])) for at in some])

        return self._patiently(len(graphs), send)

    def _graph(self, name: str, nodes: Sequence[Node]) -> dict[str, Any]:
        return {"graphId": name, "compositeRequest": [self._request(node) for node in nodes]}

    def _request(self, node: Node) -> dict[str, Any]:
        path = self.path(f"sobjects/{node.sobject}" + (f"/{node.id}" if node.id else ""))
        body = {"body": dict(node.body)} if node.body is not None else {}
        return {"method": node.method, "url": path, "referenceId": node.reference, **body}


def _codes(said: object) -> set[str]:
    return {str(one.get("errorCode")) for one in said if isinstance(one, dict)} if isinstance(said, list) else set()


LIMITS = Limits(locked=lambda said: _LOCKED in _codes(said))
"""Somebody's row lock is waited for, whatever the status that comes with it: nothing was written."""
_TRIES, _PAUSE = LIMITS.attempts, LIMITS.backoff
"""The same patience for single records of a batch."""


def _used_up(error: AdapterError) -> AdapterError:
    remedy = "wait: the calls of the last 24 hours count; or ask Salesforce for more"
    return AdapterError(f"the org's API calls are used up: {error}", remedy=remedy, status=error.status)


def _page(value: Any, what: str) -> Page[Row]:
    records = value.get("records") if isinstance(value, dict) else None
    if not isinstance(records, list) or not isinstance(value.get("done"), bool) or not _rows(records):
        raise IncompleteRead(f"{what}: an answer is no page of a query")
    after = value.get("nextRecordsUrl")
    if value["done"] is not (after is None):
        raise IncompleteRead(f"{what}: a page does not say whether it is the last")
    return Page(items=records, after=after, total=value.get("totalSize"))


def _rows(records: Sequence[Any]) -> bool:
    return all(isinstance(row, dict) and isinstance(row.get("Id"), str) for row in records)


def _results(value: Any, count: int) -> list[Result]:
    if not isinstance(value, list) or len(value) != count or not all(isinstance(one, dict) for one in value):
        raise UnknownOutcome("the answer does not say what became of each record")
    return [_result(one) for one in value]


def _result(one: Mapping[str, Any]) -> Result:
    if one.get("success") is True and isinstance(one.get("id"), str):
        return Result(id=one["id"])
    errors = one.get("errors")
    if one.get("success") is not False or not isinstance(errors, list) or not errors:
        raise UnknownOutcome("the answer does not say what became of a record")
    return Result(code=str(errors[0].get("statusCode")), message=str(errors[0].get("message")))


def _graph_results(value: Any, wanted: Sequence[tuple[str, int]]) -> list[Result]:
    found = value.get("graphs") if isinstance(value, dict) else None
    by_id = {one.get("graphId"): one for one in found if isinstance(one, dict)} if isinstance(found, list) else {}
    if by_id.keys() != {name for name, _ in wanted}:
        raise UnknownOutcome("the answer does not say what became of each graph")
    return [_graph_result(by_id[name], count) for name, count in wanted]


def _graph_result(graph: Mapping[str, Any], count: int) -> Result:
    try:
        parts = graph["graphResponse"]["compositeResponse"]
        if graph["isSuccessful"] is True and len(parts) == count:
            ids = tuple(str((part["body"] or {}).get("id", "")) for part in parts)
            return Result(id=ids[0], ids=ids)
        errors = [one for part in parts if isinstance(part["body"], list) for one in part["body"]]
        own = [one for one in errors if one["errorCode"] != _HALTED]
        worst = (own or errors)[0]
        return Result(code=str(worst["errorCode"]), message=str(worst["message"]))
    except (KeyError, TypeError, IndexError, AttributeError):
        raise UnknownOutcome("the answer does not say what became of a graph") from None
