"""``python -m bench.chart RESULT.json CHART.svg``: wall seconds by size, one line per contestant.

Runs in the benchmark's own environment, where matplotlib is.
"""

import json
import sys
from pathlib import Path
from statistics import median
from typing import Any

import matplotlib as mpl
from matplotlib import pyplot as plt


def draw(result: dict[str, Any], path: Path) -> None:
    mpl.rcParams.update({"svg.hashsalt": "orgsync", "svg.fonttype": "none"})
    lines: dict[str, list[tuple[int, float]]] = {}
    for shape in result["shapes"]:
        for name, runs in shape["runs"].items():
            lines.setdefault(name, []).append((shape["shape"]["size"], median(runs["wall"])))
    figure, axes = plt.subplots(figsize=(8, 5))
    for name, points in lines.items():
        style = "--" if name.startswith("floor") else "-"
        axes.plot(*zip(*sorted(points), strict=True), style, marker="o", label=name)
    axes.set(xscale="log", yscale="log", xlabel="assignments", ylabel="wall seconds of one plan")
    axes.grid(alpha=0.3)
    axes.legend(fontsize="small")
    figure.savefig(path, metadata={"Date": None})


if __name__ == "__main__":
    source, target = map(Path, sys.argv[1:])
    draw(json.loads(source.read_text(encoding="utf-8")), target)
