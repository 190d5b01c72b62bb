"""How many calls a plan and an apply take at real servers, beside the fewest that the servers' batches allow.

In: nothing; the servers of ``tests.servers`` are started. Out: a row per server and phase. What counts are requests
that passed a wire in between, so the servers' own word is not needed for it.

The minimum of an apply is ceil(steps / batch) per stratum of the plan, kind and action: what waits for something cannot
go together with it, and a call says one thing of one kind. Where a thing is kept in records of several models, and no
call of the server's writes two models, it is that many times as much (``MODELS``). Where a call is about one thing,
it is one for each of them (``ABOUT``).
"""

import json
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from orgsync.adapter import Capabilities
from orgsync.adapters.counting import together
from orgsync.change import Action, Change, Status
from orgsync.plan import Plan
from orgsync.resources import Json, Kind, parts_of
from orgsync.testing import Crm
from orgsync.testing.crm import Call
from orgsync.testing.proxy import Proxy, proxying
from orgsync.testing.story import State, assigned, document
from orgsync.testing.workspace import Workspace
from tests.fakes import dataverse, hubspot, salesforce
from tests.servers import scim, tryton

MOST = 1.10
UNITS, PEOPLE, ROLES = 40, 1_200, 12
MODELS: Mapping[str, Mapping[tuple[Kind, Action], int]] = {
    "Tryton": {
        (Kind.BUSINESS_UNIT, Action.CREATE): 3,  # party, marker, company; a role's groups are made with it in one call
        (Kind.BUSINESS_UNIT, Action.DELETE): 3,
        (Kind.UNIT, Action.DELETE): 2,  # role, groups
        (Kind.ROLE, Action.DELETE): 2,
    },
    "Salesforce, hierarchy": {
        (Kind.MEMBERSHIP, Action.DELETE): 2,  # user, group member: in one transaction they are refused (mixed DML)
    },
}
"""Server -> what takes more than one model there."""
About = Callable[[Change], str | None]
"""What a call that carries out this change is about; None: it comes with a call for another one."""


def about_teams(plan: Plan) -> About:
    """HubSpot: who joins a team does so in a call about that team, and a main team comes with the user."""
    mains = {
        (one.address.partition("/")[2], (one.after or {}).get("unit")) for one in plan.changes if one.kind is Kind.USER
    }

    def about(change: Change) -> str | None:
        if (change.kind, change.action) != (Kind.MEMBERSHIP, Action.CREATE):
            return change.address
        unit, login = parts_of(change.address)
        return None if (login, unit) in mains else unit

    return about


ABOUT: Mapping[str, Callable[[Plan], About]] = {"HubSpot (fake)": about_teams}
_READS = ("search_read", "search_count", "get_access", ".login", ".version")


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """``reads``: of the plan; ``writes`` and ``minimum``: of the apply."""

    server: str
    phase: str
    steps: int
    reads: int
    writes: int
    minimum: int

    @property
    def ratio(self) -> float:
        return self.writes / self.minimum


class _Nobody:
    def make(self) -> None: ...
    def look(self) -> object:
        return ()


def rows() -> Iterator[Row]:
    """Two servers at a time: what a server of its own process works, this one need not wait for."""
    with ThreadPoolExecutor(max_workers=2) as pool:
        for found in pool.map(_rows, STANDS):
            yield from found


def _rows(name: str) -> list[Row]:
    with STANDS[name]() as crm, proxying(str(crm.settings["url"]), crm.writes) as wire:
        return [*_measured(name, crm, wire)]


def _measured(name: str, crm: Crm, wire: Proxy) -> Iterator[Row]:
    with tempfile.TemporaryDirectory(prefix="orgsync-calls-") as folder:
        workspace = Workspace(Path(folder), crm, {"url": wire.url(str(crm.settings["url"])), "concurrency": 1})
        for phase, state in phases(crm.objects[0]).items():
            workspace.declare(state)
            wire.reset()
            plan = workspace.plan()
            reads = len(wire.calls)
            with workspace.opened(writable=False) as adapter:
                able = adapter.capabilities
            wire.reset()
            report = workspace.apply(plan)
            if any(one.status is not Status.APPLIED for one in report.outcomes) or report.differences:
                raise RuntimeError(f"{name}, {phase}: not everything was applied")
            yield Row(
                server=name,
                phase=phase,
                steps=len(plan.changes),
                reads=reads,
                writes=wire.seen,
                minimum=fewest(plan, able, MODELS.get(name, {}), ABOUT.get(name, about_all)(plan)),
            )
        if not workspace.plan().empty:
            raise RuntimeError(f"{name}: something is left")


def about_all(_: Plan) -> About:
    return lambda _: ""


def fewest(plan: Plan, able: Capabilities, models: Mapping[tuple[Kind, Action], int], about: About) -> int:
    total = 0
    for ready in together(plan.changes):
        groups = Counter((one.kind, one.action, about(one)) for one in ready)
        total += sum(
            -(-count // max(able.of(kind).max_batch, 1)) * models.get((kind, action), 1)
            for (kind, action, thing), count in groups.items()
            if thing is not None
        )
    return total


def phases(word: str) -> Mapping[str, State]:
    """One company that is founded, changes by a tenth, and is gone."""
    before, after = company(word, moved=0), company(word, moved=PEOPLE // 10)
    for number in range(0, UNITS, 4):
        after[f"Unit/unit-{number}"]["name"] += " renamed"
    for number in range(0, ROLES, 2):
        after[f"Role/role-{number}"]["privileges"] = {word: {"read": "organization", "update": "organization"}}
    return {"founded": before, "changed by a tenth": after, "gone": {}}


def company(word: str, *, moved: int) -> State:
    """``moved``: people who are in the unit next to theirs."""
    names = [f"person-{number}@example.com" for number in range(PEOPLE)]
    homes = [number % UNITS for number in range(PEOPLE)]
    homes = [(home + (number < moved)) % UNITS for number, home in enumerate(homes)]
    found = dict([document("BusinessUnit", f"part-{number}", f"Part {number}") for number in range(4)])
    for number in range(ROLES):
        found |= [document("Role", f"role-{number}", f"Role {number}", privileges={word: {"read": "organization"}})]
    for number in range(UNITS):
        assignments: list[dict[str, Any]] = [
            assigned(name, *([f"role-{index % ROLES}"] if index % 10 == 0 else []))
            for index, name in enumerate(names)
            if homes[index] == number
        ]
        unit = document(
            "Unit",
            f"unit-{number}",
            f"Unit {number}",
            businessUnit=f"part-{number % 4}",
            owner=names[0],
            assignments=assignments,
            **({"parent": f"unit-{number % 8}"} if number >= 8 else {}),
        )
        found |= [unit]
    return found


@contextmanager
def _scim(**settings: Any) -> Iterator[Crm]:
    with scim.started() as origin:
        url = scim.fresh(origin)
        credentials: Json = {"token": "${env:SCIM_TOKEN}"}
        yield Crm(
            settings={"adapter": "scim", "url": url, "credentials": credentials, **settings},
            environment={"SCIM_TOKEN": scim.TOKEN},
            beside=_Nobody(),
        )


@contextmanager
def _tryton() -> Iterator[Crm]:
    with tryton.server() as server:
        credentials: Json = {"username": "${env:CRM_USER}", "password": "${env:CRM_PASSWORD}"}
        yield Crm(
            settings={"adapter": "tryton", "url": server.database(), "credentials": credentials},
            environment={"CRM_USER": tryton.ADMIN, "CRM_PASSWORD": tryton.PASSWORD},
            beside=_Nobody(),
            objects=("opportunity", "quote"),
            writes=_writes_to_tryton,
        )


@contextmanager
def _salesforce(**settings: Any) -> Iterator[Crm]:
    org = salesforce.Org()
    for number in range(PEOPLE):
        org.person(f"person-{number}@example.com")
    with salesforce.started(org) as (url, _):
        credentials: Json = {"clientId": "${env:SF_ID}", "clientSecret": "${env:SF_SECRET}"}
        yield Crm(
            settings={"adapter": "salesforce", "url": url, "credentials": credentials, **settings},
            environment={"SF_ID": salesforce.CLIENT, "SF_SECRET": salesforce.SECRET},
            beside=_Nobody(),
            writes=lambda call: call.method != "GET" and not call.path.startswith("/services/oauth2/"),
        )


@contextmanager
def _dataverse() -> Iterator[Crm]:
    environment = dataverse.Environment()
    for number in range(PEOPLE):
        environment.person(f"person-{number}@example.com")
    with dataverse.started(environment) as (url, _):
        credentials: Json = {"clientId": "${env:DV_ID}", "clientSecret": "${env:DV_SECRET}"}
        where: dict[str, Json] = {"url": url, "authority": url, "tenant": dataverse.TENANT}
        yield Crm(
            settings={"adapter": "dataverse", "credentials": credentials, **where},
            environment={"DV_ID": dataverse.CLIENT, "DV_SECRET": dataverse.SECRET},
            beside=_Nobody(),
        )


@contextmanager
def _hubspot() -> Iterator[Crm]:
    account = hubspot.Account()
    for name in ("Minimal", *(f"role-{number}" for number in range(ROLES))):
        account.permission_set(name)
    with hubspot.started(account) as (url, _):
        credentials: Json = {"token": "${env:HUBSPOT_TOKEN}"}
        options: Mapping[str, Json] = {"account": hubspot.ACCOUNT, "withoutRole": "Minimal"}
        yield Crm(
            settings={"adapter": "hubspot", "url": url, "credentials": credentials, **options},
            environment={"HUBSPOT_TOKEN": hubspot.TOKEN},
            beside=_Nobody(),
            writes=lambda call: call.method != "GET" and not call.path.startswith("/oauth/"),
        )


def _writes_to_tryton(call: Call) -> bool:
    return not str(json.loads(call.body)["method"]).endswith(_READS)


STANDS: Mapping[str, Callable[[], AbstractContextManager[Crm]]] = {
    "SCIM, roles as words": _scim,
    "SCIM, roles as groups": lambda: _scim(roles="groups"),
    "Tryton": _tryton,
    "Salesforce (fake)": _salesforce,
    "Salesforce, hierarchy": lambda: _salesforce(includes="groups", hierarchy="roles"),
    "Dataverse (fake)": _dataverse,
    "HubSpot (fake)": _hubspot,
}


def text(found: list[Row]) -> str:
    lines = [f"{'server':24}{'phase':22}{'steps':>7}{'reads':>7}{'writes':>8}{'fewest':>8}{'ratio':>8}"]
    lines += [
        f"{one.server:24}{one.phase:22}{one.steps:7,}{one.reads:7,}{one.writes:8,}{one.minimum:8,}{one.ratio:8.2f}"
        for one in found
    ]
    return "\n".join(lines) + "\n"
