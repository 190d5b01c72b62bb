"""Queries: fields that are named, values that cannot become syntax.

In: names that the code states, values from anywhere. Out: SOQL. Never: a value that was not quoted.
"""

from collections.abc import Sequence

_SPECIAL = {"\\": "\\\\", "'": "\\'", "\n": "\\n", "\r": "\\r", "\t": "\\t", "\b": "\\b", "\f": "\\f", '"': '\\"'}


def quoted(value: str) -> str:
    return "'" + "".join(_SPECIAL.get(one, one) for one in value) + "'"


def begins(field: str, start: str) -> str:
    """``LIKE`` with the wildcards in ``start`` taken as they are."""
    text = "".join(_SPECIAL.get(one, one) for one in start).replace("_", "\\_").replace("%", "\\%")
    return f"{field} LIKE '{text}%'"


def select(fields: Sequence[str], sobject: str, where: str = "", *, order: str = "Id") -> str:
    """``order``: empty for a query within another."""
    parts = ["SELECT", ", ".join(fields), "FROM", sobject, *(["WHERE", where] if where else [])]
    return " ".join([*parts, *(["ORDER BY", order] if order else [])])
