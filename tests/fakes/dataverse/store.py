"""Rows in tables, and a way back: whatever was written since a moment can be undone.

In: rows. Out: rows. Never: knows a rule.
"""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from tests.fakes.dataverse.csdl import Refusal, model
from tests.fakes.dataverse.schema import TABLES

Row = dict[str, Any]
_BEGIN = datetime(2026, 11, 1, tzinfo=UTC)


@dataclass
class Store:
    """``me``: whose name every write carries; ``written``: table -> how often; ``gone``: (table, id) -> version."""

    tables: dict[str, dict[str, Row]] = field(default_factory=lambda: {name: {} for name in TABLES})
    me: str | None = None
    undo: list[tuple[str, str, Row | None]] = field(default_factory=list)
    count: int = 0
    written: Counter[str] = field(default_factory=Counter)
    gone: dict[tuple[str, str], int] = field(default_factory=dict)

    def new_id(self) -> str:
        self.count += 1
        return str(UUID(int=(0x0D << 120) + self.count))

    def put(self, table: str, id_: str = "", **values: Any) -> str:
        """Past all rules; columns that are not given are empty."""
        id_ = id_ or self.new_id()
        blank: Row = dict.fromkeys(model().columns(table))
        self._set(table, id_, {**blank, **values, TABLES[table].key: id_})
        self.touch(table, id_)
        return id_

    def change(self, table: str, id_: str, **values: Any) -> None:
        self._set(table, id_, {**self.tables[table][id_], **values})
        self.touch(table, id_)

    def drop(self, table: str, id_: str) -> None:
        self.written[table] += 1
        self.count += 1
        self.gone[table, id_] = self.count
        self.undo.append((table, id_, self.tables[table].pop(id_)))

    def touch(self, table: str, id_: str) -> None:
        self.count += 1
        row = self.tables[table][id_]
        row["versionnumber"] = self.count
        if "modifiedon" in row:
            row["modifiedon"], row["_modifiedby_value"] = self.now(), self.me

    def now(self) -> str:
        return self.at(self.count)

    def at(self, version: int) -> str:
        return (_BEGIN + timedelta(seconds=version)).isoformat().replace("+00:00", "Z")

    def _set(self, table: str, id_: str, row: Row) -> None:
        self.written[table] += 1
        self.undo.append((table, id_, self.tables[table].get(id_)))
        self.tables[table][id_] = row

    def back_to(self, mark: int) -> None:
        """``mark``: a length of ``undo``."""
        while len(self.undo) > mark:
            table, id_, row = self.undo.pop()
            self.written[table] += 1
            if row is None:
                self.tables[table].pop(id_, None)
            else:
                self.tables[table][id_] = row
                self.gone.pop((table, id_), None)

    def row(self, table: str, id_: object) -> Row:
        found = self.tables[table].get(str(id_))
        if found is None:
            raise Refusal(404, "0x80040217", f"Entity '{table}' With Id = {id_} Does Not Exist")
        return found

    def where(self, table: str, **values: Any) -> Iterator[Row]:
        for row in [*self.tables[table].values()]:
            if all(row[name] == value for name, value in values.items()):
                yield row
