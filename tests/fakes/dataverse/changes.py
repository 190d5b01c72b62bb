"""Change tracking: all rows with a delta link, and what changed since one was given.

From "Use change tracking to synchronize data with external systems": new and changed rows by version, then who is gone,
whether the caller ever had it or not; links that are too old are refused. Never: an option that is not for it.
"""

from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

from tests.fakes.dataverse.csdl import bad, model
from tests.fakes.dataverse.query import Row, asked
from tests.fakes.dataverse.rules import Environment
from tests.fakes.dataverse.schema import TABLES

UNTRACKED = "$select=LogicalName&$filter=ChangeTrackingEnabled eq true and IsCustomEntity eq false"
"""The one question about tables' definitions that the page has."""
_NOT_WITH_IT = ("$filter", "$orderby", "$expand", "$top")
_DAY = 86400
Place = tuple[bool, int]
"""Whether it is about who is gone; the version."""


class Changes:
    """``here``: the service's address."""

    def __init__(self, environment: Environment, entity_set: str, here: str) -> None:
        self._environment, self._set, self._here = environment, entity_set, here

    def page(self, options: Mapping[str, str], size: int) -> dict[str, Any]:
        if self._set not in self._environment.tracked:
            raise bad(f"Entity: {model().sets[self._set]} isn't enabled for change tracking.")
        if wrong := [name for name in _NOT_WITH_IT if name in options]:
            raise bad(f'The "{wrong[0]}" query parameter isn\'t supported when Change Tracking is enabled.')
        columns, _ = asked(model(), self._set, {"$select": options["$select"]}, ())
        since, until, last = self._from(options)
        left = [(place, entry) for place, entry in self._entries(columns, since) if place > last]
        found: dict[str, Any] = {
            "@odata.context": f"{self._here}$metadata#{self._set}" + ("/$delta" if since else ""),
            "value": [entry for _, entry in left[:size]],
        }
        query = f"{self._here}{self._set}?$select={quote(options['$select'])}"
        if len(left) > size:
            place = left[size - 1][0]
            return found | {"@odata.nextLink": f"{query}&$skiptoken={since}.{until}.{int(place[0])}.{place[1]}"}
        token = quote(f"{until}!{self._environment.at(until)}", safe="")
        return found | {"@odata.deltaLink": f"{query}&$deltatoken={token}"}

    def _from(self, options: Mapping[str, str]) -> tuple[int, int, Place]:
        """(the version of the link, that of the next one: what changes meanwhile is told again, where we are)."""
        if "$skiptoken" in options:
            since, until, gone, version = map(int, options["$skiptoken"].split("."))
            return since, until, (bool(gone), version)
        since = int(options["$deltatoken"].partition("!")[0]) if "$deltatoken" in options else 0
        environment = self._environment
        days = environment.tables["organizations"][environment.organization]["expirechangetrackingindays"]
        if since and since < environment.count - days * _DAY:  # a version a second
            raise bad("The version of the changes that are asked for is too old.")
        return since, environment.count, (False, 0)

    def _entries(self, columns: list[str], since: int) -> list[tuple[Place, Row]]:
        key, environment = TABLES[self._set].key, self._environment
        rows = [
            (
                (False, row["versionnumber"]),
                {"@odata.etag": f'W/"{row["versionnumber"]}"', key: row[key], **{name: row[name] for name in columns}},
            )
            for row in environment.tables[self._set].values()
            if row["versionnumber"] > since
        ]
        context = f"{self._here}$metadata#{self._set}/$deletedEntity"
        gone = [
            ((True, version), {"@odata.context": context, "id": id_, "reason": "deleted"})
            for (table, id_), version in environment.gone.items()
            if since and table == self._set and version > since
        ]
        return sorted([*rows, *gone], key=lambda one: one[0])
