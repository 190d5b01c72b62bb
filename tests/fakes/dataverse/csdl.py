"""The service description: which sets, columns, links and operations there are, and of which types.

In: the XML beside this file. Out: a Model that says of every name whether it exists. Never: a name that is not there.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any
from uuid import UUID
from xml.etree import ElementTree as ET

_HERE = Path(__file__).parent
_NAMESPACE = "{http://docs.oasis-open.org/odata/ns/edm}"
_MANY = "Collection("
OPERATIONS = "Microsoft.Dynamics.CRM."


class Refusal(Exception):
    """A status, a code and a message, as the service words them."""

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(message)
        self.status, self.code, self.message = status, code, message


def bad(message: str) -> Refusal:
    return Refusal(400, "0x80060888", message)


@dataclass(frozen=True, slots=True, kw_only=True)
class Link:
    """``to``: the entity type at the other end."""

    to: str
    many: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Type:
    columns: Mapping[str, str]
    links: Mapping[str, Link]


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """``bound``: the entity type that it belongs to, empty where it stands alone."""

    bound: str
    parameters: Mapping[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Model:
    """``sets``: name -> entity type; ``targets``: (set, link) -> set; ``complex_types``: name -> columns."""

    types: Mapping[str, Type]
    sets: Mapping[str, str]
    targets: Mapping[tuple[str, str], str]
    actions: Mapping[str, Operation]
    functions: Mapping[str, Operation]
    complex_types: Mapping[str, Mapping[str, str]]
    enums: Mapping[str, frozenset[str]] = field(default_factory=dict)

    def columns(self, entity_set: str) -> Mapping[str, str]:
        return self.types[self.sets[entity_set]].columns

    def link(self, entity_set: str, name: str) -> tuple[Link, str]:
        """(what it is, the set at the other end)."""
        found = self.types[self.sets[entity_set]].links.get(name)
        target = self.targets.get((entity_set, name))
        if found is None or target is None:
            raise bad(f"Could not find a property named '{name}' on type '{self.sets[entity_set]}'.")
        return found, target

    def check(self, type_: str, value: object, what: str) -> None:
        """Raises Refusal for a value of another type."""
        if value is None:
            return
        if type_.startswith(_MANY):
            if not isinstance(value, list):
                raise bad(f"{what}: a collection is expected")
            for one in value:
                self.check(type_[len(_MANY) : -1], one, what)
        elif type_.startswith("Edm."):
            if not _is(type_, value):
                raise bad(f"Cannot convert the literal '{value}' to the expected type '{type_}'. ({what})")
        elif (name := type_.rpartition(".")[2]) in self.enums:
            if value not in self.enums[name]:
                raise bad(f"The value '{value}' is none of the enumeration '{name}'. ({what})")
        elif name in self.complex_types:
            self._check_object(self.complex_types[name], value, what)
        else:
            raise bad(f"{what}: a value of type {type_} is not expected")

    def _check_object(self, columns: Mapping[str, str], value: object, what: str) -> None:
        if not isinstance(value, dict):
            raise bad(f"{what}: an object is expected")
        for name, one in value.items():
            if name not in columns:
                raise bad(f"The property '{name}' does not exist. ({what})")
            self.check(columns[name], one, f"{what}.{name}")


def _is(type_: str, value: object) -> bool:
    if type_ == "Edm.Guid":
        return is_guid(value)
    wanted: dict[str, type] = {"Edm.String": str, "Edm.Boolean": bool, "Edm.DateTimeOffset": str}
    if type_ in {"Edm.Int32", "Edm.Int64"}:
        return isinstance(value, int) and not isinstance(value, bool)
    return isinstance(value, wanted.get(type_, float))


def is_guid(value: object) -> bool:
    try:
        return isinstance(value, str) and str(UUID(value)) == value.lower()
    except ValueError:
        return False


@cache
def model() -> Model:
    schema = next(ET.parse(_HERE / "csdl.xml").iter(f"{_NAMESPACE}Schema"))
    found = {_name(one): one for one in schema.iter(f"{_NAMESPACE}EntityType")}
    more: dict[str, dict[str, str]] = json.loads((_HERE / "columns.json").read_text(encoding="utf-8"))
    sets = {_name(one): _short(one.attrib["EntityType"]) for one in schema.iter(f"{_NAMESPACE}EntitySet")}
    return Model(
        types={
            name: Type(columns=_columns(one, found) | more.get(name, {}), links=_links(one, found))
            for name, one in found.items()
        },
        sets=sets,
        targets={
            (_name(one), binding.attrib["Path"]): binding.attrib["Target"]
            for one in schema.iter(f"{_NAMESPACE}EntitySet")
            for binding in one.iter(f"{_NAMESPACE}NavigationPropertyBinding")
        },
        actions=_operations(schema, "Action"),
        functions=_operations(schema, "Function"),
        complex_types={_name(one): _columns(one, {}) for one in schema.iter(f"{_NAMESPACE}ComplexType")},
        enums={
            _name(one): frozenset(_name(member) for member in one.iter(f"{_NAMESPACE}Member"))
            for one in schema.iter(f"{_NAMESPACE}EnumType")
        },
    )


def _name(one: Any) -> str:
    return str(one.attrib["Name"])


def _short(type_: str) -> str:
    return type_.rpartition(".")[2]


def _columns(one: Any, all_types: Mapping[str, Any]) -> dict[str, str]:
    base = all_types.get(_short(one.attrib.get("BaseType", "")))
    inherited = _columns(base, all_types) if base is not None else {}
    return inherited | {_name(found): found.attrib["Type"] for found in one.iter(f"{_NAMESPACE}Property")}


def _links(one: Any, all_types: Mapping[str, Any]) -> dict[str, Link]:
    base = all_types.get(_short(one.attrib.get("BaseType", "")))
    inherited = _links(base, all_types) if base is not None else {}
    own = {_name(found): found.attrib["Type"] for found in one.iter(f"{_NAMESPACE}NavigationProperty")}
    return inherited | {
        name: Link(to=_short(type_.rstrip(")")), many=type_.startswith(_MANY)) for name, type_ in own.items()
    }


def _operations(schema: Any, sort: str) -> dict[str, Operation]:
    found: dict[str, Operation] = {}
    for one in schema.iter(f"{_NAMESPACE}{sort}"):
        parameters = {_name(each): each.attrib["Type"] for each in one.iter(f"{_NAMESPACE}Parameter")}
        bound = _short(parameters.pop(next(iter(parameters)))) if one.attrib.get("IsBound") == "true" else ""
        found[_name(one)] = Operation(bound=bound, parameters=parameters)
    return found
