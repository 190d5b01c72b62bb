"""Effective access as people speak of it: who gains what through which role.

In: access diffs and allowances. Out: sentences. Never: escapes (each renderer does, for its own destination), or leaves
something out without saying how much.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby

from orgsync.access import LEVELS, UNKNOWN, AccessDiff, AccessGroup, Shift
from orgsync.finding import Finding, Position, Severity
from orgsync.plan import Plan
from orgsync.render.numbers import count
from orgsync.resources import NO_UNIT, Address, Kind

NAMED = 3
"""So many privileges stand in the sentence itself; more of them are counted there and listed below."""

Names = Mapping[Address, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """One group of an access diff.

    symbol     ``!`` a gain through a privileged role, ``+`` any other gain, ``-`` a loss
    sentence   "Sales Team: 4 users gain opportunity:delete (organization) through sales-manager"
    details    what the sentence only counts
    origin     "file:line" of the first statement behind it, or ""
    """

    gain: bool
    symbol: str
    sentence: str
    details: tuple[str, ...]
    origin: str


def said(diff: AccessDiff, names: Names, origins: Mapping[str, str], *, users: int | None = None) -> list[Said]:
    """``users``: so many of a group are named, or all that are listed."""
    return [_said(group, names, origins, users) for group in diff.groups]


def said_of(plan: Plan, *, users: int | None = None) -> list[Said]:
    return said(plan.access, plan.names, plan.origins, users=users)


def risky(plan: Plan) -> Iterator[Finding]:
    """Gains that a reviewer must look at, at every line that causes them: through a privileged role, or by a change
    that is risky itself."""
    for group, one in zip(plan.access.groups, said_of(plan, users=_FEW), strict=True):
        if group.gain and (group.privileged or not plan.risky.isdisjoint(group.causes)):
            places = dict.fromkeys(plan.origins.get(cause, "") for cause in group.causes)
            for place in filter(None, places) if any(places) else [""]:
                yield Finding(
                    code="access-gain",
                    severity=Severity.WARNING,
                    summary="this gives people access",
                    detail=one.sentence,
                    remedy="make sure that it is meant; orgsync access explain shows every path",
                    position=Position.read(place),
                )
    if plan.access.more_gains:
        yield Finding(
            code="access-gain",
            severity=Severity.WARNING,
            summary="this gives people access",
            detail=f"{unlisted(plan.access.more_gains, 0)}, which a plan does not list",
            remedy="orgsync access diff lists them all",
        )


_FEW = 10


def headline(diff: AccessDiff) -> str:
    """ "6 users gain (2 of them through a privileged role), 1 loses"."""
    if diff.empty:
        return "nobody gains or loses anything"
    of_them = f" ({diff.privileged:,} of them through a privileged role)" if diff.privileged else ""
    gains = f"{count(diff.gaining, 'user')} {_verb(diff.gaining, 'gain')}{of_them}" if diff.gaining else ""
    losses = f"{diff.losing:,} {_verb(diff.losing, 'lose')}" if gains else _alone(diff.losing)
    return ", ".join(filter(None, (gains, losses if diff.losing else "")))


def _alone(losing: int) -> str:
    return f"{count(losing, 'user')} {_verb(losing, 'lose')}"


def unlisted(gains: int, losses: int) -> str:
    """ "3 more groups of gains, 2 more groups of losses"; "" where everything is listed."""
    if not (gains or losses):
        return ""
    words = ((gains, "gains"), (losses, "losses"))
    return ", ".join(f"{count(number, 'more group')} of {word}" for number, word in words if number)


AS_DECLARED = "what roles allow is as declared: this CRM does not tell"


def _said(group: AccessGroup, names: Names, origins: Mapping[str, str], users: int | None) -> Said:
    who = group.users[0] if group.user_count == 1 else count(group.user_count, "user")
    verb = _verb(group.user_count, "gain" if group.gain else "lose")
    brief = group.privilege_count <= NAMED
    what = (
        ", ".join(_shift(one, group.gain) for one in group.privileges)
        if brief
        else count(group.privilege_count, "privilege")
    )
    mark = " (privileged)" if group.privileged else ""
    return Said(
        gain=group.gain,
        symbol="-" if not group.gain else "!" if group.privileged else "+",
        sentence=f"{_where(group, names)}{who} {verb} {what} through {', '.join(group.roles)}{mark}"
        + _over(group, names),
        details=tuple(_details(group, names, users, brief=brief)),
        origin=next((place for cause in group.causes if (place := _place(origins.get(cause, "")))), ""),
    )


def _verb(number: int, word: str) -> str:
    return f"{word}s" if number == 1 else word


def _where(group: AccessGroup, names: Names) -> str:
    if group.unit_count > 1:
        return f"{count(group.unit_count, 'unit')}: "
    unit = next(iter(group.units), NO_UNIT)
    return "" if unit == NO_UNIT else f"{unit_name(unit, names)}: "


def unit_name(unit: str, names: Names) -> str:
    return names.get(f"{Kind.UNIT}/{unit}") or unit


def _over(group: AccessGroup, names: Names) -> str:
    """Units that the roles reach (or did) because they moved."""
    moved = sorted({unit_name(one.over, names) for one in group.privileges if one.over})
    return f", {'now' if group.gain else 'no longer'} over {', '.join(moved)}" if moved else ""


def _shift(one: Shift, gain: bool) -> str:  # noqa: FBT001
    """``opportunity:delete (own -> organization)``."""
    if one.object == UNKNOWN:
        return f"whatever {one.action} allows (a role of the CRM's own)"
    return f"{one.object}:{one.action} ({_scope(one, gain)})"


def _scope(one: Shift, gain: bool) -> str:  # noqa: FBT001
    """What it was before a gain, what is left after a loss, where it is less and not nothing."""
    if one.over or not 0 < LEVELS.index(one.other) < LEVELS.index(one.scope):
        return one.scope
    return f"{one.other} -> {one.scope}" if gain else f"{one.scope} -> {one.other}"


def _details(group: AccessGroup, names: Names, users: int | None, *, brief: bool) -> Iterator[str]:
    if not brief:
        yield from _privileges(group)
    if group.unit_count > 1:
        listed = [f"{unit_name(unit, names)} ({number:,})" for unit, number in group.units.items()]
        yield f"in {_listed(listed, group.unit_count, users)}"
    if group.user_count > 1:
        yield _listed(group.users, group.user_count, users)


def _privileges(group: AccessGroup) -> Iterator[str]:
    """``opportunity: create, read (own); delete (organization)``, one line per object."""
    ordered = sorted(group.privileges, key=lambda one: (one.object == UNKNOWN, one.object, one.action))
    for thing, shifts in groupby(ordered, key=lambda one: one.object):
        if thing == UNKNOWN:
            yield from (_shift(one, group.gain) for one in shifts)
        else:
            yield f"{thing}: {_actions(shifts, group.gain)}"
    if left := group.privilege_count - len(group.privileges):
        yield f"and {count(left, 'more privilege')}"


def _actions(shifts: Iterable[Shift], gain: bool) -> str:  # noqa: FBT001
    by_scope: dict[str, list[str]] = {}
    for one in shifts:
        by_scope.setdefault(_scope(one, gain), []).append(one.action)
    return "; ".join(f"{', '.join(dict.fromkeys(actions))} ({scope})" for scope, actions in by_scope.items())


def _listed(words: Sequence[str], total: int, most: int | None) -> str:
    """The first of them, and how many more there are."""
    shown = words if most is None or total <= most + 1 else words[:most]
    left = total - len(shown)
    return ", ".join(shown) + (f" and {left:,} more" if left else "")


def _place(origin: str) -> str:
    """Without the column."""
    file, _, column = origin.rpartition(":")
    return file if column.isdigit() and ":" in file else origin
