"""Secrets are in no output, plan, journal, CRM, log, report or traceback, whatever goes wrong.

Every secret is a canary: a fixed text that stands nowhere else. ``PLACES`` are the ways in which one comes to orgsync
and ``Aviary.everywhere`` collects whatever a command left behind; a new adapter adds its own places and captures.
"""

import io
import json
import logging
import os
import re
import signal
import subprocess
import sys
import time
import traceback
from base64 import b64encode
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import quote, quote_plus

import pytest
from sqlalchemy import make_url

from orgsync import pipeline
from orgsync.adapters import open_adapter, opener_of
from orgsync.cli.redact import redact
from orgsync.errors import OrgsyncError
from orgsync.journal.book import open_journal
from orgsync.references import expand_url
from orgsync.settings import Settings, credentials_of, load_settings
from tests.commands import command
from tests.figures import record

ROOT = Path(__file__).parent.parent
STYLES = ("text", "json", "markdown", "html", "github", "sarif")
ENVIRONMENT = {
    "CRM_PASSWORD": "cnry-Tq7@w/Zx:41 %pw",
    "CRM_LOGIN": "cnry-login-Jk29",
    "JOURNAL_PASSWORD": "cnry-jrnl-Pq83&u=x",
    "AWS_SECRET_ACCESS_KEY": "cnry-aws-Lm55+/Vb==",
    "GITHUB_TOKEN": "cnry-ghs-Nn01",
    "DATABASE_PASS": "cnry-pass-Ss17",
    "NPM_PAT": "cnry-pat-Hh64",
    "SIGNING_KEY": "cnry-line-one-Yy1\ncnry-line-two-Yy2",
    "SENTRY_DSN": "cnry-dsn-Gg33",
    "SMTP_PASSPHRASE": "cnry-phrase-Ee90",
}
NO_SECRETS = frozenset({"CRM_LOGIN"})
"""A user's name is no secret where a server repeats it."""

ORGANIZATION = """
apiVersion: orgsync/v1
kind: BusinessUnit
key: commercial
name: Commercial
---
apiVersion: orgsync/v1
kind: Unit
key: sales
name: Sales Team
businessUnit: commercial
assignments:
  - user: ana@example.com
"""
SETTINGS = """
apiVersion: orgsync/v1
kind: Settings
organization: Northwind
targets:
  demo:
    adapter: local
    missingUsers: create
    prune: [membership, grant, unit, role, function, businessUnit]
    {target}
journal: {journal}
"""
FILE = "url: sqlite:///.orgsync/demo.db"
BOOK = "sqlite:///.orgsync/journal.db"


@dataclass(frozen=True, slots=True, kw_only=True)
class Secret:
    name: str
    value: str

    @property
    def forms(self) -> set[str]:
        """As it is, as addresses, headers, Python and JSON write it, and line by line."""
        found = {self.value, *self.value.split("\n"), quote(self.value), quote(self.value, safe="")}
        found |= {quote_plus(self.value), repr(self.value)[1:-1], json.dumps(self.value)[1:-1]}
        found |= {b64encode(self.value.encode()).decode()}
        return {one for one in found if one}


@dataclass(slots=True)
class Aviary:
    """``captured``: where something was found -> its text."""

    root: Path
    temporary: Path
    secrets: list[Secret]
    captured: dict[str, str] = field(default_factory=dict)
    log: io.StringIO = field(default_factory=io.StringIO)

    def see(self, where: str, text: str) -> None:
        self.captured[f"{len(self.captured)} {where}"] = text

    def run(self, *arguments: str) -> int:
        answer = command("--repo", str(self.root), *arguments)
        self.see(f"stdout of {' '.join(arguments)}", answer.out)
        self.see(f"stderr of {' '.join(arguments)}", answer.err)
        return answer.code

    def everywhere(self) -> dict[str, str]:
        """All that was captured, and every file below the repository and the temporary folder, as bytes."""
        files = [*self.root.rglob("*"), *self.temporary.rglob("*")]
        found = {f"file {path.name}": path.read_bytes().decode("latin-1") for path in files if path.is_file()}
        return {**self.captured, "log": self.log.getvalue(), **found}

    def settle(self, part: str) -> None:
        everywhere = self.everywhere()
        leaked = [
            f"{secret.name} in {where}"
            for where, text in everywhere.items()
            for secret in self.secrets
            if any(form in text for form in secret.forms)
        ]
        record("secrets", part, tried=len(everywhere) * len(self.secrets), leaked=len(leaked))
        assert not leaked, "\n".join(leaked)


@pytest.fixture
def aviary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Aviary]:
    for name, value in ENVIRONMENT.items():
        monkeypatch.setenv(name, value)
    for name in ("CI", "NO_COLOR", "FORCE_COLOR", "ORGSYNC_ACTOR"):
        monkeypatch.delenv(name, raising=False)
    root, temporary = tmp_path / "repository", tmp_path / "temporary"
    (root / "units").mkdir(parents=True)
    temporary.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(temporary))
    secrets = [Secret(name=name, value=value) for name, value in ENVIRONMENT.items() if name not in NO_SECRETS]
    birds = Aviary(root, temporary, secrets)
    write(root)
    handler = logging.StreamHandler(birds.log)
    logger = logging.getLogger()
    before = logger.level
    logger.addHandler(handler)
    logger.setLevel(logging.DEBUG)
    yield birds
    logger.removeHandler(handler)
    logger.setLevel(before)


def write(root: Path, target: str = FILE, journal: str = BOOK) -> None:
    (root / "orgsync.yaml").write_text(SETTINGS.format(target=target, journal=json.dumps(journal)), encoding="utf-8")
    (root / "units" / "units.yaml").write_text(ORGANIZATION, encoding="utf-8")


def every_command(birds: Aviary) -> None:
    plan = str(birds.root / "a.plan.json")
    for style in STYLES:
        birds.run("--format", style, "-v", "validate")
        birds.run("--format", style, "-v", "plan", "-o", plan)
        birds.run("--format", style, "show", plan)
        birds.run("--format", style, "drift")
        birds.run("--format", style, "history")
        birds.run("--format", style, "doctor")
        birds.run("--format", style, "targets")
    for style in ("json", "text", "markdown"):
        birds.run("--format", style, "-v", "apply", "--yes")
    birds.run("apply", "--yes", plan)
    birds.run("plan", "--target", "nowhere")
    birds.run("schema")


PLACES: dict[str, tuple[str, str]] = {
    "files": (FILE, BOOK),
    "credentials that a file has no use for": (
        FILE + "\n    credentials: {username: '${env:CRM_LOGIN}', password: '${env:CRM_PASSWORD}'}",
        BOOK,
    ),
    "an unknown credential": (FILE + "\n    credentials: {token: '${env:CRM_PASSWORD}'}", BOOK),
    "an unreachable host": ("url: 'postgresql://crm:${env:CRM_PASSWORD}@127.0.0.1:1/crm'", BOOK),
    "credentials for an unreachable host": (
        """url: postgresql://127.0.0.1:1/crm
    credentials: {username: '${env:CRM_LOGIN}', password: '${env:CRM_PASSWORD}'}""",
        BOOK,
    ),
    "a password in the query": ("url: 'postgresql://crm@127.0.0.1:1/crm?password=${env:CRM_PASSWORD}'", BOOK),
    "an unknown parameter": ("url: 'postgresql://crm:${env:CRM_PASSWORD}@127.0.0.1:1/crm?nonsense=1'", BOOK),
    "an unknown driver": ("url: 'nonsense://crm:${env:CRM_PASSWORD}@127.0.0.1/crm'", BOOK),
    "a driver that is not installed": ("url: 'mysql://crm:${env:CRM_PASSWORD}@127.0.0.1/crm'", BOOK),
    "a whole address": ("url: '${env:CRM_PASSWORD}'", BOOK),
    "a port that is none": ("url: 'postgresql://crm:${env:CRM_PASSWORD}@127.0.0.1:port/crm'", BOOK),
    "an unknown option": ("url: 'postgresql://crm:${env:CRM_PASSWORD}@127.0.0.1:1/crm'\n    nonsense: 1", BOOK),
    "a variable that is not set": ("url: 'postgresql://crm:${env:NOT_SET}@127.0.0.1:1/crm'", BOOK),
    "an unreachable journal": (FILE, "postgresql://j:${env:JOURNAL_PASSWORD}@127.0.0.1:1/journal"),
    "a journal without a driver": (FILE, "nonsense://j:${env:JOURNAL_PASSWORD}@127.0.0.1/journal"),
    "a whole journal address": (FILE, "${env:JOURNAL_PASSWORD}"),
}
"""What orgsync.yaml says -> (the target's lines, the journal's address)."""


@pytest.mark.parametrize("place", PLACES)
def test_no_command_leaves_a_secret_anywhere(place: str, aviary: Aviary) -> None:
    write(aviary.root, *PLACES[place])
    every_command(aviary)
    aviary.settle(place)


@pytest.mark.parametrize("place", PLACES)
def test_no_value_repeats_a_secret(place: str, aviary: Aviary) -> None:
    """What a debugger, an assertion or a log would write of our values, and of an error with its causes."""
    write(aviary.root, *PLACES[place])
    settings = load_settings(aviary.root)
    target = settings.targets["demo"]
    aviary.see("settings", f"{settings!r} {settings} {target!r} {settings.in_force}")
    for attempt in (_an_adapter, _a_plan, _a_journal, _options):
        try:
            aviary.see(f"{attempt.__name__} gives", attempt(settings, aviary.root))
        except OrgsyncError as error:
            aviary.see(f"{attempt.__name__} raises", f"{error!r} {error.remedy} {traceback.format_exc()}")
            aviary.see("its causes", f"{error.__cause__!r} {_unless_hidden(error)!r}")
    aviary.settle(f"values of {place}")


def _unless_hidden(error: BaseException) -> BaseException | None:
    return None if error.__suppress_context__ else error.__context__


def _an_adapter(settings: Settings, root: Path) -> str:
    target = settings.targets["demo"]
    with open_adapter(
        target.adapter, target, root, writable=False, actor="a", environment=ENVIRONMENT, clock=_now
    ) as adapter:
        return f"{adapter!r} {adapter} {adapter.identity} {adapter.capabilities!r}"


def _options(settings: Settings, _root: Path) -> str:
    target = settings.targets["demo"]
    opener = opener_of(target.adapter)
    credentials_of(target, ENVIRONMENT)
    url = expand_url(str(target.url), ENVIRONMENT)
    try:
        options = opener.Options.model_validate({"url": url})
    except ValueError as error:
        return f"{error!r} {error}"
    return f"{options!r} {options}"


def _a_plan(settings: Settings, root: Path) -> str:
    from orgsync.watch import Timings

    plan = pipeline.make_plan(root, settings, "demo", today=_now().date(), environment=ENVIRONMENT, watch=Timings())
    return repr(plan)


def _a_journal(settings: Settings, root: Path) -> str:
    with open_journal(expand_url(settings.journal, ENVIRONMENT), root) as book:
        return f"{book!r} {book.connection.engine!r}"


def _now() -> datetime:
    return datetime(2026, 11, 1, tzinfo=UTC)


# A server that refuses


@pytest.mark.parametrize("journal", [False, True])
def test_a_refused_login_repeats_no_password(
    journal: bool,  # noqa: FBT001
    aviary: Aviary,
    postgresql_url: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    right = make_url(postgresql_url)
    wrong = f"postgresql://{right.username}:${{env:CRM_PASSWORD}}@{right.host}:{right.port}/{right.database}"
    monkeypatch.setenv("CRM_PASSWORD", "cnry-wrong-@:/ Ww88")
    aviary.secrets += [Secret(name="refused", value="cnry-wrong-@:/ Ww88")]
    aviary.secrets += [Secret(name="server's", value=str(right.password))]
    write(aviary.root, *((FILE, wrong) if journal else (f"url: '{wrong}'", BOOK)))
    every_command(aviary)
    assert any("password authentication failed" in text for text in aviary.captured.values())
    aviary.settle(f"refused login {'journal' if journal else 'target'}")


def test_a_server_that_lets_us_in_leaves_its_password_nowhere(
    aviary: Aviary, postgresql_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The whole life, with CRM and journal on the server; what both hold is looked through, too."""
    import psycopg

    right = make_url(postgresql_url)
    monkeypatch.setenv("CRM_PASSWORD", str(right.password))
    aviary.secrets += [Secret(name="server's", value=str(right.password))]
    where = f"{right.host}:{right.port}/{right.database}"
    search = "options=-csearch_path%3Dcanaries"
    with psycopg.connect(_plain(postgresql_url), autocommit=True) as connection:
        connection.execute("DROP SCHEMA IF EXISTS canaries CASCADE")
        connection.execute("CREATE SCHEMA canaries")
        address = f"postgresql://{right.username}:${{env:CRM_PASSWORD}}@{where}?{search}"
        write(aviary.root, f"url: '{address}'", address)
        try:
            every_command(aviary)
            tables = connection.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'canaries'").fetchall()
            assert ("orgsync_journal",) in tables
            for (table,) in tables:
                rows = connection.execute(f'SELECT * FROM canaries."{table}"').fetchall()
                aviary.see(f"table {table}", repr(rows))
        finally:
            connection.execute("DROP SCHEMA canaries CASCADE")
    assert any("Nothing to do" in text for text in aviary.captured.values())
    aviary.settle("a login that works")


def _plain(url: str) -> str:
    return make_url(url).set(drivername="postgresql").render_as_string(hide_password=False)


# Bugs, edits and interruptions


def test_an_edited_plan_and_a_damaged_crm_repeat_no_secret(aviary: Aviary) -> None:
    write(aviary.root, *PLACES["credentials that a file has no use for"])
    plan = aviary.root / "a.plan.json"
    assert aviary.run("plan", "-o", str(plan)) == 0
    edited = plan.read_text(encoding="utf-8").replace("Sales", "Sails")
    plan.write_text(edited, encoding="utf-8")
    assert aviary.run("apply", "--yes", str(plan)) == 1
    (aviary.root / ".orgsync").mkdir()
    for name in ("demo.db", "journal.db"):
        (aviary.root / ".orgsync" / name).write_bytes(b"no database")
        every_command(aviary)
    aviary.settle("edited and damaged")


@pytest.mark.parametrize("form", ["{0}", "postgresql://u:{1}@h/d", "Authorization: Bearer {0}", "{2}", "{3}", "k={4}"])
def test_the_report_of_a_bug_holds_no_secret(form: str, aviary: Aviary, monkeypatch: pytest.MonkeyPatch) -> None:
    for secret in aviary.secrets:
        value = secret.value
        forms = (value, quote(value, safe=""), repr(value), json.dumps(value), b64encode(value.encode()).decode())

        def broken(*_: object, said: str = form.format(*forms), **__: object) -> None:
            raise RuntimeError(said) from ValueError(said)

        monkeypatch.setattr("orgsync.pipeline.make_plan", broken)
        assert aviary.run("-v", "plan") == 70
    assert len(list(aviary.temporary.glob("orgsync-report-*"))) == len(aviary.secrets)
    aviary.settle(f"report {form}")


@pytest.mark.parametrize("secret", [name for name in ENVIRONMENT if name not in NO_SECRETS])
def test_every_form_of_a_secret_is_taken_out(secret: str) -> None:
    value = Secret(name=secret, value=ENVIRONMENT[secret])
    for form in value.forms - set(value.value.split("\n")[1:]):
        assert form not in redact(f"x {form} y", ENVIRONMENT)


def test_a_variable_that_the_settings_refer_to_is_taken_out_whatever_its_name(
    aviary: Aviary, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CRM_BLUE", "cnry-blue-Bb12")
    aviary.secrets.append(Secret(name="CRM_BLUE", value="cnry-blue-Bb12"))
    write(aviary.root, FILE + "\n    credentials: {password: '${env:CRM_BLUE}'}")

    def broken(*_: object, **__: object) -> None:
        raise RuntimeError("refused cnry-blue-Bb12")

    monkeypatch.setattr("orgsync.pipeline.make_plan", broken)
    assert aviary.run("plan") == 70
    aviary.settle("any name")


def test_an_interrupted_command_says_nothing(aviary: Aviary, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(*_: object, **__: object) -> None:
        raise KeyboardInterrupt(ENVIRONMENT["CRM_PASSWORD"])

    monkeypatch.setattr("orgsync.pipeline.make_plan", interrupted)
    assert aviary.run("plan") == 130
    aviary.settle("interrupted")


ARGUMENTS = (["plan"], ["apply", "--yes"], ["doctor"], ["-v", "history"])


@pytest.mark.parametrize("arguments", ARGUMENTS, ids=" ".join)
@pytest.mark.parametrize("place", ["an unreachable host", "files", "an unreachable journal"])
def test_a_process_of_its_own_with_everything_switched_on(place: str, arguments: list[str], aviary: Aviary) -> None:
    """``-X dev``: warnings, unclosed things and all; the whole stderr of a real process."""
    write(aviary.root, *PLACES[place])
    environment = {**os.environ, "TMPDIR": str(aviary.temporary), "PYTHONWARNINGS": "always", "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        [sys.executable, "-X", "dev", "-m", "orgsync", "--repo", str(aviary.root), *arguments],
        capture_output=True,
        text=True,
        env=environment,
        check=False,
    )
    aviary.see("stdout", done.stdout)
    aviary.see("stderr", done.stderr)
    assert "Traceback" not in done.stderr
    aviary.settle(f"process {place} {' '.join(arguments)}")


def test_a_process_that_is_interrupted_while_it_waits(aviary: Aviary) -> None:
    """A server that never answers, and a person who has enough."""
    import socket

    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]
        write(aviary.root, f"url: 'postgresql://crm:${{env:CRM_PASSWORD}}@127.0.0.1:{port}/crm'")
        process = subprocess.Popen(
            [sys.executable, "-X", "dev", "-m", "orgsync", "--repo", str(aviary.root), "-v", "plan"],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
        )
        silent.settimeout(60)
        connection, _ = silent.accept()
        time.sleep(0.5)
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=60)
        connection.close()
    aviary.see("stdout", out)
    aviary.see("stderr", err)
    assert process.returncode == 130
    assert "Traceback" not in err
    aviary.settle("interrupted while it waits")


def test_the_canaries_would_be_seen(aviary: Aviary) -> None:
    """The net itself: each secret in each form, in a file, a log and an output."""
    for secret in aviary.secrets:
        for form in secret.forms:
            aviary.captured.clear()
            aviary.see("stdout", f"... {form} ...")
            with pytest.raises(AssertionError, match=re.escape(secret.name)):
                aviary.settle("the net")
    aviary.captured.clear()
    logging.getLogger("anything").debug(ENVIRONMENT["GITHUB_TOKEN"])
    with pytest.raises(AssertionError, match="GITHUB_TOKEN in log"):
        aviary.settle("the net")
    record("secrets", "the net", tried=1, leaked=0)
