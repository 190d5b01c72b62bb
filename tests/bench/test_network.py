"""Over a wire: the server is strict and counts rightly, unequal work ends the benchmark, ratios are what they say."""

import json
import math
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import pytest

from bench import network
from bench.crm.adapter import BenchAdapter, Settings
from bench.measure import Measured
from bench.network import RATE, NotTheSameWork, Server, Stand, apply_over, fewest, lay_out, plug_in, ratios, serving
from bench.prepare import Shape
from orgsync.adapter import Scope
from orgsync.adapters.http import Client

STATE = [[f"user/p{number:02}@x.example", str(number), {"name": f"P {number}"}] for number in range(1, 26)]


@pytest.fixture
def state(tmp_path: Path) -> Path:
    path = tmp_path / "state.json"
    path.write_text(json.dumps(STATE))
    return path


@pytest.fixture
def server(state: Path) -> Iterator[Server]:
    with serving(state, latency=0, page=10, batch=3) as found:
        yield found


def ask(server: Server, method: str, path: str, body: Any = None) -> tuple[int, Any]:
    data = None if body is None else json.dumps(body).encode()
    try:
        with urlopen(Request(server.url + path, method=method, data=data)) as answer:
            return answer.status, json.load(answer)
    except HTTPError as error:
        return error.code, json.load(error)


def record(name: str, **more: Any) -> dict[str, Any]:
    return {"address": f"user/{name}@x.example", "id": None, "fields": {}} | more


def test_a_page_is_what_was_asked_for_and_at_most_as_long_as_allowed(server: Server) -> None:
    status, found = ask(server, "GET", "/records?offset=20&limit=10")
    assert (status, found) == (200, {"records": STATE[20:], "total": 25})
    assert ask(server, "GET", "/records?offset=0&limit=11")[0] == 400
    assert ask(server, "GET", "/records?limit=1")[0] == 400
    assert ask(server, "GET", "/people")[0] == 404


def test_a_batch_creates_changes_and_removes_and_refuses_what_cannot_be(server: Server) -> None:
    def write(action: str, *records: dict[str, Any]) -> Any:
        return ask(server, "POST", "/records", {"action": action, "records": records})

    status, made = write("create", record("new"), record("p01"), {"address": "user/x"})
    assert status == 200
    assert [one.keys() for one in made["results"]] == [{"id"}, {"error"}, {"error"}]
    (id_,) = made["results"][0].values()
    assert write("update", record("new", id=id_, fields={"name": "N"}))[1] == {"results": [{"id": id_}]}
    assert ask(server, "GET", "/records?offset=25&limit=1")[1]["records"] == [
        ["user/new@x.example", id_, {"name": "N"}]
    ]
    assert write("delete", record("new", id=id_), record("new", id=id_))[1]["results"] == [
        {"id": id_},
        {"error": "user/new@x.example does not exist"},
    ]
    assert write("create", *[record(str(number)) for number in range(4)])[0] == 400
    assert server.told()["records"] == 6
    server.reset()
    assert server.told()["writes"] == 0
    assert ask(server, "GET", "/records?offset=0&limit=1")[1]["total"] == 25


def test_whoever_comes_too_soon_is_refused_and_counted(state: Path) -> None:
    with serving(state, latency=0, rate=1, burst=2) as server:
        statuses = [ask(server, "GET", "/records?offset=0&limit=1")[0] for _ in range(4)]
        assert statuses == [200, 200, 429, 429]
        assert server.told()["too_soon"] == 2
        assert server.told()["reads"] == 2


def test_latency_is_waited_for_by_each_call_and_by_all_at_once(state: Path) -> None:
    with serving(state, latency=0.2) as server:
        threads = [threading.Thread(target=ask, args=(server, "GET", "/records?offset=0&limit=1")) for _ in range(5)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert server.told()["most"] == 5


def test_the_adapter_reads_all_there_is_in_as_many_calls_as_there_are_pages(server: Server) -> None:
    with Client(server.url, authorization=None, writable=False) as client:
        found = BenchAdapter(client, Settings(url=server.url, page=10)).read(Scope())
    assert dict(found.resources) == {address: fields for address, _, fields in STATE}
    assert server.told()["reads"] == 3


def test_an_apply_over_a_wire_that_loses_answers_does_each_change_once_and_knows_it() -> None:
    """The whole command line, journal and all: every fifth answer is lost, and what became of it is read."""
    stand = lay_out(Shape(size=300))
    with serving(stand.state, latency=0, cut=5) as server:
        seconds, told = apply_over(stand, server, 4)
        assert told["lost"] >= 2
        assert told["records"] == stand.applied
    assert 0 < seconds < 60
    assert fewest(stand) == 5 * math.ceil(stand.applied / 10)


def test_an_apply_that_writes_something_else_ends_the_benchmark(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, server: Server
) -> None:
    took = Measured(wall=1, cpu=1, peak=1, stdout="", stderr="apply 0.5 s")
    monkeypatch.setattr(network, "run", lambda *_, **__: took)
    stand = Stand(folder=tmp_path, records=25, planned=1, applied=1)
    with pytest.raises(NotTheSameWork, match="0 records were written, 1 differed"):
        apply_over(stand, server, 4)


def test_the_plug_in_is_found_by_its_entry_point(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(network, "_PLUGIN", tmp_path)
    plug_in()
    (folder,) = tmp_path.iterdir()
    assert "bench = bench.crm.adapter:opener" in (folder / "entry_points.txt").read_text()


FIGURES = {
    "reads": [7.0],
    "pages": [7.0],
    "writes": [40.0],
    "fewest": [40.0],
    "apply at 8": [0.27],
    "apply at 16": [0.2],
    "floor at 8": [0.26],
    "floor at 16": [0.16],
    "paced calls per second": [0.97 * RATE],
    "too soon": [0.0],
    "plan, far": [2.2],
    "plan, near": [2.0],
    "read alone": [1.0],
}


def test_an_apply_is_held_against_its_rounds_and_a_plan_against_the_longer_half() -> None:
    found = {one.name: one for one in ratios(FIGURES, 0.05)}
    assert found["apply at 8 / rounds x latency"].value == pytest.approx(0.27 / 0.25)
    assert found["apply at 16 / rounds x latency"].value == pytest.approx(0.2 / 0.15)
    assert found["plan / longer of network and local"].value == pytest.approx(1.1)
    assert {name for name, one in found.items() if one.met is False} == {"apply at 16 / rounds x latency"}


@pytest.mark.parametrize(
    ("name", "value", "missed"),
    [
        ("reads", 8.0, "calls to read / pages"),
        ("writes", 45.0, "calls to write / fewest"),
        ("paced calls per second", 0.9 * RATE, "paced apply: share of the rate used"),
        ("too soon", 1.0, "paced apply: calls refused"),
        ("plan, far", 3.1, "plan / longer of network and local"),
    ],
)
def test_each_target_of_the_wire_can_be_missed(name: str, value: float, missed: str) -> None:
    assert missed in {one.name for one in ratios(FIGURES | {name: [value]}, 0.05) if one.met is False}
