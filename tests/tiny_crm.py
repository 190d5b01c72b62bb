"""A tiny CRM on 127.0.0.1, the one that docs/adapters/writing-one.md is about: records with types, over JSON.

In: requests as that page describes them. Out: records, or a refusal with a sentence. Strict: unknown fields, missing
references, second keys and memberships, removal of what is in use are refused.
"""

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Lock, Thread
from typing import Any
from urllib.parse import parse_qs, urlsplit

FIELDS: Mapping[str, Mapping[str, str]] = {
    "team": {"key": "text", "name": "text", "above": "team"},
    "profile": {"key": "text", "name": "text", "allows": "map"},
    "person": {"login": "text", "name": "text", "active": "flag"},
    "seat": {"team": "team", "person": "person"},
    "holding": {"profile": "profile", "person": "person"},
}
"""type -> field -> what it holds: text, map, flag, or the type of the record that it refers to."""
UNIQUE: Mapping[str, tuple[tuple[str, ...], ...]] = {
    "team": (("key",), ("name",)),
    "profile": (("key",), ("name",)),
    "person": (("login",),),
    "seat": (("team", "person"),),
    "holding": (("profile", "person"),),
}
MOST = 100


class Refusal(Exception):
    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


@dataclass
class TinyCrm:
    token: str
    port: int = 0
    records: dict[str, dict[str, Any]] = field(default_factory=dict)
    last: int = 0
    lock: Lock = field(default_factory=Lock)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/api"

    def listed(self, after: str, limit: int) -> dict[str, Any]:
        if not 1 <= limit <= MOST:
            raise Refusal(400, f"limit must be from 1 to {MOST}")
        later = sorted((id_ for id_ in self.records if int(id_) > int(after)), key=int)
        return {"records": [self.records[id_] for id_ in later[:limit]], "total": len(self.records)}

    def create(self, stated: dict[str, Any], by: str) -> dict[str, Any]:
        kind = str(stated.get("type"))
        if kind not in FIELDS:
            raise Refusal(400, "no such type")
        record = {"type": kind, **dict.fromkeys(FIELDS[kind]), "active": True} if kind == "person" else {"type": kind}
        record = {**dict.fromkeys(FIELDS[kind]), **record, **stated}
        self._check(record, "")
        self.last += 1
        return self._keep(str(self.last), record, by)

    def change(self, id_: str, stated: dict[str, Any], by: str) -> dict[str, Any]:
        old = self._find(id_)
        if {"type", "id", "changedBy", "changedAt"} & stated.keys():
            raise Refusal(400, "this cannot be changed")
        record = {name: value for name, value in {**old, **stated}.items() if not name.startswith(("changed", "id"))}
        self._check(record, id_)
        return self._keep(id_, record, by)

    def remove(self, id_: str) -> None:
        record = self._find(id_)
        if record["type"] == "person":
            raise Refusal(409, "people are switched off, never removed")
        for other in self.records.values():
            if any(value == id_ for name, value in other.items() if FIELDS[other["type"]].get(name) == record["type"]):
                raise Refusal(409, f"{other['type']} {other['id']} refers to it")
        del self.records[id_]

    def _find(self, id_: str) -> dict[str, Any]:
        if id_ not in self.records:
            raise Refusal(404, "no such record")
        return self.records[id_]

    def _keep(self, id_: str, record: dict[str, Any], by: str) -> dict[str, Any]:
        self.records[id_] = {"id": id_, **record, "changedBy": by, "changedAt": datetime.now(UTC).isoformat()}
        return self.records[id_]

    def _check(self, record: dict[str, Any], id_: str) -> None:
        kind = record["type"]
        if unknown := record.keys() - FIELDS[kind].keys() - {"type"}:
            raise Refusal(400, f"a {kind} has no field {min(unknown)}")
        for name, to in FIELDS[kind].items():
            value = record[name]
            if to in FIELDS and value is not None and self.records.get(value, {}).get("type") != to:
                raise Refusal(400, f"{name}: no such {to}")
            if to in FIELDS and value is None and kind in {"seat", "holding"}:
                raise Refusal(400, f"a {kind} needs a {name}")
        for names in UNIQUE[kind]:
            mine = [record[name] for name in names]
            others = [one for one in self.records.values() if one["type"] == kind and one["id"] != id_]
            if None not in mine and any([one[name] for name in names] == mine for one in others):
                raise Refusal(409, f"another {kind} has that {' and '.join(names)}")
        self._check_ring(record, id_)
        if kind in {"seat", "holding"} and not id_ and not self.records[record["person"]]["active"]:
            raise Refusal(409, "that person is switched off")

    def _check_ring(self, record: dict[str, Any], id_: str) -> None:
        above = record.get("above")
        while above is not None:
            if above == id_:
                raise Refusal(409, "a team would be above itself")
            above = self.records[above]["above"]


@contextmanager
def tiny_crm(token: str) -> Iterator[TinyCrm]:
    crm = TinyCrm(token)
    with _Listener(crm) as listener:
        crm.port = listener.server_address[1]
        thread = Thread(target=listener.serve_forever, args=(0.02,))
        thread.start()
        try:
            yield crm
        finally:
            listener.shutdown()
            thread.join()


class _Listener(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, crm: TinyCrm) -> None:
        self.crm = crm
        super().__init__(("127.0.0.1", 0), _Handler)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Clients hang up."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    wbufsize = -1  # head and body in one piece: two small packets would wait for each other
    server: _Listener

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
        pass

    def take(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        with self.server.crm.lock:
            try:
                status, value = self._answer(json.loads(body) if body else {})
            except Refusal as refusal:
                status, value = refusal.status, {"message": str(refusal)}
        content = b"" if value is None else json.dumps(value).encode()
        self.send_response_only(status)
        self.send_header("Content-Type", "application/json")
        if status != 204:
            self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def _answer(self, stated: dict[str, Any]) -> tuple[int, Any]:
        crm, where = self.server.crm, urlsplit(self.path)
        if self.headers.get("Authorization") != f"Bearer {crm.token}":
            raise Refusal(401, "who are you?")
        by = self.headers.get("X-Actor", "")
        match self.command, where.path.removeprefix("/api").strip("/").split("/"):
            case "GET", ["records"]:
                query = {name: values[0] for name, values in parse_qs(where.query).items()}
                return 200, crm.listed(query.get("after", "0"), int(query.get("limit", "50")))
            case "POST", ["records"]:
                return 201, crm.create(stated, by)
            case "PATCH", ["records", id_]:
                return 200, crm.change(id_, stated, by)
            case "DELETE", ["records", id_]:
                crm.remove(id_)
                return 204, None
        raise Refusal(404, "no such address")

    do_GET = do_POST = do_PATCH = do_DELETE = take  # noqa: N815
