"""Nobody raises their own access: what the author of a change would gain by it.

In: who the author is, and what they gain. Out: findings. Never: takes an account at the code host for a login.
"""

from collections.abc import Callable, Iterator, Sequence

from orgsync.access import AccessDiff, AccessGroup
from orgsync.finding import Finding, Position
from orgsync.policy.state import USER, finding
from orgsync.settings.values import Policies

Causes = Callable[[Sequence[str]], Position | None]
"""Ids of changes -> where the first of them is declared."""
_NAMED = 3


def login_of(actor: str, policies: Policies) -> str | None:
    """The author's login in the CRM, or None where the settings do not say it. Accounts differ in more than case."""
    accounts = {account.lower(): login for account, login in policies.accounts.items()}
    return accounts.get(actor.lower()) or (actor.lower() if "@" in actor else None)


def unknown_author(actor: str) -> Finding:
    return finding("unknown-author", f'"{actor}": whether they raise their own access is not checked', "", None)


def raised(login: str, diff: AccessDiff, at: Causes) -> Iterator[Finding]:
    for group in diff.groups:
        if group.gain:
            yield finding("own-access-raised", f"{login} gains {_gained(group)}", f"{USER}{login}", at(group.causes))


def _gained(group: AccessGroup) -> str:
    first = ", ".join(f"{one.object}:{one.action} ({one.scope})" for one in group.privileges[:_NAMED])
    more = f" and {group.privilege_count - _NAMED} more" if group.privilege_count > _NAMED else ""
    return f"{first}{more} through {', '.join(group.roles)}"
