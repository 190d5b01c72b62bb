"""The engine over HTTP with one fault at every single call, and with a CRM that dies at every single call.

Whatever happens: nothing is lost, nothing is created twice, no credential leaves for another host or stands in a text,
what was reported is so, and planning again goes on until nothing is left to do.
"""

import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from email.utils import formatdate
from typing import Any

import pytest

from orgsync.adapter import Capabilities, Foreign, Scope, Snapshot
from orgsync.adapters.http import Answer, Client, Limits, Renewed, Time, oauth_token
from orgsync.adapters.memory import MemoryCrm
from orgsync.apply import apply, settle, verify
from orgsync.change import Change, Outcome, Status
from orgsync.errors import AdapterError
from orgsync.resources import NO_FIELDS, Kind
from tests.faults import acts
from tests.faults.acts import Act, Reply, refuses
from tests.faults.crm import SECRET, HttpAdapter, HttpCrm
from tests.faults.server import Server, serving
from tests.figures import record
from tests.organizations import State, wanted
from tests.transitions import Silent, planned

ANA, BO, CY = "ana@example.com", "bo@example.com", "cy@example.com"
FOREIGN = [Foreign(kind=Kind.UNIT, id="u9", name="Somebody's unit")]
BEFORE: State = {
    "business-unit/b": {"name": "B"},
    "role/rep": {"name": "Rep", "privileges": {"lead": {"read": "own"}}},
    "role/old": {"name": "Old"},
    "unit/sales": {"name": "Sales", "businessUnit": "b", "roles": ["rep"]},
    "unit/east": {"name": "East", "businessUnit": "b", "parent": "sales"},
    "unit/west": {"name": "West", "businessUnit": "b", "parent": "sales"},
    "unit/gone": {"name": "Gone", "businessUnit": "b", "parent": "west"},
    f"user/{ANA}": {"active": True},
    f"user/{BO}": {"active": True},
    f"membership/gone/{ANA}": NO_FIELDS,
    f"grant/gone/{ANA}/old": NO_FIELDS,
}
AFTER: State = {
    "business-unit/b": {"name": "B"},
    "role/rep": {"name": "Rep", "privileges": {"lead": {"read": "unit", "update": "own"}}},
    "role/lead": {"name": "Lead", "includes": ["rep"]},
    "unit/sales": {"name": "Sales", "businessUnit": "b", "roles": ["rep"]},
    "unit/east": {"name": "West", "businessUnit": "b", "parent": "sales"},
    "unit/western": {"name": "East", "businessUnit": "b", "parent": "sales"},
    "unit/new": {"name": "New", "businessUnit": "b", "parent": "western"},
    f"user/{ANA}": {"active": True},
    f"user/{BO}": {"active": True},
    f"user/{CY}": {"active": True},
    f"membership/new/{ANA}": {"until": "2027-03-31"},
    f"membership/new/{CY}": NO_FIELDS,
    f"grant/new/{CY}/lead": NO_FIELDS,
}
GOAL = wanted(AFTER, previously={"unit/western": ("unit/west",)})
"""Creations, a change of privileges, a swap of names, a rename, a move of a member, removals."""

PATIENT = Limits(connect=5, read=20, answer=20)
HURRIED = Limits(connect=5, read=0.2, answer=0.3)
ROUNDS = 4

Kinds = Mapping[str, Callable[[Server, HttpCrm], Act]]


def expires(_: Server, crm: HttpCrm) -> Act:
    def act(wire: acts.Wire, carry_out: acts.CarryOut) -> None:
        crm.tokens += 1
        wire.send(carry_out().wire)

    return act


def always(act: Act) -> Callable[[Server, HttpCrm], Act]:
    return lambda *_: act


AN_HOUR = "3600"
ONCE: Kinds = {
    "late": always(acts.late(0.005)),
    "429 with seconds": always(refuses(429, Retry_After="7")),
    "429 with a date": lambda *_: refuses(429, Retry_After=formatdate(time.time() + 60, usegmt=True)),
    "429 for an hour": always(refuses(429, Retry_After=AN_HOUR)),
    "no quota left": always(acts.carries_out_and_adds(X_RateLimit_Remaining="0", X_RateLimit_Reset="9")),
    "no quota left for an hour": always(acts.carries_out_and_adds(RateLimit_Remaining="0", RateLimit_Reset=AN_HOUR)),
    "503 with seconds": always(refuses(503, Retry_After="7")),
    "400": always(refuses(400)),
    "500 before": always(refuses(500)),
    "500 after": always(acts.carries_out_and_says(Reply.of({"message": "oops"}, 500))),
    "504 after": always(acts.carries_out_and_says(Reply(status=504, body=b"<html>"))),
    "reset before": always(acts.resets),
    "reset after": always(acts.carries_out_and_resets),
    "closed after": always(acts.closes),
    "truncated": always(acts.truncates),
    "cut in half": always(acts.cuts_in_half),
    "doubled body": always(acts.doubles_body),
    "doubled answer": always(acts.doubles_answer),
    "garbage": always(acts.garbage),
    "empty": always(acts.empty),
    "page for people": always(acts.page_for_people),
    "huge": always(acts.huge(300_000)),
    "no http": always(acts.no_http),
    "expired token": expires,
    "redirect elsewhere": lambda other, _: acts.redirects(f"{other.url}/records"),
    "redirect elsewhere, same method": lambda other, _: acts.redirects(f"{other.url}/records", 307),
    "redirect to another name": lambda other, _: acts.redirects(f"http://localhost:{other.port}/records", 308),
}
SLOW: Kinds = {
    "silent": always(acts.silent),
    "slow head": always(acts.drips_head(0.1)),
    "slow body": always(acts.drips_body(0.1)),
}
FROM_HERE_ON: Kinds = {
    "dead": always(acts.resets),
    "answers lost": always(acts.closes),
    "500": always(refuses(500)),
    "redirects elsewhere": lambda other, _: acts.redirects(f"{other.url}/records"),
    "log in again": always(refuses(401)),
}


@dataclass
class Trial:
    """What one way from BEFORE to AFTER came to."""

    crm: HttpCrm
    calls: int = 0
    rounds: int = 0
    converged: bool = False
    unexplained: int = 0
    texts: list[str] = field(default_factory=list)

    @property
    def lost(self) -> int:
        """Resources that are not as they are without a fault, foreign ones among them."""
        one, other = self.crm.crm.resources, expected()
        return len([address for address in one.keys() | other.keys() if one.get(address) != other.get(address)])

    @property
    def leaked(self) -> int:
        return sum("t0ken" in text or SECRET in text for text in self.texts)


def fresh() -> MemoryCrm:
    return MemoryCrm(BEFORE, foreign=FOREIGN)


def expected() -> dict[str, Any]:
    crm = fresh()
    changes = planned(GOAL, crm.adapter())
    assert Counter(one.status for one in apply(changes, crm.adapter(), {}, Silent())) == {Status.APPLIED: len(changes)}
    return crm.resources


@contextmanager
def connected(url: str, capabilities: Capabilities, limits: Limits, *, unique: bool) -> Iterator[HttpAdapter]:
    """As a new process would; waiting is taken for granted."""
    now = Time(sleep=lambda _: None)
    limits = Limits(connect=limits.connect, read=limits.read, answer=limits.answer, size=200_000, total=300)
    form = {"grant_type": "client_credentials", "client_secret": SECRET}
    with Client(url, authorization=None, writable=False, secrets=[SECRET], limits=limits, time=now) as login:
        authorization = Renewed(lambda: oauth_token(login, "token", form))
        with Client(url, authorization=authorization, writable=True, limits=limits, time=now) as client:
            yield HttpAdapter(client, capabilities, unique=unique)


def tried(
    server: Server, crm: HttpCrm, limits: Limits, *, unique: bool, healed_after: int = ROUNDS, concurrency: int = 1
) -> Trial:
    """Plans and applies, as often as it takes; ``healed_after``: rounds after which no fault comes any more."""
    trial, server.app = Trial(crm), crm
    for number in range(ROUNDS):
        if number == healed_after:
            server.acts = {}
        with connected(server.url, crm.crm.capabilities, limits, unique=unique) as adapter:
            trial.rounds += 1
            try:
                changes = planned(GOAL, adapter)
            except AdapterError as error:
                trial.texts.append(f"{error} {error.remedy} {error.said}")
                continue
            if not changes:
                trial.converged = True
                break
            _apply(trial, changes, adapter, concurrency)
    trial.calls = len(server.requests)
    return trial


def _apply(trial: Trial, changes: list[Change], adapter: HttpAdapter, concurrency: int) -> None:
    outcomes = apply(changes, adapter, {}, Silent(), concurrency=concurrency)
    trial.texts += [one.detail for one in outcomes]
    trial.unexplained += sum(one.status is not Status.APPLIED and not one.detail for one in outcomes)
    try:
        live = adapter.read(Scope())
    except AdapterError as error:
        trial.texts.append(f"{error} {error.remedy} {error.said}")
    else:
        outcomes = settle(changes, outcomes, live)
    trial.unexplained += _untrue(changes, outcomes, trial.crm.crm.snapshot(Scope()))


def _untrue(changes: list[Change], outcomes: list[Outcome], live: Snapshot) -> int:
    """Reported as applied and not so, or reported as failed although it was carried out, looked up behind HTTP."""
    failed = [one for one in outcomes if one.status is Status.FAILED]
    as_if = settle(changes, [Outcome(**_unknown(one)) for one in failed], live)
    return len(verify(changes, outcomes, live)) + sum(one.status is Status.APPLIED for one in as_if)


def _unknown(one: Outcome) -> dict[str, Any]:
    return {"id": one.id, "address": one.address, "action": one.action, "status": Status.UNKNOWN}


def calls_of_a_run(*, unique: bool) -> int:
    with serving(at={}) as server:
        trial = tried(server, HttpCrm(fresh()), PATIENT, unique=unique)
        assert (trial.converged, trial.rounds, trial.lost, trial.crm.doubled) == (True, 2, 0, [])
        return trial.calls


def check(
    part: str, make: Callable[[Server, HttpCrm], Act], limits: Limits, *, unique: bool, lasting: bool = False
) -> list[Trial]:
    count = calls_of_a_run(unique=unique)
    found: list[Trial] = []
    with serving(at={}) as other, serving(at={}) as server:
        for index in range(count):
            crm = HttpCrm(fresh())
            act = make(other, crm)
            server.requests.clear()
            server.acts = dict.fromkeys(range(index, 10_000 if lasting else index + 1), act)
            found.append(tried(server, crm, limits, unique=unique, healed_after=1 if lasting else ROUNDS))
        leaked = sum(trial.leaked for trial in found) + len(other.requests)
    lost, doubled = sum(trial.lost for trial in found), sum(len(trial.crm.doubled) for trial in found)
    unexplained = sum(trial.unexplained + (not trial.converged) for trial in found)
    if part:
        record("HTTP faults", part, tried=count, lost=lost, doubled=doubled, leaked=leaked, unexplained=unexplained)
    assert count > 20
    assert (lost, doubled, leaked, unexplained) == (0, 0, 0, 0)
    return found


@pytest.mark.parametrize("kind", ONCE)
def test_a_fault_at_any_call_loses_nothing_and_doubles_nothing(kind: str) -> None:
    check(f"{kind}, once", ONCE[kind], PATIENT, unique=False)


@pytest.mark.parametrize("kind", SLOW)
def test_a_stall_at_any_call_loses_nothing_and_doubles_nothing(kind: str) -> None:
    check(f"{kind}, once", SLOW[kind], HURRIED, unique=False)


@pytest.mark.parametrize("kind", FROM_HERE_ON)
def test_a_crm_that_fails_from_any_call_on_is_caught_up_with_later(kind: str) -> None:
    check(f"{kind}, from there on", FROM_HERE_ON[kind], PATIENT, unique=False, lasting=True)


@pytest.mark.parametrize("kind", ["500 before", "500 after", "reset before", "reset after", "truncated", "empty"])
def test_where_keys_are_unique_a_fault_at_any_call_does_not_even_cost_a_second_run(kind: str) -> None:
    found = check(f"{kind}, unique keys", ONCE[kind], PATIENT, unique=True)
    assert {trial.rounds for trial in found} == {2}


def test_batches_in_flight_together_survive_a_fault_at_every_third_call() -> None:
    crm = HttpCrm(MemoryCrm(BEFORE, foreign=FOREIGN, max_batch=1))
    with serving(at={}) as other, serving(at={}) as server:
        made = [make(other, crm) for kind, make in ONCE.items() if "hour" not in kind and kind != "400"]
        server.acts = {3 * number + 5: act for number, act in enumerate(made)}
        trial = tried(server, crm, PATIENT, unique=True, healed_after=2, concurrency=4)
        leaked = trial.leaked + len(other.requests)
    bad = {"lost": trial.lost, "doubled": len(crm.doubled), "leaked": leaked, "unexplained": trial.unexplained}
    record("HTTP faults", "in flight together", tried=1, **bad)
    assert trial.converged
    assert set(bad.values()) == {0}


def test_these_tests_notice_a_client_that_repeats_what_it_must_not(monkeypatch: pytest.MonkeyPatch) -> None:
    honest = Client.call

    def careless(client: Client, *args: Any, **declared: Any) -> Answer:
        return honest(client, *args, **declared | {"idempotent": True})

    monkeypatch.setattr(Client, "call", careless)
    with pytest.raises(AssertionError):
        check("", ONCE["reset after"], PATIENT, unique=False)
