"""The index holds what a walk over all addresses would find, and follows changes without another one."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from orgsync.adapters.memory import MemoryAdapter, MemoryCrm
from orgsync.change import Action, Change
from orgsync.errors import IncompleteRead
from orgsync.index import Index, Side
from orgsync.pipeline.target import check_keys
from orgsync.resources import EDGES, Fields, Kind, ends_of, kind_of, parts_of, well_formed

NAMES = st.sampled_from("abc")
ADDRESSES = st.one_of(
    st.tuples(st.sampled_from(["business-unit", "function", "role", "unit", "user"]), NAMES),
    st.tuples(st.just("membership"), NAMES, NAMES),
    st.tuples(st.just("grant"), NAMES | st.just("-"), NAMES, NAMES),
).map("/".join)
FIELDS = st.sampled_from([{"name": "one"}, {"name": "two"}, {"description": "three"}, {}])
STATES = st.dictionaries(ADDRESSES, FIELDS, max_size=14)


def plain(resources: Mapping[str, Fields]) -> dict[str, Any]:
    """Slow and obvious."""
    members, holders, edges = defaultdict(list), defaultdict(list), defaultdict(list)
    for address in resources:
        parts = parts_of(address)
        if kind_of(address) is Kind.MEMBERSHIP:
            members[parts[0]].append(address)
        if kind_of(address) is Kind.GRANT:
            holders[parts[2]].append(address)
        if kind_of(address) in {Kind.MEMBERSHIP, Kind.GRANT}:
            edges[parts[1]].append(address)
    named = {
        kind: {address: fields for address, fields in resources.items() if kind_of(address) is kind}
        for kind in Kind
        if kind not in {Kind.MEMBERSHIP, Kind.GRANT}
    }
    return {"members": members, "holders": holders, "edges": edges, "named": named}


def told(side: Side, keys: Iterable[str]) -> dict[str, Any]:
    """Without what is empty."""
    asked = {*keys}
    found = {"members": side.members(asked), "holders": side.holders(asked), "edges": side.edges(asked)}
    assert all(held.keys() == asked for held in found.values())
    held = {name: {key: sorted(one) for key, one in edges.items() if one} for name, edges in found.items()}
    return {**held, "named": {kind: dict(side.of_kind(kind)) for kind in Kind if kind not in EDGES}}


def expected(resources: Mapping[str, Fields], keys: Iterable[str]) -> dict[str, Any]:
    found = plain(resources)
    edges = ("members", "holders", "edges")
    held = {name: {key: sorted(one) for key, one in found[name].items() if key in {*keys}} for name in edges}
    return {**held, "named": found["named"]}


ADAPTER = MemoryAdapter(MemoryCrm(), actor="", writable=False)
KEYS = st.lists(NAMES | st.just("-"), max_size=2)


@settings(max_examples=200, deadline=None, derandomize=True)
@given(STATES, KEYS, KEYS)
def test_an_index_agrees_with_a_walk_however_it_is_asked(
    resources: dict[str, Fields], first: list[str], then: list[str]
) -> None:
    index = Index(resources=resources)
    assert told(index, first) == expected(resources, first)
    assert told(index, then) == expected(resources, then)
    assert told(index, [*first, *then]) == expected(resources, [*first, *then])
    assert index.counts == {kind: sum(kind_of(address) is kind for address in resources) for kind in Kind}
    assert all(index.holds(address) and index.fields(address) == resources[address] for address in resources)


@settings(max_examples=300, deadline=None, derandomize=True)
@given(STATES, st.lists(st.tuples(ADDRESSES, st.sampled_from(Action), FIELDS), max_size=8), KEYS)
def test_what_changes_make_of_an_index_agrees_with_a_walk_over_what_will_live(
    before: dict[str, Fields], steps: list[tuple[str, Action, Fields]], keys: list[str]
) -> None:
    index = Index(resources=before)
    changes = [Change(address=address, action=action, after=fields) for address, action, fields in steps]
    after = dict(before)
    for change in changes:
        if change.action is Action.DELETE:
            after.pop(change.address, None)
        else:
            after[change.address] = {**after.get(change.address, {}), **(change.after or {})}
    followed = index.after(changes)
    assert told(followed, keys) == expected(after, keys)
    for address in {*before, *after, *(change.address for change in changes)}:
        assert followed.holds(address) is (address in after)
        assert followed.fields(address) == after.get(address, {})
    assert told(index, keys) == expected(before, keys)


@settings(max_examples=200, deadline=None, derandomize=True)
@given(STATES, st.sets(ADDRESSES, max_size=4))
def test_what_hangs_on_something_names_it_as_an_end(resources: dict[str, Fields], asked: set[str]) -> None:
    """Each is told as often as it hangs on something that was asked for: whoever asks makes a mapping of it."""
    owners = {one for one in asked if kind_of(one) in {Kind.UNIT, Kind.ROLE, Kind.MEMBERSHIP}}
    hanging = {other for other in resources if not owners.isdisjoint(ends_of(other))}
    assert {*Index(resources=resources).hanging(asked)} == hanging


@pytest.mark.parametrize(
    "address",
    [
        *("", "unit", "unit/", "/u", "unit/u/v", "team/u", "Unit/u", "-/-/-", "unit/u/v/w", "role/r/s/t"),
        *("membership/u", "membership/u/", "membership//a", "membership/u/a/b"),
        *("grant/u/a", "grant/u/a/", "grant/u/a/r/s"),
    ],
)
def test_what_is_no_address_is_refused(address: str) -> None:
    assert not well_formed(address)
    with pytest.raises(IncompleteRead, match="a key that is none"):
        check_keys(ADAPTER, ["unit/u", address])


@given(ADDRESSES)
def test_addresses_are_well_formed(address: str) -> None:
    assert well_formed(address)
    check_keys(ADAPTER, [address])
