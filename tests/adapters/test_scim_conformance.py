"""A real SCIM provider stands what every adapter, and every adapter that speaks HTTP, has to stand."""

from collections.abc import Mapping
from typing import Any

import pytest

from orgsync.testing import Crm, HttpConformance
from tests.servers.scim import TOKEN, Somebody


class Neighbours:
    """A group with a person and a group in it, and a person with words and attributes of their own."""

    def __init__(self, url: str) -> None:
        self._there = Somebody(url)
        self._ids: list[str] = []

    def make(self) -> None:
        roles = [{"value": "theirs", "display": "Their word"}]
        person = self._there.create_user("neighbour@example.com", nickName="Nell", roles=roles, entitlements=roles)
        inner = self._there.create_group("Their inner group", "their:key", [person])
        outer = self._there.create_group("Their outer group", members=[inner, person])
        self._ids = [f"Users/{person}", f"Groups/{inner}", f"Groups/{outer}"]

    def look(self) -> object:
        return [self._there.call("GET", path) for path in self._ids]


WAYS: Mapping[str, Mapping[str, Any]] = {
    "words": {},
    "groups, one by one": {
        "roles": "groups",
        "unitRoles": "nested",
        "businessUnitAttribute": "division",
        "managers": "true",
        "deviations": {"bulk": "false", "etag": "false"},
    },
}


class TestScim(HttpConformance):
    @pytest.fixture(params=[*WAYS.values()], ids=[*WAYS])
    def crm(self, request: pytest.FixtureRequest, url: str) -> Crm:
        settings = {"adapter": "scim", "url": url, "credentials": {"token": "${env:SCIM_TOKEN}"}, **request.param}
        return Crm(
            settings=settings,
            beside=Neighbours(url),
            environment={"SCIM_TOKEN": TOKEN},
            smallest={"pageSize": "1"},
        )
