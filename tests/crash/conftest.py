"""Worlds for processes to die in; in memory where that can be, since it is all the same to a process that is killed."""

import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.crash.world import Server, World, build, server

PEOPLE = int(os.environ.get("ORGSYNC_CRASH_PEOPLE", "8"))
MEMORY = Path("/dev/shm")


@pytest.fixture(scope="module")
def folder() -> Iterator[Path]:
    path = Path(tempfile.mkdtemp(prefix="orgsync-crash-", dir=MEMORY if MEMORY.is_dir() else None))
    yield path
    shutil.rmtree(path)


@pytest.fixture(scope="module")
def world(folder: Path) -> World:
    return build(folder / "world", PEOPLE)


@pytest.fixture(scope="module")
def crm(folder: Path) -> Iterator[Server]:
    assert folder.is_dir()
    with server() as started:
        yield started
