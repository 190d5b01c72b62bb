"""The document kinds as Pydantic models, and their check: one call per file, errors in an admin's words.

In: plain values from ``load``. Out: validated documents and findings at file:line:column. Never: changes a value
beyond a login's case, or lets the wording of the validation library through.
"""

from collections.abc import Iterable, Mapping, Sequence
from itertools import groupby
from typing import Annotated, Any, Literal, NotRequired

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter
from pydantic import ValidationError as PydanticError
from pydantic_core import ErrorDetails
from typing_extensions import TypedDict  # the one that pydantic accepts before Python 3.12

from orgsync.finding import Finding
from orgsync.load import Assignments, Checked, Document, Repository, Stated
from orgsync.wording import (
    ActionName,
    Count,
    Day,
    Duration,
    Flag,
    Former,
    Key,
    Line,
    Lines,
    Login,
    ObjectName,
    ScopeName,
    Url,
    translate,
)


def _camel(name: str) -> str:
    first, *rest = name.split("_")
    return first + "".join(word.capitalize() for word in rest)


class _Model(BaseModel):
    """Built when the first document is checked, all models together: one by one each would be built twice. The texts
    below the fields are for the published schemas, where ``orgsync.schema`` looks for them."""

    model_config = ConfigDict(extra="forbid", frozen=True, alias_generator=_camel, defer_build=True)


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

    __pydantic_config__ = ConfigDict(extra="forbid")  # type: ignore[misc]

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

_FILE = TypeAdapter(list[AnyDocument], config=ConfigDict(defer_build=True))


def check(repository: Repository) -> tuple[list[Checked], list[Finding]]:
    """(index in ``repository.documents``, what it states) of every valid document that was not checked before, and a
    finding per fault."""
    checked: list[Checked] = []
    findings: list[Finding] = []
    waiting = [pair for pair in enumerate(repository.documents) if not pair[1].checked]
    for _, group in groupby(waiting, key=lambda pair: pair[1].file):
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
    """Assignments become columns: having them written out once more would take as long as checking them."""
    stated = model.model_dump(mode="json", by_alias=True, exclude_unset=True, exclude={"assignments"})
    if isinstance(model, Unit):
        rows: Any = model.assignments
        stated["assignments"] = None if rows is None else Assignments.of(rows)
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
