"""What a provider offers: from its ServiceProviderConfig, its Schemas and its ResourceTypes.

In: JSON of any shape, or None where the provider did not answer. Out: an Offer. Never: asks, or takes silence for no:
what a provider does not tell is taken from the standard, and from the vendor's deviations.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from orgsync.adapters.scim.values import ENTERPRISE, entries, flag, get, number, text
from orgsync.adapters.scim.vendors import Deviations

GROUP, USER = (f"urn:ietf:params:scim:schemas:core:2.0:{name}" for name in ("Group", "User"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Bulk:
    operations: int
    payload: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Offer:
    """
    bulk            None: there is no /Bulk
    filters         whether lists may be filtered
    page            so many results come at once at most; 0: nobody says
    user_attributes names in lower case; None: nobody says
    unique_names    whether no two groups may have one name
    """

    patch: bool
    bulk: Bulk | None
    filters: bool
    etag: bool
    sort: bool
    cursor: bool
    page: int
    groups: bool
    enterprise: bool
    nesting: bool
    user_attributes: frozenset[str] | None
    unique_names: bool

    def stores(self, attribute: str) -> bool:
        """Of users."""
        return self.user_attributes is None or attribute.lower() in self.user_attributes


def offer(config: object, schemas: object, resource_types: object, known: Deviations) -> Offer:
    attributes = {schema: _attributes(one) for one in _resources(schemas) if (schema := text(get(one, "id")))}
    types = {text(get(one, "name")) or text(get(one, "id")): one for one in _resources(resource_types)}
    user, group = attributes.get(USER), attributes.get(GROUP, {})
    return Offer(
        patch=_supported(config, "patch", otherwise=True),
        bulk=_bulk(config, known),
        filters=known.filter_terms > 0 and _supported(config, "filter", otherwise=True),
        etag=known.etag if known.etag is not None else _supported(config, "etag", otherwise=False),
        sort=_supported(config, "sort", otherwise=False),
        cursor=known.cursor if known.cursor is not None else _cursor(config),
        page=_page(config),
        groups=not types or "Group" in types,
        enterprise=_enterprise(types.get("User"), attributes),
        nesting=known.nested_groups if known.nested_groups is not None else _nesting(group.get("members")),
        user_attributes=frozenset(name.lower() for name in user) if user else None,
        unique_names=text(get(group.get("displayname"), "uniqueness")).lower() in {"server", "global"},
    )


def _resources(listed: object) -> list[object]:
    return [*entries(get(listed, "Resources"))]


def _attributes(schema: object) -> dict[str, object]:
    return {text(get(one, "name")).lower(): one for one in entries(get(schema, "attributes"))}


def _supported(config: object, name: str, *, otherwise: bool) -> bool:
    return flag(get(get(config, name), "supported"), otherwise=otherwise)


_OPERATIONS, _PAYLOAD = 100, 1 << 20
"""Where a provider has /Bulk and does not say how much of it."""


def _bulk(config: object, known: Deviations) -> Bulk | None:
    stated = get(config, "bulk")
    if not (known.bulk if known.bulk is not None else _supported(config, "bulk", otherwise=False)):
        return None
    operations, payload = number(get(stated, "maxOperations")), number(get(stated, "maxPayloadSize"))
    found = Bulk(operations=operations or _OPERATIONS, payload=payload or _PAYLOAD)
    return found if found.operations > 1 else None


def _cursor(config: object) -> bool:
    """RFC 9865: cursors only where the provider prefers them or has nothing else."""
    paging = get(config, "pagination")
    preferred = text(get(paging, "defaultPaginationMethod")).lower() == "cursor"
    return flag(get(paging, "cursor"), otherwise=False) and (
        preferred or not flag(get(paging, "index"), otherwise=True)
    )


def _page(config: object) -> int:
    most = [number(get(get(config, "filter"), "maxResults")), number(get(get(config, "pagination"), "maxPageSize"))]
    return min((one for one in most if one), default=0)


def _enterprise(user: object, attributes: Mapping[str, object]) -> bool:
    if user is None:
        return not attributes or ENTERPRISE in attributes
    return any(text(get(one, "schema")) == ENTERPRISE for one in entries(get(user, "schemaExtensions")))


def _nesting(members: object) -> bool:
    """A schema that names the types of members and not Group among them says no."""
    named: list[str] = []
    for one in entries(get(members, "subAttributes")):
        if text(get(one, "name")) in {"type", "$ref"}:
            named += [text(word) for name in ("canonicalValues", "referenceTypes") for word in entries(get(one, name))]
    return not named or "Group" in named


STANDARD = offer({"bulk": {"supported": True}, "etag": {"supported": True}}, None, None, Deviations())
"""A provider that offers what the standard has."""
