"""What Salesforce can express, with which words: no org is needed to say so.

In: word -> object. Out: capabilities. Never: imports anything heavy.
"""

from collections.abc import Mapping
from dataclasses import replace
from types import MappingProxyType

from orgsync.adapter import Capabilities, KindCapabilities
from orgsync.adapters.salesforce.convert import ALL, OWN
from orgsync.change import Action
from orgsync.resources import Kind

GRAPHS = 75
"""Per request (REST API Developer Guide, "Composite Graph limits"); a resource with its rows is one graph."""
RECORDS = 200
"""Per request of sObject Collections (REST API Developer Guide, "sObject Collections")."""

ACTION_SCOPES: Mapping[str, frozenset[str]] = MappingProxyType(
    {
        "create": frozenset({OWN}),
        "read": frozenset({OWN, ALL}),
        "update": frozenset({OWN}),
        "delete": frozenset({OWN, ALL}),
    }
)
"""Modify All Records comes with deleting all, so that it stands for that and for nothing less."""
OWNERLESS = frozenset({"Idea", "Pricebook2", "Product2"})
"""Help, "View All" and "Modify All" Permissions Overview: these can have neither. Salesforce takes what is written of
it, and it is not there afterwards."""
NEEDS: Mapping[tuple[str, str], frozenset[tuple[str, str]]] = MappingProxyType(
    {
        ("create", OWN): frozenset({("read", OWN)}),
        ("update", OWN): frozenset({("read", OWN)}),
        ("delete", OWN): frozenset({("read", OWN), ("update", OWN)}),
        ("delete", ALL): frozenset({("read", ALL), ("update", ALL)}),
    }
)
"""Object Reference, ObjectPermissions: which permission needs which other."""


def _kind(*fields: str, actions: frozenset[Action], size: int) -> KindCapabilities:
    return KindCapabilities(actions=actions, fields=frozenset(fields), max_batch=size)


_ALL = frozenset(Action)
_KINDS = MappingProxyType(
    {
        Kind.BUSINESS_UNIT: _kind("name", "description", "parent", actions=_ALL, size=GRAPHS),
        Kind.ROLE: _kind("name", "description", "privileges", actions=_ALL, size=GRAPHS),
        Kind.UNIT: _kind("name", "description", "parent", "businessUnit", actions=_ALL, size=GRAPHS),
        Kind.USER: _kind("active", actions=frozenset({Action.UPDATE}), size=RECORDS),
        Kind.MEMBERSHIP: _kind(actions=frozenset({Action.CREATE, Action.DELETE}), size=RECORDS),
        Kind.GRANT: _kind("until", actions=_ALL, size=RECORDS),
    }
)


def capabilities(
    objects: Mapping[str, str],
    *,
    masters: Mapping[str, frozenset[str]] = MappingProxyType({}),
    bundled: bool = False,
    ranked: bool = False,
) -> Capabilities:
    """Writes go one after another: groups and roles are recalculated under locks that concurrent writes run into.

    masters   word -> words of what it belongs to
    bundled   roles include others by permission set groups, which know no inclusion themselves
    ranked    units are nodes of the role hierarchy, too, and a person is at one of them
    """
    more = {Kind.ROLE: {"includes"}} if bundled else {}
    more |= {Kind.UNIT: {"node", "nodeParent"}, Kind.USER: {"unit"}} if ranked else {}
    return Capabilities(
        kinds={kind: replace(can, fields=can.fields | more.get(kind, set())) for kind, can in _KINDS.items()},
        hierarchy="forest",
        unit_roles=False,
        unit_grants=False,
        scopes=frozenset({OWN, ALL}),
        action_scopes=ACTION_SCOPES,
        object_scopes={
            (word, action): scopes - {ALL}
            for word, name in objects.items()
            if name in OWNERLESS
            for action, scopes in ACTION_SCOPES.items()
        },
        needs=NEEDS,
        parents=masters,
        objects=frozenset(objects),
        privilege_actions=frozenset(ACTION_SCOPES),
        manages_roles=True,
        nested_includes=False,
        expiry="grant",
        attribution="last",
        concurrency="none",
        max_concurrency=1,
    )
