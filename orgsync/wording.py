"""What texts in documents and settings may look like, and what is said of one that does not.

In: faults of the validation library. Out: types for models; codes and sentences in an admin's words. Never: lets the
wording of the library through.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from functools import lru_cache
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BeforeValidator, Field, StringConstraints
from pydantic_core import ErrorDetails, PydanticCustomError

from orgsync.finding import suggestion
from orgsync.resources import SCOPES

KINDS = ("BusinessUnit", "Unit", "Function", "Role")
"""Of documents."""

_KEY = r"^[a-z0-9]+(-[a-z0-9]+)*$"
_FORMER = r"^((business-unit|unit|function|role)/)?[a-z0-9]+(-[a-z0-9]+)*$"
_HIDDEN = "\u202a-\u202e\u2066-\u2069"  # marks that reverse the direction of what is shown
_ENDS = "\n\r\t\u0085\u2028\u2029"  # what breaks a line somewhere
_LINE = rf"^[^{_ENDS}{_HIDDEN}]*[^\s{_HIDDEN}][^{_ENDS}{_HIDDEN}]*$"
_LINES = rf"^[^{_HIDDEN}]*$"
_LOGIN = r"^[A-Za-z0-9.!#$%&'*+=?^_{|}~-]+@[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)+$"
_OBJECT = r"^[A-Za-z][A-Za-z0-9_.-]*$"
_ACTION = r"^[a-z][A-Za-z0-9_-]*$"
_DURATION = r"^[1-9][0-9]{0,3}[dwmy]$"
_URL = r"^https?://[^\s<>\"]+$"

PATTERNS: Mapping[str, tuple[str, str, str]] = {
    _KEY: ("bad-key", "a key is a short word", "use lower-case letters, digits and single hyphens: sales-team"),
    _FORMER: ("bad-key", "a key is a short word", "name a former key or address: sales-team or unit/sales-team"),
    _LINE: ("bad-name", "a name is one line of text", "write one line without tabs or direction marks"),
    _LINES: ("bad-text", "text holds a hidden direction mark", "remove the bidirectional control character"),
    _LOGIN: ("bad-login", "a user is named by an email address", "write a login such as ana.kim@example.com"),
    _OBJECT: ("bad-object", "this is not the name of an object", "use a word such as opportunity"),
    _ACTION: ("bad-action", "this is not the name of an action", "use a word such as read or update"),
    _DURATION: ("bad-duration", "this is not a period of time", "write a number and d, w, m or y: 90d"),
    _URL: ("bad-url", "this is not a web address", "write an address that begins with https://"),
}


def _flag(value: object) -> bool:
    if isinstance(value, str) and value in {"true", "false"}:
        return value == "true"
    raise PydanticCustomError("bad-flag", "true or false is expected")


def _count(value: object) -> int:
    if isinstance(value, str) and re.fullmatch(r"0|[1-9][0-9]{0,8}", value):
        return int(value)
    raise PydanticCustomError("bad-number", "a whole number is expected")


@lru_cache(maxsize=4096)
def _day(value: str) -> str:
    """Many assignments end on the same day, and looking one up is ten times faster than checking it again."""
    try:
        if re.fullmatch(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", value):
            return date.fromisoformat(value).isoformat()
    except ValueError:
        pass
    raise PydanticCustomError("bad-date", "a date is expected")


Key = Annotated[str, StringConstraints(pattern=_KEY, max_length=63)]
Former = Annotated[str, StringConstraints(pattern=_FORMER, max_length=80)]
Line = Annotated[str, StringConstraints(pattern=_LINE, max_length=120)]
Lines = Annotated[str, StringConstraints(pattern=_LINES, max_length=2000)]
Login = Annotated[str, StringConstraints(pattern=_LOGIN, max_length=254, to_lower=True)]
ObjectName = Annotated[str, StringConstraints(pattern=_OBJECT, max_length=80)]
ActionName = Annotated[str, StringConstraints(pattern=_ACTION, max_length=40)]
ScopeName = Literal["none", "own", "unit", "subtree", "organization"]
Duration = Annotated[str, StringConstraints(pattern=_DURATION)]
Url = Annotated[str, StringConstraints(pattern=_URL, max_length=2000)]
Day = Annotated[str, AfterValidator(_day), Field(json_schema_extra={"format": "date"})]
Flag = Annotated[bool, BeforeValidator(_flag)]
Count = Annotated[int, BeforeValidator(_count), Field(json_schema_extra={"minimum": 0})]

_REMEDIES = {
    "bad-flag": ("true or false is expected", "write true or false, in lower case"),
    "bad-number": ("a whole number is expected", "write digits only, without a leading zero"),
    "bad-date": ("a date is expected", "write a day that exists as year-month-day: 2027-03-31"),
}
_SHAPES = {
    "string_type": ("text is expected", "write one value here"),
    "list_type": ("a list is expected", "write a list: [a, b] or lines that begin with a hyphen"),
    "dict_type": ("a mapping is expected", "write fields as name: value"),
    "model_type": ("a mapping is expected", "write fields as name: value"),
    "model_attributes_type": ("a mapping is expected", "write fields as name: value"),
    "typed_dict_type": ("a mapping is expected", "write fields as name: value"),
}


def translate(error: ErrorDetails, path: Sequence[str | int], known: Sequence[str]) -> tuple[str, str, str, str]:
    """(code, summary, detail, remedy) of one fault that the validation library found."""
    kind, value = error["type"], error["input"]
    if kind in _REMEDIES:
        return kind, _REMEDIES[kind][0], _show(value), _REMEDIES[kind][1]
    if kind in _SHAPES:
        return "wrong-shape", _SHAPES[kind][0], f"this is {_shape(value)}", _SHAPES[kind][1]
    if kind in {"missing", "extra_forbidden"}:
        return _field_fault(kind, str(error["loc"][-1]), known)
    if kind.startswith("union_tag"):
        return _kind_fault(kind, value.get("kind") if isinstance(value, dict) else "")
    return _value_fault(kind, path, value, error.get("ctx", {}))


def _field_fault(kind: str, name: str, known: Sequence[str]) -> tuple[str, str, str, str]:
    if kind == "missing":
        return "missing-field", "a required field is missing", name, f"add {name}:"
    remedy = f"known fields: {', '.join(known)}" if known else "remove it"
    return "unknown-field", "an unknown field", _show(name) + suggestion(name, known), remedy


def _kind_fault(kind: str, found: object) -> tuple[str, str, str, str]:
    if kind == "union_tag_not_found":
        return "missing-kind", "the document does not say its kind", "", f"add kind: {' | '.join(KINDS)}"
    near = suggestion(found, KINDS) if isinstance(found, str) else ""
    return "unknown-kind", "an unknown kind", _show(found) + near, f"use {_any(KINDS)}"


def _value_fault(
    kind: str, path: Sequence[str | int], value: object, context: Mapping[str, Any]
) -> tuple[str, str, str, str]:
    if kind == "literal_error":
        return _not_a_choice(path, value, context)
    if kind == "string_pattern_mismatch":
        code, summary, remedy = PATTERNS[str(context["pattern"])]
        return code, summary, _show(value), remedy
    if kind == "string_too_long":
        return "too-long", "this is too long", f"more than {context.get('max_length')} characters", "shorten it"
    return "invalid-value", "this value cannot be used", _show(value), "compare with the schema of this kind"


def _not_a_choice(path: Sequence[str | int], value: object, context: Mapping[str, Any]) -> tuple[str, str, str, str]:
    choices = re.findall(r"'([^']*)'", str(context.get("expected", "")))
    detail = _show(value) + suggestion(str(value), choices)
    if set(choices) == set(SCOPES):
        return "unknown-scope", "an unknown scope", detail, f"use {_any(SCOPES)}"
    if path and path[-1] == "apiVersion":
        return "unknown-version", "an unknown version of the format", detail, f"use {choices[0]}"
    return "unknown-word", "this word is not known here", detail, f"use {_any(choices)}"


def _any(words: Iterable[str]) -> str:
    *first, last = words
    return f"{', '.join(first)} or {last}" if first else last


def _show(value: object) -> str:
    """What the author wrote, cut where it is long."""
    if not isinstance(value, str):
        return f"this is {_shape(value)}"
    return f'"{value if len(value) <= _SHOWN else value[:_SHOWN] + "…"}"'


_SHOWN = 60


def _shape(value: object) -> str:
    if value is None:
        return "empty"
    return "a list" if isinstance(value, list) else "a mapping" if isinstance(value, dict) else "a single value"
