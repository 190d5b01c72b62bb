"""The part ``policies`` of orgsync.yaml as it is checked.

In: what is stated there. Out: models, and what one field alone cannot show. Never: takes more than linear time.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import timedelta
from typing import Annotated, Literal

from pydantic import BeforeValidator, WithJsonSchema
from pydantic_core import PydanticCustomError, SchemaError

from orgsync.finding import suggestion
from orgsync.settings import values
from orgsync.settings.policies import PLACES, POLICIES, SUBJECTS, Asked, asked_for, matcher
from orgsync.settings.words import Days, Model
from orgsync.wording import Count, Day, Flag, Key, Line, Lines, Login

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


def faults(policies: values.Policies) -> Iterator[Fault]:
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


def _of_rule(rule: values.Rule, number: int) -> Iterator[Fault]:
    """What it asks for that is not there: evaluated, ``has(user.rolls)`` would just be false."""
    known = SUBJECTS[rule.each]
    for word in asked_for(rule):
        if word not in known:
            yield "unknown-rule-field", f'"{word}"{suggestion(word, known)}', ("rules", number, "require")
    for word in PLACES.findall(rule.message or ""):
        first, _, rest = word.partition(".")
        if first != rule.each or rest not in known or rest in _TABLES:
            yield "bad-template", f'"{{{word}}}"', ("rules", number, "message")


_TABLES = {"access", "privileges"}
"""What does not read well in a sentence."""


def _unknown(code: str, known: Iterable[str], path: tuple[str | int, ...]) -> Fault:
    return "unknown-policy", f'"{code}"{suggestion(code, known)}', path


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
