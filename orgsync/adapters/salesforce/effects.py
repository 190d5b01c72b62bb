"""What comes with a change in Salesforce: shown in the plan, and ordered around.

In: changes, the live organization, an index. Out: effects. Never: asks the server.
"""

from collections.abc import Iterable, Iterator, Sequence

from orgsync.adapter import Snapshot
from orgsync.adapters.salesforce.index import Index
from orgsync.change import Action, Change, Effect
from orgsync.resources import Address, Kind, key_of, parts_of


def regrants(changes: Sequence[Change], live: Snapshot, index: Index) -> Iterator[Effect]:
    """A role that includes others for the first time: its holders get its new permission set group instead."""
    new = [one.address for one in changes if one.kind is Kind.GRANT and one.action is Action.CREATE]
    for change in changes:
        own = change.remote_id or live.ids.get(change.address, "")
        includes = (change.after or {}).get("includes")
        if change.kind is Kind.ROLE and change.action is Action.UPDATE and includes and own not in index.bundles:
            summary = f"whoever holds {key_of(change.address)} gets its new permission set group instead of its set"
            held = tuple(sorted({*_grants(change.address, live.resources), *_grants(change.address, new)}))
            yield Effect(cause=change.id, summary=summary, drops=held)


def _grants(role: Address, addresses: Iterable[Address]) -> Iterator[Address]:
    for address in addresses:
        if address.startswith(f"{Kind.GRANT}/") and parts_of(address)[2] == key_of(role):
            yield address
