"""The organization chart: units below units, with their members, roles and business units.

In: resources by address and today's date. Out: a Picture. Never: leaves a unit out without counting it.

Units are coloured by business unit, and the business units stand beside them as a forest of their own: frames around
units that lie anywhere in the forest would tear it apart.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from datetime import date

from orgsync.access import has_ended
from orgsync.render.numbers import count
from orgsync.render.picture.forest import Forest, Resources, Words, draw, forest_of
from orgsync.render.picture.values import Detail, Part, Picture, joined, name_of
from orgsync.resources import Address, Kind, parts_of

_UNIT, _COMPANY, _MEMBERSHIP = (f"{kind}/" for kind in (Kind.UNIT, Kind.BUSINESS_UNIT, Kind.MEMBERSHIP))

_COMPANIES = 16
"""So many business units have a box and a colour each to be recognized by."""


def chart(resources: Resources, *, today: date, unit: str | None = None, detail: Detail) -> Picture:
    """``unit``: the key of the one to begin with, or None for all."""
    units = forest_of(resources, Kind.UNIT, top=None if unit is None else f"{_UNIT}{unit}")
    companies = _companies(resources, units)
    hues = {address: number for number, address in enumerate(companies.order)}
    drawn = draw(units, _unit_words(resources, today, units, hues), detail)
    legend = draw(companies, _company_words(resources, units, hues), replace(detail, depth=None, alone=_COMPANIES))
    return Picture(
        parts=(Part(boxes=tuple(drawn.boxes)), Part(title="Business units", boxes=tuple(legend.boxes))),
        arrows=(*drawn.arrows, *legend.arrows),
        counted=drawn.counted + legend.counted,
    )


def _company(resources: Resources, unit: Address) -> Address:
    return f"{_COMPANY}{resources[unit].get('businessUnit')}"


def _companies(resources: Resources, units: Forest) -> Forest:
    """The business units of these units, and all that are above them."""
    everything = forest_of(resources, Kind.BUSINESS_UNIT)
    wanted = {_company(resources, unit) for unit in units.order}
    for one in reversed([*everything.order]):
        if one in wanted and one in everything.parents:
            wanted.add(everything.parents[one])
    return forest_of({a: fields for a, fields in resources.items() if a in wanted}, Kind.BUSINESS_UNIT)


def _unit_words(resources: Resources, today: date, units: Forest, hues: dict[Address, int]) -> Words:
    members = _members(resources, today.isoformat())

    def size(unit: Address) -> str:
        return f"{unit.removeprefix(_UNIT)} · {count(members[unit], 'member')}"

    def roles(unit: Address) -> str:
        held = resources[unit].get("roles")
        return joined(map(str, held)) if isinstance(held, list) else ""

    def company(unit: Address) -> str:
        own, above = _company(resources, unit), units.parents.get(unit)
        same = own not in resources or (above is not None and _company(resources, above) == own)
        return "" if same else f"in {name_of(resources, own)}"

    def rest(below: Sequence[Address]) -> str:
        return f"+ {total(below)} below" if below else ""

    def total(several: Sequence[Address]) -> str:
        return f"{count(len(several), 'unit')}, {count(sum(members[one] for one in several), 'member')}"

    def lines(unit: Address, below: Sequence[Address]) -> tuple[str, ...]:
        said = (size(unit), f"roles: {held}" if (held := roles(unit)) else "", company(unit), rest(below))
        return name_of(resources, unit), *filter(None, said)

    def title(several: Sequence[Address], below: Sequence[Address]) -> str:
        return " ".join(filter(None, (total(several), rest(below))))

    def row(unit: Address, below: Sequence[Address]) -> str:
        return " · ".join(filter(None, (name_of(resources, unit), size(unit), roles(unit), company(unit), rest(below))))

    return Words(lines=lines, row=row, title=title, hue=lambda unit: hues.get(_company(resources, unit)))


def _members(resources: Resources, today: str) -> Counter[Address]:
    """Those whose membership has not ended, by unit."""
    lasting = (a for a, fields in resources.items() if a.startswith(_MEMBERSHIP) and not has_ended(fields, today))
    return Counter(f"{_UNIT}{parts_of(address)[0]}" for address in lasting)


def _company_words(resources: Resources, units: Forest, hues: dict[Address, int]) -> Words:
    held = Counter(_company(resources, unit) for unit in units.order)

    def lines(one: Address, _: Sequence[Address]) -> tuple[str, ...]:
        return name_of(resources, one), count(held[one], "unit")

    return Words(
        lines=lines,
        row=lambda one, below: " · ".join(lines(one, below)),
        title=lambda several, _: count(len(several), "business unit"),
        hue=hues.get,
    )
