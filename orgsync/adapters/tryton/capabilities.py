"""What Tryton can express, with which words: no server is needed to say so.

In: word -> model. Out: capabilities. Never: imports anything heavy.
"""

from collections.abc import Mapping
from types import MappingProxyType

from orgsync.adapter import Capabilities, KindCapabilities
from orgsync.adapters.tryton.convert import ACTIONS, SCOPE
from orgsync.change import Action
from orgsync.resources import Kind

MAX_BATCH = 500
"""So many users are written in about two seconds; a request that takes too long would have an unknown outcome."""
_ALL, _NO_DELETE = frozenset(Action), frozenset({Action.CREATE, Action.UPDATE})


def _kind(*fields: str, actions: frozenset[Action] = _ALL) -> KindCapabilities:
    return KindCapabilities(actions=actions, fields=frozenset(fields), max_batch=MAX_BATCH)


_KINDS = MappingProxyType(
    {
        Kind.BUSINESS_UNIT: _kind("name", "parent"),
        Kind.ROLE: _kind("name", "privileges"),
        Kind.UNIT: _kind("name", "parent", "businessUnit", "roles"),
        Kind.USER: _kind("name", "active", actions=_NO_DELETE),
        Kind.MEMBERSHIP: _kind("until"),
        Kind.GRANT: _kind("until"),
    }
)


def capabilities(models: Mapping[str, str]) -> Capabilities:
    return Capabilities(
        kinds=_KINDS,
        hierarchy="forest",
        unit_roles=True,
        unit_grants=False,
        scopes=frozenset({SCOPE}),
        objects=frozenset(models),
        privilege_actions=frozenset(ACTIONS),
        manages_roles=True,
        expiry="both",
        attribution="last",
        concurrency="modified-at",
        max_concurrency=1,
    )
