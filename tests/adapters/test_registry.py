"""Adapters by name: known ones, wrong options, entry points, and the guard before read-only ones."""

import importlib.metadata
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from importlib.metadata import EntryPoint, EntryPoints
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel

import orgsync.adapters as registry
from orgsync.adapter import Adapter, HasDoctor, HasEffects, Scope
from orgsync.adapters import BUILT_IN, adapter_names, check_options, open_adapter
from orgsync.adapters.memory import MemoryCrm
from orgsync.change import Action, Batch
from orgsync.errors import InvalidInput, OrgsyncError, ReadOnly
from orgsync.finding import Position
from orgsync.resources import Kind
from orgsync.settings import TargetSettings
from tests.adapters.crms import NOW, create
from tests.stated import target as stated_target

USER = Batch(kind=Kind.USER, action=Action.CREATE, steps=(create("user/x@example.com"),))
CRM = MemoryCrm()


class Careless:
    """An adapter that forgets that it was opened for reading."""

    class Options(BaseModel):
        pass

    CREDENTIALS = ()

    @contextmanager
    def open(self, options: Any, **_rest: Any) -> Iterator[Adapter]:
        assert isinstance(options, self.Options)
        yield CRM.adapter()


careless = Careless()


def target(adapter: str = "local", **stated: Any) -> TargetSettings:
    return stated_target({"adapter": adapter, **stated})


@contextmanager
def opened(
    target: TargetSettings, root: Path, *, writable: bool, environment: Mapping[str, str] | None = None
) -> Iterator[Adapter]:
    given = environment or {"PW": "hunter2"}
    with open_adapter(
        target.adapter, target, root, writable=writable, actor="me", environment=given, clock=lambda: NOW
    ) as adapter:
        yield adapter


def test_the_embedded_crm_is_built_in() -> None:
    assert "local" in adapter_names()


def test_an_adapter_is_opened_by_name_and_writes(tmp_path: Path) -> None:
    with opened(target(url="sqlite:///x/y.db"), tmp_path, writable=True) as adapter:
        (outcome,) = adapter.apply(USER, {})
        assert outcome.remote_id is not None
        assert "user/x@example.com" in adapter.read(Scope()).resources
    assert (tmp_path / "x" / "y.db").exists()


def test_one_that_was_opened_for_reading_refuses_before_the_adapter_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    _install(monkeypatch, "careless", f"{__name__}:careless")
    CRM.calls.clear()
    with opened(target("careless"), Path(), writable=False) as adapter:
        assert adapter.read(Scope()).resources == {}
        with pytest.raises(ReadOnly, match="opened for reading only"):
            adapter.apply(USER, {})
        assert isinstance(adapter, HasEffects)
        assert adapter.effects([], adapter.read(Scope())) == ()
        assert isinstance(adapter, HasDoctor)
        assert adapter.doctor() == ()
    assert not [call for call in CRM.calls if isinstance(call, Batch)]


def test_an_unknown_adapter_is_a_finding_with_the_known_names() -> None:
    (finding,) = check_options("locl", target("locl"))
    assert finding.code == "unknown-adapter"
    assert 'did you mean "local"?' in finding.detail
    assert finding.remedy.startswith("known adapters: ")
    with pytest.raises(InvalidInput), opened(target("locl"), Path(), writable=False):
        pass


@pytest.mark.parametrize(
    ("stated", "code", "words"),
    [
        ({"url": "sqlite:///x.db", "seat": "3"}, "unknown-option", '(did you mean "seats"?)'),
        ({"url": "sqlite:///x.db", "missingUser": "create"}, "unknown-option", '(did you mean "missingUsers"?)'),
        ({"url": "postgresql://127.0.0.1:port/crm"}, "invalid-option", "correct url"),
        ({"url": "sqlite:///x.db", "seats": "many"}, "invalid-option", "correct seats"),
        ({"url": "sqlite://"}, "invalid-option", "correct url"),
        ({}, "missing-option", "state url"),
        (
            {"url": "sqlite:///x.db", "credentials": {"pasword": "${env:PW}"}},
            "unknown-credential",
            "username, password",
        ),
    ],
)
def test_wrong_options_are_findings(stated: dict[str, Any], code: str, words: str) -> None:
    (finding,) = check_options("local", target(**stated))
    assert finding.code == code
    assert words in finding.detail + finding.remedy


@pytest.mark.parametrize(
    ("adapter", "stated", "places"),
    [
        ("locl", {}, [["adapter"]]),
        ("local", {"seats": "many", "seat": "3"}, [["url"], ["seats"], ["seat"]]),
        ("local", {"url": "sqlite:///x.db", "credentials": {"pw": "${env:PW}"}}, [["credentials", "pw"]]),
    ],
)
def test_a_finding_stands_where_the_field_does(adapter: str, stated: dict[str, Any], places: list[list[str]]) -> None:
    asked: list[list[str]] = []

    def where(path: Sequence[str]) -> Position:
        asked.append(list(path))
        return Position(file="orgsync.yaml", line=len(asked))

    found = check_options(adapter, target(adapter, **stated), where)
    assert asked == places
    assert [one.position and one.position.line for one in found] == list(range(1, len(places) + 1))


def test_no_part_of_a_password_becomes_the_host(tmp_path: Path) -> None:
    wanted = target(url="postgresql://me:${env:PW}@127.0.0.1:1/crm")
    with opened(wanted, tmp_path, writable=False, environment={"PW": "hunt@er2"}) as adapter:
        assert adapter.identity == "postgresql://127.0.0.1:1/crm"


def test_credentials_come_from_the_environment(tmp_path: Path) -> None:
    wanted = target(url="postgresql://me@127.0.0.1:1/crm", credentials={"password": "${env:PW}"})
    with opened(wanted, tmp_path, writable=False) as adapter:
        assert "hunter2" not in repr(adapter)
        with pytest.raises(OrgsyncError) as caught:
            adapter.read(Scope())
    assert "hunter2" not in f"{caught.value}{caught.value.remedy}"


def test_an_adapter_of_another_package_is_found_by_its_entry_point(monkeypatch: pytest.MonkeyPatch) -> None:
    _install(monkeypatch, "careless", f"{__name__}:careless")
    assert adapter_names() == sorted(["careless", *BUILT_IN])
    with opened(target("careless"), Path(), writable=True) as adapter:
        assert adapter.identity == "memory"


def test_a_package_that_cannot_be_loaded_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    _install(monkeypatch, "broken", "no_such_package_at_all:opener")
    with pytest.raises(OrgsyncError, match="broken cannot be loaded"):
        check_options("broken", target("broken"))


def test_a_built_in_name_is_not_taken_over(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    _install(monkeypatch, "local", f"{__name__}:careless")
    with opened(target(url="sqlite:///x.db"), tmp_path, writable=False) as adapter:
        assert adapter.identity == "sqlite:///x.db"


def test_asking_for_names_imports_no_database(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "orgsync.adapters.local.adapter", raising=False)
    adapter_names()
    assert "orgsync.adapters.local.adapter" not in sys.modules


def _install(monkeypatch: pytest.MonkeyPatch, name: str, value: str) -> None:
    point = EntryPoint(name=name, value=value, group=registry.GROUP)
    found = EntryPoints([point])
    monkeypatch.setattr(importlib.metadata, "entry_points", found.select)


@pytest.mark.parametrize("url", ["postgresql://crm:pa@ca/nary@127.0.0.1/crm", "postgresql://crm:x@127.0.0.1:canary/d"])
def test_a_url_from_the_environment_that_cannot_be_read_is_not_repeated(url: str, tmp_path: Path) -> None:
    wanted = target(url="${env:CRM_URL}")
    with pytest.raises(InvalidInput) as caught, opened(wanted, tmp_path, writable=False, environment={"CRM_URL": url}):
        pass
    assert [one.code for one in caught.value.findings] == ["invalid-option"]
    assert "nary" not in repr(caught.value.findings)
