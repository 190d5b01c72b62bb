"""SCIM's endpoints: discovery, complete lists, single writes and bulks.

In: paths, filters, operations. Out: JSON and results. Never: knows what a group stands for; returns half a list.
"""

import json
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from threading import Lock
from typing import Any, TypeVar
from urllib.parse import quote

from orgsync.adapters.http import Answer, Client, Page, numbered, pages
from orgsync.adapters.scim.able import AT_ONCE
from orgsync.adapters.scim.bulk import Operation, Result, id_in, request, results, told
from orgsync.adapters.scim.discovery import Offer, offer
from orgsync.adapters.scim.values import entries, get, number, text
from orgsync.adapters.scim.vendors import Deviations
from orgsync.errors import AdapterError, CallRefused, IncompleteRead, UnknownOutcome

T = TypeVar("T")
Params = Mapping[str, str]
TYPE = {"Content-Type": "application/scim+json"}
_BAD, _MISSING, _NOT_IMPLEMENTED = 400, 404, 501
_CONFIG_PATHS = ("ServiceProviderConfig", "ServiceProviderConfigs")
_STOPS = frozenset({401, 429})
"""Answers after which there is no point in going on: nobody would be let in."""


class Api:
    """``calls``: how many were made, by method and endpoint."""

    def __init__(self, client: Client, known: Deviations, page_size: int) -> None:
        self._client, self._known, self._page_size = client, known, page_size
        self._offer: Offer | None = None
        self.calls: Counter[str] = Counter()
        self._counting = Lock()
        self._locks = [Lock() for _ in range(_LOCKS)]

    @property
    def offer(self) -> Offer:
        """Asked for once. Raises AdapterError where the provider cannot be spoken to."""
        if self._offer is None:
            schemas, types = (self._told(path) if self._known.discovery else None for path in _DISCOVERY)
            self._offer = offer(self._config(), schemas, types, self._known)
        return self._offer

    def _config(self) -> Any:
        """Some say it in the plural; one that says nothing at all is taken as the standard has it."""
        paths = dict.fromkeys((self._known.config_path, *_CONFIG_PATHS))
        return next((found for path in paths if (found := self._told(path)) is not None), None)

    def _told(self, path: str) -> Any:
        try:
            found = self._get(path, {})
        except AdapterError as error:
            if error.status in {_BAD, 403, _MISSING, 405, _NOT_IMPLEMENTED}:
                return None
            raise
        listed = entries(get(found, "Resources"))
        return listed[0] if path in _CONFIG_PATHS and listed else found

    def _get(self, path: str, params: Params) -> Any:
        self._count(f"GET {path}")
        return self._client.call("GET", path, params=params).value

    def _count(self, call: str) -> None:
        with self._counting:
            self.calls[call] += 1

    def resource(self, endpoint: str, id_: str) -> Any:
        """None where there is none."""
        try:
            return self._get(f"{endpoint}/{quote(id_, safe='')}", {})
        except AdapterError as error:
            if error.status == _MISSING:
                return None
            raise

    def listed(self, endpoint: str, attributes: Sequence[str], condition: str = "") -> list[Any]:
        """All of them. Raises IncompleteRead."""
        return self._all(endpoint, lambda at: self.page(endpoint, attributes, condition, at))

    def _all(self, endpoint: str, fetch: Callable[[str | int | None], Page[Any]]) -> list[Any]:
        """Pages that begin at an index are asked for at once; where a cursor leads, each comes after the one before."""
        if self.offer.cursor:
            return _twice(lambda: pages(fetch, what=endpoint, key=_id))
        return _twice(lambda: numbered(fetch, what=endpoint, at_once=AT_ONCE, key=_id))

    def fewest(self, endpoint: str, attributes: Sequence[str], conditions: Sequence[str]) -> list[Any]:
        """At least those that meet one of the conditions; all of them where that takes fewer calls."""
        if len(conditions) <= 1:
            return [one for condition in conditions for one in self.listed(endpoint, attributes, condition)]
        first = self.page(endpoint, attributes, "", None)
        size = max(len(first.items), 1)
        if first.after is None or (first.total or 0) <= size * (len(conditions) + 1):
            return self._all(endpoint, lambda at: first if at is None else self.page(endpoint, attributes, "", at))
        return [one for condition in conditions for one in self.listed(endpoint, attributes, condition)]

    def page(self, endpoint: str, attributes: Sequence[str], condition: str, at: str | int | None) -> Page[Any]:
        count = min(self._page_size, self.offer.page or self._page_size)
        params = {"count": str(count), **({"filter": condition} if condition else {})}
        if attributes and self._known.projection:
            params["attributes"] = ",".join(attributes)
        if self.offer.cursor:
            return self._by_cursor(self._get(endpoint, {**params, "cursor": str(at or "")}), endpoint)
        start = at if isinstance(at, int) else 1
        return self._by_index(self._get(endpoint, {**params, "startIndex": str(start)}), endpoint, start)

    def _by_cursor(self, found: Any, endpoint: str) -> Page[Any]:
        items = _items(found, endpoint)
        return Page(items=items, after=text(get(found, "nextCursor")) or None, total=number(get(found, "totalResults")))

    def _by_index(self, found: Any, endpoint: str, start: int) -> Page[Any]:
        """A page may be shorter than asked for (RFC 7644, 3.4.2.4): what came says where the next one begins."""
        items, total = _items(found, endpoint), number(get(found, "totalResults"))
        after = start + len(items)
        more = bool(items) and (total is None or after <= total)
        return Page(items=items, after=after if more else None, total=total)

    def send(self, operation: Operation) -> Result:
        """Raises AdapterError where there is no point in going on."""
        self._count(f"{operation.method} {operation.path.partition('/')[0]}")
        headers = {**TYPE, **({"If-Match": operation.version} if operation.version else {})}
        try:
            with self._locks[hash(operation.path) % _LOCKS]:
                answer = self._client.call(
                    operation.method,
                    operation.path,
                    json=operation.body,
                    headers=headers,
                    idempotent=operation.idempotent,
                    as_json=False,
                )
        except CallRefused as refusal:
            return _refused(refusal)
        except UnknownOutcome as doubt:
            return Result(status=0, detail=str(doubt))
        return _accepted(answer)

    def bulk(self, operations: Sequence[Operation]) -> list[Result] | None:
        """None where the provider takes no bulk, or not this one. Raises as ``send``."""
        self._count("POST Bulk")
        again = all(one.idempotent for one in operations)
        try:
            answer = self._client.call("POST", "Bulk", json=request(operations), headers=TYPE, idempotent=again)
        except CallRefused as refusal:
            if refusal.status in _STOPS:
                raise
            return None
        except UnknownOutcome as doubt:
            return [Result(status=0, detail=str(doubt))] * len(operations)
        return results(operations, answer.value)


_LOCKS = 64
"""So that two threads never patch one group at once: not every provider takes that."""
_DISCOVERY = ("Schemas", "ResourceTypes")


def path_of(endpoint: str, id_: str) -> str:
    return f"{endpoint}/{quote(id_, safe='')}"


def _id(raw: Any) -> str:
    return text(get(raw, "id"))


def _items(found: Any, endpoint: str) -> list[Any]:
    """A list of nothing may come without its Resources (RFC 7644, 3.4.2)."""
    if not isinstance(found, Mapping) or (get(found, "Resources") is None and get(found, "totalResults") is None):
        raise IncompleteRead(f"{endpoint}: what came is not a list", remedy="check the target's url")
    return [*entries(get(found, "Resources"))]


def _twice(read: Callable[[], T]) -> T:
    """Pages that moved and cursors that expired are worth a second attempt from the start."""
    try:
        return read()
    except IncompleteRead as error:
        if error.status not in {None, _BAD}:
            raise
        return read()


def _refused(refusal: CallRefused) -> Result:
    if refusal.status in _STOPS:
        raise refusal
    status = refusal.status or _BAD
    said = refusal.said
    return Result(status=status, scim_type=text(get(said, "scimType")), detail=told(status, said))


def _accepted(answer: Answer) -> Result:
    """204, or 200 with the resource; a new one's id may stand in its address only. A page for people is neither."""
    body = _json(answer) if answer.content else {}
    if body is None:
        return Result(status=0, detail=f"answered {answer.status} with something that is not JSON")
    created = answer.status == 201  # noqa: PLR2004
    return Result(
        status=answer.status,
        id=text(get(body, "id")) or (id_in(answer.headers.get("Location", "")) if created else ""),
        version=answer.headers.get("ETag", "") or text(get(get(body, "meta"), "version")),
    )


def _json(answer: Answer) -> Any:
    try:
        return json.loads(answer.content)
    except (ValueError, RecursionError):
        return None
