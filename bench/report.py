"""A result as text for people. In: a result. Out: lines. Never measures, never prints."""

from collections.abc import Iterator, Mapping, Sequence
from statistics import median
from textwrap import wrap
from typing import Any

from bench.network import Network
from bench.run import Result, ShapeResult
from bench.targets import TARGETS, Ratio, Runs

WIDTH = 100
Told = Mapping[str, Any]
"""A ratio that is held against a target, as the results keep it."""


def text(result: Result) -> str:
    return "\n".join(_lines(result)) + "\n"


def what(one: Told) -> str:
    return f"{one['name']} at {one['size']:,}" if one["size"] else str(one["name"])


def wanted(one: Told) -> str:
    return f"{'≥' if one['at_least'] else '≤'} {one['wanted']:,g}"


def reached(one: Told) -> str:
    """As many figures as the verdict hangs on, and no more."""
    value = one["value"]
    return f"{value:,.0f}" if value >= 1000 else f"{value:.2f}" if value >= 2 else f"{value:.3f}"


def verdict(one: Told) -> str:
    return "met" if one["met"] else "MISSED"


def _lines(result: Result) -> Iterator[str]:
    yield ", ".join(f"{name} {value}" for name, value in result.machine.items())
    yield from (f"note: {note}" for note in result.notes)
    if result.start_up is not None:
        yield from ("", "start-up", *_runs(result.start_up.runs), *map(_ratio, result.start_up.ratios))
    for shape in result.shapes:
        yield ""
        yield from _shape(shape)
    if result.network is not None:
        yield ""
        yield from _network(result.network)
    yield ""
    yield from table(result.targets)


def table(targets: Sequence[Told]) -> Iterator[str]:
    """Every target, measured or not."""
    yield f"{'target':<20} {'what':<50} {'reached':>9} {'wanted':>8}"
    for target in TARGETS:
        held = [one for one in targets if one["target"] == target]
        for one in held:
            yield f"{target:<20} {what(one):<50} {reached(one):>9} {wanted(one):>8}  {verdict(one)}"
        if not held:
            yield f"{target:<20} not measured in this run"


def _network(result: Network) -> Iterator[str]:
    yield f"calls over a wire, {result.size:,} assignments, {result.latency * 1000:.0f} ms"
    figures = ", ".join(f"{name} {median(all_):g}" for name, all_ in result.figures.items())
    yield from _indented(f"median of the rounds: {figures}")
    yield from map(_ratio, result.ratios)


def _shape(result: ShapeResult) -> Iterator[str]:
    shape = result.shape
    yield f"{shape.size:,} assignments ({shape.variant}, {shape.per_file} per file), {result.expected:,} changes"
    yield from _runs(result.runs)
    if result.stages:
        stages = ", ".join(f"{name} {seconds:.3f} s" for name, seconds in result.stages.items())
        yield from _indented(f"stages of a cold plan: {stages}")
    yield from map(_ratio, (*result.ratios, *result.growth))


def _runs(runs: Runs) -> Iterator[str]:
    yield f"  {'median of the rounds':<50}{'wall s':>12}{'CPU s':>12}{'peak MiB':>12}"
    for name, of_one in runs.items():
        wall, cpu, peak = (median(of_one[figure]) for figure in ("wall", "cpu", "peak"))
        yield f"  {name:<50}{wall:>12.3f}{cpu:>12.3f}{peak / 2**20:>12.0f}"


def _indented(line: str) -> Iterator[str]:
    yield from wrap(line, WIDTH, initial_indent="  ", subsequent_indent="    ", break_on_hyphens=False)


def _ratio(ratio: Ratio) -> str:
    return f"  {ratio.name:<50}{ratio.value:>12.2f}"
