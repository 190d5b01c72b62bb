"""The index holds what a walk over all addresses would find, and follows changes without another one."""

from collections import defaultdict
from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from orgsync.index import Index, index_of
from orgsync.resources import Fields, Kind, ends_of, kind_of, parts_of, well_formed

NAMES = st.sampled_from("abc")
ADDRESSES = st.one_of(
    st.tuples(st.sampled_from(["business-unit", "function", "role", "unit", "user"]), NAMES),
    st.tuples(st.just("membership"), NAMES, NAMES),
    st.tuples(st.just("grant"), NAMES | st.just("-"), NAMES, NAMES),
).map("/".join)
STATES = st.dictionaries(ADDRESSES, st.sampled_from([{"name": "one"}, {"name": "two"}, {}]), max_size=14)


def plain(resources: Mapping[str, Fields]) -> dict[str, Any]:
    """Slow and obvious."""
    members, holders, edges = defaultdict(list), defaultdict(list), defaultdict(list)
    for address in resources:
        parts = parts_of(address)
        if kind_of(address) is Kind.MEMBERSHIP:
            members[parts[0]].append(parts[1])
        if kind_of(address) is Kind.GRANT:
            holders[parts[2]].append(address)
        if kind_of(address) in {Kind.MEMBERSHIP, Kind.GRANT}:
            edges[parts[1]].append(address)
    counts = {kind: sum(kind_of(address) is kind for address in resources) for kind in Kind}
    named = {
        kind: {address: fields for address, fields in resources.items() if kind_of(address) is kind}
        for kind in Kind
        if kind not in {Kind.MEMBERSHIP, Kind.GRANT}
    }
    return {"members": members, "holders": holders, "edges": edges, "counts": counts, "named": named}


def told(index: Index) -> dict[str, Any]:
    """Without what is empty."""
    found = {name: getattr(index, name) for name in ("members", "holders", "edges")}
    held = {name: {key: [*values] for key, values in edges.items() if values} for name, edges in found.items()}
    return {**held, "counts": index.counts, "named": {kind: dict(index.of_kind(kind)) for kind in index.named}}


@settings(max_examples=200, deadline=None, derandomize=True)
@given(STATES, STATES)
def test_an_index_agrees_with_a_walk_and_so_does_one_that_followed_changes(
    before: dict[str, Fields], after: dict[str, Fields]
) -> None:
    index = index_of(before)
    assert told(index) == plain(before)
    assert index.strange == []
    touched = [address for address in {**before, **after} if before.get(address) != after.get(address)]
    kept = {address: after[address] for address in before if address in after}
    in_order = {**kept, **after}
    followed = index.changed(in_order, touched)
    expected = plain(in_order)
    assert {name: value for name, value in told(followed).items() if name != "named"} == {
        name: value for name, value in expected.items() if name != "named"
    }
    assert all(dict(followed.of_kind(kind)) == named for kind, named in expected["named"].items())
    assert told(index) == plain(before)


@settings(max_examples=100, deadline=None, derandomize=True)
@given(STATES)
def test_what_hangs_on_something_names_it_as_an_end(resources: dict[str, Fields]) -> None:
    index = index_of(resources)
    for address in resources:
        if kind_of(address) in {Kind.UNIT, Kind.ROLE, Kind.MEMBERSHIP}:
            hanging = [other for other in resources if address in ends_of(other)]
            assert sorted(index.hanging(address)) == sorted(hanging)


@pytest.mark.parametrize(
    "address",
    [
        *("", "unit", "unit/", "/u", "unit/u/v", "team/u", "Unit/u", "-/-/-", "unit/u/v/w", "role/r/s/t"),
        *("membership/u", "membership/u/", "membership//a", "membership/u/a/b"),
        *("grant/u/a", "grant/u/a/", "grant/u/a/r/s"),
    ],
)
def test_what_is_no_address_is_set_aside_as_strange(address: str) -> None:
    index = index_of({address: {}, "unit/u": {}})
    assert not well_formed(address)
    assert index.strange == [address]
    assert sum(index.counts.values()) == 1
