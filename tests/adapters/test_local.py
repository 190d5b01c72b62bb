"""What only a database can do: refuse writes by its transport, be damaged, be changed behind orgsync's back."""

from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from orgsync.adapter import HasDoctor, Scope
from orgsync.adapters.local import api
from orgsync.adapters.local.adapter import LocalAdapter
from orgsync.adapters.local.connect import connect, identity_of, parse_url, sqlite_path
from orgsync.adapters.local.file import FileReader
from orgsync.adapters.local.opener import opener
from orgsync.adapters.local.options import Options
from orgsync.change import Action, Batch, Status
from orgsync.errors import AdapterError, IncompleteRead, ReadOnly
from orgsync.finding import Severity
from orgsync.resources import Kind
from tests.adapters.crms import ANA, BO, NOW, Crm, create, delete, engine_of, furnish, local, update

LATER = datetime(2026, 11, 3, 8, 0, tzinfo=UTC)
USER = Batch(kind=Kind.USER, action=Action.CREATE, steps=(create("user/x@example.com"),))


def test_a_crm_that_does_not_exist_yet_reads_as_empty_and_is_not_made_by_reading(database: str, tmp_path: Path) -> None:
    with local(database, tmp_path, writable=False, seats=5) as crm:
        live = crm.read()
        assert (live.resources, live.seats) == ({}, (0, 5))
        live = crm.read()
        assert live.resources == {}
    assert not (tmp_path / "crm").exists()


def test_a_read_only_transport_refuses_writes_by_itself(database: str, tmp_path: Path) -> None:
    with local(database, tmp_path) as crm:
        furnish(crm)
    engine = connect(parse_url(database), tmp_path, writable=False)
    with pytest.raises(DBAPIError), engine.begin() as connection:
        connection.execute(text("DELETE FROM crm_grant"))
    engine.dispose()
    with local(database, tmp_path, writable=False) as crm:
        with pytest.raises(ReadOnly):
            crm.adapter.apply(USER, {})
        assert f"grant/sales/{ANA}/manager" in crm.read().resources


def test_a_read_sees_one_state_of_the_database(database: str, tmp_path: Path) -> None:
    with local(database, tmp_path) as crm:
        furnish(crm)
        adapter = crm.adapter
        assert isinstance(adapter, LocalAdapter)
        with adapter._reading() as connection:
            count = "SELECT count(*) FROM crm_user"
            assert connection.execute(text(count)).scalar() == 2
            if connection.dialect.name == "postgresql":
                crm.do(create("user/cy@example.com"))
            assert connection.execute(text(count)).scalar() == 2
            isolation = connection.get_isolation_level()
        assert isolation in {"SERIALIZABLE", "REPEATABLE READ"}


def test_tables_that_went_missing_make_a_read_incomplete(database: str, tmp_path: Path) -> None:
    with local(database, tmp_path) as crm:
        furnish(crm)
    with engine_of(database, tmp_path) as engine, engine.begin() as connection:
        connection.execute(text("DROP TABLE crm_grant"))
    with local(database, tmp_path, writable=False) as crm:
        with pytest.raises(IncompleteRead, match="crm_grant") as caught:
            crm.read()
        assert "restore the database" in caught.value.remedy


@pytest.mark.parametrize("keep", [100, 5000, 20000])
def test_a_file_that_was_cut_off_makes_a_read_incomplete(tmp_path: Path, keep: int) -> None:
    with local("sqlite:///demo.db", tmp_path) as crm:
        furnish(crm)
    path = tmp_path / "demo.db"
    path.write_bytes(path.read_bytes()[:keep])
    with local("sqlite:///demo.db", tmp_path, writable=False) as crm, pytest.raises(IncompleteRead):
        crm.read()


def test_a_file_that_is_no_database_makes_a_read_incomplete(tmp_path: Path) -> None:
    (tmp_path / "demo.db").write_text("something else entirely, and longer than a header " * 20)
    with local("sqlite:///demo.db", tmp_path, writable=False) as crm, pytest.raises(IncompleteRead):
        crm.read()


def test_a_row_that_refers_to_nothing_makes_a_read_incomplete(tmp_path: Path) -> None:
    with local("sqlite:///demo.db", tmp_path) as crm:
        furnish(crm)
    with engine_of("sqlite:///demo.db", tmp_path) as engine:
        raw = engine.raw_connection()
        raw.cursor().execute("PRAGMA foreign_keys=OFF")
        raw.cursor().execute("DELETE FROM crm_membership")
        raw.close()
    with local("sqlite:///demo.db", tmp_path, writable=False) as crm, pytest.raises(IncompleteRead):
        crm.read()


def test_what_somebody_did_behind_orgsyncs_back_is_seen_with_their_name(database: str, tmp_path: Path) -> None:
    with local(database, tmp_path) as crm:
        furnish(crm)
        with engine_of(database, tmp_path) as engine, engine.begin() as connection:
            eve = api.session(connection, by="eve", at=LATER)
            api.rename_unit(eve, "sales", "Eve's team")
            api.add_member(eve, "west", BO)
            api.deactivate_user(eve, ANA)
            api.create_user(eve, "Cy@example.com")
        live = crm.read()
        assert live.resources["unit/sales"]["name"] == "Eve's team"
        assert live.resources[f"user/{ANA}"]["active"] is False
        for address in ("unit/sales", f"membership/west/{BO}", f"user/{ANA}", "user/cy@example.com"):
            assert (live.changed[address].by, live.changed[address].at) == ("eve", LATER)
        assert (live.changed["unit/west"].by, live.changed["unit/west"].at) == ("orgsync", NOW)


def test_foreign_things_are_listed_and_what_hangs_on_them_is_not_ours(database: str, tmp_path: Path) -> None:
    with local(database, tmp_path) as crm:
        ours = furnish(crm).read().resources.keys()
        with engine_of(database, tmp_path) as engine, engine.begin() as connection:
            eve = api.session(connection, by="eve", at=LATER)
            unit = api.create_foreign_unit(eve, "Eve's unit", business_unit="west")
            role = api.create_foreign(eve, Kind.ROLE, "Eve's role")
            api.add_member(eve, f"foreign:{unit}", BO)
            api.grant_role(eve, f"foreign:{unit}", BO, "rep")
            api.grant_role(eve, "sales", ANA, f"foreign:{role}")
            api.attach_role(eve, "sales", f"foreign:{role}")
            api.move_unit(eve, "sales", f"foreign:{unit}")
        live = crm.read()
        assert [(thing.kind, thing.name, thing.id) for thing in live.foreign] == [
            (Kind.ROLE, "Eve's role", role),
            (Kind.UNIT, "Eve's unit", unit),
        ]
        assert live.foreign[0].changed is not None
        assert live.foreign[0].changed.by == "eve"
        assert live.resources.keys() == ours
        assert live.resources["unit/sales"]["roles"] == ["rep"]
        assert live.resources["unit/sales"]["parent"] == f"foreign:{unit}"
        assert crm.refuses(update("unit/mine", {}, {"name": "Mine"}, unit)) == "unit/mine is not orgsync's to change"
        assert crm.refuses(delete(f"unit/foreign:{unit}")) == f"unit/foreign:{unit} is not orgsync's to change"
        assert "is named" in crm.refuses(create("role/x", name="Eve's role"))


def test_foreign_links_on_our_unit_survive_our_changes(database: str, tmp_path: Path) -> None:
    with local(database, tmp_path) as crm:
        furnish(crm)
        with engine_of(database, tmp_path) as engine, engine.begin() as connection:
            eve = api.session(connection, by="eve", at=LATER)
            role = api.create_foreign(eve, Kind.ROLE, "Eve's role")
            api.attach_role(eve, "sales", f"foreign:{role}")
        crm.do(update("unit/sales", {"roles": ["rep"]}, {"roles": ["manager"]}))
        assert crm.fields("unit/sales")["roles"] == ["manager"]
        live = crm.read(bound={"role/eves": "Eve's role"})
        assert live.resources["unit/sales"]["roles"] == ["eves", "manager"]


def test_a_bound_role_is_the_foreign_one_with_that_name(database: str, tmp_path: Path) -> None:
    bound = {"role/seat": "Sales seat", "role/none": "Nothing"}
    with local(database, tmp_path) as crm:
        furnish(crm)
        with engine_of(database, tmp_path) as engine, engine.begin() as connection:
            role = api.create_foreign(api.session(connection, by="eve", at=LATER), Kind.ROLE, "Sales seat")
        live = crm.read(bound=bound)
        assert live.ids["role/seat"] == role
        assert live.resources["role/seat"]["name"] == "Sales seat"
        assert "role/none" not in live.resources
        assert live.foreign == []
        crm.ids.update(live.ids)
        crm.do(create(f"grant/sales/{ANA}/seat"))
        assert f"grant/sales/{ANA}/seat" in crm.read(bound=bound).resources
        assert f"grant/sales/{ANA}/seat" not in crm.read().resources
        crm.do(delete(f"grant/sales/{ANA}/seat"))


def test_the_id_of_a_removed_row_is_never_given_again(database: str, tmp_path: Path) -> None:
    with local(database, tmp_path) as crm:
        furnish(crm)
        crm.do(create(f"membership/west/{BO}"))
        first = crm.ids[f"membership/west/{BO}"]
        crm.do(delete(f"membership/west/{BO}"), create(f"membership/west/{BO}"))
        assert crm.ids[f"membership/west/{BO}"] != first


def test_a_database_that_cannot_be_reached_is_an_adapter_error_without_a_password(tmp_path: Path) -> None:
    options = Options(url="postgresql://maria:hunter2@127.0.0.1:1/crm")
    with (
        opener.open(options, root=tmp_path, credentials={}, writable=False, actor="", clock=lambda: NOW) as adapter,
        pytest.raises(AdapterError) as caught,
    ):
        adapter.read(Scope())
    shown = f"{caught.value} {caught.value.remedy} {adapter!r} {adapter.identity} {caught.value.__cause__}"
    assert "hunter2" not in shown
    assert "postgresql://127.0.0.1:1/crm" in shown
    assert not isinstance(caught.value, IncompleteRead)


def test_credentials_are_used_and_never_shown(tmp_path: Path) -> None:
    options = Options(url="postgresql://127.0.0.1:1/crm")
    secret = {"username": "maria", "password": "hunter2"}
    opened = opener.open(options, root=tmp_path, credentials=secret, writable=False, actor="", clock=lambda: NOW)
    with opened as adapter:
        assert isinstance(adapter, LocalAdapter)
        assert adapter._url.password == "hunter2"
        assert "hunter2" not in repr(adapter) + adapter.identity + repr(adapter._engine)
        assert "hunter2" not in "".join(finding.detail + finding.remedy for finding in adapter.doctor())


@pytest.mark.parametrize(
    ("url", "identity"),
    [
        ("sqlite:///.orgsync/demo.db", "sqlite:///.orgsync/demo.db"),
        ("postgresql+psycopg://me:secret@db:5432/crm?sslmode=require", "postgresql://db:5432/crm"),
        ("postgresql://db/crm?user=me&password=secret", "postgresql://db/crm"),
    ],
)
def test_the_identity_names_the_database_and_nobody(url: str, identity: str) -> None:
    assert identity_of(parse_url(url)) == identity


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("not a url", "not a database URL"),
        ("oracel://me:hunter2@db/crm", "no such kind of database"),
        ("sqlite://", "forgets everything"),
        ("sqlite:///:memory:", "forgets everything"),
    ],
)
def test_a_url_that_cannot_be_used_is_explained_without_repeating_it(url: str, words: str) -> None:
    with pytest.raises(ValueError, match=words) as caught:
        parse_url(url)
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize("name", ["demo.db", ".orgsync/demo-1.db", "../a_b/c.db", "/tmp/x.y/z.db"])
def test_a_plain_file_has_the_same_identity_and_path_with_and_without_the_database_library(
    name: str, tmp_path: Path
) -> None:
    url = f"sqlite:///{name}"
    with local(url, tmp_path, writable=False) as crm:
        assert isinstance(crm.adapter, FileReader)
        assert crm.adapter.identity == identity_of(parse_url(url))
        assert crm.adapter.path == sqlite_path(parse_url(url), tmp_path)
        with crm.adapter.full() as full:
            assert full.capabilities == crm.adapter.capabilities


@pytest.mark.parametrize("name", ["a folder/demo.db", "demo#1.db", "süd.db", "a%20b.db", "a@b:c.db", "x.db?timeout=5"])
def test_what_a_library_may_read_in_another_way_is_left_to_it(name: str, tmp_path: Path) -> None:
    with local(f"sqlite:///{name}", tmp_path, writable=False) as crm:
        assert isinstance(crm.adapter, LocalAdapter)


def test_what_is_read_is_the_same_with_and_without_the_database_library(tmp_path: Path) -> None:
    with local("sqlite:///demo.db", tmp_path) as crm:
        furnish(crm)
        with_library = crm.read()
    with local("sqlite:///demo.db", tmp_path, writable=False) as crm:
        assert isinstance(crm.adapter, FileReader)
        assert crm.read() == with_library
        assert crm.read().resources


def test_the_doctor_only_looks(database: str, tmp_path: Path) -> None:
    with local(database, tmp_path, writable=False) as crm:
        assert isinstance(crm.adapter, HasDoctor)
        assert {finding.severity for finding in crm.adapter.doctor()} == {Severity.INFO}
    assert not (tmp_path / "crm").exists()
    with local(database, tmp_path) as crm:
        furnish(crm)
    with local(database, tmp_path, writable=False) as crm:
        assert isinstance(crm.adapter, HasDoctor)
        said = {finding.summary: finding.detail for finding in crm.adapter.doctor()}
    assert said.keys() == {"the database answers", "the tables are there", "writing is allowed"}
    assert said["the database answers"].startswith(database.partition(":")[0].partition("+")[0])


def test_the_doctor_names_what_is_missing(tmp_path: Path) -> None:
    with local("sqlite:///demo.db", tmp_path) as crm:
        furnish(crm)
    with engine_of("sqlite:///demo.db", tmp_path) as engine, engine.begin() as connection:
        connection.execute(text("DROP TABLE crm_grant"))
    with local("sqlite:///demo.db", tmp_path, writable=False) as crm:
        assert isinstance(crm.adapter, HasDoctor)
        (trouble,) = [finding for finding in crm.adapter.doctor() if finding.severity is Severity.ERROR]
        assert "crm_grant" in trouble.detail


def test_a_batch_that_is_half_right_is_written_by_half(database: str, tmp_path: Path) -> None:
    with local(database, tmp_path) as crm:
        furnish(crm)
        steps = [create(f"user/u{number}@example.com") for number in range(500)]
        outcomes = crm.send(*steps[:250], create(f"user/{ANA}"), *steps[250:])
        assert [one.status for one in outcomes].count(Status.FAILED) == 1
        assert outcomes[250].status is Status.FAILED
        live = crm.read()
        assert len([a for a in live.resources if a.startswith("user/u")]) == 500
        assert all(live.ids[one.address] == one.remote_id for one in outcomes if one.remote_id is not None)


def test_every_row_says_who_made_it(database: str, tmp_path: Path) -> None:
    with local(database, tmp_path, actor="maria") as crm:
        furnish(crm)
    with engine_of(database, tmp_path) as engine, engine.begin() as connection:
        for table in ("unit", "unit_role", "role_include", "role_function", "role_privilege", "function_privilege"):
            rows = connection.execute(text(f"SELECT created_by, created_at, changed_by, changed_at FROM crm_{table}"))
            assert {tuple(row) for row in rows} == {("maria", NOW.isoformat(), "maria", NOW.isoformat())}


def test_two_readers_and_a_writer_get_along(tmp_path: Path) -> None:
    with local("sqlite:///demo.db", tmp_path) as writer, local("sqlite:///demo.db", tmp_path, writable=False) as reader:
        furnish(writer)
        assert Crm(reader.adapter).read().resources == writer.read().resources
