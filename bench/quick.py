"""The checks that noise cannot touch, for CI: calls, imports, growth with slack, equal counts, cached equals uncached.

In: nothing. Out: one line per check; whether all of them hold.
"""

import json
import math
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from bench import calls as real
from bench import prepare
from bench.contestants import COLD, UNCHANGED, WARM, Contestant, forget, ours
from bench.crm.adapter import BenchAdapter, Settings
from bench.measure import CommandFailed, measure
from bench.network import AT_ONCE, BATCH, PAGE, RATE, NotTheSameWork, apply_over, fewest, lay_out, serving
from bench.prepare import ROOT, Shape, environment
from bench.run import UnequalWork, run_once
from orgsync.adapter import Capabilities, KindCapabilities, Scope, Snapshot
from orgsync.adapters.http import Client
from orgsync.apply import apply
from orgsync.change import Action, Batch, Change, Outcome, Status
from orgsync.resources import NO_FIELDS, Address, Kind, RemoteId

FORBIDDEN_UNCHANGED = ("click", "yaml", "pydantic", "sqlite3", "dataclasses", "pathlib")
FORBIDDEN = ("pydantic", "sqlalchemy", "rich", "yaml", "ruamel", "requests", "jinja2", "deepdiff")
TINY, SMALL, LARGE = 300, 1_000, 8_000
SLACK = 1.6
_IMPORTS = """
import atexit, json, runpy, sys
sys.argv[0] = "orgsync"
before = {*sys.modules}  # of whoever watches the process, such as coverage
names = lambda: sorted({name.partition(".")[0] for name in sys.modules.keys() - before})
atexit.register(lambda: print(json.dumps(names()), file=sys.stderr, flush=True))
runpy.run_module("orgsync", run_name="__main__")
"""
_COUNT = """
import runpy, sys
count = 0
def see(frame, event, argument):
    global count
    count += event in ("call", "c_call")
sys.setprofile(see)
try:
    runpy.run_module("orgsync", run_name="__main__")
except SystemExit as end:
    assert not end.code, end.code
finally:
    sys.setprofile(None)
print(count, file=sys.stderr)
"""


_EQUAL = "equals the uncached one"


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    name: str
    holds: bool
    text: str


def quick() -> bool:
    """Prints each check as it ends; a check that cannot be carried out does not hold."""
    held = True
    for check in _checks():
        held = held and check.holds
        print(f"{'ok    ' if check.holds else 'FAILED'} {check.name}: {check.text}")
    return held


def _checks() -> Iterator[Check]:
    for concurrency in (1, 4):
        yield calls(concurrency=concurrency)
    yield from _real_servers()
    try:
        yield imports()
        small, cpu = _plans(Shape(size=SMALL)), {size: _cold(Shape(size=size)) for size in (TINY, SMALL, LARGE)}
        yield Check(name="equal work", holds=True, text="every plan has exactly the changes that were made")
        yield _cached(small)
        yield imports_unchanged(Shape(size=TINY))
        yield _growth("CPU time", cpu, start_up=0)
        counts = {size: _function_calls(Shape(size=size)) for size in cpu}
        yield _growth("function calls beyond start-up", counts, start_up=counts[TINY])
        yield from _over_a_wire()
    except (CommandFailed, UnequalWork, NotTheSameWork) as error:
        yield Check(name="orgsync", holds=False, text=str(error))


def _real_servers() -> Iterator[Check]:
    """Raises FileNotFoundError where a server was not built."""
    for row in real.rows():
        told = f"{row.writes} calls for {row.steps:,} changes, {row.minimum} needed; {row.reads} calls to plan them"
        yield Check(name=f"{row.server}, {row.phase}", holds=row.ratio <= real.MOST, text=told)


def _over_a_wire() -> Iterator[Check]:
    """At a server without latency, and with a rate: what is counted there does not hang on the machine."""
    for size in (SMALL, LARGE):
        stand = lay_out(Shape(size=size))
        with serving(stand.state, page=PAGE, batch=BATCH, latency=0) as server:
            with Client(server.url, authorization=None, writable=False) as client:
                BenchAdapter(client, Settings(url=server.url, page=PAGE)).read(Scope())
            yield reads(server.told(), math.ceil(stand.records / PAGE), f"{stand.records:,} records")
    stand = lay_out(Shape(size=SMALL))
    with serving(stand.state, page=PAGE, batch=BATCH, latency=0, rate=RATE, burst=RATE) as server:
        yield writes(apply_over(stand, server, AT_ONCE[-1])[1], fewest(stand))


def reads(told: Mapping[str, float], pages: int, what: str) -> Check:
    text = f"{told['reads']:.0f} calls for {what}, {pages} pages"
    return Check(name="calls that read", holds=told["reads"] == pages, text=text)


def writes(told: Mapping[str, float], needed: int) -> Check:
    """Full batches, at most as many at once as the target allows, and none that came too soon."""
    holds = told["writes"] <= real.MOST * needed and told["most"] <= AT_ONCE[-1] and not told["too_soon"]
    text = (
        f"{told['writes']:.0f} calls, {needed} needed; at most {told['most']:.0f} at once, "
        f"{told['too_soon']:.0f} refused for coming too soon"
    )
    return Check(name="calls that write, at a rate", holds=holds, text=text)


def calls(count: int = 2_500, batch: int = 1_000, concurrency: int = 1) -> Check:
    """People who join with a role: two strata, each in as few calls as the batch size allows."""
    changes = [change for number in range(count) for change in _joins(number)]
    adapter = _Counting(batch)
    outcomes = apply(changes, adapter, {}, _Silent(), concurrency=concurrency)
    wanted = 2 * math.ceil(count / batch)
    done = sum(outcome.status is Status.APPLIED for outcome in outcomes)
    holds = len(adapter.batches) <= 1.1 * wanted and done == len(changes)
    text = f"{len(adapter.batches)} calls for {done} changes, {wanted} needed"
    return Check(name=f"calls, {concurrency} at once", holds=holds, text=text)


def imports() -> Check:
    """Raises CommandFailed where ``--help`` itself fails."""
    return _imports("--help", ["--help"], environment(), FORBIDDEN)


def imports_unchanged(shape: Shape) -> Check:
    """The second plan of two: what loads more than this has made the plan anew."""
    _, by_name = _ready(shape)
    plan = by_name[UNCHANGED]
    for _ in range(2):
        check = _imports("an unchanged plan", plan.command[3:], plan.environment, FORBIDDEN_UNCHANGED)
    return check


def _imports(what: str, arguments: Sequence[str], variables: Mapping[str, str], forbidden: Sequence[str]) -> Check:
    measured = measure([sys.executable, "-c", _IMPORTS, *arguments], cwd=ROOT, environment=variables)
    found = sorted(set(json.loads(measured.stderr.splitlines()[-1])).intersection(forbidden))
    return Check(name=f"imports of {what}", holds=not found, text=", ".join(found) or "none that is forbidden")


def _plans(shape: Shape) -> dict[str, str]:
    """What each kind of plan prints for the same files."""
    expected, by_name = _ready(shape)
    outputs = {name: run_once(by_name[name], expected).stdout for name in (COLD, UNCHANGED)}
    for _ in range(2):  # touched twice, the file is again as it was
        outputs[WARM] = run_once(by_name[WARM], expected).stdout
    return outputs


def _cold(shape: Shape) -> float:
    """CPU seconds, of two plans the fewer."""
    expected, by_name = _ready(shape)
    return min(run_once(by_name[COLD], expected).cpu for _ in range(1 if shape.size == TINY else 2))


def _ready(shape: Shape) -> tuple[int, Mapping[str, Contestant]]:
    expected = prepare.write(shape, peers=False)
    prepare.make_live(shape)
    return expected, {one.name: one for one in ours(shape)}


def _cached(outputs: Mapping[str, str]) -> Check:
    """From what is kept of the documents, and from the answer that is kept."""
    differs = [name for name, text in outputs.items() if text != outputs[COLD]]
    return Check(name="cached plan", holds=not differs, text=f"{', '.join(differs)} differs" if differs else _EQUAL)


def _growth(what: str, used: Mapping[int, float], *, start_up: float) -> Check:
    """CPU time alone would miss much: imports outweigh a thousand assignments. Calls are counted, not timed."""
    sizes = {size: size - (TINY if start_up else 0) for size in (SMALL, LARGE)}
    small, large = ((used[size] - start_up) / count for size, count in sizes.items())
    text = f"{large / small:.2f} times as much per assignment at {LARGE // SMALL} times the size (at most {SLACK})"
    return Check(name=f"growth of {what}", holds=large <= SLACK * small, text=text)


def _function_calls(shape: Shape) -> int:
    """Python and C calls of the main thread of one cold plan."""
    forget(shape)
    cold = next(one for one in ours(shape) if one.name == COLD)
    command = [sys.executable, "-c", _COUNT, *cold.command[3:]]
    return int(measure(command, cwd=ROOT, environment=cold.environment).stderr.splitlines()[-1])


def _joins(number: int) -> Iterator[Change]:
    membership, grant = f"membership/sales/user{number}@x.example", f"grant/sales/user{number}@x.example/rep"
    yield Change(address=membership, action=Action.CREATE, after=NO_FIELDS)
    yield Change(address=grant, action=Action.CREATE, after=NO_FIELDS, waits_for=(membership,))


@dataclass(slots=True)
class _Counting:
    """Says yes to everything and remembers the batches."""

    max_batch: int
    identity: str = "counting"
    batches: list[Batch] = field(default_factory=list)

    @property
    def capabilities(self) -> Capabilities:
        kinds = {kind: KindCapabilities(actions=frozenset(Action), max_batch=self.max_batch) for kind in Kind}
        return Capabilities(kinds=kinds, max_concurrency=16)

    def read(self, scope: Scope) -> Snapshot:  # noqa: ARG002
        return Snapshot()

    def apply(self, batch: Batch, ids: Mapping[Address, RemoteId]) -> Sequence[Outcome]:  # noqa: ARG002
        self.batches.append(batch)
        return [
            Outcome(id=step.id, address=step.address, action=step.action, status=Status.APPLIED, remote_id=step.id)
            for step in batch.steps
        ]


class _Silent:
    def turn(self, outcomes: Sequence[Outcome], batches: Sequence[Batch]) -> None:
        """The journal is not what is counted here."""
