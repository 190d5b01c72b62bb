"""Carrying a plan out: batches, waits, intents before calls, and what an adapter must not get away with."""

import random
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from threading import Barrier, Lock
from time import monotonic, sleep

import pytest

from orgsync.adapter import Capabilities, Changed, KindCapabilities, Scope, Snapshot
from orgsync.apply import apply, settle, verify
from orgsync.change import Action, Batch, Change, Outcome, Status
from orgsync.errors import AdapterError, LeaseLost
from orgsync.freshness import moved
from orgsync.resources import KEY, Address, Fields, Kind, RemoteId
from tests.organizations import create, delete, snapshot, update


@dataclass
class Book:
    """A log that keeps the order of everything."""

    entries: list[tuple[str, tuple[str, ...]]] = field(default_factory=list)

    def turn(self, outcomes: Sequence[Outcome], batches: Sequence[Batch]) -> None:
        assert outcomes or batches
        if outcomes:
            self.entries.append(("outcome", tuple(one.id for one in outcomes)))
        if batches:
            self.entries.append(("intent", tuple(step.id for batch in batches for step in batch.steps)))


@dataclass
class Crm:
    """Answers what a test says; checks at every call that the intent is written and the waits are over."""

    book: Book
    max_batch: int = 10
    max_concurrency: int = 1
    refused: frozenset[str] = frozenset()
    broken: frozenset[str] = frozenset()
    calls: list[Batch] = field(default_factory=list)
    ids: list[Mapping[Address, RemoteId]] = field(default_factory=list)
    barrier: Barrier | None = None
    lock: Lock = field(default_factory=Lock)
    flying: int = 0
    most: int = 0
    identity: str = "crm"

    @property
    def capabilities(self) -> Capabilities:
        one = KindCapabilities(actions=frozenset(Action), max_batch=self.max_batch)
        return Capabilities(kinds=dict.fromkeys(Kind, one), max_concurrency=self.max_concurrency)

    def read(self, scope: Scope) -> Snapshot:
        raise AssertionError(f"apply reads nothing, not even {scope}")

    def apply(self, batch: Batch, ids: Mapping[Address, RemoteId]) -> Sequence[Outcome]:
        steps = tuple(step.id for step in batch.steps)
        assert any(event == "intent" and set(steps) <= set(ids) for event, ids in self.book.entries)
        assert ("outcome", steps) not in self.book.entries
        with self.lock:
            self.calls.append(batch)
            self.ids.append(dict(ids))
            self.flying += 1
            self.most = max(self.most, self.flying)
        if self.barrier is not None:
            self.barrier.wait(timeout=10)
        with self.lock:
            self.flying -= 1
        if not self.broken.isdisjoint(steps):
            raise AdapterError("the line went dead")
        return self.answer(batch)

    def answer(self, batch: Batch) -> list[Outcome]:
        return [
            Outcome(
                id=step.id,
                address=step.address,
                action=step.action,
                status=Status.FAILED if step.id in self.refused else Status.APPLIED,
                remote_id=f"new-{step.id}" if step.action is Action.CREATE else step.remote_id,
            )
            for step in batch.steps
        ]


def after(change: Change, *waits: str) -> Change:
    return replace(change, waits_for=waits)


def statuses(outcomes: Sequence[Outcome]) -> dict[str, Status]:
    return {one.id: one.status for one in outcomes}


@pytest.fixture
def book() -> Book:
    return Book()


CHAIN = [create("unit/a"), after(create("unit/b"), "unit/a"), after(create("unit/c"), "unit/b"), create("unit/d")]


def test_there_is_one_outcome_per_change_in_the_order_of_the_changes(book: Book) -> None:
    outcomes = apply(CHAIN, Crm(book), {}, book)
    assert [(one.id, one.status) for one in outcomes] == [(change.id, Status.APPLIED) for change in CHAIN]
    assert apply([], Crm(book), {}, book) == []


@pytest.mark.parametrize(("size", "expected"), [(1, [1] * 7), (3, [3, 3, 1]), (7, [7]), (10, [7]), (0, [1] * 7)])
def test_a_batch_is_as_large_as_the_crm_takes(size: int, expected: list[int], book: Book) -> None:
    crm = Crm(book, max_batch=size)
    apply([create(f"unit/{number}") for number in range(7)], crm, {}, book)
    assert [len(batch.steps) for batch in crm.calls] == expected


def test_a_batch_holds_one_kind_and_one_action_and_removals_go_first(book: Book) -> None:
    crm = Crm(book)
    changes = [create("unit/a"), create("role/a"), delete("grant/u/p@x/r"), update("unit/b", {}, {}), create("role/b")]
    apply(changes, crm, {}, book)
    assert [(batch.kind, batch.action, len(batch.steps)) for batch in crm.calls] == [
        (Kind.GRANT, Action.DELETE, 1),
        (Kind.ROLE, Action.CREATE, 2),
        (Kind.UNIT, Action.CREATE, 1),
        (Kind.UNIT, Action.UPDATE, 1),
    ]


def test_nothing_is_sent_before_what_it_waits_for(book: Book) -> None:
    crm = Crm(book)
    apply(list(reversed(CHAIN)), crm, {}, book)
    assert [[step.id for step in batch.steps] for batch in crm.calls] == [["unit/a", "unit/d"], ["unit/b"], ["unit/c"]]


def test_exactly_what_waits_for_a_failure_is_skipped(book: Book) -> None:
    crm = Crm(book, refused=frozenset({"unit/a"}))
    outcomes = apply(CHAIN, crm, {}, book)
    assert statuses(outcomes) == {
        "unit/a": Status.FAILED,
        "unit/b": Status.SKIPPED,
        "unit/c": Status.SKIPPED,
        "unit/d": Status.APPLIED,
    }
    assert [one.detail for one in outcomes[1:3]] == ["waits for unit/a", "waits for unit/b"]
    assert len(crm.calls) == 1


def test_of_a_batch_only_those_go_whose_waits_are_over(book: Book) -> None:
    crm = Crm(book, refused=frozenset({"unit/a"}))
    changes = [create("unit/a"), create("unit/b"), after(create("unit/c"), "unit/a"), after(create("unit/d"), "unit/b")]
    outcomes = apply(changes, crm, {}, book)
    assert [one.status for one in outcomes] == [Status.FAILED, Status.APPLIED, Status.SKIPPED, Status.APPLIED]
    assert [[step.id for step in batch.steps] for batch in crm.calls] == [["unit/a", "unit/b"], ["unit/d"]]
    assert [ids for kind, ids in book.entries if kind == "outcome"] == [("unit/a", "unit/b", "unit/c"), ("unit/d",)]


def test_a_crm_that_cannot_be_reached_leaves_its_batch_unknown_and_the_rest_skipped(book: Book) -> None:
    crm = Crm(book, max_batch=2, broken=frozenset({"unit/2"}))
    changes = [create(f"unit/{number}") for number in range(5)] + [after(create("unit/9"), "unit/0")]
    outcomes = apply(changes, crm, {}, book)
    assert [one.status for one in outcomes] == [
        Status.APPLIED,
        Status.APPLIED,
        Status.UNKNOWN,
        Status.UNKNOWN,
        Status.SKIPPED,
        Status.SKIPPED,
    ]
    assert "the line went dead" in outcomes[2].detail
    assert outcomes[4].detail == outcomes[5].detail == "stopped: the line went dead"
    assert len(crm.calls) == 2


def test_every_call_has_its_intent_written_before_and_its_outcome_after(book: Book) -> None:
    crm = Crm(book, max_batch=1)
    apply(CHAIN, crm, {}, book)
    assert [kind for kind, _ in book.entries] == ["intent", "outcome"] * 4


def test_every_change_is_recorded_exactly_once_whatever_becomes_of_it(book: Book) -> None:
    crm = Crm(book, max_batch=1, refused=frozenset({"unit/a"}), broken=frozenset({"unit/d"}))
    apply([*CHAIN, create("unit/e")], crm, {}, book)
    recorded = [id_ for kind, ids in book.entries if kind == "outcome" for id_ in ids]
    assert sorted(recorded) == ["unit/a", "unit/b", "unit/c", "unit/d", "unit/e"]


def test_an_adapter_s_own_fault_is_not_swallowed_and_its_intent_stays_open(book: Book) -> None:
    class Faulty(Crm):
        def answer(self, batch: Batch) -> list[Outcome]:
            raise ZeroDivisionError(batch.kind)

    with pytest.raises(ZeroDivisionError):
        apply([create("unit/a")], Faulty(book), {}, book)
    assert book.entries == [("intent", ("unit/a",))]


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        ([], [Status.UNKNOWN, Status.UNKNOWN]),
        (["unit/a"], [Status.APPLIED, Status.UNKNOWN]),
        (["unit/b", "unit/a"], [Status.APPLIED, Status.APPLIED]),
        (["unit/a", "unit/b", "unit/z"], [Status.APPLIED, Status.APPLIED]),
        (["unit/a", "unit/a", "unit/b"], [Status.UNKNOWN, Status.APPLIED]),
        (["unit/z", "unit/z"], [Status.UNKNOWN, Status.UNKNOWN]),
    ],
)
def test_an_adapter_that_answers_too_few_too_many_or_others_is_not_believed(
    answer: list[str], expected: list[Status], book: Book
) -> None:
    class Careless(Crm):
        def answer(self, batch: Batch) -> list[Outcome]:
            one = super().answer(batch)[0]
            return [replace(one, id=id_, address=f"role/{id_}") for id_ in answer]

    outcomes = apply([create("unit/a"), create("unit/b")], Careless(book), {}, book)
    assert [(one.id, one.address, one.status) for one in outcomes] == [
        ("unit/a", "unit/a", expected[0]),
        ("unit/b", "unit/b", expected[1]),
    ]


def test_remote_ids_of_what_was_made_are_known_to_the_calls_that_follow(book: Book) -> None:
    crm = Crm(book)
    changes = [create("unit/a"), after(create("unit/b"), "unit/a"), delete("role/r"), after(create("role/s"), "role/r")]
    apply(changes, crm, {"role/r": "7", "user/p": "8"}, book)
    assert crm.ids[0] == {"role/r": "7", "user/p": "8"}
    assert crm.ids[-1] == {"user/p": "8", "unit/a": "new-unit/a", "role/s": "new-role/s"}


def test_the_ids_are_one_view_of_all_that_is_known_and_nobody_s_to_change(book: Book) -> None:
    """A copy for every call would take longer than the call where there are a hundred thousand."""
    seen: list[RemoteId | None] = []

    class Looking(Slow):
        def apply(self, batch: Batch, ids: Mapping[Address, RemoteId]) -> Sequence[Outcome]:
            outcomes = super().apply(batch, ids)
            if batch.steps[0].id in self.held:
                seen.append(ids.get("unit/0"))
            with pytest.raises(TypeError):
                ids["unit/x"] = "1"  # type: ignore[index]
            return outcomes

    crm = Looking(book, held={"unit/1": "unit/0"}, barrier=Barrier(2))
    outcomes = apply([create("unit/0"), create("unit/1")], crm, {}, book, concurrency=2)
    assert {one.status for one in outcomes} == {Status.APPLIED}
    assert seen == ["new-unit/0"]


@pytest.mark.parametrize(("asked", "offered", "most"), [(1, 4, 1), (4, 1, 1), (2, 4, 2), (3, 3, 3)])
def test_independent_batches_fly_at_once_up_to_the_smaller_limit(
    asked: int, offered: int, most: int, book: Book
) -> None:
    crm = Crm(book, max_batch=1, max_concurrency=offered, barrier=Barrier(most))
    outcomes = apply([create(f"unit/{number}") for number in range(6)], crm, {}, book, concurrency=asked)
    assert {one.status for one in outcomes} == {Status.APPLIED}
    assert crm.most == most


@dataclass
class Slow(Crm):
    """Whoever is ``held`` is answered only when the outcome of everybody named beside it is written down."""

    max_batch: int = 1
    max_concurrency: int = 2
    held: Mapping[str, str] = field(default_factory=dict)

    def apply(self, batch: Batch, ids: Mapping[Address, RemoteId]) -> Sequence[Outcome]:
        outcomes = super().apply(batch, ids)
        wanted, deadline = self.held.get(batch.steps[0].id), monotonic() + 10
        while wanted is not None and not any(kind == "outcome" and wanted in ids for kind, ids in self.book.entries):
            assert monotonic() < deadline, f"{batch.steps[0].id} waits in vain for {wanted}"
            sleep(0.001)
        return outcomes


def test_a_broken_call_among_others_in_flight_leaves_only_itself_unknown(book: Book) -> None:
    crm = Slow(book, broken=frozenset({"unit/0"}), held={"unit/1": "unit/0"}, barrier=Barrier(2))
    outcomes = apply([create(f"unit/{number}") for number in range(4)], crm, {}, book, concurrency=2)
    assert [one.status for one in outcomes] == [Status.UNKNOWN, Status.APPLIED, Status.SKIPPED, Status.SKIPPED]
    assert len(crm.calls) == 2


def test_a_batch_goes_when_what_it_waits_for_is_done_whatever_else_is_under_way(book: Book) -> None:
    """unit/slow, of the first stratum, ends only after unit/c, of the third: no stratum waits for a whole other."""
    chain = [create("unit/a"), after(create("unit/b"), "unit/a"), after(create("unit/c"), "unit/b")]
    crm = Slow(book, held={"unit/slow": "unit/c"})
    outcomes = apply([*chain, create("unit/slow")], crm, {}, book, concurrency=2)
    assert {one.status for one in outcomes} == {Status.APPLIED}


def test_a_free_connection_is_given_the_next_call_while_others_are_still_under_way(book: Book) -> None:
    crm = Slow(book, held={"unit/0": "unit/5"})
    outcomes = apply([create(f"unit/{number}") for number in range(6)], crm, {}, book, concurrency=2)
    assert {one.status for one in outcomes} == {Status.APPLIED}


def test_intents_are_written_ahead_for_so_many_calls_and_no_more(book: Book) -> None:
    open_: list[int] = []

    class Counting(Crm):
        def answer(self, batch: Batch) -> list[Outcome]:
            written = [len(ids) if kind == "intent" else -len(ids) for kind, ids in self.book.entries]
            open_.append(sum(written))
            return super().answer(batch)

    crm = Counting(book, max_batch=1, max_concurrency=3)
    apply([create(f"unit/{number}") for number in range(30)], crm, {}, book, concurrency=3)
    assert 3 < max(open_) <= 12
    open_.clear()
    apply([create(f"unit/{number + 30}") for number in range(5)], crm, {}, book)
    assert open_ == [1] * 5


def test_what_is_announced_and_not_yet_sent_is_skipped_once_somebody_asks_to_stop(book: Book) -> None:
    crm = Slow(book)
    changes = [create(f"unit/{number}") for number in range(8)]
    outcomes = apply(changes, crm, {}, book, concurrency=2, stop=lambda: "enough" if len(crm.calls) >= 2 else "")
    sent = {batch.steps[0].id for batch in crm.calls}
    assert {one.id for one in outcomes if one.status is Status.APPLIED} == sent
    assert {one.detail for one in outcomes if one.status is Status.SKIPPED} == {"enough"}
    assert 2 <= len(sent) <= 3
    assert sorted(id_ for kind, ids in book.entries if kind == "outcome" for id_ in ids) == [one.id for one in changes]


@pytest.mark.parametrize("fault", ["adapter", "lease"])
def test_after_a_fault_what_was_under_way_is_written_down_and_nothing_more_is_sent(fault: str) -> None:
    class Breaking(Book):
        def turn(self, outcomes: Sequence[Outcome], batches: Sequence[Batch]) -> None:
            if fault == "lease" and self.entries and batches:
                super().turn(outcomes, ())
                raise LeaseLost("aaaa")
            super().turn(outcomes, batches)

    class Faulty(Slow):
        def answer(self, batch: Batch) -> list[Outcome]:
            if fault == "adapter" and batch.steps[0].id == "unit/0":
                raise ZeroDivisionError
            return super().answer(batch)

    book = Breaking()
    crm = Faulty(book)
    with pytest.raises(ZeroDivisionError if fault == "adapter" else LeaseLost):
        apply([create(f"unit/{number}") for number in range(40)], crm, {}, book, concurrency=2)
    sent = {batch.steps[0].id for batch in crm.calls}
    recorded = {id_ for kind, ids in book.entries if kind == "outcome" for id_ in ids}
    intended = {id_ for kind, ids in book.entries if kind == "intent" for id_ in ids}
    assert recorded >= sent - {"unit/0"}
    assert ("unit/0" in recorded) is (fault == "lease")
    assert sent <= intended
    assert len(intended) <= 16


@pytest.mark.parametrize("concurrency", [1, 4])
@pytest.mark.parametrize("seed", range(20))
def test_there_are_exactly_as_many_calls_as_the_waits_and_the_batches_ask_for(seed: int, concurrency: int) -> None:
    """Of each stratum, kind and action ceil(changes / batch), however the answers come back."""
    chance, book = random.Random(seed), Book()
    ids = [f"{chance.choice(['unit', 'role', 'business-unit'])}/{number}" for number in range(60)]
    changes = [
        after(create(id_), *chance.sample(ids[:number], min(number, chance.choice([0, 0, 1, 2]))))
        for number, id_ in enumerate(ids)
    ]
    crm = Crm(book, max_batch=5, max_concurrency=4)
    outcomes = apply(changes, crm, {}, book, concurrency=concurrency)
    depth: dict[str, int] = {}
    for change in changes:
        depth[change.id] = 1 + max((depth[one] for one in change.waits_for), default=0)
    groups = Counter((depth[change.id], change.kind) for change in changes)
    assert len(crm.calls) == sum(-(-count // 5) for count in groups.values())
    assert {one.status for one in outcomes} == {Status.APPLIED}


RENAME = update("unit/w", {KEY: "u"}, {KEY: "w"})
STEPS = [create("unit/a", name="A"), update("unit/b", {"name": "x"}, {"name": "B"}), delete("unit/c"), RENAME]
DONE = snapshot({"unit/a": {"name": "A"}, "unit/b": {"name": "B"}, "unit/w": {}})
UNDONE = snapshot({"unit/b": {"name": "x"}, "unit/c": {}, "unit/w": {}})


def outcome(change: Change, status: Status) -> Outcome:
    return Outcome(id=change.id, address=change.address, action=change.action, status=status, detail="timeout")


def test_what_an_unknown_step_did_is_decided_by_reading() -> None:
    unknown = [outcome(change, Status.UNKNOWN) for change in STEPS]
    done = settle(STEPS, unknown, DONE)
    assert {one.status for one in done} == {Status.APPLIED}
    undone = settle(STEPS, unknown, UNDONE, former={"unit/w": "unit/u"})
    assert {one.status for one in undone} == {Status.FAILED}
    assert {one.detail for one in undone} == {"not done, found by reading: timeout"}


@pytest.mark.parametrize("status", [Status.APPLIED, Status.FAILED, Status.SKIPPED])
def test_what_is_known_is_not_decided_again(status: Status) -> None:
    known = [outcome(change, status) for change in STEPS]
    assert settle(STEPS, known, UNDONE, former={"unit/w": "unit/u"}) == known


def test_what_was_reported_as_applied_and_is_not_so_is_named() -> None:
    applied = [outcome(change, Status.APPLIED) for change in STEPS]
    assert verify(STEPS, applied, DONE) == []
    assert [one.detail for one in verify(STEPS, applied, UNDONE, former={"unit/w": "unit/u"})] == [
        "unit/a is not there",
        'unit/b: name is "x", not "B"',
        "unit/c is still there",
        "unit/w still has its former key",
    ]
    assert verify(STEPS, [outcome(change, Status.FAILED) for change in STEPS], UNDONE) == []


def test_only_the_last_word_on_a_resource_is_verified() -> None:
    release = replace(update("unit/a", {"name": "A"}, {"name": "a~renaming"}), id="unit/a#release")
    final = update("unit/a", {"name": "A"}, {"name": "B"})
    outcomes = [outcome(change, Status.APPLIED) for change in (release, final)]
    assert verify([release, final], outcomes, snapshot({"unit/a": {"name": "B"}})) == []


def test_a_plan_is_fresh_while_everything_it_touches_is_as_it_was() -> None:
    live = snapshot({"unit/b": {"name": "x", "description": "moves"}, "unit/c": {}, "unit/w": {}})
    assert moved(STEPS, live, frozenset()) == []


def test_whatever_moved_is_named_with_who_moved_it() -> None:
    changed = {"unit/b": Changed(by="j.doe", at=datetime(2026, 11, 21, 9, 14, tzinfo=UTC))}
    live = replace(snapshot({"unit/a": {}, "unit/b": {"name": "y"}}), changed=changed)
    assert moved(STEPS, live, frozenset()) == [
        "unit/a exists by now",
        'unit/b: name was "x" and is "y" (last changed by j.doe at 2026-11-21 09:14)',
        "unit/c is gone",
        "unit/w is gone",
    ]


def test_what_a_change_will_refer_to_must_live_or_be_made_by_the_plan() -> None:
    changes = [create("grant/u/p@x/r"), create("membership/u/p@x"), update("unit/v", {"parent": None}, {"parent": "u"})]
    live = snapshot({"unit/v": {}, "user/p@x": {}})
    assert moved(changes, live, frozenset()) == [
        "grant/u/p@x/r: role/r, which it will refer to, is gone",
        "membership/u/p@x: unit/u, which it will refer to, is gone",
        "unit/v: unit/u, which it will refer to, is gone",
    ]
    assert moved([*changes, create("unit/u"), create("role/r")], live, frozenset()) == []


def test_what_the_crm_does_not_keep_is_not_gone() -> None:
    """A user may state a business unit that the CRM names and does not keep."""
    change = update("user/p@x", {"businessUnit": None}, {"businessUnit": "eu"})
    seen: dict[str, Fields] = {"user/p@x": {"businessUnit": None}}
    live = snapshot(seen)
    assert moved([change], live, frozenset(), seen=seen, kept=set(Kind) - {Kind.BUSINESS_UNIT}) == []
    (told,) = moved([change], live, frozenset(), seen=seen)
    assert told == "user/p@x: business-unit/eu, which it will refer to, is gone"
