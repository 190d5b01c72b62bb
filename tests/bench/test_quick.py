"""What CI gates fails when it is broken: each check with something wrong behind it."""

from collections.abc import Iterator, Mapping, Sequence

import pytest

from bench import quick
from bench.contestants import COLD, UNCHANGED, WARM
from bench.prepare import Shape
from bench.quick import SMALL, TINY, Check, calls, imports, reads, writes
from orgsync import apply as applying
from orgsync.adapter import Adapter
from orgsync.change import Batch, Change

TOLD: Mapping[str, float] = {"reads": 7, "writes": 40, "most": 16, "too_soon": 0}


@pytest.mark.parametrize("concurrency", [1, 4])
def test_batches_that_are_not_full_are_noticed(monkeypatch: pytest.MonkeyPatch, concurrency: int) -> None:
    assert calls(100, 50, concurrency).holds
    filled = applying._filled

    def halved(changes: Sequence[Change], adapter: Adapter) -> Iterator[Batch]:
        for batch in filled(changes, adapter):
            for some in (batch.steps[::2], batch.steps[1::2]):
                yield Batch(kind=batch.kind, action=batch.action, steps=some)

    monkeypatch.setattr(applying, "_filled", halved)
    assert not calls(100, 50, concurrency).holds


def test_an_import_on_the_way_to_help_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    assert imports().holds
    monkeypatch.setattr(quick, "FORBIDDEN", ("click",))
    assert not imports().holds


def test_a_cached_plan_that_differs_is_noticed() -> None:
    same = {COLD: "a plan", UNCHANGED: "a plan", WARM: "a plan"}
    assert quick._cached(same).holds
    assert not quick._cached({**same, UNCHANGED: "another"}).holds
    assert not quick._cached({**same, WARM: "another"}).holds


def test_an_unchanged_plan_that_is_made_anew_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("ORGSYNC_CACHE")
    assert quick.imports_unchanged(Shape(size=TINY)).holds
    monkeypatch.setenv("ORGSYNC_CACHE", "off")
    assert not quick.imports_unchanged(Shape(size=TINY)).holds


@pytest.mark.parametrize("start_up", [0, 1000])
def test_growth_that_bends_is_noticed(start_up: int) -> None:
    def used(exponent: float) -> dict[int, float]:
        return {size: start_up + (size - (TINY if start_up else 0)) ** exponent for size in (SMALL, quick.LARGE)}

    assert quick._growth("work", used(1), start_up=start_up).holds
    assert not quick._growth("work", used(1.5), start_up=start_up).holds


@pytest.mark.parametrize("wrong", [{"writes": 45}, {"most": 17}, {"too_soon": 1}])
def test_calls_too_many_too_many_at_once_and_too_soon_are_noticed(wrong: dict[str, float]) -> None:
    assert writes(TOLD, 40).holds
    assert not writes({**TOLD, **wrong}, 40).holds


@pytest.mark.parametrize("count", [6, 8])
def test_a_call_to_read_more_or_less_than_there_are_pages_is_noticed(count: int) -> None:
    assert reads(TOLD, 7, "records").holds
    assert not reads({**TOLD, "reads": count}, 7, "records").holds


def test_one_check_that_does_not_hold_is_enough(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for second in (True, False):
        checks = [Check(name="one", holds=True, text="well"), Check(name="two", holds=second, text="so")]
        monkeypatch.setattr(quick, "_checks", lambda checks=checks: iter(checks))
        assert quick.quick() is second
    assert "FAILED two: so" in capsys.readouterr().out
