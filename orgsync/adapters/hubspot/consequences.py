"""What HubSpot does by itself: a permission set that is given takes the place of the one that was there."""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence

from orgsync.adapter import Snapshot
from orgsync.change import Action, Change, Effect
from orgsync.resources import Kind, RemoteId, parts_of


def effects(changes: Sequence[Change], live: Snapshot, others: Mapping[RemoteId, str]) -> Iterator[Effect]:
    """``others``: user id -> name of the permission set that they have and nobody declared."""
    taken = {change.address for change in changes if change.action is Action.DELETE}
    held: dict[str, list[str]] = defaultdict(list)
    for address in live.resources:
        if address.startswith(f"{Kind.GRANT}/") and address not in taken:
            _, login, role = parts_of(address)
            held[login].append(role)
    for change in changes:
        if change.kind is Kind.GRANT and change.action is Action.CREATE:
            _, login, role = parts_of(change.address)
            other = others.get(live.ids.get(f"{Kind.USER}/{login}", ""))
            if lost := [*held[login], *([f'"{other}"'] if other else [])]:
                yield Effect(cause=change.id, summary=f"giving {role} to {login} takes {', '.join(lost)} away")
