"""What more than one folder of tests needs."""

import os
from collections.abc import Iterator

import pytest

from tests import postgresql


@pytest.fixture(scope="session")
def postgresql_url() -> Iterator[str]:
    """The URL of a PostgreSQL database that tests may fill and empty: the one that was named, or one of our own.

    Skipped where there is none, but never in CI: there, nobody would notice.
    """
    if url := os.environ.get("ORGSYNC_TEST_POSTGRESQL"):
        yield url
        return
    try:
        programs = postgresql.binaries()
    except postgresql.NoServer as reason:
        if os.environ.get("CI"):
            raise
        pytest.skip(str(reason))
    with postgresql.server(programs) as url:
        yield url
