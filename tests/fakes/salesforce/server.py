"""The REST API over HTTP: tokens, versions, queries in pages, sObject Collections, Composite Graph.

In: requests. Out: the documented answers and error bodies. Never: guesses what an undocumented request may mean.
"""

import json
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from threading import Lock
from typing import Any
from urllib.parse import urlsplit

from tests.fakes.salesforce.schema import MASTERS
from tests.fakes.salesforce.soql import query
from tests.fakes.salesforce.store import Org, Refusal
from tests.fakes.salesforce.tokens import Door
from tests.fakes.shell import is_json, listening, parameters

VERSIONS = ("61.0", "62.0", "66.0", "67.0", "68.0")
_STATUS = {
    "INVALID_SESSION_ID": 401,
    "REQUEST_LIMIT_EXCEEDED": 403,
    "NOT_FOUND": 404,
    "METHOD_NOT_ALLOWED": 405,
    "UNSUPPORTED_MEDIA_TYPE": 415,
}
_REFERENCE = re.compile(r"@\{(\w+)\.id\}\Z")
_GRAPHS, _NODES, _DIFFERENT, _DEPTH, _FAILURES, _RECORDS = 75, 500, 15, 15, 14, 200
_BAD = 400
_HALTED = {
    "errorCode": "PROCESSING_HALTED",
    "message": "The transaction was rolled back since another operation in the same transaction failed.",
}
Reply = tuple[int, Any]


class Service:
    """``requests``: (method, path) of every call so far."""

    def __init__(self, org: Org) -> None:
        self.org, self.lock, self.cursors = org, Lock(), dict[str, tuple[str, list[Any]]]()
        self.door = Door()
        self.requests: list[tuple[str, str]] = []

    def answer(
        self, method: str, target: str, headers: Mapping[str, str], body: bytes
    ) -> tuple[int, Any, Mapping[str, str]]:
        """(status, JSON, headers)."""
        where = urlsplit(target)
        with self.lock:
            self.requests.append((method, where.path))
            if where.path == "/services/oauth2/token":
                return (*self.door.answer(self.org, method, headers, body), {})
            try:
                status, value = self._data(method, where.path, where.query, headers, body)
            except Refusal as refusal:
                status, value = _STATUS.get(refusal.code, 400), [_error(refusal)]
            return status, value, {"Sforce-Limit-Info": f"api-usage={self.org.used}/{self.org.limit}"}

    def _data(self, method: str, path: str, search: str, headers: Mapping[str, str], body: bytes) -> Reply:
        if (method, path, search) == ("GET", "/services/data/", ""):
            return 200, [{"label": one, "url": f"/services/data/v{one}", "version": one} for one in VERSIONS]
        if headers.get("Authorization", "").removeprefix("Bearer ") not in self.door.tokens:
            raise Refusal("INVALID_SESSION_ID", "Session expired or invalid")
        if self.org.used >= self.org.limit:
            raise Refusal("REQUEST_LIMIT_EXCEEDED", "TotalRequests Limit exceeded.")
        self.org.used += 1
        _, services, data, version, *rest = [*path.split("/"), "", ""]
        if (services, data) != ("services", "data") or version.removeprefix("v") not in VERSIONS:
            raise Refusal("NOT_FOUND", "The requested resource does not exist")
        params = parameters(search)
        if params is None:
            raise Refusal("MALFORMED_QUERY", "a parameter comes twice, or is none")
        if body and not is_json(headers):
            raise Refusal("UNSUPPORTED_MEDIA_TYPE", "Content-Type header specified in HTTP request is not supported")
        resource = "/".join(rest).rstrip("/")
        return self._resource(method, resource, params, headers, body)

    def _resource(
        self, method: str, resource: str, params: dict[str, str], headers: Mapping[str, str], body: bytes
    ) -> Reply:
        if method == "GET" and resource == "query" and params.keys() == {"q"}:
            return 200, self._query(params["q"], headers)
        if method == "GET" and resource.startswith("query/") and not params:
            return 200, self._more(resource.partition("/")[2])
        if method == "GET" and (found := re.fullmatch(r"sobjects/(\w+)/describe", resource)) and not params:
            return 200, _described(self.org, found[1])
        self.org.wait_for_block()
        if resource == "composite/sobjects":
            return 200, self._collection(method, params, body)
        if (method, resource) == ("POST", "composite/graph") and not params:
            return 200, self._graphs(_json(body, {"graphs"}))
        raise Refusal("NOT_FOUND", "The requested resource does not exist")

    def _query(self, soql: str, headers: Mapping[str, str]) -> dict[str, Any]:
        option = headers.get("Sforce-Query-Options", "batchSize=2000")
        size = re.fullmatch(r"batchSize=(\d+)", option)
        if size is None or not 200 <= int(size[1]) <= 2000:
            raise Refusal("INVALID_QUERY_OPTIONS", option)
        _, rows = query(self.org, soql)
        pages = min(int(size[1]), self.org.rows)
        cursor = f"01gXX{len(self.cursors):010d}AAA"
        self.cursors[cursor] = (str(pages), rows)
        return self._page(cursor, 0)

    def _more(self, locator: str) -> dict[str, Any]:
        cursor, _, start = locator.rpartition("-")
        if self.org.expiring:
            self.org.expiring -= 1
            self.cursors.pop(cursor, None)
        if cursor not in self.cursors or not start.isdigit():
            raise Refusal("INVALID_QUERY_LOCATOR", "invalid query locator")
        return self._page(cursor, int(start))

    def _page(self, cursor: str, start: int) -> dict[str, Any]:
        size, rows = self.cursors[cursor]
        end = start + int(size)
        done = end >= len(rows)
        more = {} if done else {"nextRecordsUrl": f"/services/data/v67.0/query/{cursor}-{end}"}
        return {"totalSize": len(rows), "done": done, **more, "records": rows[start:end]}

    def _collection(self, method: str, params: dict[str, str], body: bytes) -> list[Any]:
        writes: list[tuple[str, Callable[[], str]]] = []
        if method == "DELETE" and params.keys() == {"ids", "allOrNone"} and params["allOrNone"] in {"true", "false"}:
            ids, strict = params["ids"].split(","), params["allOrNone"] == "true"
            writes += [(self.org.type_of(id_), partial(self._deleted, id_)) for id_ in ids]
        elif method in {"POST", "PATCH"} and not params:
            asked = _json(body, {"allOrNone", "records"})
            if not isinstance(asked["allOrNone"], bool) or not asked["records"]:
                raise Refusal("JSON_PARSER_ERROR", "allOrNone is true or false, and there are records")
            strict = asked["allOrNone"]
            writes += [self._write(method, dict(record)) for record in asked["records"]]
        else:
            raise Refusal("METHOD_NOT_ALLOWED", f"HTTP Method '{method}' not allowed")
        if len(writes) > _RECORDS:
            raise Refusal("EXCEEDED_MAX_SIZE_REQUEST", f"record limit reached. cannot submit more than {_RECORDS}")
        if len({sobject for sobject, _ in writes}) > 1:
            raise Refusal("MIXED_DML_OPERATION", "setup objects of several types in one request")
        return self._carried_out([write for _, write in writes], strict=strict)

    def _carried_out(self, writes: list[Callable[[], str]], *, strict: bool) -> list[Any]:
        before, results = self.org.snapshot(), []
        for write in writes:
            try:
                results.append({"id": write(), "success": True, "errors": []})
            except Refusal as refusal:
                error = {"statusCode": refusal.code, "message": refusal.message, "fields": refusal.fields}
                results.append({"success": False, "errors": [error]})
        if strict and not all(one["success"] for one in results):
            self.org.tables = before
        return results

    def _write(self, method: str, record: dict[str, Any]) -> tuple[str, Callable[[], str]]:
        attributes = record.pop("attributes", {})
        if attributes.keys() != {"type"}:
            raise Refusal("INVALID_TYPE", "a record has attributes with a type")
        sobject = str(attributes["type"])
        if method == "POST":
            return sobject, lambda: self.org.create(sobject, record)
        id_ = str(record.pop("id", ""))
        return sobject, lambda: self._updated(sobject, id_, record)

    def _updated(self, sobject: str, id_: str, record: dict[str, Any]) -> str:
        self.org.update(sobject, id_, record)
        return id_

    def _deleted(self, id_: str) -> str:
        self.org.delete(self.org.type_of(id_), id_)
        return id_

    def _graphs(self, asked: dict[str, Any]) -> dict[str, Any]:
        graphs = asked["graphs"]
        if len(graphs) > _GRAPHS or sum(len(one["compositeRequest"]) for one in graphs) > _NODES:
            raise Refusal("LIMIT_EXCEEDED", "too many graphs or nodes")
        if len({one["graphId"] for one in graphs}) < len(graphs):
            raise Refusal("INVALID_INPUT", "graphId is not unique")
        if len({sort for graph in graphs for sort in _sorts(graph)}) > _DIFFERENT:
            raise Refusal("LIMIT_EXCEEDED", f"more than {_DIFFERENT} different nodes")
        answers: list[dict[str, Any]] = []
        for graph in graphs:
            halted = sum(not one["isSuccessful"] for one in answers) > _FAILURES
            answers.append(_not_begun(graph) if halted else self._one_graph(graph))
        return {"graphs": answers}

    def _one_graph(self, graph: dict[str, Any]) -> dict[str, Any]:
        if graph.keys() != {"graphId", "compositeRequest"}:
            raise Refusal("INVALID_INPUT", "a graph has a graphId and a compositeRequest")
        named = [str(node["referenceId"]) for node in graph["compositeRequest"]]
        if len({*named}) < len(named) or not named:
            raise Refusal("INVALID_INPUT", "a graph has nodes, each with a referenceId of its own")
        if _depth(graph) > _DEPTH:
            raise Refusal("LIMIT_EXCEEDED", f"a graph is deeper than {_DEPTH}")
        before, ids, parts = self.org.snapshot(), dict[str, str](), list[Any]()
        failed = False
        for node in graph["compositeRequest"]:
            part = _part(node, 400, [_HALTED]) if failed else self._tried(node, ids)
            failed = part["httpStatusCode"] == _BAD
            parts.append(part)
        if failed:
            self.org.tables = before
            parts = [
                one if one["httpStatusCode"] == _BAD else {**one, "body": [_HALTED], "httpStatusCode": _BAD}
                for one in parts
            ]
        response = {"compositeResponse": parts}
        return {"graphId": graph["graphId"], "graphResponse": response, "isSuccessful": not failed}

    def _tried(self, node: dict[str, Any], ids: dict[str, str]) -> dict[str, Any]:
        try:
            return self._node(node, ids)
        except Refusal as refusal:
            return _part(node, _BAD, [_error(refusal)])

    def _node(self, node: dict[str, Any], ids: dict[str, str]) -> dict[str, Any]:
        if node.keys() - {"method", "url", "referenceId", "body"} or not re.fullmatch(r"\w+", node["referenceId"]):
            raise Refusal("INVALID_INPUT", "a node has a method, a url, a referenceId and a body")
        found = re.fullmatch(r"/services/data/v([\d.]+)/sobjects/(\w+)(?:/(\w+))?", node["url"])
        if found is None or found[1] not in VERSIONS:
            raise Refusal("NOT_FOUND", "The requested resource does not exist")
        body = {name: _resolved(value, ids) for name, value in node.get("body", {}).items()}
        if node["method"] == "POST" and not found[3]:
            id_ = ids[node["referenceId"]] = self.org.create(found[2], body)
            return _part(node, 201, {"id": id_, "success": True, "errors": []})
        if node["method"] == "PATCH" and found[3]:
            self.org.update(found[2], found[3], body)
            return _part(node, 204, None)
        if node["method"] == "DELETE" and found[3] and "body" not in node:
            self.org.delete(found[2], found[3])
            return _part(node, 204, None)
        raise Refusal("METHOD_NOT_ALLOWED", f"HTTP Method '{node['method']}' not allowed")


def _resolved(value: Any, ids: dict[str, str]) -> Any:
    found = _REFERENCE.match(value) if isinstance(value, str) else None
    if found is None:
        return value
    if found[1] not in ids:
        raise Refusal("PROCESSING_HALTED", f"Invalid reference specified. No value for {found[0]} found")
    return ids[found[1]]


def _described(org: Org, sobject: str) -> dict[str, Any]:
    """Of an object that the integration user may open: what it refers to; a master-detail field has an order."""
    if sobject not in org.readable:
        raise Refusal("NOT_FOUND", "The requested resource does not exist")
    fields: list[dict[str, Any]] = [
        {"name": "OwnerId", "type": "reference", "referenceTo": ["User"], "relationshipOrder": None}
    ]
    if master := MASTERS.get(sobject):
        fields += [{"name": "Above__c", "type": "reference", "referenceTo": [master], "relationshipOrder": 0}]
    return {"name": sobject, "fields": fields}


def _sorts(graph: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """What the documentation takes for different nodes: another version, method or object."""
    for node in graph["compositeRequest"]:
        yield node["method"], "/".join(str(node["url"]).split("/")[:6])


def _depth(graph: dict[str, Any]) -> int:
    depths: dict[str, int] = {}
    for node in graph["compositeRequest"]:
        above = [depths.get(one, 0) for one in re.findall(r"@\{(\w+)\.id\}", json.dumps(node))]
        depths[node["referenceId"]] = 1 + max(above, default=0)
    return max(depths.values(), default=0)


def _not_begun(graph: dict[str, Any]) -> dict[str, Any]:
    response = {"compositeResponse": [_part(node, _BAD, [_HALTED]) for node in graph["compositeRequest"]]}
    return {"graphId": graph["graphId"], "graphResponse": response, "isSuccessful": False}


def _part(node: dict[str, Any], status: int, body: Any) -> dict[str, Any]:
    return {"body": body, "httpHeaders": {}, "httpStatusCode": status, "referenceId": node["referenceId"]}


def _error(refusal: Refusal) -> dict[str, Any]:
    return {"message": refusal.message, "errorCode": refusal.code, "fields": refusal.fields}


def _json(body: bytes, names: set[str]) -> dict[str, Any]:
    try:
        value = json.loads(body)
    except ValueError:
        raise Refusal("JSON_PARSER_ERROR", "no JSON") from None
    if not isinstance(value, dict) or value.keys() != names:
        raise Refusal("JSON_PARSER_ERROR", f"expected {sorted(names)}")
    return value


@contextmanager
def started(org: Org) -> Iterator[tuple[str, Service]]:
    """(its address, the service behind it)."""
    service = Service(org)
    with listening(service.answer) as url:
        yield url, service
