"""The Web API over HTTP: rows in pages, functions, batches; limits, cookies and headers as documented.

In: requests. Out: the documented answers and error bodies. Never: guesses what an undocumented request may mean.
"""

import json
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from threading import Lock
from typing import Any
from urllib.parse import parse_qsl, unquote_plus, urlsplit

from tests.fakes.dataverse.changes import UNTRACKED, Changes
from tests.fakes.dataverse.csdl import OPERATIONS, Refusal, bad, is_guid, model
from tests.fakes.dataverse.multipart import Reply, Request, replies, requests
from tests.fakes.dataverse.query import asked
from tests.fakes.dataverse.rules import Environment
from tests.fakes.dataverse.schema import LINKED, READING, TABLES
from tests.fakes.dataverse.tokens import Door
from tests.fakes.shell import listening

ROOT = "/api/data/v9.2/"
_MOST = 1000
_PAGE = 5000
_TRACKING = "odata.track-changes"
_ROW = re.compile(r"(\w+)\(([0-9a-f-]{36})\)\Z")
_LINK = re.compile(r"(\w+)\(([0-9a-f-]{36})\)/(\w+)(?:\(([0-9a-f-]{36})\))?/\$ref\Z")
_CALL = re.compile(r"(\w+)\(([0-9a-f-]{36})\)/Microsoft\.Dynamics\.CRM\.(\w+)(\(\))?\Z")
Answer = tuple[int, Any, dict[str, str]]


class Service:
    """What is asked, and how it is answered.

    requests   (method, path) of every call; ``operations``: how many there were in batches
    written    method and address of every operation that was carried out
    sent       set -> how many of its rows were sent
    throttled  calls that the limits refuse; ``hint``: calls at once that are recommended
    bare       how a change set that failed is answered
    """

    def __init__(self, environment: Environment) -> None:
        self.environment, self.lock, self.door = environment, Lock(), Door()
        self.requests: list[tuple[str, str]] = []
        self.operations = 0
        self.sent: Counter[str] = Counter()
        self.written: list[str] = []
        self.throttled = 0
        self.hint, self.bare = "", False

    def answer(self, method: str, target: str, headers: Mapping[str, str], body: bytes) -> Answer:
        where = urlsplit(target)
        with self.lock:
            if (told := self.door.answer(method, where.path, where.query, headers, body)) is not None:
                return (*told, {})
            self.requests.append((method, where.path))
            try:
                return self._data(method, where.path, where.query, headers, body)
            except Refusal as refusal:
                return refusal.status, _error(refusal), self._more(refusal)

    def _more(self, refusal: Refusal) -> dict[str, str]:
        return {"Retry-After": "1"} if refusal.status == 429 else {}

    def _data(self, method: str, path: str, query: str, headers: Mapping[str, str], body: bytes) -> Answer:
        if headers.get("Authorization", "").removeprefix("Bearer ") not in self.door.tokens:
            raise Refusal(401, "0x80048306", "The token is not valid.")
        if "Cookie" in headers:
            raise bad("The affinity cookie binds all calls to one server: it is not to be sent.")
        if headers.get("Odata-Version") != "4.0" or headers.get("Odata-Maxversion") != "4.0":
            raise bad("OData-Version and OData-MaxVersion have to be 4.0.")
        if self.throttled:
            self.throttled -= 1
            raise Refusal(429, "0x80072322", "Number of requests exceeded the limit of 6000 over time window of 300 s.")
        if not path.startswith(ROOT):
            raise Refusal(404, "0x8006088a", f"Resource not found for {path}")
        rest = path.removeprefix(ROOT)
        if (method, rest, query) == ("POST", "$batch", ""):
            return self._batch(headers, body)
        if method != "GET":
            raise Refusal(405, "0x8006088b", "single writes are not what this client is to make")
        applied = {"Preference-Applied": _TRACKING} if _TRACKING in headers.get("Prefer", "") else {}
        return 200, self._get(rest, query, headers), applied

    # reading

    def _get(self, rest: str, query: str, headers: Mapping[str, str]) -> Any:
        environment = self.environment
        if rest == "WhoAmI()" and not query:
            user = environment.row("systemusers", environment.me)
            return {
                "BusinessUnitId": user["_businessunitid_value"],
                "UserId": environment.me,
                "OrganizationId": environment.organization,
            }
        if (call := _CALL.match(rest)) and call[4] and not query:
            return self._function(call[1], call[2], call[3])
        if (rest, unquote_plus(query)) == ("EntityDefinitions", UNTRACKED):
            environment.need("prvReadEntity")
            return {"value": [{"LogicalName": model().sets[name]} for name in sorted(environment.tracked)]}
        if rest not in model().sets or rest not in environment.tables:
            raise Refusal(404, "0x80060888", f"Resource not found for the segment '{rest}'.")
        page = self._page(rest, query, headers)
        self.sent[rest] += len(page["value"])
        return page

    def _function(self, entity_set: str, id_: str, name: str) -> Any:
        known = model().functions.get(name)
        if known is None or known.bound != model().sets.get(entity_set) or name != "RetrieveUserPrivileges":
            raise Refusal(404, "0x80060888", f"Resource not found for the segment '{name}'.")
        environment = self.environment
        environment.row(entity_set, id_)
        place = environment.tables["systemusers"][id_]["_businessunitid_value"]
        held = environment.held(id_)
        rows = [
            {"Depth": depth, "PrivilegeId": environment.privilege(name), "BusinessUnitId": place}
            for name, depth in held.items()
        ]
        return {"RolePrivileges": rows}

    def _page(self, entity_set: str, query: str, headers: Mapping[str, str]) -> Any:
        options = dict(parse_qsl(query, keep_blank_values=True, strict_parsing=True)) if query else {}
        if "$select" not in options:
            raise bad("All columns are never needed.")
        if entity_set in READING:
            self.environment.need(READING[entity_set])
        size, tracking = self._preferred(headers.get("Prefer", f"odata.maxpagesize={_PAGE}"))
        if tracking or "$deltatoken" in options or "." in options.get("$skiptoken", ""):
            here = f"http://{headers.get('Host')}{ROOT}"
            return Changes(self.environment, entity_set, here).page(options, size)
        rows = self.environment.seen(entity_set)
        columns, found = asked(model(), entity_set, options, rows)
        start = int(options.get("$skiptoken", "0"))
        key = TABLES[entity_set].key
        value = [
            {"@odata.etag": f'W/"{row["versionnumber"]}"', key: row[key], **{name: row[name] for name in columns}}
            for row in found[start : start + size]
        ]
        more = start + size < len(found) and "$top" not in options
        plain = re.sub(r"&\$skiptoken=\d+", "", query)
        link = f"http://{headers.get('Host')}{ROOT}{entity_set}?{plain}&$skiptoken={start + size}"
        context = f"http://{headers.get('Host')}{ROOT}$metadata#{entity_set}"
        return {"@odata.context": context, "value": value, **({"@odata.nextLink": link} if more else {})}

    def _preferred(self, text: str) -> tuple[int, bool]:
        """(rows per page, whether changes are to be tracked)."""
        size, tracking = _PAGE, False
        for one in text.split(","):
            if sized := re.fullmatch(r"odata\.maxpagesize=(\d+)", one.strip()):
                size = int(sized[1])
            elif one.strip() == _TRACKING:
                tracking = True
            else:
                raise bad(f"no such preference: {one}")
        return min(size, _PAGE, self.environment.rows), tracking

    # writing

    def _batch(self, headers: Mapping[str, str], body: bytes) -> Answer:
        if headers.get("Prefer") != "odata.continue-on-error":
            raise bad("Without odata.continue-on-error the first failure ends a batch.")
        sets = requests(headers.get("Content-Type", ""), body)
        count = sum(len(one) for one in sets)
        if count > _MOST:
            raise Refusal(400, "0x80048d19", f"{count} operations in a batch, and {_MOST} are allowed")
        self.operations += count
        answers = [self._change_set(one, headers.get("Host", "")) for one in sets]
        content_type, content = replies(answers, bare=self.bare)
        return 200, content, {"Content-Type": content_type}

    def _change_set(self, operations: list[Request], host: str) -> list[Reply]:
        self.environment.undo.clear()
        done: list[Reply] = []
        for one in operations:
            try:
                self._write(one, host)
            except Refusal as refusal:
                self.environment.back_to(0)
                return [Reply(status=refusal.status, body=json.dumps(_error(refusal)).encode(), id=one.id)]
            self.written.append(f"{one.method} {one.target.removeprefix(ROOT)}")
            done.append(Reply(status=204, body=b"", id=one.id))
        return done

    def _write(self, one: Request, host: str) -> None:
        if not one.target.startswith(ROOT):
            raise bad(f"no address of this service: {one.target}")
        rest = one.target.removeprefix(ROOT)
        body = _json(one)
        if (row := _ROW.match(rest)) and row[1] in self.environment.tables:
            self._row(one, row[1], row[2], body)
        elif link := _LINK.match(rest):
            self._link(one, link, body, host)
        elif (call := _CALL.match(rest)) and not call[4] and one.method == "POST":
            self._action(call[1], call[2], call[3], body or {})
        else:
            raise Refusal(404, "0x80060888", f"Resource not found for '{rest}'.")

    def _row(self, one: Request, table: str, id_: str, body: dict[str, Any] | None) -> None:
        there = id_ in self.environment.tables[table]
        if one.method == "DELETE" and body is None:
            self.environment.delete(table, id_)
            return
        if one.method != "PATCH" or body is None:
            raise Refusal(405, "0x8006088b", "The requested resource does not support this method.")
        if there and one.headers.get("if-none-match") == "*":
            raise Refusal(412, "0x80060892", "A record with matching key values already exists.")
        self._check_version(table, id_, one.headers.get("if-match", ""), there=there)
        values = _values(self.environment, table, body, new=not there)
        (self.environment.update if there else self.environment.create)(table, id_, values)

    def _check_version(self, table: str, id_: str, version: str, *, there: bool) -> None:
        if not version:
            return
        row = self.environment.row(table, id_) if not there else self.environment.tables[table][id_]
        if version == "*":
            return
        if not TABLES[table].concurrency:
            raise Refusal(400, "0x80060891", f"Optimistic concurrency isn't enabled for {table}.")
        if version != f'W/"{row["versionnumber"]}"':
            message = "The version of the existing record doesn't match the RowVersion property provided."
            raise Refusal(412, "0x80060882", message)

    def _link(self, one: Request, found: re.Match[str], body: dict[str, Any] | None, host: str) -> None:
        table, id_, name, other = found.groups()
        if table not in model().sets:
            raise Refusal(404, "0x80060888", f"Resource not found for '{table}'.")
        link, target = model().link(table, name)
        if not link.many or (table, name) not in LINKED:
            raise bad(f"'{name}' is no collection")
        if one.method == "DELETE" and other and body is None:
            self.environment.disassociate(table, id_, name, other)
        elif one.method == "POST" and not other and body is not None and body.keys() == {"@odata.id"}:
            self.environment.associate(table, id_, name, _linked(str(body["@odata.id"]), target, host))
        else:
            raise Refusal(405, "0x8006088b", "The requested resource does not support this method.")

    def _action(self, table: str, id_: str, name: str, body: dict[str, Any]) -> None:
        known = model().actions.get(name)
        if known is None or known.bound != model().sets.get(table) or name != "ReplacePrivilegesRole":
            raise Refusal(404, "0x80060888", f"Resource not found for the segment '{OPERATIONS}{name}'.")
        if body.keys() - known.parameters.keys():
            raise bad(f"The parameter '{min(body.keys() - known.parameters.keys())}' is not valid for {name}.")
        for parameter, type_ in known.parameters.items():
            model().check(type_, body.get(parameter), parameter)
        self.environment.replace_privileges(id_, body.get("Privileges") or [])


def _values(environment: Environment, table: str, body: dict[str, Any], *, new: bool) -> dict[str, Any]:
    """What is written, lookups under the names by which they are read."""
    spec, columns, values = TABLES[table], model().columns(table), dict[str, Any]()
    for name, value in body.items():
        plain, bound = name.removesuffix("@odata.bind"), name.endswith("@odata.bind")
        if bound:
            link, target = model().link(table, plain)
            if link.many:
                raise bad(f"'{plain}' is a collection")
            values[f"_{plain}_value"] = _bound(environment, value, target)
        elif name not in columns or name.startswith("_"):
            raise bad(f"Invalid property '{name}' was found in entity '{table}'.")
        else:
            model().check(columns[name], value, name)
            if isinstance(value, str) and len(value) > spec.lengths.get(name, len(value)):
                raise bad(f"The length of '{name}' exceeded the maximum allowed length of '{spec.lengths[name]}'.")
            values[name] = value
        if plain not in (spec.create if new else spec.update):
            raise bad(f"The column '{plain}' is not valid for {'create' if new else 'update'} of {table}.")
    return values


def _bound(environment: Environment, value: object, target: str) -> str:
    found = _ROW.match(str(value).removeprefix("/"))
    if not str(value).startswith("/") or found is None or found[1] != target:
        raise bad(f"no address of a row of {target}: {value}")
    environment.row(target, found[2])
    return found[2]


def _linked(value: str, target: str, host: str) -> str:
    base = f"http://{host}{ROOT}"
    found = _ROW.match(value.removeprefix(base))
    if not value.startswith(base) or found is None or found[1] != target or not is_guid(found[2]):
        raise bad(f"no address of a row of {target}: {value}")
    return found[2]


def _json(one: Request) -> dict[str, Any] | None:
    if not one.body:
        return None
    if not one.headers.get("content-type", "").startswith("application/json"):
        raise bad("The body is JSON.")
    value = json.loads(one.body)
    if not isinstance(value, dict):
        raise bad("The body is an object.")
    return value


def _error(refusal: Refusal) -> dict[str, Any]:
    return {"error": {"code": refusal.code, "message": refusal.message}}


_ALWAYS = {"Content-Type": "application/json; odata.metadata=minimal", "Set-Cookie": "ARRAffinity=1;Path=/"}


@contextmanager
def started(environment: Environment) -> Iterator[tuple[str, Service]]:
    """(its address, which is Entra's, too; the service behind it)."""
    service = Service(environment)

    def answer(method: str, target: str, headers: Mapping[str, str], body: bytes) -> Answer:
        status, value, more = service.answer(method, target, headers, body)
        hint = {"x-ms-dop-hint": service.hint} if service.hint else {}
        return status, value, {**_ALWAYS, **more, **hint}

    with listening(answer) as url:
        yield url, service
