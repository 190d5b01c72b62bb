"""What a provider does by itself: a group that goes takes along who is in it, foreign groups among them."""

from collections.abc import Iterator, Mapping, Sequence

from orgsync.adapter import Snapshot
from orgsync.change import Action, Change, Effect
from orgsync.resources import Address, Kind, RemoteId, key_of, kind_of, parts_of


def effects(changes: Sequence[Change], live: Snapshot, strangers: Mapping[RemoteId, int]) -> Iterator[Effect]:
    """``strangers``: how many foreign groups are in the group of that id."""
    gone = {change.address: change for change in changes if change.action is Action.DELETE and change.kind in _HELD}
    if not gone:
        return
    members: dict[Address, list[Address]] = {address: [] for address in gone}
    for address in live.resources:
        if (group := _group_of(address)) in members:
            members[group].append(address)
    for address, change in gone.items():
        foreign = strangers.get(change.remote_id or "", 0)
        if members[address] or foreign:
            yield Effect(
                cause=change.id,
                summary=_summary(address, len(members[address]), foreign),
                drops=tuple(members[address]),
            )


_HELD = frozenset({Kind.UNIT, Kind.ROLE, Kind.BUSINESS_UNIT})


def _group_of(address: Address) -> Address:
    kind = kind_of(address)
    if kind is Kind.MEMBERSHIP:
        return f"{Kind.UNIT}/{parts_of(address)[0]}"
    return f"{Kind.ROLE}/{parts_of(address)[2]}" if kind is Kind.GRANT else ""


def _summary(address: Address, members: int, foreign: int) -> str:
    parts = [f"{members} memberships"] if members else []
    parts += [f"{foreign} foreign groups in it"] if foreign else []
    return f"deleting the group of {key_of(address)} ends {' and '.join(parts)}"
