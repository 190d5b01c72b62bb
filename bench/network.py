"""Targets 4, 5 and 6: reading, planning and applying over a wire with latency, limits and a rate.

In: a size. Out: what was measured, as plain values, and ratios. Never: compares unequal work: the server counts what
was asked of it, and an apply that writes another number of records than were changed ends the benchmark.
"""

import json
import math
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from statistics import median
from typing import Any
from urllib.request import Request, urlopen

from bench import prepare
from bench.contestants import planned
from bench.generate import mutate
from bench.measure import Measured, measure
from bench.prepare import ROOT, Shape, environment, orgsync
from bench.targets import APPLIED, CALLS, OVERLAP, Ratio
from bench.write import write_repository

LATENCY = 0.05
PAGE, BATCH = 500, 2
AT_ONCE = (8, 16)
SHARE = 0.2
"""Of the assignments that an apply changes: enough for many rounds of calls."""
RATE, BURST = 200, 200
_PLUGIN = prepare.CACHE / "plugin"
_SETTINGS = """\
apiVersion: orgsync/v1
kind: Settings
organization: Northwind
defaultTarget: bench
targets:
  bench:
    adapter: bench
    url: ${{env:BENCH_URL}}
    missingUsers: create
    concurrency: {at_once}
    page: {page}
    batch: {batch}
    atOnce: {at_once}
    prune: [membership, grant]
journal: sqlite:///.orgsync/journal.db
safety: {{removals: {{share: 100%, count: 100000}}, group: {{share: 100%, count: 100000}}, shrink: 100%}}
"""
_STAGE = re.compile(r"\bapply (\d+\.\d+) s\b")
Figures = dict[str, list[float]]


class NotTheSameWork(Exception):
    pass


@dataclass(frozen=True, slots=True, kw_only=True)
class Network:
    """``figures``: name -> one per round, seconds or calls."""

    size: int
    latency: float
    figures: Figures = field(default_factory=dict)
    ratios: list[Ratio] = field(default_factory=list)

    def to_json(self) -> dict[str, object]:
        return {**asdict(self), "ratios": [{**asdict(one), "met": one.met} for one in self.ratios]}


@dataclass(frozen=True, slots=True, kw_only=True)
class Stand:
    """What was laid out: the records to begin with, and two repositories that say what is desired."""

    folder: Path
    records: int
    planned: int
    applied: int

    @property
    def state(self) -> Path:
        return self.folder / "state.json"


def lay_out(shape: Shape) -> Stand:
    """One per cent differs in ``plan``, and ``SHARE`` in ``apply``."""
    expected = prepare.write(shape, peers=False)
    prepare.make_live(shape)
    folder = shape.folder / "network"
    desired, differences = mutate(prepare.company(shape), seed=shape.seed, share=SHARE)
    if not (folder / "ready").exists():
        shutil.rmtree(folder, ignore_errors=True)
        shutil.copytree(shape.folder / "desired", folder / "plan")
        write_repository(desired, folder / "apply", per_file=shape.per_file, messy=False, seed=shape.seed)
        (folder / "state.json").write_text(json.dumps(records(shape.folder / "orgsync")), encoding="utf-8")
        (folder / "ready").touch()
    plug_in()
    return Stand(
        folder=folder,
        records=len(json.loads((folder / "state.json").read_text(encoding="utf-8"))),
        planned=expected,
        applied=differences.total,
    )


def records(root: Path) -> list[list[Any]]:
    """What the embedded CRM holds, numbered anew."""
    from orgsync.adapter import Scope  # noqa: PLC0415
    from orgsync.pipeline.target import reading, target_of  # noqa: PLC0415
    from orgsync.settings import load_settings  # noqa: PLC0415

    with reading(target_of(load_settings(root), "bench"), root, {}) as adapter:
        found = adapter.read(Scope())
    return [[address, str(number), dict(fields)] for number, (address, fields) in enumerate(found.resources.items(), 1)]


def plug_in() -> None:
    """So that the command line finds the adapter as it finds those of installed packages."""
    folder = _PLUGIN / "orgsync_bench-1.0.dist-info"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "METADATA").write_text("Metadata-Version: 2.1\nName: orgsync-bench\nVersion: 1.0\n")
    (folder / "entry_points.txt").write_text("[orgsync.adapters]\nbench = bench.crm.adapter:opener\n")


@dataclass(frozen=True, slots=True)
class Server:
    url: str

    def told(self) -> Mapping[str, float]:
        found: Mapping[str, float] = self._ask("GET", "/told")
        return found

    def reset(self) -> None:
        self._ask("POST", "/reset")

    def _ask(self, method: str, path: str) -> Any:
        with urlopen(Request(self.url + path, method=method)) as answer:  # noqa: S310  (our own, on this machine)
            return json.load(answer)


@contextmanager
def serving(state: Path, **limits: float) -> Iterator[Server]:
    """``limits``: as the server's options."""
    options = [part for name, value in limits.items() for part in (f"--{name}", str(value))]
    command = [sys.executable, "-m", "bench.crm.server", str(state), *options]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        try:
            if process.stdout is None or not (port := process.stdout.readline().strip()):
                raise RuntimeError("the server did not start")
            yield Server(f"http://127.0.0.1:{port}")
        finally:
            process.terminate()


def run(server: Server, root: Path, *arguments: str, at_once: int = 16, batch: int = BATCH) -> Measured:
    """orgsync's own command line, as a process; nothing is kept from the run before."""
    (root / "orgsync.yaml").write_text(_SETTINGS.format(at_once=at_once, page=PAGE, batch=batch), encoding="utf-8")
    for kept in (".orgsync", "cache"):
        shutil.rmtree(root / kept, ignore_errors=True)
    told = environment()
    path = f"{told['PYTHONPATH']}:{_PLUGIN}"
    env = {**told, "PYTHONPATH": path, "BENCH_URL": server.url, "XDG_CACHE_HOME": str(root / "cache")}
    return measure(orgsync("--repo", str(root), *arguments), cwd=ROOT, environment=env)


def measured(size: int, rounds: int, latency: float = LATENCY) -> Network:
    """Raises NotTheSameWork, CommandFailed."""
    stand, figures = lay_out(Shape(size=size)), dict[str, list[float]]()
    limits = {"page": PAGE, "batch": BATCH, "latency": latency}
    with (
        serving(stand.state, **limits) as far,
        serving(stand.state, **{**limits, "latency": 0}) as near,
        serving(stand.state, **limits, rate=RATE, burst=BURST) as slow,
    ):
        for number in range(rounds):
            print(f"  round {number + 1}: network", file=sys.stderr)
            for name, value in (*_plans(stand, far, near), *_applies(stand, far), *_paced(stand, slow)):
                figures.setdefault(name, []).append(round(value, 4))
    return Network(size=size, latency=latency, figures=figures, ratios=ratios(figures, latency))


def _plans(stand: Stand, far: Server, near: Server) -> Iterator[tuple[str, float]]:
    pages = math.ceil(stand.records / PAGE)
    yield "read alone", _read_alone(far)
    for name, server in (("plan, near", near), ("plan, far", far)):
        server.reset()
        took = run(server, stand.folder / "plan", "--format", "json", "plan")
        if (found := planned(took.stdout)) != stand.planned:
            raise NotTheSameWork(f"{name}: {found} changes, {stand.planned} were made")
        yield name, took.wall
    yield "reads", far.told()["reads"]
    yield "pages", pages


def _read_alone(server: Server) -> float:
    """A process that reads all there is and decodes it: what a plan waits for, with nothing else around it."""
    command = [sys.executable, "-m", "bench.crm.floor", "read", server.url, "--page", str(PAGE)]
    return measure(command, cwd=ROOT, environment=environment()).wall


def _applies(stand: Stand, server: Server) -> Iterator[tuple[str, float]]:
    for at_once in AT_ONCE:
        seconds, told = apply_over(stand, server, at_once)
        yield f"apply at {at_once}", seconds
        yield f"most at {at_once}", told["most"]
        server.reset()
        yield f"floor at {at_once}", _floor(server, int(told["writes"]), at_once)
    yield "writes", told["writes"]
    yield "fewest", fewest(stand)


def fewest(stand: Stand) -> int:
    """Five equal parts, each of one kind and one action, none of which waits for another."""
    return 5 * math.ceil(stand.applied / 5 / BATCH)


def _floor(server: Server, calls: int, at_once: int) -> float:
    command = [sys.executable, "-m", "bench.crm.floor", "write", server.url, "--batch", str(BATCH)]
    command += ["--calls", str(calls), "--at-once", str(at_once)]
    return float(measure(command, cwd=ROOT, environment=environment()).stdout)


def apply_over(stand: Stand, server: Server, at_once: int) -> tuple[float, Mapping[str, float]]:
    """Seconds of the stage ``apply`` by orgsync's own clock, journal included, and what the server counted.

    Raises NotTheSameWork, CommandFailed.
    """
    server.reset()
    root = stand.folder / "apply"
    took = run(server, root, "-v", "apply", "--yes", at_once=at_once)
    told = server.told()
    if told["records"] != stand.applied:
        raise NotTheSameWork(f"{told['records']:.0f} records were written, {stand.applied} differed")
    last = _STAGE.findall(took.stderr)[-1]
    return float(str(last)), told


def _paced(stand: Stand, server: Server) -> Iterator[tuple[str, float]]:
    seconds, told = apply_over(stand, server, AT_ONCE[-1])
    yield "paced apply", seconds
    yield "paced calls per second", (told["writes"] - 1) / told["seconds"]
    yield "too soon", told["too_soon"]


def ratios(figures: Mapping[str, Sequence[float]], latency: float) -> list[Ratio]:
    """Round by round, then the median."""
    writes = median(figures["writes"])

    def over(name: str, *under: str) -> float:
        pairs = zip(figures[name], *(figures[one] for one in under), strict=True)
        return float(median(above / max(below) for above, *below in pairs))

    def to_ideal(name: str, at_once: int) -> float:
        return median(figures[f"{name} at {at_once}"]) / (math.ceil(writes / at_once) * latency)

    def most(target: str, name: str, value: float, wanted: float | None) -> Ratio:
        return Ratio(target=target, name=name, value=value, wanted=wanted, at_least=False)

    used = median(figures["paced calls per second"]) / RATE
    return [
        most(CALLS, "calls to read / pages", over("reads", "pages"), 1.0),
        most(CALLS, "calls to write / fewest", over("writes", "fewest"), 1.1),
        *(most(APPLIED, f"apply at {n} / rounds x latency", to_ideal("apply", n), 1.1) for n in AT_ONCE),
        *(most("", f"bare threads at {n} / rounds x latency", to_ideal("floor", n), None) for n in AT_ONCE),
        *(most("", f"apply at {n} / bare threads", over(f"apply at {n}", f"floor at {n}"), None) for n in AT_ONCE),
        Ratio(target=APPLIED, name="paced apply: share of the rate used", value=used, wanted=0.95),
        most(APPLIED, "paced apply: calls refused", max(figures["too soon"]), 0.0),
        most(OVERLAP, "plan / longer of network and local", over("plan, far", "read alone", "plan, near"), 1.15),
    ]
