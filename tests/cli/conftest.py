"""The command line against an engine that answers with what a test says, and writes down what it was asked."""

import sys
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest

import orgsync
from orgsync.change import Outcome, Status
from orgsync.cli.options import Options
from orgsync.cli.output import Output
from orgsync.plan import Plan
from tests.render import plans

HEAD = f"41:{'7b1ec09' * 9}"


@dataclass(kw_only=True)
class Answer:
    code: int
    out: str
    err: str


@dataclass(kw_only=True)
class Engine:
    """Stands in for ``orgsync.pipeline``; ``error`` is raised by whatever is asked."""

    plan: Plan
    error: BaseException | None = None
    status: Status = Status.APPLIED
    findings: tuple[Any, ...] = ()
    asked: list[tuple[str, dict[str, Any]]] = field(default_factory=list)

    def _ask(self, name: str, **arguments: Any) -> None:
        self.asked.append((name, arguments))
        if self.error is not None:
            raise self.error

    def validate(self, root: Path, **arguments: Any) -> object:
        self._ask("validate", root=root, **arguments)
        repository = SimpleNamespace(documents=[SimpleNamespace(file="units/a.yaml")])
        return SimpleNamespace(repository=repository, findings=self.findings)

    def expected(self, _root: Path, _folder: Path | None) -> AbstractContextManager[None]:
        return nullcontext()

    def make_plan(self, root: Path, _settings: object, target: str, **arguments: Any) -> Plan:
        with arguments["watch"].stage("read"):
            self._ask("make_plan", root=root, target=target, **arguments)
        return self.plan

    def apply_plan(self, plan: Plan, _root: Path, _settings: object, **arguments: Any) -> object:
        self._ask("apply_plan", plan=plan, **arguments)
        outcomes = tuple(
            Outcome(id=one.id, address=one.address, action=one.action, status=self.status, detail="")
            for one in plan.changes
        )
        arguments["watch"].outcomes(outcomes, len(outcomes), len(outcomes))
        complete = self.status is Status.APPLIED
        return SimpleNamespace(run="7b1ec09", outcomes=outcomes, differences=(), complete=complete, journal=HEAD)

    def find_drift(self, _root: Path, _settings: object, target: str, **arguments: Any) -> object:
        self._ask("find_drift", target=target, **arguments)
        changed = {"unit/benelux": plans.changed()}
        return SimpleNamespace(plan=self.plan, foreign=(plans.foreign(),), changed=changed, broken=self.findings)

    def runs(self, _root: Path, _settings: object, *, environment: object) -> list[object]:
        assert environment is not None
        self._ask("runs")
        return []


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "orgsync.yaml").write_text("kind: Settings\n")
    (tmp_path / "units").mkdir()
    monkeypatch.chdir(tmp_path / "units")
    for name in ("CI", "NO_COLOR", "FORCE_COLOR", "COLUMNS", "GITHUB_ACTOR", "ORGSYNC_ACTOR"):
        monkeypatch.delenv(name, raising=False)
    return tmp_path


@pytest.fixture
def engine(root: Path, monkeypatch: pytest.MonkeyPatch) -> Engine:
    assert root.is_dir()
    fake = Engine(plan=plans.everything())
    _replace(monkeypatch, "pipeline", fake)
    settings = ModuleType("orgsync.settings")
    target = SimpleNamespace(
        adapter="local", url="postgresql://u:hidden@db/x", missing_users="error", prune=frozenset(), credentials={}
    )
    loaded = SimpleNamespace(
        default_target="demo",
        only_target="demo",
        targets={"demo": target, "production": target},
        policies=None,
        sound=False,
    )
    settings.load_settings = lambda *_: loaded  # type: ignore[attr-defined]
    _replace(monkeypatch, "settings", settings)
    adapters = ModuleType("orgsync.adapters")
    adapters.check_options = lambda *_: []  # type: ignore[attr-defined]
    _replace(monkeypatch, "adapters", adapters)
    return fake


def _replace(monkeypatch: pytest.MonkeyPatch, name: str, module: object) -> None:
    monkeypatch.setitem(sys.modules, f"orgsync.{name}", module)
    monkeypatch.setattr(orgsync, name, module, raising=False)


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Callable[..., Answer]:
    def run(*arguments: str) -> Answer:
        from orgsync.cli import main

        monkeypatch.setattr(Output, "current", None)
        monkeypatch.setattr(Output, "options", Options())
        with pytest.raises(SystemExit) as left:
            main(list(arguments))
        captured = capsys.readouterr()
        assert isinstance(left.value.code, int)
        return Answer(code=left.value.code, out=captured.out, err=captured.err)

    return run
