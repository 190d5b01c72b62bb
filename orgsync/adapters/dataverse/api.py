"""Dataverse's Web API: tables in pages, functions, batches; what the server says about its limits.

In: a client, names of sets and columns, change sets. Out: rows, answers, one result per change set. Never: takes an
answer of another form for a yes; repeats what may have been carried out.
"""

from collections.abc import Mapping, Sequence
from functools import cached_property
from types import MappingProxyType
from typing import Any
from urllib.parse import quote

from orgsync.adapters.dataverse.batch import ChangeSet, Result, results, written
from orgsync.adapters.http import Answer, Client, Limits, Page, pages
from orgsync.errors import CallRefused, IncompleteRead, UnknownOutcome
from orgsync.resources import RemoteId

ROOT = "/api/data/v9.2/"
HEADERS: Mapping[str, str] = {"OData-MaxVersion": "4.0", "OData-Version": "4.0"}
LIMITS = Limits(read=300, answer=300, total=900)
"""A batch is answered when all of it is done."""
_HINT = "x-ms-dop-hint"
Row = Mapping[str, Any]


class Api:
    """``calls``: sent so far; ``at_once``: calls that the environment recommends to have under way; ``page``: rows."""

    def __init__(self, client: Client, url: str, *, page: int) -> None:
        self._client, self._url, self.page = client, url, page
        self.calls, self.at_once = 0, 1

    def link(self, path: str) -> str:
        """How the body of a $ref names a row."""
        return f"{self._url}{ROOT}{path}"

    def get(self, path: str, **headers: str) -> Any:
        """Raises IncompleteRead, CallRefused."""
        answer = self._client.call("GET", path if path.startswith(("/", "http")) else ROOT + path, headers=headers)
        self.calls += 1
        self._note(answer.headers)
        return answer.value

    def _note(self, headers: Mapping[str, str]) -> None:
        hint = headers.get(_HINT, "")
        if hint.isdigit():
            self.at_once = int(hint)

    def rows(self, entity_set: str, columns: Sequence[str], *, where: str = "", latest: str = "") -> list[Row]:
        """Every row with these columns, of which the first tells rows apart. Raises IncompleteRead.

        ``latest``: a column by which only the last page is wanted.
        """
        query = {"$filter": where} if where else {}
        query |= {"$orderby": f"{latest} desc", "$top": str(_MOST)} if latest else {}
        first = _query(entity_set, columns, query)
        prefer = {} if latest else {"Prefer": self._pages}

        def fetch(after: str | int | None) -> Page[Row]:
            page = _page(self.get(str(after or first), **prefer), entity_set)
            check_columns(page.items, columns, entity_set)
            return page

        return pages(fetch, what=entity_set, key=lambda row: row[columns[0]])

    @property
    def _pages(self) -> str:
        return f"odata.maxpagesize={self.page}"

    def tracked(self, entity_set: str, columns: Sequence[str]) -> tuple[list[Row], str]:
        """As ``changes``, of all rows. Raises IncompleteRead."""
        return self._followed(_query(entity_set, columns), entity_set, Prefer=f"odata.track-changes,{self._pages}")

    def changes(self, link: str, entity_set: str) -> tuple[list[Row], str]:
        """What changed since that delta link was given: rows as they are now, and who they were that are gone, in the
        server's order; the next delta link, or an empty one. Raises IncompleteRead."""
        return self._followed(link, entity_set)

    def _followed(self, first: str, what: str, **prefer: str) -> tuple[list[Row], str]:
        links = [""]

        def fetch(after: str | int | None) -> Page[Row]:
            value = self.get(str(after or first), **prefer)
            page = _page(value, what)
            links.append(str(value.get("@odata.deltaLink") or ""))
            return page

        return pages(fetch, what=what), links[-1]

    @cached_property
    def me(self) -> Row:
        """``UserId``, ``BusinessUnitId``, ``OrganizationId``. Raises IncompleteRead, CallRefused."""
        found = self.get("WhoAmI()")
        names = ("UserId", "BusinessUnitId", "OrganizationId")
        if not isinstance(found, dict) or not all(isinstance(found.get(name), str) for name in names):
            raise IncompleteRead("WhoAmI does not say who we are")
        return found

    def privileges_of(self, user: RemoteId) -> list[Row]:
        """All that a user has, through roles and teams: ``PrivilegeId``, ``Depth``."""
        found = self.get(f"systemusers({user})/Microsoft.Dynamics.CRM.RetrieveUserPrivileges()")
        rows = found.get("RolePrivileges") if isinstance(found, dict) else None
        if not isinstance(rows, list):
            raise IncompleteRead("RetrieveUserPrivileges does not say what the user may")
        return rows

    def batch(self, sets: Sequence[ChangeSet]) -> list[Result]:
        """One result per change set: one that fails harms no other. Raises CallRefused, UnknownOutcome."""
        sort, content = written(ROOT, sets)
        headers = {"Content-Type": sort, "Prefer": "odata.continue-on-error"}
        answer = self._sent(content, headers)
        self.calls += 1
        self._note(answer.headers)
        return results(answer.headers.get("Content-Type", ""), answer.content, sets)

    def _sent(self, content: bytes, headers: Mapping[str, str]) -> Answer:
        """A refusal without Dataverse's words may be that of one change set, and others are done."""
        try:
            return self._client.call("POST", f"{ROOT}$batch", content=content, headers=headers, as_json=False)
        except CallRefused as refusal:
            if refusal.said is not None:
                raise
            raise UnknownOutcome(str(refusal), status=refusal.status) from None


_PLAIN = "$,()'=/"
_MOST = 5000
"""Rows per page (Page results using OData)."""


def _query(entity_set: str, columns: Sequence[str], more: Mapping[str, str] = MappingProxyType({})) -> str:
    query = {"$select": ",".join(columns), **more}
    return f"{entity_set}?" + "&".join(f"{name}={quote(text, safe=_PLAIN)}" for name, text in query.items())


def check_columns(rows: Sequence[Row], columns: Sequence[str], what: str) -> None:
    """The first one has a word that tells rows apart. Raises IncompleteRead."""
    if any(name not in row for row in rows for name in columns):
        raise IncompleteRead(f"{what}: a row lacks columns that were asked for")
    if not all(isinstance(row[columns[0]], str) for row in rows):
        raise IncompleteRead(f"{what}: a row has no id")


def _page(value: Any, what: str) -> Page[Row]:
    found = value.get("value") if isinstance(value, dict) else None
    if not isinstance(found, list) or not all(isinstance(row, dict) for row in found):
        raise IncompleteRead(f"{what}: an answer is no page of rows")
    after = value.get("@odata.nextLink")
    if after is not None and not isinstance(after, str):
        raise IncompleteRead(f"{what}: a page does not say where the next one is")
    return Page(items=found, after=after)
