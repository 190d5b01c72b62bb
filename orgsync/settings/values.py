"""The settings as everybody uses them: plain values, and how they are made of what was checked.

In: what the models wrote as JSON, in this run or an earlier one. Out: settings. Never: checks anything, or loads the
library that does, which takes longer than many a plan. Named tuples: to make a dataclass takes seven times as long.
"""

from collections.abc import Mapping
from datetime import timedelta
from functools import cache
from typing import Any, NamedTuple

from orgsync.resources import Json, Kind

Stated = Mapping[str, Any]
"""Fields by their names in orgsync.yaml."""


class Limit(NamedTuple):
    share: float = 0.25
    count: int = 50  # type: ignore[assignment]  # nobody counts in it


class Safety(NamedTuple):
    removals: Limit = Limit()
    kinds: Mapping[Kind, Limit] = {}
    group: Limit = Limit(share=0.5, count=25)
    allowance: int = 3
    window: timedelta = timedelta(days=30)
    gains: int = 20
    shrink: float = 0.5
    administrators: int = 1
    protected: tuple[str, ...] = ()


class Named(NamedTuple):
    key: str | None = None
    name: str | None = None


class Names(NamedTuple):
    business_unit: Named = Named()
    unit: Named = Named()
    function: Named = Named()
    role: Named = Named()


class Depth(NamedTuple):
    units: int | None = None
    business_units: int | None = None


class LongestUntil(NamedTuple):
    assignment: timedelta | None = None
    privileged: timedelta | None = None


class Rule(NamedTuple):
    id: str
    each: str
    require: str
    message: str | None = None
    remedy: str | None = None
    severity: str = "error"


class Waiver(NamedTuple):
    code: str
    address: str
    reason: str
    until: str
    live: bool


class Policies(NamedTuple):
    severities: Mapping[str, str] = {}
    mail_domains: tuple[str, ...] = ()
    names: Names = Names()
    depth: Depth = Depth()
    longest_until: LongestUntil = LongestUntil()
    warn_before: timedelta = timedelta(days=14)
    accounts: Mapping[str, str] = {}
    rules: tuple[Rule, ...] = ()
    waivers: tuple[Waiver, ...] = ()


class TargetSettings(NamedTuple):
    """``options``: what is not named here is the adapter's."""

    adapter: str
    url: str | None
    credentials: Mapping[str, str]
    missing_users: str
    prune: frozenset[Kind]
    scope_fallback: str
    inexpressible: str
    concurrency: int
    runs_as: str | None
    options: Mapping[str, Any]


class Plans(NamedTuple):
    key: str | None
    trusted: tuple[str, ...]


class Settings(NamedTuple):
    """``in_force``: safety and policies as a plan states them; ``sound``: the adapters were asked about their options,
    too, and had nothing to say."""

    organization: str
    default_target: str | None
    targets: Mapping[str, TargetSettings]
    journal: str
    safety: Safety
    plans: Plans
    policies: Policies
    in_force: Mapping[str, Json]
    sound: bool = False

    @property
    def only_target(self) -> str | None:
        """The default target, or the only one there is."""
        return self.default_target or (next(iter(self.targets)) if len(self.targets) == 1 else None)


def settings_of(stated: Stated) -> Settings:
    """Raises KeyError, TypeError, ValueError or AttributeError where that is not what the models wrote."""
    safety, policies = stated["safety"], stated["policies"]
    return Settings(
        organization=stated["organization"],
        default_target=stated["defaultTarget"],
        targets={name: target_of(one) for name, one in stated["targets"].items()},
        journal=stated["journal"],
        safety=safety_of(safety),
        plans=Plans(key=stated["plans"]["key"], trusted=tuple(stated["plans"]["trusted"])),
        policies=policies_of(policies),
        in_force={"safety": safety, "policies": policies},
    )


def target_of(stated: Stated) -> TargetSettings:
    fields = _fields(TargetSettings, {name: value for name, value in stated.items() if name != "options"})
    ours = target_fields()
    options = {name: value for name, value in stated.items() if name not in ours}
    return TargetSettings(**fields | {"prune": frozenset(map(Kind, stated["prune"])), "options": options})


def target_fields() -> list[str]:
    """What may stand at every target."""
    return [alias(name) for name in TargetSettings._fields if name != "options"]


def safety_of(stated: Stated) -> Safety:
    limits = {name: _limit(stated[name]) for name in ("removals", "group")}
    kinds = {Kind(kind): _limit(limit) for kind, limit in stated["kinds"].items()}
    window, protected = _days(stated["window"]), tuple(stated["protected"])
    return Safety(**_fields(Safety, stated) | limits | {"kinds": kinds, "window": window, "protected": protected})


def policies_of(stated: Stated) -> Policies:
    until = stated["longestUntil"]
    return Policies(
        severities=stated["severities"],
        mail_domains=tuple(stated["mailDomains"]),
        names=Names(**{name: Named(**named) for name, named in _fields(Names, stated["names"]).items()}),
        depth=Depth(**_fields(Depth, stated["depth"])),
        longest_until=LongestUntil(_optional(until["assignment"]), _optional(until["privileged"])),
        warn_before=_days(stated["warnBefore"]),
        accounts=stated["accounts"],
        rules=tuple(Rule(**rule) for rule in stated["rules"]),
        waivers=tuple(Waiver(**waiver) for waiver in stated["waivers"]),
    )


def _fields(kind: Any, stated: Stated) -> dict[str, Any]:
    """By the names that they have here."""
    return {name: stated[at] for name in kind._fields if (at := alias(name)) in stated}


@cache
def alias(name: str) -> str:
    """``missing_users``: ``missingUsers``."""
    first, *more = name.split("_")
    return first + "".join(map(str.capitalize, more))


def _limit(stated: Stated) -> Limit:
    return Limit(**stated)


def _days(text: str) -> timedelta:
    return timedelta(days=int(text.removesuffix("d")))


def _optional(text: str | None) -> timedelta | None:
    return None if text is None else _days(text)
