"""The CRM is read while the files are: what is gained, whose error counts, and what becomes of a reading in vain."""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from threading import Event, current_thread, main_thread
from typing import Any

import pytest
from pydantic import BaseModel

from orgsync import pipeline
from orgsync.adapter import Adapter, Capabilities, Scope, Snapshot
from orgsync.adapters import standing_in
from orgsync.adapters.http import Client, Page, bearer, pages
from orgsync.adapters.rules import FULL
from orgsync.change import Batch, Outcome
from orgsync.errors import AdapterError, IncompleteRead, InvalidInput
from orgsync.plan import Plan
from orgsync.resources import Address, RemoteId
from orgsync.settings import load_settings
from orgsync.watch import Timings
from tests.faults.acts import Reply
from tests.faults.server import Request, serving
from tests.repository import TODAY, edit, repository

ROLE = {"role/of-theirs": {"name": "Of theirs"}}


class Settings(BaseModel):
    url: str


@dataclass
class Crm:
    """``fetch``: what is done ahead."""

    fetch: Callable[[], object] = lambda: None
    fails: AdapterError | None = None
    begun: Event = field(default_factory=Event)
    threads: list[bool] = field(default_factory=list)
    scopes: list[Scope] = field(default_factory=list)
    closed: int = 0
    identity: str = "ahead"
    capabilities: Capabilities = FULL

    def begin(self) -> Callable[[Scope], Snapshot]:
        self.threads.append(current_thread() is main_thread())
        self.begun.set()
        self.fetch()
        return self.end

    def end(self, scope: Scope) -> Snapshot:
        self.threads.append(current_thread() is main_thread())
        self.scopes.append(scope)
        return Snapshot(resources=dict(ROLE))

    def read(self, scope: Scope) -> Snapshot:
        raise AssertionError(f"it is read ahead, and not here: {scope}")

    def apply(self, batch: Batch, ids: Mapping[Address, RemoteId]) -> Sequence[Outcome]:
        raise AssertionError(f"{batch} {ids}")


@dataclass
class Opener:
    adapter: Any
    Options: type[Any] = Settings
    CREDENTIALS: Sequence[str] = ()
    CAPABILITIES: Capabilities = FULL

    @contextmanager
    def open(self, options: Any, **_: object) -> Iterator[Adapter]:
        assert options.url
        if (error := getattr(self.adapter, "fails", None)) is not None:
            raise error
        try:
            yield self.adapter
        finally:
            self.adapter.closed += 1


class Loading(Timings):
    """Does something while the files are loaded."""

    def __init__(self, act: Callable[[], object]) -> None:
        super().__init__()
        self._act = act

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        with super().stage(name):
            if name == "load":
                self._act()
            yield


@pytest.fixture
def root(tmp_path: Path) -> Path:
    found = repository(tmp_path)
    edit(found, "adapter: local", "adapter: ahead", "orgsync.yaml")
    return found


def planned(root: Path, crm: Any, watch: Timings | None = None) -> Plan:
    with standing_in("ahead", Opener(crm)):
        return pipeline.make_plan(
            root, load_settings(root), "demo", today=TODAY, environment={}, watch=watch or Timings()
        )


def test_the_crm_is_read_in_another_thread_while_the_files_are_loaded_and_ends_with_the_scope(root: Path) -> None:
    loading = Event()
    crm = Crm(fetch=lambda: loading.wait(10))

    def load() -> None:
        assert crm.begun.wait(10), "nothing was begun before the files were loaded"
        assert crm.scopes == []
        loading.set()

    plan = planned(root, crm, Loading(load))
    assert crm.threads == [False, True]
    assert [bool(scope.logins) for scope in crm.scopes] == [True]
    assert {"role/of-theirs"} <= {change.address for change in (*plan.changes, *plan.withheld)}
    assert crm.closed == 1


@pytest.mark.parametrize("how", ["opening", "reading"])
def test_an_error_in_the_files_comes_before_one_of_the_crm(how: str, root: Path) -> None:
    def refuse() -> None:
        raise IncompleteRead("half of it")

    crm = Crm(fails=AdapterError("no such host")) if how == "opening" else Crm(fetch=refuse)
    with pytest.raises(AdapterError, match="no such host" if how == "opening" else "half of it"):
        planned(root, crm)
    edit(root, "kind: Unit", "kind: Team")
    with pytest.raises(InvalidInput, match="Team"):
        planned(root, crm)


def test_a_crm_that_never_answers_keeps_nobody_from_an_error_in_the_files(root: Path) -> None:
    edit(root, "kind: Unit", "kind: Team")
    forever = Event()
    crm, start = Crm(fetch=lambda: forever.wait(60)), time.monotonic()
    try:
        with pytest.raises(InvalidInput):
            planned(root, crm)
        assert time.monotonic() - start < 20
        assert crm.closed == 1
    finally:
        forever.set()


def test_an_adapter_that_cannot_begin_is_read_where_it_was_before(root: Path) -> None:
    class Plain:
        identity, capabilities, closed = "plain", FULL, 0

        def read(self, scope: Scope) -> Snapshot:
            assert current_thread() is main_thread()
            assert scope.logins
            return Snapshot(resources=dict(ROLE))

        def apply(self, batch: Batch, ids: Mapping[Address, RemoteId]) -> Sequence[Outcome]:
            raise AssertionError(f"{batch} {ids}")

    assert planned(root, Plain()).changes


def test_validate_opens_no_crm(root: Path) -> None:
    with standing_in("ahead", Opener(Crm(fails=AdapterError("no such host")))):
        assert pipeline.validate(root, today=TODAY, watch=Timings()).findings == ()


def test_a_reading_that_nobody_wants_any_more_makes_no_further_call(root: Path) -> None:
    """The first page hangs until the files were found to be wrong: there is no second one."""
    edit(root, "kind: Unit", "kind: Team")
    wrong, over = Event(), Event()

    def page(request: Request) -> Reply:
        wrong.wait(10)
        return Reply.of({"after": int(request.query.get("after", 0)) + 1})

    with serving(app=page, further=True) as server:
        client = Client(server.url, authorization=bearer("a-token"), writable=False)

        class Paged(Crm):
            def begin(self) -> Callable[[Scope], Snapshot]:
                try:
                    pages(self.page, what="things")
                finally:
                    over.set()
                raise AssertionError("there is no last page")

            def page(self, after: object) -> Page[int]:
                self.begun.set()
                value = client.call("GET", "things", params={"after": str(after or 0)}).value
                return Page(items=[value["after"]], after=value["after"])

        class Opening(Opener):
            @contextmanager
            def open(self, options: Any, **_: object) -> Iterator[Adapter]:
                assert options.url
                with client:
                    yield self.adapter

        crm = Paged()
        with standing_in("ahead", Opening(crm)), pytest.raises(InvalidInput):
            pipeline.make_plan(
                root,
                load_settings(root),
                "demo",
                today=TODAY,
                environment={},
                watch=Loading(lambda: crm.begun.wait(10)),
            )
        wrong.set()
        assert over.wait(10)
        assert len(server.requests) <= 1
