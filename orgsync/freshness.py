"""How the CRM differs from what a plan saw, and from what was done: sentences, with who moved it where that is known.

In: changes or steps, the live resources. Out: sentences. Never: reads, decides or prints.
"""

import json
from collections.abc import Collection, Mapping, Sequence
from types import MappingProxyType

from orgsync.adapter import Snapshot
from orgsync.change import Action, Change, Step
from orgsync.resources import KEY, NO_FIELDS, Address, Fields, Json, Kind, kind_of, references, same


def differences(change: Change | Step, live: Mapping[Address, Fields], former: Collection[Address] = ()) -> list[str]:
    """What in the CRM is not as the change wanted it; empty where it was carried out."""
    current = live.get(change.address)
    if change.action is Action.DELETE:
        return [f"{change.address} is still there"] if current is not None else []
    if current is None:
        return [f"{change.address} is not there"]
    after = change.after or NO_FIELDS
    keys = [f"{change.address} still has its former key"] if KEY in after and change.address in former else []
    return keys + [
        f"{change.address}: {name} is {_shown(current.get(name))}, not {_shown(value)}"
        for name, value in after.items()
        if name != KEY and not same(current.get(name), value)
    ]


NO_RESOURCES: Mapping[Address, Fields] = MappingProxyType({})


def moved(
    changes: Sequence[Change],
    live: Snapshot,
    dropped: frozenset[Address],
    *,
    seen: Mapping[Address, Fields] = NO_RESOURCES,
    former: Collection[Address] | None = None,
    kept: Collection[Kind] = tuple(Kind),
) -> list[str]:
    """Freshness: one sentence per resource that is no longer as the plan saw it, with who moved it where known.

    dropped   addresses that the CRM will drop by itself, so that they are there although they will be created
    seen      what the plan saw of everything that it touches or refers to
    former    addresses that still carry a former key; None where nobody looked
    kept      kinds that the CRM keeps
    """
    arriving = {
        change.address
        for change in changes
        if change.action is Action.CREATE or (change.after is not None and KEY in change.after)
    }
    told = [
        sentence + _who(change.address, live)
        for change in changes
        for sentence in [
            *_moved(change, live.resources, dropped),
            *_gone(change, live.resources, arriving, kept),
            *_rekeyed(change, former),
        ]
    ]
    told += [sentence + _who(address, live) for address in seen for sentence in _changed(address, seen, live.resources)]
    return list(dict.fromkeys(told))


def _rekeyed(change: Change, former: Collection[Address] | None) -> list[str]:
    if former is None or change.after is None or KEY not in change.after or change.address in former:
        return []
    return [f"{change.address} has its new key already"]


def _changed(address: Address, seen: Mapping[Address, Fields], live: Mapping[Address, Fields]) -> list[str]:
    current = live.get(address)
    if current is None:
        return [f"{address} is gone"]
    return _differing(address, seen[address], current)


def _differing(address: Address, was: Fields, current: Fields) -> list[str]:
    return [
        f"{address}: {name} was {_shown(value)} and is {_shown(current.get(name))}"
        for name, value in was.items()
        if name != KEY and not same(current.get(name), value)
    ]


def _moved(change: Change, live: Mapping[Address, Fields], dropped: frozenset[Address]) -> list[str]:
    current = live.get(change.address)
    if change.action is Action.CREATE:
        there = current is not None and change.address not in dropped
        return [f"{change.address} exists by now"] if there else []
    if current is None:
        return [f"{change.address} is gone"]
    return _differing(change.address, change.before or NO_FIELDS, current)


def _gone(change: Change, live: Mapping[Address, Fields], arriving: set[Address], kept: Collection[Kind]) -> list[str]:
    """What is of a kind that the CRM only names, and does not keep, cannot be gone."""
    if change.after is None:
        return []
    return [
        f"{change.address}: {reference}, which it will refer to, is gone"
        for reference in references(change.address, change.after)
        if reference not in live and reference not in arriving and kind_of(reference) in kept
    ]


def _shown(value: Json) -> str:
    return "nothing" if value in (None, [], {}) else json.dumps(value, ensure_ascii=False, default=dict)


def _who(address: Address, live: Snapshot) -> str:
    changed = live.changed.get(address)
    if changed is None:
        return ""
    return f" (last changed {f'by {changed.by} ' if changed.by else ''}at {changed.at:%Y-%m-%d %H:%M})"
