"""``python -m bench.crm.floor read|write URL``: the same calls with nothing around them, as a floor.

Threads with one plain connection each, JSON in and out. In: an address, how many at once. Out: seconds on stdout, of
the calls alone. Never: uses orgsync.
"""

import argparse
import json
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from http.client import HTTPConnection
from threading import local
from typing import Any
from urllib.parse import urlsplit


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.crm.floor")
    parser.add_argument("what", choices=["read", "write"])
    parser.add_argument("url")
    parser.add_argument("--at-once", type=int, default=16)
    parser.add_argument("--page", type=int, default=500)
    parser.add_argument("--batch", type=int, default=10)
    parser.add_argument("--calls", type=int, default=100, help="that write")
    chosen = parser.parse_args(arguments)
    call, start = caller(chosen.url), time.perf_counter()
    with ThreadPoolExecutor(chosen.at_once) as pool:
        if chosen.what == "read":
            total = call("GET", f"/records?offset=0&limit={chosen.page}", None)["total"]
            list(pool.map(lambda at: call("GET", at, None), paths(total, chosen.page)))
        else:
            list(pool.map(lambda body: call("POST", "/records", body), bodies(chosen.calls, chosen.batch)))
    print(time.perf_counter() - start)


def paths(total: int, page: int) -> list[str]:
    return [f"/records?offset={offset}&limit={page}" for offset in range(page, total, page)]


def bodies(calls: int, batch: int) -> list[dict[str, Any]]:
    return [
        {
            "action": "create",
            "records": [
                {"address": f"membership/floor/{call}-{one}", "id": None, "fields": {"reason": "none"}}
                for one in range(batch)
            ],
        }
        for call in range(calls)
    ]


def caller(url: str) -> Any:
    kept, where = local(), urlsplit(url).netloc

    def call(method: str, path: str, body: Any) -> Any:
        if not hasattr(kept, "connection"):
            kept.connection = HTTPConnection(where)
        sent = json.dumps(body).encode() if body is not None else None
        kept.connection.request(method, path, body=sent)
        return json.loads(kept.connection.getresponse().read())

    return call


if __name__ == "__main__":
    main()
