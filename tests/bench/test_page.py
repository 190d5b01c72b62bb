"""What people read of a result: the table, the chart and the page say the same, and all of it; the kept ones, too."""

import json
import re
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import pytest

from bench.chart import draw
from bench.network import Network
from bench.page import BEGIN, END, PAGE, RESULTS, filled, kept
from bench.prepare import ROOT, Shape
from bench.report import WIDTH, text
from bench.run import Result, ShapeResult
from bench.targets import TARGETS, Ratio

FIGURES = {"wall": [2.0, 1.0, 3.0], "cpu": [2.5, 2.5, 2.5], "peak": [2.0**20] * 3}


def ratio(target: str, name: str, value: float, wanted: float, *, at_least: bool = False) -> Ratio:
    return Ratio(target=target, name=name, value=value, wanted=wanted, at_least=at_least)


def result(apply: float = 1.3) -> Result:
    ratios = [ratio("4 calls", "calls", 1.0, 1.1), ratio("5 apply", "apply", apply, 1.1)]
    cold = ratio("1 cold plan", "octoDNS / orgsync cold", 1234.5, 20, at_least=True)
    shape = ShapeResult(
        shape=Shape(size=1_000_000),
        expected=10_000,
        runs={"orgsync cold": FIGURES, "orgsync cold at 100,000": FIGURES},
        stages={"load": 1.25, "validate": 0.001},
        ratios=[cold, Ratio(name="not held against anything", value=7.0)],
        growth=[ratio("3 growth", "time per assignment", 1.21, 1.2)],
    )
    network = Network(size=1_000, latency=0.05, figures={"reads": [1.0]}, ratios=ratios)
    return Result(machine={"python": "3"}, notes=[], shapes=[shape], network=network)


def told(found: Result) -> Any:
    return json.loads(json.dumps(found.to_json()))


def test_the_report_ends_with_every_target_its_verdict_or_that_it_was_not_measured() -> None:
    lines = text(result()).rpartition("\ntarget ")[2].splitlines()[1:]
    assert {line[:20].strip() for line in lines} == set(TARGETS)
    by_target = {line[:20].strip(): line[20:].split() for line in lines}
    assert by_target["1 cold plan"][-4:] == ["1,234", "≥", "20", "met"]
    assert by_target["3 growth"][-4:] == ["1.210", "≤", "1.2", "MISSED"]
    assert by_target["5 apply"][-7:] == ["apply", "at", "1,000", "1.300", "≤", "1.1", "MISSED"]
    assert by_target["8 access"] == ["not", "measured", "in", "this", "run"]


def test_the_report_can_be_read_in_a_hundred_columns() -> None:
    for path in RESULTS.glob("targets*.txt"):
        assert max(map(len, path.read_text(encoding="utf-8").splitlines())) <= WIDTH
    assert max(map(len, text(result()).splitlines())) <= WIDTH


def test_the_chart_shows_every_target_on_its_side_of_the_line() -> None:
    svg = ET.fromstring(draw(told(result())["targets"]))
    texts = ["".join(one.itertext()) for one in svg.iter("{http://www.w3.org/2000/svg}text")]
    assert texts[0] == "2 of 4 targets are met"
    assert {"octoDNS / orgsync cold at 1,000,000", "1,234", "≥ 20", "time per assignment", "1.210", "≤ 1.2"} <= {*texts}
    bars = [(one.get("class"), float(one.get("x", 0))) for one in svg.iter("{http://www.w3.org/2000/svg}rect")][1:]
    assert [style for style, _ in bars] == ["met", "missed", "met", "missed"]
    line = bars[0][1]
    assert [x >= line for _, x in bars] == [True, False, True, False]


def page(*results: Result) -> str:
    return filled(f"before\n{BEGIN}stale\n{END}after\n", [told(one) for one in results])


def test_the_page_tells_the_runs_beside_each_other_and_a_target_is_met_by_all_or_missed() -> None:
    found = page(result(apply=1.05), result(apply=1.3))
    assert "| 5 apply | apply at 1,000 | ≤ 1.1 | 1.050 · 1.300 | **missed** |" in found
    assert "| 4 calls | calls at 1,000 | ≤ 1.1 | 1.000 · 1.000 | met |" in found
    assert "| orgsync cold | 2.00 | 2.50 | 1 |" in found
    assert "| load | 1.25 |" in found
    assert "validate" not in found
    assert "stale" not in found
    assert (found.splitlines()[0], found.splitlines()[-1]) == ("before", "after")


def test_a_page_is_filled_again_as_before() -> None:
    assert filled(page(result()), [told(result())]) == page(result())


def test_the_page_says_what_the_kept_results_say() -> None:
    text = PAGE.read_text(encoding="utf-8")
    assert filled(text, kept(RESULTS)) == text, "python -m bench page"


@pytest.mark.parametrize("path", sorted(RESULTS.glob("targets*.json")), ids=lambda path: path.stem)
def test_each_kept_chart_and_text_says_what_its_figures_say(path: Path) -> None:
    targets = json.loads(path.read_text(encoding="utf-8"))["targets"]
    assert path.with_suffix(".svg").read_text(encoding="utf-8") == draw(targets)
    table = path.with_suffix(".txt").read_text(encoding="utf-8").rpartition("\ntarget ")[2]
    assert [" met" in line for line in table.splitlines() if re.search(r" (met|MISSED)$", line)] == [
        one["met"] for one in targets
    ]


def test_the_picture_of_the_readme_is_kept() -> None:
    pictures = re.findall(r"!\[[^]]*\]\((bench/[^)]+)\)", (ROOT / "README.md").read_text(encoding="utf-8"))
    assert pictures == ["bench/results/targets.svg"]
    assert (ROOT / pictures[0]).exists()
