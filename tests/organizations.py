"""Organizations to test with: one sample of every field, a small one written out, and any number of generated ones."""

from collections.abc import Sequence
from itertools import product

from hypothesis import strategies as st

from orgsync.adapter import Snapshot
from orgsync.change import Action, Change
from orgsync.plan import Plan, Target
from orgsync.resources import FIELDS, NO_FIELDS, SCOPES, Address, Fields, Json, Kind, Organization, Shape

State = dict[Address, Fields]
LOGINS = ("p@example.com", "q@example.com")
ADDRESSES = {
    Kind.BUSINESS_UNIT: "business-unit/x",
    Kind.FUNCTION: "function/x",
    Kind.ROLE: "role/x",
    Kind.UNIT: "unit/x",
    Kind.USER: "user/p@example.com",
    Kind.MEMBERSHIP: "membership/x/p@example.com",
    Kind.GRANT: "grant/x/p@example.com/x",
}
OTHERS: State = {
    **{f"{kind}/other": {"name": "Other"} for kind in (Kind.BUSINESS_UNIT, Kind.FUNCTION, Kind.ROLE)},
    "unit/other": {"name": "Other", "businessUnit": "other"},
}
STATED = {kind: {n: spec for n, spec in specs.items() if not spec.derived} for kind, specs in FIELDS.items()}
EVERY_FIELD = [(kind, name) for kind in Kind for name in STATED[kind]]
TARGET = Target(name="demo", adapter="memory", identity="memory")


def sample(kind: Kind, name: str) -> Json:
    """Something that the field can hold."""
    samples: dict[Shape, Json] = {
        Shape.TEXT: "text",
        Shape.FLAG: kind is not Kind.USER,
        Shape.VALUE: [{"name": "x", "url": "https://example.com"}],
        Shape.REF: "other",
        Shape.REFS: ["other"],
        Shape.REF_MAP: {"other": "own"},
        Shape.MAP: {"lead": ["read"]} if kind is Kind.FUNCTION else {"lead": {"read": "own"}},
    }
    return samples[FIELDS[kind][name].shape]


def empty(kind: Kind, name: str) -> Json:
    """What the YAML's ``null`` or ``[]`` comes to."""
    if FIELDS[kind][name].shape is Shape.REFS:
        return []
    return {} if FIELDS[kind][name].shape in {Shape.REF_MAP, Shape.MAP} else None


def bare() -> State:
    """One resource of every kind that states next to nothing, and others that it can refer to."""
    return OTHERS | {
        address: {"businessUnit": "other"} if kind is Kind.UNIT else NO_FIELDS for kind, address in ADDRESSES.items()
    }


def wanted(resources: State, **more: object) -> Organization:
    """Everything about every unit stated, unless ``managed`` says otherwise."""
    managed = more.pop("managed", frozenset(a for a in resources if a.startswith("unit/")))
    return Organization(resources=resources, managed=managed, **more)  # type: ignore[arg-type]


def snapshot(resources: State, **more: object) -> Snapshot:
    return Snapshot(resources=resources, ids={a: f"id-{a}" for a in resources}, **more)  # type: ignore[arg-type]


def create(address: Address, **after: Json) -> Change:
    return Change(address=address, action=Action.CREATE, after=after)


def delete(address: Address, **before: Json) -> Change:
    return Change(address=address, action=Action.DELETE, before=before)


def update(address: Address, before: Fields, after: Fields) -> Change:
    return Change(address=address, action=Action.UPDATE, before=before, after=after)


def plan_of(changes: Sequence[Change], **more: object) -> Plan:
    return Plan(target=TARGET, revision="abc", changes=tuple(changes), **more)  # type: ignore[arg-type]


def company(members: int, *, grants: int = 0, role: Fields = NO_FIELDS) -> State:
    """One unit ``u``, one role ``r``, so many members, the first of whom hold the role."""
    people = [f"m{number}@example.com" for number in range(members)]
    return (
        {"business-unit/b": NO_FIELDS, "role/r": role, "unit/u": {"businessUnit": "b"}}
        | {f"user/{one}": NO_FIELDS for one in people}
        | {f"membership/u/{one}": NO_FIELDS for one in people}
        | {f"grant/u/{one}/r": NO_FIELDS for one in people[:grants]}
    )


_TEXTS = st.sampled_from([None, "some words"])
_ENDS = st.sampled_from([None, "2027-03-31", "2028-01-01"])
_LEVELS = st.sampled_from(SCOPES)
_ACTIONS = st.sampled_from(["create", "read", "export"])


@st.composite
def organizations(draw: st.DrawFn, *, live: bool = False) -> Organization:
    """``live``: every field is stated and every unit's assignments are; otherwise any part may be absent."""
    business_units, functions = draw(_some("ab")), draw(_some("fg"))
    roles, units = draw(_some("rst")), draw(_some("uvw")) if business_units else []
    state: State = {}
    for keys, kind in ((business_units, Kind.BUSINESS_UNIT), (functions, Kind.FUNCTION), (roles, Kind.ROLE)):
        state |= {f"{kind}/{key}": draw(_fields(kind, keys, key, functions, live)) for key in keys}
    for key in units:
        fields = dict(draw(_fields(Kind.UNIT, units, key, roles, live)))
        state[f"unit/{key}"] = fields | {"businessUnit": draw(st.sampled_from(business_units))}
    managed = [key for key in units if live or draw(st.booleans())]
    for unit, user in product(managed, LOGINS):
        state |= draw(_assignment(unit, user, roles, live))
    if live:
        state |= {f"user/{login}": {"active": draw(st.booleans())} for login in LOGINS if draw(st.booleans())}
        state |= {a: {"active": True} for a in _users(state) if a not in state}
    else:
        state |= dict.fromkeys(_users(state), NO_FIELDS)
    return Organization(resources=state, managed=frozenset(f"unit/{key}" for key in managed))


def _users(state: State) -> list[Address]:
    return sorted({f"user/{a.split('/')[2]}" for a in state if a.startswith("membership/")})


def _some(keys: str) -> st.SearchStrategy[list[str]]:
    """A subset in any order: whatever refers to its own kind refers to what stands earlier, so there are no rings."""
    return st.permutations(keys).flatmap(lambda order: st.integers(0, len(order)).map(lambda count: order[:count]))


@st.composite
def _fields(draw: st.DrawFn, kind: Kind, keys: list[str], key: str, related: list[str], live: bool) -> Fields:  # noqa: FBT001
    earlier = keys[: keys.index(key)]
    found: dict[str, Json] = {}
    for name in STATED[kind]:
        if name != "businessUnit" and (live or draw(st.booleans())):
            found[name] = draw(_value(kind, name, key, earlier, related))
    return found


def _value(kind: Kind, name: str, key: str, earlier: list[str], related: list[str]) -> st.SearchStrategy[Json]:
    if name == "name":
        return st.sampled_from([f"Name of {key}", f"Other name of {key}"])
    spec = FIELDS[kind][name]
    keys = earlier if spec.to is kind else related
    values: dict[Shape, st.SearchStrategy[Json]] = {
        Shape.FLAG: st.booleans(),
        Shape.REF: st.sampled_from([None, *keys]),
        Shape.REFS: st.sets(st.sampled_from(keys)).map(lambda found: [*sorted(found)]) if keys else st.just([]),
        Shape.REF_MAP: st.dictionaries(st.sampled_from(keys), _LEVELS).map(dict) if keys else st.just({}),
        Shape.MAP: _privileges(kind),
        Shape.VALUE: st.sampled_from([None, {"min": 1}, [{"name": "x"}]]),
    }
    return values.get(spec.shape, _TEXTS)


def _privileges(kind: Kind) -> st.SearchStrategy[Json]:
    of_role = st.dictionaries(_ACTIONS, _LEVELS, min_size=1)
    of_function = st.sets(_ACTIONS, min_size=1).map(lambda found: [*sorted(found)])
    actions = of_function if kind is Kind.FUNCTION else of_role
    return st.dictionaries(st.sampled_from(["lead", "order"]), actions).map(dict)  # type: ignore[arg-type]


@st.composite
def _assignment(draw: st.DrawFn, unit: str, user: str, roles: list[str], live: bool) -> State:  # noqa: FBT001
    if draw(st.booleans()):
        return {}
    terms: dict[str, Json] = {name: draw(_ENDS) for name in ("until", "reason") if live or draw(st.booleans())}
    held = draw(st.sets(st.sampled_from(roles))) if roles else set()
    edges: State = {f"membership/{unit}/{user}": terms}
    return edges | {f"grant/{unit}/{user}/{role}": {"until": None} if live else NO_FIELDS for role in sorted(held)}
