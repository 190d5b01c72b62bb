"""Runs all contestants in turns on equal work and collects what each took.

In: shapes and options. Out: a result that is plain JSON. A contestant that reports another number of changes than the
generator announced ends the benchmark: unequal work cannot be compared.
"""

import os
import platform
import re
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

from bench import prepare
from bench.contestants import COLD, Contestant, access, cold_at, floors, forget, octodns, ours, start_up, terraform
from bench.measure import Measured, measure
from bench.network import Network, measured
from bench.prepare import ROOT, Shape
from bench.targets import Ratio, Runs, growth, ratios

TERRAFORM_UP_TO, PEERS_UP_TO = 10_000, 100_000
ROUNDS_ABOVE = 2
"""Where no peer takes part any more: a round of a million is minutes."""
START_ROUNDS = 9
"""Of what takes a twentieth of a second."""
_STAGE = re.compile(r"([a-z]+) (\d+\.\d+) s\b")


class UnequalWork(Exception):
    pass


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    rounds: int = 3
    peers: bool = True
    all_terraform: bool = False
    start_up: bool = False
    network: int = 0
    """Size at which calls over a wire are measured, too; 0: not at all."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ShapeResult:
    """``stages``: wall seconds of one more cold plan by orgsync's own clock; empty where orgsync did not take part.
    ``growth``: over the next smaller size, if there is one."""

    shape: Shape
    expected: int
    runs: Runs
    stages: dict[str, float]
    ratios: list[Ratio]
    growth: list[Ratio]

    def to_json(self) -> dict[str, object]:
        return {**asdict(self), "ratios": _told(self.ratios), "growth": _told(self.growth)}


@dataclass(frozen=True, slots=True, kw_only=True)
class StartUp:
    runs: Runs
    ratios: list[Ratio]

    def to_json(self) -> dict[str, object]:
        return {**asdict(self), "ratios": _told(self.ratios)}


def _told(ratios: Sequence[Ratio]) -> list[dict[str, object]]:
    return [{**asdict(one), "met": one.met} for one in ratios]


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    machine: dict[str, str]
    notes: list[str]
    shapes: list[ShapeResult]
    network: Network | None = None
    start_up: StartUp | None = None

    @property
    def ratios(self) -> list[tuple[Ratio, int]]:
        """All of them, each with the size at which it was measured; 0: at none, or between two."""
        found = [(ratio, shape.shape.size) for shape in self.shapes for ratio in shape.ratios]
        found += [(ratio, 0) for shape in self.shapes for ratio in shape.growth]
        found += [(ratio, self.network.size) for ratio in self.network.ratios] if self.network is not None else []
        return found + ([(ratio, 0) for ratio in self.start_up.ratios] if self.start_up is not None else [])

    @property
    def targets(self) -> list[dict[str, Any]]:
        """What is held against a target, in their order."""
        held = sorted(self.ratios, key=lambda pair: pair[0].target)
        return [{"size": size, **asdict(one), "met": one.met} for one, size in held if one.wanted is not None]

    def to_json(self) -> dict[str, object]:
        return {
            "machine": self.machine,
            "notes": self.notes,
            "shapes": [shape.to_json() for shape in self.shapes],
            "network": self.network.to_json() if self.network is not None else None,
            "start_up": self.start_up.to_json() if self.start_up is not None else None,
            "targets": self.targets,
        }


def run(shapes: Sequence[Shape], options: Options) -> Result:
    """Raises UnequalWork, CommandFailed."""
    missing = prepare.orgsync_missing()
    notes = [f"orgsync did not take part: {missing}"] if missing else []
    start = _start_up() if options.start_up and not missing else None
    results: list[ShapeResult] = []
    for shape in shapes:
        results.append(_run_shape(shape, options, results[-1] if results else None, with_orgsync=not missing))
    network = measured(options.network, options.rounds) if options.network and not missing else None
    return Result(machine=machine(), notes=notes, shapes=results, network=network, start_up=start)


def check_count(contestant: Contestant, took: Measured, expected: int) -> None:
    if contestant.changes is not None and (found := contestant.changes(took.stdout)) != expected:
        raise UnequalWork(f"{contestant.name} reports {found} changes, {expected} were made")


def run_once(contestant: Contestant, expected: int) -> Measured:
    contestant.before()
    took = measure(contestant.command, cwd=ROOT, environment=contestant.environment)
    check_count(contestant, took, expected)
    return took if contestant.seconds is None else replace(took, wall=contestant.seconds(took.stdout))


def machine() -> dict[str, str]:
    return {
        "python": platform.python_version(),
        "system": f"{platform.system()} {platform.machine()}",
        "cores": str(os.cpu_count()),
    }


def _start_up() -> StartUp:
    runs = _rounds(START_ROUNDS, [(one, 0) for one in start_up()])
    return StartUp(runs=runs, ratios=ratios(runs, 0))


def _run_shape(shape: Shape, options: Options, smaller: ShapeResult | None, *, with_orgsync: bool) -> ShapeResult:
    print(f"{shape.size:,} assignments, {shape.variant}: preparing", file=sys.stderr)
    peers = options.peers and shape.size <= PEERS_UP_TO
    expected = prepare.write(shape, peers=peers)
    contestants = [(one, expected) for one in (*floors(shape), *(_peers(shape, options) if peers else []))]
    if with_orgsync:
        prepare.make_live(shape)
        contestants += [(one, expected) for one in ours(shape)]
        contestants += [(access(shape), expected)] if shape.size <= PEERS_UP_TO else []
        contestants += [(_cold(smaller.shape), smaller.expected)] if smaller else []
    runs = _rounds(options.rounds if shape.size <= PEERS_UP_TO else min(options.rounds, ROUNDS_ABOVE), contestants)
    return ShapeResult(
        shape=shape,
        expected=expected,
        runs=runs,
        stages=_stages(shape) if with_orgsync else {},
        ratios=ratios(runs, shape.size),
        growth=growth(runs, smaller.shape.size, shape.size) if smaller and with_orgsync else [],
    )


def _rounds(count: int, contestants: Sequence[tuple[Contestant, int]]) -> dict[str, dict[str, list[float]]]:
    """All in turns, each with the number of changes that it must report."""
    runs: dict[str, dict[str, list[float]]] = {}
    for number in range(count):
        for contestant, expected in contestants:
            print(f"  round {number + 1}: {contestant.name}", file=sys.stderr)
            _note(runs.setdefault(contestant.name, {}), run_once(contestant, expected))
    return runs


def _cold(shape: Shape) -> Contestant:
    cold = next(one for one in ours(shape) if one.name == COLD)
    return replace(cold, name=cold_at(shape.size))


def _peers(shape: Shape, options: Options) -> list[Contestant]:
    python = prepare.install_peers()
    found = [octodns(shape, python)]
    if shape.size <= TERRAFORM_UP_TO or options.all_terraform:
        prepare.init_terraform(shape)
        found.append(terraform(shape, python))
    return found


def _note(figures: dict[str, list[float]], took: Measured) -> None:
    for what, value in (("wall", took.wall), ("cpu", took.cpu), ("peak", took.peak)):
        figures.setdefault(what, []).append(round(value, 4))


def _stages(shape: Shape) -> dict[str, float]:
    forget(shape)
    cold = next(one for one in ours(shape) if one.name == COLD)
    command = [*cold.command[:3], "-v", *cold.command[3:]]
    stderr = measure(command, cwd=ROOT, environment=cold.environment).stderr
    return {name: float(seconds) for name, seconds in _STAGE.findall(stderr)}
