"""Can we log in, what does the account offer, may we write: asked without writing.

In: an API, options, a way to ask for the offer. Out: findings, in HubSpot's words. Never: raises for what it finds.
"""

from collections import Counter
from collections.abc import Callable, Iterator

from orgsync.adapters.counting import budget
from orgsync.adapters.diagnosis import fact, trouble, warning
from orgsync.adapters.hubspot.api import Api
from orgsync.adapters.hubspot.audit import WORDS
from orgsync.adapters.hubspot.marks import named
from orgsync.adapters.hubspot.offer import (
    AUDIT,
    BILLING,
    BRANDS,
    READ_TEAMS,
    READ_USERS,
    WRITE_TEAMS,
    WRITE_USERS,
    Offer,
)
from orgsync.adapters.hubspot.options import Options
from orgsync.adapters.hubspot.values import Team
from orgsync.errors import AdapterError
from orgsync.finding import Finding

NEEDED = (READ_USERS, WRITE_USERS, READ_TEAMS, WRITE_TEAMS)
"""Exactly what the private app needs; with the other scopes orgsync sees more, and can do no more."""
MORE = {AUDIT: "who changed what (Enterprise)", BRANDS: "business units", BILLING: "permission sets with paid seats"}


def examine(api: Api, options: Options, ask: Callable[[], Offer]) -> list[Finding]:
    found: list[Finding] = []
    try:
        found += _findings(api, options, ask)
    except AdapterError as error:
        found.append(trouble(str(error), error.remedy))
    return found


def _findings(api: Api, options: Options, ask: Callable[[], Offer]) -> Iterator[Finding]:
    details = api.details()
    yield fact("HubSpot answers", f"account {details['portalId']}, {details.get('accountType')}")
    offer = ask()
    yield from _scopes(offer)
    yield from _teams(api, offer, options)
    yield from _roles(api, offer, options)
    yield from _audit(api, offer)
    yield fact("business units", "shown beside" if offer.brands else "not offered: they are an add-on with a scope")
    yield from budget(api.left, api.limit, "wait: they are counted anew at midnight")


def _scopes(offer: Offer) -> Iterator[Finding]:
    if offer.scopes is None:
        yield warning(
            "HubSpot does not say which scopes the token has",
            f"it needs {', '.join(NEEDED)}",
            "compare with the scopes of the service key or app; what is missing shows as MISSING_SCOPES",
        )
    elif lacking := [scope for scope in NEEDED if not offer.may(scope)]:
        yield trouble(
            f"the token lacks the scopes {', '.join(lacking)}",
            "Settings, Integrations, Private Apps (or Development, Keys, Service keys): the app's Scopes; add them",
        )
    else:
        yield fact("the token has the scopes", ", ".join(NEEDED))
    if offer.scopes is not None and (lacking := [f"{one}: {what}" for one, what in MORE.items() if not offer.may(one)]):
        yield fact("the token could have more scopes", "; ".join(lacking))


def _teams(api: Api, offer: Offer, options: Options) -> Iterator[Finding]:
    if not offer.teams:
        yield warning(
            "teams cannot be written",
            f"the Teams API is not offered in {options.api_version}: they are read by name, without their parents",
            "set apiVersion: 2026-09; make the teams in HubSpot, and name them under `teams`",
        )
    if not offer.may(READ_TEAMS):
        return
    teams = {team.id: team for team in (api.all_teams() if offer.teams else api.named_teams())}
    ours, names = named(teams, options).keys, Counter(team.name.lower() for team in teams.values())
    if alike := sorted(name for name, count in names.items() if count > 1):
        yield fact("names of teams are not unique here", ", ".join(alike))
    if options.nested_teams and offer.teams and not any(team.parent for team in teams.values()):
        yield fact("no team has a parent yet", "nested teams need Enterprise; with less, set nestedTeams: false")
    if strangers := [_told(team) for id_, team in teams.items() if id_ not in ours]:
        yield fact("teams that no unit is", f"{', '.join(sorted(strangers))}: `teams` can name their ids")
    if marked := [f"{key}: {id_}" for id_, key in ours.items() if key not in options.teams]:
        yield fact("teams with a mark in their name", f"write these under `teams` to be without: {', '.join(marked)}")


def _told(team: Team) -> str:
    return f"{team.name} ({team.id})"


def _roles(api: Api, offer: Offer, options: Options) -> Iterator[Finding]:
    sets = api.permission_sets() if offer.roles else []
    if not sets:
        yield warning(
            "there are no permission sets", "roles cannot be granted", "they need Enterprise, and are made in HubSpot"
        )
        return
    yield fact("permission sets", ", ".join(sorted(one.name for one in sets)))
    if paid := [one.name for one in sets if one.paid and not offer.may(BILLING)]:
        yield warning("some permission sets come with a paid seat", ", ".join(sorted(paid)), f"add the scope {BILLING}")
    if options.without_role is None:
        yield warning(
            "roles can be replaced and not taken away",
            "no call of HubSpot's leaves a user without a permission set",
            "make one that allows nothing, and name it under `withoutRole`",
        )


def _audit(api: Api, offer: Offer) -> Iterator[Finding]:
    """Under which words teams and users stand there is documented nowhere."""
    if not offer.audit:
        yield fact("nobody knows who changed what", "the audit log is not offered: it needs Enterprise and its scope")
        return
    events = api.page(api.audit, "the audit log").items
    words = sorted({f"{one.get('category')}/{one.get('subCategory')}" for one in events})
    yield fact(
        "the audit log says who changed what", f"looked for: {_looked_for()}; seen: {', '.join(words) or 'none'}"
    )


def _looked_for() -> str:
    return ", ".join(f"{word} ({kind})" for kind, word in WORDS.items())
