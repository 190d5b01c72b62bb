"""Which unit lies below which, and what a reach covers.

In: parents by unit. Out: answers. Never: runs in a ring, whatever a CRM says.
"""

from collections.abc import Iterable, Iterator, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from operator import itemgetter

from orgsync.access.values import BEYOND, EVERYWHERE, ORGANIZATION, OWN, SUBTREE, UNIT, Reach, Reaches
from orgsync.resources import Address, Fields, Kind


@dataclass(frozen=True, slots=True, kw_only=True)
class Forest:
    """``parents``: unit -> the unit above it; a topmost one is missing or has a parent that is none.

    ``_over``: answers that are remembered: units are asked for again and again, for everybody in them.
    """

    parents: Mapping[str, str]
    _over: dict[str, frozenset[Reach]] = field(default_factory=dict, repr=False, compare=False)

    def above(self, unit: str) -> Iterator[str]:
        """The unit and all above it, from the bottom."""
        seen: set[str] = set()
        while unit and unit not in seen:
            seen.add(unit)
            yield unit
            unit = self.parents.get(unit, "")

    def over(self, unit: str) -> frozenset[Reach]:
        """All that reaches everybody below the unit."""
        if (found := self._over.get(unit)) is None:
            found = self._over[unit] = frozenset([EVERYWHERE, *((SUBTREE, one) for one in self.above(unit))])
        return found

    def covers(self, had: AbstractSet[Reach], wanted: Reach) -> bool:
        """Whether somebody with these reaches has all of the wanted one, as far as the forest itself says."""
        level, unit = wanted
        if wanted in had or level == BEYOND:
            return wanted in had
        if level == OWN:
            return any(OWN <= one <= ORGANIZATION for one, _ in had)
        return not self.over(unit).isdisjoint(had)

    def least(self, reaches: Iterable[Reach]) -> Reaches:
        """The same without what another one covers; the highest first, then by unit."""
        left = set(reaches)
        if len(left) <= 1:
            return tuple(left)
        if EVERYWHERE in left:
            return (EVERYWHERE,)
        left.discard(_OWN)
        ordered = sorted(left)
        if ordered[-1][0] >= SUBTREE:
            for one in ordered:
                if UNIT <= one[0] <= SUBTREE:
                    left.remove(one)
                    if self.over(one[1]).isdisjoint(left):
                        left.add(one)
            ordered = sorted(left)
        if ordered[0][0] != ordered[-1][0]:
            ordered.sort(key=_level, reverse=True)  # those of one level stay in their order
        return tuple(ordered)


_OWN: Reach = (OWN, "")
_level = itemgetter(0)


def forest_of(resources: Mapping[Address, Fields]) -> Forest:
    """Of units and whatever else there is."""
    prefix = f"{Kind.UNIT}/"
    return Forest(
        parents={
            address.removeprefix(prefix): parent
            for address, fields in resources.items()
            if address.startswith(prefix)
            and isinstance(parent := fields.get("parent"), str)
            and f"{prefix}{parent}" in resources
        }
    )
