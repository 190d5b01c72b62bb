"""Every small organization of a shape, and the engine's whole way from one to another without files or HTTP."""

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from itertools import combinations, permutations, product

from orgsync.adapter import Adapter, HasEffects, Scope
from orgsync.adapters.memory import FULL, MemoryCrm
from orgsync.apply import apply
from orgsync.change import Batch, Change, Outcome, Status
from orgsync.diff import diff, rename
from orgsync.effects import make_good
from orgsync.order import order
from orgsync.resources import Address, Fields, Json, Kind, Organization
from orgsync.safety import withhold

TODAY = date(2026, 11, 1)
EVERYTHING = frozenset(Kind)
State = dict[Address, Fields]


class Silent:
    """A log that keeps nothing."""

    def turn(self, outcomes: Sequence[Outcome], batches: Sequence[Batch]) -> None:
        pass


@dataclass(frozen=True, slots=True)
class Passage:
    """One way from a live state to a desired one."""

    changes: list[Change]
    outcomes: dict[str, Status]
    reasons: dict[str, str]


def wanted(state: State) -> Organization:
    return Organization(resources=state, managed=frozenset(a for a in state if a.startswith("unit/")))


def planned(desired: Organization, adapter: Adapter) -> list[Change]:
    live, former = rename(adapter.read(Scope()), desired.previously)
    changes = diff(desired, live, former, today=TODAY)
    kept, withheld = withhold(changes, live, EVERYTHING, adapter.capabilities)
    assert not withheld
    effects = adapter.effects(kept, live) if isinstance(adapter, HasEffects) else ()
    kept = make_good(kept, effects, desired.resources, live.resources)
    return order(kept, live.resources, adapter.capabilities)


def passed(desired: Organization, crm: MemoryCrm) -> Passage:
    return carried_out(planned(desired, crm.adapter()), crm)


def carried_out(changes: list[Change], crm: MemoryCrm) -> Passage:
    adapter = crm.adapter()
    outcomes = apply(changes, adapter, adapter.read(Scope()).ids, Silent())
    return Passage(changes, {one.id: one.status for one in outcomes}, {one.id: one.detail for one in outcomes})


def crm_of(state: State, *, drops: bool = False) -> MemoryCrm:
    return MemoryCrm(resources=state, capabilities=FULL, drops_grants_on_move=drops)


def waiting_on(changes: Sequence[Change], refused: str) -> set[str]:
    """Ids of all that waits for ``refused``, directly or through others."""
    blocked = {refused}
    for change in changes:  # changes come in an order in which what is waited for stands first
        if not blocked.isdisjoint(change.waits_for):
            blocked.add(change.id)
    return blocked - {refused}


def check(starts: Iterable[State], goal: State, *, drops: bool = False) -> int:
    """Go from every start to the goal, once undisturbed and once per refusal; returns the number of passages tried.

    What is left by a refusal is often another start, or what another refusal left: from each state of the CRM, the way
    to the goal is gone to its end once. A plan hangs on nothing but what is read, so the second time would be the same.

    ``drops``: in a CRM that takes the grants of a unit's members when the unit moves to another business unit.
    """
    desired, arrived, tried = wanted(goal), set[str](), 0
    for start in starts:
        crm = crm_of(start, drops=drops)
        changes = planned(desired, crm.adapter())
        for change in changes:
            _check_refusal(crm.copy(), desired, changes, change.id, arrived)
        _check_arrival(crm, desired, arrived)
        tried += 1 + len(changes)
    return tried


def _check_refusal(
    crm: MemoryCrm, desired: Organization, changes: list[Change], refused: str, arrived: set[str]
) -> None:
    crm.refuse = frozenset({refused})
    passage = carried_out(changes, crm)
    expected = waiting_on(changes, refused)
    skipped = {id_ for id_, status in passage.outcomes.items() if status is Status.SKIPPED}
    failed = {id_ for id_, status in passage.outcomes.items() if status is Status.FAILED}
    assert (failed, skipped) == ({refused}, expected), (desired, changes, passage.reasons)
    crm.refuse = frozenset()
    _check_arrival(crm, desired, arrived)


def _check_arrival(crm: MemoryCrm, desired: Organization, arrived: set[str]) -> None:
    start = json.dumps(crm.resources, sort_keys=True)
    if start not in arrived:
        passage = passed(desired, crm)
        assert set(passage.outcomes.values()) <= {Status.APPLIED}, (start, desired, passage.reasons)
        assert planned(desired, crm.adapter()) == [], (start, desired)
        arrived.add(start)


def forests(keys: Sequence[str]) -> Iterator[dict[str, str | None]]:
    """Every labelled forest on every subset of the keys: key -> parent."""
    for count in range(len(keys) + 1):
        for chosen in combinations(keys, count):
            for parents in product([None, *chosen], repeat=count):
                forest = dict(zip(chosen, parents, strict=True))
                if all(_reaches_a_root(key, forest) for key in chosen):
                    yield forest


def _reaches_a_root(key: str, forest: dict[str, str | None]) -> bool:
    at: str | None = key
    for _ in forest:
        at = forest[at] if at is not None else None
    return at is None


def unit(name: str, parent: str | None, business_unit: str = "b", roles: Sequence[str] = ()) -> Fields:
    return {"name": name, "businessUnit": business_unit, "parent": parent, "roles": [*sorted(roles)]}


BUSINESS_UNIT: State = {"business-unit/b": {"name": "B", "parent": None}}


def unit_forests(keys: Sequence[str]) -> list[State]:
    return [
        BUSINESS_UNIT | {f"unit/{key}": unit(key, parent) for key, parent in forest.items()} for forest in forests(keys)
    ]


def named_forests(keys: Sequence[str], names: Sequence[str]) -> list[State]:
    """Every forest under every way to hand out unique names."""
    return [
        BUSINESS_UNIT | {f"unit/{key}": unit(name, forest[key]) for key, name in zip(forest, given, strict=True)}
        for forest in forests(keys)
        for given in permutations(names, len(forest))
    ]


def business_unit_trees() -> list[State]:
    """Up to two business units as every forest, with up to two units in them."""
    found: list[State] = []
    for outer in forests("ab"):
        above: State = {f"business-unit/{key}": {"name": key, "parent": parent} for key, parent in outer.items()}
        for inner in forests("xy"):
            for homes in product(outer, repeat=len(inner)):
                below = {f"unit/{k}": unit(k, inner[k], home) for k, home in zip(inner, homes, strict=True)}
                found.append(above | below)
    return found


def assignments() -> list[State]:
    """Up to two roles (one may include the other), a unit that gives roles, and one member with grants."""
    found: list[State] = []
    for includes in _inclusions():
        roles: State = {f"role/{key}": {"name": key, "includes": [*sorted(value)]} for key, value in includes.items()}
        people: State = {"user/p@example.com": {}}
        base = BUSINESS_UNIT | roles | people
        found.append(base)
        for given, granted in product(_subsets([*includes]), [None, *_subsets([*includes])]):
            state = base | {"unit/u": unit("u", None, roles=given)}
            if granted is not None:
                state |= {"membership/u/p@example.com": {}}
                state |= {f"grant/u/p@example.com/{role}": {} for role in granted}
            found.append(state)
    return found


def moving_members() -> list[State]:
    """A unit in one of two business units, or none, and a member with every set of grants, or none."""
    base: State = {f"business-unit/{key}": {"name": key, "parent": None} for key in "ab"}
    base["user/p@example.com"] = {}
    for key in "rs":
        base[f"role/{key}"] = {"name": key, "includes": []}
    found: list[State] = [base]
    for home, granted in product("ab", [None, *_subsets("rs")]):
        state = base | {"unit/u": unit("u", None, home)}
        if granted is not None:
            state |= {"membership/u/p@example.com": {}}
            state |= {f"grant/u/p@example.com/{role}": {} for role in granted}
        found.append(state)
    return found


def _inclusions() -> list[dict[str, list[str]]]:
    return [{}, {"r": []}, {"s": []}, {"r": [], "s": []}, {"r": ["s"], "s": []}, {"r": [], "s": ["r"]}]


def _subsets(keys: Sequence[str]) -> list[tuple[str, ...]]:
    return [chosen for count in range(len(keys) + 1) for chosen in combinations(keys, count)]


def role_graphs(keys: Sequence[str]) -> list[State]:
    """Every acyclic inclusion graph on every subset of the keys."""
    found: list[State] = []
    for chosen in _subsets(keys):
        pairs = [(a, b) for a in chosen for b in chosen if a != b]
        for edges in _subsets_of(pairs):
            includes: dict[str, list[Json]] = {key: [*sorted(b for a, b in edges if a == key)] for key in chosen}
            if _acyclic(includes):
                found.append({f"role/{key}": {"name": key, "includes": value} for key, value in includes.items()})
    return found


def _subsets_of(pairs: Sequence[tuple[str, str]]) -> list[tuple[tuple[str, str], ...]]:
    return [chosen for count in range(len(pairs) + 1) for chosen in combinations(pairs, count)]


def _acyclic(includes: dict[str, list[Json]]) -> bool:
    left = dict(includes)
    while ready := [key for key, value in left.items() if not set(map(str, value)) & left.keys()]:
        for key in ready:
            del left[key]
    return not left
