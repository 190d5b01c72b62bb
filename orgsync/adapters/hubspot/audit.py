"""Who changed a team or a user last, by the audit log of Enterprise accounts.

In: an API, how many days back. Out: id -> who and when. Never: a name from half a log.
"""

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime

from orgsync.adapter import Changed
from orgsync.adapters.hubspot.api import Api
from orgsync.adapters.hubspot.values import Row
from orgsync.errors import IncompleteRead
from orgsync.resources import Kind, RemoteId

PAGES = 10
"""The log has everything that anybody does in the account, and no filter for what is of interest here."""
WORDS = {Kind.UNIT: "TEAM", Kind.USER: "USER"}
"""In the category or subcategory of an event; ids of different sorts of things can be the same."""
Log = Mapping[tuple[Kind, RemoteId], Changed]


def last_changes(api: Api, days: int) -> Log | None:
    """None where more happened than is read. The server's clock counts. Raises IncompleteRead, AdapterError."""
    if not api.date:
        return None
    since = parsedate_to_datetime(api.date).astimezone(UTC) - timedelta(days=days)
    asked, after = {"occurredAfter": since.strftime("%Y-%m-%dT%H:%M:%SZ")}, None
    found: dict[tuple[Kind, RemoteId], Changed] = {}
    for _ in range(PAGES):
        page = api.page(api.audit, "the audit log", after, asked)
        for at, changed in _events(page.items):
            found[at] = max(changed, found.get(at, changed), key=lambda one: one.at)
        if (after := page.after) is None:
            return found
    return None


def _events(rows: object) -> Iterator[tuple[tuple[Kind, RemoteId], Changed]]:
    for row in rows if isinstance(rows, list) else []:
        said = f"{row.get('category')} {row.get('subCategory')}".upper().replace("_", " ").split()
        for kind in (kind for kind, word in WORDS.items() if word in said):
            yield (kind, str(row.get("targetObjectId"))), _changed(row)


def _changed(event: Row) -> Changed:
    try:
        by = (event.get("actingUser") or {}).get("userEmail") or ""
        return Changed(by=str(by), at=datetime.fromisoformat(event["occurredAt"]))
    except (KeyError, ValueError, TypeError, AttributeError):
        raise IncompleteRead("the audit log has an event that cannot be understood") from None
