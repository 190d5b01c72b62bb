"""Where vendors leave the standard, over HTTP: what is asked for, what is sent, what is understood."""

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast
from urllib.parse import parse_qs, urlsplit

import pytest
import responses
from requests import PreparedRequest

from orgsync.adapter import Scope
from orgsync.adapters.scim.adapter import ScimAdapter
from orgsync.adapters.scim.opener import opener
from orgsync.adapters.scim.vendors import PRESETS, Vendor
from orgsync.change import Action, Batch, Outcome, Status, Step
from orgsync.errors import AdapterError, IncompleteRead
from orgsync.resources import NO_FIELDS, Address, Fields, kind_of
from tests.repository import NOW

URL = "https://provider.example/scim/v2"
TOKENS: Mapping[str, str] = {"token": "s3cret-token"}
Answer = tuple[int, Any]


@dataclass
class Provider:
    """``holds``: path -> what a GET of it gives, as one page; everything else is 404."""

    holds: dict[str, Any] = field(default_factory=dict)
    says: dict[tuple[str, str], Answer] = field(default_factory=dict)
    sent: list[tuple[str, str, Any]] = field(default_factory=list)
    asked: list[tuple[str, dict[str, str]]] = field(default_factory=list)

    def answer(self, request: PreparedRequest) -> tuple[int, dict[str, str], str]:
        where = urlsplit(str(request.url))
        path = where.path.removeprefix("/scim/v2/")
        if request.method == "GET":
            query = {name: values[0] for name, values in parse_qs(where.query, keep_blank_values=True).items()}
            self.asked.append((path, query))
            found = self.holds.get(path)
            found = found(query) if callable(found) else found
            if found is None:
                return 404, {}, "{}"
            whole: dict[str, Any] = (
                {"totalResults": len(found), "Resources": found} if isinstance(found, list) else dict(found)
            )
            status = int(whole.pop("status", 200)) if "scimType" in whole else 200
            return status, {"Content-Type": "application/scim+json"}, json.dumps(whole)
        body = json.loads(request.body) if request.body else None
        self.sent.append((str(request.method), path, body))
        self.headers = dict(request.headers)
        status, reply = self.says.get(
            (str(request.method), path), (204 if request.method != "POST" else 201, {"id": "new"})
        )
        return status, {"Content-Type": "application/scim+json"}, "" if status == 204 else json.dumps(reply)

    def asked_for(self, path: str) -> list[dict[str, str]]:
        return [query for one, query in self.asked if one == path]


def _list(found: list[Any]) -> dict[str, Any]:
    return {"totalResults": len(found), "Resources": found}


@pytest.fixture
def provider() -> Iterator[Provider]:
    with responses.RequestsMock(assert_all_requests_are_fired=False) as mock:
        there = Provider({"Users": [], "Groups": []})
        import re

        for method in ("GET", "POST", "PATCH", "DELETE"):
            mock.add_callback(method, re.compile(rf"{URL}/.*"), callback=there.answer)
        yield there


@contextmanager
def opened(**options: Any) -> Iterator[ScimAdapter]:
    with opener.open(
        opener.Options.model_validate({"url": URL, **options}),
        root=Path(),
        credentials=TOKENS,
        writable=True,
        actor="",
        clock=lambda: NOW,
    ) as adapter:
        yield cast("ScimAdapter", adapter)


def step(
    action: Action, address: Address, before: Fields = NO_FIELDS, after: Fields = NO_FIELDS, id_: str = ""
) -> Step:
    return Step(id=address, address=address, action=action, before=before, after=after, remote_id=id_ or None)


def carried_out(adapter: ScimAdapter, *steps: Step) -> list[Outcome]:
    batch = Batch(kind=kind_of(steps[0].address), action=steps[0].action, steps=steps)
    return [*adapter.apply(batch, {"unit/sales": "g1", "user/ana@x.com": "u1", "user/ben@x.com": "u2"})]


def operations(provider: Provider) -> list[Any]:
    return [one for _, _, body in provider.sent for one in body["Operations"]]


JOINS = [step(Action.CREATE, f"membership/sales/{name}@x.com") for name in ("ana", "ben")]
LEAVES = [
    step(Action.DELETE, f"membership/sales/{name}@x.com", id_=id_) for name, id_ in (("ana", "u1"), ("ben", "u2"))
]


def test_the_standard_is_followed_where_no_vendor_is_named(provider: Provider) -> None:
    with opened() as adapter:
        adapter.read(Scope())
        assert {one.status for one in carried_out(adapter, *JOINS)} == {Status.APPLIED}
        carried_out(adapter, *LEAVES)
    assert provider.sent == [
        ("PATCH", "Groups/g1", _patched({"op": "add", "path": "members", "value": [{"value": "u1"}, {"value": "u2"}]})),
        (
            "PATCH",
            "Groups/g1",
            _patched(
                {"op": "remove", "path": 'members[value eq "u1"]'},
                {"op": "remove", "path": 'members[value eq "u2"]'},
            ),
        ),
    ]
    assert provider.headers["Content-Type"] == "application/scim+json"


def _patched(*some: Mapping[str, Any]) -> dict[str, Any]:
    return {"schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"], "Operations": [*some]}


def test_salesforce(provider: Provider) -> None:
    """No bulk, no versions, the plural path, members inside of members, and groups that somebody else made."""
    provider.holds = {
        "ServiceProviderConfigs": {
            "patch": {"supported": True},
            "bulk": {"supported": False},
            "filter": {"supported": True, "maxResults": 200},
            "etag": {"supported": False},
        },
        "Users": [{"id": "u1", "userName": "ana@x.com", "entitlements": [{"value": "00e1", "type": "Profile"}]}],
        "Groups": [
            {"id": "g1", "displayName": "mycompany-West", "members": [{"value": "u1", "type": "User"}]},
            {"id": "g2", "displayName": "mycompany-East", "meta": {"version": "2aa9"}},
        ],
    }
    words = {"roles": "words", "roleAttribute": "entitlements", "roleType": ""}
    with opened(vendor="salesforce", existing={"unit/sales": "mycompany-West"}, **words) as adapter:
        able = adapter.capabilities
        live = adapter.read(Scope(roles=frozenset({"role/agent"}), bound={"role/agent": "00e1"}))
        carried_out(adapter, JOINS[1])
        carried_out(adapter, LEAVES[0])
        carried_out(adapter, step(Action.CREATE, "user/maria.lopez@x.com"))
    assert able.of(kind_of("unit/x")).actions == frozenset()
    assert (able.hierarchy, able.concurrency, able.max_concurrency) == ("none", "none", 4)
    assert {"membership/sales/ana@x.com", "grant/-/ana@x.com/agent", "unit/sales"} <= live.resources.keys()
    assert [one.name for one in live.foreign] == ["mycompany-East"]
    assert [query["count"] for query in provider.asked_for("Groups")] == ["200"]
    assert provider.asked_for("ServiceProviderConfig") == []
    assert operations(Provider(sent=provider.sent[:2])) == [
        {"op": "add", "path": "members", "value": {"members": [{"value": "u2"}]}},
        {"op": "remove", "path": "members", "value": {"members": [{"value": "u1"}]}},
    ]
    new = provider.sent[2][2]
    assert new["name"] == {"givenName": "Maria", "familyName": "Lopez"}
    assert new["displayName"] == "Maria Lopez"
    assert "If-Match" not in provider.headers


def test_entra(provider: Provider) -> None:
    """What was built for Entra's own client understands its dialect: capitals, lists of values, booleans as texts."""
    provider.holds["Users"] = [
        {"id": "u1", "userName": "Ana@X.com", "active": "False"},
        {"id": "u2", "userName": "ben@x.com", "active": "True"},
    ]
    with opened(vendor="entra") as adapter:
        live = adapter.read(Scope())
        carried_out(adapter, *LEAVES)
        carried_out(adapter, step(Action.UPDATE, "user/ana@x.com", {"active": False}, {"active": True}, "u1"))
        carried_out(adapter, step(Action.CREATE, "user/cy@x.com"))
    assert live.resources["user/ana@x.com"]["active"] is False
    assert live.resources["user/ben@x.com"]["active"] is True
    assert operations(Provider(sent=provider.sent[:2])) == [
        {"op": "Remove", "path": "members", "value": [{"value": "u1"}, {"value": "u2"}]},
        {"op": "Replace", "path": "active", "value": "True"},
    ]
    assert provider.sent[2][2]["active"] == "True"


def test_aws(provider: Provider) -> None:
    """Cursors, members asked for user by user, no `or`, no attributes, no path in a replace, a hundred at once."""

    def groups(query: dict[str, str]) -> Any:
        listed = [{"id": "g1", "displayName": "Sales", "externalId": "orgsync:unit/sales", "members": []}]
        if 'members.value eq "u1"' in query.get("filter", 'members.value eq "u1"'):
            return {"itemsPerPage": 1, "Resources": listed}
        return {"itemsPerPage": 0, "Resources": []}

    def users(query: dict[str, str]) -> Any:
        if query["cursor"]:
            return {"itemsPerPage": 1, "Resources": [{"id": "u2", "userName": "ben@x.com"}]}
        return {"itemsPerPage": 1, "nextCursor": "second", "Resources": [{"id": "u1", "userName": "ana@x.com"}]}

    provider.holds = {"Groups": groups, "Users": users}
    many = [step(Action.CREATE, f"membership/sales/user-{number}@x.com") for number in range(101)]
    with opened(vendor="aws", roles="none", businessUnits="none") as adapter:
        live = adapter.read(Scope(logins=frozenset({"ana@x.com"})))
        batch = Batch(kind=kind_of(many[0].address), action=Action.CREATE, steps=tuple(many))
        ids = {"unit/sales": "g1", **{f"user/user-{number}@x.com": f"u{number}" for number in range(101)}}
        adapter.apply(batch, ids)
        carried_out(adapter, step(Action.UPDATE, "unit/sales", {"name": "Sales"}, {"name": "Sellers"}, "g1"))
    assert {one for one in live.resources if one.startswith("membership/")} == {"membership/sales/ana@x.com"}
    assert [query["cursor"] for query in provider.asked_for("Users")] == ["", "second"]
    assert [query.get("filter") for query in provider.asked_for("Groups")] == [
        None,
        'members.value eq "u1"',
        'members.value eq "u2"',
    ]
    assert not any("attributes" in query or "startIndex" in query for _, query in provider.asked)
    assert [len(one["value"]) for one in operations(Provider(sent=provider.sent[:2]))] == [100, 1]
    assert operations(Provider(sent=provider.sent[2:])) == [{"op": "replace", "value": {"displayName": "Sellers"}}]


def test_slack(provider: Provider) -> None:
    """Schemas and resource types are not there as lists, and groups hold people only."""
    with opened(vendor="slack") as adapter:
        assert adapter.capabilities.hierarchy == "none"
    assert [path for path, _ in provider.asked] == ["ServiceProviderConfig", "ServiceProviderConfigs"]


@pytest.mark.usefixtures("provider")
@pytest.mark.parametrize("vendor", list(Vendor))
def test_every_vendor_can_be_read_and_written(vendor: Vendor) -> None:
    with opened(vendor=str(vendor)) as adapter:
        adapter.read(Scope(logins=frozenset({"ana@x.com"})))
        assert [one.status for one in carried_out(adapter, *JOINS)] == [Status.APPLIED] * 2
    assert vendor in PRESETS


def test_one_deviation_can_be_stated_in_place_of_a_vendors(provider: Provider) -> None:
    with opened(vendor="salesforce", deviations={"wrappedMembers": "false"}) as adapter:
        carried_out(adapter, JOINS[0])
    assert operations(provider) == [{"op": "add", "path": "members", "value": [{"value": "u1"}]}]
    assert provider.asked_for("ServiceProviderConfigs") == [{}]


def test_what_a_provider_says_of_itself_decides(provider: Provider) -> None:
    """No groups of groups, no words, unique names, versions; and a config that comes as a list."""
    provider.holds |= {
        "ServiceProviderConfig": [{"etag": {"supported": "true"}, "bulk": {"supported": True, "maxOperations": "50"}}],
        "ResourceTypes": [{"id": "User", "schemaExtensions": []}, {"name": "Group"}],
        "Schemas": [
            {"id": "urn:ietf:params:scim:schemas:core:2.0:User", "attributes": [{"name": "userName"}]},
            {
                "id": "urn:ietf:params:scim:schemas:core:2.0:Group",
                "attributes": [
                    {"name": "displayName", "uniqueness": "server"},
                    {"name": "members", "subAttributes": [{"name": "type", "canonicalValues": ["User"]}]},
                ],
            },
        ],
    }
    with opened(managers=True, businessUnitAttribute="division") as adapter:
        able = adapter.capabilities
        told = [one.detail for one in adapter.doctor()]
    assert (able.hierarchy, able.concurrency, able.max_concurrency) == ("none", "etag", 1)
    assert able.of(kind_of("unit/x")).unique == {"name"}
    assert able.of(kind_of("user/x")).fields == {"name", "active"}
    assert kind_of("role/x") not in able.kinds
    assert any("bulk 50 operations" in one for one in told)
    assert {
        "users have no attribute roles",
        "groups cannot contain groups",
        "there is no enterprise extension",
    } <= {*told}


@pytest.mark.parametrize(
    "config",
    [
        None,
        [],
        {},
        {"bulk": None, "filter": "yes", "etag": [], "patch": 3},
        {"bulk": {"supported": True, "maxOperations": -1}},
    ],
    ids=str,
)
def test_what_a_provider_says_of_itself_may_be_anything(config: Any, provider: Provider) -> None:
    odd = [None, 3, "x", {}, {"id": None, "attributes": 3}, {"id": "x", "attributes": [None, {"name": 3}]}]
    provider.holds |= {"ServiceProviderConfig": config, "Schemas": odd, "ResourceTypes": {"Resources": "none"}}
    with opened() as adapter:
        assert adapter.capabilities.kinds
        adapter.read(Scope())
        adapter.doctor()


def test_a_cursor_that_expired_is_followed_again_from_the_start(provider: Provider) -> None:
    tries = iter([True, False])

    def users(query: dict[str, str]) -> Any:
        if not query["cursor"]:
            return {"nextCursor": "x", "Resources": [{"id": "u1", "userName": "ana@x.com"}]}
        if next(tries):
            return {"status": 400, "scimType": "expiredCursor", "detail": "too late"}
        return {"Resources": [{"id": "u2", "userName": "ben@x.com"}]}

    provider.holds |= {"Users": users, "Groups": {"Resources": [], "totalResults": 0}}
    with opened(deviations={"cursor": True}) as adapter:
        live = adapter.read(Scope())
    assert {"user/ana@x.com", "user/ben@x.com"} <= live.resources.keys()


def test_a_page_that_fails_fails_the_whole(provider: Provider) -> None:
    provider.holds["Users"] = {"scimType": "tooMany", "status": 400, "detail": "ask for less"}
    with opened() as adapter, pytest.raises(IncompleteRead, match="ask for less"):
        adapter.read(Scope())


@pytest.mark.parametrize(
    ("status", "reply", "expected"),
    [
        (200, {"id": "g1", "meta": {"version": "7"}}, Status.APPLIED),
        (204, None, Status.APPLIED),
        (400, {"scimType": "invalidValue", "detail": "a name is too long", "status": "400"}, Status.FAILED),
        (403, {"detail": "not yours"}, Status.FAILED),
        (404, {"detail": "no such group"}, Status.FAILED),
        (409, {"scimType": "uniqueness", "detail": "taken"}, Status.FAILED),
        (501, {"detail": "no patches today"}, Status.FAILED),
        (500, {"detail": "oops"}, Status.UNKNOWN),
    ],
)
def test_an_answer_becomes_an_outcome_in_the_providers_words(
    status: int, reply: Any, expected: Status, provider: Provider, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("time.sleep", lambda _: None)
    provider.holds["Groups"] = [{"id": "g1", "displayName": "Sales", "externalId": "orgsync:unit/sales"}]
    provider.says["PATCH", "Groups/g1"] = (status, reply)
    with opened() as adapter:
        adapter.read(Scope())
        renamed = step(Action.UPDATE, "unit/sales", {"name": "Sales"}, {"name": "Sellers"}, "g1")
        (outcome,) = carried_out(adapter, renamed)
    assert outcome.status is expected
    assert expected is Status.APPLIED or str(reply["detail"]) in outcome.detail


def test_a_word_can_be_what_the_provider_calls_it(provider: Provider) -> None:
    """``bind`` names it; what several people hold goes in one operation each."""
    with opened() as adapter:
        adapter.read(Scope(roles=frozenset({"role/rep", "role/lead"}), bound={"role/lead": 'Team "Lead"'}))
        carried_out(
            adapter, step(Action.CREATE, "grant/-/ana@x.com/rep"), step(Action.CREATE, "grant/-/ana@x.com/lead")
        )
        carried_out(adapter, step(Action.DELETE, "grant/-/ana@x.com/lead", id_="u1"))
    assert operations(provider) == [
        {
            "op": "add",
            "path": "roles",
            "value": [{"value": "rep", "type": "orgsync"}, {"value": 'Team "Lead"', "type": "orgsync"}],
        },
        {"op": "remove", "path": 'roles[value eq "Team \\"Lead\\""]'},
    ]


def test_a_role_that_is_bound_is_the_group_of_that_name(provider: Provider) -> None:
    provider.holds |= {
        "Users": [{"id": "u1", "userName": "ana@x.com"}],
        "Groups": [{"id": "g9", "displayName": "Owners", "members": [{"$ref": f"{URL}/Users/u1"}]}],
    }
    with opened(roles="groups") as adapter:
        live = adapter.read(Scope(bound={"role/owner": "Owners"}))
    assert live.ids["role/owner"] == "g9"
    assert "grant/-/ana@x.com/owner" in live.resources


@pytest.mark.usefixtures("provider")
def test_what_cannot_be_addressed_is_refused_by_name() -> None:
    with opened() as adapter:
        known, unknown = JOINS[0], step(Action.CREATE, "membership/sales/nobody@x.com")
        first, second = carried_out(adapter, known, unknown)
    assert (first.status, second.status) == (Status.APPLIED, Status.FAILED)
    assert "user/nobody@x.com" in second.detail


def test_ids_cannot_climb_out_of_their_path(provider: Provider) -> None:
    with opened() as adapter:
        (outcome,) = carried_out(
            adapter, step(Action.UPDATE, "unit/sales", {"name": "a"}, {"name": "b"}, "../Users?x=/#")
        )
    assert outcome.status is Status.APPLIED
    assert provider.sent[0][1] == "Groups/..%2FUsers%3Fx%3D%2F%23"


@responses.activate
def test_a_token_is_fetched_where_only_a_client_is_known() -> None:
    form = {"grant_type": "client_credentials", "client_id": "me", "client_secret": "s3cret", "scope": "scim"}
    fetched = responses.post(
        "https://login.example/oauth/token",
        match=[responses.matchers.urlencoded_params_matcher(form)],
        json={"access_token": "fresh-token"},
    )
    asked = responses.get(
        f"{URL}/Users",
        match=[responses.matchers.header_matcher({"Authorization": "Bearer fresh-token"})],
        json={"totalResults": 0, "Resources": []},
    )
    responses.get(f"{URL}/Groups", json={"totalResults": 0, "Resources": []})
    for path in ("Schemas", "ResourceTypes", "ServiceProviderConfig", "ServiceProviderConfigs"):
        responses.get(f"{URL}/{path}", status=404)
    options = {"url": URL, "tokenUrl": "https://login.example/oauth/token", "tokenScope": "scim"}
    with opener.open(
        opener.Options.model_validate(options),
        root=Path(),
        credentials={"clientId": "me", "clientSecret": "s3cret"},
        writable=False,
        actor="",
        clock=lambda: NOW,
    ) as adapter:
        adapter.read(Scope())
    assert (fetched.call_count, asked.call_count) == (1, 1)


def test_half_a_login_is_refused_before_anything_is_asked() -> None:
    options = opener.Options.model_validate({"url": URL})
    opening = opener.open(
        options, root=Path(), credentials={"clientId": "me"}, writable=False, actor="", clock=lambda: NOW
    )
    with pytest.raises(AdapterError, match="not enough to log in"), opening:
        pass


@pytest.mark.parametrize(
    ("stated", "said"),
    [
        ({"vendor": "oracle"}, "vendor"),
        ({"existing": {"user/ana": "x"}}, "not the address of"),
        ({"existing": {"unit/a": "x", "unit/b": "x"}}, "two things"),
        ({"newUsers": {"userName": "x", "active": "false"}}, "active, userName cannot be stated"),
        ({"deviations": {"remove": "values"}}, "remove"),
        ({"keyPrefix": ""}, "keyPrefix"),
        ({"pageSize": "0"}, "pageSize"),
    ],
)
def test_options_are_checked_before_anything_is_opened(stated: dict[str, Any], said: str) -> None:
    from pydantic import ValidationError

    with pytest.raises(ValidationError) as refused:
        opener.Options.model_validate({"url": URL, **stated})
    assert said in str(refused.value)
