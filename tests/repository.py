"""A small organization repository with a CRM and a journal beside it, and the whole sentence over it in one call each.

In: a folder. Out: plans, reports, what lives. Never: asserts.
"""

import shutil
import sqlite3
from collections.abc import Mapping
from datetime import UTC, date, datetime
from pathlib import Path

from orgsync import pipeline
from orgsync.adapter import Scope
from orgsync.adapters import open_adapter
from orgsync.plan import Plan
from orgsync.resources import Address, Fields, Kind
from orgsync.settings import load_settings
from orgsync.watch import Timings

OWN = Path(__file__).parents[1]
TODAY = date(2026, 11, 1)
NOW = datetime(2026, 11, 1, 12, tzinfo=UTC)
NOTHING: Mapping[str, str] = {}
SETTINGS = """apiVersion: orgsync/v1
kind: Settings
organization: Northwind
defaultTarget: demo
targets:
  demo:
    adapter: local
    url: sqlite:///.orgsync/demo.db
    missingUsers: create
    prune: [membership, grant, unit, role, function, businessUnit]
  other:
    adapter: local
    url: sqlite:///.orgsync/other.db
    missingUsers: create
journal: sqlite:///.orgsync/journal.db
safety: {removals: {share: 100%, count: 100}, group: {share: 100%, count: 100}, shrink: 100%}
"""
UNITS = """apiVersion: orgsync/v1
kind: BusinessUnit
key: commercial
name: Commercial
---
apiVersion: orgsync/v1
kind: BusinessUnit
key: north
name: North
---
apiVersion: orgsync/v1
kind: Unit
key: sales
name: Sales Team
businessUnit: commercial
owner: maria@example.com
roles: [rep]
assignments:
  - user: maria@example.com
    roles: [manager]
  - user: ana@example.com
  - user: ben@example.com
"""
ROLES = """apiVersion: orgsync/v1
kind: Role
key: rep
name: Representative
privileges:
  lead: {read: unit}
---
apiVersion: orgsync/v1
kind: Role
key: manager
name: Manager
includes: [rep]
"""
UNIT_FILE, ROLE_FILE, SETTINGS_FILE = "units/sales.yaml", "roles/roles.yaml", "orgsync.yaml"


def repository(root: Path) -> Path:
    for name, text in ((SETTINGS_FILE, SETTINGS), (UNIT_FILE, UNITS), (ROLE_FILE, ROLES)):
        (root / name).parent.mkdir(exist_ok=True)
        (root / name).write_text(text)
    return root


def edit(root: Path, old: str, new: str, file: str = UNIT_FILE) -> None:
    text = (root / file).read_text()
    if old not in text:
        raise ValueError(f"{file} has no {old!r}")
    (root / file).write_text(text.replace(old, new))


def planned(
    root: Path,
    *accept: str,
    target: str = "demo",
    environment: Mapping[str, str] = NOTHING,
    cache: Path | None = None,
) -> Plan:
    return pipeline.make_plan(
        root,
        load_settings(root),
        target,
        today=TODAY,
        environment=environment,
        watch=Timings(),
        accept=frozenset(accept),
        cache=cache,
    )


def taken_back(root: Path, run: str, *accept: str, environment: Mapping[str, str] = NOTHING) -> Plan:
    return pipeline.make_rollback(
        root,
        load_settings(root),
        run,
        today=TODAY,
        environment=environment,
        watch=Timings(),
        accept=frozenset(accept),
    )


def applied(root: Path, plan: Plan, *accept: str, environment: Mapping[str, str] = NOTHING) -> pipeline.Report:
    return pipeline.apply_plan(
        plan,
        root,
        load_settings(root),
        actor="tester",
        environment=environment,
        clock=lambda: NOW,
        watch=Timings(),
        accept=frozenset(accept),
    )


def sample(root: Path, kind: Kind) -> list[str]:
    """The organization of this repository, without its settings; the keys of a kind in it."""
    for name in ("units", "roles"):
        shutil.copytree(OWN / name, root / name)
    found = pipeline.validate(root, today=TODAY, watch=Timings()).desired
    return [address.partition("/")[2] for address in found.resources if address.startswith(f"{kind}/")]


def drifted(root: Path, environment: Mapping[str, str] = NOTHING) -> pipeline.Drift:
    return pipeline.find_drift(root, load_settings(root), "demo", today=TODAY, environment=environment, watch=Timings())


def lives(root: Path, bound: Mapping[Address, str] = NOTHING) -> dict[Address, Fields]:
    target = load_settings(root).targets["demo"]
    with open_adapter("local", target, root, writable=False, actor="", environment={}, clock=lambda: NOW) as adapter:
        return {address: dict(fields) for address, fields in adapter.read(Scope(bound=bound)).resources.items()}


def sql(root: Path, *statements: str) -> None:
    """Somebody else, behind orgsync's back."""
    with sqlite3.connect(root / ".orgsync" / "demo.db") as crm:
        for statement in statements:
            crm.execute(statement)
    crm.close()
