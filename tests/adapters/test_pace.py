"""Pace: calls follow what the server says, whoever makes them, so that none is refused and few are late."""

import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass

import pytest

from orgsync.adapters.http import Client, Limits, bearer
from orgsync.adapters.http.limits import Time
from orgsync.adapters.http.pace import Pace
from orgsync.adapters.http.quota import common_left, common_rate
from tests.faults.acts import Reply
from tests.faults.server import Request, Server, serving

NOW = 1_800_000_000.0


@dataclass
class Clock:
    now: float = 1000.0

    def __call__(self) -> float:
        return self.now


def remaining(left: int, seconds: int) -> dict[str, str]:
    return {"RateLimit-Remaining": str(left), "RateLimit-Reset": str(seconds)}


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        ({}, None),
        ({"RateLimit-Policy": '"calls";q=20;w=2'}, (20, 2)),
        ({"RateLimit-Policy": "20;w=2"}, (20, 2)),
        ({"RateLimit-Policy": '"burst";q=100;w=10,"second";q=20;w=1'}, (100, 10)),
        ({"RateLimit-Policy": "10;w=1, 50;w=60"}, (10, 1)),
        ({"RateLimit-Policy": '"daily";q=1000;w=86400'}, None),
        ({"RateLimit-Policy": '20;comment="fast";w=2'}, (20, 2)),
        ({"RateLimit-Policy": '"calls";q=0;w=2'}, None),
        ({"RateLimit-Policy": '"calls";q=20;w=0'}, None),
        ({"RateLimit-Policy": "odd"}, None),
    ],
)
def test_a_rate_is_the_slowest_that_the_server_states_for_a_short_window(
    headers: dict[str, str], expected: tuple[int, int] | None
) -> None:
    assert common_rate(headers) == expected


def test_of_two_counts_the_tightest_is_left() -> None:
    both = {**remaining(5, 10), "X-RateLimit-Remaining": "3", "X-RateLimit-Reset": str(int(NOW) + 60)}
    assert common_left(both, NOW) == (3, 60)
    assert common_left({"RateLimit": '"a";r=7;t=4'}, NOW) == (7, 4)
    assert common_left({"RateLimit-Remaining": "7"}, NOW) is None


def test_turns_follow_each_other_at_the_stated_rate_and_lateness_is_caught_up_within_bounds() -> None:
    clock = Clock()
    pace = Pace(clock)
    assert [pace.turn() for _ in range(5)] == [0] * 5
    pace.heed({"RateLimit-Policy": "10;w=1"}, NOW, clock.now)
    waits = [pace.turn() for _ in range(12)]
    assert waits == pytest.approx([number / 10 for number in range(-1, 11)])  # a tenth may be caught up
    clock.now += 100
    assert sum(pace.turn() <= 0 for _ in range(10)) == 2


def test_what_flies_counts_as_if_the_server_had_not_seen_it_yet() -> None:
    clock = Clock()
    pace = Pace(clock)
    pace.heed(remaining(2, 30), NOW, clock.now)
    assert [pace.begin(), pace.begin()] == [0, 0]
    pace.heed(remaining(0, 30), NOW, clock.now)
    pace.end()
    pace.end()
    assert pace.begin() == clock.now + 30
    clock.now += 30
    assert [pace.begin(), pace.begin()] == [0, 0]  # as many as there were at most


def test_answers_that_overtake_each_other_do_not_give_calls_back() -> None:
    clock = Clock()
    pace = Pace(clock)
    pace.heed(remaining(0, 30), NOW, clock.now)
    pace.heed(remaining(4, 30), NOW, clock.now)
    assert pace.begin() == clock.now + 30
    pace.heed(remaining(9, 60), NOW, clock.now)  # of the next window
    assert pace.begin() == 0


def test_an_answer_of_the_window_before_neither_gives_calls_back_nor_ends_this_one() -> None:
    clock = Clock()
    pace = Pace(clock)
    before = clock.now
    pace.heed(remaining(20, 30), NOW, before)
    clock.now += 30
    assert [pace.begin(), pace.begin()] == [0, 0]  # a window begins
    pace.heed(remaining(14, 30), NOW, clock.now)
    pace.heed({"RateLimit-Remaining": "5", "RateLimit-Reset": "0"}, NOW, before)
    pace.end()
    pace.end()
    clock.now += 0.01
    assert [pace.begin() for _ in range(13)] == [0] * 13
    assert pace._short()


def test_after_answers_of_the_window_before_one_call_at_least_may_ask() -> None:
    clock = Clock()
    pace = Pace(clock)
    before = clock.now
    pace.heed(remaining(2, 30), NOW, before)
    clock.now += 30
    assert pace.begin() == 0
    for _ in range(3):
        pace.heed(remaining(0, 1), NOW, before)
    pace.end()
    assert pace.begin() == 0


def test_a_server_that_stops_counting_is_not_waited_for() -> None:
    clock = Clock()
    pace = Pace(clock)
    pace.heed(remaining(0, 5), NOW, clock.now)
    clock.now += 5
    for _ in range(20):
        assert pace.begin() == 0


@dataclass
class Window:
    """So many calls per window, by the server's own clock; says how many are left, and nothing of its policy."""

    calls: int
    seconds: float
    begins: float = 0
    used: int = 0
    refused: int = 0

    def __call__(self, _: Request) -> Reply:
        now = time.time()
        if now >= self.begins + self.seconds:
            self.begins, self.used = now, 0
        self.used += 1
        left, reset = str(max(self.calls - self.used, 0)), f"{self.begins + self.seconds - now:.3f}"
        if self.used > self.calls:
            self.refused += 1
            return Reply.of({"message": "too many"}, 429, Retry_After="1")
        return Reply.of({}, RateLimit_Remaining=left, RateLimit_Reset=reset)


@dataclass
class Bucket:
    """A bucket that fills evenly, and states its policy."""

    calls: int
    refused: int = 0
    taken: int = 0
    first: float = 0
    last: float = 0
    tokens: float = 0

    def __call__(self, _: Request) -> Reply:
        now = time.monotonic()
        self.first = self.first or now
        self.tokens = min(self.calls, self.tokens + (now - self.last) * self.calls) if self.last else self.calls
        self.last = now
        if self.tokens < 1:
            self.refused += 1
            return Reply.of({"message": "too many"}, 429, Retry_After="1")
        self.tokens -= 1
        self.taken += 1
        return Reply.of({}, RateLimit_Policy=f'"calls";q={self.calls};w=1')


@contextmanager
def asked(app: Callable[[Request], Reply], threads: int, calls: int) -> Iterator[Server]:
    with (
        serving(app=app, further=True, at={}) as server,
        Client(server.url, authorization=bearer("a-token"), writable=True, limits=Limits(total=30)) as client,
        ThreadPoolExecutor(threads) as pool,
    ):
        list(pool.map(lambda _: client.call("POST", "things"), range(calls)))
        yield server


def test_many_threads_use_a_window_up_and_are_never_refused() -> None:
    window = Window(calls=20, seconds=0.5)
    start = time.monotonic()
    with asked(window, threads=8, calls=90) as server:
        assert window.refused == 0
        assert len(server.requests) == 90
    assert time.monotonic() - start < 4  # four whole windows are needed


def test_whoever_wakes_up_late_asks_again_whether_calls_are_left() -> None:
    clock, slept = Clock(), list[float]()

    def sleep(seconds: float) -> None:
        clock.now += seconds
        slept.append(seconds)
        if len(slept) == 1:  # meanwhile others used up the next window, too
            client._pace.begin()
            client._pace.heed(remaining(0, 7), NOW, clock.now)
            client._pace.end()

    at_will = Time(clock=clock, wall=lambda: NOW, sleep=sleep)
    reply = Reply.of({}, RateLimit_Remaining="3", RateLimit_Reset="9")
    with (
        serving(app=lambda _: reply, further=True, at={}) as server,
        Client(server.url, authorization=bearer("a-token"), writable=True, time=at_will) as client,
    ):
        client._pace.heed(remaining(2, 30), NOW, clock.now)
        client._pace.heed(remaining(0, 30), NOW, clock.now)
        client.call("POST", "things")
        assert len(server.requests) == 1
    assert slept == [30, 7]


def test_many_threads_keep_to_a_stated_rate_use_it_and_are_never_refused() -> None:
    bucket = Bucket(calls=100)
    with asked(bucket, threads=8, calls=250) as server:
        assert bucket.refused == 0
        assert len(server.requests) == 250
    assert bucket.taken / (bucket.last - bucket.first) > 0.7 * bucket.calls
