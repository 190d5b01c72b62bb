"""What a real SCIM provider offers is used, and no more: bulks, pages, cursors, filters, versions; doctor tells."""

from pathlib import Path

import pytest

from orgsync.adapter import Scope
from orgsync.finding import Severity
from tests.adapters.scim_world import sample, settled, small
from tests.servers import scim


def test_only_those_of_interest_are_asked_for_where_that_takes_fewer_calls(origin: str, tmp_path: Path) -> None:
    with scim.watched(origin) as proxy:
        world = small(tmp_path, scim.fresh(proxy.url), "roles: groups\npageSize: 5")
        world.apply()
        for number in range(30):
            world.provider.create_user(f"somebody-{number}@example.com")
        before = len(proxy.requests)
        world.lives(logins=frozenset({"maria@example.com", "ana@example.com", "nobody@example.com"}))
        few = [one for one in proxy.requests[before:] if one.path.endswith("/Users")]
        before = len(proxy.requests)
        world.lives()
        all_of_them = [one for one in proxy.requests[before:] if one.path.endswith("/Users")]
    assert [one.query.get("filter", "").count(" eq ") for one in few] == [3, 1]
    assert len(all_of_them) == 7


def test_small_bulks_small_pages_and_no_etags_lead_to_the_same(tmp_path: Path) -> None:
    config = {
        "bulk": {"supported": True, "maxOperations": 7, "maxPayloadSize": 3000},
        "filter": {"supported": True, "maxResults": 9},
        "etag": {"supported": False},
    }
    with scim.announcing(tmp_path, **config) as origin, scim.watched(origin) as proxy:
        world = sample(tmp_path / "world", scim.fresh(proxy.url), "roles: groups")
        assert world.apply().complete
        assert settled(world)
        bulks = [one for one in proxy.requests if one.path.endswith("/Bulk")]
        pages = [one for one in proxy.requests if one.path.endswith("/Groups") and one.method == "GET"]
    assert len(bulks) > 30
    assert all(len(one.json["Operations"]) <= 7 and len(one.body) <= 3000 for one in bulks)
    assert {one.query["count"] for one in pages} == {"9"}
    assert any(one.query["startIndex"] == "10" for one in pages)


def test_cursors_are_followed_where_the_provider_prefers_them(tmp_path: Path) -> None:
    paging = {
        "cursor": True,
        "index": True,
        "defaultPaginationMethod": "cursor",
        "defaultPageSize": 5,
        "maxPageSize": 8,
    }
    with scim.announcing(tmp_path, pagination=paging) as origin, scim.watched(origin) as proxy:
        world = sample(tmp_path / "world", scim.fresh(proxy.url))
        assert world.apply().complete
        assert settled(world)
        pages = [one for one in proxy.requests if one.method == "GET" and one.path.endswith("/Users")]
    assert all("startIndex" not in one.query and one.query["count"] == "8" for one in pages)
    assert len({one.query["cursor"] for one in pages}) > 5


def test_doctor_says_what_the_provider_offers_and_what_it_lacks(tmp_path: Path) -> None:
    with scim.announcing(tmp_path, patch={"supported": False}) as origin:
        world = small(tmp_path / "world", scim.fresh(origin))
        with world.opened(writable=False) as adapter:
            told = {one.detail: one.severity for one in adapter.doctor()}
    assert any(detail.startswith("patch no, filter yes, etag yes") for detail in told)
    assert told["the provider has no PATCH"] is Severity.ERROR
    assert told["Users: 0"] is told["Groups: 0"] is Severity.INFO


def test_doctor_says_that_a_token_is_not_accepted(url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    world = small(tmp_path, url)
    monkeypatch.setattr("tests.adapters.scim_world.ENVIRONMENT", {"SCIM_TOKEN": "wrong-token"})
    with world.opened(writable=False) as adapter:
        (finding,) = adapter.doctor()
    assert finding.severity is Severity.ERROR
    assert "401" in finding.detail
    assert "wrong-token" not in str(finding)


def test_calls_are_counted_by_what_they_are(url: str, tmp_path: Path) -> None:
    world = small(tmp_path, url)
    with world.opened() as adapter:
        adapter.read(Scope())
        adapter.read(Scope())
    assert adapter.calls == {
        "GET Schemas": 1,
        "GET ResourceTypes": 1,
        "GET ServiceProviderConfig": 1,
        "GET Groups": 2,
        "GET Users": 2,
    }
