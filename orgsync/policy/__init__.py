"""The policies: what must hold of an organization, of what a plan makes of it, and who may propose that.

In: resources (declared, live, or what a plan makes of them), the settings, today's date. Out: findings. Never: reads a
CRM or a file; costs more than a pass over the resources.

    State    an organization as policies look at it
    Terms    the settings, the date, and where the settings stand
"""

from collections.abc import Iterator

from orgsync.access import AccessDiff
from orgsync.finding import Finding
from orgsync.policy import ends, forms, holding
from orgsync.policy.hints import hints
from orgsync.policy.own import Causes, login_of, raised, unknown_author
from orgsync.policy.state import State, declared_state, live_state
from orgsync.policy.waivers import Terms, about_waivers, settle
from orgsync.settings.policies import OF_A_PLAN
from orgsync.settings.values import Policies


def broken(state: State, policies: Policies) -> Iterator[Finding]:
    """What does not hold of it; neither waived nor weighed yet."""
    yield from holding.conflicts(state)
    yield from holding.terms(state)
    yield from holding.numbers(state)
    yield from forms.names(state, policies)
    yield from forms.levels(state, policies)
    yield from forms.domains(state, policies)
    yield from ends.too_far(state, policies)
    if not state.live:
        yield from ends.soon(state, policies)


def broken_rules(state: State, terms: Terms) -> Iterator[Finding]:
    """Rules about what is there."""
    asked = [(n, rule) for n, rule in enumerate(terms.policies.rules) if rule.each not in OF_A_PLAN]
    if not asked:
        return iter(())
    from orgsync.policy import rules  # noqa: PLC0415  (most settings have no rules of their own)
    from orgsync.policy.subjects import Subjects  # noqa: PLC0415

    return rules.broken(asked, Subjects(state=state), terms)


def broken_rules_of_a_plan(
    state: State, diff: AccessDiff, causes: Causes, terms: Terms, *, actor: str
) -> Iterator[Finding]:
    """Rules about what people gain and lose."""
    asked = [(n, rule) for n, rule in enumerate(terms.policies.rules) if rule.each in OF_A_PLAN]
    if not asked:
        return iter(())
    from orgsync.policy import rules  # noqa: PLC0415
    from orgsync.policy.subjects import Subjects  # noqa: PLC0415

    return rules.broken(asked, Subjects(state=state, diff=diff, causes=causes), terms, actor=actor)


__all__ = [
    "Causes",
    "State",
    "Terms",
    "about_waivers",
    "broken",
    "broken_rules",
    "broken_rules_of_a_plan",
    "declared_state",
    "hints",
    "holding",
    "live_state",
    "login_of",
    "raised",
    "settle",
    "unknown_author",
]
