"""What was read last time, with the links that tell what changed since, in one file of the user's.

In: a folder, whose reading it was. Out: tables, or nothing. Never: fails; believes what somebody else, another
version, another environment, another user of it or a damaged disk left there. It is safe to delete at any time.
"""

import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any, Self

from orgsync import __version__
from orgsync.adapters.dataverse.api import Row
from orgsync.adapters.dataverse.tables import COLUMNS
from orgsync.keeping import keep
from orgsync.keeping import kept as kept_bytes
from orgsync.resources import RemoteId

_HOURS = 12
"""Then everything is read whole again, as every night's drift detection does."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """``link``: empty where the table is not tracked."""

    link: str
    rows: Mapping[RemoteId, Row]


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """``begun``: when everything was read whole, in seconds."""

    begun: float
    tables: Mapping[str, Table]


@dataclass(frozen=True, slots=True)
class File:
    path: Path
    about: Sequence[str]

    @classmethod
    def of(cls, folder: Path, about: Sequence[str]) -> Self:
        """``about``: target, environment, and the user of it, who may not see what others do."""
        return cls(folder / f"{_digest(json.dumps(about).encode())[:32]}.dataverse", about)

    def read(self) -> Kept | None:
        try:
            digest, _, content = kept_bytes(self.path).partition(b"\n")
            found = json.loads(content) if digest.decode() == _digest(content) else {}
            fresh = found.get("made") == self._made() and 0 <= time.time() - found["begun"] < _HOURS * 3600
            return Kept(begun=found["begun"], tables=_tables(found["tables"])) if fresh else None
        except (OSError, ValueError, TypeError, KeyError, AttributeError):
            return None

    def write(self, kept: Kept) -> None:
        tables = {name: {"link": one.link, "rows": [*one.rows.values()]} for name, one in kept.tables.items()}
        content = json.dumps({"made": self._made(), "begun": kept.begun, "tables": tables}).encode()
        keep(self.path, _digest(content).encode() + b"\n" + content)

    def _made(self) -> list[object]:
        return [__version__, *self.about, {name: [*columns] for name, columns in COLUMNS.items()}]


def _tables(found: Mapping[str, Any]) -> dict[str, Table]:
    return {name: Table(link=one["link"], rows=by_id(name, one["rows"])) for name, one in found.items()}


def by_id(entity_set: str, rows: Sequence[Row]) -> dict[RemoteId, Row]:
    """Of what stands there twice, the later one."""
    return {row[COLUMNS[entity_set][0]]: row for row in rows}


def _digest(content: bytes) -> str:
    return sha256(content).hexdigest()
