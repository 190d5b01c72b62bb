"""Runs all contestants in turns on equal work and collects what each took.

In: shapes and options. Out: a result that is plain JSON. A contestant that reports another number of changes than the
generator announced ends the benchmark: unequal work cannot be compared.
"""

import os
import platform
import re
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from itertools import pairwise

from bench import prepare
from bench.contestants import COLD, Contestant, floors, forget, octodns, ours, start_up, terraform
from bench.measure import Measured, measure
from bench.prepare import ROOT, Shape
from bench.targets import Ratio, Runs, growth, ratios

TERRAFORM_UP_TO = 10_000
_STAGE = re.compile(r"([a-z]+) (\d+\.\d+) s\b")


class UnequalWork(Exception):
    pass


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    rounds: int = 3
    peers: bool = True
    all_terraform: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class ShapeResult:
    """``stages``: wall seconds of one more cold plan by orgsync's own clock; empty where orgsync did not take part."""

    shape: Shape
    expected: int
    runs: Runs
    stages: dict[str, float]
    ratios: list[Ratio]

    def to_json(self) -> dict[str, object]:
        found = [{**asdict(ratio), "met": ratio.met} for ratio in self.ratios]
        return {**asdict(self), "ratios": found}


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    machine: dict[str, str]
    notes: list[str]
    shapes: list[ShapeResult]
    growth: list[Ratio]

    def to_json(self) -> dict[str, object]:
        shapes = [shape.to_json() for shape in self.shapes]
        return {**asdict(self), "shapes": shapes, "growth": [{**asdict(one), "met": one.met} for one in self.growth]}


def run(shapes: Sequence[Shape], options: Options) -> Result:
    """Raises UnequalWork, CommandFailed."""
    missing = prepare.orgsync_missing()
    notes = [f"orgsync did not take part: {missing}"] if missing else []
    results = [_run_shape(shape, options, with_orgsync=not missing) for shape in shapes]
    grown = [one for a, b in pairwise(results) for one in growth(a.runs, b.runs, (a.shape.size, b.shape.size))]
    return Result(machine=machine(), notes=notes, shapes=results, growth=grown)


def check_count(contestant: Contestant, measured: Measured, expected: int) -> None:
    if contestant.changes is not None and (found := contestant.changes(measured.stdout)) != expected:
        raise UnequalWork(f"{contestant.name} reports {found} changes, {expected} were made")


def run_once(contestant: Contestant, expected: int) -> Measured:
    contestant.before()
    measured = measure(contestant.command, cwd=ROOT, environment=contestant.environment)
    check_count(contestant, measured, expected)
    return measured


def machine() -> dict[str, str]:
    return {
        "python": platform.python_version(),
        "system": f"{platform.system()} {platform.machine()}",
        "cores": str(os.cpu_count()),
    }


def _run_shape(shape: Shape, options: Options, *, with_orgsync: bool) -> ShapeResult:
    print(f"{shape.size:,} assignments, {shape.variant}: preparing", file=sys.stderr)
    expected = prepare.write(shape, peers=options.peers)
    if with_orgsync:
        prepare.make_live(shape)
    runs: dict[str, dict[str, list[float]]] = {}
    contestants = _contestants(shape, options, with_orgsync=with_orgsync)
    for number in range(options.rounds):
        for contestant in contestants:
            print(f"  round {number + 1}: {contestant.name}", file=sys.stderr)
            _note(runs.setdefault(contestant.name, {}), run_once(contestant, expected))
    stages = _stages(shape) if with_orgsync else {}
    return ShapeResult(shape=shape, expected=expected, runs=runs, stages=stages, ratios=ratios(runs, shape.size))


def _contestants(shape: Shape, options: Options, *, with_orgsync: bool) -> list[Contestant]:
    found = [*floors(shape), *([*start_up(), *ours(shape)] if with_orgsync else [])]
    if options.peers:
        python = prepare.install_peers()
        found.append(octodns(shape, python))
        if shape.size <= TERRAFORM_UP_TO or options.all_terraform:
            prepare.init_terraform(shape)
            found.append(terraform(shape, python))
    return found


def _note(figures: dict[str, list[float]], measured: Measured) -> None:
    for what, value in (("wall", measured.wall), ("cpu", measured.cpu), ("peak", measured.peak)):
        figures.setdefault(what, []).append(round(value, 4))


def _stages(shape: Shape) -> dict[str, float]:
    forget(shape)
    cold = next(one for one in ours(shape) if one.name == COLD)
    command = [*cold.command[:3], "-v", *cold.command[3:]]
    stderr = measure(command, cwd=ROOT, environment=cold.environment).stderr
    return {name: float(seconds) for name, seconds in _STAGE.findall(stderr)}
