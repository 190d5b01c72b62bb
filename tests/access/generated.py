"""Small organizations of every shape that a CRM may answer with: rings, ended assignments, folded grants, strangers."""

from hypothesis import strategies as st

from orgsync.resources import SCOPES, Address, Fields, Json

TODAY = "2026-11-01"
USERS = ("p@x.org", "q@x.org")
UNITS = ("a", "b", "c", "d")
ROLES = ("r", "s", "t")
State = dict[Address, Fields]
_LEVELS = st.sampled_from(SCOPES)
_ENDS = st.sampled_from([None, "2026-10-31", "2026-11-01", "2027-01-01"])
_OBJECTS, _ACTIONS = st.sampled_from(["lead", "case"]), st.sampled_from(["read", "delete"])


@st.composite
def states(draw: st.DrawFn) -> State:
    """Anything may be missing, and anything may refer to what is not there."""
    state: State = {}
    for key in draw(st.sets(st.sampled_from("fg"))):
        state[f"function/{key}"] = {"privileges": draw(st.dictionaries(_OBJECTS, st.lists(_ACTIONS, unique=True)))}  # type: ignore[dict-item]
    for key in draw(st.sets(st.sampled_from(ROLES))):
        state[f"role/{key}"] = draw(_role())
    for key in draw(st.sets(st.sampled_from(UNITS))):
        state[f"unit/{key}"] = {"parent": draw(_maybe(UNITS)), "roles": draw(_some(ROLES))}
    for user in USERS:
        state |= draw(_person(user))
    return state


@st.composite
def pairs(draw: st.DrawFn) -> tuple[State, State]:
    """Two organizations, the second often the first with a little changed."""
    before, after = draw(states()), draw(states())
    if draw(st.booleans()):
        taken = draw(st.sets(st.sampled_from(sorted(before.keys() | after.keys() or {"unit/a"})), max_size=3))
        after = {address: fields for address, fields in before.items() if address not in taken} | {
            address: fields for address, fields in after.items() if address in taken
        }
    return before, after


unknowns = st.sets(st.sampled_from([f"role/{key}" for key in ROLES])).map(frozenset)


@st.composite
def _role(draw: st.DrawFn) -> Fields:
    privileges = st.dictionaries(_OBJECTS, st.dictionaries(_ACTIONS, _LEVELS, max_size=2), max_size=2)
    functions = st.dictionaries(st.sampled_from("fg"), _LEVELS)
    return {
        "includes": draw(_some(ROLES)),
        "privileges": draw(privileges),  # type: ignore[dict-item]
        "functions": draw(functions),  # type: ignore[dict-item]
    }


@st.composite
def _person(draw: st.DrawFn, user: str) -> State:
    state: State = {}
    if draw(st.booleans()):
        state[f"user/{user}"] = {"active": draw(st.sampled_from([True, True, True, False, None]))}
    for unit in draw(st.sets(st.sampled_from(UNITS))):
        state[f"membership/{unit}/{user}"] = {"until": draw(_ENDS)} if draw(st.booleans()) else {}
    for unit in draw(st.sets(st.sampled_from([*UNITS, "-"]), max_size=3)):
        for role in draw(st.sets(st.sampled_from(ROLES), max_size=2)):
            state[f"grant/{unit}/{user}/{role}"] = {"until": draw(_ENDS)} if draw(st.booleans()) else {}
    return state


def _some(keys: tuple[str, ...]) -> st.SearchStrategy[Json]:
    return st.sets(st.sampled_from(keys), max_size=2).map(lambda found: [*sorted(found)])


def _maybe(keys: tuple[str, ...]) -> st.SearchStrategy[Json]:
    return st.sampled_from([None, None, *keys, "foreign:7"])
