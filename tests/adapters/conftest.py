"""The CRMs that the adapters' tests run against."""

from collections.abc import Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any, Protocol

import pytest

from tests.adapters.crms import Crm, emptied, furnish, local, memory
from tests.servers import scim, tryton

DATABASES = ["sqlite", pytest.param("postgresql", marks=pytest.mark.postgresql)]


@pytest.fixture(scope="session")
def tryton_server() -> Iterator[tryton.Tryton]:
    with tryton.server() as running:
        yield running


@pytest.fixture
def tryton_url(tryton_server: tryton.Tryton) -> Iterator[str]:
    """The address of a Tryton database in which nobody has done anything yet."""
    url = tryton_server.database()
    yield url
    tryton_server.drop(url)


@pytest.fixture(params=DATABASES)
def database(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The URL of an empty database."""
    if request.param == "sqlite":
        return "sqlite:///crm/demo.db"
    return emptied(request.getfixturevalue("postgresql_url"), tmp_path)


class Open(Protocol):
    def __call__(self, **settings: Any) -> AbstractContextManager[Crm]: ...


@pytest.fixture(params=["memory", *DATABASES])
def open_crm(request: pytest.FixtureRequest, tmp_path: Path) -> Open:
    """Opens an empty CRM of each sort; takes ``seats``."""
    if request.param == "memory":
        return memory
    if request.param == "sqlite":
        return lambda **settings: local("sqlite:///crm/demo.db", tmp_path, **settings)
    url = emptied(request.getfixturevalue("postgresql_url"), tmp_path)
    return lambda **settings: local(url, tmp_path, **settings)


@pytest.fixture
def crm(open_crm: Open) -> Iterator[Crm]:
    with open_crm() as opened:
        yield furnish(opened)


@pytest.fixture(scope="session")
def origin() -> Iterator[str]:
    """A SCIM provider; an organization per path below it."""
    with scim.started() as found:
        yield found


@pytest.fixture
def url(origin: str) -> str:
    """An empty organization there."""
    return scim.fresh(origin)
