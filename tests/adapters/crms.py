"""A small language for steps, and one way to talk to either of our own CRMs."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from sqlalchemy import Engine

from orgsync.adapter import Adapter, Scope, Snapshot
from orgsync.adapters.local.connect import connect, parse_url, sqlite_path
from orgsync.adapters.local.opener import opener
from orgsync.adapters.local.options import Options
from orgsync.adapters.local.schema import METADATA
from orgsync.adapters.memory import MemoryCrm
from orgsync.change import Action, Batch, Outcome, Status, Step
from orgsync.resources import NO_FIELDS, Address, Fields, Json, RemoteId, kind_of

NOW = datetime(2026, 11, 2, 9, 30, tzinfo=UTC)
ANA, BO = "ana@example.com", "bo@example.com"


def create(address: Address, **fields: Json) -> Step:
    return Step(id=address, address=address, action=Action.CREATE, after=fields)


def update(address: Address, before: Fields, after: Fields, remote_id: RemoteId | None = None) -> Step:
    return Step(id=address, address=address, action=Action.UPDATE, before=before, after=after, remote_id=remote_id)


def delete(address: Address, remote_id: RemoteId | None = None) -> Step:
    return Step(id=address, address=address, action=Action.DELETE, before=NO_FIELDS, remote_id=remote_id)


@dataclass
class Crm:
    """An adapter and the ids that it gave, as apply keeps them."""

    adapter: Adapter
    ids: dict[Address, RemoteId] = field(default_factory=dict)

    def send(self, *steps: Step) -> list[Outcome]:
        """One batch."""
        batch = Batch(kind=kind_of(steps[0].address), action=steps[0].action, steps=steps)
        outcomes = list(self.adapter.apply(batch, self.ids))
        assert [one.id for one in outcomes] == [step.id for step in steps]
        for one in outcomes:
            if one.status is Status.APPLIED and one.remote_id is not None:
                self.ids[one.address] = one.remote_id
        return outcomes

    def do(self, *steps: Step) -> None:
        """One batch per step; all of them must be accepted."""
        for step in steps:
            (outcome,) = self.send(step)
            assert outcome.status is Status.APPLIED, outcome

    def refuses(self, step: Step) -> str:
        """The CRM's words; nothing may have changed."""
        before = self.read().resources
        (outcome,) = self.send(step)
        assert outcome.status is Status.FAILED, outcome
        assert self.read().resources == before
        return outcome.detail

    def read(self, **scope: Any) -> Snapshot:
        return self.adapter.read(Scope(**scope))

    def fields(self, address: Address) -> Mapping[str, Json]:
        return self.read().resources[address]


def furnish(crm: Crm) -> Crm:
    """Two business units, two functions, two roles, two units, two people, one of them a manager of sales."""
    crm.do(
        create("business-unit/commercial", name="Commercial"),
        create("business-unit/west", name="West", parent="commercial"),
        create("function/leads", name="Leads", privileges={"lead": ["create", "read"]}),
        create("role/base", name="Base", privileges={"lead": {"read": "own"}}),
        create("role/rep", name="Rep", includes=["base"], functions={"leads": "unit"}),
        create("role/manager", name="Manager", privileged=True, holders={"max": 3}),
        create("unit/sales", name="Sales", businessUnit="commercial", roles=["rep"]),
        create("unit/west", name="West", businessUnit="west", parent="sales"),
        create(f"user/{ANA}", name="Ana"),
        create(f"user/{BO}", name="Bo"),
        create(f"membership/sales/{ANA}", until="2027-03-31", reason="cover"),
        create(f"grant/sales/{ANA}/manager"),
    )
    return crm


@contextmanager
def memory(**settings: Any) -> Iterator[Crm]:
    yield Crm(MemoryCrm(clock=lambda: NOW, **settings).adapter(actor="orgsync"))


@contextmanager
def local(
    url: str, root: Path, *, seats: int | None = None, writable: bool = True, actor: str = "orgsync"
) -> Iterator[Crm]:
    with opener.open(
        Options(url=url, seats=seats), root=root, credentials={}, writable=writable, actor=actor, clock=lambda: NOW
    ) as adapter:
        yield Crm(adapter)


@contextmanager
def engine_of(url: str, root: Path) -> Iterator[Engine]:
    """Straight into the database, behind orgsync's back."""
    engine = connect(parse_url(url), root, writable=True)
    try:
        yield engine
    finally:
        engine.dispose()


def emptied(url: str, root: Path) -> str:
    """The same database without our tables."""
    if (path := sqlite_path(parse_url(url), root)) is not None:
        path.unlink(missing_ok=True)
        return url
    with engine_of(url, root) as engine:
        METADATA.drop_all(engine)
    return url
