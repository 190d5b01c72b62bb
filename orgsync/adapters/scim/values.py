"""What came over the wire, as values: groups, users, and what cannot be one.

In: JSON of any shape. Out: frozen values. Never: a traceback; what would make a read incomplete raises IncompleteRead.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from orgsync.adapter import Changed
from orgsync.adapters.scim.options import Options
from orgsync.errors import IncompleteRead
from orgsync.resources import RemoteId

ENTERPRISE = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"
"""RFC 7643, 4.3."""

Raw = Mapping[str, Any]
_NOTHING: Raw = {}


@dataclass(frozen=True, slots=True, kw_only=True)
class Member:
    id: RemoteId
    sort: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """``key``: the externalId, whoever wrote it. ``version``: for If-Match, empty where there is none."""

    id: RemoteId
    key: str
    name: str
    members: Sequence[Member]
    version: str
    changed: Changed | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Word:
    value: str
    sort: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class User:
    """``login``: the userName in lower case. ``home`` and ``manager``: from the enterprise extension, as they are."""

    id: RemoteId
    login: str
    name: str | None
    active: bool
    words: tuple[Word, ...]
    home: str
    manager: RemoteId
    version: str
    changed: Changed | None


def get(raw: object, name: str) -> Any:
    """Names of attributes are compared without case (RFC 7643, 2.1)."""
    if not isinstance(raw, Mapping):
        return None
    if name in raw:
        return raw[name]
    low = name.lower()
    return next((value for key, value in raw.items() if isinstance(key, str) and key.lower() == low), None)


def text(value: object) -> str:
    """Empty for whatever is no text or number."""
    if isinstance(value, str):
        return value
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else ""


def flag(value: object, *, otherwise: bool) -> bool:
    """Some providers spell booleans as texts."""
    if isinstance(value, bool):
        return value
    return {"true": True, "false": False}.get(text(value).strip().lower(), otherwise)


def number(value: object) -> int | None:
    if isinstance(value, bool):
        return None
    if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) < 10:  # noqa: PLR2004
        return int(value)
    return value if isinstance(value, int) and value >= 0 else None


def entries(value: object) -> Sequence[Any]:
    """A single value of a multi-valued attribute may come without its list."""
    if value is None:
        return ()
    return value if isinstance(value, list) else [value]


def group_of(raw: object) -> Group:
    members = {member.id: member for member in map(_member, entries(get(raw, "members")))}
    return Group(
        id=_id(raw, "group"),
        key=text(get(raw, "externalId")),
        name=text(get(raw, "displayName")),
        members=tuple(members.values()),
        version=text(get(get(raw, "meta"), "version")),
        changed=_changed(raw),
    )


def user_of(raw: object, options: Options) -> User:
    extension = get(raw, ENTERPRISE)
    manager = get(extension, "manager")
    words = (_word(one) for one in entries(get(raw, options.role_attribute)))
    return User(
        id=_id(raw, "user"),
        login=text(get(raw, "userName")).lower(),
        name=text(get(raw, "displayName")) or None,
        active=flag(get(raw, "active"), otherwise=True),
        words=tuple(dict.fromkeys(word for word in words if word.value)),
        home=text(get(extension, options.business_unit_attribute)) if options.business_unit_attribute else "",
        manager=text(get(manager, "value")) or text(manager),
        version=text(get(get(raw, "meta"), "version")),
        changed=_changed(raw),
    )


def _id(raw: object, what: str) -> RemoteId:
    if found := text(get(raw, "id")):
        return found
    raise IncompleteRead(f"a {what} came without its id", remedy="the provider breaks the protocol: ask its makers")


def _member(raw: object) -> Member:
    """Somebody who cannot be told would look like somebody who left."""
    found = text(get(raw, "value")) or text(get(raw, "$ref")).rstrip("/").rpartition("/")[2] or text(raw)
    if not found:
        raise IncompleteRead("a member of a group came without its id", remedy="ask the provider's makers")
    return Member(id=found, sort=text(get(raw, "type")))


def _word(raw: object) -> Word:
    return Word(value=text(get(raw, "value")) or text(raw), sort=text(get(raw, "type")))


def _changed(raw: object) -> Changed | None:
    """SCIM says when, never who."""
    try:
        at = datetime.fromisoformat(text(get(get(raw, "meta"), "lastModified")))
    except ValueError:
        return None
    return Changed(by="", at=at if at.tzinfo is not None else at.replace(tzinfo=UTC))
