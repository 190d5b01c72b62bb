"""The policies, asked of what a plan would do, and of who proposes it."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date

from orgsync.access import NO_LIMITS, AccessDiff
from orgsync.adapter import Snapshot
from orgsync.change import Change, Effect
from orgsync.finding import Finding, Position
from orgsync.pipeline.accessing import Meaning, Resources, access_diff, near, outcome, touched_logins
from orgsync.policy import (
    State,
    Terms,
    broken_rules_of_a_plan,
    holding,
    live_state,
    login_of,
    raised,
    settle,
    unknown_author,
)
from orgsync.settings.policies import OF_A_PLAN


@dataclass(frozen=True, slots=True, kw_only=True)
class Proposed:
    """What a plan would do, to a policy.

    stated    roles as declared
    told      what is said of the declaration itself
    gaining   how many people gain access
    causes    change id -> "file:line:column"
    actor     who proposes it, or ""
    """

    live: Snapshot
    changes: Sequence[Change]
    effects: Sequence[Effect]
    meaning: Meaning
    stated: Resources
    told: Sequence[Finding]
    gaining: int
    causes: Mapping[str, str]
    actor: str

    def state(self, resources: Resources, today: date) -> State:
        """What would live."""
        known = self.meaning
        state = live_state(resources, self.stated, contents=known.contents, unknown=known.unknown, today=today)
        return replace(state, live=False)

    def place(self, causes: Sequence[str]) -> Position | None:
        return next((position for one in causes if (position := Position.read(self.causes.get(one, "")))), None)


def judged_plan(proposed: Proposed, terms: Terms) -> list[Finding]:
    """What a plan does that it must not, beyond what is said of the declaration."""
    found = [*_of_author(proposed, terms), *_brought_about(proposed, terms), *_of_rules(proposed, terms)]
    return settle(found, terms)[0]


def _of_author(proposed: Proposed, terms: Terms) -> Iterator[Finding]:
    if not (proposed.actor and proposed.gaining):
        return
    login = login_of(proposed.actor, terms.policies)
    if login is None:
        yield unknown_author(proposed.actor)
    else:
        yield from raised(login, _diff(proposed, terms, logins={login}), proposed.place)


def _diff(proposed: Proposed, terms: Terms, *, logins: set[str] | None = None) -> AccessDiff:
    return access_diff(
        proposed.live,
        proposed.changes,
        proposed.effects,
        proposed.meaning,
        today=terms.today,
        limits=NO_LIMITS,
        logins=logins,
    )


def _brought_about(proposed: Proposed, terms: Terms) -> Iterator[Finding]:
    """Roles that exclude each other and come together only because something else stays: a removal that is withheld,
    or what nobody manages."""
    if not proposed.changes or not any(fields.get("conflictsWith") for fields in proposed.stated.values()):
        return
    before = near(proposed.live, touched_logins(proposed.changes, proposed.effects))
    after = outcome(before, proposed.changes, proposed.effects)
    known = {one.detail.partition(";")[0] for one in proposed.told if one.code == "conflicting-roles"}
    known |= {one.detail for one in holding.conflicts(proposed.state(before, terms.today))}
    for one in holding.conflicts(proposed.state(after, terms.today)):
        if one.detail not in known:
            yield one


def _of_rules(proposed: Proposed, terms: Terms) -> Iterator[Finding]:
    if proposed.changes and any(rule.each in OF_A_PLAN for rule in terms.policies.rules):
        state, diff = proposed.state({}, terms.today), _diff(proposed, terms)
        yield from broken_rules_of_a_plan(state, diff, proposed.place, terms, actor=_actor(proposed, terms))


def _actor(proposed: Proposed, terms: Terms) -> str:
    return login_of(proposed.actor, terms.policies) or proposed.actor
