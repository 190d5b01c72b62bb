"""What an account offers this token: asked, never guessed from the name of a product.

In: an API, options, the token. Out: an offer. Never: writes; shows the token; takes a broken answer for a no.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from orgsync.adapters.hubspot.api import Api
from orgsync.adapters.hubspot.options import Options
from orgsync.errors import AdapterError, CallRefused, IncompleteRead

TOKEN_INFO = "/oauth/v2/private-apps/get/access-token-info"  # noqa: S105  (a path)
READ_USERS, WRITE_USERS = "settings.users.read", "settings.users.write"
READ_TEAMS, WRITE_TEAMS = "settings.users.teams.read", "settings.users.teams.write"
AUDIT, BRANDS, BILLING = "account-info.security.read", "business_units_view.read", "settings.billing.write"
INSTEAD = {READ_USERS: "crm.objects.users.read", WRITE_USERS: "crm.objects.users.write"}
"""Scope -> another one that is as good."""
_NOT_OFFERED = frozenset({403, 404})


@dataclass(frozen=True, slots=True, kw_only=True)
class Offer:
    """
    scopes   of the token; None where HubSpot does not say
    user     id of whoever the token belongs to, or ""
    teams    there is an API for teams, with their parents
    roles    there are permission sets
    audit    there is an audit log
    brands   there are business units
    """

    scopes: frozenset[str] | None = None
    user: str = ""
    teams: bool = True
    roles: bool = True
    audit: bool = False
    brands: bool = False

    def may(self, scope: str) -> bool:
        """What nobody knows is tried: HubSpot itself refuses what it does not allow."""
        return self.scopes is None or not self.scopes.isdisjoint({scope, INSTEAD.get(scope, scope)})

    @property
    def writes_teams(self) -> bool:
        return self.teams and self.may(WRITE_TEAMS)

    @property
    def writes_users(self) -> bool:
        return self.may(WRITE_USERS)


def probe(api: Api, options: Options, token: str) -> Offer:
    """Raises AdapterError for a token of another account."""
    info = _token_info(api, token)
    here = info.get("hubId") if info else api.details().get("portalId")
    if here != options.account:
        raise AdapterError(
            f"the token belongs to the account {here}, and the target is {options.account}",
            remedy="state the account's own token, or correct account",
        )
    scopes = frozenset(map(str, info["scopes"])) if info else None
    user = str(info["userId"]) if info.get("userId") else ""
    asked = Offer(scopes=scopes)
    return Offer(
        scopes=scopes,
        user=user,
        teams=options.api_version != "2026-03" and _offered(api, f"{api.teams}?limit=1"),
        roles=_offered(api, api.roles),
        audit=asked.may(AUDIT) and _offered(api, f"{api.audit}?limit=1"),
        brands=bool(user) and asked.may(BRANDS) and _offered(api, api.brands_of(user)),
    )


def _token_info(api: Api, token: str) -> Mapping[str, Any]:
    """Nothing where HubSpot has no answer for this sort of token: a service key is no private app."""
    try:
        value = api.call("POST", TOKEN_INFO, json={"tokenKey": token}, safe=True).value
    except CallRefused:
        return {}
    if not isinstance(value, dict) or not isinstance(value.get("scopes"), list) or "hubId" not in value:
        raise IncompleteRead("HubSpot does not say what the token is good for")
    return value


def _offered(api: Api, path: str) -> bool:
    try:
        api.call("GET", path)
    except CallRefused as refusal:
        if refusal.status in _NOT_OFFERED:
            return False
        raise
    return True
