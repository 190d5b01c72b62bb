"""Tryton stands what every adapter has to stand, against the real server."""

import json

import pytest

from orgsync.testing import Crm
from orgsync.testing.crm import Call
from orgsync.testing.overhttp import HttpConformance
from tests.servers import tryton

_READS = ("search_read", "get_access", ".login", ".version")


class Neighbours:
    """A company, a role with a group and a member, a group that a user has directly: none of them ours."""

    def __init__(self, url: str) -> None:
        self._url = url

    def make(self) -> None:
        admin = tryton.Session(self._url)
        [euro] = admin.find("currency.currency", [])
        [party] = admin("party.party.create", [{"name": "Theirs", "code": "business-unit/theirs"}])
        [company] = admin("company.company.create", [{"party": party, "currency": euro["id"]}])
        access = {"model": "sale.opportunity", "perm_read": True}
        group = {"name": "Their group", "model_access": [["create", [access]]]}
        [role] = admin("res.role.create", [{"name": "Their role", "groups": [["create", [group]]]}])
        there = {"companies": [["add", [company]]], "company": company}
        member = {"login": "neighbour@example.com", "roles": [["create", [{"role": role}]]], **there}
        [theirs] = admin("res.group.create", [{"name": "Their other group"}])
        other = {"login": "other@example.com", "groups": [["add", [theirs]]], "companies": [], "company": None}
        admin("res.user.create", [member, other])

    def look(self) -> object:
        admin = tryton.Session(self._url)
        people = [["login", "in", ["neighbour@example.com", "other@example.com"]]]
        return {
            "groups": admin.find("res.group", [["name", "like", "Their%"]], "name", "parent", "users", "model_access"),
            "roles": admin.find("res.role", [["name", "=", "Their role"]], "name", "groups", "users"),
            "users": admin.find("res.user", people, "login", "active", "groups", "roles", "companies", "company"),
            "parties": admin.find("party.party", [["name", "=", "Theirs"]], "code", "active", "write_date"),
            "companies": admin.find("company.company", [["party.name", "=", "Theirs"]], "currency", "write_date"),
        }


def _writes(call: Call) -> bool:
    try:
        method = str(json.loads(call.body)["method"])
    except (ValueError, KeyError):
        return False
    return not method.endswith(_READS)


class TestTryton(HttpConformance):
    @pytest.fixture
    def crm(self, tryton_url: str) -> Crm:
        return Crm(
            settings={
                "adapter": "tryton",
                "url": tryton_url,
                "credentials": {"username": "${env:CRM_USER}", "password": "${env:CRM_PASSWORD}"},
            },
            environment={"CRM_USER": tryton.ADMIN, "CRM_PASSWORD": tryton.PASSWORD},
            beside=Neighbours(tryton_url),
            smallest={"pageSize": 5},  # Tryton itself has more groups than fit in three of these
            objects=("opportunity", "quote"),
            writes=_writes,
        )
