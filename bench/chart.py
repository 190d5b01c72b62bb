"""``python -m bench.chart RESULT.json CHART.svg``: seconds by size per contestant, and every target beside its ratio.

Runs in the benchmark's own environment, where matplotlib is.
"""

import json
import sys
from pathlib import Path
from statistics import median
from typing import Any

import matplotlib as mpl
from matplotlib import pyplot as plt

MET, MISSED = "#2a7f62", "#c0504d"
_LEAST = 0.01
_TICKS = (0.01, 0.03, 0.1, 0.25, 0.5, 1, 2, 4, 10, 30, 100)


def draw(result: dict[str, Any], path: Path) -> None:
    mpl.rcParams.update({"svg.hashsalt": "orgsync", "svg.fonttype": "none", "font.size": 8})
    parts = [part for part, there in ((_lines, result["shapes"]), (_bars, result["targets"])) if there]
    height = max(4.0, 1 + 0.26 * len(result["targets"]))
    figure, all_axes = plt.subplots(ncols=len(parts), figsize=(7 * len(parts), height), squeeze=False)
    for part, axes in zip(parts, all_axes[0], strict=True):
        part(result, axes)
    figure.tight_layout()
    figure.savefig(path, metadata={"Date": None})


def _lines(result: dict[str, Any], axes: Any) -> None:
    lines: dict[str, list[tuple[int, float]]] = {}
    for shape in result["shapes"]:
        for name, runs in shape["runs"].items():
            lines.setdefault(name, []).append((shape["shape"]["size"], median(runs["wall"])))
    for name, points in lines.items():
        style = "--" if name.startswith("floor") else "-"
        axes.plot(*zip(*sorted(points), strict=True), style, marker="o", label=name)
    axes.set(xscale="log", yscale="log", xlabel="assignments", ylabel="wall seconds")
    axes.grid(alpha=0.3)
    axes.legend(fontsize="small")


def _bars(result: dict[str, Any], axes: Any) -> None:
    """How many times better than asked for: to the right of the line is met."""
    held = [*reversed(result["targets"])]
    names = [f"{one['name']}{' at ' + format(one['size'], ',') if one['size'] else ''}" for one in held]
    better = [max(_better(one), _LEAST) for one in held]
    colors = [MET if one["met"] else MISSED for one in held]
    axes.barh(names, [value - 1 for value in better], left=1, color=colors, alpha=0.5)
    axes.scatter(better, names, color=colors)
    for at, one in enumerate(held):
        text = f"{one['value']:.2f} ({'at least' if one['at_least'] else 'at most'} {one['wanted']:g})"
        axes.annotate(
            text, (max(better[at], 1), at), xytext=(8, 0), textcoords="offset points", va="center", fontsize=7
        )
    axes.axvline(1, color="black", linewidth=1)
    axes.set(xscale="log", xlabel="times better than the target asks for", title="targets")
    axes.set_xlim(low := min(0.5, *better) / 1.1, high := max(2, *better) * 1.5)
    axes.set_xticks([tick for tick in _TICKS if low < tick < high])
    axes.xaxis.set_major_formatter("{x:g}")
    axes.xaxis.set_minor_formatter("")


def _better(one: dict[str, Any]) -> float:
    value, wanted = float(one["value"]), float(one["wanted"])
    if not wanted or not value:  # nothing was asked for, or nothing used
        return 1.0 if one["met"] else _LEAST
    return value / wanted if one["at_least"] else wanted / value


if __name__ == "__main__":
    source, target = map(Path, sys.argv[1:])
    draw(json.loads(source.read_text(encoding="utf-8")), target)
