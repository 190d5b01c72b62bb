"""Our values as SCIM bodies: new resources, patches, filters.

In: fields, ids, words. Out: JSON. Never: more than what changes; a value inside a filter that could end it.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from itertools import islice
from typing import Any

from orgsync.adapters.scim.discovery import GROUP, USER
from orgsync.adapters.scim.options import Options
from orgsync.adapters.scim.values import ENTERPRISE
from orgsync.adapters.scim.vendors import Deviations, Removal
from orgsync.resources import Address, Fields, Json, RemoteId

Body = dict[str, Any]
PATCH = "urn:ietf:params:scim:api:messages:2.0:PatchOp"


def equals(attribute: str, value: str) -> str:
    """A filter; the value is a JSON string (RFC 7644, 3.4.2.2), so that no quote in it ends it."""
    return f"{attribute} eq {json.dumps(value)}"


def any_of(terms: Iterable[str], at_once: int) -> list[str]:
    """Filters that join up to so many terms each."""
    left = iter(terms)
    return [" or ".join(some) for some in iter(lambda: list(islice(left, max(at_once, 1))), [])]


def new_group(address: Address, fields: Fields, options: Options) -> Body:
    name = fields.get("name")
    return {
        "schemas": [GROUP],
        "displayName": name if isinstance(name, str) and name else address.partition("/")[2],  # it has to have one
        "externalId": options.key_prefix + address,
    }


def new_user(login: str, fields: Fields, home: Mapping[str, Any], options: Options, known: Deviations) -> Body:
    """``home``: what the enterprise extension is to hold."""
    body: Body = {
        **options.new_users,
        "schemas": [USER, *([ENTERPRISE] if home else [])],
        "userName": login,
        "active": boolean(fields.get("active") is not False, known),
    }
    body.setdefault("emails", [{"value": login, "type": "work", "primary": True}])
    if isinstance(name := fields.get("name"), str) and name:
        body["displayName"] = name
    if known.full_names:
        given, family = _names(login)
        body.setdefault("displayName", f"{given} {family}")
        body.setdefault("name", {"givenName": given, "familyName": family})
    return body | ({ENTERPRISE: dict(home)} if home else {})


def _names(login: str) -> tuple[str, str]:
    """From the address: ``maria.lopez@…`` is Maria Lopez until somebody knows better."""
    words = [word.capitalize() for word in login.partition("@")[0].replace("_", ".").split(".") if word] or [login]
    return words[0], " ".join(words[1:]) or words[0]


def boolean(value: bool, known: Deviations) -> bool | str:  # noqa: FBT001
    return str(value) if known.text_booleans else value


def patch(operations: Sequence[Body], known: Deviations) -> Body:
    spelled = [{**one, "op": one["op"].capitalize()} for one in operations] if known.capital_operations else operations
    return {"schemas": [PATCH], "Operations": [*spelled]}


def replaced(values: Mapping[str, Json], known: Deviations) -> list[Body]:
    """Attribute path -> value; None takes the attribute away."""
    kept = {path: value for path, value in values.items() if value is not None}
    gone: list[Body] = [{"op": "remove", "path": path} for path in values if values[path] is None]
    if known.pathless_replace:
        return ([{"op": "replace", "value": kept}] if kept else []) + gone
    return [{"op": "replace", "path": path, "value": value} for path, value in kept.items()] + gone


def joining(members: Sequence[RemoteId], known: Deviations, *, groups: bool = False) -> list[Body]:
    values = [{"value": one, **({"type": "Group"} if groups else {})} for one in members]
    return [{"op": "add", "path": "members", "value": _wrapped(values, known)}]


def leaving(members: Sequence[RemoteId], known: Deviations) -> list[Body]:
    if known.removal is Removal.VALUES:
        return [{"op": "remove", "path": "members", "value": _wrapped([{"value": one} for one in members], known)}]
    return [{"op": "remove", "path": f"members[{equals('value', one)}]"} for one in members]


def _wrapped(values: list[Body], known: Deviations) -> Any:
    return {"members": values} if known.wrapped_members else values


def words_added(words: Sequence[str], options: Options) -> list[Body]:
    mark = {"type": options.role_type} if options.role_type else {}
    return [{"op": "add", "path": str(options.role_attribute), "value": [{"value": word, **mark} for word in words]}]


def words_removed(words: Sequence[str], options: Options) -> list[Body]:
    return [{"op": "remove", "path": f"{options.role_attribute}[{equals('value', word)}]"} for word in words]
