"""When assignments end: too late, soon, or so that a role is left with too few holders.

In: a State and the settings. Out: findings. Never: lets a date turn a pipeline red that nobody was warned of.
"""

from collections.abc import Iterator
from dataclasses import replace
from datetime import date, timedelta

from orgsync.access import evaluate
from orgsync.finding import Finding
from orgsync.policy.holding import holders, limits
from orgsync.policy.state import GRANT, MEMBERSHIP, ROLE, State
from orgsync.resources import NO_FIELDS
from orgsync.settings.values import Policies


def too_far(state: State, policies: Policies) -> Iterator[Finding]:
    longest = policies.longest_until
    if longest.assignment is None and longest.privileged is None:
        return
    latest, strong_latest = (_after(state.today, days) for days in (longest.assignment, longest.privileged))
    strong = {f"{MEMBERSHIP}{unit}/{user}" for user, unit, _ in state.strong_holdings()}
    for address, until in _ending(state, min(latest, strong_latest), None):
        last = min(latest, strong_latest) if address in strong else latest
        if until > last:
            yield state.tell("until-too-far", f"{_who(address)} ends on {until}, after {last}", address, "until")


def soon(state: State, policies: Policies) -> Iterator[Finding]:
    """Of what is declared: whoever lives there with another end is drift."""
    first, last = state.today.isoformat(), _after(state.today, policies.warn_before)
    ending = _ending(state, first, last)
    for address, until in ending:
        yield state.tell("ends-soon", f"{_who(address)} ends on {until}", address, "until")
    if ending and state.complete:
        yield from _left_with_too_few(state, date.fromisoformat(last))


def _left_with_too_few(state: State, last: date) -> Iterator[Finding]:
    least = {role: limits(fields)[0] for role, fields in state.roles.items()}
    if not any(least.values()) or last == date.max:
        return
    now = holders(state)
    access = evaluate(state.resources, today=last + timedelta(days=1))
    then = holders(replace(state, evaluated=lambda: access))
    for role, count in least.items():
        if then[role] < count <= now[role]:
            detail = f"after {last} {then[role]} people hold {role}, at least {count} must"
            yield state.tell("holders-end-soon", detail, f"{ROLE}{role}", "holders", "min")


def _ending(state: State, first: str, last: str | None) -> list[tuple[str, str]]:
    """(membership or grant, its end) from that day on: most have another one, and are passed over in one walk."""
    found = [
        (address, until)
        for address, fields in state.resources.items()
        if fields is not NO_FIELDS
        and isinstance(until := fields.get("until"), str)
        and first <= until
        and (last is None or until <= last)
    ]
    return [(address, until) for address, until in found if address.startswith((MEMBERSHIP, GRANT))]


def _who(address: str) -> str:
    _, unit, user, *_ = address.split("/")
    return f"{user} in {unit}"


def _after(today: date, days: timedelta | None) -> str:
    """The last day; where there is none, or the calendar ends before it, the last one of all."""
    if days is None or date.max - today < days:
        return date.max.isoformat()
    return (today + days).isoformat()
