"""Which unit lies below which, and what a reach covers.

In: parents by unit. Out: answers. Never: runs in a ring, whatever a CRM says.
"""

from collections.abc import Iterable, Iterator, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass

from orgsync.access.values import BEYOND, EVERYWHERE, ORGANIZATION, OWN, SUBTREE, Reach, Reaches
from orgsync.resources import Address, Fields, Kind


@dataclass(frozen=True, slots=True, kw_only=True)
class Forest:
    """``parents``: unit -> the unit above it; a topmost one is missing or has a parent that is none."""

    parents: Mapping[str, str]

    def above(self, unit: str) -> Iterator[str]:
        """The unit and all above it, from the bottom."""
        seen: set[str] = set()
        while unit and unit not in seen:
            seen.add(unit)
            yield unit
            unit = self.parents.get(unit, "")

    def covers(self, had: AbstractSet[Reach], wanted: Reach) -> bool:
        """Whether somebody with these reaches has all of the wanted one, as far as the forest itself says."""
        level, unit = wanted
        if wanted in had or level == BEYOND:
            return wanted in had
        if level == OWN:
            return any(OWN <= one <= ORGANIZATION for one, _ in had)
        return EVERYWHERE in had or any((SUBTREE, one) in had for one in self.above(unit))

    def least(self, reaches: Iterable[Reach]) -> Reaches:
        """The same without what another one covers; the highest first, then by unit."""
        left = set(reaches)
        if EVERYWHERE in left:
            return (EVERYWHERE,)
        if any(level == SUBTREE for level, _ in left):
            for one in sorted(left):
                left.remove(one)
                if not self.covers(left, one):
                    left.add(one)
        elif len(left) > 1:
            left.discard((OWN, ""))
        return tuple(sorted(left, key=lambda reach: (-reach[0], reach[1])))


def forest_of(resources: Mapping[Address, Fields]) -> Forest:
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
