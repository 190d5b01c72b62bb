"""An organization repository whose target is a Tryton database, and the whole sentence over it in one call each.

In: a folder, the address of a fresh database. Out: plans, reports, what lives there. Never: asserts.
"""

import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from orgsync import pipeline
from orgsync.adapter import Scope, Snapshot
from orgsync.adapters.tryton.adapter import TrytonAdapter, opened
from orgsync.adapters.tryton.options import Options
from orgsync.plan import Plan
from orgsync.resources import Address, Fields
from orgsync.settings import load_settings
from orgsync.watch import Timings
from tests.adapters.crms import Crm
from tests.servers import ROOT, tryton

NOW = datetime(2026, 11, 1, 12, tzinfo=UTC)
TODAY = NOW.date()
ENVIRONMENT = {"CRM_USER": tryton.ADMIN, "CRM_PASSWORD": tryton.PASSWORD}
SETTINGS = """apiVersion: orgsync/v1
kind: Settings
organization: Northwind
defaultTarget: crm
targets:
  crm:
    adapter: tryton
    url: {url}
    credentials: {{username: "${{env:CRM_USER}}", password: "${{env:CRM_PASSWORD}}"}}
    missingUsers: create
    inexpressible: omit
    scopeFallback: narrower
    prune: [membership, grant, unit, role, function, businessUnit]
journal: sqlite:///.orgsync/journal.db
safety:
  removals: {{share: 100%, count: 1000}}
  group: {{share: 100%, count: 1000}}
  shrink: 100%
  gains: 1000
  administrators: 0
"""
_NOTHING: Mapping[str, str] = {}


@contextmanager
def adapter(url: str, *, writable: bool = True, **options: Any) -> Iterator[TrytonAdapter]:
    credentials = {"username": tryton.ADMIN, "password": tryton.PASSWORD}
    with opened(Options(url=url, **options), credentials, writable=writable) as found:
        yield found


@contextmanager
def crm(url: str, **options: Any) -> Iterator[Crm]:
    with adapter(url, **options) as found:
        yield Crm(found)


class World:
    """A repository and its CRM."""

    def __init__(self, root: Path, url: str) -> None:
        self.root, self.url = root, url
        (root / "orgsync.yaml").write_text(SETTINGS.format(url=url))
        for folder in ("units", "roles"):
            (root / folder).mkdir(exist_ok=True)

    def write(self, **files: str) -> None:
        """``units_sales="…"`` is units/sales.yaml."""
        for name, text in files.items():
            folder, _, file = name.partition("_")
            (self.root / folder / f"{file}.yaml").write_text(text)

    def edit(self, file: str, old: str, new: str) -> None:
        text = (self.root / file).read_text()
        if old not in text:
            raise ValueError(f"{file} has no {old!r}")
        (self.root / file).write_text(text.replace(old, new))

    def sample(self) -> None:
        """The organization of this repository."""
        for folder in ("units", "roles"):
            shutil.copytree(ROOT / folder, self.root / folder, dirs_exist_ok=True)

    def clear(self) -> None:
        for folder in ("units", "roles"):
            shutil.rmtree(self.root / folder)
            (self.root / folder).mkdir()

    def plan(self, *accept: str) -> Plan:
        return pipeline.make_plan(
            self.root,
            load_settings(self.root),
            "crm",
            today=TODAY,
            environment=ENVIRONMENT,
            watch=Timings(),
            accept=frozenset(accept),
        )

    def apply(self, plan: Plan, *accept: str) -> pipeline.Report:
        return pipeline.apply_plan(
            plan,
            self.root,
            load_settings(self.root),
            actor="tester",
            environment=ENVIRONMENT,
            clock=lambda: NOW,
            watch=Timings(),
            accept=frozenset(accept),
        )

    def drift(self) -> pipeline.Drift:
        settings = load_settings(self.root)
        return pipeline.find_drift(self.root, settings, "crm", today=TODAY, environment=ENVIRONMENT, watch=Timings())

    def read(self, **scope: Any) -> Snapshot:
        with adapter(self.url, writable=False) as found:
            return found.read(Scope(**scope))

    def lives(self) -> dict[Address, Fields]:
        return {address: dict(fields) for address, fields in self.read().resources.items()}

    def acting(self, login: str = tryton.ADMIN, password: str = tryton.PASSWORD) -> tryton.Session:
        return tryton.Session(self.url, login, password)
