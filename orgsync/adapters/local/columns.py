"""Whole columns of tables, in as few steps of the database as there can be.

In: how one statement is carried out. Out: a query that answers with columns. Never: interprets a value.
"""

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

Columns = Mapping[str, Sequence[Any]]
"""Column -> its values, those of one row at one place."""


@dataclass(frozen=True, slots=True)
class Ask:
    source: str
    columns: tuple[str, ...]


Query = Callable[[Sequence[Ask]], Sequence[Columns]]
"""All answers are of one consistent state."""
Execute = Callable[[str], Iterable[Sequence[Any]]]
"""A SELECT -> its rows."""


_PART = 16_384


def in_parts(query: Query, table: Ask) -> Iterator[Columns]:
    """A large table: what was needed to read a part makes room for the next."""
    columns, later = ", ".join(table.columns), ""
    while True:
        source = f"(SELECT {columns} FROM {table.source}{later} ORDER BY id LIMIT {_PART}) AS part"  # noqa: S608
        (part,) = query([Ask(source, table.columns)])
        yield part
        if len(part["id"]) < _PART:
            return
        later = f" WHERE id > {max(part['id']):d}"


def by_rows(execute: Execute) -> Query:
    """What every database understands."""

    def query(asks: Sequence[Ask]) -> Sequence[Columns]:
        return [_turned(ask, execute(f"SELECT {', '.join(ask.columns)} FROM {ask.source}")) for ask in asks]  # noqa: S608

    return query


def _turned(ask: Ask, rows: Iterable[Sequence[Any]]) -> Columns:
    columns: list[Sequence[Any]] = [*zip(*rows, strict=True)] or [()] * len(ask.columns)
    return dict(zip(ask.columns, columns, strict=True))


def by_json(execute: Execute, error: type[Exception]) -> Query:
    """SQLite writes each column as one JSON text, all of them in a single step.

    Python holds its lock between steps only, so that this one passes while another thread works; row by row, each
    would wait for that thread. What JSON cannot say as it is (a number that is no integer, a blob, what is no UTF-8),
    and every ``error`` of the database, is left to the other way to read or to refuse.
    """

    def query(asks: Sequence[Ask]) -> Sequence[Columns]:
        tables = [
            f"(SELECT {', '.join(f'json_group_array({name})' for name in ask.columns)} FROM {ask.source})"  # noqa: S608
            for ask in asks
        ]
        try:
            ((*texts,),) = execute(f"SELECT * FROM {', '.join(tables)}")  # noqa: S608
            texts.reverse()  # each is let go as soon as it was read
            return [{name: _EXACT.decode(texts.pop()) for name in ask.columns} for ask in asks]
        except (error, ValueError):
            return by_rows(execute)(asks)

    return query


def _refused(text: str) -> float:
    raise ValueError(text)


_EXACT = json.JSONDecoder(parse_float=_refused, parse_constant=_refused)
