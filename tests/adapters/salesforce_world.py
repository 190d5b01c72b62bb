"""A strict Salesforce org with one person in it, and the adapter or a whole repository over it.

In: options. Out: adapters, outcomes, plans. Never: asserts.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from orgsync import pipeline
from orgsync.adapter import Scope
from orgsync.adapters.salesforce.adapter import SalesforceAdapter, opened
from orgsync.adapters.salesforce.options import Options
from orgsync.change import Action, Batch, Outcome, Step
from orgsync.plan import Plan
from orgsync.resources import Fields, kind_of
from tests import repository
from tests.fakes.salesforce import CLIENT, SECRET, Org, Service, started
from tests.repository import NOW

CREDENTIALS = {"clientId": CLIENT, "clientSecret": SECRET}
ENVIRONMENT = {"SF_ID": CLIENT, "SF_SECRET": SECRET}
SETTINGS = """apiVersion: orgsync/v1
kind: Settings
organization: Northwind
defaultTarget: demo
targets:
  demo:
    adapter: salesforce
    url: {url}
    credentials: {{clientId: "${{env:SF_ID}}", clientSecret: "${{env:SF_SECRET}}"}}
    missingUsers: skip
    inexpressible: omit
    scopeFallback: narrower
    prune: [membership, grant, unit, role, businessUnit]
    {options}
journal: sqlite:///.orgsync/journal.db
safety: {{removals: {{share: 100%, count: 1000}}, gains: 1000, administrators: 0}}
"""


@dataclass(frozen=True, slots=True)
class World:
    org: Org
    service: Service
    url: str

    @contextmanager
    def opened(self, credentials: Mapping[str, str] = CREDENTIALS, **options: object) -> Iterator[SalesforceAdapter]:
        checked = Options.model_validate({"url": self.url, **options})
        with opened(checked, credentials, writable=True, clock=lambda: NOW) as found:
            yield found

    def ids(self, sobject: str, **where: object) -> list[str]:
        """Of the records that are so."""
        return [id_ for id_, one in self.org.tables[sobject].items() if where.items() <= one.items()]


@contextmanager
def running() -> Iterator[World]:
    org = Org()
    org.person("ana@example.com", "Ana Kim", FederationIdentifier="ana")
    with started(org) as (url, service):
        yield World(org, service, url)


def step(address: str, action: Action = Action.CREATE, after: Fields | None = None, **more: str) -> Step:
    return Step(id=address, address=address, action=action, after=after or {}, **more)  # type: ignore[arg-type]


def sent(adapter: SalesforceAdapter, *steps: Step) -> list[Outcome]:
    ids = adapter.read(Scope()).ids
    batch = Batch(kind=kind_of(steps[0].address), action=steps[0].action, steps=steps)
    return [*adapter.apply(batch, ids)]


def settle(root: Path, url: str, options: str = "") -> None:
    """The settings of the repository in ``root``."""
    (root / "orgsync.yaml").write_text(SETTINGS.format(url=url, options=options))


def planned(root: Path) -> Plan:
    return repository.planned(root, environment=ENVIRONMENT)


def applied(root: Path) -> pipeline.Report:
    plan = planned(root)
    accepted = [guard.name for guard in plan.guards]
    return repository.applied(root, plan, *accepted, environment=ENVIRONMENT)
