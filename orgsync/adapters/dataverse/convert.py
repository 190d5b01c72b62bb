"""Between Dataverse's rows and our values: marks and keys, privileges and words, depths and scopes, ids.

In: values of either side. Out: the other's. Never: asks anybody.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Any
from uuid import UUID, uuid5

from orgsync.resources import Address, Json, RemoteId

DEPTHS: Mapping[str, str] = MappingProxyType(
    {"own": "Basic", "unit": "Local", "subtree": "Deep", "organization": "Global"}
)
"""Scope -> PrivilegeDepth."""
MASKS: Mapping[int, str] = MappingProxyType({1: "own", 2: "unit", 4: "subtree", 8: "organization"})
"""``privilegedepthmask`` of a role's privilege -> scope."""
POSSIBLE: Mapping[str, str] = MappingProxyType(
    {"own": "canbebasic", "unit": "canbelocal", "subtree": "canbedeep", "organization": "canbeglobal"}
)
"""Scope -> the column that says whether a privilege can have it."""
VERBS: Mapping[str, str] = MappingProxyType(
    {
        "create": "Create",
        "read": "Read",
        "update": "Write",
        "delete": "Delete",
        "append": "Append",
        "append-to": "AppendTo",
        "assign": "Assign",
        "share": "Share",
    }
)
"""Action -> how the name of its privilege begins, after ``prv``."""
_PRIVILEGE = re.compile(r"prv(Create|Read|Write|Delete|AppendTo|Append|Assign|Share)(\w+)\Z")
_ACTIONS = {verb: action for action, verb in VERBS.items()}
_USE = "use"


def privilege_name(table: str, action: str) -> str:
    return f"prv{VERBS[action]}{table}"


def words_of(name: str, words: Mapping[str, str]) -> tuple[str, str]:
    """(object, action); ``words``: table -> word. A privilege about no table shows under its own name."""
    found = _PRIVILEGE.match(name)
    if found is None:
        return name, _USE
    return words.get(found[2], found[2]), _ACTIONS[found[1]]


def privileges_of(rows: Iterable[tuple[str, int]], words: Mapping[str, str]) -> dict[str, Json]:
    """``rows``: (name, privilegedepthmask)."""
    found: dict[str, dict[str, Json]] = {}
    for name, mask in rows:
        subject, action = words_of(name, words)
        found.setdefault(subject, {})[action] = MASKS.get(mask, f"mask {mask}")
    return dict(found)


@dataclass(frozen=True, slots=True, kw_only=True)
class Marks:
    """Keys stand at the end of descriptions: no other column is there for all three tables, and free.

    After a space and no line of its own: the description of a role is a text of one line.
    """

    prefix: str

    def marked(self, text: str | None, kind: str, key: str) -> str:
        mark = f"[{self.prefix} {kind}/{key}]"
        return f"{text} {mark}" if text else mark

    def read(self, description: str | None) -> tuple[str | None, str, str]:
        """(the text, kind, key); kind and key are empty where there is no mark of ours."""
        text = (description or "").replace("\r\n", "\n")
        found = re.search(rf"(?:\A|\s)\[{re.escape(self.prefix)} ([a-z-]+)/([^\s/\]]+)\]\s*\Z", text)
        if found is None:
            return text or None, "", ""
        return text[: found.start()] or None, found[1], found[2]


def new_id(organization: str, prefix: str, address: Address, taken: Iterable[RemoteId]) -> RemoteId:
    """The same for the same thing of the same environment, so that it cannot be made twice.

    ``taken``: ids that live rows have; a key that was given up leaves its id with what it was given for.
    """
    used, attempt = set(taken), 1
    while True:
        again = f"#{attempt}" if attempt > 1 else ""
        found = str(uuid5(UUID(organization), f"{prefix}/{address}{again}"))
        if found not in used:
            return found
        attempt += 1


def moment(text: str) -> datetime:
    return datetime.fromisoformat(text).astimezone(UTC)


def flag(settings: str | None, name: str, *, default: bool = False) -> bool:
    """Of ``organization.orgdborgsettings``, which is XML in a text."""
    found = re.search(rf"<{name}>\s*(true|false)\s*</{name}>", settings or "", re.IGNORECASE)
    return found[1].lower() == "true" if found else default


def is_person(user: Mapping[str, Any]) -> bool:
    """No application user, no support user, no delegated administrator."""
    return user["applicationid"] is None and user["accessmode"] not in {3, 5}
