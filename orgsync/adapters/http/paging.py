"""All pages or none: half an organization would look like removals.

In: a function that fetches one page. Out: everything. Never: a part of it.
"""

from collections.abc import Callable, Hashable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Generic, TypeVar

from orgsync.errors import AdapterError, IncompleteRead

T = TypeVar("T")
Cursor = str | int
_EMPTY_IN_A_ROW = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Page(Generic[T]):
    """``after``: where the next page begins, None after the last; ``total``: how many there are, where it is known."""

    items: Sequence[T]
    after: Cursor | None = None
    total: int | None = None


def pages(
    fetch: Callable[[Cursor | None], Page[T]], *, what: str, key: Callable[[T], Hashable] | None = None
) -> list[T]:
    """Every item, in the server's order. ``fetch`` gets None for the first page.

    what   for messages: "users"
    key    what tells items apart: one that comes twice means that the pages moved while they were read
    Raises IncompleteRead: a page fails, the cursor comes back, the total shrinks or is not reached, an item repeats.
    """
    items: list[T] = []
    cursors: set[Cursor | None] = {None}
    cursor, total, empty = None, 0, 0
    while True:
        page = _fetched(fetch, cursor, what, len(items))
        total = _not_shrunk(total, page.total, what)
        items += page.items
        cursor, empty = page.after, 0 if page.items else empty + 1
        if cursor is None:
            break
        if cursor in cursors or empty > _EMPTY_IN_A_ROW:
            raise IncompleteRead(f"{what}: the pages go round in a ring after {len(items)}")
        cursors.add(cursor)
    _check(items, total, what, key)
    return items


def numbered(
    fetch: Callable[[Cursor | None], Page[T]],
    *,
    what: str,
    at_once: int,
    key: Callable[[T], Hashable] | None = None,
) -> list[T]:
    """As ``pages``, and as strict, where a cursor is the number of an item: the first page says how many there are, and
    the others are fetched ``at_once``. A page that turns out shorter than the first one costs a call more."""
    first = _fetched(fetch, None, what, 0)
    starts = _starts(first)
    with ThreadPoolExecutor(max_workers=at_once) as pool:
        came = pool.map(lambda start: _fetched(fetch, start, what, len(first.items)), starts)
        ahead: dict[Cursor | None, Page[T]] = {None: first, **dict(zip(starts, came, strict=True))}
    return pages(lambda at: ahead[at] if at in ahead else fetch(at), what=what, key=key)


def _starts(first: Page[T]) -> Sequence[int]:
    """Where the pages after the first begin, if they are as long; nothing where that cannot be told."""
    size = len(first.items)
    if not (isinstance(first.after, int) and first.total is not None and size):
        return ()
    return range(first.after, first.after + first.total - size, size)


def _fetched(fetch: Callable[[Cursor | None], Page[T]], cursor: Cursor | None, what: str, count: int) -> Page[T]:
    try:
        return fetch(cursor)
    except IncompleteRead:
        raise
    except AdapterError as error:
        message = f"{what}: reading stopped after {count}: {error}"
        raise IncompleteRead(message, remedy=error.remedy, status=error.status, said=error.said) from None


def _not_shrunk(before: int, now: int | None, what: str) -> int:
    if now is not None and now < before:
        raise IncompleteRead(f"{what}: there were {before}, and {now} a page later", remedy="try again")
    return before if now is None else now


def _check(items: Sequence[T], total: int, what: str, key: Callable[[T], Hashable] | None) -> None:
    if len(items) < total:
        raise IncompleteRead(f"{what}: {total} were announced and {len(items)} came", remedy="try again")
    if key is not None and len({key(one) for one in items}) < len(items):
        raise IncompleteRead(f"{what}: some came twice, so others may be missing", remedy="try again")
