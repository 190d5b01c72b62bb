"""``python -m bench.crm.server STATE.json``: a CRM on 127.0.0.1 in a process of its own, which takes its time.

    GET  /records?offset=0&limit=500   {"records": [[address, id, fields], ...], "total": 1234}, by id
    POST /records                      {"action": "create", "records": [{"address", "id", "fields"}, ...]}
                                       {"results": [{"id": "7"} or {"error": "..."}]}, one per record
    GET  /told                         what was asked of it so far (not counted, not delayed)
    POST /reset                        everything as in the beginning (neither)

Strict: a page or a batch that is too large, an unknown path or field, what exists already or not at all is refused. In
front of it stands a token bucket where a rate is given; every answer tells what is left (IETF draft "RateLimit header
fields for HTTP"), and a call without a token is answered 429. ``--cut N``: of every N-th write the answer is lost.

In: a file with ``[[address, id, fields], ...]``. Out: its port on stdout, then answers. Never: writes to a file.
"""

import argparse
import asyncio
import json
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

HEAD_END = b"\r\n\r\n"
Record = list[Any]


class Refusal(Exception):
    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """``latency``: seconds; ``rate``: calls per second on average, 0 for any; ``burst``: at most at once."""

    latency: float = 0.05
    page: int = 500
    batch: int = 10
    rate: float = 0
    burst: int = 0
    cut: int = 0


@dataclass(slots=True)
class Bucket:
    rate: float
    burst: int
    tokens: float = 0
    at: float = 0

    def __post_init__(self) -> None:
        self.tokens, self.at = self.burst, time.monotonic()

    def take(self) -> bool:
        now = time.monotonic()
        self.tokens, self.at = min(self.burst, self.tokens + (now - self.at) * self.rate), now
        if self.tokens < 1:
            return False
        self.tokens -= 1
        return True

    @property
    def headers(self) -> dict[str, str]:
        window = round(self.burst / self.rate)
        missing = -(-(self.burst - self.tokens) // self.rate)
        return {
            "RateLimit-Policy": f'"calls";q={self.burst};w={window}',
            "RateLimit": f'"calls";r={int(self.tokens)};t={int(missing)}',
        }


@dataclass(slots=True)
class Told:
    """What was asked: calls that read and write, records written, calls refused for coming too soon, calls lost, the
    most at once, and seconds between the first and the last write that was let in."""

    reads: int = 0
    writes: int = 0
    records: int = 0
    too_soon: int = 0
    lost: int = 0
    most: int = 0
    first: float = 0
    last: float = 0

    def to_json(self) -> dict[str, float]:
        return {
            **{name: getattr(self, name) for name in ("reads", "writes", "records", "too_soon", "lost", "most")},
            "seconds": self.last - self.first,
        }


@dataclass(slots=True)
class Crm:
    beginning: Sequence[Record]
    limits: Limits
    told: Told = field(default_factory=Told)
    records: dict[str, Record] = field(default_factory=dict)
    ids: dict[str, str] = field(default_factory=dict)
    pages: dict[tuple[int, int], bytes] = field(default_factory=dict)
    bucket: Bucket | None = None
    flying: int = 0
    made: int = 0

    def __post_init__(self) -> None:
        self.reset()

    def reset(self) -> None:
        self.records = {id_: [address, id_, fields] for address, id_, fields in self.beginning}
        self.ids = {address: id_ for address, id_, _ in self.beginning}
        self.pages.clear()
        self.told, self.made = Told(), len(self.records)
        self.bucket = Bucket(self.limits.rate, self.limits.burst) if self.limits.rate else None

    def page(self, query: dict[str, str]) -> bytes:
        if query.keys() != {"offset", "limit"}:
            raise Refusal(400, "a page has an offset and a limit")
        offset, limit = int(query["offset"]), int(query["limit"])
        if not (offset >= 0 and 1 <= limit <= self.limits.page):
            raise Refusal(400, f"a page has from 1 to {self.limits.page} records")
        if (offset, limit) not in self.pages:
            found = {"records": [*self.records.values()][offset : offset + limit], "total": len(self.records)}
            self.pages[offset, limit] = json.dumps(found).encode()
        return self.pages[offset, limit]

    def write(self, body: Any) -> bytes:
        if body.keys() != {"action", "records"} or not 1 <= len(body["records"]) <= self.limits.batch:
            raise Refusal(400, f"a call has one action and from 1 to {self.limits.batch} records")
        act = {"create": self.create, "update": self.update, "delete": self.delete}[body["action"]]
        self.pages.clear()
        self.told.records += len(body["records"])
        return json.dumps({"results": [self.one(act, record) for record in body["records"]]}).encode()

    def one(self, act: Any, record: Any) -> dict[str, str]:
        if record.keys() != {"address", "id", "fields"}:
            return {"error": "a record has an address, an id and fields"}
        try:
            return {"id": act(**record)}
        except Refusal as refusal:
            return {"error": str(refusal)}

    def create(self, address: str, id: str | None, fields: Any) -> str:  # noqa: A002
        if address in self.ids or id is not None:
            raise Refusal(409, f"{address} exists already")
        self.made += 1
        self.ids[address] = made = str(self.made)
        self.records[made] = [address, made, fields]
        return made

    def update(self, address: str, id: str, fields: Any) -> str:  # noqa: A002
        if id not in self.records:
            raise Refusal(404, f"{address} does not exist")
        self.records[id] = [address, id, {**self.records[id][2], **fields}]
        return id

    def delete(self, address: str, id: str, fields: Any) -> str:  # noqa: A002
        if id not in self.records or fields:
            raise Refusal(404, f"{address} does not exist")
        del self.ids[self.records.pop(id)[0]]
        return id


class Connection(asyncio.Protocol):
    def __init__(self, crm: Crm) -> None:
        self.crm, self.data = crm, b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport: Any = transport

    def data_received(self, data: bytes) -> None:
        self.data += data
        head, end, rest = self.data.partition(HEAD_END)
        if not end:
            return
        line, *lines = head.decode("latin-1").split("\r\n")
        headers = {name.lower(): value.strip() for name, _, value in (one.partition(":") for one in lines)}
        length = int(headers.get("content-length", 0))
        if len(rest) >= length:
            self.data = rest[length:]
            self.take(line, rest[:length])

    def take(self, line: str, body: bytes) -> None:
        method, target, _ = line.split(" ")
        where = urlsplit(target)
        if where.path in {"/told", "/reset"}:
            self.say(200, self.crm.told.to_json())
            if where.path == "/reset":
                self.crm.reset()
            return
        crm, let_in = self.crm, self.crm.bucket is None or self.crm.bucket.take()
        crm.flying += 1
        crm.told.most = max(crm.told.most, crm.flying)
        if let_in and method == "POST":
            crm.told.last = time.monotonic()
            crm.told.first = crm.told.first or crm.told.last
        answer = (self.answer, method, where.path, dict(parse_qsl(where.query)), body) if let_in else (self.refuse,)
        asyncio.get_running_loop().call_later(crm.limits.latency, *answer)

    def refuse(self) -> None:
        self.crm.flying -= 1
        self.crm.told.too_soon += 1
        self.say(429, {"message": "too many calls"}, {"Retry-After": "1"})

    def answer(self, method: str, path: str, query: dict[str, str], body: bytes) -> None:
        self.crm.flying -= 1
        try:
            match method, path:
                case "GET", "/records":
                    self.crm.told.reads += 1
                    self.say(200, self.crm.page(query))
                case "POST", "/records":
                    self.written(json.loads(body))
                case _:
                    raise Refusal(404, "no such address")  # noqa: TRY301
        except Refusal as refusal:
            self.say(refusal.status, {"message": str(refusal)})

    def written(self, body: Any) -> None:
        told = self.crm.told
        told.writes += 1
        content = self.crm.write(body)
        if self.crm.limits.cut and told.writes % self.crm.limits.cut == 0:
            told.lost += 1
            self.transport.abort()
            return
        self.say(200, content)

    def say(self, status: int, value: Any, headers: dict[str, str] | None = None) -> None:
        content = value if isinstance(value, bytes) else json.dumps(value).encode()
        told = {"Content-Type": "application/json", "Content-Length": str(len(content)), **(headers or {})}
        told |= self.crm.bucket.headers if self.crm.bucket is not None else {}
        lines = [f"HTTP/1.1 {status} Said", *(f"{name}: {text}" for name, text in told.items())]
        self.transport.write("\r\n".join([*lines, "", ""]).encode() + content)


async def serve(crm: Crm) -> None:
    server = await asyncio.get_running_loop().create_server(lambda: Connection(crm), "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.crm.server")
    parser.add_argument("state", type=Path)
    for name, default in (("latency", 0.05), ("page", 500), ("batch", 10), ("rate", 0.0), ("burst", 0), ("cut", 0)):
        parser.add_argument(f"--{name}", type=type(default), default=default)
    told = vars(parser.parse_args(arguments))
    beginning = json.loads(told.pop("state").read_text(encoding="utf-8"))
    try:
        asyncio.run(serve(Crm(beginning, Limits(**told))))
    except KeyboardInterrupt:
        sys.exit(0)


if __name__ == "__main__":
    main()
