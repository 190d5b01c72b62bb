"""A real Tryton: one process on a free port of 127.0.0.1, and a fresh database of its own for every test.

In: the environment below ``home("tryton")``, a pristine database that is built once and copied. Out: addresses, and a
session for whoever acts in Tryton beside orgsync. Never: asserts.
"""

import os
import re
import secrets
import shutil
import socket
import sqlite3
import subprocess
import tempfile
import time
from base64 import b64encode
from collections import Counter
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import requests

from tests.servers import home, install, program

ADMIN, PASSWORD = "admin", "a password for tests"
MALLORY = "mallory@example.com"
"""Another administrator, who acts behind orgsync's back."""
MODULES = ("ir", "res", "user_role", "company", "sale_opportunity")
_DAEMON = Path(__file__).with_name("tryton_daemon.py")
_MEMORY = Path("/dev/shm")
"""Where nothing waits for a disk, if there is such a place."""
_ATTEMPTS, _SECONDS = 3, 120
_CALL = re.compile(r"trytond\.protocols\.dispatcher (\S+?)\(.* from .*@.*/(\w+)/rpc/ in \d+ ms")


def _pristine() -> Path:
    return home("tryton-db") / "pristine.sqlite"


def complete() -> bool:
    return _pristine().is_file()


def build() -> None:
    """The environment and the database; about a minute."""
    install("tryton")
    if complete():
        return
    with tempfile.TemporaryDirectory(prefix="orgsync-tryton-") as name:
        folder = Path(name)
        database = folder / "pristine.sqlite"
        database.touch()
        _initialize(folder)
        with _process(folder) as (_, port):
            _furnish(f"http://127.0.0.1:{port}/pristine")
        _pristine().parent.mkdir(parents=True, exist_ok=True)
        part = _pristine().with_suffix(f".{os.getpid()}")
        with closing(sqlite3.connect(database)) as whole:  # what the server wrote last stands beside the file
            whole.execute("VACUUM INTO ?", [str(part)])
        part.rename(_pristine())  # whoever looks meanwhile finds all of it or nothing


def _configure(folder: Path, port: int) -> Path:
    file = folder / "trytond.conf"
    file.write_text(f"[database]\nuri = sqlite://\npath = {folder}\n[web]\nlisten = 127.0.0.1:{port}\n")
    return file


def _initialize(folder: Path) -> None:
    password = folder / "password"
    password.write_text(PASSWORD)
    command = [str(program("tryton", "trytond-admin")), "-c", str(_configure(folder, 0)), "-d", "pristine", "-u"]
    command += [*MODULES, "--activate-dependencies", "--email", "admin@example.com", "-p"]
    environment = {**os.environ, "TRYTONPASSFILE": str(password)}
    subprocess.run(command, env=environment, check=True, capture_output=True)


def _furnish(url: str) -> None:
    """What every company has before orgsync comes: a currency, and more than one administrator."""
    session = Session(url)
    session("currency.currency.create", [{"name": "Euro", "code": "EUR", "symbol": "€"}])
    mallory = {"login": MALLORY, "name": "Mallory", "password": PASSWORD, "administrator": True}
    session("res.user.create", [{**mallory, "companies": [], "company": None}])


class Session:
    """Somebody logged in to one database."""

    def __init__(self, url: str, login: str = ADMIN, password: str = PASSWORD) -> None:
        self._url, self._headers = f"{url}/rpc/", dict[str, str]()
        user, token, _ = self._call("common.db.login", [login, {"password": password}])
        self._headers["Authorization"] = f"Session {b64encode(f'{login}:{user}:{token}'.encode()).decode()}"
        self.user: int = user

    def __call__(self, method: str, *arguments: Any, context: dict[str, Any] | None = None) -> Any:
        """``method``: ``res.role.create``. Raises Refused."""
        return self._call(f"model.{method}", [*arguments, context or {}])

    def find(self, model: str, domain: list[Any], *fields: str) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self(
            f"{model}.search_read", domain, 0, None, [["id", "ASC"]], list(fields), context={"active_test": False}
        )
        return found

    def _call(self, method: str, parameters: list[Any]) -> Any:
        body = {"id": 0, "method": method, "params": parameters}
        answer = requests.post(self._url, json=body, headers=self._headers, timeout=60)
        answer.raise_for_status()
        value = answer.json()
        if "error" in value:
            raise Refused(str(value["error"][1] if isinstance(value["error"][1], list) else value["error"][0]))
        return value["result"]


class Refused(Exception):
    """In Tryton's words."""


@dataclass(frozen=True)
class Tryton:
    """A running server."""

    folder: Path
    port: int

    def database(self) -> str:
        """The address of a fresh copy; Tryton takes it up when it is first asked for."""
        name = f"d{secrets.token_hex(6)}"
        shutil.copy(_pristine(), self.folder / f"{name}.sqlite")
        url = f"http://127.0.0.1:{self.port}/{name}"
        host = {"Host": f"{name}.localhost"}  # Tryton keeps its list of databases for minutes, per name of the host
        requests.get(f"{url}/r/user/application/", headers=host, timeout=60)
        return url

    def drop(self, url: str) -> None:
        for file in self.folder.glob(f"{url.rpartition('/')[2]}.sqlite*"):
            file.unlink()

    def calls(self, url: str) -> Counter[str]:
        """What was called in a database so far, as the server itself noted it; logins are not among it."""
        lines = (self.folder / "log").read_text(errors="replace").splitlines()
        found = (match for line in lines if (match := _CALL.search(line)))
        return Counter(match[1] for match in found if match[2] == url.rpartition("/")[2])


@contextmanager
def server() -> Iterator[Tryton]:
    """Raises FileNotFoundError where the environment or the database was not built."""
    program("tryton", "trytond")
    if not complete():
        raise FileNotFoundError(f"{_pristine()} is missing: run python -m tests.servers build tryton")
    with tempfile.TemporaryDirectory(prefix="orgsync-tryton-", dir=_MEMORY if _MEMORY.is_dir() else None) as name:
        folder = Path(name)
        shutil.copy(_pristine(), folder / "first.sqlite")
        with _process(folder) as (_, port):
            yield Tryton(folder, port)


TRIAL_PORT = 18200


@contextmanager
def trial() -> Iterator[str]:
    """What to do next; the database is kept, and made anew where it was removed."""
    folder = home("tryton-trial")
    folder.mkdir(parents=True, exist_ok=True)
    if not (database := folder / "northwind.sqlite").is_file():
        shutil.copy(_pristine(), database)
    with _process(folder, TRIAL_PORT) as (_, port):
        yield (
            f"Tryton answers at http://127.0.0.1:{port}/northwind. In another terminal:\n"
            f"  TRYTON_USER={ADMIN} TRYTON_PASSWORD='{PASSWORD}' .venv/bin/orgsync apply --target tryton\n"
            f"To begin afresh, remove {database}."
        )


@contextmanager
def _process(folder: Path, wanted: int | None = None) -> Iterator[tuple[subprocess.Popen[bytes], int]]:
    """A port that is free may be taken a moment later, so this tries again."""
    first = next(folder.glob("*.sqlite")).stem
    for _ in range(_ATTEMPTS):
        port = wanted or _free_port()
        command = [str(program("tryton", "python")), str(_DAEMON), "-vv", "-d", first]
        command += ["-c", str(_configure(folder, port))]
        with (folder / "log").open("wb") as log:
            process = subprocess.Popen(command, cwd=folder, stdout=log, stderr=log)
        try:
            if _answers(process, port):
                yield process, port
                return
        finally:
            process.terminate()
            process.wait(_SECONDS)
    raise RuntimeError(f"trytond does not start: {(folder / 'log').read_text(errors='replace')}")


def _answers(process: subprocess.Popen[bytes], port: int) -> bool:
    body, end = {"id": 0, "method": "common.server.version", "params": []}, time.monotonic() + _SECONDS
    while process.poll() is None and time.monotonic() < end:
        try:
            requests.post(f"http://127.0.0.1:{port}/rpc/", json=body, timeout=5)
        except requests.RequestException:
            time.sleep(0.1)
        else:
            return True
    return False


def _free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        port: int = one.getsockname()[1]
        return port
