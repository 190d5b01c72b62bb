"""What goes over the wire and what comes back, without a wire."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orgsync.adapter import Changed
from orgsync.adapters.scim import bulk, convert
from orgsync.adapters.scim.bulk import Job, Operation, made, packed, results
from orgsync.adapters.scim.discovery import Bulk
from orgsync.adapters.scim.jobs import Desk, jobs
from orgsync.adapters.scim.options import Options
from orgsync.adapters.scim.values import flag, group_of, number, text, user_of
from orgsync.adapters.scim.vendors import PRESETS, Deviations, Vendor
from orgsync.change import Action, Batch, Step
from orgsync.errors import IncompleteRead
from orgsync.resources import NO_FIELDS, Address, Fields, kind_of

OPTIONS = Options(url="https://x.example/v2", business_unit_attribute="division", managers=True)  # type: ignore[arg-type]
STANDARD = Deviations()
IDS = {
    "unit/sales": "s",
    "unit/top": "t",
    "business-unit/eu": "e",
    "user/ana@x.com": "a",
    "user/boss@x.com": "b",
}
NAMES = ["id", "members", "value", "meta", "lastModified", "version", "userName", "active", "roles", "Operations"]
anything: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(NAMES) | st.text(), inner, max_size=4),
    max_leaves=12,
)


def operations(
    action: Action, address: Address, before: Fields = NO_FIELDS, after: Fields = NO_FIELDS
) -> list[Operation]:
    step = Step(id=address, address=address, action=action, before=before, after=after, remote_id=IDS.get(address))
    desk = Desk(
        options=OPTIONS, known=STANDARD, ids=IDS, versions={"s": 'W/"3"', "a": 'W/"4"'}, homes={"uk": ["a", "b"]}
    )
    found, refused = jobs(Batch(kind=kind_of(address), action=action, steps=(step,)), desk)
    assert not refused
    return [one for job in found for one in job.operations]


def changes(action: Action, address: Address, before: Fields = NO_FIELDS, after: Fields = NO_FIELDS) -> list[Any]:
    return [
        (one.path, one.body["Operations"] if one.body is not None and "Operations" in one.body else one.body)
        for one in operations(action, address, before, after)
    ]


@given(st.text())
def test_no_text_ends_the_filter_that_it_stands_in(value: str) -> None:
    attribute, _, quoted = convert.equals("userName", value).partition(" eq ")
    assert attribute == "userName"
    assert json.loads(quoted) == value
    assert '"' not in quoted[1:-1].replace('\\"', "").replace("\\\\", "")


def test_filters_join_as_many_terms_as_the_provider_takes() -> None:
    assert convert.any_of("abcde", 2) == ["a or b", "c or d", "e"]
    assert convert.any_of("ab", 0) == ["a", "b"]
    assert convert.any_of([], 5) == []


def test_only_what_changes_is_sent() -> None:
    assert changes(Action.UPDATE, "unit/sales", {"name": "Old"}, {"name": "New"}) == [
        ("Groups/s", [{"op": "replace", "path": "displayName", "value": "New"}])
    ]
    assert changes(Action.UPDATE, "unit/sales", {"key": "old"}, {"key": "sales"}) == [
        ("Groups/s", [{"op": "replace", "path": "externalId", "value": "orgsync:unit/sales"}])
    ]
    assert changes(Action.UPDATE, "user/ana@x.com", {"active": True}, {"active": False}) == [
        ("Users/a", [{"op": "replace", "path": "active", "value": False}])
    ]
    assert changes(Action.UPDATE, "user/ana@x.com", {"name": "Ana"}, {"name": None}) == [
        ("Users/a", [{"op": "remove", "path": "displayName"}])
    ]


def test_a_unit_leaves_the_groups_above_it_before_it_joins_others() -> None:
    gone = {"parent": "foreign:x,y", "businessUnit": "eu"}
    assert changes(Action.UPDATE, "unit/sales", gone, {"parent": "top", "businessUnit": None}) == [
        ("Groups/x", [{"op": "remove", "path": 'members[value eq "s"]'}]),
        ("Groups/y", [{"op": "remove", "path": 'members[value eq "s"]'}]),
        ("Groups/e", [{"op": "remove", "path": 'members[value eq "s"]'}]),
        ("Groups/t", [{"op": "add", "path": "members", "value": [{"value": "s", "type": "Group"}]}]),
    ]


def test_a_unit_that_goes_leaves_the_groups_that_are_still_there() -> None:
    found = operations(Action.DELETE, "unit/sales", {"name": "x", "parent": "gone", "businessUnit": "eu"})
    assert [(one.method, one.path, one.version) for one in found] == [
        ("PATCH", "Groups/e", ""),
        ("DELETE", "Groups/s", 'W/"3"'),
    ]


def test_a_new_unit_is_nested_by_the_id_that_it_will_have() -> None:
    made_, nested = operations(Action.CREATE, "unit/new", after={"name": "New", "parent": "top"})
    assert made_.body == {
        "schemas": ["urn:ietf:params:scim:schemas:core:2.0:Group"],
        "displayName": "New",
        "externalId": "orgsync:unit/new",
    }
    assert nested.body is not None
    assert nested.body["Operations"][0]["value"] == [{"value": "bulkId:0", "type": "Group"}]
    alone = made(nested, {"0": "g 7"})
    assert alone.body is not None
    assert alone.body["Operations"][0]["value"] == [{"value": "g 7", "type": "Group"}]


def test_a_home_is_a_key_and_a_reference_to_a_person() -> None:
    enterprise = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"
    manager = {"value": "b", "$ref": "../Users/b"}
    (new,) = operations(Action.CREATE, "user/cy@x.com", after={"businessUnit": "eu", "manager": "boss@x.com"})
    assert new.body is not None
    assert new.body[enterprise] == {"division": "eu", "manager": manager}
    assert enterprise in new.body["schemas"]
    assert changes(Action.UPDATE, "user/ana@x.com", {}, {"businessUnit": None, "manager": "boss@x.com"}) == [
        (
            "Users/a",
            [
                {"op": "replace", "path": f"{enterprise}:manager", "value": manager},
                {"op": "remove", "path": f"{enterprise}:division"},
            ],
        )
    ]
    moved = changes(Action.UPDATE, "business-unit/eu", {"key": "uk"}, {"key": "eu"})
    assert [path for path, _ in moved] == ["Groups/e", "Users/a", "Users/b"]


def test_what_a_provider_wants_of_a_new_user_comes_from_the_settings() -> None:
    options = Options(url="https://x.example", new_users={"userType": "Employee", "emails": []})
    known = PRESETS[Vendor.AWS]
    body = convert.new_user("maria_de.lopez@x.com", {"name": "Maria L."}, {}, options, known)
    assert body["userType"] == "Employee"
    assert body["emails"] == []
    assert body["displayName"] == "Maria L."
    assert body["name"] == {"givenName": "Maria", "familyName": "De Lopez"}
    assert convert.new_user("root", {}, {}, options, known)["name"] == {"givenName": "Root", "familyName": "Root"}


def _job(number_: int, count: int, size: int) -> Job:
    body = {"filler": "x" * size}
    return Job(
        steps=(), operations=tuple(Operation(method="PATCH", path=f"Groups/{number_}", body=body) for _ in range(count))
    )


@given(
    st.lists(st.tuples(st.integers(1, 4), st.integers(0, 400)), max_size=30),
    st.integers(2, 9),
    st.integers(300, 2000),
)
def test_bulks_hold_what_they_may_and_every_job_is_in_one(
    sizes: list[tuple[int, int]], most: int, payload: int
) -> None:
    found = [_job(index, count, size) for index, (count, size) in enumerate(sizes)]
    limits = Bulk(operations=most, payload=payload)
    packs = [*packed(found, limits)]
    assert [job for some in packs for job in some] == found
    for some in packs:
        whole = [one for job in some for one in job.operations]
        fine = len(whole) <= most and len(json.dumps(bulk.request(whole))) <= payload
        assert fine or len(some) == 1
        assert bulk.fits(some, limits) is (fine and len(whole) > 1)


POSTED = Operation(method="POST", path="Users", body={}, bulk_id="1")
CHANGED = Operation(method="PATCH", path="Groups/7", body={})


def test_answers_of_a_bulk_are_told_apart_by_their_id_and_their_place() -> None:
    first = {"method": "POST", "bulkId": "1", "status": "201", "location": "https://x/v2/Users/a%20b", "version": "3"}
    second = {"method": "PATCH", "status": {"code": "412"}, "response": {"scimType": "invalidVers", "detail": "late"}}
    one, other = results([POSTED, CHANGED], {"Operations": [first, second]})
    assert (one.status, one.id, one.version) == (201, "a b", "3")
    assert (other.status, other.detail) == (412, "answered 412: invalidVers: late")


@pytest.mark.parametrize(
    "answer",
    [None, [], {"Operations": []}, {"Operations": [{"method": "DELETE", "status": "204"}] * 2}, {"Operations": ["x"]}],
    ids=str,
)
def test_what_a_bulk_does_not_answer_clearly_is_in_doubt(answer: Any) -> None:
    assert [one.status for one in results([CHANGED, CHANGED], answer)] == [0, 0]


@given(anything)
def test_whatever_came_is_a_value_or_an_incomplete_read(raw: Any) -> None:
    for read in (group_of, lambda one: user_of(one, OPTIONS)):
        try:
            found = read(raw)
        except IncompleteRead:
            continue
        assert found.id
    assert isinstance(text(raw), str)
    assert number(raw) is None or number(raw) >= 0  # type: ignore[operator]
    assert isinstance(flag(raw, otherwise=True), bool)
    assert all(one.status == 0 or one.status > 0 for one in results([POSTED], raw))


def test_names_of_attributes_have_no_case() -> None:
    user = user_of(
        {"ID": "1", "username": "Ana@X.com", "ACTIVE": "false", "Roles": "rep", "Meta": {"LastModified": "x"}}, OPTIONS
    )
    assert (user.id, user.login, user.active, user.words[0].value, user.changed) == (
        "1",
        "ana@x.com",
        False,
        "rep",
        None,
    )


@pytest.mark.parametrize(
    "at", ["2026-11-24T04:29:45.263145Z", "2026-11-24T05:29:45.263145+01:00", "2026-11-24T04:29:45.263145"]
)
def test_a_moment_is_read_whatever_its_zone(at: str) -> None:
    changed = group_of({"id": "1", "meta": {"lastModified": at}}).changed
    assert changed is not None
    assert changed == Changed(by="", at=datetime(2026, 11, 24, 4, 29, 45, 263145, tzinfo=UTC))
