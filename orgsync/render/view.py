"""A plan as people think of it: who joins, leaves or moves, and which units and roles change.

In: a Plan. Out: a View: sections of groups of entries, each a sentence with a symbol. Never: escapes (each renderer
does, for its own destination), lays out, or leaves a change out.
"""

import json
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from orgsync.change import RELEASE, Action, AttributeChange, Change
from orgsync.explain import attributes
from orgsync.plan import Guard, Plan
from orgsync.render.numbers import count
from orgsync.resources import NO_UNIT, Json, Kind, key_of, parts_of

_PEOPLE = (Kind.MEMBERSHIP, Kind.GRANT)
_ORDER = {Kind.BUSINESS_UNIT: 0, Kind.UNIT: 1, Kind.FUNCTION: 2, Kind.ROLE: 3, Kind.USER: 4}
_SYMBOLS = {Action.CREATE: "+", Action.UPDATE: "~", Action.DELETE: "-"}
_TOPIC_ORDER = ("!", "-", ">", "~", "+")


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One line of a plan.

    symbol      ``+`` create, ``~`` update, ``-`` remove, ``>`` move, ``!`` a risky gain or update
    sentence    standing alone: "ana@x joins Sales Team as sales-manager"
    short       under the heading of its group: "ana@x joins as sales-manager"
    origin      "file:line" of the statement behind it, or ""
    topic       for counting: ("person", "joins", "join")
    changes     what it is made of
    """

    symbol: str
    sentence: str
    short: str
    origin: str
    topic: tuple[str, str, str]
    changes: tuple[Change, ...]
    risky: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """Entries that belong together; ``title`` is a unit's display name, or a heading such as "Roles"."""

    title: str
    entries: tuple[Entry, ...]

    def summary(self) -> str:
        """ "- 2 people leave · + 14 people join"."""
        return summary(self.entries)


@dataclass(frozen=True, slots=True, kw_only=True)
class View:
    risky: tuple[Group, ...] = ()
    safe: tuple[Group, ...] = ()
    withheld: tuple[Group, ...] = ()


@dataclass(slots=True)
class _Assignment:
    """The changes of one (unit, user)."""

    unit: str
    user: str
    membership: Change | None = None
    gained: list[Change] = field(default_factory=list)
    lost: list[Change] = field(default_factory=list)
    changed: list[Change] = field(default_factory=list)

    @property
    def changes(self) -> tuple[Change, ...]:
        first = (self.membership,) if self.membership else ()
        return (*first, *self.gained, *self.lost, *self.changed)

    def does(self, action: Action) -> bool:
        return self.membership is not None and self.membership.action is action


def view(plan: Plan) -> View:
    """Everything that the plan does and withholds, in the order in which a reviewer should read it."""
    entries = list(_entries(plan.changes, plan))
    withheld = list(_entries(plan.withheld, plan))
    return View(
        risky=_groups(plan, [entry for entry in entries if entry.risky]),
        safe=_groups(plan, [entry for entry in entries if not entry.risky]),
        withheld=_groups(plan, withheld),
    )


def sentences(plan: Plan) -> dict[str, tuple[str, str]]:
    """Change id -> (symbol, sentence), one for every single change: for progress and reports."""
    return {change.id: _single(change, plan) for change in plan.changes}


def describe(change: Change, names: Mapping[str, str]) -> str:
    """One change in words: "member ana@x of Sales Team", "role sales-manager"."""
    if change.kind is Kind.MEMBERSHIP:
        unit, user = parts_of(change.address)
        return f"member {user} of {_unit_name(unit, names)}"
    if change.kind is Kind.GRANT:
        unit, user, role = parts_of(change.address)
        where = "" if unit == NO_UNIT else f" in {_unit_name(unit, names)}"
        return f"role {role} of {user}{where}"
    return thing(change, names)


def thing(change: Change, names: Mapping[str, str]) -> str:
    """ "unit sales (Sales Team)"."""
    key = key_of(change.address)
    name = names.get(change.address, "")
    called = "" if name in {"", key} or change.kind is Kind.USER else f" ({name})"
    return f"{change.kind.replace('-', ' ')} {key}{called}"


def summary(entries: Iterable[Entry]) -> str:
    """Counts per topic, what is dangerous first."""
    counted = Counter((entry.symbol, entry.topic) for entry in entries)
    ordered = sorted(counted.items(), key=lambda item: (_TOPIC_ORDER.index(item[0][0]), item[0][1]))
    return " · ".join(f"{symbol} {_topic(number, topic)}" for (symbol, topic), number in ordered)


def _topic(number: int, topic: tuple[str, str, str]) -> str:
    noun, one, many = topic
    return f"{count(number, noun)} {one if number == 1 else many}"


def details(entry: Entry) -> list[str]:
    """Field diffs of an entry, one per line, unescaped: "name: Sales -> Sales Team"."""
    lines = [line for change in entry.changes for line in _details(change)]
    reasons = {change.reason for change in entry.changes if change.reason}
    return [*sorted(f"because: {reason}" for reason in reasons), *lines]


def _details(change: Change) -> Iterator[str]:
    if change.action is Action.DELETE or (change.kind is Kind.GRANT and change.action is Action.CREATE):
        return
    created = change.action is Action.CREATE
    for attribute in attributes(change):
        if not (created and attribute.after is None):
            yield attribute_text(attribute, created=created)


def attribute_text(attribute: AttributeChange, *, created: bool = False) -> str:
    """ "name: Sales -> Sales Team"; of something new only what it will be."""
    after = value_text(attribute.after)
    if created:
        return f"{attribute.path}: {after}"
    return f"{attribute.path}: {value_text(attribute.before)} -> {after}"


def value_text(value: Json) -> str:
    """A value on one line; strings that could be mistaken for something else are quoted."""
    match value:
        case None:
            return "(nothing)"
        case bool():
            return "true" if value else "false"
        case str():
            return value if value and value == value.strip() and '"' not in value else json.dumps(value)
        case list():
            return ", ".join(_nested(item) for item in value) or "(empty)"
        case dict():
            return ", ".join(f"{name} {_nested(item)}" for name, item in sorted(value.items())) or "(empty)"
        case _:
            return str(value)


def _nested(value: Json) -> str:
    return f"({value_text(value)})" if isinstance(value, (list, dict)) else value_text(value)


def short_digest(digest: str) -> str:
    """``7b1e…c09``: to recognise, not to compare; ``--expect-digest`` takes the whole."""
    bare = digest.rpartition(":")[2]
    return bare if len(bare) <= 10 else f"{bare[:4]}…{bare[-3:]}"  # noqa: PLR2004


def summary_line(plan: Plan) -> str:
    """``3 to create, 1 to update, 2 to remove, 1 withheld``."""
    found = plan.summary
    return (
        f"{found['create']:,} to create, {found['update']:,} to update, "
        f"{found['delete']:,} to remove, {found['withheld']:,} withheld"
    )


def refused(plan: Plan) -> list[Guard]:
    """Guards that make apply refuse this plan."""
    return [guard for guard in plan.guards if guard.violated and not guard.accepted]


def header(plan: Plan) -> str:
    """``target production (dataverse) · config 3f2c1ab · live read: 766 units, 40 roles; 1,499 users looked up``.

    Users are looked up by the logins that are declared; of everything else all that is orgsync's is read.
    """
    shown = [Kind.UNIT, Kind.ROLE, Kind.MEMBERSHIP, Kind.GRANT, Kind.BUSINESS_UNIT, Kind.FUNCTION]
    read = [count(number, kind.replace("-", " ")) for kind in shown if (number := plan.live.get(kind, 0))]
    users = plan.live.get(Kind.USER, 0)
    live = (", ".join(read[:4]) or "empty") + (f"; {count(users, 'user')} looked up" if users else "")
    undoes = f" · undoes run {plan.undoes}" if plan.undoes else ""
    as_of = f" · as of {plan.as_of}" if plan.as_of else ""
    config = f"config {_revision(plan)}{as_of}{undoes}"
    return f"target {plan.target.name} ({plan.target.adapter}) · {config} · live read: {live}"


def _revision(plan: Plan) -> str:
    commit, plus, dirty = plan.revision.partition("+")
    return f"{commit[:7]}{plus}{dirty}" if len(commit) == 40 else plan.revision or "unversioned"  # noqa: PLR2004


# Entries


def _entries(changes: Sequence[Change], plan: Plan) -> Iterator[Entry]:
    assignments = _assignments(changes)
    moved = _moves(assignments)
    for assignment in assignments.values():
        if assignment.does(Action.DELETE) and assignment.user in moved:
            continue
        origin = moved.get(assignment.user) if assignment.does(Action.CREATE) else None
        yield _mark(_move(origin, assignment, plan) if origin else _person(assignment, plan), plan)
    for change in changes:
        if change.kind not in _PEOPLE:
            yield _mark(_structural(change, plan), plan)


def _assignments(changes: Iterable[Change]) -> dict[tuple[str, str], _Assignment]:
    found: dict[tuple[str, str], _Assignment] = {}
    for change in changes:
        if change.kind in _PEOPLE:
            unit, user, *_ = parts_of(change.address)
            assignment = found.setdefault((unit, user), _Assignment(unit, user))
            _sort_in(assignment, change)
    return found


def _sort_in(assignment: _Assignment, change: Change) -> None:
    if change.kind is Kind.MEMBERSHIP:
        assignment.membership = change
    elif change.action is Action.CREATE:
        assignment.gained.append(change)
    elif change.action is Action.DELETE:
        assignment.lost.append(change)
    else:
        assignment.changed.append(change)


def _moves(assignments: Mapping[tuple[str, str], _Assignment]) -> dict[str, _Assignment]:
    """User -> the assignment left behind, for whoever leaves exactly one unit and joins exactly one."""
    left: dict[str, list[_Assignment]] = defaultdict(list)
    joined: Counter[str] = Counter()
    for assignment in assignments.values():
        if assignment.does(Action.DELETE):
            left[assignment.user].append(assignment)
        elif assignment.does(Action.CREATE):
            joined[assignment.user] += 1
    return {user: units[0] for user, units in left.items() if len(units) == 1 and joined[user] == 1}


def _move(origin: _Assignment, to: _Assignment, plan: Plan) -> Entry:
    was = f" (was {_roles(origin.lost)})" if origin.lost else ""
    as_ = f" as {_roles(to.gained)}" if to.gained else ""
    here = f"moves here from {_unit_name(origin.unit, plan.names)}{as_}{was}"
    there = f"moves from {_unit_name(origin.unit, plan.names)} to {_unit_name(to.unit, plan.names)}{as_}{was}"
    return Entry(
        symbol=">",
        sentence=f"{to.user} {there}",
        short=f"{to.user} {here}",
        origin=_origin(to.changes, plan),
        topic=("person", "moves", "move"),
        changes=(*origin.changes, *to.changes),
    )


def _person(assignment: _Assignment, plan: Plan) -> Entry:
    symbol, verb, topic, rest = _verb(assignment)
    unit = _unit_name(assignment.unit, plan.names)
    membership = assignment.does(Action.CREATE) or assignment.does(Action.DELETE)
    where = f" {unit}" if membership else f" in {unit}" if assignment.unit != NO_UNIT else ""
    full = f"{verb}{where}{rest}" if membership else f"{verb}{rest}{where}"
    return Entry(
        symbol=symbol,
        sentence=f"{assignment.user} {full}",
        short=f"{assignment.user} {verb}{rest}",
        origin=_origin(assignment.changes, plan),
        topic=topic,
        changes=assignment.changes,
    )


def _verb(one: _Assignment) -> tuple[str, str, tuple[str, str, str], str]:
    """(symbol, verb, topic, rest of the sentence)."""
    if one.does(Action.CREATE):
        return "+", "joins", ("person", "joins", "join"), f" as {_roles(one.gained)}" if one.gained else ""
    if one.does(Action.DELETE):
        return "-", "leaves", ("person", "leaves", "leave"), f" (was {_roles(one.lost)})" if one.lost else ""
    if one.gained and one.lost:
        exchange = f" {_roles(one.gained)}, loses {_roles(one.lost)}"
        return "~", "gains", ("person", "changes roles", "change roles"), exchange
    if one.gained:
        return "+", "gains", ("person", "gains roles", "gain roles"), f" {_roles(one.gained)}"
    if one.lost:
        return "-", "loses", ("person", "loses roles", "lose roles"), f" {_roles(one.lost)}"
    return "~", "stays,", ("assignment", "changes", "change"), " under new terms"


def _roles(grants: Iterable[Change]) -> str:
    return ", ".join(parts_of(change.address)[2] for change in grants)


def _structural(change: Change, plan: Plan) -> Entry:
    symbol, one, many = {
        Action.CREATE: ("+", "is created", "are created"),
        Action.UPDATE: ("~", "changes", "change"),
        Action.DELETE: ("-", "is removed", "are removed"),
    }[change.action]
    if change.id.endswith(RELEASE):
        one, many = "gives its name up for a moment", "give their name up for a moment"
    what = thing(change, plan.names)
    return Entry(
        symbol=symbol,
        sentence=f"{what} {one}",
        short=f"{what} {one}",
        origin=_origin((change,), plan),
        topic=(change.kind.replace("-", " "), one, many),
        changes=(change,),
    )


def _mark(entry: Entry, plan: Plan) -> Entry:
    if not any(change.id in plan.risky for change in entry.changes):
        return entry
    return replace(entry, risky=True, symbol="!" if entry.symbol in "+~" else entry.symbol)


def _origin(changes: Iterable[Change], plan: Plan) -> str:
    places = (place for change in changes if (place := plan.origins.get(change.id)))
    place = next(places, "")
    file, _, column = place.rpartition(":")
    return file if column.isdigit() and ":" in file else place


def _groups(plan: Plan, entries: Iterable[Entry]) -> tuple[Group, ...]:
    """People by unit, by the unit's name; then what is structural, by kind."""
    people: dict[str, list[Entry]] = defaultdict(list)
    structural: dict[Kind, list[Entry]] = defaultdict(list)
    for entry in entries:
        last = entry.changes[-1]
        if last.kind in _PEOPLE:
            people[parts_of(last.address)[0]].append(entry)
        else:
            structural[last.kind].append(entry)
    return (
        *(_group(_title(unit, plan), people[unit]) for unit in sorted(people, key=lambda one: _title(one, plan))),
        *(_group(_heading(kind), structural[kind]) for kind in sorted(structural, key=_ORDER.__getitem__)),
    )


def _group(title: str, entries: list[Entry]) -> Group:
    ordered = sorted(entries, key=lambda entry: (_TOPIC_ORDER.index(entry.symbol), entry.short))
    return Group(title=title, entries=tuple(ordered))


def _title(unit: str, plan: Plan) -> str:
    name = _unit_name(unit, plan.names)
    return "People" if unit == NO_UNIT else name if name == unit else f"{name} (unit {unit})"


def _heading(kind: Kind) -> str:
    words = kind.replace("-", " ")
    return f"{words[0].upper()}{words[1:]}s"


def _unit_name(unit: str, names: Mapping[str, str]) -> str:
    return names.get(f"{Kind.UNIT}/{unit}") or unit


def _single(change: Change, plan: Plan) -> tuple[str, str]:
    if change.kind in _PEOPLE:
        entry = _person(next(iter(_assignments([change]).values())), plan)
    else:
        entry = _structural(change, plan)
    return _mark(entry, plan).symbol, entry.sentence


# Drift: the same changes, seen from the declaration


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """``+`` in the CRM and not declared, ``-`` declared and not in the CRM, ``~`` different in the CRM.

    origin      "file:line" of the declaration, or of the unit that something is missing from
    """

    symbol: str
    sentence: str
    origin: str
    change: Change
    fields: tuple[str, ...] = ()


def differences(plan: Plan) -> Iterator[Difference]:
    """Every difference between what is declared and what the CRM holds, withheld removals included."""
    for change in (*plan.changes, *plan.withheld):
        if not change.id.endswith(RELEASE):
            yield _difference(change, plan)


def _difference(change: Change, plan: Plan) -> Difference:
    what, origin = describe(change, plan.names), _origin((change,), plan)
    if change.action is Action.CREATE:
        return Difference(symbol="-", sentence=f"{what} is missing in the CRM", origin=origin, change=change)
    if change.action is Action.DELETE:
        said = f"{what} is in the CRM and not declared"
        reason = f" ({change.reason})" if change.reason else ""
        return Difference(symbol="+", sentence=said + reason, origin=origin, change=change)
    fields = tuple(f"{one.path}: {value_text(one.after)} -> {value_text(one.before)}" for one in attributes(change))
    return Difference(symbol="~", sentence=f"{what} differs", origin=origin, change=change, fields=fields)
