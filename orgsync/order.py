"""Put changes into an order that a strict CRM accepts; the waits are part of the result.

In: changes (any order), the live resources, what the CRM keeps unique. Out: the changes sorted, with ``waits_for``.
Never: drops or merges a change. A ring that only names make is broken by giving a name up first (``#release``).

    refer      what a change will refer to is created (or re-keyed) first
    release    what something referred to is deleted only after the reference is gone
    look through   with a <- b <- c becoming b <- c <- a, a waits for b although c between them does not change
    names      whoever gives a unique name up goes before whoever takes it
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from graphlib import CycleError, TopologicalSorter
from itertools import pairwise

from orgsync.adapter import Capabilities
from orgsync.change import RELEASE, Action, Change
from orgsync.resources import FIELDS, KEY, NO_FIELDS, Address, Fields, Kind, kind_of, references

Waits = dict[str, set[str]]


def order(changes: Iterable[Change], live: Mapping[Address, Fields], capabilities: Capabilities) -> list[Change]:
    """Raises nothing: final states are acyclic (``resolve`` saw to it), so only names can make a ring."""
    by_id = {change.id: change for change in changes}
    waits: Waits = defaultdict(set)
    for change in by_id.values():
        waits[change.id].update(change.waits_for)
    _wait_for_what_is_referred_to(by_id, waits)
    _wait_for_releases(by_id, waits)
    _look_through(by_id, live, waits)
    _pass_names_on(by_id, waits, capabilities)
    return [
        replace(by_id[id_], waits_for=tuple(sorted(waits[id_]))) if waits.get(id_) else by_id[id_]
        for id_ in _sorted(by_id, waits)
    ]


def _sorted(by_id: Mapping[str, Change], waits: Waits) -> Iterator[str]:
    sorter = TopologicalSorter({id_: waits.get(id_, ()) for id_ in by_id})
    sorter.prepare()
    ranks = {kind: rank for rank, kind in enumerate(Kind)}
    while sorter.is_active():
        ready = sorted(sorter.get_ready(), key=lambda id_: (ranks[by_id[id_].kind], by_id[id_].action, id_))
        yield from ready
        sorter.done(*ready)


def _new(change: Change) -> Iterator[Address]:
    """What the resource refers to after the change and did not before."""
    if change.after is None:
        return
    old = set(references(change.address, change.before)) if change.before else set()
    if change.action is Action.UPDATE:
        old.update(references(change.address, NO_FIELDS))  # the ends of a membership or grant never change
    for reference in references(change.address, change.after):
        if reference not in old:
            yield reference


def _wait_for_what_is_referred_to(by_id: Mapping[str, Change], waits: Waits) -> None:
    arriving = {change.address for change in by_id.values() if _arrives(change)}
    for change in by_id.values():
        if change.after is not None:
            waits[change.id].update(arriving.intersection(_new(change)) - {change.id})


def _arrives(change: Change) -> bool:
    """Only afterwards can others refer to it: it is new, has a new key, or gets the node that it lacked."""
    if change.action is not Action.UPDATE or change.after is None:
        return change.action is Action.CREATE
    lacked = change.before is not None and change.before.get("node", "") is None
    return KEY in change.after or (lacked and "node" in change.after)


def _wait_for_releases(by_id: Mapping[str, Change], waits: Waits) -> None:
    leaving = {change.address for change in by_id.values() if change.action is Action.DELETE}
    if not leaving:
        return
    for change in by_id.values():
        if change.before is not None:
            kept = set(references(change.address, change.after)) if change.after is not None else set()
            for reference in leaving.intersection(references(change.address, change.before)) - kept:
                waits[reference].add(change.id)


def _look_through(by_id: Mapping[str, Change], live: Mapping[Address, Fields], waits: Waits) -> None:
    """Whoever moves below something waits for the nearest change above, however many unchanged ones lie between.

    Then every chain above it is already final when it moves, and a final chain holds no cycle.
    """
    for change in by_id.values():
        if change.action is not Action.UPDATE or change.after is None:
            continue
        for name in _own_kind_fields(change.kind):
            if name in change.after:
                above = _gained(change, name)
                waits[change.id].update(_nearest_changes(name, above, by_id, live) - {change.id})


def _gained(change: Change, name: str) -> set[Address]:
    """What an update newly points to, and therefore waits for itself; a newcomer waits for nobody above it."""
    if change.action is not Action.UPDATE:
        return set()
    before = _targets(change.kind, (change.before or NO_FIELDS).get(name))
    return set(_targets(change.kind, (change.after or NO_FIELDS).get(name))).difference(before)


def _own_kind_fields(kind: Kind) -> list[str]:
    return [name for name, spec in FIELDS[kind].items() if spec.to is kind]


def _targets(kind: Kind, value: object) -> list[Address]:
    keys = [value] if isinstance(value, str) else value if isinstance(value, list) else []
    return [f"{kind}/{key}" for key in keys]


def _nearest_changes(
    name: str, above: Iterable[Address], by_id: Mapping[str, Change], live: Mapping[Address, Fields]
) -> set[str]:
    found: set[str] = set()
    seen: set[Address] = set()
    waiting = list(above)
    while waiting:
        current = waiting.pop()
        if current in seen:
            continue
        seen.add(current)
        change = by_id.get(current)
        if change is None or change.after is None or name not in change.after:
            waiting.extend(_targets(kind_of(current), live.get(current, NO_FIELDS).get(name)))
        else:
            found.add(current)
            waiting.extend(set(_targets(change.kind, change.after.get(name))) - _gained(change, name))
    return found


def _pass_names_on(by_id: dict[str, Change], waits: Waits, capabilities: Capabilities) -> None:
    givers = {
        (change.kind, field, change.before[field]): change.id
        for change in by_id.values()
        for field in capabilities.of(change.kind).unique
        if change.before is not None and change.before.get(field) is not None
    }
    passes = [
        (giver, change.id, field)
        for change in list(by_id.values())
        for field in capabilities.of(change.kind).unique
        if change.after is not None
        and (giver := givers.get((change.kind, field, change.after.get(field)))) not in {None, change.id}
    ]
    by_pair = {(str(giver), taker): field for giver, taker, field in passes if giver not in waits[taker]}
    for giver, taker in by_pair:
        waits[taker].add(giver)
    while ring := _ring(by_id, waits):
        giver, taker = next(pair for pair in ring if pair in by_pair)
        _release(giver, taker, by_pair.pop((giver, taker)), by_id, waits)


def _ring(by_id: Mapping[str, Change], waits: Waits) -> list[tuple[str, str]]:
    """The pairs (waited for, waiting) of one ring among structural changes; edges of people cannot form any."""
    structural = {id_: waits.get(id_, ()) for id_, change in by_id.items() if change.kind not in _EDGES}
    try:
        TopologicalSorter(structural).prepare()
    except CycleError as error:
        ring: list[str] = error.args[1]
        return list(pairwise(ring))
    return []


_EDGES = {Kind.USER, Kind.MEMBERSHIP, Kind.GRANT}


def _release(giver: str, taker: str, field: str, by_id: dict[str, Change], waits: Waits) -> None:
    """The giver takes a temporary name first: its own change and the taker wait for that alone."""
    change = by_id[giver]
    temporary = f"{change.address.partition('/')[2]}~renaming"
    release = Change(
        id=giver + RELEASE,
        address=change.address,
        action=Action.UPDATE,
        before={field: (change.before or NO_FIELDS).get(field)},
        after={field: temporary},
        reason="gives its name up first: another takes it",
        remote_id=change.remote_id,
    )
    by_id[release.id] = release
    waits[release.id] = set()
    waits[giver].add(release.id)
    waits[taker].discard(giver)
    waits[taker].add(release.id)
