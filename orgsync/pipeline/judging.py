"""The policies, asked of what is declared or lives."""

from collections.abc import Iterable
from datetime import date
from pathlib import Path

from orgsync.finding import Finding
from orgsync.policy import State, Terms, about_waivers, broken, broken_rules, hints, settle
from orgsync.settings import position_of
from orgsync.settings.values import Policies


def terms_of(root: Path, policies: Policies, today: date) -> Terms:
    return Terms(policies=policies, today=today, where=lambda path: position_of(root, ("policies", *path)))


def judged(state: State, found: Iterable[Finding], terms: Terms, *, ask_hints: bool) -> list[Finding]:
    """``found``: what was found without the policies, some of which they weigh, too."""
    told, used = settle([*found, *broken(state, terms.policies), *broken_rules(state, terms)], terms)
    more = list(about_waivers(terms, used))
    if ask_hints:
        more += hints(state, {one.address for one in told if one.code == "privileged-without-terms"})
    return told + settle(more, terms)[0]
