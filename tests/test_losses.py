"""What one unit or role loses is counted in full only where it may be too much; a plain count of everybody agrees."""

from collections.abc import Collection, Mapping

from hypothesis import given, settings
from hypothesis import strategies as st

from orgsync.change import Action, Change
from orgsync.resources import NO_FIELDS, Fields, parts_of
from orgsync.safety import guard
from orgsync.settings import Safety
from tests.organizations import State, create, delete, snapshot, update, wanted
from tests.stated import safety as safety_of

UNITS, LOGINS, ROLES = "uv", "abcde", "rs"
EDGES = [f"membership/{unit}/{login}" for unit in UNITS for login in LOGINS]
EDGES += [f"grant/{unit}/{login}/{role}" for unit in UNITS for login in LOGINS for role in ROLES]
OWNERS = [*(f"unit/{unit}" for unit in UNITS), *(f"role/{role}" for role in ROLES)]
ATTACHED = st.fixed_dictionaries({unit: st.sets(st.sampled_from(ROLES)).map(sorted) for unit in UNITS})
SOME = st.sets(st.sampled_from(EDGES), max_size=18)
LIMITS = st.builds(
    lambda share, count, allowance: safety_of(
        {"group": {"share": f"{share}%", "count": str(count)}, "allowance": str(allowance)}
    ),
    st.sampled_from([0, 34, 50, 100]),
    st.integers(0, 5),
    st.integers(0, 4),
)


def organization(edges: Collection[str], attached: Mapping[str, list[str]]) -> State:
    found: dict[str, Fields] = {f"unit/{unit}": {"roles": [*roles]} for unit, roles in attached.items()}
    return found | dict.fromkeys(edges, NO_FIELDS)


def changes_of(before: State, after: State) -> list[Change]:
    found = [delete(address) for address in before if address not in after]
    found += [create(address) for address in after if address not in before]
    return found + [
        update(address, before[address], after[address])
        for address in after
        if address in before and after[address] != before[address]
    ]


def held(state: State) -> dict[str, set[str]]:
    """Every unit and role -> everybody who belongs to it or holds it."""
    found: dict[str, set[str]] = {owner: set() for owner in OWNERS}
    for address in state:
        if address.startswith("membership/"):
            unit, login = parts_of(address)
            attached = state.get(f"unit/{unit}", NO_FIELDS).get("roles") or []
            for owner in (f"unit/{unit}", *(f"role/{role}" for role in attached)):  # type: ignore[union-attr]
                found[owner].add(login)
        elif address.startswith("grant/"):
            _, login, role = parts_of(address)
            found[f"role/{role}"].add(login)
    return found


def plain(before: State, after: State, earlier: Collection[str], safety: Safety) -> dict[str, str]:
    had, have = held(before), held(after)
    texts: dict[str, list[str]] = {"unit": [], "role": []}
    for owner in sorted(had):
        lost, present = len(had[owner] - have[owner]), len(had[owner])
        kind, key = owner.split("/")
        words = {"unit": ("membership", 0), "role": ("grant", 2)}[kind]
        gone = [a for a in earlier if a not in before and a.startswith(words[0]) and parts_of(a)[words[1]] == key]
        past = len({parts_of(address)[1] for address in gone})
        total = lost + past
        too_many = total > safety.group.count or (
            total > safety.allowance and total > safety.group.share * (present + past)
        )
        if lost and (too_many or (present > 1 and not have[owner])):
            texts[kind].append(f"{lost} of {present} in {owner}")
    limit = f"(limit {safety.group.share:.0%}, at most {safety.group.count})"
    names = {"unit": "unit-members", "role": "role-holders"}
    return {names[kind]: f"{names[kind].replace('-', ' ')} {', '.join(t)} {limit}" for kind, t in texts.items() if t}


@settings(max_examples=400, deadline=None, derandomize=True)
@given(SOME, SOME, ATTACHED, ATTACHED, SOME, LIMITS)
def test_a_plain_count_of_everybody_agrees(
    before: set[str],
    after: set[str],
    attached: dict[str, list[str]],
    then: dict[str, list[str]],
    earlier: set[str],
    safety: Safety,
) -> None:
    had, have = organization(sorted(before), attached), organization(sorted(after), then)
    changes = changes_of(had, have)
    found = guard(changes, [], snapshot(had), wanted(have), safety, declared={}, earlier=earlier)
    told = {one.name: one.text for one in found if one.name in {"unit-members", "role-holders"}}
    assert told == plain(had, have, earlier, safety)


@settings(max_examples=400, deadline=None, derandomize=True)
@given(SOME, st.sets(st.sampled_from(EDGES), max_size=3), ATTACHED, LIMITS)
def test_a_plain_count_agrees_where_few_leave(
    before: set[str], leaving: set[str], attached: dict[str, list[str]], safety: Safety
) -> None:
    had = organization(sorted(before), attached)
    have = {address: fields for address, fields in had.items() if address not in leaving}
    changes = changes_of(had, have)
    assert all(change.action is Action.DELETE for change in changes)
    found = guard(changes, [], snapshot(had), wanted(have), safety, declared={})
    told = {one.name: one.text for one in found if one.name in {"unit-members", "role-holders"}}
    assert told == plain(had, have, (), safety)
