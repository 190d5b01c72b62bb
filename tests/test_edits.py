"""Editing any one field of any document of the sample organization shows exactly that change, and nothing else."""

import copy
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from orgsync.adapter import Scope
from orgsync.adapters.memory import FULL, MemoryCrm
from orgsync.change import Action, Change, Status
from orgsync.diff import diff, rename
from orgsync.documents import check
from orgsync.explain import attributes
from orgsync.load import Document, Repository, load
from orgsync.project import project
from orgsync.resolve import KIND_OF, resolve
from orgsync.resources import Organization
from tests.transitions import TODAY, passed, planned

ROOT = Path(__file__).parent.parent
Value = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Edit:
    """A change to one document, and what the plan must say: (action, address, attribute path) triples."""

    document: int
    label: str
    apply: Callable[[Value], None]
    expected: frozenset[tuple[str, str, str]]


REPOSITORY = load(ROOT)


def organization(repository: Repository) -> Organization:
    documents, invalid = check(repository)
    desired, _ = resolve(documents, repository, today=TODAY)
    assert not invalid
    return project(desired, FULL, "memory")[0]


def edited(edit: Edit) -> Repository:
    documents = [
        Document(value=copy.deepcopy(one.value), file=one.file, number=one.number) for one in REPOSITORY.documents
    ]
    edit.apply(documents[edit.document].value)
    return replace(REPOSITORY, documents=documents)


def edits() -> Iterator[Edit]:
    for index, document in enumerate(REPOSITORY.documents):
        value: Any = document.value
        address = f"{KIND_OF[value['kind']]}/{value['key']}"
        yield from _plain_edits(index, value, address)
        yield from _role_edits(index, value, address)
        yield from _unit_edits(index, value, address)


def _one(index: int, address: str, path: str, apply: Callable[[Value], None]) -> Edit:
    return Edit(index, f"{address} {path}", apply, frozenset({("update", address, path)}))


def _set(name: str, value: object) -> Callable[[Value], None]:
    return lambda document: document.__setitem__(name, value)


def _plain_edits(index: int, value: Value, address: str) -> Iterator[Edit]:
    yield _one(index, address, "name", _set("name", "Another name"))
    yield _one(index, address, "description", _set("description", "Another description"))
    if value.get("parent"):
        yield _one(index, address, "parent", _set("parent", None))
    for subject, actions in (value.get("privileges") or {}).items() if value["kind"] == "Function" else ():
        kept = {**value["privileges"], subject: actions[1:]}
        number = sorted(actions).index(actions[0])
        shown = f"privileges.{subject}" + (f"[{number}]" if len(actions) > 1 else "")
        yield Edit(index, f"{address} {shown}", _set("privileges", kept), frozenset({("update", address, shown)}))


def _role_edits(index: int, value: Value, address: str) -> Iterator[Edit]:
    if value["kind"] != "Role":
        return
    yield _one(index, address, "privileged", _set("privileged", "false" if value.get("privileged") == "true" else None))
    for name in ("includes", "conflictsWith"):
        for number, key in enumerate(value.get(name) or ()):
            rest = [*value[name][:number], *value[name][number + 1 :]]
            path = f"{name}[{key}]" if rest else name
            yield _one(index, address, path, _set(name, rest))
    for key, scope in (value.get("functions") or {}).items():
        yield _one(index, address, f"functions.{key}", _set("functions", {**value["functions"], key: _other(scope)}))
    for subject, actions in (value.get("privileges") or {}).items():
        for action, scope in actions.items():
            changed = {**value["privileges"], subject: {**actions, action: _other(scope)}}
            yield _one(index, address, f"privileges.{subject}.{action}", _set("privileges", changed))


def _other(scope: str) -> str:
    return "own" if scope != "own" else "organization"


def _unit_edits(index: int, value: Value, address: str) -> Iterator[Edit]:
    if value["kind"] != "Unit":
        return
    yield _one(index, address, "owner", _set("owner", "somebody.else@example.com"))
    yield _one(index, address, "type", _set("type", None))
    yield _one(index, address, "review.every", _set("review", {"every": "7d"}))
    for number, key in enumerate(value.get("roles") or ()):
        rest = [*value["roles"][:number], *value["roles"][number + 1 :]]
        yield _one(index, address, f"roles[{key}]" if rest else "roles", _set("roles", rest))
    for number in range(len(value.get("assignments") or ())):
        yield from _assignment_edits(index, value, number)


def _assignment_edits(index: int, value: Value, number: int) -> Iterator[Edit]:
    assignment = value["assignments"][number]
    unit, user = value["key"], assignment["user"].lower()
    membership = f"membership/{unit}/{user}"
    grants = {f"grant/{unit}/{user}/{role}" for role in assignment.get("roles", ())}
    gone = frozenset(("delete", one, "") for one in {membership, *grants})
    yield Edit(index, f"{membership} removed", lambda document: document["assignments"].pop(number), gone)
    for name, word in (("until", "2031-01-31"), ("reason", "Another reason")):
        change = frozenset({("update", membership, name)})
        yield Edit(index, f"{membership} {name}", _set_in(number, name, word), change)
    for role in assignment.get("roles", ()):
        rest = [one for one in assignment["roles"] if one != role]
        change = frozenset({("delete", f"grant/{unit}/{user}/{role}", "")})
        yield Edit(index, f"{membership} without {role}", _set_in(number, "roles", rest), change)


def _set_in(number: int, name: str, value: object) -> Callable[[Value], None]:
    return lambda document: document["assignments"][number].__setitem__(name, value)


def told(change: Change) -> set[tuple[str, str, str]]:
    if change.action is Action.DELETE:
        return {(str(change.action), change.address, "")}
    return {(str(change.action), change.address, attribute.path) for attribute in attributes(change)}


@pytest.fixture(scope="module")
def crm() -> MemoryCrm:
    return MemoryCrm(organization(REPOSITORY).resources)


@pytest.mark.parametrize("edit", [pytest.param(edit, id=edit.label) for edit in edits()])
def test_one_edited_field_shows_exactly_that_change(edit: Edit, crm: MemoryCrm) -> None:
    changes = diff(organization(edited(edit)), crm.adapter().read(Scope()), {}, today=TODAY)
    people = {one for change in changes if change.kind == "user" for one in told(change)}
    assert {one for change in changes for one in told(change)} - people == edit.expected
    assert not people, "no edit here names somebody new"


def test_every_document_and_every_stated_field_is_edited_somewhere() -> None:
    assert len(list(edits())) > len(REPOSITORY.documents) * 4


@pytest.mark.parametrize("index", range(len(REPOSITORY.documents)))
def test_a_rename_with_previously_is_one_update_and_moves_nothing(index: int, crm: MemoryCrm) -> None:
    """No delete, no create, no move of children, members, grants or of anything that refers to the key.

    Roles that mention it under conflictsWith hold its key as text, so their text changes too.
    """
    old: Any = REPOSITORY.documents[index].value
    kind, key = KIND_OF[old["kind"]], old["key"]
    desired = organization(_renamed(index, key))
    live, former = rename(crm.adapter().read(Scope()), desired.previously)
    changes = diff(desired, live, former, today=TODAY)
    mentions = [change for change in changes if change.after is not None and list(change.after) == ["conflictsWith"]]
    assert [(change.action, change.address, change.after) for change in changes if change not in mentions] == [
        (Action.UPDATE, f"{kind}/{key}-new", {"key": f"{key}-new"})
    ]
    assert {change.address for change in mentions} == _mentioning(kind, key)
    twin = crm.copy()
    passage = passed(desired, twin)
    assert set(passage.outcomes.values()) == {Status.APPLIED}, passage.reasons
    assert planned(desired, twin.adapter()) == []


def _mentioning(kind: str, key: str) -> set[str]:
    documents: list[Any] = [document.value for document in REPOSITORY.documents if kind == "role"]
    return {f"role/{one['key']}" for one in documents if key in (one.get("conflictsWith") or ())}


_REFERRING = {"BusinessUnit": ("businessUnit", "parent"), "Unit": ("parent",), "Function": ("functions",)}


def _renamed(index: int, key: str) -> Repository:
    """Every reference to the key follows, as an author would do with search and replace."""
    documents = [
        Document(value=copy.deepcopy(one.value), file=one.file, number=one.number) for one in REPOSITORY.documents
    ]
    target: Any = documents[index].value
    target.update(key=f"{key}-new", previously=[key])
    for document in documents:
        _follow(document.value, target["kind"], key)
    return replace(REPOSITORY, documents=documents)


def _follow(value: Any, kind: str, key: str) -> None:
    same_kind = value["kind"] == kind
    if kind == "Role":
        _replace_in_lists(value, key)
        return
    for name in _REFERRING[kind]:
        if name == "parent" and not same_kind:
            continue
        if isinstance(value.get(name), dict):
            value[name] = {f"{key}-new" if one == key else one: scope for one, scope in value[name].items()}
        elif value.get(name) == key:
            value[name] = f"{key}-new"


def _replace_in_lists(value: Any, key: str) -> None:
    holders = [(value, name) for name in ("roles", "includes", "conflictsWith")]
    holders += [(assignment, "roles") for assignment in value.get("assignments") or ()]
    for holder, name in holders:
        if key in (holder.get(name) or ()):
            holder[name] = [f"{key}-new" if one == key else one for one in holder[name]]
