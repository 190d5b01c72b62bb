"""The server that the tests start for themselves."""

from pathlib import Path

import pytest
from sqlalchemy import create_engine, text

from tests import postgresql


@pytest.mark.postgresql
def test_the_tests_have_a_real_postgresql(postgresql_url: str) -> None:
    engine = create_engine(postgresql_url)
    with engine.connect() as connection:
        version = connection.execute(text("SELECT version()")).scalar_one()
    engine.dispose()
    assert version.startswith("PostgreSQL ")


def test_the_newest_programs_are_taken(tmp_path: Path) -> None:
    for number in ("9", "15"):
        (tmp_path / number / "bin").mkdir(parents=True)
        (tmp_path / number / "bin" / "initdb").touch()
    assert postgresql.binaries(tmp_path) == tmp_path / "15" / "bin"


def test_missing_programs_are_said_with_the_remedy(tmp_path: Path) -> None:
    with pytest.raises(postgresql.NoServer, match="make postgresql"):
        postgresql.binaries(tmp_path)
