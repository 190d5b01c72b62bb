"""An organization repository in a folder, and the whole sentence of orgsync over it: files, plan, apply, journal.

In: a folder, a CRM, states. Out: plans, reports, snapshots. Never: goes round the pipeline, except to look.
"""

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

from orgsync import pipeline
from orgsync.adapter import Adapter, Opener, Scope, Snapshot
from orgsync.adapters import open_adapter, opener_of, standing_in
from orgsync.pipeline import Drift, Report
from orgsync.plan import Plan
from orgsync.resources import Json, Kind
from orgsync.settings import Settings, load_settings
from orgsync.testing.crm import Crm
from orgsync.testing.story import State, files
from orgsync.watch import Timings

TODAY = date(2026, 11, 1)
_WIDE = {"removals": {"share": "100%", "count": 100000}, "group": {"share": "100%", "count": 100000}, "shrink": "100%"}
_TARGET = {
    "missingUsers": "create",
    "prune": ["membership", "grant", "unit", "role", "function", "businessUnit"],
    "inexpressible": "omit",
    "scopeFallback": "narrower",
}
Wrap = Callable[[Adapter], Adapter]


def now() -> datetime:
    return datetime.now(UTC)


@dataclass(frozen=True, slots=True)
class Workspace:
    """``wrap``: what stands between the pipeline and the adapter."""

    root: Path
    crm: Crm
    settings: Mapping[str, Json] = field(default_factory=dict)
    wrap: Wrap | None = None

    def declare(self, state: State) -> None:
        """What the repository says from now on."""
        for folder, documents in files(state).items():
            (self.root / folder).mkdir(parents=True, exist_ok=True)
            text = "---\n".join(json.dumps(one, indent=1) + "\n" for one in documents)
            (self.root / folder / "all.yaml").write_text(text, encoding="utf-8")
        target = {**_TARGET, **self.crm.settings, **self.settings}
        settings: dict[str, Any] = {"apiVersion": "orgsync/v1", "kind": "Settings", "organization": "Kit"}
        settings |= {"defaultTarget": "crm", "targets": {"crm": target}, "safety": _WIDE}
        settings |= {"journal": "sqlite:///.orgsync/journal.db"}
        (self.root / "orgsync.yaml").write_text(json.dumps(settings, indent=1), encoding="utf-8")

    def but(self, **changes: Any) -> "Workspace":
        return replace(self, **changes)

    def plan(self) -> Plan:
        with self._adapters():
            return pipeline.make_plan(
                self.root,
                self._loaded(),
                "crm",
                today=TODAY,
                environment=self.crm.environment,
                watch=Timings(),
            )

    def apply(self, plan: Plan) -> Report:
        """Every guard is accepted: the suite means what it does."""
        with self._adapters():
            return pipeline.apply_plan(
                plan,
                self.root,
                self._loaded(),
                actor="conformance",
                environment=self.crm.environment,
                clock=now,
                watch=Timings(),
                accept=frozenset(guard.name for guard in plan.guards),
            )

    def drift(self) -> Drift:
        with self._adapters():
            return pipeline.find_drift(
                self.root,
                self._loaded(),
                "crm",
                today=TODAY,
                environment=self.crm.environment,
                watch=Timings(),
            )

    def read(self) -> Snapshot:
        with self.opened(writable=False) as adapter:
            return adapter.read(self.everything())

    @contextmanager
    def opened(self, *, writable: bool) -> Iterator[Adapter]:
        """The adapter as the registry opens it, without ``wrap``."""
        settings = self._loaded()
        with (
            self.but(wrap=None)._adapters(),  # noqa: SLF001  (its own twin)
            open_adapter(
                self.crm.adapter,
                settings.targets["crm"],
                self.root,
                writable=writable,
                actor="somebody else",
                environment=self.crm.environment,
                clock=now,
            ) as adapter,
        ):
            yield adapter

    def everything(self) -> Scope:
        return Scope(roles=self._roles())

    def _roles(self) -> frozenset[str]:
        desired = pipeline.validate(self.root, today=TODAY, watch=Timings()).desired
        return frozenset(address for address in desired.resources if address.startswith(f"{Kind.ROLE}/"))

    def _loaded(self) -> Settings:
        return load_settings(self.root)

    def _adapters(self) -> AbstractContextManager[None]:
        opener, wrap = self.crm.opener, self.wrap
        if wrap is not None:
            return standing_in(self.crm.adapter, Wrapped(opener or opener_of(self.crm.adapter), wrap))
        return standing_in(self.crm.adapter, opener) if opener is not None else nullcontext()


class Wrapped:
    """An opener whose adapters are wrapped."""

    def __init__(self, inner: Opener, wrap: Wrap) -> None:
        self.Options, self.CREDENTIALS, self.CAPABILITIES = inner.Options, inner.CREDENTIALS, inner.CAPABILITIES
        self._inner, self._wrap = inner, wrap

    @contextmanager
    def open(self, options: Any, **settings: Any) -> Iterator[Adapter]:
        with self._inner.open(options, **settings) as adapter:
            yield self._wrap(adapter)
