"""Writes the figures of docs/performance.md from the results that are kept, so that the two cannot differ.

In: bench/results/targets*.json. Out: the page's lines between its two markers. Never: measures.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from statistics import median
from typing import Any

from bench.prepare import ROOT
from bench.report import reached, wanted, what

RESULTS = ROOT / "bench" / "results"
PAGE = ROOT / "docs" / "performance.md"
BEGIN, END = "<!-- figures: `python -m bench page` writes them -->\n", "<!-- end of figures -->\n"
_STAGES_FROM = 0.01
"""Seconds; what is shorter says nothing."""
Result = Mapping[str, Any]


def write() -> None:
    PAGE.write_text(filled(PAGE.read_text(encoding="utf-8"), kept(RESULTS)), encoding="utf-8")


def kept(folder: Path) -> list[Result]:
    """In the order of their names: ``targets``, ``targets-2``, ``targets-3``."""
    paths = sorted(folder.glob("targets*.json"), key=lambda path: path.stem)
    return [json.loads(path.read_text(encoding="utf-8")) for path in paths]


def filled(page: str, results: Sequence[Result]) -> str:
    before, rest = page.split(BEGIN)
    return before + BEGIN + "\n".join(_lines(results)) + "\n" + END + rest.split(END)[1]


def _lines(results: Sequence[Result]) -> Iterator[str]:
    if not results:
        yield "Nothing was kept yet."
        return
    first = results[0]
    machine = ", ".join(f"{name} {value}" for name, value in first["machine"].items())
    runs = f"{len(results)} runs in a row, one after the other in the table" if len(results) > 1 else "One run"
    yield from ("", f"{runs}; {machine}.", "", *_targets(results), "", *_contestants(first), "", *_stages(first), "")


def _targets(results: Sequence[Result]) -> Iterator[str]:
    yield from ("| target | what | wanted | reached | |", "|---|---|---|---|---|")
    for one in results[0]["targets"]:
        same = [other for result in results for other in result["targets"] if _same(one, other)]
        verdict = "met" if all(other["met"] for other in same) else "**missed**"
        values = " · ".join(map(reached, same))
        yield f"| {one['target']} | {what(one)} | {wanted(one)} | {values} | {verdict} |"


def _same(one: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
    return (one["name"], one["size"]) == (other["name"], other["size"])


def _contestants(result: Result) -> Iterator[str]:
    """Medians of the rounds."""
    shapes = result["shapes"]
    sizes = [f"{shape['shape']['size']:,}" for shape in shapes]
    yield "| | " + " | ".join(f"{size}: wall s | CPU s | peak MiB" for size in sizes) + " |"
    yield "|---" * (1 + 3 * len(shapes)) + "|"
    for name in dict.fromkeys(name for shape in shapes for name in shape["runs"] if " at " not in name):
        cells = [cell for shape in shapes for cell in _cells(shape["runs"].get(name))]
        yield f"| {name} | " + " | ".join(cells) + " |"


def _cells(runs: Mapping[str, Sequence[float]] | None) -> list[str]:
    if runs is None:
        return ["", "", ""]
    wall, cpu, peak = (median(runs[figure]) for figure in ("wall", "cpu", "peak"))
    return [f"{wall:.2f}", f"{cpu:.2f}", f"{peak / 2**20:,.0f}"]


def _stages(result: Result) -> Iterator[str]:
    """Of a cold plan, by orgsync's own clock."""
    shapes = [shape for shape in result["shapes"] if shape["stages"]]
    yield "| wall seconds of a cold plan | " + " | ".join(f"{shape['shape']['size']:,}" for shape in shapes) + " |"
    yield "|---" * (1 + len(shapes)) + "|"
    for stage in dict.fromkeys(stage for shape in shapes for stage in shape["stages"]):
        seconds = [shape["stages"].get(stage, 0.0) for shape in shapes]
        if max(seconds) >= _STAGES_FROM:
            yield f"| {stage} | " + " | ".join(f"{one:.2f}" for one in seconds) + " |"
