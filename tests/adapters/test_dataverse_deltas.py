"""What changed since the last plan: deltas give what a whole reading gives, or are not used."""

import json
import os
import stat
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import fields
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from orgsync.adapter import Scope
from orgsync.adapters.dataverse import kept
from orgsync.adapters.dataverse.adapter import DataverseAdapter, opened
from orgsync.adapters.dataverse.api import Api
from orgsync.adapters.dataverse.deltas import TRACKED, since
from orgsync.adapters.dataverse.kept import Table
from orgsync.adapters.dataverse.options import Options
from orgsync.adapters.dataverse.tables import COLUMNS
from orgsync.errors import IncompleteRead
from tests.fakes.dataverse import CLIENT, SECRET, TENANT, Environment, Service, started
from tests.fakes.dataverse.changes import Changes
from tests.fakes.dataverse.csdl import bad
from tests.fakes.dataverse.server import ROOT

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
    for table, drop in (("teams", environment._drop_team), ("roles", environment._drop_role)):  # noqa: SLF001
        row = of(environment, table, at)
        if row.get("description") and not row.get("isdefault"):
            drop(row)


def remake(environment: Environment, at: int) -> None:
    """Gone, and there again under its id."""
    row = of(environment, "teams", at)
    if not row["isdefault"]:
        environment._drop_team(row)  # noqa: SLF001
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
        self.index = {one.name: getattr(adapter._index, one.name) for one in fields(adapter._index)}  # noqa: SLF001
        self.calls = adapter._reads  # noqa: SLF001

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


@settings(max_examples=25, deadline=None)
@given(STEPS, st.sampled_from([2, 5, 5000]))
def test_after_any_changes_a_delta_gives_what_a_whole_reading_gives(
    tmp_path_factory: pytest.TempPathFactory, rounds: list[list[tuple[int, int]]], page: int
) -> None:
    folder = tmp_path_factory.mktemp("cache")
    with a_world() as world:
        for changes in [[], *rounds]:
            for which, at in changes:
                CHANGES[which](world.environment, at)
            assert world.read(folder, pageSize=page) == world.read(pageSize=page)
