"""A real SCIM provider behind a wire that lies: what was done is found, what was not is not taken for done.

The calls of an apply are numbered: 0 to 2 discover, 3 and 4 read, 5 creates the business unit, and so on.
"""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from orgsync import pipeline
from orgsync.change import Status
from orgsync.errors import IncompleteRead, LeaseHeld
from orgsync.settings import load_settings
from orgsync.watch import Timings
from tests import repository
from tests.adapters.scim_world import ENVIRONMENT, ROOT, World, sample, settled, small
from tests.faults import acts
from tests.faults.acts import Act, CarryOut, Reply, Wire
from tests.faults.server import Request
from tests.servers import scim

FIRST_WRITE = 5
BROKEN = Reply.of({"detail": "who knows"}, 500)
SINGLY = "deviations: {bulk: false}"


def _behind(world: World, proxy_url: str) -> World:
    """The same organization, spoken to through a proxy."""
    path = world.url.partition("/t")[2]
    through = World(world.root, f"{proxy_url}/t{path}")
    through.settle(_more(world))
    return through


def _more(world: World) -> str:
    text = (world.root / "orgsync.yaml").read_text()
    return "deviations: {bulk: false}" if "bulk: false" in text else ""


def _writing(world: World, origin: str, at: Mapping[int, Act]) -> tuple[pipeline.Report, list[Request]]:
    """Apply through a proxy that plays ``at``; the number 0 is the first write."""
    with scim.watched(origin) as proxy:
        through = _behind(world, proxy.url)
        plan = through.plan()
        begin = len(proxy.requests) + FIRST_WRITE
        proxy.acts = {begin + number: act for number, act in at.items()}
        report = through.apply(plan)
    world.settle(_more(world))
    return report, scim.writes(proxy.requests)


@pytest.mark.parametrize("act", [acts.carries_out_and_says(BROKEN), acts.closes, acts.truncates])
@pytest.mark.parametrize(
    ("more", "number"),
    [(more, number) for more, count in (("", 4), (SINGLY, 8)) for number in range(count)],
    ids=lambda value: {"": "bulk", SINGLY: "singly"}.get(value, value),
)
def test_a_write_that_was_done_and_not_told_is_found(
    act: Act, more: str, number: int, origin: str, url: str, tmp_path: Path
) -> None:
    """Singly, several are under way at once, so that a number may be any of them: business units, users, the unit that
    is made in one call and put into its place in another."""
    world = small(tmp_path, url, more)
    report, _ = _writing(world, origin, {number: act})
    assert report.complete, report
    assert settled(world)
    keys = [one.get("externalId") for one in world.provider.all("Groups")]
    assert len(keys) == len(set(keys))


@pytest.mark.parametrize("number", [0, 1, 2, 3])
def test_what_was_not_done_is_not_taken_for_done_and_no_group_is_made_twice(
    number: int, origin: str, url: str, tmp_path: Path
) -> None:
    world = small(tmp_path, url)
    report, _ = _writing(world, origin, {number: acts.says(BROKEN)})
    if not report.complete:
        assert {one.status for one in report.outcomes} <= {Status.APPLIED, Status.FAILED, Status.SKIPPED}
        assert world.apply().complete
    assert settled(world)
    keys = [one.get("externalId") for one in world.provider.all("Groups")]
    assert len(keys) == len(set(keys))


def test_an_answer_without_an_id_is_looked_up(origin: str, url: str, tmp_path: Path) -> None:
    world = small(tmp_path, url, SINGLY)
    report, _ = _writing(world, origin, {number: acts.carries_out_and_says(Reply(status=201)) for number in range(6)})
    assert report.complete, report
    assert settled(world)


def test_a_page_for_people_is_no_answer(origin: str, url: str, tmp_path: Path) -> None:
    page = Reply(status=200, headers={"Content-Type": "text/html"}, body=b"<h1>Please log in</h1>")
    world = small(tmp_path, url, SINGLY)
    report, _ = _writing(world, origin, {0: acts.says(page)})
    assert not report.complete
    assert world.apply().complete
    assert settled(world)


def test_a_change_that_is_accepted_and_not_made_is_found_by_reading_back(origin: str, url: str, tmp_path: Path) -> None:
    world = small(tmp_path, url)
    world.apply()
    world.edit(repository.UNIT_FILE, "Sales Team", "Sellers")
    report, _ = _writing(world, origin, {0: acts.says(Reply(status=204))})
    (difference,) = report.differences
    assert difference.code == "not-as-applied"
    assert "Sales Team" in difference.detail


def test_a_bulk_that_answers_for_some_is_asked_again_for_none(origin: str, url: str, tmp_path: Path) -> None:
    """Who was not answered is looked up; whoever was refused is told by name."""

    def half(wire: Wire, carry_out: CarryOut) -> None:
        reply = carry_out()
        whole = json.loads(reply.body)
        whole["Operations"] = whole.get("Operations", ())[:1]
        wire.send(Reply.of(whole).wire if whole["Operations"] else reply.wire)

    world = small(tmp_path, url)
    report, sent = _writing(world, origin, {0: half, 1: half, 2: half})
    assert report.complete, report
    assert settled(world)
    assert len([one for one in sent if one.path.endswith("/Bulk")]) <= 6


def test_one_bad_member_is_no_reason_to_refuse_the_others(origin: str, url: str, tmp_path: Path) -> None:
    """The provider takes a patch as a whole or not at all."""
    world = small(tmp_path, url, SINGLY)
    with scim.watched(origin) as proxy:
        through = _behind(world, proxy.url)
        plan = through.plan()
        refusals = iter([True, True])  # of all three together, and then of the first alone
        forward = proxy.app

        def app(request: Request) -> Reply:
            people = request.method == "PATCH" and b'"members"' in request.body and b'"Group"' not in request.body
            if people and next(refusals, False):
                return Reply.of({"scimType": "invalidValue", "detail": "one of them may not join"}, 400)
            return forward(request)

        proxy.app = app
        report = through.apply(plan)
    refused = [one for one in report.outcomes if one.status is Status.FAILED]
    assert [one.address for one in refused] == ["membership/sales/ana@example.com"]
    assert "one of them may not join" in refused[0].detail
    assert len(world.provider.group("unit/sales")["members"]) == 2


def test_somebody_elses_change_in_between_is_not_written_over(origin: str, url: str, tmp_path: Path) -> None:
    """The version that was read is required (If-Match, and the same in a bulk)."""
    world = small(tmp_path, url)
    world.apply()
    world.edit(repository.UNIT_FILE, "Sales Team", "Sellers")
    group = world.provider.group("unit/sales")["id"]

    def meanwhile(wire: Wire, carry_out: CarryOut) -> None:
        world.provider.patch(f"Groups/{group}", {"op": "replace", "path": "displayName", "value": "Closers"})
        wire.send(carry_out().wire)

    report, sent = _writing(world, origin, {0: meanwhile})
    assert sent[0].headers["if-match"]
    (outcome,) = report.outcomes
    assert outcome.status is Status.FAILED
    assert "changed since it was read" in outcome.detail
    assert world.provider.group("unit/sales")["displayName"] == "Closers"


def test_a_bulk_requires_the_versions_that_were_read(origin: str, url: str, tmp_path: Path) -> None:
    world = small(tmp_path, url)
    world.apply()
    for old, new in (("name: Commercial", "name: Trade"), ("name: North", "name: Far North")):
        world.edit(repository.UNIT_FILE, old, new)
    group = world.provider.group("business-unit/north")["id"]

    def meanwhile(wire: Wire, carry_out: CarryOut) -> None:
        world.provider.patch(f"Groups/{group}", {"op": "replace", "path": "displayName", "value": "Arctic"})
        wire.send(carry_out().wire)

    report, sent = _writing(world, origin, {0: meanwhile})
    assert all(one["version"] for one in sent[0].json["Operations"])
    assert {one.address: one.status for one in report.outcomes} == {
        "business-unit/commercial": Status.APPLIED,
        "business-unit/north": Status.FAILED,
    }
    assert world.provider.group("business-unit/north")["displayName"] == "Arctic"


def test_a_change_of_something_else_in_between_is_no_conflict(origin: str, url: str, tmp_path: Path) -> None:
    world = small(tmp_path, url)
    world.apply()
    world.edit(repository.UNIT_FILE, "Sales Team", "Sellers")
    group, guest = world.provider.group("unit/sales")["id"], world.provider.create_group("Guests")

    def meanwhile(wire: Wire, carry_out: CarryOut) -> None:
        world.provider.join(group, guest, type="Group")
        wire.send(carry_out().wire)

    report, _ = _writing(world, origin, {0: meanwhile})
    assert report.complete, report
    assert world.provider.group("unit/sales")["displayName"] == "Sellers"
    assert guest in {member["value"] for member in world.provider.group("unit/sales")["members"]}


def test_somebody_who_was_created_in_between_is_taken_as_they_are(origin: str, url: str, tmp_path: Path) -> None:
    world = small(tmp_path, url)

    def meanwhile(wire: Wire, carry_out: CarryOut) -> None:
        world.provider.create_user("Ana@example.com")
        wire.send(carry_out().wire)

    report, _ = _writing(world, origin, {0: meanwhile})
    assert report.complete, report
    assert settled(world)
    assert len(world.provider.all("Users")) == 3


def test_a_provider_that_wants_to_be_asked_later_is(origin: str, url: str, tmp_path: Path) -> None:
    world = small(tmp_path, url)
    report, _ = _writing(world, origin, {0: acts.refuses(429, Retry_After="0"), 2: acts.refuses(429, Retry_After="0")})
    assert report.complete, report


@pytest.mark.parametrize("status", [400, 404, 413, 501])
def test_a_bulk_that_is_refused_as_a_whole_is_sent_one_by_one(
    status: int, origin: str, url: str, tmp_path: Path
) -> None:
    with scim.watched(origin) as proxy:
        world = small(tmp_path, url)
        through = _behind(world, proxy.url)
        forward = proxy.app
        proxy.app = lambda sent: Reply.of({"detail": "no"}, status) if sent.path.endswith("Bulk") else forward(sent)
        assert through.apply().complete
    world.settle()
    assert settled(world)


def test_a_credential_that_is_taken_away_stops_the_run(origin: str, url: str, tmp_path: Path) -> None:
    world = small(tmp_path, url)
    with scim.watched(origin) as proxy:
        through = _behind(world, proxy.url)
        plan = through.plan()
        proxy.acts = {number: acts.refuses(401) for number in range(len(proxy.requests) + 6, 100)}
        report = through.apply(plan)
    assert not report.complete
    assert Status.APPLIED in {one.status for one in report.outcomes}
    assert {one.status for one in report.outcomes} <= {Status.APPLIED, Status.UNKNOWN, Status.SKIPPED}
    world.settle()
    assert world.apply().complete
    assert settled(world)


@pytest.mark.parametrize(
    "answer",
    [
        {"totalResults": 3, "Resources": [{"id": "1", "displayName": "a"}]},
        {"totalResults": 1, "Resources": [{"displayName": "a"}]},
        {"totalResults": 2, "Resources": [{"id": "1"}, {"id": "1"}]},
        {"totalResults": 1, "Resources": [{"id": "1", "members": [{"display": "x"}]}]},
        {"totalResults": 1, "Resources": ["what"]},
        {"detail": "later"},
        ["x"],
        "x",
        None,
    ],
    ids=str,
)
def test_half_a_list_is_no_list(answer: Any, origin: str, url: str, tmp_path: Path) -> None:
    world = small(tmp_path, url)
    world.apply()
    with scim.watched(origin) as proxy:
        through = _behind(world, proxy.url)
        proxy.acts = {number: acts.says(Reply.of(answer)) for number in range(3, 30)}
        with pytest.raises(IncompleteRead):
            through.plan()


def test_pages_that_move_are_read_again_from_the_start(origin: str, url: str, tmp_path: Path) -> None:
    world = small(tmp_path, url)
    world.apply()
    again = Reply.of({"totalResults": 9, "Resources": []})
    with scim.watched(origin, {3: acts.says(again)}) as proxy:
        assert not _behind(world, proxy.url).plan().changes


def test_a_reader_writes_nothing(url: str, tmp_path: Path) -> None:
    world = small(tmp_path, url)
    with scim.watched(url.partition("/t")[0]) as proxy:
        through = _behind(world, proxy.url)
        through.plan()
        through.drift()
        assert not scim.writes(proxy.requests)


@pytest.mark.parametrize("number", [0, 2, 5, 9])
def test_an_apply_that_is_killed_is_gone_on_with(number: int, origin: str, url: str, tmp_path: Path) -> None:
    """Killed after the provider did the work and before the answer came."""
    world = sample(tmp_path, url, "roles: groups")
    with scim.watched(origin) as proxy:
        through = _behind(world, proxy.url)
        through.settle("roles: groups")
        victim: list[subprocess.Popen[bytes]] = []

        def kill(wire: Wire, carry_out: CarryOut) -> None:
            carry_out()
            victim[0].send_signal(signal.SIGKILL)
            wire.rest(0.2)
            wire.hang_up()

        proxy.acts = {5 + FIRST_WRITE + number: kill}
        code = "import sys; from pathlib import Path; from tests.adapters.scim_world import World; "
        code += "World(Path(sys.argv[1]), sys.argv[2]).apply()"
        command = [sys.executable, "-c", code, str(world.root), through.url]
        victim.append(subprocess.Popen(command, cwd=ROOT, env={**os.environ, "PYTHONPATH": str(ROOT)}))
        assert victim[0].wait(timeout=60) == -signal.SIGKILL
        proxy.acts = {}
        _take_over(through)
        assert settled(through)
    keys = [one["externalId"] for one in World(tmp_path, url).provider.all("Groups")]
    assert len(keys) == len(set(keys)) == 43


def _take_over(world: World) -> None:
    plan = world.plan()
    with pytest.raises(LeaseHeld) as held:
        world.apply(plan)
    report = pipeline.apply_plan(
        plan,
        world.root,
        load_settings(world.root),
        actor="tester",
        environment=ENVIRONMENT,
        clock=lambda: repository.NOW,
        watch=Timings(),
        take_over=held.value.run,
    )
    assert report.complete, report


def test_a_unit_that_was_made_and_not_nested_is_finished_by_the_next_plan(
    origin: str, url: str, tmp_path: Path
) -> None:
    """The step counts as a whole: nobody joins a unit that is not where it belongs."""
    world = small(tmp_path, url, SINGLY)
    with scim.watched(origin) as proxy:
        through = _behind(world, proxy.url)
        plan = through.plan()
        forward = proxy.app
        nesting = b'"type": "Group"'
        proxy.app = lambda sent: Reply.of({"detail": "not there"}, 400) if nesting in sent.body else forward(sent)
        report = through.apply(plan)
    fates = {one.address: one.status for one in report.outcomes}
    assert fates["unit/sales"] is Status.FAILED
    assert fates["membership/sales/ana@example.com"] is Status.SKIPPED
    assert "members" not in world.provider.group("unit/sales")
    world.settle(SINGLY)
    (change, *_) = world.plan().changes
    assert (change.address, change.after) == ("unit/sales", {"businessUnit": "commercial"})
    assert world.apply().complete
    assert settled(world)
