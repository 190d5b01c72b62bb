"""What changed since the last plan: deltas give what a whole reading gives, or are not used."""

import os
import stat
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import fields
from datetime import UTC, datetime
from pathlib import Path
from time import time
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from orgsync.adapter import Scope
from orgsync.adapters import open_adapter
from orgsync.adapters.dataverse import kept
from orgsync.adapters.dataverse.adapter import DataverseAdapter, opened
from orgsync.adapters.dataverse.deltas import TRACKED, since
from orgsync.adapters.dataverse.kept import Table
from orgsync.adapters.dataverse.options import Options
from orgsync.adapters.dataverse.tables import COLUMNS
from orgsync.errors import IncompleteRead
from tests.fakes.dataverse import CLIENT, SECRET, TENANT, Environment, Service, started
from tests.fakes.dataverse.changes import Changes
from tests.fakes.dataverse.csdl import bad
from tests.fakes.dataverse.server import ROOT
from tests.stated import target as stated_target

CREDENTIALS = {"clientId": CLIENT, "clientSecret": SECRET}
Change = Callable[[Environment, int], object]


def of(environment: Environment, table: str, at: int) -> dict[str, Any]:
    rows = [*environment.tables[table].values()]
    return rows[at % len(rows)]


def new(environment: Environment, sort: str) -> str:
    return f"{sort} {environment.count} [orgsync {sort}/x{environment.count}]"


def add_part(environment: Environment, at: int) -> None:
    place = environment.part(f"Part {environment.count}", of(environment, "businessunits", at)["businessunitid"])
    environment.change("businessunits", place, description=new(environment, "business-unit"))


def add_team(environment: Environment, at: int) -> None:
    place = of(environment, "businessunits", at)["businessunitid"]
    environment.team(f"Team {environment.count}", place, description=new(environment, "unit"))


def add_role(environment: Environment, at: int) -> None:  # noqa: ARG001
    role = environment.role(f"Role {environment.count}")
    environment.change("roles", role, description=new(environment, "role"))


def add_person(environment: Environment, at: int) -> None:
    environment.person(f"p{at % 9}@example.com", of(environment, "businessunits", at)["businessunitid"])


def disable(environment: Environment, at: int) -> None:
    user = of(environment, "systemusers", at)
    environment.change("systemusers", user["systemuserid"], isdisabled=not user["isdisabled"])


def rename(environment: Environment, at: int) -> None:
    for table in ("teams", "roles", "businessunits"):
        row = of(environment, table, at)
        environment.change(table, row[COLUMNS[table][0]], name=f"{row['name']}+")


def remove(environment: Environment, at: int) -> None:
    for table, drop in (("teams", environment._drop_team), ("roles", environment._drop_role)):
        row = of(environment, table, at)
        if row.get("description") and not row.get("isdefault"):
            drop(row)


def remake(environment: Environment, at: int) -> None:
    """Gone, and there again under its id."""
    row = of(environment, "teams", at)
    if not row["isdefault"]:
        environment._drop_team(row)
        environment.put("teams", row["teamid"], **{**row, "name": f"{row['name']} again"})


def join(environment: Environment, at: int) -> None:
    pair = {"teamid": of(environment, "teams", at)["teamid"]}
    pair["systemuserid"] = of(environment, "systemusers", at // 2)["systemuserid"]
    found = [*environment.where("teammemberships", **pair)]
    if found:
        environment.drop("teammemberships", found[0]["teammembershipid"])
    else:
        environment.put("teammemberships", **pair)


def take_back(environment: Environment, at: int) -> None:
    mark = len(environment.undo)
    add_team(environment, at)
    remove(environment, at)
    environment.back_to(mark)


CHANGES: tuple[Change, ...] = (
    *(add_part, add_team, add_team, add_role, add_person, add_person),
    *(disable, rename, remove, remake, join, join, take_back),
)


class Seen:
    def __init__(self, adapter: DataverseAdapter) -> None:
        adapter.read(Scope())
        self.index = {one.name: getattr(adapter._index, one.name) for one in fields(adapter._index)}
        self.calls = adapter._reads
        self.text = repr(self.index["snapshot"])  # in its order

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Seen) and vars(self) == vars(other)

    __hash__ = None  # type: ignore[assignment]


class World:
    def __init__(self, url: str, service: Service) -> None:
        self.url, self.service, self.environment = url, service, service.environment

    def read(self, folder: Path | None = None, **options: object) -> Seen:
        stated = {"url": self.url, "authority": self.url, "tenant": TENANT, **options}
        with opened(Options.model_validate(stated), CREDENTIALS, writable=False) as adapter:
            if folder is not None:
                adapter.keep(folder)
            self.service.requests.clear()
            self.service.sent.clear()
            return Seen(adapter)

    def asked(self) -> dict[str, int]:
        paths = [path.removeprefix(ROOT) for _, path in self.service.requests]
        return {name: paths.count(name) for name in TRACKED}

    def sent(self) -> dict[str, int]:
        return {name: self.service.sent[name] for name in TRACKED}


@contextmanager
def a_world() -> Iterator[World]:
    environment = Environment()
    for at, change in enumerate(CHANGES):
        change(environment, at)
    with started(environment) as found:
        yield World(*found)


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    monkeypatch.setattr("time.sleep", lambda _: None)
    with a_world() as found:
        yield found


STEPS = st.lists(st.lists(st.tuples(st.integers(0, len(CHANGES) - 1), st.integers(0, 50)), max_size=4), max_size=3)


@settings(max_examples=20, deadline=None)
@given(STEPS, st.sampled_from([7, 5000]))
def test_after_any_changes_a_delta_gives_what_a_whole_reading_gives(
    tmp_path_factory: pytest.TempPathFactory, rounds: list[list[tuple[int, int]]], page: int
) -> None:
    folder = tmp_path_factory.mktemp("cache")
    with a_world() as world:
        for changes in [[], *rounds]:
            for which, at in changes:
                CHANGES[which](world.environment, at)
            assert world.read(folder, pageSize=page) == world.read(pageSize=page)


def test_what_did_not_change_is_asked_for_once_per_table_and_nothing_is_sent(world: World, tmp_path: Path) -> None:
    first = world.read(tmp_path)
    assert all(world.sent().values())
    assert world.read(tmp_path) == first
    assert (set(world.asked().values()), set(world.sent().values())) == ({1}, {0})


def test_only_what_changed_is_sent(world: World, tmp_path: Path) -> None:
    world.read(tmp_path)
    world.environment.team("Newcomers")
    rename(world.environment, 1)
    gone = world.environment.team("Short-lived")
    world.environment._drop_team(world.environment.row("teams", gone))
    seen = world.read(tmp_path)
    assert world.sent() == {"teams": 3, "roles": 1, "businessunits": 1, "systemusers": 0}
    assert seen == world.read()


def test_pages_of_a_delta_belong_together(world: World, tmp_path: Path) -> None:
    world.read(tmp_path)
    for at in range(5):
        add_team(world.environment, at)
    world.environment.rows = 2
    seen = world.read(tmp_path)
    assert (world.asked()["teams"], world.sent()["teams"]) == (3, 5)
    assert seen.index == world.read().index


def test_a_row_that_moves_to_a_later_page_while_it_is_read_is_taken_as_it_is_there(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The order is that of the versions: who is written meanwhile comes again."""
    ordinary = Changes.page
    moved: list[str] = []
    for at in range(4):
        add_team(world.environment, at)

    def page(changes: Changes, options: Mapping[str, str], size: int) -> dict[str, Any]:
        found = ordinary(changes, options, size)
        units = [one["teamid"] for one in found["value"] if "[orgsync unit/" in str(one.get("description"))]
        if units and not moved and "@odata.nextLink" in found:
            moved.append(units[0])
            world.environment.change("teams", units[0], description="moved [orgsync unit/moved]")
        return found

    monkeypatch.setattr(Changes, "page", page)
    assert "unit/moved" in world.read(tmp_path, pageSize=2).index["snapshot"].resources
    assert world.read(tmp_path, pageSize=2) == world.read(pageSize=2)


def whole(world: World) -> bool:
    return all(world.sent().values())


def kept_in(folder: Path) -> Path:
    [found] = folder.glob("*.dataverse")
    return found


def test_a_link_that_is_too_old_is_refused_and_everything_is_read_whole(world: World, tmp_path: Path) -> None:
    world.read(tmp_path)
    world.environment.count += 8 * 86400
    rename(world.environment, 1)
    seen = world.read(tmp_path)
    assert whole(world)
    assert seen == world.read()
    world.read(tmp_path)
    assert not whole(world)


def test_a_delta_that_is_cut_off_is_not_used(world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    world.read(tmp_path)
    for at in range(3):
        add_team(world.environment, at)
    ordinary = Changes.page

    def page(changes: Changes, options: Mapping[str, str], size: int) -> dict[str, Any]:
        if options.get("$skiptoken", "0").partition(".")[0] != "0":
            raise bad("The second page of a delta is out of reach.")
        return ordinary(changes, options, size)

    world.environment.rows = 2
    monkeypatch.setattr(Changes, "page", page)
    seen = world.read(tmp_path)
    assert seen == world.read(tmp_path)
    assert seen.index == world.read().index


def test_an_id_that_went_and_came_again_is_read_whole(world: World, tmp_path: Path) -> None:
    """A delta tells of both, and not which was first."""
    world.read(tmp_path)
    row = world.environment.row("teams", world.environment.team("Sales", description="Sales [orgsync unit/sales]"))
    world.environment._drop_team(row)
    world.environment.put("teams", row["teamid"], **row)
    seen = world.read(tmp_path)
    assert "unit/sales" in seen.index["snapshot"].resources
    assert whole(world)
    assert seen == world.read()


def test_what_went_untold_with_something_else_is_found_out(world: World, tmp_path: Path) -> None:
    """A business unit takes its team and the copies of roles in it along; no page says that a delta tells of those."""
    environment = world.environment
    part = environment.part("Short-lived")
    world.read(tmp_path)
    environment.change("businessunits", part, isdisabled=True)
    environment._remove_part(environment.row("businessunits", part))
    for at in [at for at in environment.gone if at[0] in {"teams", "roles"}]:
        del environment.gone[at]
    seen = world.read(tmp_path)
    assert whole(world)
    assert seen == world.read()


def test_tables_without_change_tracking_are_read_whole(world: World, tmp_path: Path) -> None:
    world.environment.tracked -= {"roles"}
    assert world.read(tmp_path) == world.read()
    seen = world.read(tmp_path)
    assert (world.asked(), world.sent()["roles"] > 0, world.sent()["teams"]) == (dict.fromkeys(TRACKED, 1), True, 0)
    assert seen == world.read()
    world.environment.tracked.clear()
    kept_in(tmp_path).unlink()
    assert world.read(tmp_path) == world.read(tmp_path)
    assert (whole(world), set(world.asked().values())) == (True, {1})


def test_an_environment_that_never_fits_is_read_as_without_deltas(world: World, tmp_path: Path) -> None:
    world.environment.put("teammemberships", teamid=world.environment.new_id(), systemuserid=world.environment.me)
    seen = world.read(tmp_path)
    assert seen == world.read()
    assert seen == world.read(tmp_path)
    assert (whole(world), set(world.asked().values())) == (True, {1})


SPOIL: Mapping[str, Callable[[bytes], bytes]] = {
    "empty": lambda _: b"",
    "cut off": lambda content: content[: len(content) // 2],
    "another byte": lambda content: content.replace(b"Contoso", b"Contosa", 1),
    "no JSON": lambda _: kept._digest(b"{").encode() + b"\n{",
    "not ours": lambda _: kept._digest(b"[]").encode() + b"\n[]",
}


@pytest.mark.parametrize("spoil", SPOIL.values(), ids=SPOIL)
def test_a_file_that_was_damaged_is_not_believed(world: World, tmp_path: Path, spoil: Callable[[bytes], bytes]) -> None:
    seen = world.read(tmp_path)
    file = kept_in(tmp_path)
    file.write_bytes(spoil(file.read_bytes()))
    assert world.read(tmp_path) == seen
    assert whole(world)


def test_a_file_that_others_could_write_is_not_believed(world: World, tmp_path: Path) -> None:
    seen = world.read(tmp_path)
    kept_in(tmp_path).chmod(0o620)
    assert world.read(tmp_path) == seen
    assert whole(world)


@pytest.mark.parametrize("hours", [-1, 12.1])
def test_what_is_older_than_half_a_day_is_read_whole(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, hours: float
) -> None:
    world.read(tmp_path)
    now = time()
    monkeypatch.setattr("time.time", lambda: now + hours * 3600)
    world.read(tmp_path)
    assert whole(world)


def test_what_another_version_or_another_user_kept_is_not_ours(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.read(tmp_path)
    world.read(tmp_path, prefix="other")
    assert whole(world)
    ours, us = {*tmp_path.iterdir()}, world.environment.me
    world.environment.me = world.environment.person("other-app", applicationid=world.environment.new_id())
    world.environment.put("systemuserrolescollection", systemuserid=world.environment.me, roleid=world.environment.mine)
    world.read(tmp_path)
    assert whole(world)
    assert len({*tmp_path.iterdir()} - ours) == 1
    world.environment.me = us
    monkeypatch.setattr(kept, "__version__", "0.0.0")
    world.read(tmp_path)
    assert whole(world)


def test_a_link_to_somewhere_else_is_not_followed(world: World, tmp_path: Path) -> None:
    seen = world.read(tmp_path)
    file = kept_in(tmp_path)
    text = file.read_bytes().partition(b"\n")[2].replace(world.url.encode(), b"https://elsewhere.example")
    assert b"elsewhere" in text
    file.write_bytes(kept._digest(text).encode() + b"\n" + text)
    assert world.read(tmp_path) == seen
    assert whole(world)


def test_what_is_kept_is_for_nobody_else_and_has_no_secret(world: World, tmp_path: Path) -> None:
    folder = tmp_path / "new" / "orgsync"
    world.read(folder)
    file = kept_in(folder)
    assert [*folder.iterdir()] == [file]
    if os.name == "posix":
        assert (stat.S_IMODE(file.stat().st_mode), stat.S_IMODE(folder.stat().st_mode)) == (0o600, 0o700)
    text = file.read_text()
    assert not [one for one in (SECRET, CLIENT, *world.service.door.tokens) if one in text]


def test_a_folder_that_cannot_be_written_only_costs_time(world: World, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    assert world.read(tmp_path / "file" / "below") == world.read()


@pytest.mark.parametrize("writable", [False, True])
def test_what_is_to_be_written_is_never_compared_with_what_was_kept(
    world: World, tmp_path: Path, *, writable: bool
) -> None:
    target = stated_target(
        {
            "adapter": "dataverse",
            "url": world.url,
            "authority": world.url,
            "tenant": TENANT,
            "credentials": {name: f"${{env:{name}}}" for name in CREDENTIALS},
        }
    )
    for _ in range(2):
        world.service.sent.clear()
        with open_adapter(
            *("dataverse", target, tmp_path),
            writable=writable,
            actor="",
            environment=CREDENTIALS,
            clock=lambda: datetime.now(UTC),
            cache=tmp_path,
        ) as adapter:
            adapter.read(Scope())
    assert whole(world) == writable
    assert bool([*tmp_path.iterdir()]) != writable


def test_deltas_can_be_switched_off(world: World, tmp_path: Path) -> None:
    world.read(tmp_path, deltas=False)
    assert [*tmp_path.iterdir()] == []


LINK = "/api/data/v9.2/teams?$deltatoken=1"
ROW = {**dict.fromkeys(COLUMNS["teams"], ""), "teamid": "a"}
GONE = {"@odata.context": "x/$metadata#teams/$deletedEntity", "id": "a", "reason": "deleted"}


class Answering:
    def __init__(self, *entries: object, link: str = "") -> None:
        self._found = [*entries], link

    def changes(self, link: str, entity_set: str) -> object:
        assert (link, entity_set) == (LINK, "teams")
        return self._found


def after(*entries: object, link: str = "") -> Table:
    api: Any = Answering(*entries, link=link)
    return since(api, "teams", Table(link=LINK, rows={"a": ROW, "b": {**ROW, "teamid": "b"}}))


def test_without_a_new_link_the_old_one_is_asked_again() -> None:
    assert after().link == LINK
    assert after(link="next").link == "next"


def test_who_is_gone_and_was_never_known_is_nobody() -> None:
    assert [*after(GONE, {**GONE, "id": "c"}).rows] == ["b"]


@pytest.mark.parametrize(
    "entry",
    [
        {**GONE, "reason": "changed"},
        {**GONE, "id": 7},
        {"teamid": "a"},
        {**ROW, "teamid": [7]},
        {"@odata.context": "x", "id": "a"},
    ],
)
def test_an_entry_that_is_neither_a_row_nor_a_deletion_spoils_the_delta(entry: object) -> None:
    with pytest.raises(IncompleteRead):
        after(entry)
