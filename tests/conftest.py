"""What more than one folder of tests needs."""

import os
import signal
from collections.abc import Iterator

import pytest

from tests import postgresql


def pytest_configure() -> None:
    """A shell that starts the tests in the background has Ctrl-C ignored, and what is ignored is so in every child."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    os.environ["ORGSYNC_CACHE"] = "off"  # tests of the cache name a folder; nothing is kept in anybody's home


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
