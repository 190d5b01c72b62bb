"""What an adapter that speaks HTTP has to stand besides: a wire that fails at any call.

In: the fixture ``crm`` of a subclass, whose settings have a ``url``. Out: passed tests. Never: a fault that a real
network or server does not have.
"""

import time
from collections.abc import Iterator
from itertools import cycle, islice
from pathlib import Path
from typing import Any

import pytest

from orgsync.change import Status
from orgsync.errors import AdapterError
from orgsync.plan import Plan
from orgsync.testing import proxy
from orgsync.testing.conformance import Conformance, Shuttle, reach
from orgsync.testing.crm import Crm
from orgsync.testing.proxy import Fault, Proxy, proxying
from orgsync.testing.story import elsewhere, founded
from orgsync.testing.workspace import Workspace

WRITE_FAULTS: tuple[Fault, ...] = (
    proxy.committed_and_500,
    proxy.committed_and_lost,
    proxy.empty_200,
    proxy.void_200,
    proxy.lost,
    proxy.refused,
    proxy.truncated,
)
READ_FAULTS: tuple[Fault, ...] = (proxy.empty_200, proxy.truncated, proxy.lost, proxy.refused, proxy.void_200)


class HttpConformance(Conformance):
    """Everything that every adapter has to stand, and a wire that fails."""

    thorough = False
    """True: every fault at every call; False: every call and every fault, each with some of the other."""

    @pytest.fixture
    def wire(self, crm: Crm) -> Iterator[Proxy]:
        with proxying(str(crm.settings["url"]), crm.writes) as found:
            yield found

    @pytest.fixture
    def wired(self, wire: Proxy, crm: Crm, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Workspace:
        """A workspace whose calls go over the wire; waiting before a repetition is cut short."""
        wait = time.sleep
        monkeypatch.setattr(time, "sleep", lambda seconds: wait(min(seconds, 0.001)))
        found = Workspace(tmp_path, crm, {"url": wire.url(str(crm.settings["url"])), "concurrency": 1})
        found.declare({})
        return found

    def test_whatever_happens_to_a_write_nothing_is_lost_or_doubled(self, wired: Workspace, wire: Proxy) -> None:
        """Every other write on the way there, the ones between on the way back."""
        shuttle, count = _shuttle(wired, wire)
        for at, fault in _pairs(count, WRITE_FAULTS, thorough=self.thorough):
            shuttle.depart()
            plan = wired.plan()
            wire.reset()
            wire.faults = {at: fault}
            report = wired.apply(plan)
            wire.reset()
            what = f"{fault.__name__} at write {at}"
            assert {one.code for one in report.differences} <= {"not-as-applied"}, what
            shuttle.arrive(what)

    def test_a_wire_that_breaks_for_good_at_any_write_is_caught_up_with(self, wired: Workspace, wire: Proxy) -> None:
        """To the CRM, a process that was killed between two of its calls looks the same."""
        shuttle, count = _shuttle(wired, wire)
        for at in range(count):
            shuttle.depart()
            plan = wired.plan()
            wire.reset()
            wire.dead_from = at
            report = wired.apply(plan)
            assert any(one.status is not Status.APPLIED for one in report.outcomes), f"dead from write {at}"
            wire.reset()
            shuttle.arrive(f"dead from write {at}")

    def test_half_an_organization_is_never_read(self, wired: Workspace, wire: Proxy, crm: Crm) -> None:
        """Whatever happens to an answer: the same plan as ever, or an error."""
        small = wired.but(settings={**wired.settings, **crm.smallest})
        reach(small, founded(crm.objects))
        small.declare(elsewhere(crm.objects))
        wire.counts = lambda _: True
        wire.reset()
        expected = _shape(small.plan())
        count = wire.seen
        for at, fault in _pairs(count, READ_FAULTS, thorough=self.thorough):
            wire.reset()
            wire.faults = {at: fault}
            self._same_or_nothing(small, expected, f"{fault.__name__} at call {at}")
        for at in range(0, count, 1 if self.thorough else max(count // 5, 1)):
            wire.reset()
            wire.dead_from = at
            with pytest.raises(AdapterError):
                small.plan()

    @staticmethod
    def _same_or_nothing(workspace: Workspace, expected: Any, what: str) -> None:
        try:
            found = _shape(workspace.plan())
        except AdapterError:
            return
        assert found == expected, what

    def test_a_plan_writes_nothing(self, wired: Workspace, wire: Proxy) -> None:
        reach(wired, founded(wired.crm.objects))
        wired.declare(elsewhere(wired.crm.objects))
        wire.reset()
        wired.plan()
        wired.drift()
        assert wire.calls
        assert [call for call in wire.calls if wired.crm.writes(call)] == []

    def test_credentials_are_in_no_address(self, wired: Workspace, wire: Proxy) -> None:
        reach(wired, founded(wired.crm.objects))
        secrets = [value for value in wired.crm.environment.values() if value]
        assert [call.path for call in wire.calls if any(secret in call.path for secret in secrets)] == []


def _shuttle(workspace: Workspace, wire: Proxy) -> tuple[Shuttle, int]:
    """A shuttle, and how many writes either way has at least."""
    shuttle, counts = Shuttle(workspace), []
    for _ in range(2):
        wire.reset()
        shuttle.depart()
        shuttle.arrive("undisturbed")
        counts.append(wire.seen)
    assert all(counts), "the fixture's `writes` knows no write"
    return shuttle, min(counts)


def _pairs(count: int, faults: tuple[Fault, ...], *, thorough: bool) -> Iterator[tuple[int, Fault]]:
    """Every call with every fault; or each of them at least once, in turn."""
    if thorough:
        yield from ((at, fault) for at in range(count) for fault in faults)
        return
    yield from islice(zip(cycle(range(count)), cycle(faults), strict=False), max(count, len(faults)))


def _shape(plan: Plan) -> Any:
    return [(one.id, one.action, one.before, one.after) for one in plan.changes]
