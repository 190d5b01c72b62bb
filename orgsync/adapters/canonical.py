"""The one form in which our own CRMs (memory, local) hold a field, so that equal things read as equal.

In: fields as a step or a test states them. Out: every stored field: sets sorted, empty sets and maps as ``[]`` and
``{}``, everything else None where it is empty. Never: decides whether a value is allowed.
"""

from collections.abc import Iterable, Mapping

from orgsync.resources import FIELDS, Address, Fields, FieldSpec, Json, Kind, Shape, key_of

FOREIGN = "foreign:"
"""``foreign:<remote id>`` is how something without a key of ours reads where a field refers to it."""

COLLECTIONS: Mapping[Kind, Mapping[str, FieldSpec]] = {
    kind: {name: spec for name, spec in specs.items() if spec.shape in {Shape.REFS, Shape.REF_MAP, Shape.MAP}}
    for kind, specs in FIELDS.items()
}
"""What is stored link by link."""

LINKS: Mapping[Kind, tuple[tuple[str, str, Shape], ...]] = {
    kind: tuple(
        (name, f"{spec.to}/", spec.shape) for name, spec in specs.items() if spec.to is not None and not spec.derived
    )
    for kind, specs in FIELDS.items()
}
"""Per kind: (field, address prefix of what it refers to, shape)."""


def _empty(kind: Kind, name: str, spec: FieldSpec) -> Json:
    if spec.shape is Shape.REFS:
        return []
    if spec.shape in {Shape.REF_MAP, Shape.MAP}:
        return {}
    return True if (kind, name) == (Kind.USER, "active") else None


EMPTY: Mapping[Kind, dict[str, Json]] = {
    kind: {name: _empty(kind, name, spec) for name, spec in specs.items() if not spec.derived}
    for kind, specs in FIELDS.items()
}
"""Per kind: the fields of something of which nothing was stated."""


def complete(kind: Kind, fields: Fields) -> dict[str, Json]:
    """Every field that the kind has, in canonical form."""
    full = EMPTY[kind] | dict(fields)
    for name in COLLECTIONS[kind]:
        if full[name] != EMPTY[kind][name]:
            full[name] = canonical(kind, name, full[name])
    if kind is Kind.USER and full["active"] is None:
        full["active"] = True
    return full


def canonical(kind: Kind, name: str, value: Json) -> Json:
    """An object without actions says nothing, so it is left out of a map."""
    if value is None:
        return EMPTY[kind][name]
    if isinstance(value, list) and name in COLLECTIONS[kind]:
        return [*sorted({str(key) for key in value})]
    if isinstance(value, dict) and FIELDS[kind][name].shape is Shape.MAP:
        return {
            subject: [*sorted({str(a) for a in actions})] if isinstance(actions, list) else actions
            for subject, actions in value.items()
            if actions
        }
    return value


def lower(address: Address) -> Address:
    """The address with its login in lower case: people are compared without case."""
    if address.islower():
        return address
    kind, _, rest = address.partition("/")
    if kind == Kind.USER:
        return address.lower()
    if kind in {Kind.MEMBERSHIP, Kind.GRANT}:
        unit, user, *role = rest.split("/")
        return "/".join((kind, unit, user.lower(), *role))
    return address


def is_foreign(address: Address) -> bool:
    return key_of(address).startswith(FOREIGN)


def keys(value: Json) -> Iterable[str]:
    """The keys in a REF, REFS or REF_MAP field."""
    if not value:
        return ()
    if isinstance(value, str):
        return (value,)
    return [str(key) for key in value] if isinstance(value, (list, dict)) else ()


def merged(value: Json, before: Json, after: Json) -> Json:
    """Links added and removed one by one: what ``before`` does not mention stays (it came meanwhile, or is foreign)."""
    if isinstance(value, dict):
        old = before if isinstance(before, dict) else {}
        new = after if isinstance(after, dict) else {}
        entries = {key: _entry(key, value, old, new) for key in [*value, *(key for key in new if key not in value)]}
        return {key: item for key, item in entries.items() if item}
    old_keys, new_keys = set(keys(before)), set(keys(after))
    return [*sorted((set(keys(value)) - old_keys) | new_keys)]


def _entry(key: str, value: dict[str, Json], old: dict[str, Json], new: dict[str, Json]) -> Json:
    if key in value and isinstance(value[key], (list, dict)):
        return merged(value[key], old.get(key), new.get(key))
    if key in new:
        return new[key]
    return None if key in old else value[key]
