"""What HubSpot can express, as far as an account offers it.

In: an offer, options. Out: capabilities. Never: asks anybody.
"""

from orgsync.adapter import Capabilities, KindCapabilities
from orgsync.adapters.hubspot.offer import Offer
from orgsync.adapters.hubspot.options import Options
from orgsync.change import Action
from orgsync.resources import Kind

EVERYTHING = Offer(audit=True)
"""Of an Enterprise account, to a token with all scopes."""
MEMBERS = 1000
"""Steps that are sorted by team before they are sent; a request for one team has at most ``api.BATCH`` of them."""
_ALL = frozenset(Action)
_EDGES = frozenset({Action.CREATE, Action.DELETE})
_NOTHING = frozenset[Action]()


def capabilities(offer: Offer, options: Options) -> Capabilities:
    """Writes go one after another: several write the same user."""
    nested = offer.teams and options.nested_teams
    joins = _EDGES if offer.writes_teams or offer.writes_users else _NOTHING
    kinds = {
        Kind.USER: _users(offer),
        Kind.UNIT: KindCapabilities(
            actions=_ALL if offer.writes_teams else _NOTHING,
            fields=frozenset({"name", "parent"} if nested else {"name"}),
        ),
        Kind.MEMBERSHIP: KindCapabilities(actions=joins, max_batch=MEMBERS),
    }
    if offer.roles:
        kinds |= {Kind.ROLE: KindCapabilities(), Kind.GRANT: KindCapabilities(actions=_grants(offer, options))}
    return Capabilities(
        kinds=kinds,
        hierarchy="forest" if nested else "none",
        one_role=True,
        attribution="last" if offer.audit else "none",
    )


def _users(offer: Offer) -> KindCapabilities:
    if not offer.writes_users:
        return KindCapabilities(fields=frozenset({"name"}))
    return KindCapabilities(actions=frozenset({Action.CREATE, Action.UPDATE}), fields=frozenset({"name", "unit"}))


def _grants(offer: Offer, options: Options) -> frozenset[Action]:
    """No call leaves a user without a permission set: another one has to take its place."""
    if not offer.writes_users:
        return _NOTHING
    return _EDGES if options.without_role else frozenset({Action.CREATE})
