"""The API over HTTP: authorization, scopes, limits, pages, and bodies that have exactly the documented fields.

In: requests. Out: the documented answers and error bodies. Never: guesses what an undocumented request may mean.
"""

import json
import re
from base64 import b64decode, b64encode
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from threading import Lock
from time import monotonic
from typing import Any
from urllib.parse import urlsplit

from tests.fakes.hubspot.account import ACCOUNT, TOKEN, Account, Record, Refusal, invalid
from tests.fakes.shell import is_json, listening, parameters

VERSIONS = ("2026-03", "2026-09")
INTERVAL = 10_000
BATCH = 100
Reply = tuple[int, Any]
_USER = {"firstName": str, "lastName": str, "roleId": str, "primaryTeamId": str, "secondaryTeamIds": list}
_CORRELATION = "aeb5f871-7f07-4993-9211-075dc63e7cbf"


class Service:
    """``requests``: (method, path) of every call so far; ``clock``: seconds that only grow."""

    def __init__(self, account: Account, clock: Callable[[], float] = monotonic) -> None:
        self.account, self.lock, self._clock = account, Lock(), clock
        self.requests: list[tuple[str, str]] = []
        self._recent: deque[float] = deque()

    def answer(self, method: str, target: str, headers: Mapping[str, str], body: bytes) -> tuple[int, Any, Record]:
        """(status, JSON or None, headers)."""
        where = urlsplit(target)
        with self.lock:
            self.requests.append((method, where.path))
            try:
                status, value = self._judged(method, where.path, where.query, headers, body)
            except Refusal as refusal:
                status, value = refusal.status, _error(refusal)
            return status, value, self._limits()

    def _limits(self) -> Record:
        return {
            "X-HubSpot-RateLimit-Daily": str(self.account.daily),
            "X-HubSpot-RateLimit-Daily-Remaining": str(max(self.account.daily - self.account.used, 0)),
            "X-HubSpot-RateLimit-Max": str(self.account.most),
            "X-HubSpot-RateLimit-Remaining": str(max(self.account.most - len(self._recent), 0)),
            "X-HubSpot-RateLimit-Interval-Milliseconds": str(INTERVAL),
        }

    def _judged(self, method: str, path: str, search: str, headers: Mapping[str, str], body: bytes) -> Reply:
        if headers.get("Authorization") != f"Bearer {TOKEN}":
            raise Refusal(401, "INVALID_AUTHENTICATION", "Authentication credentials not found.")
        if policy := self._over():
            return 429, _over(policy)
        self.account.used += 1
        self._recent.append(self._clock())
        params = parameters(search)
        if params is None:
            raise invalid("a parameter comes twice, or is none")
        if body and not is_json(headers):
            raise Refusal(415, "VALIDATION_ERROR", "Unsupported Media Type")
        asked = _json(body) if body else None
        for pattern, wanted, scopes, handle in _CALLS:
            found = re.fullmatch(pattern, path)
            if found and method == wanted and found.groupdict().get("version", VERSIONS[0]) in VERSIONS:
                self._check_scopes(scopes)
                return handle(self.account, found.groupdict(), _Asked(params, asked))
        raise Refusal(404, "OBJECT_NOT_FOUND", "resource not found")

    def _over(self) -> str:
        while self._recent and self._recent[0] <= self._clock() - INTERVAL / 1000:
            self._recent.popleft()
        if self.account.used >= self.account.daily:
            return "DAILY"
        return "TEN_SECONDLY_ROLLING" if len(self._recent) >= self.account.most else ""

    def _check_scopes(self, scopes: tuple[str, ...]) -> None:
        if scopes and not {*scopes} & {*self.account.scopes}:
            message = "This app hasn't been granted all required scopes to make this call."
            raise Refusal(403, "MISSING_SCOPES", message, requiredGranularScopes=[*scopes])


class _Asked:
    """Query and body; whatever is not asked for in a documented way is refused."""

    def __init__(self, params: dict[str, str], body: Any) -> None:
        self.params, self._body = params, body

    def nothing(self) -> None:
        self.query()
        if self._body is not None:
            raise invalid("no body is expected")

    def query(self, *names: str) -> dict[str, str]:
        if unknown := self.params.keys() - {*names}:
            raise invalid(f"unknown parameters: {sorted(unknown)}")
        return self.params

    def body(self, fields: Mapping[str, type | tuple[type, ...]], *required: str) -> Record:
        self.query()
        if not isinstance(self._body, dict):
            raise invalid("Invalid input JSON")
        for name, value in self._body.items():
            if name not in fields or not isinstance(value, fields[name]):
                raise invalid(f"Invalid input JSON: {name}", field=[name])
        if lacking := [name for name in required if name not in self._body]:
            raise invalid("Some required fields were not set", missing=lacking)
        return self._body


def _page(rows: list[Record], asked: _Asked, *more: str) -> Reply:
    params = asked.query("limit", "after", *more)
    limit, after = params.get("limit", "100"), params.get("after", b64encode(b"0").decode())
    if not re.fullmatch(r"\d{1,3}", limit) or not 1 <= int(limit) <= 100:
        raise invalid("limit is between 1 and 100", limit=[limit])
    try:
        start = int(b64decode(after, validate=True))
    except ValueError:
        raise invalid("not a cursor", after=[after]) from None
    end = start + int(limit)
    following = b64encode(str(end).encode()).decode()
    paging = {"paging": {"next": {"after": following, "link": f"?after={following}"}}} if end < len(rows) else {}
    return 200, {"results": rows[start:end], **paging}


def _token_info(account: Account, _: Record, asked: _Asked) -> Reply:
    if asked.body({"tokenKey": str}, "tokenKey")["tokenKey"] != TOKEN or not account.tells_tokens:
        raise Refusal(404, "OBJECT_NOT_FOUND", "no such private app")
    return 200, {"userId": int(account.admin), "hubId": ACCOUNT, "appId": 7, "scopes": [*account.scopes]}


def _details(_: Account, __: Record, asked: _Asked) -> Reply:
    asked.nothing()
    money = {"companyCurrency": "EUR", "additionalCurrencies": []}
    place = {"timeZone": "Europe/Berlin", "utcOffset": "+01:00", "utcOffsetMilliseconds": 3_600_000}
    where = {"uiDomain": "app.hubspot.com", "dataHostingLocation": "na1"}
    return 200, {"portalId": ACCOUNT, "accountType": "DEVELOPER_TEST", **money, **place, **where}


def _users(account: Account, _: Record, asked: _Asked) -> Reply:
    return _page(account.seen(account.users), asked)


def _new_user(account: Account, _: Record, asked: _Asked) -> Reply:
    fields = {**_USER, "email": str, "sendWelcomeEmail": bool}
    return 201, account.create_user(_ids(asked.body(fields, "email", "sendWelcomeEmail")))


def _put_user(account: Account, found: Record, asked: _Asked) -> Reply:
    return 200, account.update_user(found["user"], _ids(asked.body(_USER)))


def _ids(asked: Record) -> Record:
    if not all(isinstance(one, str) for one in asked.get("secondaryTeamIds", [])):
        raise invalid("Invalid input JSON: secondaryTeamIds", field=["secondaryTeamIds"])
    return asked


def _roles(account: Account, _: Record, asked: _Asked) -> Reply:
    asked.nothing()
    if not account.has_roles:
        raise Refusal(403, "FORBIDDEN", "this account has no permission sets")
    return 200, {"results": [*account.sets.values()]}


def _names(account: Account, _: Record, asked: _Asked) -> Reply:
    asked.nothing()
    return 200, {"results": [account.with_members(team) for team in account.seen(account.teams)]}


def _teams(account: Account, _: Record, asked: _Asked) -> Reply:
    return _page(account.seen(account.teams), asked)


def _new_team(account: Account, _: Record, asked: _Asked) -> Reply:
    body = asked.body({"name": str, "members": list, "parentTeamId": str}, "name", "members")
    for member in body["members"]:
        _member(member)
    return 201, account.create_team(body)


def _patch_team(account: Account, found: Record, asked: _Asked) -> Reply:
    body = asked.body({"name": str, "parentTeamId": (str, type(None))}, "name", "parentTeamId")
    return 200, account.update_team(found["team"], body)


def _delete_team(account: Account, found: Record, asked: _Asked) -> Reply:
    asked.nothing()
    account.delete_team(found["team"])
    return 204, None


def _member(value: Any) -> Record:
    return _Asked({}, value).body({"userId": str, "type": str}, "userId", "type") | _sort(value.get("type"))


def _sort(value: Any) -> Record:
    if value not in {"DEFAULT", "EXTRA"}:
        raise invalid("type is DEFAULT or EXTRA", type=[str(value)])
    return {"type": value}


def _join(account: Account, found: Record, asked: _Asked) -> Reply:
    body = asked.body({"userId": str, "type": str}, "userId", "type")
    if found["team"] not in account.teams:
        raise Refusal(404, "OBJECT_NOT_FOUND", f"no team {found['team']}")
    return 201, account.join(found["team"], _member(body))


def _join_all(account: Account, found: Record, asked: _Asked) -> Reply:
    inputs = [_member(one) for one in asked.body({"inputs": list}, "inputs")["inputs"]]
    if not 1 <= len(inputs) <= BATCH:
        raise invalid(f"between 1 and {BATCH} inputs")
    if found["team"] not in account.teams:
        raise Refusal(404, "OBJECT_NOT_FOUND", f"no team {found['team']}")
    results: list[Record] = []
    errors: list[Record] = []
    for one in inputs:
        try:
            results.append(account.join(found["team"], one))
        except Refusal as refusal:
            errors.append({**_error(refusal), "context": {"userId": [one["userId"]]}, "links": {}, "errors": []})
    now = datetime.now(UTC).isoformat()
    value = {"status": "COMPLETE", "results": results, "startedAt": now, "completedAt": now}
    return (207, {**value, "numErrors": len(errors), "errors": errors}) if errors else (200, value)


def _leave(account: Account, found: Record, asked: _Asked) -> Reply:
    account.leave(found["team"], found["user"], _sort(asked.query("type").get("type", "DEFAULT"))["type"])
    return 204, None


def _brands(account: Account, _: Record, asked: _Asked) -> Reply:
    asked.nothing()
    return 200, {"results": account.brands}


def _audit(account: Account, _: Record, asked: _Asked) -> Reply:
    if not account.enterprise:
        raise Refusal(403, "FORBIDDEN", "the audit log needs an Enterprise subscription")
    since = asked.params.get("occurredAfter")
    if since and not re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", since):
        raise invalid("not a date-time", occurredAfter=[since])
    events = [one for one in account.events if since is None or one["occurredAt"] > since]
    return _page(events, asked, "occurredAfter")


_READ_USERS = ("settings.users.read", "crm.objects.users.read")
_WRITE_USERS = ("settings.users.write", "crm.objects.users.write")
_READ_TEAMS, _WRITE_TEAMS = ("settings.users.teams.read",), ("settings.users.teams.write",)
_VERSION, _TEAM, _ONE = r"(?P<version>[\w-]+)", r"(?P<team>\d+)", r"(?P<user>\d+)"
_SETTINGS, _GROUPS = rf"/settings/users/{_VERSION}", "/settings/teams/2026-09"
Handle = Callable[[Account, Record, _Asked], Reply]
_CALLS: tuple[tuple[str, str, tuple[str, ...], Handle], ...] = (
    (r"/oauth/v2/private-apps/get/access-token-info", "POST", (), _token_info),
    (rf"/account-info/{_VERSION}/details", "GET", (), _details),
    (rf"/account-info/{_VERSION}/activity/audit-logs", "GET", ("account-info.security.read",), _audit),
    (rf"/business-units/public/{_VERSION}/business-units/user/\d+", "GET", ("business_units_view.read",), _brands),
    (_SETTINGS, "GET", _READ_USERS, _users),
    (_SETTINGS, "POST", _WRITE_USERS, _new_user),
    (rf"{_SETTINGS}/roles", "GET", _READ_USERS, _roles),
    (rf"{_SETTINGS}/teams", "GET", _READ_TEAMS, _names),
    (rf"{_SETTINGS}/{_ONE}", "PUT", _WRITE_USERS, _put_user),
    (_GROUPS, "GET", _READ_TEAMS, _teams),
    (_GROUPS, "POST", _WRITE_TEAMS, _new_team),
    (f"{_GROUPS}/{_TEAM}", "PATCH", _WRITE_TEAMS, _patch_team),
    (f"{_GROUPS}/{_TEAM}", "DELETE", _WRITE_TEAMS, _delete_team),
    (f"{_GROUPS}/{_TEAM}/members", "POST", _WRITE_TEAMS, _join),
    (f"{_GROUPS}/{_TEAM}/members/batch", "POST", _WRITE_TEAMS, _join_all),
    (f"{_GROUPS}/{_TEAM}/members/{_ONE}", "DELETE", _WRITE_TEAMS, _leave),
)
"""Path, method, scopes of which one is needed. What is documented and nobody needs is refused, too."""


def _json(body: bytes) -> Any:
    try:
        return json.loads(body)
    except ValueError:
        raise invalid("Invalid input JSON") from None


def _error(refusal: Refusal) -> Record:
    detail = {"message": refusal.message, "context": refusal.named}
    return {
        "status": "error",
        "message": refusal.message,
        "correlationId": _CORRELATION,
        "category": refusal.category,
        **({"errors": [detail]} if refusal.named else {}),
    }


def _over(policy: str) -> Record:
    which = "daily" if policy == "DAILY" else "ten_secondly_rolling"
    message = f"You have reached your {which} limit."
    return {
        "status": "error",
        "message": message,
        "errorType": "RATE_LIMIT",
        "correlationId": _CORRELATION,
        "policyName": policy,
    }


@contextmanager
def started(account: Account, clock: Callable[[], float] = monotonic) -> Iterator[tuple[str, Service]]:
    """(its address, the service behind it)."""
    service = Service(account, clock)
    with listening(service.answer) as url:
        yield url, service
