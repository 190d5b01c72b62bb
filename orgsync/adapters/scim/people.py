"""Whom to ask for, and who they are: users are found by their userName, without case.

In: the API, a scope, the ids of members. Out: users, and what cannot be told apart. Never: fewer than are of interest.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field

from orgsync.adapter import Foreign, Scope
from orgsync.adapters.scim.api import Api
from orgsync.adapters.scim.convert import any_of, equals
from orgsync.adapters.scim.options import Options, Roles
from orgsync.adapters.scim.values import ENTERPRISE, Member, User, group_of, user_of
from orgsync.adapters.scim.vendors import Deviations
from orgsync.finding import Finding
from orgsync.resources import Kind, RemoteId, well_formed


@dataclass(slots=True)
class Sorted:
    """``logins``: id -> login, of whoever is certain."""

    logins: dict[RemoteId, str] = field(default_factory=dict)
    foreign: list[Foreign] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)


def fetched(api: Api, options: Options, known: Deviations, scope: Scope, members: Iterable[RemoteId]) -> list[User]:
    """Everybody where roles are words, since anybody may carry one; else as many as it takes."""
    attributes = _attributes(options)
    everybody = scope.logins is None or not api.offer.filters or not known.members_listed
    if everybody or options.roles is Roles.WORDS:
        return [user_of(one, options) for one in api.listed("Users", attributes)]
    at_once = min(known.filter_terms, api.offer.page or known.filter_terms)
    belonging = any_of((equals("id", id_) for id_ in sorted(members)), at_once)
    found = {user.id: user for user in (user_of(one, options) for one in api.fewest("Users", attributes, belonging))}
    missing = (scope.logins or frozenset()) - {user.login for user in found.values()}
    named = any_of((equals("userName", login) for login in sorted(missing)), at_once)
    found |= {user.id: user for user in (user_of(one, options) for one in api.fewest("Users", attributes, named))}
    return [*found.values()]


def _attributes(options: Options) -> list[str]:
    names = ["userName", "displayName", "active", "meta"]
    names += [str(options.role_attribute)] if options.roles is Roles.WORDS else []
    names += [f"{ENTERPRISE}:{options.business_unit_attribute}"] if options.business_unit_attribute else []
    return names + ([f"{ENTERPRISE}:manager"] if options.managers else [])


def sort(users: Iterable[User], scope: Scope, members: AbstractSet[RemoteId]) -> Sorted:
    """``members``: ids of whoever belongs to a group of ours."""
    by_login = defaultdict[str, list[User]](list)
    for user in users:
        by_login[user.login].append(user)
    found = Sorted()
    for login, namesakes in by_login.items():
        if not well_formed(f"{Kind.USER}/{login}"):
            found.foreign += [_foreign(user) for user in namesakes]
        elif len(namesakes) == 1:
            found.logins[namesakes[0].id] = login
        elif scope.logins is None or login in scope.logins or any(user.id in members for user in namesakes):
            found.findings.append(_twice(login, namesakes))
    return found


def _foreign(user: User) -> Foreign:
    return Foreign(kind=Kind.USER, id=user.id, name=user.name or user.login, changed=user.changed)


def _twice(login: str, users: Iterable[User]) -> Finding:
    return Finding(
        code="duplicate-mark",
        summary="the CRM has one thing twice",
        detail=f"user/{login}: {', '.join(sorted(one.id for one in users))}",
        remedy="rename or merge one of these users in the provider",
        address=f"{Kind.USER}/{login}",
    )


def members(api: Api, ids: Iterable[RemoteId]) -> Mapping[RemoteId, Sequence[Member]]:
    """Group id -> members, by a call per user: for providers that list groups without their members."""
    found = defaultdict[RemoteId, list[Member]](list)
    for id_ in ids:
        for raw in api.listed("Groups", ("displayName",), equals("members.value", id_)):
            found[group_of(raw).id].append(Member(id=id_, sort="User"))
    return found
