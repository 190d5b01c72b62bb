"""The check of orgsync.yaml: one call, faults in an admin's words.

In: the file's bytes. Out: what the models make of them, as JSON. Never: shows what may be a secret.
"""

from collections.abc import Iterator
from typing import Any

from pydantic import ValidationError as PydanticError
from pydantic_core import ErrorDetails

from orgsync.errors import InvalidInput
from orgsync.finding import UNSHOWN, Finding, Position, has_errors, suggestion
from orgsync.load import parse, position_in
from orgsync.references import is_reference, is_secret_name
from orgsync.settings import models, policy_models
from orgsync.settings.file import FILE, finding
from orgsync.settings.values import Settings, settings_of
from orgsync.wording import translate

_MOST = 1_000
"""Faults that are told: to find the place of each takes as long as the file is."""


def check(content: bytes) -> dict[str, Any]:
    """Raises InvalidInput with a finding per fault."""
    values, findings = parse(content, FILE)
    documents = [(number, value) for number, value in enumerate(values) if value is not None]
    if not has_errors(findings) and len(documents) != 1:
        findings = [finding("not-one-document", "one document is expected", f"{len(documents)} found", "keep one")]
    if has_errors(findings):
        raise InvalidInput(findings)
    return _checked(documents[0][1], content, documents[0][0])


def _checked(value: object, content: bytes, number: int) -> dict[str, Any]:
    findings = [
        _coded("literal-secret", "", position_in(content, FILE, number, path)) for path in _literal_secrets(value)
    ]
    try:
        stated = models.Settings.model_validate(value).model_dump(mode="json", by_alias=True)
    except PydanticError as error:
        findings += [_fault(one, content, number) for one in error.errors(include_url=False)[:_MOST]]
        raise InvalidInput(findings) from None
    settings = settings_of(stated)
    findings += _default_fault(settings, content, number)
    findings += [
        _coded(code, detail, position_in(content, FILE, number, ("policies", *path), of_key=path[0] == "severities"))
        for code, detail, path in policy_models.faults(settings.policies)
    ]
    if findings:
        raise InvalidInput(findings)
    return stated


def _literal_secrets(value: object, path: tuple[str | int, ...] = ()) -> Iterator[tuple[str | int, ...]]:
    """Places of secrets among what the models leave to others, such as an adapter's options."""
    if isinstance(value, list):
        for index, one in enumerate(value):
            yield from _literal_secrets(one, (*path, index))
    if not isinstance(value, dict):
        return
    for name, one in value.items():
        here = (*path, name)
        if is_secret_name(name) and _is_literal(one):
            yield here
        elif here[::2] != ("targets", "credentials"):  # the model's own
            yield from _literal_secrets(one, here)


def _is_literal(value: object) -> bool:
    if isinstance(value, list):
        return any(_is_literal(one) for one in value)
    return isinstance(value, str) and not is_reference(value)


def _fault(error: ErrorDetails, content: bytes, number: int) -> Finding:
    kind, path = error["type"], tuple(error["loc"])
    of_key = kind == "extra_forbidden" or path[-1:] == ("[key]",)
    path = path[:-1] if path[-1:] == ("[key]",) or kind == "missing" else path
    position = position_in(content, FILE, number, path, of_key=of_key)
    if kind in models.FAULTS:
        return _coded(kind, "" if kind in UNSHOWN else f'"{error["input"]}"', position)
    return finding(*translate(error, path, models.known_at(path)), position)


def _coded(code: str, detail: str, position: Position) -> Finding:
    summary, remedy = models.FAULTS[code]
    return finding(code, summary, detail, remedy, position)


def _default_fault(settings: Settings, content: bytes, number: int) -> list[Finding]:
    name = settings.default_target
    if name is None or name in settings.targets:
        return []
    there = f"; targets: {', '.join(settings.targets) or 'none'}"
    detail = f'"{name}"{suggestion(name, settings.targets) or there}'
    return [_coded("unknown-target", detail, position_in(content, FILE, number, ("defaultTarget",)))]
