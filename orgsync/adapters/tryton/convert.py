"""Tryton's values and ours, without a server: names of groups, moments, access rows.

In: JSON as the wire has it. Out: our values, and back. Raises TypeError, KeyError or ValueError for what is neither;
whoever reads makes an IncompleteRead of that.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from typing import Any
from zoneinfo import ZoneInfo

from orgsync.adapter import Changed
from orgsync.resources import Json, Kind, RemoteId

PRIVILEGES = "privileges"
"""The word of the groups that carry a role's access rows; the other words are kinds."""
WORDS = frozenset({str(Kind.BUSINESS_UNIT), str(Kind.UNIT), str(Kind.ROLE), PRIVILEGES})
ACTIONS: Mapping[str, str] = {
    "create": "perm_create",
    "read": "perm_read",
    "update": "perm_write",
    "delete": "perm_delete",
}
SCOPE = "organization"
INHERITED, INHERIT = "group/", "inherit"
"""How a group whose privileges a role's group inherits (somebody made it so) reads among the role's privileges."""
_LAST_SECOND = time(23, 59, 59)
_NONE = "-"
_MOMENT = ("year", "month", "day", "hour", "minute", "second")


@dataclass(frozen=True, slots=True, kw_only=True)
class Marks:
    """Names of groups: ``orgsync/unit/sales``, ``orgsync/business-unit/emea#17`` with the id of its party."""

    prefix: str

    def name(self, word: str, key: str, party: int | None = None) -> str:
        """``party``: of a business unit; a party's code cannot be changed, and the name of a group can."""
        return f"{self.prefix}/{word}/{key}" + (f"#{party}" if party is not None else "")

    def of(self, name: object) -> tuple[str, str] | None:
        """(word, key), or None for what is not ours."""
        if not isinstance(name, str):
            return None
        prefix, _, rest = name.partition("/")
        word, _, key = rest.partition("#")[0].partition("/")
        return (word, key) if prefix == self.prefix and word in WORDS and key else None

    @staticmethod
    def party_of(name: object) -> int | None:
        number = str(name).partition("#")[2]
        return int(number) if number.isdecimal() and number.isascii() else None


def remote_id(*parts: int | None) -> RemoteId:
    """``12/34/-``: several records make one of our resources."""
    return "/".join(_NONE if part is None else str(part) for part in parts)


def numbers(identity: RemoteId | None, count: int) -> list[int | None]:
    parts = [] if identity is None else identity.split("/")
    found = [int(part) if part.isdecimal() and part.isascii() else None for part in parts]
    return [*found, *[None] * count][:count]


def moment(value: Any) -> datetime | None:
    """Tryton's moments are UTC and say nothing of it."""
    if value is None:
        return None
    year, month, day, hour, minute, second = (int(value[name]) for name in _MOMENT)
    return datetime(year, month, day, hour, minute, second, int(value.get("microsecond", 0)), tzinfo=UTC)


def wire(at: datetime) -> dict[str, Any]:
    at = at.astimezone(UTC)
    return {"__class__": "datetime", **{name: getattr(at, name) for name in _MOMENT}, "microsecond": 0}


def end_of(until: Json, zone: ZoneInfo) -> dict[str, Any] | None:
    """The last second of that day, as Tryton includes its ``to_date``; an odd moment (a rollback's) as it is."""
    if until is None:
        return None
    text = str(until)
    if "T" in text:
        return wire(datetime.fromisoformat(text).replace(tzinfo=zone))
    return wire(datetime.combine(date.fromisoformat(text), _LAST_SECOND, tzinfo=zone))


def until_of(end: datetime | None, zone: ZoneInfo) -> str | None:
    """A day where the moment is its last second; else the moment, so that it differs from every day."""
    if end is None:
        return None
    there = end.astimezone(zone).replace(microsecond=0)
    return there.date().isoformat() if there.time() == _LAST_SECOND else there.replace(tzinfo=None).isoformat()


def changed_of(*records: Mapping[str, Any]) -> Changed | None:
    """Who was the last to create or write any of them. The fields are ``create_uid.login`` and the like."""
    found = [change for record in records if (change := _last(record)) is not None]
    return max(found, key=lambda change: change.at, default=None)


def _last(record: Mapping[str, Any]) -> Changed | None:
    for verb in ("write", "create"):
        at, who = moment(record.get(f"{verb}_date")), record.get(f"{verb}_uid.")
        if at is not None:
            return Changed(by=str(who["login"]) if who else "", at=at)
    return None


def word_of(model: str, models: Mapping[str, str]) -> str:
    """What stands for a model; one that no word stands for goes by its own name."""
    return next((word for word, one in models.items() if one == model), model)


def privileges_of(rows: Iterable[Mapping[str, Any]], models: Mapping[str, str]) -> dict[str, Json]:
    """Several rows for one model add up, as they do for Tryton; a deactivated one gives nothing."""
    found: dict[str, set[str]] = {}
    for row in rows:
        if row["active"]:
            given = {action for action, column in ACTIONS.items() if row[column]}
            found.setdefault(word_of(str(row["model"]), models), set()).update(given)
    return {word: dict.fromkeys(sorted(actions), SCOPE) for word, actions in sorted(found.items()) if actions}


def access_values(model: str, actions: Iterable[str]) -> dict[str, Any]:
    given = set(actions)
    columns = {column: action in given for action, column in ACTIONS.items()}
    return {"model": model, "active": True, **columns}


def access_commands(rows: Iterable[Mapping[str, Any]], wanted: Mapping[str, Iterable[str]]) -> list[list[Any]]:
    """What to do to a group's rows, so that exactly ``wanted`` (model -> actions) is given."""
    commands: list[list[Any]] = []
    missing = {model: set(actions) for model, actions in wanted.items() if actions}
    gone: list[int] = []
    for row in rows:
        actions = missing.pop(str(row["model"]), None)
        if actions is None:
            gone.append(int(row["id"]))  # nothing is wanted, or an earlier row gives it
            continue
        values = access_values(str(row["model"]), actions)
        if any(bool(row[name]) is not value for name, value in values.items() if name != "model"):
            commands.append(["write", [row["id"]], values])
    if gone:
        commands.append(["delete", gone])
    if missing:
        commands.append(["create", [access_values(model, actions) for model, actions in sorted(missing.items())]])
    return commands
