"""The ordering rules, proven exhaustively against a CRM that refuses every wrong order."""

from itertools import product

import pytest

from tests.transitions import (
    State,
    assignments,
    business_unit_trees,
    check,
    crm_of,
    moving_members,
    named_forests,
    planned,
    role_graphs,
    unit_forests,
    wanted,
)

SHARDS = 8


def test_there_are_212_forests_of_up_to_four_units() -> None:
    assert len(unit_forests("abcd")) == 212


@pytest.mark.parametrize("shard", range(SHARDS))
def test_every_move_between_forests_of_up_to_four_units_is_accepted_and_survives_any_refusal(shard: int) -> None:
    assert _tried(unit_forests("abcd"), shard) > 44_944 // SHARDS


@pytest.mark.parametrize("shard", range(SHARDS))
def test_every_move_of_units_and_their_unique_names_is_accepted_and_survives_any_refusal(shard: int) -> None:
    assert _tried(named_forests("abc", "ABC"), shard) > 160 * 160 // SHARDS


def test_every_move_between_business_units_is_accepted_and_survives_any_refusal() -> None:
    states = business_unit_trees()
    assert sum(_tried(states, shard) for shard in range(SHARDS)) > len(states) ** 2


def test_every_change_of_roles_and_assignments_is_accepted_and_survives_any_refusal() -> None:
    states = assignments()
    assert sum(_tried(states, shard) for shard in range(SHARDS)) > len(states) ** 2


def test_every_change_between_inclusion_graphs_of_three_roles_is_accepted_and_survives_any_refusal() -> None:
    states = role_graphs("rst")
    assert sum(_tried(states, shard) for shard in range(SHARDS)) > len(states) ** 2


def test_what_a_move_drops_is_given_again_or_removed_before_whatever_is_refused() -> None:
    states = moving_members()
    dropped = [
        change
        for start, goal in product(states, states)
        for change in planned(wanted(goal), crm_of(start, drops=True).adapter())
        if change.reason.startswith("given again")
    ]
    assert len(dropped) == 2 * 2 * (2 * 2), "each role, each direction; half of the sets hold it before, half after"
    assert sum(check(states, goal, drops=True) for goal in states) > len(states) ** 2


def _tried(states: list[State], shard: int) -> int:
    return sum(check(states, goal) for goal in states[shard::SHARDS])
