"""Resources sorted by what is asked of them: by kind, by unit, by role, by person.

In: resources by address. Out: an Index, whose parts are made when they are first asked for, and of members, holders and
people only those that somebody asks for; what changes make of it. Never: changes the resources, or copies them all.
"""

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

from orgsync.change import Action, Change
from orgsync.resources import NO_FIELDS, Address, Fields, Kind, named_of, of_kind

Edges = Mapping[str, Sequence[Address]]
"""A unit, role or login -> memberships and grants."""
_NONE: Mapping[Address, Fields] = {}
_MEMBERSHIP, _GRANT, _UNIT, _ROLE = (f"{kind}/" for kind in (Kind.MEMBERSHIP, Kind.GRANT, Kind.UNIT, Kind.ROLE))
_OF_UNIT, _OF_LOGIN, _OF_ROLE = 1, 2, 3  # parts of a membership or grant


@dataclass(frozen=True, kw_only=True)
class Index:
    """All addresses are well-formed: a reading with another one is refused.

    One walk finds what hangs on all those that were not asked for before; a list for everybody would take three times
    as long, and most are never looked at.
    """

    resources: Mapping[Address, Fields]
    _members: dict[str, list[Address]] = field(default_factory=dict, repr=False, compare=False)
    _holders: dict[str, list[Address]] = field(default_factory=dict, repr=False, compare=False)
    _edges: dict[str, list[Address]] = field(default_factory=dict, repr=False, compare=False)

    @cached_property
    def named(self) -> Mapping[Kind, Mapping[Address, Fields]]:
        """Kind -> address -> fields, of everything but memberships and grants."""
        return named_of(self.resources)

    @cached_property
    def memberships(self) -> Sequence[Address]:
        return of_kind(Kind.MEMBERSHIP, self.resources)

    @cached_property
    def grants(self) -> Sequence[Address]:
        return of_kind(Kind.GRANT, self.resources)

    @cached_property
    def sizes(self) -> Mapping[str, int]:
        """Key of a unit -> how many members it has, 0 of any other."""
        return Counter([edge.split("/", 2)[1] for edge in self.memberships])

    @cached_property
    def counts(self) -> Mapping[Kind, int]:
        """Kind -> how many there are."""
        edges = {Kind.MEMBERSHIP: len(self.memberships), Kind.GRANT: len(self.grants)}
        return {kind: len(self.of_kind(kind)) for kind in Kind} | edges

    def of_kind(self, kind: Kind) -> Mapping[Address, Fields]:
        """Not of memberships and grants."""
        return self.named.get(kind, _NONE)

    def holds(self, address: Address) -> bool:
        return address in self.resources

    def fields(self, address: Address) -> Fields:
        """None of what is not there."""
        return self.resources.get(address, NO_FIELDS)

    def members(self, units: Collection[str]) -> Edges:
        """Each of these units -> the memberships in it."""
        new = {*units}.difference(self._members)
        found = [edge for edge in self.memberships if edge.split("/", 2)[1] in new] if new else ()
        return _sorted(found, _OF_UNIT, new, self._members, units)

    def holders(self, roles: Collection[str]) -> Edges:
        """Each of these roles -> the grants of it."""
        new = {*roles}.difference(self._holders)
        found = [edge for edge in self.grants if edge.rpartition("/")[2] in new] if new else ()
        return _sorted(found, _OF_ROLE, new, self._holders, roles)

    def edges(self, logins: Collection[str]) -> Edges:
        """Each of these people -> their memberships and grants."""
        if new := {*logins}.difference(self._edges):
            found = [edge for edge in self.memberships if edge.rpartition("/")[2] in new]
            found += [edge for edge in self.grants if edge.split("/", 3)[2] in new]
            return _sorted(found, _OF_LOGIN, new, self._edges, logins)
        return {login: self._edges[login] for login in logins}

    def hanging(self, addresses: Collection[Address]) -> Iterator[Address]:
        """What hangs on units, roles and memberships by its very address."""
        units = {one.removeprefix(_UNIT) for one in addresses if one.startswith(_UNIT)}
        roles = {one.removeprefix(_ROLE) for one in addresses if one.startswith(_ROLE)}
        joined = {one.removeprefix(_MEMBERSHIP) for one in addresses if one.startswith(_MEMBERSHIP)}
        for edges in (*self.members(units).values(), *self.holders(roles).values()):
            yield from edges
        for edges in self.edges({one.partition("/")[2] for one in joined}).values():
            yield from (one for one in edges if one.removeprefix(_GRANT).rpartition("/")[0] in joined)

    def after(self, changes: Iterable[Change]) -> "After":
        written: dict[Address, Fields] = {}
        gone: set[Address] = set()
        for change in changes:
            address = change.address
            if change.action is Action.DELETE:
                written.pop(address, None)
                gone.add(address)
            else:
                had = NO_FIELDS if address in gone else written.get(address, self.fields(address))
                written[address] = {**had, **(change.after or NO_FIELDS)}
                gone.discard(address)
        return After(before=self, written=written, gone=gone)


@dataclass(frozen=True, kw_only=True)
class After:
    """What lives after changes, as an index tells it: what they touch, over all that they leave alone."""

    before: Index
    written: Mapping[Address, Fields]
    gone: Collection[Address]

    def holds(self, address: Address) -> bool:
        return address in self.written or (address not in self.gone and self.before.holds(address))

    def fields(self, address: Address) -> Fields:
        if (fields := self.written.get(address)) is not None:
            return fields
        return NO_FIELDS if address in self.gone else self.before.fields(address)

    def of_kind(self, kind: Kind) -> Mapping[Address, Fields]:
        written = {address: self.written[address] for address in of_kind(kind, self.written)}
        return {a: fields for a, fields in self.before.of_kind(kind).items() if a not in self.gone} | written

    def members(self, units: Collection[str]) -> Edges:
        return self._followed(self.before.members(units), Kind.MEMBERSHIP, _OF_UNIT)

    def holders(self, roles: Collection[str]) -> Edges:
        return self._followed(self.before.holders(roles), Kind.GRANT, _OF_ROLE)

    def edges(self, logins: Collection[str]) -> Edges:
        found = self._followed(self.before.edges(logins), Kind.MEMBERSHIP, _OF_LOGIN)
        return self._followed(found, Kind.GRANT, _OF_LOGIN)

    def _followed(self, edges: Edges, kind: Kind, part: int) -> Edges:
        found = {key: [one for one in listed if one not in self.gone] for key, listed in edges.items()}
        for edge in of_kind(kind, self.written):
            key = edge.split("/")[part]
            if key in found and not self.before.holds(edge):
                found[key].append(edge)
        return found


Side = Index | After


def _sorted(
    found: Iterable[Address], part: int, new: Iterable[str], known: dict[str, list[Address]], asked: Iterable[str]
) -> Edges:
    known.update((key, []) for key in new)
    for edge in found:
        known[edge.split("/")[part]].append(edge)
    return {key: known[key] for key in asked}
