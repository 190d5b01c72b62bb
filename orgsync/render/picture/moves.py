"""What a plan moves: units that come, go or hang elsewhere, and people who change units.

In: a Plan. Out: a small Picture, or None where nothing moves. Never: leaves a move out without counting it.
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence

from orgsync.change import Action, Change
from orgsync.plan import Plan
from orgsync.render.escape import visible
from orgsync.render.numbers import count
from orgsync.render.picture.values import Arrow, Box, Line, Part, Picture, Tone
from orgsync.render.view import View
from orgsync.resources import NO_FIELDS, Address, Kind, key_of, parts_of

_MOST = 8
"""So many units, and so many ways that people take, are drawn."""
_LONGEST = 240
_PLACES = (Kind.UNIT, Kind.BUSINESS_UNIT)
_ABOVE = ("parent", "businessUnit")
_Way = tuple[Address, Address]


def moves(plan: Plan, seen: View) -> Picture | None:
    """``seen``: the same plan as people think of it."""
    places, ways = sorted(filter(_moves, plan.changes), key=_rank), _ways(seen).most_common()
    if not places and not ways:
        return None
    arrows = [*(arrow for one in places[:_MOST] for arrow in _hangs(one)), *map(_walks, ways[:_MOST])]
    moved = {one.address: one for one in places}
    drawn = dict.fromkeys([*(one.address for one in places[:_MOST]), *(end for one in arrows for end in one.ends)])
    boxes = [_moved(moved[one], plan.names) if one in moved else _still(one, plan.names) for one in drawn]
    units, people = len(moved.keys() - drawn.keys()), sum(number for _, number in ways[_MOST:])
    return Picture(parts=(Part(boxes=(*boxes, *_left(units, people))),), arrows=tuple(arrows))


def _moves(change: Change) -> bool:
    if change.kind not in _PLACES:
        return False
    return change.action is not Action.UPDATE or any(name in (change.after or NO_FIELDS) for name in _ABOVE)


def _rank(change: Change) -> tuple[int, Address]:
    """What goes, then what hangs elsewhere, then what is new."""
    return (Action.DELETE, Action.UPDATE, Action.CREATE).index(change.action), change.address


def _ways(seen: View) -> Counter[_Way]:
    """(unit left, unit joined) -> how many people."""
    entries = (entry for groups in (seen.risky, seen.safe) for group in groups for entry in group.entries)
    return Counter(_way(entry.changes) for entry in entries if entry.symbol == ">")


def _way(changes: Sequence[Change]) -> _Way:
    units = {c.action: f"{Kind.UNIT}/{parts_of(c.address)[0]}" for c in changes if c.kind is Kind.MEMBERSHIP}
    return units[Action.DELETE], units[Action.CREATE]


def _moved(change: Change, names: Mapping[str, str]) -> Box:
    name = _name(change.address, names)
    match change.action:
        case Action.CREATE:
            return Box(key=change.address, lines=(name, f"new {_kind(change)}"), tone=Tone.NEW)
        case Action.DELETE:
            return Box(key=change.address, lines=(name, f"removed {_kind(change)}"), tone=Tone.GONE)
        case _:
            return Box(key=change.address, lines=(name, *_places(change, names)), tone=Tone.CHANGED)


def _kind(change: Change) -> str:
    return change.kind.replace("-", " ")


def _places(change: Change, names: Mapping[str, str]) -> Iterator[str]:
    """ "was below Benelux, now below EMEA"."""
    for name, said in (("parent", "below"), ("businessUnit", "in")):
        if change.after and name in change.after:
            old, new = (_above(side or NO_FIELDS, change.kind, name) for side in (change.before, change.after))
            words = (f"{said} {_name(one, names)}" if one else "topmost" for one in (old, new))
            yield "was {}, now {}".format(*words)


def _above(fields: Mapping[str, object], kind: Kind, name: str = "parent") -> Address:
    """What a unit or business unit hangs on, "" for nothing."""
    key = fields.get(name)
    return f"{Kind.BUSINESS_UNIT if name == 'businessUnit' else kind}/{key}" if isinstance(key, str) and key else ""


def _hangs(change: Change) -> Iterator[Arrow]:
    old, new = (_above(side or NO_FIELDS, change.kind) for side in (change.before, change.after))
    if old and old != new:
        yield Arrow(start=old, end=change.address, line=Line.DASHED)
    if new:
        yield Arrow(start=new, end=change.address)


def _walks(way: tuple[_Way, int]) -> Arrow:
    (old, new), number = way
    return Arrow(start=old, end=new, label=count(number, "person moves", "people move"), line=Line.THICK)


def _still(address: Address, names: Mapping[str, str]) -> Box:
    return Box(key=address, lines=(_name(address, names),))


def _left(units: int, people: int) -> Iterator[Box]:
    said = [count(units, "more unit")] if units else []
    said += [count(people, "more person moves", "more people move")] if people else []
    if said:
        yield Box(key="", lines=(f"not drawn: {', '.join(said)}",), tone=Tone.NOTE)


def _name(address: Address, names: Mapping[str, str]) -> str:
    """One whose signs are hardly any that can be shown as themselves stands in full in the lists only."""
    name = names.get(address) or key_of(address)
    return name if len(visible(name)) <= _LONGEST else f"{name[: _LONGEST // 8]}…"
