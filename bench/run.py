"""Runs all contestants in turns on equal work and collects what each took.

In: shapes and options. Out: a result that is plain JSON. A contestant that reports another number of changes than the
generator announced ends the benchmark: unequal work cannot be compared.
"""

import json
import os
import platform
import re
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from itertools import pairwise

from bench import prepare
from bench.contestants import ACCESS_WORK, COLD, Contestant, floors, forget, octodns, ours, start_up, terraform
from bench.measure import Measured, measure
from bench.network import Network, measured
from bench.prepare import ROOT, Shape, environment
from bench.targets import Ratio, Runs, growth, ratios

TERRAFORM_UP_TO, PEERS_UP_TO = 10_000, 100_000
_STAGE = re.compile(r"([a-z]+) (\d+\.\d+) s\b")


class UnequalWork(Exception):
    pass


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    rounds: int = 3
    peers: bool = True
    all_terraform: bool = False
    network: int = 0
    """Size at which calls over a wire are measured, too; 0: not at all."""


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
    network: Network | None = None

    @property
    def ratios(self) -> list[tuple[Ratio, int]]:
        """All of them, each with the size at which it was measured; 0: between two sizes."""
        found = [(ratio, shape.shape.size) for shape in self.shapes for ratio in shape.ratios]
        found += [(ratio, self.network.size) for ratio in self.network.ratios] if self.network is not None else []
        return found + [(ratio, 0) for ratio in self.growth]

    def to_json(self) -> dict[str, object]:
        return {
            "machine": self.machine,
            "notes": self.notes,
            "shapes": [shape.to_json() for shape in self.shapes],
            "growth": [{**asdict(one), "met": one.met} for one in self.growth],
            "network": self.network.to_json() if self.network is not None else None,
            "targets": [
                {"target": one.target, "size": size, **asdict(one), "met": one.met}
                for one, size in sorted(self.ratios, key=lambda pair: pair[0].target)
                if one.wanted is not None
            ],
        }


def run(shapes: Sequence[Shape], options: Options) -> Result:
    """Raises UnequalWork, CommandFailed."""
    missing = prepare.orgsync_missing()
    notes = [f"orgsync did not take part: {missing}"] if missing else []
    results = [_run_shape(shape, options, with_orgsync=not missing) for shape in shapes]
    grown = [one for a, b in pairwise(results) for one in growth(a.runs, b.runs, (a.shape.size, b.shape.size))]
    network = measured(options.network, options.rounds) if options.network and not missing else None
    return Result(machine=machine(), notes=notes, shapes=results, growth=grown, network=network)


def check_count(contestant: Contestant, took: Measured, expected: int) -> None:
    if contestant.changes is not None and (found := contestant.changes(took.stdout)) != expected:
        raise UnequalWork(f"{contestant.name} reports {found} changes, {expected} were made")


def run_once(contestant: Contestant, expected: int) -> Measured:
    contestant.before()
    took = measure(contestant.command, cwd=ROOT, environment=contestant.environment)
    check_count(contestant, took, expected)
    return took


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
        if with_orgsync:
            _note(runs.setdefault(ACCESS_WORK, {}), _access(shape))
    stages = _stages(shape) if with_orgsync else {}
    return ShapeResult(shape=shape, expected=expected, runs=runs, stages=stages, ratios=ratios(runs, shape.size))


def _contestants(shape: Shape, options: Options, *, with_orgsync: bool) -> list[Contestant]:
    found = [*floors(shape), *([*start_up(), *ours(shape)] if with_orgsync else [])]
    if options.peers and shape.size <= PEERS_UP_TO:
        python = prepare.install_peers()
        found.append(octodns(shape, python))
        if shape.size <= TERRAFORM_UP_TO or options.all_terraform:
            prepare.init_terraform(shape)
            found.append(terraform(shape, python))
    return found


def _note(figures: dict[str, list[float]], took: Measured) -> None:
    for what, value in (("wall", took.wall), ("cpu", took.cpu), ("peak", took.peak)):
        figures.setdefault(what, []).append(round(value, 4))


def _access(shape: Shape) -> Measured:
    """Only the seconds of the work itself count: reading the files is no part of it."""
    command = [sys.executable, "-m", "bench.access", str(shape.folder / "base"), str(shape.folder / "desired")]
    took = measure(command, cwd=ROOT, environment=environment())
    return replace(took, wall=sum(json.loads(took.stdout).values()))


def _stages(shape: Shape) -> dict[str, float]:
    forget(shape)
    cold = next(one for one in ours(shape) if one.name == COLD)
    command = [*cold.command[:3], "-v", *cold.command[3:]]
    stderr = measure(command, cwd=ROOT, environment=cold.environment).stderr
    return {name: float(seconds) for name, seconds in _STAGE.findall(stderr)}
