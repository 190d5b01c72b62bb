"""More of Tryton as it runs: every sort of drift with a name, boundaries, ends, kills between two calls, calls."""

import re
from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from orgsync.adapter import Scope
from orgsync.adapters import opener_of
from orgsync.adapters.tryton.capabilities import MAX_BATCH
from orgsync.change import Status
from orgsync.errors import AdapterError
from orgsync.resources import Json, Kind, kind_of
from tests.adapters.crms import ANA, BO, Crm, create, delete
from tests.adapters.tryton_crm import World, adapter
from tests.servers import tryton

UNITS = """apiVersion: orgsync/v1
kind: BusinessUnit
key: commercial
name: Commercial
---
apiVersion: orgsync/v1
kind: Unit
key: sales
name: Sales Team
businessUnit: commercial
roles: [rep]
assignments:
  - user: ana@example.com
    roles: [manager]
  - user: bo@example.com
---
apiVersion: orgsync/v1
kind: Unit
key: north
name: North
parent: sales
businessUnit: commercial
assignments: []
"""
ROLES = """apiVersion: orgsync/v1
kind: Role
key: rep
name: Representative
privileges:
  opportunity: {read: organization, create: organization}
---
apiVersion: orgsync/v1
kind: Role
key: manager
name: Manager
privileges:
  opportunity: {update: organization}
"""


@pytest.fixture
def world(tmp_path: Path, tryton_url: str) -> World:
    world = World(tmp_path, tryton_url)
    world.write(units_all=UNITS, roles_all=ROLES)
    return world


@pytest.fixture
def mallory(tryton_url: str) -> tryton.Session:
    return tryton.Session(tryton_url, tryton.MALLORY)


def go(world: World) -> Any:
    """Plans and applies; nothing is left to do afterwards."""
    plan = world.plan()
    report = world.apply(plan, *(guard.name for guard in plan.guards))
    assert [one for one in report.outcomes if one.status is not Status.APPLIED] == []
    assert report.differences == ()
    again = world.plan()
    assert [(one.id, one.before, one.after) for one in again.changes] == []
    return plan


def ours(world: World) -> list[str]:
    return [address for address in world.lives() if kind_of(address) is not Kind.USER]


def id_of(session: tryton.Session, model: str, name: str, column: str = "name") -> int:
    [found] = session.find(model, [[column, "like", name]])
    return int(found["id"])


def test_what_is_changed_behind_its_back_is_named_with_who_and_when(world: World, mallory: tryton.Session) -> None:
    go(world)
    since = datetime.now(UTC) - timedelta(seconds=5)
    mallory("res.role.write", [id_of(mallory, "res.role", "Sales Team")], {"name": "Mallory's Team"})
    mallory("res.group.write", [id_of(mallory, "res.group", "orgsync/unit/north")], {"parent": None})
    access = {"model": "sale.sale", "perm_delete": True}
    privileges = id_of(mallory, "res.group", "orgsync/privileges/rep")
    mallory("res.group.write", [privileges], {"model_access": [["create", [access]]]})
    ana, bo = (id_of(mallory, "res.user", login, "login") for login in (ANA, BO))
    mallory(
        "res.user.write",
        [bo],
        {"active": False, "roles": [["create", [{"role": id_of(mallory, "res.role", "Manager")}]]]},
    )
    rows = mallory.find("res.user.role", [["user", "=", ana], ["role.name", "=", "Mallory's Team"]])
    mallory("res.user.write", [ana], {"roles": [["delete", [row["id"] for row in rows]]]})
    company = id_of(mallory, "company.company", "Commercial", "party.name")
    newcomer = {"login": "cy@example.com", "companies": [["add", [company]]], "company": company}
    mallory("res.user.create", [{**newcomer, "roles": [["create", [{"role": id_of(mallory, "res.role", "North")}]]]}])
    mallory("res.role.create", [{"name": "Mallory's own"}])

    drift = world.drift()
    changes = {change.address: change for change in (*drift.plan.changes, *drift.plan.withheld)}
    expected = {
        "unit/sales", "unit/north", "role/rep", f"grant/-/{BO}/manager", f"membership/sales/{ANA}",
        "membership/north/cy@example.com",
    }  # fmt: skip
    assert changes.keys() == expected
    assert changes["unit/sales"].before == {"name": "Mallory's Team"}
    assert changes["unit/north"].before == {"parent": None}
    assert changes["role/rep"].before["privileges"]["quote"] == {"delete": "organization"}  # type: ignore[index,call-overload]
    for address in expected:
        assert drift.changed[address].by == tryton.MALLORY, address
        assert since < drift.changed[address].at < datetime.now(UTC) + timedelta(seconds=5), address
    assert [(one.name, one.changed and one.changed.by) for one in drift.foreign] == [("Mallory's own", tryton.MALLORY)]
    assert "deactivated-user" in {finding.code for finding in drift.plan.findings}
    live = world.read()
    assert live.resources[f"user/{BO}"]["active"] is False
    assert live.changed[f"user/{BO}"].by == tryton.MALLORY


def login(world: World, who: str) -> tryton.Session:
    admin = world.acting()
    admin("res.user.write", [id_of(admin, "res.user", who, "login")], {"password": "a word for this test"})
    return world.acting(who, "a word for this test")


def test_data_of_another_business_unit_stays_there(world: World) -> None:
    other = (
        UNITS.replace("commercial", "service").replace("key: sales", "key: care").replace("key: north", "key: south")
    )
    other = other.replace("parent: sales", "parent: care").replace("Commercial", "Service")
    other = other.replace("Sales Team", "Care").replace("name: North", "name: South")
    world.write(units_other=other.replace("ana@", "cy@").replace("bo@", "di@"))
    go(world)
    admin = world.acting()
    [party] = admin("party.party.create", [{"name": "Customer"}])
    for name in ("Commercial", "Service"):
        company = id_of(admin, "company.company", name, "party.name")
        admin("res.user.write", [admin.user], {"companies": [["add", [company]]], "company": company})
        deal = {"party": party, "company": company, "description": name}
        admin("sale.opportunity.create", [deal], context={"company": company})
    seen = login(world, BO)("sale.opportunity.search_read", [], 0, None, None, ["description"])
    assert [one["description"] for one in seen] == ["Commercial"]


def test_an_end_date_is_the_last_moment_of_that_day_where_the_target_says(world: World) -> None:
    world.edit("units/all.yaml", "  - user: bo@example.com\n", "  - user: bo@example.com\n    until: 2031-06-30\n")
    world.edit("orgsync.yaml", "    missingUsers", "    timezone: America/New_York\n    missingUsers")
    go(world)
    admin = world.acting()
    [row] = admin.find("res.user.role", [["to_date", "!=", None]], "to_date")
    moment = row["to_date"]
    assert [moment[name] for name in ("year", "month", "day", "hour", "minute", "second")] == [2031, 7, 1, 3, 59, 59]
    with adapter(world.url, timezone="America/New_York") as found:
        assert found.read(Scope()).resources[f"membership/sales/{BO}"]["until"] == "2031-06-30"


def test_the_scheduler_takes_what_has_ended(world: World) -> None:
    """What Tryton's own task does, without waiting for it."""
    go(world)
    admin = world.acting()
    [task] = admin.find("ir.cron", [["method", "=", "res.user|sync_roles"]])
    past = {"__class__": "datetime", "year": 2020, "month": 1, "day": 1, "hour": 0, "minute": 0, "second": 0}
    rows = admin.find("res.user.role", [["user.login", "=", BO]])
    admin("res.user.role.write", [row["id"] for row in rows], {"to_date": {**past, "microsecond": 0}})
    assert f"grant/-/{BO}/rep" in world.lives()
    admin("ir.cron.run_once", [task["id"]])
    assert f"grant/-/{BO}/rep" not in world.lives()
    assert f"membership/sales/{BO}" not in world.lives()


def test_a_bound_role_is_used_and_left_alone(world: World) -> None:
    admin = world.acting()
    [group] = admin("res.group.create", [{"name": "Theirs"}])
    admin("res.role.create", [{"name": "Seat", "groups": [["add", [group]]]}])
    world.write(roles_all=ROLES.replace("name: Manager", "name: Manager\nbind: {tryton: {role: Seat}}"))
    world.edit("units/all.yaml", "roles: [rep]", "roles: [rep, manager]")
    go(world)
    live = world.read(bound={"role/manager": "Seat"})
    assert live.resources["unit/sales"]["roles"] == ["manager", "rep"]
    assert live.foreign == []
    world.edit("units/all.yaml", "roles: [rep, manager]", "roles: [rep]")
    world.edit("units/all.yaml", "    roles: [manager]\n", "")
    go(world)
    [seat] = admin.find("res.role", [["name", "=", "Seat"]], "groups", "users")
    assert (seat["groups"], seat["users"]) == ([group], [])


class Killed(BaseException):
    pass


@pytest.mark.parametrize("at", [2, 4, 7])
def test_an_apply_that_dies_between_two_calls_is_gone_on_with(
    world: World, at: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    from orgsync.adapters.tryton.api import Server

    go(world)
    world.clear()
    plan = world.plan()
    tell, count = Server.tell, [0]

    def mortal(self: Server, method: str, *arguments: Any, **settings: Any) -> Any:
        count[0] += 1
        if count[0] == at:
            raise Killed
        return tell(self, method, *arguments, **settings)

    with monkeypatch.context() as patched:
        patched.setattr(Server, "tell", mortal)
        try:
            world.apply(plan, *(guard.name for guard in plan.guards))
        except Killed:
            assert ours(world) != []
        else:
            assert at > count[0]
    go(world)
    assert ours(world) == []
    world.write(units_all=UNITS, roles_all=ROLES)
    go(world)


def test_batches_take_few_calls(tryton_server: tryton.Tryton, tryton_url: str) -> None:
    """What docs/adapters/tryton.md says, counted by the server itself."""
    people = [f"user{number}@example.com" for number in range(120)]
    with adapter(tryton_url) as found:
        crm = Crm(found)
        spent: dict[str, Counter[str]] = {}

        def send(what: str, *steps: Any) -> None:
            before = tryton_server.calls(tryton_url)
            assert {one.status for one in crm.send(*steps)} == {Status.APPLIED}
            spent[what] = tryton_server.calls(tryton_url) - before

        send("business units", *(create(f"business-unit/b{number}", name="B") for number in range(30)))
        reads: dict[str, Json] = {"opportunity": {"read": "organization"}}
        send("roles", *(create(f"role/r{number}", name="R", privileges=reads) for number in range(50)))
        home: dict[str, Json] = {"businessUnit": "b1", "roles": ["r1", "r2"]}
        send("units", *(create(f"unit/u{number}", name="U", **home) for number in range(50)))
        send("users", *(create(f"user/{one}") for one in people))
        send("memberships", *(create(f"membership/u{number % 50}/{one}") for number, one in enumerate(people)))
        send("grants", *(create(f"grant/-/{one}/r3") for one in people))
        send("ungrants", *(delete(f"grant/-/{one}/r3") for one in people))
        send("leavers", *(delete(f"membership/u{number % 50}/{one}") for number, one in enumerate(people)))
        send("dissolved", *(delete(f"unit/u{number}") for number in range(50)))
        send("ungiven", *(delete(f"role/r{number}") for number in range(50)))
        send("sold", *(delete(f"business-unit/b{number}") for number in range(30)))
        writes = {what: _writes(calls) for what, calls in spent.items()}
        assert {what: calls.total() - len(writes[what]) for what, calls in spent.items()} == {
            "business units": 4, "roles": 2, "units": 1, "users": 0, "memberships": 1, "grants": 2, "ungrants": 1,
            "leavers": 1, "dissolved": 0, "ungiven": 0, "sold": 3,
        }  # fmt: skip
        assert writes == {
            "business units": ["company.company.create", "party.party.create", "res.group.create"],
            "roles": ["res.role.create"],
            "units": ["res.role.create"],
            "users": ["res.user.create"],
            "memberships": ["res.user.write"],
            "grants": ["res.user.write"],
            "ungrants": ["res.user.write"],
            "leavers": ["res.user.write"],
            "dissolved": ["res.group.delete", "res.role.delete"],
            "ungiven": ["res.group.delete", "res.role.delete"],
            "sold": ["company.company.delete", "party.party.write", "res.group.delete"],
        }
        before = tryton_server.calls(tryton_url)
        found.read(Scope())
        assert (tryton_server.calls(tryton_url) - before).total() == 5
        assert found.capabilities.of(Kind.MEMBERSHIP).max_batch == MAX_BATCH


def _writes(calls: Counter[str]) -> list[str]:
    return sorted(name for name in calls.elements() if not name.endswith("search_read"))


def test_a_wrong_password_is_told_without_it(tryton_url: str) -> None:
    options = opener_of("tryton").Options(url=tryton_url)
    credentials = {"username": "admin", "password": "not the password"}
    with opener_of("tryton").open(
        options, root=Path(), credentials=credentials, writable=False, actor="", clock=lambda: datetime.now(UTC)
    ) as found:
        with pytest.raises(AdapterError, match="401") as error:
            found.read(Scope())
        assert "not the password" not in str(error.value)
        assert "credentials" in error.value.remedy
        (finding,) = (one for one in found.doctor() if one.severity == "error")  # type: ignore[attr-defined]
        assert "401" in finding.detail


def test_the_doctor_says_what_is_missing(tryton_url: str) -> None:
    with adapter(tryton_url, writable=False) as found:
        said = {finding.summary: finding for finding in found.doctor()}
    assert "writing is allowed" in said
    assert not [one for one in said.values() if one.severity == "error"]
    admin = tryton.Session(tryton_url)
    admin(
        "ir.cron.write",
        [task["id"] for task in admin.find("ir.cron", [["method", "like", "%sync_roles"]])],
        {"active": False},
    )
    with adapter(tryton_url, writable=False, currency="CHF", objects={"case": "no.such"}) as found:
        said = {finding.summary: finding for finding in found.doctor()}
    assert {"assignments do not end by themselves", "business units cannot be created"} <= said.keys()
    assert "no.such" in said["some words mean models that are not there"].detail
    assert "account (party.party)" in said["some models are open to everybody"].detail


def test_a_login_that_may_not_write_is_told_by_the_doctor_and_refused_by_tryton(tryton_url: str) -> None:
    admin = tryton.Session(tryton_url)
    admin("res.user.create", [{"login": "weak", "password": tryton.PASSWORD, "companies": [], "company": None}])
    options = opener_of("tryton").Options(url=tryton_url)
    credentials = {"username": "weak", "password": tryton.PASSWORD}
    with opener_of("tryton").open(
        options, root=Path(), credentials=credentials, writable=True, actor="", clock=lambda: datetime.now(UTC)
    ) as found:
        told = [one for one in found.doctor() if one.severity == "error"]  # type: ignore[attr-defined]
        assert "may not write" in told[0].detail
        (outcome,) = found.apply(_batch(create("role/x", name="X")), {})
        assert outcome.status is Status.FAILED
        assert re.search("not allowed", outcome.detail)


def _batch(step: Any) -> Any:
    from orgsync.change import Batch

    return Batch(kind=kind_of(step.address), action=step.action, steps=(step,))


def test_a_prefix_of_its_own_keeps_two_organizations_apart(tryton_url: str) -> None:
    with adapter(tryton_url) as one, adapter(tryton_url, prefix="second") as two:
        Crm(one).do(create("unit/sales", name="Sales"))
        assert "unit/sales" not in two.read(Scope()).resources
        Crm(two).do(create("unit/sales", name="Other sales"))
        assert one.read(Scope()).resources["unit/sales"]["name"] == "Sales"
        assert one.identity != two.identity


def test_the_acting_login_is_known(tryton_url: str) -> None:
    with adapter(tryton_url, writable=False) as found:
        assert found.read(Scope()).acting == "admin"
