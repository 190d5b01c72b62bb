"""The policies that there are, and what rules of one's own can ask for.

In: patterns, rules. Out: what they mean. Never: lets a pattern take more than linear time.
"""

import re
from collections.abc import Callable, Mapping
from enum import StrEnum
from functools import lru_cache
from typing import Any, NamedTuple

from orgsync.finding import Severity
from orgsync.settings.values import Rule


class Asked(StrEnum):
    """When a policy is asked: of what is declared and again of what lives; of a plan; of the settings themselves."""

    STATE = "state"
    PLAN = "plan"
    SETTINGS = "settings"
    HINT = "hint"


class Policy(NamedTuple):
    severity: Severity
    summary: str
    remedy: str
    asked: Asked = Asked.STATE


_E, _W, _I = Severity.ERROR, Severity.WARNING, Severity.INFO

POLICIES: Mapping[str, Policy] = {
    "conflicting-roles": Policy(
        _E,
        "one person holds roles that exclude each other",
        "take one of them away, or move the work to somebody else",
    ),
    "too-many-holders": Policy(
        _E,
        "a role has a number of holders that it must not have",
        "change the assignments, or the role's holders",
    ),
    "too-few-holders": Policy(
        _E,
        "a role has a number of holders that it must not have",
        "change the assignments, or the role's holders",
    ),
    "privileged-without-terms": Policy(
        _E,
        "a privileged role needs an end and a reason",
        "add until: and reason: to the assignment",
    ),
    "unit-without-owner": Policy(
        _W,
        "a unit has no owner",
        "add owner: with the login of whoever answers for its reviews",
    ),
    "outside-mail-domain": Policy(
        _E,
        "a login is outside the allowed mail domains",
        "use an address of the organization, or add the domain to mailDomains",
    ),
    "unagreed-name": Policy(
        _E,
        "a name is not as agreed",
        "choose one that the pattern matches, or change the pattern",
    ),
    "too-many-levels": Policy(
        _E,
        "too many levels lie above each other",
        "hang it higher up, or allow more levels",
    ),
    "until-too-far": Policy(
        _E,
        "an assignment ends too late",
        "choose an earlier day; it can be prolonged by then",
    ),
    "ends-soon": Policy(
        _W,
        "an assignment ends soon",
        "prolong it with a later until, or let it end",
    ),
    "holders-end-soon": Policy(
        _W,
        "a role will soon have too few holders",
        "prolong an assignment, or give the role to somebody else",
    ),
    "expired-assignment": Policy(_I, "an assignment has ended", "remove it, or set a later date"),
    "own-access-raised": Policy(
        _E,
        "the author of this change gains access by it",
        "let somebody else propose it",
        Asked.PLAN,
    ),
    "unknown-author": Policy(
        _W,
        "nobody knows who the author is in the CRM",
        "add the account and its login to policies.accounts",
        Asked.PLAN,
    ),
    "waiver-expired": Policy(
        _W,
        "a waiver has ended",
        "remove it; what it waived counts again",
        Asked.SETTINGS,
    ),
    "waiver-ends-soon": Policy(
        _W,
        "a waiver ends soon",
        "correct what it waives, or agree on a later day",
        Asked.SETTINGS,
    ),
    "unused-waiver": Policy(
        _W,
        "a waiver has nothing to waive",
        "remove it, or correct what it is about",
        Asked.SETTINGS,
    ),
    "role-without-holders": Policy(
        _I,
        "nobody holds this role",
        "remove it, or give it to somebody",
        Asked.HINT,
    ),
    "role-within-another": Policy(
        _I,
        "all that a role allows another one allows, too",
        "include it there, or give the smaller one where that suffices",
        Asked.HINT,
    ),
    "role-of-all-members": Policy(
        _I,
        "all members of a unit hold the same role of their own",
        "make it a role of the unit",
        Asked.HINT,
    ),
    "deactivated-member": Policy(
        _I,
        "somebody who is deactivated is still assigned",
        "remove the assignment",
        Asked.HINT,
    ),
    "privileged-without-end": Policy(
        _I,
        "privileged access has no end",
        "add until: to the assignment",
        Asked.HINT,
    ),
}
"""Code -> what is said about it. ``expired-assignment`` is a hint that is always given."""


@lru_cache(maxsize=64)
def matcher(pattern: str) -> Callable[[str], bool]:
    """Whether the whole of a text matches. The engine takes linear time, whatever the pattern."""
    from pydantic_core import SchemaValidator  # noqa: PLC0415  (only where patterns are stated)

    schema: Any = {"type": "str", "pattern": rf"\A(?:{pattern})\z", "regex_engine": "rust-regex"}
    return SchemaValidator(schema).isinstance_python


SUBJECTS: Mapping[str, tuple[str, ...]] = {
    "user": ("login", "domain", "name", "active", "units", "roles", "privileged", "access"),
    "unit": ("key", "name", "type", "parent", "businessUnit", "owner", "roles", "level", "members"),
    "role": ("key", "name", "privileged", "includes", "conflictsWith", "holders", "access"),
    "assignment": ("user", "unit", "roles", "until", "days", "reason", "privileged"),
    "gain": ("users", "units", "roles", "privileges", "privileged"),
    "loss": ("users", "units", "roles", "privileges", "privileged"),
}
"""Sort of thing -> the fields that a rule about it can ask for."""
OF_A_PLAN = frozenset({"gain", "loss"})
"""Sorts that only a plan has."""


def asked_for(rule: Rule) -> list[str]:
    """The fields that its expression names; all of them where it uses the thing as a whole."""
    expression = _TEXTS.sub("", rule.require)
    found = re.findall(rf"(?<![\w.]){rule.each}\b(?:\s*\.\s*(\w+))?", expression)
    return list(SUBJECTS[rule.each]) if "" in found else list(dict.fromkeys(found))


_TEXTS = re.compile(r'"(?:[^"\\]|\\.)*"|\'(?:[^\'\\]|\\.)*\'')


PLACES = re.compile(r"\{([^{}]*)\}")


def fill(message: str, subject: Mapping[str, object]) -> str:
    """The message with ``{user.login}`` and the like filled in; lists as words with commas between them."""
    return PLACES.sub(lambda found: _shown(subject.get(found[1].partition(".")[2])), message)


def _shown(value: object) -> str:
    if isinstance(value, list):
        return ", ".join(map(_shown, value))
    return "nothing" if value is None else str(value).lower() if isinstance(value, bool) else str(value)
