"""HubSpot's API: users, teams, permission sets, audit log, and what is left of the day's calls.

In: a client, ids, bodies. Out: values. Never: takes an answer of another form for a yes; repeats what may have been
carried out.
"""

from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Any, TypeVar
from urllib.parse import quote

from orgsync.adapters.http import Answer, Client, Limits, Page, pages
from orgsync.adapters.hubspot.values import PermissionSet, Person, Row, Team, permission_set_of, person_of, team_of
from orgsync.errors import AdapterError, IncompleteRead, UnknownOutcome
from orgsync.resources import Json, RemoteId

BATCH = 100
"""Members per request. The Teams API states no number; it is that of HubSpot's other batches."""
LIMITS = Limits(attempts=5, backoff=4, busy=frozenset({423, 429, 477}))
"""Two seconds at least for what is locked (423), and altogether more than the rolling ten (429): Error handling, API
usage guidelines. 477 says itself how long."""
_PREFIX = "X-HubSpot-RateLimit"
_A_DAY = 86_400
_NO_CONTENT = 204
_NO_PARAMS: Mapping[str, str] = MappingProxyType({})
T = TypeVar("T")


def quota(headers: Mapping[str, str], _: float) -> float:
    """Seconds to wait: for the rolling interval, or, where the day's calls are used up, longer than anybody does."""
    if headers.get(f"{_PREFIX}-Daily-Remaining") == "0":
        return _A_DAY
    if headers.get(f"{_PREFIX}-Remaining") != "0":
        return 0
    interval = headers.get(f"{_PREFIX}-Interval-Milliseconds", "")
    return int(interval) / 1000 if interval.isdigit() else 1


class Api:
    """``limit``, ``left``: calls of the day, by the last answer; None where HubSpot does not count them.

    ``date``: the server's clock, as its last answer said it.
    """

    def __init__(self, client: Client, *, version: str, page: int) -> None:
        self._client, self._page = client, page
        self.users, self.teams = f"/settings/users/{version}", f"/settings/teams/{version}"
        self.roles, self.names = f"{self.users}/roles", f"{self.users}/teams"
        self.audit = f"/account-info/{version}/activity/audit-logs"
        self._details = f"/account-info/{version}/details"
        self._brands = f"/business-units/public/{version}/business-units/user"
        self.limit: int | None = None
        self.left: int | None = None
        self.calls, self.date = 0, ""

    def call(self, method: str, path: str, **more: Any) -> Answer:
        """Raises AdapterError when the day's calls are used up."""
        try:
            answer = self._client.call(method, path, **more)
        except AdapterError as error:
            if isinstance(error.said, dict) and error.said.get("policyName") == "DAILY":
                raise _used_up(error) from None
            raise
        self.calls += 1
        self._note(answer.headers)
        return answer

    def _note(self, headers: Mapping[str, str]) -> None:
        self.date = headers.get("Date", self.date)
        limit, left = headers.get(f"{_PREFIX}-Daily", ""), headers.get(f"{_PREFIX}-Daily-Remaining", "")
        if limit.isdigit() and left.isdigit():
            self.limit, self.left = int(limit), int(left)

    def details(self) -> Row:
        value = self.call("GET", self._details).value
        if not isinstance(value, dict) or not isinstance(value.get("portalId"), int):
            raise IncompleteRead("HubSpot does not say which account this is")
        return value

    def people(self) -> list[Person]:
        return _made(person_of, self.listed(self.users, "users"), "users")

    def all_teams(self) -> list[Team]:
        """With their parents."""
        return _made(team_of, self.listed(self.teams, "teams"), "teams")

    def named_teams(self) -> list[Team]:
        """Without: what every version has."""
        return _made(team_of, self._whole(self.names, "teams"), "teams")

    def permission_sets(self) -> list[PermissionSet]:
        return _made(permission_set_of, self._whole(self.roles, "permission sets"), "permission sets")

    def brands_of(self, user: RemoteId) -> str:
        return f"{self._brands}/{quote(user, safe='')}"

    def brands(self, user: RemoteId) -> list[Team]:
        """Business units that this user sees: an id and a name."""
        return _made(team_of, self._whole(self.brands_of(user), "business units"), "business units")

    def _whole(self, path: str, what: str) -> list[Row]:
        """Of what is documented without pages. Raises IncompleteRead where there is another one after all."""
        page = _page(self.call("GET", path).value, what)
        if page.after is not None:
            raise IncompleteRead(f"{what}: there is more than this list shows")
        return [*page.items]

    def listed(self, path: str, what: str) -> list[Row]:
        """Every row. Raises IncompleteRead, AdapterError."""

        def fetch(after: str | int | None) -> Page[Row]:
            return self.page(path, what, after)

        return pages(fetch, what=what, key=lambda row: str(row.get("id")))

    def page(
        self, path: str, what: str, after: str | int | None = None, params: Mapping[str, str] = _NO_PARAMS
    ) -> Page[Row]:
        asked = {"limit": str(self._page), **params, **({"after": str(after)} if after is not None else {})}
        return _page(self.call("GET", path, params=asked).value, what)

    def create_user(self, body: Mapping[str, Json]) -> Person:
        return _answered(person_of, self.call("POST", self.users, json=body))

    def update_user(self, id_: RemoteId, body: Mapping[str, Json]) -> Person:
        path = f"{self.users}/{quote(id_, safe='')}"
        return _answered(person_of, self.call("PUT", path, json=body, idempotent=True))

    def create_team(self, name: str, parent: RemoteId | None) -> Team:
        body = {"name": name, "members": [], **({"parentTeamId": parent} if parent else {})}
        return _answered(team_of, self.call("POST", self.teams, json=body))

    def update_team(self, team: Team) -> Team:
        """Name and parent, always both: that is what the contract asks for."""
        body = {"name": team.name, "parentTeamId": team.parent or None}
        found = _answered(team_of, self.call("PATCH", self._team(team.id), json=body, idempotent=True))
        if found != team:
            raise UnknownOutcome(f"the team {team.id} is not as it was written")
        return found

    def delete_team(self, id_: RemoteId) -> None:
        self._gone(self._team(id_))

    def add_members(self, team: RemoteId, users: Sequence[RemoteId]) -> dict[RemoteId, str]:
        """As additional ones. User -> why not; a user of whom nothing is said is left out."""
        body = {"inputs": [{"userId": user, "type": "EXTRA"} for user in users]}
        return _added(self.call("POST", f"{self._team(team)}/members/batch", json=body).value)

    def add_member(self, team: RemoteId, user: RemoteId) -> None:
        body = {"userId": user, "type": "EXTRA"}
        value = self.call("POST", f"{self._team(team)}/members", json=body).value
        if not isinstance(value, dict) or value.get("userId") != user:
            raise UnknownOutcome("the answer does not say who joined")

    def remove_member(self, team: RemoteId, user: RemoteId, *, main: bool) -> None:
        self._gone(f"{self._team(team)}/members/{quote(user, safe='')}?type={'DEFAULT' if main else 'EXTRA'}")

    def _team(self, id_: RemoteId) -> str:
        return f"{self.teams}/{quote(id_, safe='')}"

    def _gone(self, path: str) -> None:
        if self.call("DELETE", path, idempotent=True).status != _NO_CONTENT:
            raise UnknownOutcome("the answer does not say that it is gone")


def _used_up(error: AdapterError) -> AdapterError:
    remedy = "wait: they are counted anew at midnight in the account's time zone"
    return AdapterError(f"the account's API calls of the day are used up: {error}", remedy=remedy, status=error.status)


def _page(value: Any, what: str) -> Page[Row]:
    rows = value.get("results") if isinstance(value, dict) else None
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise IncompleteRead(f"{what}: an answer is no page")
    return Page(items=rows, after=_after(value.get("paging"), what))


def _after(paging: Any, what: str) -> str | None:
    """None on the last page only: one that names a next page has to say where that begins."""
    following = paging.get("next") if isinstance(paging, dict) else paging
    if not following:
        return None
    after = following.get("after") if isinstance(following, dict) else None
    if not isinstance(after, str) or not after:
        raise IncompleteRead(f"{what}: a page does not say where the next one begins")
    return after


def _made(make: Callable[[Row], T], rows: Sequence[Row], what: str) -> list[T]:
    try:
        return [make(row) for row in rows]
    except (KeyError, TypeError) as problem:
        raise IncompleteRead(f"{what}: a record cannot be understood: {problem}") from None


def _answered(make: Callable[[Row], T], answer: Answer) -> T:
    try:
        return make(answer.value)
    except (KeyError, TypeError):
        raise UnknownOutcome("the answer does not say what was written") from None


def _added(value: Any) -> dict[RemoteId, str]:
    """A batch that is not complete, or an error that names nobody, leaves those without a result in doubt."""
    if not isinstance(value, dict) or value.get("status") != "COMPLETE" or not isinstance(value.get("results"), list):
        raise UnknownOutcome("the answer does not say what became of each member")
    found = {str(one["userId"]): "" for one in value["results"] if isinstance(one, dict) and "userId" in one}
    for error in value.get("errors") or []:
        named = [id_ for ids in (error.get("context") or {}).values() for id_ in ids]
        found |= {str(id_): str(error.get("message")) for id_ in named if str(id_) not in found}
    return found
