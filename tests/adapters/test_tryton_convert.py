"""Tryton's values and ours, and answers that no good server gives: without a server."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest
import responses

from orgsync.adapter import Scope
from orgsync.adapters.http import Limits, Time
from orgsync.adapters.tryton.adapter import TrytonAdapter, opened
from orgsync.adapters.tryton.api import Server, Stale
from orgsync.adapters.tryton.convert import (
    Marks,
    access_commands,
    changed_of,
    end_of,
    moment,
    numbers,
    privileges_of,
    remote_id,
    until_of,
    wire,
)
from orgsync.adapters.tryton.options import Options
from orgsync.change import Action, Batch, Status
from orgsync.errors import AdapterError, CallRefused, IncompleteRead, UnknownOutcome
from orgsync.resources import Kind
from tests.adapters.crms import create

URL = "https://tryton.example.com/erp"
RPC = f"{URL}/rpc/"
PASSWORD = "the password of the target"
BERLIN, UTC_ZONE = ZoneInfo("Europe/Berlin"), ZoneInfo("UTC")
NOW = datetime(2026, 11, 1, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("name", "mark"),
    [
        ("orgsync/unit/sales", ("unit", "sales")),
        ("orgsync/business-unit/emea#17", ("business-unit", "emea")),
        ("orgsync/privileges/rep", ("privileges", "rep")),
        ("orgsync/unit/", None),
        ("orgsync/unit/#17", None),
        ("orgsync/team/sales", None),
        ("orgsync2/unit/sales", None),
        ("Sales", None),
        (None, None),
    ],
)
def test_a_mark_is_read_from_the_name_of_a_group(name: object, mark: object) -> None:
    assert Marks(prefix="orgsync").of(name) == mark


def test_a_mark_is_read_as_it_is_written() -> None:
    marks = Marks(prefix="orgsync")
    name = marks.name("business-unit", "emea", 17)
    assert (marks.of(name), Marks.party_of(name)) == (("business-unit", "emea"), 17)
    assert Marks.party_of("orgsync/business-unit/emea#x²") is None


def test_a_remote_id_of_several_parts_may_lack_some() -> None:
    assert remote_id(12, None, 34) == "12/-/34"
    assert numbers("12/-/34", 3) == [12, None, 34]
    assert numbers(None, 2) == numbers("/٣", 2) == [None, None]


@pytest.mark.parametrize("zone", [UTC_ZONE, BERLIN, ZoneInfo("Pacific/Kiritimati")])
@pytest.mark.parametrize("day", ["2027-03-28", "2027-12-31", "9999-12-30"])
def test_a_day_is_read_as_it_is_written_wherever_it_ends(day: str, zone: ZoneInfo) -> None:
    assert until_of(moment(end_of(day, zone)), zone) == day


def test_a_day_ends_with_its_last_second() -> None:
    end = end_of("2027-03-31", BERLIN)
    assert end == wire(datetime(2027, 3, 31, 21, 59, 59, tzinfo=UTC))
    assert end_of(None, BERLIN) is None


def test_an_end_within_a_day_differs_from_every_day_and_can_be_restored() -> None:
    noon = datetime(2027, 3, 31, 10, tzinfo=UTC)
    assert until_of(noon, BERLIN) == "2027-03-31T12:00:00"
    assert end_of("2027-03-31T12:00:00", BERLIN) == wire(noon)


def row(number: int, model: str, *actions: str, active: bool = True) -> dict[str, Any]:
    columns = {"create": "perm_create", "read": "perm_read", "update": "perm_write", "delete": "perm_delete"}
    given = {column: int(action in actions) for action, column in columns.items()}
    return {"id": number, "model": model, "active": active, **given}


def test_rows_add_up_and_those_that_are_not_active_give_nothing() -> None:
    rows = [row(1, "sale.sale", "read"), row(2, "sale.sale", "delete"), row(3, "x.y", "read", active=False)]
    assert privileges_of(rows, {"quote": "sale.sale"}) == {"quote": {"delete": "organization", "read": "organization"}}
    assert privileges_of([row(1, "no.word", "read"), row(2, "empty")], {}) == {"no.word": {"read": "organization"}}


def test_only_rows_that_differ_are_written() -> None:
    rows = [row(1, "a.a", "read"), row(2, "b.b", "read"), row(3, "c.c", "read"), row(4, "a.a", "delete")]
    commands = access_commands(rows, {"a.a": ["read"], "b.b": ["update"], "d.d": ["create"], "e.e": []})
    assert [command[:2] for command in commands if command[0] != "create"] == [["write", [2]], ["delete", [3, 4]]]
    (made,) = (command[1] for command in commands if command[0] == "create")
    assert [(one["model"], one["perm_create"], one["perm_read"]) for one in made] == [("d.d", True, False)]
    assert access_commands(rows[:1], {"a.a": ["read"]}) == []


def test_who_changed_it_last_is_the_last_of_all_parts() -> None:
    early, late = wire(datetime(2026, 1, 1, tzinfo=UTC)), wire(datetime(2026, 1, 2, tzinfo=UTC))
    ann, bob = {"login": "ann"}, {"login": "bob"}
    one = {"create_date": early, "create_uid.": ann, "write_date": late, "write_uid.": bob}
    other = {"create_date": late, "create_uid.": None, "write_date": None, "write_uid.": None}
    found = changed_of({"create_date": early, "create_uid.": ann}, one)
    assert found is not None
    assert (found.by, found.at.day) == ("bob", 2)
    nobody = changed_of(other)
    assert nobody is not None
    assert nobody.by == ""
    assert changed_of({}) is None


@pytest.mark.parametrize(
    "options",
    [
        {"url": "https://host"},
        {"url": "ftp://host/db"},
        {"url": URL, "timezone": "Mars/Olympus"},
        {"url": URL, "prefix": "a/b"},
        {"url": URL, "currency": "euro"},
        {"url": URL, "objects": {"lead": "sale.opportunity", "opportunity": "sale.opportunity"}},
        {"url": URL, "pageSize": 0},
        {"url": URL, "nonsense": 1},
    ],
)
def test_options_that_mean_nothing_are_refused(options: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="validation error"):
        Options.model_validate(options)


def test_a_default_word_gives_way_to_one_that_is_stated() -> None:
    models = Options.model_validate({"url": URL, "objects": {"lead": "sale.opportunity"}}).models
    assert models["lead"] == "sale.opportunity"
    assert "opportunity" not in models
    assert models["account"] == "party.party"


# --- answers


@pytest.fixture
def wire_() -> Iterator[responses.RequestsMock]:
    with responses.RequestsMock(assert_all_requests_are_fired=False) as mock:
        yield mock


class Answers:
    """Method -> result; an exception of the wire, or anything that Tryton would never say."""

    def __init__(self, mock: responses.RequestsMock, **results: Any) -> None:
        self.results: dict[str, Any] = {"common.db.login": {"result": [1, "token", None]}, **results}
        mock.add_callback("POST", RPC, self._answer, content_type="application/json")

    def _answer(self, request: Any) -> tuple[int, dict[str, str], str]:
        method = json.loads(request.body)["method"]
        found = self.results.get(method, {"result": []})
        if isinstance(found, int):
            return found, {}, ""
        return 200, {}, found if isinstance(found, str) else json.dumps(found)


@pytest.fixture
def server() -> Iterator[Server]:
    quick = Time(sleep=lambda _: None, wall=NOW.timestamp)
    with Server(
        URL, username="admin", password=PASSWORD, writable=True, page=2, limits=Limits(attempts=2), time=quick
    ) as found:
        yield found


@pytest.mark.parametrize("answer", ["[]", "{}", '{"result": 7}', '{"result": [7]}', '{"result": [{}]}', "", "<html>"])
def test_an_answer_that_is_no_table_is_an_incomplete_read(
    wire_: responses.RequestsMock, server: Server, answer: str
) -> None:
    Answers(wire_, **{"model.res.group.search_read": answer})
    with pytest.raises(IncompleteRead):
        server.table("res.group", [], ["name"])


@pytest.mark.parametrize("answer", ["[]", "{}", "", '"yes"', 500, 504])
def test_a_write_without_a_usable_answer_has_an_unknown_outcome(
    wire_: responses.RequestsMock, server: Server, answer: object
) -> None:
    Answers(wire_, **{"model.res.role.delete": answer})
    with pytest.raises(UnknownOutcome):
        server.tell("model.res.role.delete", [1])


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (["UserError", ["No.", "Because.", None]], "No. Because."),
        (["UserWarning", ["name", "Are you sure?", "really"]], "Are you sure?"),
        (["'res.user'", "Traceback (most recent call last): secret internals"], "'res.user'"),
        (["UserError", [{"odd": 1}, 7]], "UserError"),
        ([], "[]"),
        ("text", "text"),
        (["half a \ud800 character", ""], "half a \ud800 character"),
        ([None, None], "None"),
    ],
)
def test_a_refusal_is_told_in_trytons_words_and_without_its_traceback(
    wire_: responses.RequestsMock, server: Server, error: Any, words: str
) -> None:
    Answers(wire_, **{"model.res.role.delete": {"error": error}})
    with pytest.raises(CallRefused) as refusal:
        server.tell("model.res.role.delete", [1])
    assert words in str(refusal.value)
    assert "internals" not in str(refusal.value)


def test_a_record_that_somebody_changed_meanwhile_has_an_error_of_its_own(
    wire_: responses.RequestsMock, server: Server
) -> None:
    Answers(wire_, **{"model.res.user.write": {"error": ["ConcurrencyException", "Records were modified"]}})
    with pytest.raises(Stale, match="Records were modified"):
        server.tell("model.res.user.write", [1], {}, stamps={"res.user,1": "1.5"})
    assert json.loads(wire_.calls[-1].request.body or "")["params"][-1] == {"_timestamp": {"res.user,1": "1.5"}}


@pytest.mark.parametrize("login", [{"result": None}, {"result": [1]}, {"result": [1, None]}, {"error": ["x", ""]}, 401])
def test_no_session_is_no_traceback(wire_: responses.RequestsMock, server: Server, login: object) -> None:
    Answers(wire_, **{"common.db.login": login})
    with pytest.raises(AdapterError) as error:
        server.table("res.group", [], ["name"])
    assert PASSWORD not in str(error.value)


def test_without_a_date_the_clock_of_this_machine_counts(wire_: responses.RequestsMock, server: Server) -> None:
    Answers(wire_)
    server.table("res.group", [], ["name"])
    assert server.now == NOW


@pytest.fixture
def adapter() -> Iterator[TrytonAdapter]:
    credentials = {"username": "admin", "password": PASSWORD}
    quick = {"limits": Limits(attempts=1), "time": Time(sleep=lambda _: None, wall=NOW.timestamp)}
    with opened(Options(url=URL), credentials, writable=True, **quick) as found:
        yield found


@pytest.mark.parametrize(
    "role",
    [
        {"id": 1},
        {"id": 1, "name": "x", "groups": None, "users.": []},
        {"id": 1, "name": "x", "groups": [], "users.": [{"id": 1}]},
        {"id": "one", "name": "x", "groups": [], "users.": []},
        {"id": 1, "name": "x", "groups": [], "users.": [], "write_date": {"year": 99999}},
        {"id": 1, "name": "x", "groups": [], "users.": [], "write_date": "yesterday"},
    ],
)
def test_a_record_that_cannot_be_understood_is_an_incomplete_read(
    wire_: responses.RequestsMock, adapter: TrytonAdapter, role: dict[str, Any]
) -> None:
    Answers(wire_, **{"model.res.role.search_read": {"result": [role]}})
    with pytest.raises(IncompleteRead, match=r"res\.role"):
        adapter.read(Scope())


def test_a_login_that_may_not_read_the_log_goes_without_and_a_broken_answer_is_an_incomplete_read(
    wire_: responses.RequestsMock, adapter: TrytonAdapter
) -> None:
    answers = Answers(wire_, **{"model.ir.model.log.search_read": {"error": ["UserError", ["Not allowed.", "", None]]}})
    assert adapter.read(Scope()).resources == {}
    bad: list[Any] = [{"result": None}, {"result": [{}]}, {"result": 7}, 500]
    for broken in bad:
        answers.results["model.ir.model.log.search_read"] = broken
        with pytest.raises(IncompleteRead):
            adapter.read(Scope())


def test_names_may_be_anything(wire_: responses.RequestsMock, adapter: TrytonAdapter) -> None:
    names = ["\ud800", "", "../..", "<script>", 7, "x" * 10_000]
    roles = [{"id": n, "name": name, "groups": [], "users.": []} for n, name in enumerate(names, 1)]
    Answers(wire_, **{"model.res.role.search_read": {"result": roles}})
    assert sorted(one.name for one in adapter.read(Scope()).foreign) == sorted(map(str, names))


def test_what_nobody_answered_is_looked_for_and_stays_unknown_if_it_is_not_there(
    wire_: responses.RequestsMock, adapter: TrytonAdapter
) -> None:
    answers = Answers(wire_, **{"model.res.user.create": 504})
    batch = Batch(kind=Kind.USER, action=Action.CREATE, steps=(create("user/ana@example.com"),))
    (outcome,) = adapter.apply(batch, {})
    assert outcome.status is Status.UNKNOWN
    ana: dict[str, Any] = {
        "login": "Ana@example.com",
        "name": None,
        "active": 1,
        "administrator": 0,
        "groups": [],
        "companies": [],
    }
    answers.results["model.res.user.search_read"] = {"result": [{"id": 7, **ana}]}
    (outcome,) = adapter.apply(batch, {})
    assert (outcome.status, outcome.remote_id) == (Status.APPLIED, "7")
    answers.results["model.res.user.search_read"] = 500
    (outcome,) = adapter.apply(batch, {})
    assert outcome.status is Status.UNKNOWN


def test_the_address_and_the_prefix_are_the_identity(adapter: TrytonAdapter) -> None:
    assert adapter.identity == "tryton+https://tryton.example.com/erp"
    assert PASSWORD not in repr(adapter) + repr(adapter.server)
