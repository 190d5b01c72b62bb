"""What Dataverse can express, with which words.

In: word -> table, what the environment's privileges can be. Out: capabilities. Never: asks anybody.
"""

from collections.abc import Mapping

from orgsync.adapter import Capabilities, KindCapabilities
from orgsync.adapters.dataverse.convert import DEPTHS, VERBS
from orgsync.change import Action
from orgsync.resources import Kind

OPERATIONS = 1000
"""Per batch (Execute batch operations using the Web API); a change set's count one by one."""
MAKINGS = 50
"""Steps per batch of what takes several operations each, or long: a business unit gets a copy of every role."""
CALLS = 8
"""At once, whatever the environment recommends (Service protection API limits: 52 per user)."""

Possible = Mapping[tuple[str, str], frozenset[str]]
"""(word, action) -> the scopes that there are for it."""


def _kind(*fields: str, actions: frozenset[Action], size: int, unique: str = "") -> KindCapabilities:
    return KindCapabilities(
        actions=actions, fields=frozenset(fields), max_batch=size, unique=frozenset({unique} - {""})
    )


_ALL, _GIVEN = frozenset(Action), frozenset({Action.CREATE, Action.DELETE})
_NAMED = ("name", "description")


def _kinds(*, trees: bool, homes: bool) -> dict[Kind, KindCapabilities]:
    """A move is a person's and several operations; otherwise people only come and go."""
    person = ("active", "businessUnit") if homes else ("active",)
    place = "parent" if trees else "businessUnit"
    part = _kind(*_NAMED, "parent", actions=_ALL, size=MAKINGS, unique="name")
    return {
        **({} if trees else {Kind.BUSINESS_UNIT: part}),
        Kind.ROLE: _kind(*_NAMED, "privileges", actions=_ALL, size=MAKINGS, unique="name"),
        Kind.UNIT: _kind(*_NAMED, place, "roles", actions=_ALL, size=MAKINGS, unique="name"),
        Kind.USER: _kind(*person, actions=frozenset({Action.UPDATE}), size=MAKINGS if homes else OPERATIONS),
        Kind.MEMBERSHIP: _kind(actions=_GIVEN, size=OPERATIONS),
        Kind.GRANT: _kind(actions=_GIVEN, size=OPERATIONS),
    }


def capabilities(
    objects: Mapping[str, str],
    *,
    trees: bool = False,
    homes: bool = False,
    possible: Possible | None = None,
    calls: int = 1,
) -> Capabilities:
    """``trees``: units are business units themselves; ``homes``: people are moved; ``calls``: at once.

    A word whose table the environment does not have is none.
    """
    there = {word for (word, _), scopes in possible.items() if scopes} if possible is not None else set(objects)
    return Capabilities(
        kinds=_kinds(trees=trees, homes=homes),
        hierarchy="forest" if trees else "none",
        unit_roles=True,
        unit_grants=False,
        scopes=frozenset(DEPTHS),
        object_scopes=possible or {},
        objects=frozenset(there),
        privilege_actions=frozenset(VERBS),
        manages_roles=True,
        expiry="none",
        attribution="last",
        concurrency="etag",
        max_concurrency=min(max(calls, 1), CALLS),
    )
