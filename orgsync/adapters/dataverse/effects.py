"""What Dataverse does by itself: a move to another business unit takes roles; a role counts from where one is at home.

In: changes, an index. Out: effects. Never: asks the server.
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence

from orgsync.adapters.dataverse.index import Index
from orgsync.change import Action, Change, Effect
from orgsync.resources import Address, Kind, RemoteId, address, key_of, kind_of, parts_of


def effects_of(index: Index, changes: Sequence[Change]) -> list[Effect]:
    grants = _grants(index, changes)
    moves = [effect for change in changes if _moves(change) for effect in _of_a_move(index, change, grants)]
    return [*moves, *_from_the_top(index, changes)]


def _moves(change: Change) -> bool:
    return (
        change.kind in {Kind.USER, Kind.UNIT}
        and change.action is Action.UPDATE
        and change.after is not None
        and "businessUnit" in change.after
    )


def _of_a_move(index: Index, change: Change, grants: Mapping[str, set[Address]]) -> Iterator[Effect]:
    holder = change.remote_id or index.snapshot.ids.get(change.address, "")
    place = _place(index, change)
    _, lost = index.carried(holder, place) if place else ([], [])
    gone = sorted(
        f'"{index.names.get(copy, copy)}"' for copy in lost if index.root_of.get(copy, ("",))[0] not in index.ours
    )
    drops = tuple(sorted(grants[key_of(change.address)])) if change.kind is Kind.USER and index.strips else ()
    told = [f"{len(drops)} roles, which are given again or were to go"] if drops else []
    told += [f"{', '.join(gone)}, which {'has' if len(gone) == 1 else 'have'} no copy there"] if gone else []
    if told:
        summary = f"moving {key_of(change.address)} to another business unit takes {' and '.join(told)}"
        yield Effect(cause=change.id, summary=summary, drops=drops)


def _place(index: Index, change: Change) -> RemoteId:
    """Where to; empty for a business unit that this plan makes: all roles will have copies there."""
    key = (change.after or {}).get("businessUnit")
    return index.snapshot.ids.get(address(Kind.BUSINESS_UNIT, str(key)), "") if key else index.root


def _grants(index: Index, changes: Sequence[Change]) -> Mapping[str, set[Address]]:
    """By login: those that live, and those that are on their way."""
    coming = [one.address for one in changes if one.action is Action.CREATE]
    found: dict[str, set[Address]] = defaultdict(set)
    for at in (*index.snapshot.resources, *coming):
        if kind_of(at) is Kind.GRANT:
            found[parts_of(at)[1]].add(at)
    return found


def _from_the_top(index: Index, changes: Sequence[Change]) -> Iterator[Effect]:
    """Everything is below the root business unit, so that scope subtree has no end there: one effect per role."""
    by_address = {change.address: change for change in changes}
    reaching: dict[Address, list[Change]] = defaultdict(list)
    for change in changes:
        if change.kind is Kind.GRANT and change.action is Action.CREATE:
            _, login, key = parts_of(change.address)
            role, user = address(Kind.ROLE, key), address(Kind.USER, login)
            if _home(index, user, by_address) == index.root and _DEEP in _scopes(index, role, by_address):
                reaching[role].append(change)
    for role, grants in sorted(reaching.items()):
        who = key_of(grants[0].address).split("/")[1] if len(grants) == 1 else f"{len(grants)} people"
        where = f"{who} in the root business unit, below which everything is"
        yield Effect(cause=grants[0].id, summary=f"what {role} gives in scope {_DEEP} reaches everything for {where}")


_DEEP = "subtree"


def _home(index: Index, user: Address, by_address: Mapping[Address, Change]) -> RemoteId:
    """Empty for a business unit that this plan makes."""
    change = by_address.get(user)
    if change is not None and _moves(change):
        return _place(index, change)
    return index.place.get(index.snapshot.ids.get(user, ""), "")


def _scopes(index: Index, role: Address, by_address: Mapping[Address, Change]) -> set[object]:
    """As they will be."""
    change = by_address.get(role)
    fields = {**index.snapshot.resources.get(role, {}), **((change.after or {}) if change is not None else {})}
    found = fields.get("privileges")
    given = [one for one in found.values() if isinstance(one, dict)] if isinstance(found, dict) else []
    return {scope for actions in given for scope in actions.values()}
