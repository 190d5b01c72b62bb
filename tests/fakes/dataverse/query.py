"""Queries of OData: $select, $filter, $orderby, $top, with names and types checked against the service description.

In: options as they stand in an address, rows. Out: rows as they were asked for. Never: an option that is not here.
"""

import re
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from typing import Any

from tests.fakes.dataverse.csdl import Model, bad, is_guid

Row = Mapping[str, Any]
Test = Callable[[Row], bool]
_KNOWN = {"$select", "$filter", "$orderby", "$top", "$skiptoken"}
_TOKEN = re.compile(r"\s*(\(|\)|'(?:[^']|'')*'|[^\s()']+)")
_COMPARE: Mapping[str, Callable[[Any, Any], bool]] = {
    "eq": lambda one, other: one == other,
    "ne": lambda one, other: one != other,
    "ge": lambda one, other: one is not None and one >= other,
    "gt": lambda one, other: one is not None and one > other,
    "le": lambda one, other: one is not None and one <= other,
    "lt": lambda one, other: one is not None and one < other,
}


def asked(
    model: Model, entity_set: str, options: Mapping[str, str], rows: Iterable[Row]
) -> tuple[list[str], list[Row]]:
    """(columns, rows in order)."""
    if unknown := options.keys() - _KNOWN:
        raise bad(f"The query parameter '{min(unknown)}' is not supported.")
    columns = model.columns(entity_set)
    names = [one.strip() for one in options.get("$select", "").split(",")]
    for name in names:
        _type(columns, name, entity_set)
    test = _Filter(columns, entity_set, options["$filter"]).test() if "$filter" in options else lambda _: True
    found = _ordered(columns, entity_set, options.get("$orderby", ""), [row for row in rows if test(row)])
    top = options.get("$top", str(len(found)))
    if not top.isdigit():
        raise bad(f"Invalid value '{top}' for $top query option found.")
    return names, found[: int(top)]


def _type(columns: Mapping[str, str], name: str, entity_set: str) -> str:
    if name not in columns:
        raise bad(f"Could not find a property named '{name}' on type '{entity_set}'.")
    return columns[name]


def _ordered(columns: Mapping[str, str], entity_set: str, order: str, rows: list[Row]) -> list[Row]:
    if not order:
        return rows
    name, _, way = order.partition(" ")
    _type(columns, name, entity_set)
    if way not in {"", "asc", "desc"}:
        raise bad(f"Syntax error at position {len(name)} in '{order}'.")
    return sorted(rows, key=lambda row: (row[name] is not None, row[name]), reverse=way == "desc")


class _Filter:
    """Comparisons, ``and``, ``or``, parentheses."""

    def __init__(self, columns: Mapping[str, str], entity_set: str, text: str) -> None:
        self._columns, self._set, self._text = columns, entity_set, text
        self._tokens = _tokens(text)

    def test(self) -> Test:
        found = self._either()
        if self._tokens:
            raise bad(f"Syntax error in '{self._text}'.")
        return found

    def _either(self) -> Test:
        tests = [self._both()]
        while self._tokens and self._tokens[0] == "or":
            self._tokens.pop(0)
            tests.append(self._both())
        return lambda row: any(test(row) for test in tests)

    def _both(self) -> Test:
        tests = [self._one()]
        while self._tokens and self._tokens[0] == "and":
            self._tokens.pop(0)
            tests.append(self._one())
        return lambda row: all(test(row) for test in tests)

    def _one(self) -> Test:
        if self._next() == "(":
            found = self._either()
            if self._next() != ")":
                raise bad(f"')' expected in '{self._text}'.")
            return found
        name, operator, literal = self._last, self._next(), self._next()
        type_ = _type(self._columns, name, self._set)
        if operator not in _COMPARE:
            raise bad(f"Syntax error at '{operator}' in '{self._text}'.")
        compare, value = _COMPARE[operator], _literal(type_, literal)
        return lambda row: compare(row[name], value)

    def _next(self) -> str:
        if not self._tokens:
            raise bad(f"Expression expected at the end of '{self._text}'.")
        self._last = self._tokens.pop(0)
        return self._last


def _tokens(text: str) -> list[str]:
    found, at = [], 0
    while at < len(text.rstrip()):
        token = _TOKEN.match(text, at)
        if token is None:
            raise bad(f"There is an unterminated literal at position {at} in '{text}'.")
        found.append(token[1])
        at = token.end()
    return found


def _literal(type_: str, text: str) -> Any:
    if text == "null":
        return None
    if type_ == "Edm.Guid" and is_guid(text):
        return text
    if type_ == "Edm.String" and text.startswith("'"):
        return text[1:-1].replace("''", "'")
    if type_ in {"Edm.Int32", "Edm.Int64"} and re.fullmatch(r"-?\d+", text):
        return int(text)
    if type_ == "Edm.Boolean" and text in {"true", "false"}:
        return text == "true"
    if type_ == "Edm.DateTimeOffset":
        return datetime.fromisoformat(text).isoformat().replace("+00:00", "Z")
    raise bad(f"A binary operator with incompatible types was detected: '{type_}' and '{text}'.")
