"""Which roles include which.

In: an organization's access. Out: a Picture with an arrow from each role to what it includes. Never: leaves a role
out without counting it.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

from orgsync.access import Access
from orgsync.render.numbers import count
from orgsync.render.picture.values import Arrow, Box, Detail, Part, Picture, Tone, by_name, joined, listed, name_of
from orgsync.resources import NO_FIELDS, Address, Fields, Json, Kind

_ROLE = f"{Kind.ROLE}/"
_Included = Mapping[Address, Sequence[Address]]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Known:
    """``holders``: key of a role -> how many people hold it other than through another role."""

    resources: Mapping[Address, Fields]
    holders: Counter[str]
    strong: frozenset[str]

    def fields(self, role: Address) -> Fields:
        return self.resources.get(role, NO_FIELDS)


def inclusions(access: Access, strong: frozenset[str] = frozenset(), *, detail: Detail) -> Picture:
    """``strong``: keys of privileged roles."""
    known = _Known(resources=access.roles.resources, holders=_holders(access), strong=strong)
    included = _included(known)
    alike = _alike(included, strong, detail.alone)
    shared = {one: key for key, several in alike.items() for one in several}
    found = {key: _shared(several, known, detail) for key, several in alike.items()}
    boxes = [_box(one, known) for one in included if one not in shared]
    boxes += [Box(key=key, lines=lines) for key, (lines, _) in found.items()]
    arrows = dict.fromkeys((shared.get(one, one), other) for one, others in included.items() for other in others)
    return Picture(
        parts=(Part(boxes=tuple(boxes)),),
        arrows=tuple(Arrow(start=start, end=end) for start, end in arrows),
        counted=sum(left for _, left in found.values()),
    )


def _holders(access: Access) -> Counter[str]:
    held = (set[str]().union(*(roles for _, roles in holding)) for holding in access.holdings.values())
    return Counter(role for roles in held for role in roles)


def _included(known: _Known) -> _Included:
    """Each role, those too that are only named by another one, -> what it includes; by name."""
    stated = {a: _keys(fields.get("includes")) for a, fields in known.resources.items() if a.startswith(_ROLE)}
    named = (one for several in stated.values() for one in several)
    everything = dict.fromkeys([*stated, *named])
    return {one: stated.get(one, ()) for one in sorted(everything, key=partial(by_name, known.resources))}


def _keys(includes: Json) -> Sequence[Address]:
    return [f"{_ROLE}{key}" for key in includes] if isinstance(includes, list) else []


def _alike(included: _Included, strong: frozenset[str], alone: int) -> Mapping[str, Sequence[Address]]:
    """A key -> roles that nothing includes and that include the same; a privileged one has a box of its own."""
    inner = {one for others in included.values() for one in others}
    found: dict[str, list[Address]] = defaultdict(list)
    for one, others in included.items():
        if one not in inner and one.removeprefix(_ROLE) not in strong:
            found[f"alike {' '.join(sorted(others))}"].append(one)
    return {key: several for key, several in found.items() if len(several) > alone}


def _shared(several: Sequence[Address], known: _Known, detail: Detail) -> tuple[tuple[str, ...], int]:
    return listed(count(len(several), "role"), (_row(one, known) for one in several), detail.rows)


def _box(role: Address, known: _Known) -> Box:
    tone = Tone.PRIVILEGED if role.removeprefix(_ROLE) in known.strong else Tone.PLAIN
    return Box(key=role, lines=(name_of(known.resources, role), *_facts(role, known)), tone=tone)


def _row(role: Address, known: _Known) -> str:
    return " · ".join((name_of(known.resources, role), *_facts(role, known)))


def _facts(role: Address, known: _Known) -> Iterable[str]:
    key, fields = role.removeprefix(_ROLE), known.fields(role)
    yield f"{key} · {count(known.holders[key], 'holder')}"
    if isinstance(functions := fields.get("functions"), dict) and functions:
        yield f"functions: {joined(functions)}"
    if role not in known.resources:
        yield "not known here"
    elif key in known.strong:
        yield "privileged"
