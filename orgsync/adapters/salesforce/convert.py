"""Between Salesforce's records and our values: API names and keys, permissions and privileges, ends and dates.

In: values of either side. Out: the other's. Never: asks anybody.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from types import MappingProxyType
from typing import Any
from zoneinfo import ZoneInfo

from orgsync.adapter import Changed
from orgsync.resources import Json, Kind

FLAGS = (
    "PermissionsRead",
    "PermissionsCreate",
    "PermissionsEdit",
    "PermissionsDelete",
    "PermissionsViewAllRecords",
    "PermissionsModifyAllRecords",
)
EVERYTHING: Mapping[str, str] = MappingProxyType(
    {"PermissionsViewAllData": "View All Data", "PermissionsModifyAllData": "Modify All Data"}
)
"""System permissions that make object permissions pointless: API name -> how Setup calls it."""
_READ, _CREATE, _EDIT, _DELETE, _VIEW_ALL, _MODIFY_ALL = FLAGS
_MARKS = {Kind.BUSINESS_UNIT: "bu_", Kind.UNIT: "_", Kind.ROLE: "_"}
_BUNDLE = "psg_"
_WORDS = {"read": _READ, "create": _CREATE, "update": _EDIT, "delete": _DELETE}
OWN, ALL = "own", "organization"


@dataclass(frozen=True, slots=True, kw_only=True)
class Names:
    """Keys in API names: letters, digits and single underscores are all that these may have."""

    prefix: str

    def api_name(self, kind: Kind, key: str) -> str:
        return f"{self.prefix}{_MARKS[kind]}{key.replace('-', '_')}"

    def key(self, kind: Kind, api_name: str) -> str:
        """Empty where the name is not one of ours."""
        return _key(api_name, f"{self.prefix}{_MARKS[kind]}")

    def bundle(self, key: str) -> str:
        """Of a role's permission set group: not that of its permission set, which may have to be another one."""
        return f"{self.prefix}{_BUNDLE}{key.replace('-', '_')}"

    def bundle_key(self, api_name: str) -> str:
        return _key(api_name, f"{self.prefix}{_BUNDLE}")


def _key(api_name: str, mark: str) -> str:
    """Two underscores stand behind a namespace, and in no key."""
    ours = api_name.startswith(mark) and "__" not in api_name
    found = api_name[len(mark) :].replace("_", "-") if ours else ""
    return found if found and found == found.lower() and mark + found.replace("-", "_") == api_name else ""


def full_name(record: Mapping[str, Any], field: str) -> str:
    """As an org tells a package's things from its own: the package's come behind a namespace."""
    namespace, name = record["NamespacePrefix"], str(record[field])
    return f"{namespace}__{name}" if namespace else name


def flags(actions: Mapping[str, str]) -> dict[str, bool]:
    """Of one object; what the actions need besides is in them already."""
    row = {_WORDS[action]: True for action in actions if action in _WORDS}
    row[_VIEW_ALL] = actions.get("read") == ALL
    row[_MODIFY_ALL] = actions.get("delete") == ALL
    return {flag: row.get(flag, False) for flag in FLAGS}


def actions(row: Mapping[str, Any]) -> dict[str, str]:
    modify = ALL if row[_MODIFY_ALL] else OWN
    scopes = {"read": ALL if row[_VIEW_ALL] else OWN, "create": OWN, "update": modify, "delete": modify}
    return {action: scopes[action] for action, flag in _WORDS.items() if row[flag]}


def privileges(rows: Iterable[Mapping[str, Any]], words: Mapping[str, str]) -> dict[str, Json]:
    """``words``: object -> word; an object without one keeps its API name, so that it shows as a difference."""
    found = {words.get(row["SobjectType"], row["SobjectType"]): actions(row) for row in rows}
    return {word: {**given} for word, given in found.items() if given}


def moment(until: Json, zone: ZoneInfo) -> str | None:
    """The last second of that day."""
    if until is None:
        return None
    end = datetime.combine(date.fromisoformat(str(until)), time(23, 59, 59), zone).astimezone(UTC)
    return end.strftime("%Y-%m-%dT%H:%M:%S.000+0000")


def parsed(moment: str) -> datetime:
    return datetime.strptime(moment, "%Y-%m-%dT%H:%M:%S.%f%z").astimezone(UTC)


def day(expiration: str | None, zone: ZoneInfo) -> str | None:
    return parsed(expiration).astimezone(zone).date().isoformat() if expiration else None


def changed(record: Mapping[str, Any]) -> Changed:
    by = record.get("LastModifiedBy") or {}
    return Changed(by=str(by.get("Username") or ""), at=parsed(record["LastModifiedDate"]))
