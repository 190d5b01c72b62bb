"""A result as text for people. In: a result. Out: lines. Never measures, never prints."""

from collections.abc import Iterator
from statistics import median

from bench.network import Network
from bench.run import Result, ShapeResult
from bench.targets import MEASURED_BY, Ratio


def text(result: Result) -> str:
    return "\n".join(_lines(result)) + "\n"


def _lines(result: Result) -> Iterator[str]:
    yield ", ".join(f"{name} {value}" for name, value in result.machine.items())
    yield from (f"note: {note}" for note in result.notes)
    for shape in result.shapes:
        yield ""
        yield from _shape(shape)
    if result.growth:
        yield from ("", "growth", *map(_ratio, result.growth))
    if result.network is not None:
        yield ""
        yield from _network(result.network)
    yield ""
    yield from _targets(result)


def _network(result: Network) -> Iterator[str]:
    yield f"calls over a wire, {result.size:,} assignments, {result.latency * 1000:.0f} ms"
    yield "  median of the rounds: " + ", ".join(f"{name} {median(all_):g}" for name, all_ in result.figures.items())
    yield from map(_ratio, result.ratios)


def _targets(result: Result) -> Iterator[str]:
    """Every target, measured or not."""
    yield "targets"
    for target, command in MEASURED_BY.items():
        held = [(one, size) for one, size in result.ratios if one.target == target and one.wanted is not None]
        for one, size in held:
            where = f" at {size:,}" if size else ""
            bound = "at least" if one.at_least else "at most"
            verdict = "met" if one.met else "MISSED"
            yield f"  {target:<20}{one.name + where:<58}{one.value:>9.2f}   {bound} {one.wanted:g}: {verdict}"
        if not held:
            yield f"  {target:<20}not measured in this run: {command}"


def _shape(result: ShapeResult) -> Iterator[str]:
    shape = result.shape
    yield f"{shape.size:,} assignments ({shape.variant}, {shape.per_file} per file), {result.expected} changes"
    yield f"  {'median of the rounds':<42}{'wall s':>10}{'CPU s':>10}{'peak MiB':>10}{'µs each':>10}"
    for name, runs in result.runs.items():
        wall, cpu, peak = (median(runs[what]) for what in ("wall", "cpu", "peak"))
        each = wall / shape.size * 1e6
        yield f"  {name:<42}{wall:>10.3f}{cpu:>10.3f}{peak / 2**20:>10.0f}{each:>10.1f}"
    if result.stages:
        yield "  stages of a cold plan: " + ", ".join(f"{name} {s:.3f} s" for name, s in result.stages.items())
    yield from map(_ratio, result.ratios)


def _ratio(ratio: Ratio) -> str:
    if ratio.wanted is None:
        return f"  {ratio.name:<58}{ratio.value:>10.2f}"
    bound = "at least" if ratio.at_least else "at most"
    verdict = "met" if ratio.met else "MISSED"
    return f"  {ratio.name:<58}{ratio.value:>10.2f}   {bound} {ratio.wanted:g}: {verdict}"
