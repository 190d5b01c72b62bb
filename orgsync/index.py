"""Resources sorted by what is asked of them: by kind, by unit, by role, by person.

In: resources by address. Out: an Index. Never: changes the resources. It is made in one walk; without it the guards,
the prune policy and the access diff would each take several walks over a hundred thousand addresses.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from orgsync.resources import Address, Fields, Kind, kind_of

Edges = Mapping[str, Sequence[Address]]
_NONE: Mapping[Address, Fields] = {}
EDGES = frozenset({Kind.MEMBERSHIP, Kind.GRANT})


@dataclass(frozen=True, slots=True, kw_only=True)
class Index:
    """Everything in the order of ``resources``.

    named      kind -> address -> fields, of everything but memberships and grants
    counts     kind -> how many there are
    members    key of a unit -> the logins of its members
    holders    key of a role -> the grants of it
    edges      login -> the memberships and grants of this person
    strange    what is no address: the other members do not hold it
    """

    resources: Mapping[Address, Fields]
    named: Mapping[Kind, Mapping[Address, Fields]]
    counts: Mapping[Kind, int]
    members: Edges
    holders: Edges
    edges: Edges
    strange: Sequence[str] = ()

    def of_kind(self, kind: Kind) -> Mapping[Address, Fields]:
        """Not of memberships and grants."""
        return self.named.get(kind, _NONE)

    def hanging(self, address: Address) -> Sequence[Address]:
        """What hangs on a unit, a role or a membership by its very address."""
        kind, _, key = address.partition("/")
        if kind == Kind.MEMBERSHIP:
            grants = f"{Kind.GRANT}/{key}/"
            return [one for one in self.edges.get(key.partition("/")[2], ()) if one.startswith(grants)]
        if kind == Kind.UNIT:
            return [f"{Kind.MEMBERSHIP}/{key}/{login}" for login in self.members.get(key, ())]
        return self.holders.get(key, ()) if kind == Kind.ROLE else ()

    def changed(self, resources: Mapping[Address, Fields], touched: Sequence[Address]) -> "Index":
        """The index of what differs in what is ``touched`` alone: all the rest is shared."""
        moved = [one for one in dict.fromkeys(touched) if (one in resources) is not (one in self.resources)]
        new = index_of({address: resources[address] for address in moved if address in resources})
        old = index_of({address: self.resources[address] for address in moved if address not in resources})
        kinds = {kind_of(address) for address in touched} - EDGES
        return replace(
            self,
            resources=resources,
            named={
                **self.named,
                **{kind: _present(self.of_kind(kind), new.of_kind(kind), resources) for kind in kinds},
            },
            counts={kind: count + new.counts[kind] - old.counts[kind] for kind, count in self.counts.items()},
            members=_moved(self.members, old.members, new.members),
            holders=_moved(self.holders, old.holders, new.holders),
            edges=_moved(self.edges, old.edges, new.edges),
        )


def index_of(resources: Mapping[Address, Fields]) -> Index:
    """Told by the number of their parts, which takes half the time of asking for their kinds."""
    named: dict[str, dict[Address, Fields]] = {kind: {} for kind in Kind if kind not in EDGES}
    members: dict[str, list[Address]] = defaultdict(list)
    holders: dict[str, list[Address]] = defaultdict(list)
    edges: dict[str, list[Address]] = defaultdict(list)
    strange: list[str] = []
    logins: dict[str, str] = {}  # one text for each person, however many units they belong to
    memberships = grants = 0
    for address, fields in resources.items():
        parts = address.split("/")
        if "" in parts:
            strange.append(address)
        elif len(parts) == _OF_MEMBERSHIP and parts[0] == _MEMBERSHIP:
            memberships += 1
            members[parts[1]].append(logins.setdefault(parts[2], parts[2]))
            edges[parts[2]].append(address)
        elif len(parts) == _OF_GRANT and parts[0] == _GRANT:
            grants += 1
            holders[parts[3]].append(address)
            edges[parts[2]].append(address)
        elif len(parts) == _OF_OTHERS and parts[0] in named:
            named[parts[0]][address] = fields
        else:
            strange.append(address)
    counts = {kind: len(named.get(kind, ())) for kind in Kind} | {Kind.MEMBERSHIP: memberships, Kind.GRANT: grants}
    return Index(
        resources=resources,
        named={kind: named[kind] for kind in Kind if kind in named},
        counts=counts,
        members=members,
        holders=holders,
        edges=edges,
        strange=strange,
    )


_OF_OTHERS, _OF_MEMBERSHIP, _OF_GRANT = 2, 3, 4
_MEMBERSHIP, _GRANT = str(Kind.MEMBERSHIP), str(Kind.GRANT)


def _moved(edges: Edges, old: Edges, new: Edges) -> Edges:
    found = dict(edges)
    for key in old.keys() | new.keys():
        gone = {*old.get(key, ())}
        found[key] = [*(one for one in edges.get(key, ()) if one not in gone), *new.get(key, ())]
    return found


def _present(
    old: Iterable[Address], new: Iterable[Address], resources: Mapping[Address, Fields]
) -> dict[Address, Fields]:
    return {address: resources[address] for address in (*old, *new) if address in resources}
