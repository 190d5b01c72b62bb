"""Business units, functions, roles and units of the embedded CRM, one by one: there are few.

In: their tables as columns, links and the keys of what they refer to. Out: rows of ours, and what is foreign. Never:
passes over a reference to nothing, which raises KeyError.
"""

import json
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from orgsync.adapter import Foreign
from orgsync.adapters.canonical import FOREIGN
from orgsync.adapters.local.columns import Columns
from orgsync.adapters.local.names import AS_JSON, COLUMNS, FLAGS, LINKS, REFERENCES
from orgsync.adapters.local.rows import Rows, Runs
from orgsync.resources import FIELDS, Address, Fields, Json, Kind, Shape

Keys = Mapping[int, str]
"""Row id -> key, or ``foreign:<id>``; of a user, the login."""


def keys_of(table: Columns, bound: Mapping[Address, str]) -> Keys:
    """A foreign role that a document binds to goes by the key of that document."""
    ours = {*table["external_id"]}
    names = {name: key for address, name in bound.items() if (key := address.partition("/")[2]) not in ours}
    return {
        number: key if key is not None else names.get(name, f"{FOREIGN}{number}")
        for number, key, name in zip(table["id"], table["external_id"], table["name"], strict=True)
    }


def foreign_among(keys: Keys) -> set[int]:
    return {number for number, key in keys.items() if key.startswith(FOREIGN)}


def add_named(
    rows: Rows, kind: Kind, table: Columns, links: Mapping[str, Columns], keys: Mapping[Kind, Keys], runs: Runs
) -> list[Foreign]:
    linked = {name: _linked(kind, name, columns, keys) for name, columns in links.items()}
    references = REFERENCES.get(kind, {})
    addresses: list[Address] = []
    everything: list[Fields] = []
    numbers: list[int] = []
    foreign: list[Foreign] = []
    for values in zip(*table.values(), strict=True):
        stored = dict(zip(table, values, strict=True))
        number = stored["id"]
        key = keys[kind][number]
        if key.startswith(FOREIGN):
            foreign.append(Foreign(kind=kind, id=str(number), name=stored["name"] or "", changed=runs.of(number)))
            continue
        fields = {name: _plain(name, stored[column]) for name, column in COLUMNS[kind].items()}
        for name, (column, to) in references.items():
            fields[name] = keys[to][stored[column]] if stored[column] is not None else None
        for name, links_of in linked.items():
            fields[name] = links_of.get(number) or _nothing(kind, name)
        addresses.append(f"{kind}/{key}")
        everything.append(fields)
        numbers.append(number)
    rows.add(addresses, everything, numbers)
    return foreign


def _plain(name: str, value: Any) -> Json:
    """SQLite has no JSON and no flags of its own; a database that has them answers with values."""
    if name in FLAGS and value is not None:
        return bool(value)
    plain: Json = json.loads(value) if name in AS_JSON and isinstance(value, str) else value
    return plain


def _nothing(kind: Kind, name: str) -> Json:
    return [] if FIELDS[kind][name].shape is Shape.REFS else {}


def _linked(kind: Kind, name: str, columns: Columns, keys: Mapping[Kind, Keys]) -> Mapping[int, Json]:
    """Owner's row id -> the field's value; links to foreign things are left out."""
    links = LINKS[kind][name]
    rows = zip(*columns.values(), strict=True)
    if links.to is not None:
        return _references(rows, keys[links.to], with_value=links.value is not None)
    return _privileges(rows, with_value=links.value is not None)


def _references(rows: Iterable[Sequence[Any]], keys: Keys, *, with_value: bool) -> Mapping[int, Json]:
    found: dict[int, dict[str, Json]] = defaultdict(dict)
    for owner, number, *value in rows:
        if not keys[number].startswith(FOREIGN):
            found[owner][keys[number]] = value[0] if value else None
    return {owner: dict(sorted(links.items())) if with_value else [*sorted(links)] for owner, links in found.items()}


def _privileges(rows: Iterable[Sequence[Any]], *, with_value: bool) -> Mapping[int, Json]:
    found: dict[int, dict[str, Any]] = defaultdict(dict)
    for owner, subject, action, *scope in rows:
        if with_value:
            found[owner].setdefault(subject, {})[action] = scope[0]
        else:
            found[owner].setdefault(subject, []).append(action)
    return {owner: _sorted(value) for owner, value in found.items()}


def _sorted(privileges: Mapping[str, Any]) -> Json:
    """The database's collation may order words in another way than Python does."""
    return {
        subject: dict(sorted(actions.items())) if isinstance(actions, dict) else sorted(actions)
        for subject, actions in sorted(privileges.items())
    }
