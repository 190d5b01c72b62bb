"""SOQL, as much of it as the documentation's grammar needs here: SELECT, FROM, WHERE, ORDER BY Id.

In: an org, a query. Out: records as the query resource gives them. Never: takes an unknown field, or part of a query.
"""

import re
from collections.abc import Callable
from typing import Any

from tests.fakes.salesforce.schema import OBJECTS, Field
from tests.fakes.salesforce.store import Org, Record, Refusal

_TOKEN = re.compile(r"\s*(?:(?P<text>'(?:[^'\\]|\\.)*')|(?P<word>[A-Za-z_][\w.:]*|\d+)|(?P<sign>[(),=]))")
_ESCAPES = {
    "n": "\n",
    "r": "\r",
    "t": "\t",
    "b": "\b",
    "f": "\f",
    "\\": "\\",
    "'": "'",
    '"': '"',
    "_": "\\_",
    "%": "\\%",
}
_FILTERED = Field()
Test = Callable[[Record], bool]


def query(org: Org, soql: str) -> tuple[str, list[Record]]:
    return _Parser(org, soql).run()


class _Parser:
    def __init__(self, org: Org, soql: str) -> None:
        self._org, self._tokens, self._at, self._object = org, _tokens(soql), 0, ""
        self._nested = self._joined = False

    def run(self) -> tuple[str, list[Record]]:
        self._expect("SELECT")
        fields = [self._next()]
        while self._takes(","):
            fields.append(self._next())
        self._expect("FROM")
        self._object = self._next()
        if self._object not in OBJECTS or self._object == self._org.hidden:
            raise Refusal("INVALID_TYPE", f"sObject type '{self._object}' is not supported.")
        if self._object == "PermissionSetGroup":
            self._org.tick()
        test = self._either() if self._takes("WHERE") else lambda _: True
        order, limit = self._order(), self._limit()
        if self._object == "EntityDefinition" and limit is not None:
            raise Refusal("INVALID_QUERY_FILTER_OPERATOR", "LIMIT is ignored for EntityDefinition")
        if self._at < len(self._tokens):
            raise _malformed(self._tokens[self._at])
        for one in fields:
            self._path(one)
        rows = [row for _, row in sorted(self._org.tables[self._object].items()) if test(row)]
        if order == "CreatedDate":
            rows.sort(key=lambda row: str(row["CreatedDate"]), reverse=True)
        return self._object, [self._shown(row, fields) for row in rows[:limit]]

    def _order(self) -> str:
        if not self._takes("ORDER"):
            return "Id"
        self._expect("BY")
        if self._takes("Id"):
            self._path("Id")
            return "Id"
        self._expect("CreatedDate")
        self._expect("DESC")
        self._path("CreatedDate")
        return "CreatedDate"

    def _limit(self) -> int | None:
        if not self._takes("LIMIT"):
            return None
        token = self._next()
        if not token.isdigit():
            raise _malformed(token)
        return int(token)

    def _shown(self, row: Record, fields: list[str]) -> Record:
        url = f"/services/data/v67.0/sobjects/{self._object}/{row['Id']}"
        shown: Record = {"attributes": {"type": self._object, "url": url}}
        for one in fields:
            *relations, last = one.split(".")
            into = shown
            for name in relations:
                into = into.setdefault(name, {"attributes": {"type": name}})
            into[last] = self._path(one)(row)
        return shown

    def _path(self, path: str) -> Callable[[Record], Any]:
        sobject, steps = self._object, []
        *relations, last = path.split(".")
        for relation in relations:
            found = [(n, one) for n, one in OBJECTS[sobject].fields.items() if one.relation == relation]
            if not found:
                raise Refusal("INVALID_FIELD", f"Didn't understand relationship '{relation}' in field path")
            [(name, spec)] = found
            sobject = spec.to[0]
            steps.append((name, sobject))
        if last not in OBJECTS[sobject].fields:
            raise Refusal("INVALID_FIELD", f"No such column '{last}' on entity '{sobject}'.")

        def value(row: Record) -> Any:
            for name, to in steps:
                if row[name] is None:
                    return None
                row = self._org.tables[to][row[name]]
            return row[last]

        return value

    def _either(self) -> Test:
        tests = [self._both()]
        while self._takes("OR"):
            tests.append(self._both())
        if len(tests) > 1 and self._joined and not self._nested:
            raise Refusal("MALFORMED_QUERY", "Semi join sub-selects are not allowed with the 'OR' operator")
        if len(tests) > 1 and self._object == "EntityDefinition":
            raise Refusal("INVALID_QUERY_FILTER_OPERATOR", "Disjunctions not supported")
        return lambda row: any(test(row) for test in tests)

    def _both(self) -> Test:
        tests = [self._one()]
        while self._takes("AND"):
            tests.append(self._one())
        return lambda row: all(test(row) for test in tests)

    def _one(self) -> Test:
        if self._takes("("):
            before, self._nested = self._nested, True
            test = self._either()
            self._nested = before
            self._expect(")")
            return test
        path = self._next()
        value = self._path(path)
        if not OBJECTS[self._object].fields.get(path, _FILTERED).filter:
            raise Refusal("INVALID_FIELD", f"field '{path}' can not be filtered in a query call")
        if self._takes("="):
            return self._equals(value)
        if self._takes("LIKE"):
            pattern = _like(str(self._literal()))
            return lambda row: bool(pattern.match(value(row) or ""))
        self._expect("IN")
        self._expect("(")
        if self._peek() == "SELECT":
            ids = self._inner()
            return lambda row: value(row) in ids
        found = [self._literal()]
        while self._takes(","):
            found.append(self._literal())
        self._expect(")")
        return lambda row: any(_equal(value(row), one) for one in found)

    def _inner(self) -> set[Any]:
        """A semi-join: one field of another object, at the top of the conditions and without an OR beside it."""
        outer = self._object
        if self._nested:
            raise Refusal(
                "MALFORMED_QUERY", "Semi join sub-selects are only allowed at the top level WHERE expressions"
            )
        self._expect("SELECT")
        field = self._next()
        self._expect("FROM")
        self._object = self._next()
        if self._object not in OBJECTS:
            raise Refusal("INVALID_TYPE", f"sObject type '{self._object}' is not supported.")
        if self._object == outer:
            raise Refusal("MALFORMED_QUERY", "The inner and outer selects should not be on the same object type")
        test = self._either() if self._takes("WHERE") else lambda _: True
        self._joined = True
        self._expect(")")
        found = {self._path(field)(row) for row in self._org.tables[self._object].values() if test(row)}
        self._object = outer
        return found

    def _equals(self, value: Callable[[Record], Any]) -> Test:
        if days := re.fullmatch(r"LAST_N_DAYS:(\d+)", self._peek()):
            self._next()
            since = self._org.days_ago(int(days[1]))
            return lambda row: str(value(row)) >= since
        wanted = self._literal()
        return lambda row: _equal(value(row), wanted)

    def _literal(self) -> Any:
        token = self._next()
        if token.startswith("'"):
            return _unescaped(token[1:-1])
        if token not in {"true", "false", "null"}:
            raise _malformed(token)
        return {"true": True, "false": False, "null": None}[token]

    def _next(self) -> str:
        if self._at == len(self._tokens):
            raise _malformed("<EOF>")
        self._at += 1
        return self._tokens[self._at - 1]

    def _peek(self) -> str:
        return self._tokens[self._at] if self._at < len(self._tokens) else "<EOF>"

    def _takes(self, word: str) -> bool:
        if self._at < len(self._tokens) and self._tokens[self._at] == word:
            self._at += 1
            return True
        return False

    def _expect(self, word: str) -> None:
        if not self._takes(word):
            raise _malformed(self._tokens[self._at] if self._at < len(self._tokens) else "<EOF>")


def _malformed(token: str) -> Refusal:
    return Refusal("MALFORMED_QUERY", f"unexpected token: '{token}'")


def _tokens(soql: str) -> list[str]:
    found, at = [], 0
    while at < len(soql):
        match = _TOKEN.match(soql, at)
        if match is None:
            raise _malformed(soql[at : at + 10])
        found.append(match[0].strip())
        at = match.end()
    return found


def _unescaped(text: str) -> str:
    def one(match: re.Match[str]) -> str:
        if match[1] not in _ESCAPES:
            raise Refusal("MALFORMED_QUERY", f"Illegal character sequence '{match[0]}'")
        return _ESCAPES[match[1]]

    return re.sub(r"\\(.)", one, text)


def _like(text: str) -> re.Pattern[str]:
    parts = re.findall(r"\\.|.", text)
    made = [{"%": ".*", "_": "."}.get(one, re.escape(one[-1])) for one in parts]
    return re.compile("".join(made) + r"\Z", re.IGNORECASE | re.DOTALL)


def _equal(value: Any, wanted: Any) -> bool:
    if isinstance(value, str) and isinstance(wanted, str):
        return value.lower() == wanted.lower()
    return bool(value == wanted)
