"""The published JSON Schemas: of every document kind, of orgsync.yaml, and of what the commands print as JSON.

In: nothing. Out: name -> schema (draft 2020-12). Never: reads or writes a file.

Editors read plain ``true``, ``5`` and ``2027-03-31`` as YAML 1.2 does; orgsync reads the text. Both mean the same
for whatever these schemas accept.
"""

import ast
import inspect
import re
from collections.abc import Iterator
from itertools import pairwise
from types import ModuleType
from typing import Any, cast

from pydantic import TypeAdapter
from pydantic.alias_generators import to_camel

from orgsync import documents
from orgsync.access import LEVELS
from orgsync.documents import MODELS, AnyDocument
from orgsync.plan import FORMAT_VERSION
from orgsync.resources import Kind
from orgsync.settings import models, policy_models

DRAFT = "https://json-schema.org/draft/2020-12/schema"
Schema = dict[str, Any]
_NAMES = {
    "BusinessUnit": "business-unit",
    "Unit": "unit",
    "Function": "function",
    "Role": "role",
}


def schemas() -> dict[str, Schema]:
    """``unit`` and so on -> the schema; each is published as ``schemas/<name>.schema.json``."""
    found = {name: _of(MODELS[model]) for model, name in _NAMES.items()}
    found["document"] = _of(AnyDocument)
    found["settings"] = _of(models.Settings)
    found |= {"plan": _plan(), "drift": _drift(), "apply": _apply(), "findings": _titled("Findings", _list(_FINDING))}
    found |= {"access": _access(), "access-diff": _titled("Access diff", _ACCESS)}
    return {name: {"$schema": DRAFT, **schema} for name, schema in found.items()}


def _of(model: Any) -> Schema:
    return cast("Schema", _native(_described(TypeAdapter[Any](model).json_schema(by_alias=True, mode="validation"))))


def _described(schema: Schema) -> Schema:
    """With the text that stands below each field in the model's source. The validation library could collect them, too,
    but would do so whenever a model is imported, and that takes as long as importing the rest."""
    for one in (schema, *schema.get("$defs", {}).values()):
        texts = _TEXTS.get(one.get("title", ""), {})
        for name, field in one.get("properties", {}).items():
            if name in texts:
                one["properties"][name] = dict(sorted({**field, "description": texts[name]}.items()))
    return schema


def _texts_in(module: ModuleType) -> Iterator[tuple[str, dict[str, str]]]:
    """(class, alias of a field -> the text below it), what it inherits included."""
    found: dict[str, dict[str, str]] = {}
    for node in ast.parse(inspect.getsource(module)).body:
        if isinstance(node, ast.ClassDef):
            own = {to_camel(name): text for name, text in _fields_of(node)}
            inherited = [found.get(base.id, {}) for base in node.bases if isinstance(base, ast.Name)]
            found[node.name] = {name: text for part in (*inherited, own) for name, text in part.items()}
    yield from found.items()


def _fields_of(node: ast.ClassDef) -> Iterator[tuple[str, str]]:
    for field, below in pairwise(node.body):
        if isinstance(field, ast.AnnAssign) and isinstance(field.target, ast.Name) and isinstance(below, ast.Expr):
            yield field.target.id, inspect.cleandoc(str(ast.literal_eval(below.value)))


_TEXTS = {name: texts for module in (documents, models, policy_models) for name, texts in _texts_in(module)}


def _native(schema: Any) -> Any:
    """Text whose pattern fits a number or a flag may be one to an editor: ``name: 2027``, ``key: 007``."""
    if isinstance(schema, list):
        return [_native(one) for one in schema]
    if not isinstance(schema, dict):
        return schema
    found = {name: _native(one) for name, one in schema.items()}
    if isinstance(found.get("title"), str) and "properties" not in found:
        del found["title"]  # made from the field's name, and no better: Conflictswith
    pattern = found.get("pattern")
    if found.get("type") == "string" and isinstance(pattern, str):
        fits = [name for name, sample in _SAMPLES.items() if re.search(pattern, sample)]
        found |= {"type": ["string", *fits]} if fits else {}
    return found


_SAMPLES = {"integer": "2027", "number": "1.5", "boolean": "true"}


def _object(optional: tuple[str, ...] = (), /, **properties: Schema) -> Schema:
    return {
        "type": "object",
        "properties": properties,
        "required": [name for name in properties if name not in optional],
        "additionalProperties": False,
    }


def _list(items: Schema) -> Schema:
    return {"type": "array", "items": items}


def _map(values: Schema) -> Schema:
    return {"type": "object", "additionalProperties": values}


def _titled(title: str, schema: Schema) -> Schema:
    return {"title": title, **schema}


def _or_null(schema: Schema) -> Schema:
    return {"anyOf": [schema, {"type": "null"}]}


_TEXT: Schema = {"type": "string"}
_COUNT: Schema = {"type": "integer", "minimum": 0}
_FLAG: Schema = {"type": "boolean"}
_DIGEST: Schema = {"type": "string", "pattern": "^[0-9a-f]{64}$"}
_FIELDS: Schema = {"type": "object"}
_ACTION: Schema = {"enum": ["create", "update", "delete"]}
_STATUS: Schema = {"enum": ["applied", "failed", "skipped", "unknown"]}
_FINDING = _object(
    code=_TEXT,
    severity={"enum": ["error", "warning", "info"]},
    summary=_TEXT,
    detail=_TEXT,
    remedy=_TEXT,
    file=_or_null(_TEXT),
    line=_or_null({"type": "integer", "minimum": 1}),
    column=_or_null({"type": "integer", "minimum": 1}),
    address=_or_null(_TEXT),
    waiver=_or_null(_TEXT),
)
_SCOPE: Schema = {"enum": [*LEVELS]}
_ACCESS_GROUP = _object(
    change={"enum": ["gain", "loss"]},
    privileged=_FLAG,
    roles=_list(_TEXT),
    privileges=_list(_object(object=_TEXT, action=_TEXT, scope=_SCOPE, other=_SCOPE, over=_TEXT)),
    privilegeCount=_COUNT,
    units=_map(_COUNT),
    unitCount=_COUNT,
    users=_list(_TEXT),
    userCount=_COUNT,
    causes=_list(_TEXT),
)
_ACCESS = _object(
    summary=_object(gaining=_COUNT, losing=_COUNT, privileged=_COUNT),
    groups=_list(_ACCESS_GROUP),
    more=_object(gains=_COUNT, losses=_COUNT),
    asDeclared=_FLAG,
)
_SUMMARY = _object(create=_COUNT, update=_COUNT, delete=_COUNT, withheld=_COUNT)


def _change(**more: Schema) -> Schema:
    return _object(
        ("attributes", *more),
        id=_TEXT,
        address=_TEXT,
        kind={"enum": [str(kind) for kind in Kind]},
        action=_ACTION,
        before=_or_null(_FIELDS),
        after=_or_null(_FIELDS),
        attributes=_list(_object(path=_TEXT, before={}, after={})),
        reason=_TEXT,
        waitsFor=_list(_TEXT),
        remoteId=_or_null(_TEXT),
        risky=_FLAG,
        **more,
    )


def _plan_members(change: Schema) -> dict[str, Schema]:
    return {
        "formatVersion": {"const": FORMAT_VERSION},
        "target": _object(name=_TEXT, adapter=_TEXT, identity=_TEXT),
        "revision": _TEXT,
        "contents": _DIGEST,
        "settings": _FIELDS,
        "seen": _map(_FIELDS),
        "roles": _map(_FIELDS),
        "live": _map(_COUNT),
        "changes": _list(change),
        "withheld": _list(change),
        "effects": _list(_object(cause=_TEXT, summary=_TEXT, drops=_list(_TEXT))),
        "access": _ACCESS,
        "guards": _list(_object(name=_TEXT, text=_TEXT, violated=_FLAG, accepted=_FLAG)),
        "findings": _list(_FINDING),
        "origins": _map(_TEXT),
        "names": _map(_TEXT),
        "bound": _map(_TEXT),
        "seats": _or_null({"type": "array", "items": _COUNT, "minItems": 2, "maxItems": 2}),
        "asOf": _TEXT,
        "undoes": _TEXT,
        "journal": _TEXT,
        "summary": _SUMMARY,
        "digest": _DIGEST,
        "changeDigest": _DIGEST,
        "signature": _TEXT,
    }


def _plan() -> Schema:
    return _titled("Plan", _object((), **_plan_members(_change())))


def _drift() -> Schema:
    change = _change(changedBy=_or_null(_TEXT), changedAt=_or_null(_TEXT))
    foreign = _object(
        ("changedBy", "changedAt"),
        address=_TEXT,
        kind=_TEXT,
        id=_TEXT,
        name=_TEXT,
        changedBy=_or_null(_TEXT),
        changedAt=_or_null(_TEXT),
    )
    return _titled("Drift", _object((), **_plan_members(change), foreign=_list(foreign), broken=_list(_FINDING)))


def _access() -> Schema:
    return _titled(
        "Access",
        _list(
            _object(
                user=_TEXT,
                object=_TEXT,
                action=_TEXT,
                scope=_SCOPE,
                reach=_list(_object(scope=_SCOPE, unit=_TEXT)),
                paths=_list(_list(_TEXT)),
            )
        ),
    )


def _apply() -> Schema:
    outcome = _object(id=_TEXT, address=_TEXT, action=_ACTION, status=_STATUS, detail=_TEXT)
    summary = _object(applied=_COUNT, failed=_COUNT, skipped=_COUNT, unknown=_COUNT)
    return _titled(
        "Apply",
        _object(run=_TEXT, outcomes=_list(outcome), summary=summary, differences=_list(_FINDING), journal=_TEXT),
    )
