"""The document kinds as Pydantic models, and their check: one call per file, errors in an admin's words.

In: plain values from ``load``. Out: validated documents and findings at file:line:column. Never: changes a value
beyond a login's case, or lets the wording of the validation library through.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from difflib import get_close_matches
from itertools import groupby
from typing import Annotated, Any, Literal, NotRequired

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, StringConstraints, TypeAdapter
from pydantic import ValidationError as PydanticError
from pydantic_core import ErrorDetails, PydanticCustomError
from typing_extensions import TypedDict  # the one that pydantic accepts before Python 3.12

from orgsync.finding import Finding
from orgsync.load import Document, Repository
from orgsync.resources import SCOPES

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


def _day(value: str) -> str:
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


def _camel(name: str) -> str:
    first, *rest = name.split("_")
    return first + "".join(word.capitalize() for word in rest)


class _Model(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, alias_generator=_camel, use_attribute_docstrings=True)


class _DocumentModel(_Model):
    api_version: Literal["orgsync/v1"]
    """Version of the document format: orgsync/v1."""
    key: Key
    """What others refer to it by, such as sales-team. Where it changes, list the old one under previously."""
    name: Line
    """What people see in the CRM."""
    description: Lines | None = None
    """A few sentences for people."""
    previously: list[Former] = []
    """Keys that it had before. With them a changed key is a rename: nothing is deleted, nobody loses access."""


class BusinessUnit(_DocumentModel):
    """The part of the company that a unit belongs to, and the boundary of data access."""

    kind: Literal["BusinessUnit"]
    """What the document declares: BusinessUnit."""
    parent: Key | None = None
    """Key of the business unit that it is a part of; the topmost has none."""


class Review(_Model):
    """When the unit's access must be looked through again."""

    every: Duration
    """How often: a number and d, w, m or y, such as 90d."""


class Workflow(_Model):
    """A process of the unit."""

    name: Line
    """What people call it."""
    url: Url
    """Where it is described."""


# A typed mapping rather than a model: there are a hundred times more of these than of anything else, absent fields stay
# absent by themselves, and it is validated in half the time.
class Assignment(TypedDict):
    """Somebody who belongs to the unit."""

    __pydantic_config__ = ConfigDict(extra="forbid", use_attribute_docstrings=True)  # type: ignore[misc]

    user: Login
    """The person's login, an email address."""
    roles: NotRequired[list[Key]]
    """Keys of roles that this person holds beyond those that the unit gives to all."""
    primary: NotRequired[Flag]
    """With true, this unit is the person's home in a CRM that wants one: its business unit, its owner as manager."""
    until: NotRequired[Day | None]
    """The last day of the assignment, such as 2027-03-31."""
    reason: NotRequired[Lines | None]
    """Why, for whoever reviews it."""


class Unit(_DocumentModel):
    """An organizational unit: a group of users that share roles, functions and privileges."""

    kind: Literal["Unit"]
    """What the document declares: Unit."""
    type: Literal["functional", "geographical"] | None = None
    """What its members have in common: their work or their place."""
    business_unit: Key
    """Key of the one business unit that it belongs to."""
    parent: Key | None = None
    """Key of the unit above it; a topmost one has none."""
    owner: Login | None = None
    """Login of whoever answers for this unit in reviews."""
    roles: list[Key] | None = None
    """Keys of roles that every member holds. Once stated, complete."""
    review: Review | None = None
    """When the unit's access must be looked through again."""
    workflows: list[Workflow] | None = None
    """The unit's processes, shown in reports."""
    assignments: list[Assignment] | None = None
    """Who belongs to the unit. Once stated, complete: whoever is not listed leaves."""


class Function(_DocumentModel):
    """A named piece of work: privileges without scopes, from which roles are built."""

    kind: Literal["Function"]
    """What the document declares: Function."""
    privileges: dict[ObjectName, list[ActionName]] = {}
    """What may be done with which objects, such as opportunity: [read, update]."""


class Holders(_Model):
    """How many people must hold the role, and how many may."""

    min: Count = 0
    """At least so many."""
    max: Count | None = None
    """At most so many."""


class Binding(_Model):
    """A role that the CRM already has."""

    role: Line
    """Its name in the CRM."""


class Role(_DocumentModel):
    """A named set of privileges."""

    kind: Literal["Role"]
    """What the document declares: Role."""
    includes: list[Key] | None = None
    """Keys of roles that this one contains."""
    functions: dict[Key, ScopeName] | None = None
    """Keys of functions, each with how far it reaches, such as lead-management: unit."""
    privileges: dict[ObjectName, dict[ActionName, ScopeName]] | None = None
    """What may be done with which objects, and how far that reaches, such as opportunity: {read: unit, delete: own}."""
    conflicts_with: list[Key] | None = None
    """Keys of roles that nobody may hold together with this one."""
    privileged: Flag | None = None
    """With true, whoever gets this role needs until and reason."""
    holders: Holders | None = None
    """How many people must hold the role, and how many may."""
    bind: dict[Key, Binding] = {}
    """For an adapter by its name: a role that such a CRM already has, to be used instead of making one."""


AnyDocument = Annotated[BusinessUnit | Unit | Function | Role, Field(discriminator="kind")]
MODELS: Mapping[str, type[AnyDocument]] = {
    "BusinessUnit": BusinessUnit,
    "Unit": Unit,
    "Function": Function,
    "Role": Role,
}
KINDS_IN = {"units": ("BusinessUnit", "Unit"), "roles": ("Function", "Role")}

_FILE = TypeAdapter(list[AnyDocument])
Stated = Mapping[str, Any]
"""What a valid document states, in the author's order and under the author's names; logins in lower case, flags and
numbers as such."""
Checked = tuple[int, Stated]


def check(repository: Repository) -> tuple[list[Checked], list[Finding]]:
    """(index in ``repository.documents``, what it states) of every valid document, and a finding per fault."""
    checked: list[Checked] = []
    findings: list[Finding] = []
    for _, group in groupby(enumerate(repository.documents), key=lambda pair: pair[1].file):
        pairs = list(group)
        try:
            models = _FILE.validate_python([document.value for _, document in pairs])
        except PydanticError:
            models = _one_by_one(pairs, checked, findings, repository)
            pairs = []
        checked += [(index, _stated(one.value, model)) for (index, one), model in zip(pairs, models, strict=True)]
        findings += _misplaced(pairs, repository)
    return checked, findings


def _one_by_one(
    pairs: Sequence[tuple[int, Document]], checked: list[Checked], findings: list[Finding], repository: Repository
) -> list[AnyDocument]:
    """A fault in one document of a file says nothing about the others."""
    for index, document in pairs:
        try:
            checked.append((index, _stated(document.value, _FILE.validate_python([document.value])[0])))
            findings += _misplaced([(index, document)], repository)
        except PydanticError as error:
            findings += [_finding(one, index, document, repository) for one in error.errors(include_url=False)]
    return []


def _stated(value: Mapping[str, Any], model: AnyDocument) -> Stated:
    """Assignments are plain already: having them written out once more would take as long as checking them."""
    stated = model.model_dump(mode="json", by_alias=True, exclude_unset=True, exclude={"assignments"})
    if isinstance(model, Unit):
        stated["assignments"] = model.assignments
    return {name: stated[name] for name in value}


def _misplaced(pairs: Iterable[tuple[int, Document]], repository: Repository) -> list[Finding]:
    return [
        Finding(
            code="wrong-folder",
            summary="this kind belongs to another folder",
            detail=f"{document.value['kind']} in {document.file.partition('/')[0]}/",
            remedy="business units and units live in units/, functions and roles in roles/",
            position=repository.position((index, ("kind",))),
        )
        for index, document in pairs
        if document.value["kind"] not in KINDS_IN[document.file.partition("/")[0]]
    ]


def _finding(error: ErrorDetails, index: int, document: Document, repository: Repository) -> Finding:
    path, of_key = _path(error, document)
    code, summary, detail, remedy = translate(error, path, _fields_at(document, path))
    position = repository.position((index, path), of_key=of_key)
    return Finding(code=code, summary=summary, detail=detail, remedy=remedy, position=position)


def _path(error: ErrorDetails, document: Document) -> tuple[tuple[str | int, ...], bool]:
    """The path inside the document, and whether the fault lies with the name of the field."""
    _, *steps = error["loc"]
    if steps and steps[0] in MODELS and steps[0] == document.value.get("kind"):
        steps = steps[1:]
    if steps and steps[-1] == "[key]":
        return tuple(steps[:-1]), True
    if error["type"].startswith("union_tag"):
        return ("kind",), False
    if error["type"] == "missing":
        return tuple(steps[:-1]), False
    return tuple(steps), error["type"] == "extra_forbidden"


def _fields_at(document: Document, path: Sequence[str | int]) -> list[str]:
    """The field names that the model knows where an unknown one was found."""
    names = [step for step in path if isinstance(step, str)]
    model: Any = MODELS.get(str(document.value.get("kind")))
    for name in names[:-1]:
        model = _NESTED.get(name, model)
    if model is None:
        return []
    if model is Assignment:
        return list(Assignment.__annotations__)
    return [info.alias or name for name, info in model.model_fields.items()]


_NESTED: Mapping[str, Any] = {
    "assignments": Assignment,
    "workflows": Workflow,
    "review": Review,
    "holders": Holders,
    "bind": Binding,
}

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
        return "missing-kind", "the document does not say its kind", "", f"add kind: {' | '.join(MODELS)}"
    near = suggestion(found, list(MODELS)) if isinstance(found, str) else ""
    return "unknown-kind", "an unknown kind", _show(found) + near, f"use {_any(MODELS)}"


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


def suggestion(word: str, known: Iterable[str]) -> str:
    """`` (did you mean "x"?)``, or nothing."""
    near = get_close_matches(word, list(known), n=1)
    return f' (did you mean "{near[0]}"?)' if near else ""


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
