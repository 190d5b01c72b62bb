"""Effective access of what is declared, of what lives, of what a plan makes of it, and of what a commit declared."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from orgsync.access import AccessDiff, Limits, compare, evaluate
from orgsync.adapter import Capabilities
from orgsync.change import Action, Change, Effect
from orgsync.resources import NO_FIELDS, Address, Fields, Kind, kind_of, parts_of

Resources = Mapping[Address, Fields]


@dataclass(frozen=True, slots=True, kw_only=True)
class Meaning:
    """What roles allow where the CRM does not tell.

    contents   role and function address -> its fields as declared
    unknown    roles of the CRM's own
    strong     keys of privileged roles
    """

    contents: Resources
    unknown: frozenset[Address]
    strong: frozenset[str]


def meaning(capabilities: Capabilities, live: Resources, stated: Resources, bound: Iterable[Address]) -> Meaning:
    """A CRM that keeps no privileges of roles leaves them to whoever declared them; what nobody states is unknown."""
    told = capabilities.manages_roles and "privileges" in capabilities.of(Kind.ROLE).fields
    contents = {} if told else {a: fields for a, fields in stated.items() if a.startswith(_CONTENTS)}
    silent = (a for a, fields in contents.items() if a.startswith(_ROLE) and not any(map(fields.get, _ALLOWING)))
    roles = {a: fields for side in (live, stated) for a, fields in side.items() if a.startswith(_ROLE)}
    strong = (address.removeprefix(_ROLE) for address, fields in roles.items() if fields.get("privileged") is True)
    return Meaning(contents=contents, unknown=frozenset([*bound, *silent]), strong=frozenset(strong))


_ROLE = f"{Kind.ROLE}/"
_CONTENTS = (_ROLE, f"{Kind.FUNCTION}/")
_ALLOWING = ("includes", "functions", "privileges")


def access_diff(
    live: Resources,
    changes: Sequence[Change],
    effects: Sequence[Effect],
    known: Meaning,
    *,
    today: date,
    limits: Limits,
) -> AccessDiff:
    """What users gain and lose by a plan, in the CRM's own space; what is withheld changes nothing."""
    if not changes:
        return AccessDiff()
    logins = _logins(changes, effects)
    before, after = (
        evaluate(resources, today=today, contents=known.contents, unknown=known.unknown, logins=logins)
        for resources in (live, outcome(live, changes, effects))
    )
    return compare(
        before,
        after,
        strong=known.strong,
        touched={change.address: change.id for change in changes},
        limits=limits,
        as_declared=bool(known.contents),
    )


def outcome(live: Resources, changes: Iterable[Change], effects: Iterable[Effect]) -> dict[Address, Fields]:
    """What will live: what the CRM drops by itself is gone, unless the plan gives it again."""
    dropped = {address for effect in effects for address in effect.drops}
    after = {address: fields for address, fields in live.items() if address not in dropped}
    for change in changes:
        if change.action is Action.DELETE:
            after.pop(change.address, None)
        else:
            after[change.address] = {**after.get(change.address, NO_FIELDS), **(change.after or NO_FIELDS)}
    return after


def _logins(changes: Iterable[Change], effects: Iterable[Effect]) -> set[str] | None:
    """Whose access may differ; None for anybody's, where a role or the forest changes."""
    if any(_reaches_all(change) for change in changes):
        return None
    touched = [*(change.address for change in changes), *(one for effect in effects for one in effect.drops)]
    people = (address for address in touched if kind_of(address) in _PEOPLE)
    return {parts_of(address)[-1 if kind_of(address) is Kind.USER else 1] for address in people}


_PEOPLE = {Kind.USER, Kind.MEMBERSHIP, Kind.GRANT}
_FAR = {
    Kind.ROLE: {"includes", "functions", "privileges"},
    Kind.FUNCTION: {"privileges"},
    Kind.UNIT: {"roles", "parent"},
}


def _reaches_all(change: Change) -> bool:
    if change.kind not in _FAR or change.action is Action.CREATE:
        return False
    return change.action is Action.DELETE or not _FAR[change.kind].isdisjoint(change.after or NO_FIELDS)
