"""The settings of policies: what must hold of the organization, which exceptions are agreed on, and rules of one's own.

In: the part ``policies`` of orgsync.yaml. Out: frozen settings. Never: lets a pattern take more than linear time.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from functools import lru_cache
from typing import Annotated, Literal

from pydantic import BeforeValidator, WithJsonSchema
from pydantic_core import PydanticCustomError, SchemaError, SchemaValidator, core_schema

from orgsync.finding import Severity
from orgsync.settings.words import Days, Model
from orgsync.wording import Count, Day, Flag, Key, Line, Lines, Login, suggestion


class Asked(StrEnum):
    """When a policy is asked: of what is declared and again of what lives; of a plan; of the settings themselves."""

    STATE = "state"
    PLAN = "plan"
    SETTINGS = "settings"
    HINT = "hint"


@dataclass(frozen=True, slots=True)
class Policy:
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

FAULTS: Mapping[str, tuple[str, str]] = {
    "bad-pattern": ("this is not a pattern", "write a regular expression without look-around or back references"),
    "bad-domain": ("this is not a mail domain", "write what stands after the @, such as example.com"),
    "unknown-policy": ("there is no such policy", "docs/policies.md lists all of them"),
    "taken-rule": ("a rule needs an id of its own", "choose another id: this is that of a policy, or of another rule"),
    "too-many-rules": ("so many rules are not possible", "write at most 100"),
    "unknown-rule-field": (
        "a rule asks for something that there is not",
        "docs/policies.md lists what a rule of each sort can ask for",
    ),
    "bad-template": ("a message names something that a rule of this sort does not know", "docs/policies.md lists them"),
}

_LONGEST_PATTERN = 500
_DOMAIN = r"^[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)+$"


@lru_cache(maxsize=64)
def matcher(pattern: str) -> Callable[[str], bool]:
    """Whether the whole of a text matches. The engine takes linear time, whatever the pattern."""
    schema = core_schema.str_schema(pattern=rf"\A(?:{pattern})\z", regex_engine="rust-regex")
    return SchemaValidator(schema).isinstance_python


def _pattern(value: object) -> str:
    try:
        if not isinstance(value, str) or len(value) > _LONGEST_PATTERN:
            raise PydanticCustomError("bad-pattern", "a pattern")
        matcher(value)
    except SchemaError:
        raise PydanticCustomError("bad-pattern", "a pattern") from None
    return value


def _domain(value: object) -> str:
    if isinstance(value, str) and matcher(_DOMAIN)(value):
        return value.lower()
    raise PydanticCustomError("bad-domain", "a domain")


Pattern = Annotated[str, BeforeValidator(_pattern), WithJsonSchema({"type": "string", "maxLength": _LONGEST_PATTERN})]
Domain = Annotated[str, BeforeValidator(_domain), WithJsonSchema({"type": "string", "pattern": _DOMAIN})]
SeverityWord = Literal["error", "warning", "info", "off"]


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


class Named(Model):
    """How things of one kind are called; a pattern must match the whole."""

    key: Pattern | None = None
    """A regular expression for keys, such as "[a-z]+-(sales|service)"."""
    name: Pattern | None = None
    """A regular expression for names."""


class Names(Model):
    """How things are called."""

    business_unit: Named = Named()
    """Business units."""
    unit: Named = Named()
    """Units."""
    function: Named = Named()
    """Functions."""
    role: Named = Named()
    """Roles."""


class Depth(Model):
    """So many levels may lie above each other, the topmost counted."""

    units: Count | None = None
    """Of units."""
    business_units: Count | None = None
    """Of business units."""


class LongestUntil(Model):
    """So many days from today an assignment may last, where it states an end."""

    assignment: Days | None = None
    """Any assignment, such as 730d."""
    privileged: Days | None = None
    """One that gives a privileged role, such as 180d."""


class Rule(Model):
    """A rule of one's own: an expression in CEL that must be true of each thing of one sort."""

    id: Key
    """Its name: the code of its findings, which severities and waivers refer to."""
    each: Literal["user", "unit", "role", "assignment", "gain", "loss"]
    """What it is asked of; gain and loss are those of a plan."""
    require: Lines
    """What must be true, such as '!("refund-approver" in user.roles) || user.active'."""
    message: Lines | None = None
    """What is said where it is not; {user.login} and the like are filled in."""
    remedy: Lines | None = None
    """What to do about it."""
    severity: SeverityWord = "error"
    """How bad that is."""


class Waiver(Model):
    """An exception that somebody agreed to: what it names is shown as waived and stops nothing."""

    code: Key
    """The policy, or the id of a rule."""
    address: Line = "*"
    """What it is about, such as user/ana.kim@example.com; * and ? match."""
    reason: Line
    """Why, and who agreed."""
    until: Day
    """Its last day."""
    live: Flag = False
    """With true it is about the CRM alone, as orgsync drift sees it."""


def _not_too_many(value: object) -> object:
    if isinstance(value, list) and len(value) > _MOST_RULES:
        raise PydanticCustomError("too-many-rules", "rules")
    return value


_MOST_RULES = 100


class Policies(Model):
    """What must hold of the organization. Each finding has a code; severities and waivers name it."""

    severities: dict[Key, SeverityWord] = {}
    """How bad the findings of a policy are, by its code: error, warning, info, or off."""
    mail_domains: tuple[Domain, ...] = ()
    """Nobody is assigned whose address is outside these domains; empty for any."""
    names: Names = Names()
    """Patterns that keys and names must match."""
    depth: Depth = Depth()
    """How deep the organization may be."""
    longest_until: LongestUntil = LongestUntil()
    """How far away the end of an assignment may be."""
    warn_before: Days = timedelta(days=14)
    """Ends of assignments and waivers are told so many days ahead."""
    accounts: dict[Line, Login] = {}
    """Logins in the CRM by account at the code host, so that the author of a change is known there."""
    rules: Annotated[tuple[Rule, ...], BeforeValidator(_not_too_many)] = ()
    """Rules of one's own, in CEL, at most 100."""
    waivers: tuple[Waiver, ...] = ()
    """Exceptions that were agreed to."""


Fault = tuple[str, str, tuple[str | int, ...]]
"""(code, detail, path below ``policies``)."""


def faults(policies: Policies) -> Iterator[Fault]:
    """What one field alone cannot show."""
    taken = {*POLICIES}
    for number, rule in enumerate(policies.rules):
        if rule.id in taken:
            yield "taken-rule", f'"{rule.id}"', ("rules", number, "id")
        taken.add(rule.id)
        yield from _of_rule(rule, number)
    yield from (_unknown(code, POLICIES, ("severities", code)) for code in policies.severities if code not in POLICIES)
    waivable = taken - {code for code, policy in POLICIES.items() if policy.asked is Asked.SETTINGS}
    for number, waiver in enumerate(policies.waivers):
        if waiver.code not in waivable:
            yield _unknown(waiver.code, waivable, ("waivers", number, "code"))


def asked_for(rule: Rule) -> list[str]:
    """The fields that its expression names; all of them where it uses the thing as a whole."""
    expression = _TEXTS.sub("", rule.require)
    found = re.findall(rf"(?<![\w.]){rule.each}\b(?:\s*\.\s*(\w+))?", expression)
    return list(SUBJECTS[rule.each]) if "" in found else list(dict.fromkeys(found))


def _of_rule(rule: Rule, number: int) -> Iterator[Fault]:
    """What it asks for that is not there: evaluated, ``has(user.rolls)`` would just be false."""
    known = SUBJECTS[rule.each]
    for word in asked_for(rule):
        if word not in known:
            yield "unknown-rule-field", f'"{word}"{suggestion(word, known)}', ("rules", number, "require")
    for word in _PLACES.findall(rule.message or ""):
        first, _, rest = word.partition(".")
        if first != rule.each or rest not in known or rest in _TABLES:
            yield "bad-template", f'"{{{word}}}"', ("rules", number, "message")


_TABLES = {"access", "privileges"}
"""What does not read well in a sentence."""
_TEXTS = re.compile(r'"(?:[^"\\]|\\.)*"|\'(?:[^\'\\]|\\.)*\'')


def _unknown(code: str, known: Iterable[str], path: tuple[str | int, ...]) -> Fault:
    return "unknown-policy", f'"{code}"{suggestion(code, known)}', path


_PLACES = re.compile(r"\{([^{}]*)\}")


def fill(message: str, subject: Mapping[str, object]) -> str:
    """The message with ``{user.login}`` and the like filled in; lists as words with commas between them."""
    return _PLACES.sub(lambda found: _shown(subject.get(found[1].partition(".")[2])), message)


def _shown(value: object) -> str:
    if isinstance(value, list):
        return ", ".join(map(_shown, value))
    return "nothing" if value is None else str(value).lower() if isinstance(value, bool) else str(value)


def model_at(path: Sequence[str | int]) -> type[Model]:
    """Whose fields stand at this path below ``policies``."""
    if len(path) > 2 and path[0] == "names":  # noqa: PLR2004
        return Named
    return _MODELS.get(path[0], Policies) if len(path) > 1 else Policies


_MODELS: Mapping[str | int, type[Model]] = {
    "names": Names,
    "depth": Depth,
    "longestUntil": LongestUntil,
    "rules": Rule,
    "waivers": Waiver,
}
