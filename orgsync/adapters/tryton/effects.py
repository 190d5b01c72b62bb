"""What Tryton does by itself because of a plan: said beforehand, from the world as it was last read.

In: changes, an index. Out: effects. Never: asks the server.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence

from orgsync.adapters.tryton.index import Index
from orgsync.adapters.tryton.reading import leftovers
from orgsync.change import Action, Change, Effect
from orgsync.resources import KEY, NO_UNIT, Address, Kind, key_of, parts_of

_EDGES = frozenset({Kind.MEMBERSHIP, Kind.GRANT})


def effects_of(index: Index, changes: Sequence[Change]) -> list[Effect]:
    found = [*_on_people(index, changes)]
    for change in changes:
        if change.kind is Kind.ROLE and change.action is Action.DELETE:
            found += _of_deleted_role(index, change)
        elif change.kind is Kind.ROLE and change.after is not None and "privileges" in change.after:
            found += _elsewhere(index, change, "change", "changes what it gives")
    return found


def _on_people(index: Index, changes: Sequence[Change]) -> Iterator[Effect]:
    """The first write to somebody makes their groups what their assignments say: whatever else they had is gone."""
    users = {login: number for number, login in index.login.items()}
    rows = _with_rows(index)
    left = leftovers(index)
    for login, cause in _first_writes(changes).items():
        number = users.get(login)
        if number is None or index.world.users[number].administrator:
            continue
        drops = tuple(f"{Kind.GRANT}/{NO_UNIT}/{login}/{key}" for key in left.get(number, ()))
        others = _direct_groups(index, number) if number not in rows else []
        others = others if any(_gives(change, login) for change in changes) else []
        drops = tuple(address for address in drops if address != cause.address)
        if drops or others:
            what = ", ".join([*others, *(f"what {_role(address)} gives" for address in drops)])
            summary = f"writing {login}'s assignments takes what no assignment gives: {what}"
            yield Effect(cause=cause.id, summary=summary, drops=drops)


def _role(address: Address) -> Address:
    return f"{Kind.ROLE}/{parts_of(address)[2]}"


def _gives(change: Change, login: str) -> bool:
    return change.kind in _EDGES and change.action is not Action.DELETE and parts_of(change.address)[1] == login


def _first_writes(changes: Iterable[Change]) -> Mapping[str, Change]:
    """Login -> the change that is carried out first: deletions go before creations."""
    found: dict[str, Change] = {}
    for change in sorted(changes, key=lambda one: (one.action is not Action.DELETE, one.address)):
        if change.kind in _EDGES:
            found.setdefault(parts_of(change.address)[1], change)
    return found


def _with_rows(index: Index) -> set[int]:
    return {row.user for role in index.world.roles.values() for row in role.rows}


def _direct_groups(index: Index, user: int) -> list[str]:
    groups = (index.world.groups.get(number) for number in index.world.users[user].groups)
    return sorted(f'the group "{group.name}"' for group in groups if group is not None and group.mark is None)


def _of_deleted_role(index: Index, change: Change) -> Iterator[Effect]:
    parts = index.roles.get(_key_in_tryton(change))
    if parts is not None and parts.privileges is not None and parts.privileges.rules:
        count = parts.privileges.rules
        summary = f"{count} record rules that somebody tied to {change.address} stay in Tryton without its group"
        yield Effect(cause=change.id, summary=summary)
    yield from _elsewhere(index, change, "deletion", "takes what it gave")


def _elsewhere(index: Index, change: Change, what: str, does: str) -> Iterator[Effect]:
    """Roles that are not ours may give our group, too: their holders are members of nothing that we know."""
    parts = index.roles.get(_key_in_tryton(change))
    group = parts.privileges if parts is not None else None
    if group is None:
        return
    ours = {role.id for _, _, role in index.assigned_roles()}
    names: dict[str, int] = defaultdict(int)
    for role in index.world.roles.values():
        if role.id not in ours and group.id in role.groups:
            names[role.name] += len({row.user for row in role.rows})
    if names:
        others = ", ".join(f'"{name}" ({count} holders)' for name, count in sorted(names.items()))
        yield Effect(cause=change.id, summary=f"the {what} of {change.address} also {does} through the roles {others}")


def _key_in_tryton(change: Change) -> str:
    before = change.before or {}
    return str(before.get(KEY) or key_of(change.address))
