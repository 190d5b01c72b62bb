"""An organization repository whose target is a SCIM provider.

In: a folder, the provider's address, settings of the target. Out: plans, reports, drift. Never: asserts.
"""

import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, cast

from orgsync import pipeline
from orgsync.adapter import Scope, Snapshot
from orgsync.adapters import open_adapter
from orgsync.adapters.scim.adapter import ScimAdapter
from orgsync.plan import Plan
from orgsync.settings import load_settings
from orgsync.watch import Timings
from tests import repository
from tests.servers.scim import TOKEN, Somebody

ROOT = Path(__file__).parents[2]
ENVIRONMENT: Mapping[str, str] = {"SCIM_TOKEN": TOKEN}
EVERYTHING = "safety: {removals: {share: 100%, count: 1000}, group: {share: 100%, count: 1000}, shrink: 100%, "
EVERYTHING += "gains: 1000, administrators: 0}"
SETTINGS = """apiVersion: orgsync/v1
kind: Settings
organization: Northwind
defaultTarget: demo
targets:
  demo:
    adapter: scim
    url: {url}
    credentials: {{token: "${{env:SCIM_TOKEN}}"}}
    missingUsers: create
    prune: [membership, grant, unit, role, function, businessUnit]
{more}
journal: sqlite:///.orgsync/journal.db
{safety}
"""


@dataclass(frozen=True, slots=True)
class World:
    root: Path
    url: str

    @property
    def provider(self) -> Somebody:
        return Somebody(self.url)

    def settle(self, more: str = "", *, url: str = "") -> None:
        """Write orgsync.yaml; ``more``: settings of the target, one a line."""
        lines = "\n".join(f"    {line}" for line in more.splitlines() if line.strip())
        text = SETTINGS.format(url=url or self.url, more=lines, safety=EVERYTHING)
        self.write("orgsync.yaml", text)

    def write(self, name: str, text: str) -> None:
        file = self.root / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)

    def edit(self, name: str, old: str, new: str) -> None:
        repository.edit(self.root, old, new, name)

    def plan(self) -> Plan:
        return repository.planned(self.root, environment=ENVIRONMENT)

    def apply(self, plan: Plan | None = None, *accept: str) -> pipeline.Report:
        return repository.applied(self.root, plan or self.plan(), *accept, environment=ENVIRONMENT)

    def drift(self) -> pipeline.Drift:
        return pipeline.find_drift(
            self.root,
            load_settings(self.root),
            "demo",
            today=repository.TODAY,
            environment=ENVIRONMENT,
            watch=Timings(),
        )

    @contextmanager
    def opened(self, *, writable: bool = True) -> Iterator[ScimAdapter]:
        target = load_settings(self.root).targets["demo"]
        with open_adapter(
            "scim",
            target,
            self.root,
            writable=writable,
            actor="",
            environment=ENVIRONMENT,
            clock=lambda: datetime.now(UTC),
        ) as adapter:
            yield cast("ScimAdapter", adapter)

    def lives(self, **scope: Any) -> Snapshot:
        with self.opened() as adapter:
            return adapter.read(Scope(**scope))


def sample(root: Path, url: str, more: str = "") -> World:
    """The organization of this repository."""
    for name in ("units", "roles"):
        shutil.copytree(ROOT / name, root / name)
    world = World(root, url)
    world.settle(more)
    return world


def small(root: Path, url: str, more: str = "") -> World:
    world = World(root, url)
    world.write(repository.UNIT_FILE, repository.UNITS)
    world.write(repository.ROLE_FILE, repository.ROLES)
    world.settle(more)
    return world


def settled(world: World) -> bool:
    """A second plan is empty."""
    plan = world.plan()
    return not plan.changes and not plan.withheld
