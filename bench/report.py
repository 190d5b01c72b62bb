"""A result as text for people. In: a result. Out: lines. Never measures, never prints."""

from collections.abc import Iterator
from statistics import median

from bench.run import Result, ShapeResult
from bench.targets import Ratio


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


def _shape(result: ShapeResult) -> Iterator[str]:
    shape = result.shape
    yield f"{shape.size:,} assignments ({shape.variant}, {shape.per_file} per file), {result.expected} changes"
    yield f"  {'median of the rounds':<26}{'wall s':>10}{'CPU s':>10}{'peak MiB':>10}{'µs each':>10}"
    for name, runs in result.runs.items():
        wall, cpu, peak = (median(runs[what]) for what in ("wall", "cpu", "peak"))
        each = wall / shape.size * 1e6
        yield f"  {name:<26}{wall:>10.3f}{cpu:>10.3f}{peak / 2**20:>10.0f}{each:>10.1f}"
    if result.stages:
        yield "  stages of a cold plan: " + ", ".join(f"{name} {s:.3f} s" for name, s in result.stages.items())
    yield from map(_ratio, result.ratios)


def _ratio(ratio: Ratio) -> str:
    if ratio.wanted is None:
        return f"  {ratio.name:<50}{ratio.value:>10.1f}"
    bound = "at least" if ratio.at_least else "at most"
    verdict = "met" if ratio.met else "SHORT"
    return f"  {ratio.name:<50}{ratio.value:>10.1f}   {bound} {ratio.wanted:g}: {verdict}"
