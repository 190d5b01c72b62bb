"""What can be expressed at a provider: what it offers, as far as the settings make use of it."""

from orgsync.adapter import Capabilities, KindCapabilities
from orgsync.adapters.scim.discovery import Offer
from orgsync.adapters.scim.options import Options, Reach, Roles, Units
from orgsync.adapters.scim.vendors import Deviations
from orgsync.change import Action
from orgsync.resources import Kind

_BATCH, _SMALL_BATCH = 1000, 20
AT_ONCE = 4
"""Calls in flight: what any provider bears."""
_EDGES = frozenset({Action.CREATE, Action.DELETE})
_NO_DELETE = frozenset({Action.CREATE, Action.UPDATE})


def capabilities(found: Offer, options: Options, known: Deviations) -> Capabilities:
    kinds = {Kind.USER: _users(found, options)}
    if found.groups:
        nested = found.nesting and not known.fixed_groups
        kinds[Kind.UNIT] = _groups(found, known, _unit_links(options) if nested else ())
        if found.patch:
            kinds[Kind.MEMBERSHIP] = KindCapabilities(actions=_EDGES, max_batch=_BATCH)
        if options.business_units is Units.GROUPS and not known.fixed_groups:
            kinds[Kind.BUSINESS_UNIT] = _groups(found, known, ("parent",) if nested else ())
        if options.roles is Roles.GROUPS:
            kinds[Kind.ROLE] = _groups(found, known, ("includes",) if nested else ())
    if options.roles is Roles.WORDS and found.stores(str(options.role_attribute)):
        kinds[Kind.ROLE] = KindCapabilities()
    if Kind.ROLE in kinds and found.patch:
        kinds[Kind.GRANT] = KindCapabilities(actions=_EDGES, max_batch=_BATCH)
    return Capabilities(
        kinds=kinds,
        hierarchy="forest" if "parent" in kinds.get(Kind.UNIT, KindCapabilities()).fields else "none",
        unit_roles="roles" in kinds.get(Kind.UNIT, KindCapabilities()).fields,
        attribution="when",
        concurrency="etag" if found.etag else "none",
        max_concurrency=1 if found.bulk is not None else AT_ONCE,
    )


def _unit_links(options: Options) -> tuple[str, ...]:
    links = ["parent"]
    links += ["businessUnit"] if options.business_units is Units.GROUPS else []
    return (*links, *(["roles"] if options.roles is Roles.GROUPS and options.unit_roles is Reach.NESTED else []))


def _groups(found: Offer, known: Deviations, links: tuple[str, ...]) -> KindCapabilities:
    if known.fixed_groups:
        return KindCapabilities()
    updates = frozenset({Action.UPDATE}) if found.patch else frozenset[Action]()
    return KindCapabilities(
        actions=_EDGES | updates,
        fields=frozenset({"name", *(links if found.patch else ())}),
        unique=frozenset({"name"} if found.unique_names else ()),
        max_batch=_BATCH if found.bulk is not None else _SMALL_BATCH,
    )


def _users(found: Offer, options: Options) -> KindCapabilities:
    fields = {"name", "active"}
    if found.enterprise and options.business_unit_attribute is not None:
        fields.add("businessUnit")
    if found.enterprise and options.managers:
        fields.add("manager")
    return KindCapabilities(
        actions=_NO_DELETE if found.patch else frozenset({Action.CREATE}),
        fields=frozenset(fields),
        max_batch=_BATCH if found.bulk is not None else _SMALL_BATCH,
    )
