"""A PostgreSQL server of our own for a test run: on 127.0.0.1, on a free port, in a folder that goes away again."""

import os
import pwd
import secrets
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg

_ATTEMPTS = 3
_SECONDS = 60
_FAST = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off", "unix_socket_directories": ""}


class NoServer(Exception):
    """Says what is missing."""


def binaries(base: Path = Path("/usr/lib/postgresql")) -> Path:
    """Debian's newest; what stands first on PATH may be a stand-in. Raises NoServer."""
    found = sorted(base.glob("*/bin/initdb"), key=lambda path: int(path.parts[-3]))
    if not found:
        raise NoServer(f"no PostgreSQL below {base}: run make postgresql, or set ORGSYNC_TEST_POSTGRESQL")
    return found[-1].parent


@contextmanager
def server(programs: Path) -> Iterator[str]:
    """The SQLAlchemy URL of an empty database; the server stops at the end."""
    folder = Path(tempfile.mkdtemp(prefix="orgsync-postgresql-"))
    password = secrets.token_hex(16)
    try:
        _initialize(programs, folder, password)
        process, url = _start(programs, folder, password)
        try:
            yield url
        finally:
            process.send_signal(signal.SIGINT)  # fast shutdown: does not wait for clients
            process.wait(_SECONDS)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _user() -> str | None:
    """PostgreSQL refuses to run as root."""
    return "postgres" if os.geteuid() == 0 else None


def _initialize(programs: Path, folder: Path, password: str) -> None:
    secret = folder / "password"
    secret.write_text(password, encoding="utf-8")
    if user := _user():
        account = pwd.getpwnam(user)
        for path in (folder, secret):
            os.chown(path, account.pw_uid, account.pw_gid)
    where = ["-D", str(folder / "data"), "-U", "orgsync", "-A", "scram-sha-256", "-E", "UTF8"]
    done = subprocess.run(
        [str(programs / "initdb"), *where, "--no-sync", "--locale=C", f"--pwfile={secret}"],
        cwd=folder,
        user=_user(),
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise NoServer(f"initdb failed: {done.stderr}")


def _start(programs: Path, folder: Path, password: str) -> tuple[subprocess.Popen[bytes], str]:
    """A port that is free may be taken a moment later, so this tries again."""
    for _ in range(_ATTEMPTS):
        port = _free_port()
        options = {**_FAST, "listen_addresses": "127.0.0.1", "port": str(port)}
        command = [str(programs / "postgres"), "-D", str(folder / "data")]
        command += [f"--{name}={value}" for name, value in options.items()]
        with (folder / "log").open("wb") as log:
            process = subprocess.Popen(command, cwd=folder, user=_user(), stdout=log, stderr=log)
        if _answers(process, f"host=127.0.0.1 port={port} user=orgsync password={password} dbname=postgres"):
            return process, f"postgresql+psycopg://orgsync:{password}@127.0.0.1:{port}/postgres"
        process.kill()
        process.wait()
    raise NoServer(f"postgres does not start: {(folder / 'log').read_text(encoding='utf-8', errors='replace')}")


def _answers(process: subprocess.Popen[bytes], address: str) -> bool:
    end = time.monotonic() + _SECONDS
    while process.poll() is None and time.monotonic() < end:
        try:
            psycopg.connect(address, connect_timeout=5).close()
        except psycopg.OperationalError:
            time.sleep(0.1)
        else:
            return True
    return False


def _free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        port: int = one.getsockname()[1]
        return port
