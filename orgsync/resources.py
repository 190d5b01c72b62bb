"""The words for what a CRM holds: kinds, addresses, fields, and an organization made of them.

An organization is a mapping ``address -> fields``. Fields are plain JSON values under the names that the YAML
uses (camelCase), so that one value is compared, shown, sealed, journaled and restored without conversion.
Three states are kept apart everywhere:

    field missing      absent: not stated, not compared, not changed
    field None         stated as nothing: cleared
    field [] or {}     stated as empty

``FIELDS`` is the one place that says what each field means; ordering, diff, projection and rendering follow it.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from types import MappingProxyType
from typing import Protocol

Json = None | bool | int | str | list["Json"] | dict[str, "Json"]
Address = str
"""``<kind>/<part>[/<part>…]``: ``unit/sales``, ``grant/sales/ana@example.com/sales-manager``."""
Fields = Mapping[str, Json]
RemoteId = str

NO_UNIT = "-"
NO_FIELDS: Fields = MappingProxyType({})
"""Shared by every membership and grant that states nothing of its own."""


class Kind(StrEnum):
    """In the order in which an empty CRM would be filled."""

    BUSINESS_UNIT = "business-unit"
    FUNCTION = "function"
    ROLE = "role"
    UNIT = "unit"
    USER = "user"
    MEMBERSHIP = "membership"
    GRANT = "grant"


KEY = "key"
"""The field of an update that gives a resource another key: what ``previously`` asks for."""


class Shape(StrEnum):
    """What a field holds. REF: a key of ``to`` or None; REFS: a set of keys; the others hold no reference."""

    TEXT = "text"
    FLAG = "flag"
    VALUE = "value"  # any JSON value, compared as a whole, order kept
    REF = "ref"
    REFS = "refs"  # a set: a sorted list of keys, links are added and removed one by one
    REF_MAP = "ref-map"  # a map whose names are keys of ``to``: function -> scope
    MAP = "map"  # object -> action -> scope


@dataclass(frozen=True, slots=True, kw_only=True)
class FieldSpec:
    """``noted``: orgsync itself uses the field (reviews, policies); a CRM without a place for it loses nothing.

    ``derived``: nobody states it; ``project`` works it out for a CRM that stores it.
    """

    shape: Shape = Shape.TEXT
    to: Kind | None = None
    noted: bool = False
    derived: bool = False
    unique: bool = False


_TEXT = FieldSpec()
_NAME = FieldSpec(unique=True)
_NOTED = FieldSpec(shape=Shape.VALUE, noted=True)

FIELDS: Mapping[Kind, Mapping[str, FieldSpec]] = MappingProxyType(
    {
        Kind.BUSINESS_UNIT: {
            "name": _NAME,
            "description": _TEXT,
            "parent": FieldSpec(shape=Shape.REF, to=Kind.BUSINESS_UNIT),
        },
        Kind.FUNCTION: {
            "name": _NAME,
            "description": _TEXT,
            "privileges": FieldSpec(shape=Shape.MAP),  # object -> [action], sorted
        },
        Kind.ROLE: {
            "name": _NAME,
            "description": _TEXT,
            "includes": FieldSpec(shape=Shape.REFS, to=Kind.ROLE),
            "functions": FieldSpec(shape=Shape.REF_MAP, to=Kind.FUNCTION),
            "privileges": FieldSpec(shape=Shape.MAP),  # object -> action -> scope
            "conflictsWith": FieldSpec(shape=Shape.VALUE, noted=True),
            "privileged": FieldSpec(shape=Shape.FLAG, noted=True),
            "holders": _NOTED,
        },
        Kind.UNIT: {
            "name": _NAME,
            "description": _TEXT,
            "type": _TEXT,
            "businessUnit": FieldSpec(shape=Shape.REF, to=Kind.BUSINESS_UNIT),
            "parent": FieldSpec(shape=Shape.REF, to=Kind.UNIT),
            "owner": FieldSpec(noted=True),
            "roles": FieldSpec(shape=Shape.REFS, to=Kind.ROLE),
            "review": _NOTED,
            "workflows": _NOTED,
            "node": FieldSpec(derived=True),
            "nodeParent": FieldSpec(shape=Shape.REF, to=Kind.UNIT, derived=True),
        },
        Kind.USER: {
            "name": _TEXT,
            "active": FieldSpec(shape=Shape.FLAG),
            "businessUnit": FieldSpec(shape=Shape.REF, to=Kind.BUSINESS_UNIT, derived=True),
            "manager": FieldSpec(shape=Shape.REF, to=Kind.USER, derived=True),
            "unit": FieldSpec(shape=Shape.REF, to=Kind.UNIT, derived=True),
        },
        Kind.MEMBERSHIP: {"until": FieldSpec(noted=True), "reason": FieldSpec(noted=True)},
        Kind.GRANT: {"until": FieldSpec(noted=True)},
    }
)

SCOPES = ("none", "own", "unit", "subtree", "organization")
"""From least to most; the effective scope of a privilege is the highest granted."""


def address(kind: Kind, *parts: str) -> Address:
    return "/".join((kind, *parts))


def kind_of(address: Address) -> Kind:
    kind = address.partition("/")[0]
    return _KINDS.get(kind) or Kind(kind)  # the lookup is much faster than the enumeration's own


_KINDS = {str(kind): kind for kind in Kind}


def of_kind(kind: Kind, addresses: Iterable[Address]) -> list[Address]:
    """Their beginning is put together once: for each address that would take five times as long as comparing it."""
    beginning = f"{kind}/"
    return [address for address in addresses if address.startswith(beginning)]


def named_of(resources: Mapping[Address, Fields]) -> dict[Kind, dict[Address, Fields]]:
    """Kind -> address -> fields, of everything but memberships and grants; there are ten times more of these."""
    found: dict[Kind, dict[Address, Fields]] = {kind: {} for kind in Kind if kind not in EDGES}
    for address in [address for address in resources if not address.startswith(_EDGES)]:
        found[kind_of(address)][address] = resources[address]
    return found


EDGES = frozenset({Kind.MEMBERSHIP, Kind.GRANT})
_EDGES = tuple(f"{kind}/" for kind in EDGES)


def well_formed(address: Address) -> bool:
    """A kind and as many parts as it has, none of them empty: what a CRM gives as a key may be anything."""
    parts = address.split("/")
    return _PARTS.get(parts[0]) == len(parts) and "" not in parts


_PARTS = {str(kind): 2 for kind in Kind} | {str(Kind.MEMBERSHIP): 3, str(Kind.GRANT): 4}


def parts_of(address: Address) -> list[str]:
    """``grant/sales/ana@x/rep`` -> ``["sales", "ana@x", "rep"]``."""
    return address.split("/")[1:]


def login_of(edge: Address) -> str:
    """Whose membership or grant it is."""
    return edge.split("/")[2]


def key_of(address: Address) -> str:
    """The key of a business unit, function, role or unit; the login of a user."""
    return address.partition("/")[2]


def ends_of(address: Address) -> list[Address]:
    """What a membership or grant hangs on by its very address; nothing for the other kinds.

    A grant hangs on the membership (and through it on unit and user) and on the role. In a CRM without grants
    per unit all of a user's grants of one role fold into ``grant/-/<user>/<role>``, which hangs on the user.
    """
    kind, _, rest = address.partition("/")
    if kind == Kind.MEMBERSHIP:
        unit, user = rest.split("/")
        return [f"{Kind.UNIT}/{unit}", f"{Kind.USER}/{user}"]
    if kind == Kind.GRANT:
        unit, user, role = rest.split("/")
        holder = f"{Kind.USER}/{user}" if unit == NO_UNIT else f"{Kind.MEMBERSHIP}/{unit}/{user}"
        return [holder, f"{Kind.ROLE}/{role}"]
    return []


def references(address: Address, fields: Fields) -> list[Address]:
    """Every address that a resource with these fields refers to, ends included."""
    found = ends_of(address)
    for name, prefix in _LINKS[kind_of(address)]:
        if value := fields.get(name):
            keys = [value] if isinstance(value, str) else value if isinstance(value, (list, dict)) else ()
            found += [f"{prefix}{key}" for key in keys]
    return found


_LINKS = {
    kind: [(name, f"{spec.to}/") for name, spec in specs.items() if spec.to is not None]
    for kind, specs in FIELDS.items()
}


def same(one: Json, other: Json) -> bool:
    """Equal, where all ways to hold nothing are one: None, ``[]``, ``{}``, an object without actions."""
    return one == other or _something(one) == _something(other)


def _something(value: Json) -> Json:
    if isinstance(value, dict):
        value = {name: item for name, item in value.items() if item not in (None, [], {})}
    return None if value in ([], {}) else value


@dataclass(frozen=True, slots=True, kw_only=True)
class Organization:
    """What is desired, by address, and what the documents say beyond the resources themselves.

    resources      address -> stated fields only
    managed        units whose ``assignments`` are stated: their memberships and grants are complete
    previously     address -> older addresses of the same resource, newest first
    primary        user address -> key of the unit that is their home: the one assignment, or the one marked so
    holdings       makes login -> (unit, the roles held there, those of the unit included) of every unit that gives any,
                   in their order; equal pairs are one object. Not kept: that would be a twelfth of a plan's memory
    bound          role address -> adapter name -> name of the role that such a CRM already has
    sources        address -> the place in the YAML that states it: (document number, path inside the document);
                   ``load.Repository.position`` turns it into file:line:column when somebody asks
    """

    resources: Mapping[Address, Fields] = field(default_factory=dict)
    managed: frozenset[Address] = frozenset()
    previously: Mapping[Address, tuple[Address, ...]] = field(default_factory=dict)
    primary: Mapping[Address, str] = field(default_factory=dict)
    holdings: "Callable[[], dict[str, tuple[tuple[str, frozenset[str]], ...]]]" = dict
    bound: Mapping[Address, Mapping[str, str]] = field(default_factory=dict)
    sources: "Sources" = field(default_factory=dict[Address, "Place"])
    _named: list[Mapping[Kind, Mapping[Address, Fields]]] = field(
        default_factory=list, init=False, repr=False, compare=False
    )

    @property
    def named(self) -> Mapping[Kind, Mapping[Address, Fields]]:
        """Kind -> address -> fields, of everything but memberships and grants: one walk for all who ask."""
        if not self._named:
            self._named.append(named_of(self.resources))
        return self._named[0]


class Sources(Protocol):
    """A mapping that is only asked for single addresses, so that it need not hold a place for each."""

    def get(self, address: Address, /) -> "Place | None": ...


Place = tuple[int, tuple[str | int, ...]]
"""(index of the document in ``Repository.documents``, path inside it such as ``("assignments", 3)``)."""
