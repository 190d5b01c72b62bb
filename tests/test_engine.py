"""From any live state to any desired one, in what several kinds of CRM can express: applied whole, and then quiet."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

import pytest
from hypothesis import HealthCheck, assume, given, settings

from orgsync.adapter import Capabilities, Foreign, Scope, Snapshot
from orgsync.adapters.memory import FLAT, FULL, ROLES_BY_NAME, MemoryAdapter, MemoryCrm
from orgsync.apply import apply, settle, verify
from orgsync.change import Batch, Change, Status
from orgsync.diff import diff, rename
from orgsync.effects import lost, make_good
from orgsync.freshness import moved
from orgsync.order import order
from orgsync.project import project
from orgsync.resources import Kind, Organization
from orgsync.safety import names_taken, rings, withhold
from orgsync.users import settle_users
from tests.organizations import organizations
from tests.transitions import TODAY, Silent

EVERYTHING = frozenset(Kind)
FOREIGN = [
    Foreign(kind=Kind.ROLE, id="r9", name="Somebody's role"),
    Foreign(kind=Kind.UNIT, id="u9", name="Somebody's unit"),
]
SPACES = {"full": FULL, "flat": FLAT, "roles by name": ROLES_BY_NAME}


def planned(desired: Organization, adapter: MemoryAdapter, live: Snapshot) -> tuple[list[Change], frozenset[str], bool]:
    """(changes, what effects drop, whether it is possible at all)."""
    projected, _ = project(desired, adapter.capabilities, "memory", narrower=True)
    renamed, former = rename(live, projected.previously)
    settled, _ = settle_users(projected, renamed, "create")
    wanted = diff(settled, renamed, former, today=TODAY)
    kept, _ = withhold(wanted, renamed, EVERYTHING, adapter.capabilities)
    effects = adapter.effects(kept, renamed)
    gone = lost(effects, renamed.resources)
    rest = {address: fields for address, fields in renamed.resources.items() if address not in gone}
    kept, _ = withhold(wanted, replace(renamed, resources=rest), EVERYTHING, adapter.capabilities)
    kept = make_good(kept, effects, settled.resources, renamed.resources)
    changes = order(kept, renamed.resources, adapter.capabilities)
    impossible = names_taken(changes, renamed, adapter.capabilities) or rings(changes, renamed)
    return changes, frozenset(address for effect in effects for address in effect.drops), not impossible


def held_by_others(crm: MemoryCrm) -> dict[str, object]:
    return {address: dict(fields) for address, fields in crm.resources.items() if "foreign:" in address}


def sent(crm: MemoryCrm) -> list[Batch]:
    return [call for call in crm.calls if isinstance(call, Batch)]


def fewest(changes: Sequence[Change]) -> int:
    """Calls that no adapter could do without: one per stratum, kind and action."""
    depth: dict[str, int] = {}
    for change in changes:
        depth[change.id] = 1 + max((depth[one] for one in change.waits_for), default=0)
    return len({(depth[change.id], change.kind, change.action) for change in changes})


@pytest.mark.parametrize("drops", [False, True])
@pytest.mark.parametrize("space", SPACES)
@given(start=organizations(live=True), desired=organizations())
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.filter_too_much, HealthCheck.too_slow])
def test_any_live_state_becomes_any_desired_one_and_a_second_plan_is_empty(
    space: str,
    drops: bool,  # noqa: FBT001
    start: Organization,
    desired: Organization,
) -> None:
    capabilities: Capabilities = SPACES[space]
    begin = dict(project(start, capabilities, "memory", narrower=True)[0].resources)
    crm = MemoryCrm(resources=begin, foreign=FOREIGN, capabilities=capabilities, drops_grants_on_move=drops)
    adapter, foreign = crm.adapter(), held_by_others(crm)
    live = adapter.read(Scope())
    changes, dropped, possible = planned(desired, adapter, live)
    assume(possible)
    assert moved(changes, live, dropped) == []
    outcomes = apply(changes, adapter, live.ids, Silent())
    assert [(one.id, one.status, one.detail) for one in outcomes if one.status is not Status.APPLIED] == []
    after = adapter.read(Scope())
    assert verify(changes, outcomes, after) == []
    assert settle(changes, outcomes, after) == outcomes
    again, _, _ = planned(desired, adapter, after)
    assert again == []
    assert held_by_others(crm) == foreign
    steps = Counter(step.id for batch in sent(crm) for step in batch.steps)
    assert steps == Counter(change.id for change in changes)
    assert len(sent(crm)) == fewest(changes)
    _check_unmanaged(desired, begin, after)


def _check_unmanaged(desired: Organization, begin: object, after: Snapshot) -> None:
    """Whoever belongs to a unit that is declared without assignments belongs to it still."""
    assert isinstance(begin, dict)
    open_units = {a.split("/")[1] for a in desired.resources if a.startswith("unit/") and a not in desired.managed}
    members = {a for a in begin if a.startswith("membership/") and a.split("/")[1] in open_units}
    assert members <= after.resources.keys()
