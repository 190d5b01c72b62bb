"""Runs ``orgsync`` in processes of its own and has them die at an exact point, or after some time.

In: on standard input one JSON object per line: {"arguments", "folder", "act", "at", "limit", "after"}. Out: one line of
JSON each: {"status": exit code, or minus the signal, "points": how many there were, "pid"}. Never: keeps anything
between two of them: each is forked from here, where everything is imported already.

A point is the moment before a statement, before a commit, or after it, in the CRM's database as in the journal's.
(The moment after a statement is the one before the next: nothing that anybody could see happens in between.)
"""

import importlib
import json
import os
import pkgutil
import resource
import signal
import socket
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, event
from sqlalchemy.engine.default import DefaultDialect

import orgsync
from orgsync.cli import main

ALSO = ("sqlalchemy.dialects.sqlite", "sqlalchemy.dialects.postgresql", "psycopg", "rich.console", "rich.table")


class Points:
    """Counts, and does what was asked for when the number is reached."""

    def __init__(self, act: Callable[[], None], at: frozenset[int], report: Path) -> None:
        self.act, self.at, self.count = act, at, 0
        self.report = os.open(report, os.O_CREAT | os.O_WRONLY | os.O_TRUNC)

    def reached(self, *_: object, **__: object) -> None:
        self.count += 1
        os.pwrite(self.report, f"{self.count:<12}".encode(), 0)
        if self.count in self.at:
            self.act()

    def watch(self) -> None:
        event.listen(Engine, "before_cursor_execute", self.reached)
        commit = DefaultDialect.do_commit

        def counted(dialect: DefaultDialect, connection: Any) -> None:
            self.reached()
            commit(dialect, connection)  # type: ignore[no-untyped-call]
            self.reached()

        DefaultDialect.do_commit = counted  # type: ignore[method-assign]


def killed() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def interrupted() -> None:
    os.kill(os.getpid(), signal.SIGINT)


def nothing() -> None:
    """Only counts."""


ACTS = {"kill": killed, "interrupt": interrupted, "none": nothing}


def run(request: dict[str, Any], out: int) -> None:
    """In the child: never returns."""
    os.chdir(request["folder"])
    os.environ.update(request.get("environment", {}))
    os.dup2(out, 1)
    os.dup2(out, 2)
    os.close(out)
    if request.get("act") == "sever":
        act: Callable[[], None] = severing()
    else:
        act = ACTS[request.get("act") or "none"]
    Points(act, frozenset(request.get("at", ())), Path("points.txt")).watch()
    if limit := request.get("limit"):
        resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
    try:
        main(["apply", *request["arguments"]])
    except SystemExit as left:
        os._exit(left.code if isinstance(left.code, int) else 1)
    os._exit(99)


def severing() -> Callable[[], None]:
    """The database goes away: the connection that is in use loses its server."""
    open_: list[Connection] = []

    def begun(connection: Connection) -> None:
        if connection.dialect.name == "postgresql":
            open_.append(connection)

    event.listen(Engine, "begin", begun)

    def sever() -> None:
        if open_:
            _shut(open_[-1])

    return sever


def _shut(connection: Connection) -> None:
    raw: Any = connection.connection.driver_connection
    with socket.socket(fileno=os.dup(raw.fileno())) as line:
        line.shutdown(socket.SHUT_RDWR)


def import_everything() -> None:
    """Commands import what they need when they need it: here once, instead of in every child."""
    modules = pkgutil.walk_packages(orgsync.__path__, "orgsync.")
    for name in [one.name for one in modules if not one.name.startswith(("orgsync.testing", "orgsync.__main__"))]:
        importlib.import_module(name)
    for name in ALSO:
        importlib.import_module(name)


def serve() -> None:
    import_everything()
    for line in sys.stdin:
        request = json.loads(line)
        told, out = os.pipe()  # not a file: what a run says must not be cut where its disk is full
        pid = os.fork()
        if pid == 0:
            os.close(told)
            run(request, out)
        os.close(out)
        if (after := request.get("after")) is not None:
            time.sleep(after)
            os.kill(pid, signal.SIGKILL)  # a zombie until it is waited for below: the number is still its own
        with os.fdopen(told, "rb") as pipe:
            Path(request["folder"], "output.txt").write_bytes(pipe.read())
        _, status = os.waitpid(pid, 0)
        code = os.waitstatus_to_exitcode(status)
        points = int(Path(request["folder"], "points.txt").read_text(encoding="ascii") or 0)
        sys.stdout.write(json.dumps({"status": code, "points": points, "pid": pid}) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    serve()
