"""The embedded CRM stands what every adapter has to stand."""

from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection, Table, make_url, select

from orgsync.adapters.local import schema
from orgsync.testing import Conformance, Crm
from tests.adapters.crms import emptied, engine_of

AT = "2020-01-01T00:00:00+00:00"
TOUCHED = {"created_by": "somebody", "changed_by": "somebody", "created_at": AT, "changed_at": AT}


class Neighbours:
    """A unit with a member who holds a role, none of them ours."""

    def __init__(self, url: str, root: Path) -> None:
        self._url, self._root = url, root

    def make(self) -> None:
        with engine_of(self._url, self._root) as engine, engine.begin() as connection:
            schema.METADATA.create_all(connection)
            boundary = _added(connection, schema.business_unit, name="Theirs")
            role = _added(connection, schema.role, name="Their role")
            user = _added(connection, schema.user, login="neighbour@example.com", active=True)
            unit = _added(connection, schema.unit, name="Their unit", business_unit_id=boundary)
            member = _added(connection, schema.membership, unit_id=unit, user_id=user)
            _added(connection, schema.grant, membership_id=member, role_id=role)

    def look(self) -> object:
        with engine_of(self._url, self._root) as engine, engine.connect() as connection:
            return {
                table.name: [tuple(row) for row in connection.execute(select(table)) if "somebody" in tuple(row)]
                for table in schema.METADATA.sorted_tables
            }


def _added(connection: Connection, table: Table, **values: Any) -> int:
    key = connection.execute(table.insert().values(**values, **TOUCHED)).inserted_primary_key
    assert key is not None
    return int(key[0])


class TestEmbedded(Conformance):
    @pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgresql)])
    def crm(self, request: pytest.FixtureRequest, tmp_path: Path) -> Crm:
        if request.param == "sqlite":
            url = "sqlite:///.orgsync/crm.db"
            return Crm(settings={"adapter": "local", "url": url}, beside=Neighbours(url, tmp_path))
        url = emptied(request.getfixturevalue("postgresql_url"), tmp_path)
        server = make_url(url)
        return Crm(
            settings={
                "adapter": "local",
                "url": str(server._replace(username=None, password=None)),
                "credentials": {"username": "${env:CRM_USER}", "password": "${env:CRM_PASSWORD}"},
            },
            environment={"CRM_USER": server.username or "", "CRM_PASSWORD": server.password or ""},
            beside=Neighbours(url, tmp_path),
        )
