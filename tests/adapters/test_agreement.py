"""The CRM in memory and the one in a database are the same CRM: any steps, the same outcomes, the same snapshot."""

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from orgsync.adapter import Scope
from orgsync.change import Action, Batch, Status, Step
from orgsync.resources import NO_FIELDS, Address, Fields, Kind, kind_of
from tests.adapters.crms import Crm, emptied, local, memory

KEYS = ("a", "b")
LOGINS = ("p@example.com", "Q@example.com")
SEATS = 1

key = st.sampled_from(KEYS)
name = st.sampled_from(("One", "Two", None))
maybe_key = st.none() | key
some_keys = st.lists(key, unique=True).map(sorted)
scope = st.sampled_from(("own", "unit", "none"))
privileges = st.dictionaries(st.sampled_from(("lead", "task")), st.dictionaries(st.sampled_from(("read",)), scope))
actions = st.dictionaries(st.sampled_from(("lead", "task")), st.lists(st.sampled_from(("read", "share")), unique=True))

FIELDS: dict[Kind, dict[str, st.SearchStrategy[Any]]] = {
    Kind.BUSINESS_UNIT: {"name": name, "parent": maybe_key},
    Kind.FUNCTION: {"name": name, "privileges": actions},
    Kind.ROLE: {
        "name": name,
        "includes": some_keys,
        "functions": st.dictionaries(key, scope),
        "privileges": privileges,
        "privileged": st.sampled_from((None, True, False)),
        "holders": st.sampled_from((None, {"min": "1"})),
    },
    Kind.UNIT: {"name": name, "businessUnit": st.just("a") | maybe_key, "parent": maybe_key, "roles": some_keys},
    Kind.USER: {"name": name, "active": st.booleans()},
    Kind.MEMBERSHIP: {"until": st.sampled_from((None, "2027-01-01")), "reason": st.sampled_from((None, "cover"))},
    Kind.GRANT: {"until": st.sampled_from((None, "2027-01-01"))},
}


@st.composite
def addresses(draw: st.DrawFn, kind: Kind) -> Address:
    if kind is Kind.USER:
        return f"{kind}/{draw(st.sampled_from(LOGINS))}"
    parts = [draw(key)]
    if kind in {Kind.MEMBERSHIP, Kind.GRANT}:
        parts.append(draw(st.sampled_from(LOGINS)))
    if kind is Kind.GRANT:
        parts.append(draw(key))
    return "/".join((kind, *parts))


@st.composite
def steps(draw: st.DrawFn, kind: Kind, action: Action, number: int) -> Step:
    address = draw(addresses(kind))
    after: Fields = NO_FIELDS if action is Action.DELETE else draw(st.fixed_dictionaries({}, optional=FIELDS[kind]))
    before: Fields = draw(st.fixed_dictionaries({}, optional=FIELDS[kind])) if action is Action.UPDATE else NO_FIELDS
    if action is Action.UPDATE and kind in {Kind.ROLE, Kind.UNIT} and draw(st.integers(0, 5)) == 0:
        before, after = {**before, "key": draw(key)}, {**after, "key": address.partition("/")[2]}
    return Step(id=f"{number}", address=address, action=action, before=before, after=after)


@st.composite
def batches(draw: st.DrawFn) -> Batch:
    kind, action = draw(st.sampled_from(list(Kind))), draw(st.sampled_from(list(Action)))
    size = draw(st.integers(1, 3))
    return Batch(kind=kind, action=action, steps=tuple(draw(steps(kind, action, number)) for number in range(size)))


def beginning() -> list[Batch]:
    """Enough for most of what comes then to have a chance."""
    fields: dict[Kind, Fields] = {Kind.UNIT: {"businessUnit": "a"}}
    return [
        Batch(kind=kind_of(address), action=Action.CREATE, steps=(_first(address, fields.get(kind_of(address), {})),))
        for address in (
            "business-unit/a",
            "role/a",
            "role/b",
            "unit/a",
            f"user/{LOGINS[0]}",
            f"membership/a/{LOGINS[0]}",
        )
    ]


def _first(address: Address, fields: Fields) -> Step:
    return Step(id=address, address=address, action=Action.CREATE, after=fields)


def check(sequence: Sequence[Batch], first: Crm, second: Crm) -> None:
    for batch in [*beginning(), *sequence]:
        told = [_told(batch, crm) for crm in (first, second)]
        assert told[0] == told[1], batch
        live = [crm.adapter.read(Scope()) for crm in (first, second)]
        assert live[0].resources == live[1].resources, batch
        assert live[0].seats == live[1].seats, batch


def _told(batch: Batch, crm: Crm) -> list[tuple[str, Status]]:
    return [(one.id, one.status) for one in crm.adapter.apply(batch, {})]


@contextmanager
def _both(url: str, root: Path) -> Iterator[tuple[Crm, Crm]]:
    with ExitStack() as stack:
        first = stack.enter_context(memory(seats=SEATS))
        yield first, stack.enter_context(local(emptied(url, root), root, seats=SEATS))


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(sequence=st.lists(batches(), max_size=12))
def test_memory_and_database_agree_step_by_step(sequence: list[Batch], database: str, tmp_path: Path) -> None:
    with _both(database, tmp_path) as (first, second):
        check(sequence, first, second)
