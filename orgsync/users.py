"""What an unknown or deactivated user means: people live in the CRM and are only referred to.

In: the projected organization, the live one, the target's ``missingUsers``. Out: an organization that only refers
to users who exist or will be created, and findings. Never: deactivates or deletes anybody.
"""

from collections.abc import Mapping
from dataclasses import replace

from orgsync.adapter import Snapshot
from orgsync.finding import Finding, Severity
from orgsync.resources import Address, Fields, Kind, Organization, key_of, parts_of

_HAVE_USER = (Kind.MEMBERSHIP, Kind.GRANT)


def settle_users(desired: Organization, live: Snapshot, missing_users: str) -> tuple[Organization, list[Finding]]:
    """``missing_users``: "error", "skip" (nothing is done for them) or "create"."""
    users = desired.named.get(Kind.USER, ())
    missing = {address for address in users if address not in live.resources}
    inactive = {address for address in users if live.resources.get(address, {}).get("active") is False}
    findings = [_missing(address, missing_users) for address in sorted(missing) if missing_users != "create"]
    dropped = missing if missing_users == "skip" else set()
    kept, late = _without_new_edges_of(inactive, desired.resources, live.resources)
    findings += [_deactivated(address, address in late) for address in sorted(inactive)]
    if dropped:
        kept = {address: fields for address, fields in kept.items() if _user(address) not in dropped}
    return desired if kept is desired.resources else replace(desired, resources=kept), findings


def _user(address: Address) -> Address:
    kind = address.partition("/")[0]
    if kind == Kind.USER:
        return address
    return f"{Kind.USER}/{parts_of(address)[1]}" if kind in _HAVE_USER else ""


def _without_new_edges_of(
    inactive: set[Address], resources: Mapping[Address, Fields], live: Mapping[Address, Fields]
) -> tuple[Mapping[Address, Fields], set[Address]]:
    """A CRM gives nothing new to somebody who is deactivated: what they have stays, the rest is left out."""
    if not inactive:
        return resources, set()
    new = {address for address in resources if _user(address) in inactive and address not in live}
    return {a: f for a, f in resources.items() if a not in new}, {_user(address) for address in new}


def _missing(address: Address, policy: str) -> Finding:
    skipped = policy == "skip"
    return Finding(
        code="unknown-user",
        severity=Severity.WARNING if skipped else Severity.ERROR,
        summary="the target has no such user",
        detail=f"{key_of(address)} is assigned but does not exist" + ("; left out" if skipped else ""),
        remedy="create the user in the CRM or its identity provider, correct the login, or set missingUsers: create",
        address=address,
    )


def _deactivated(address: Address, late: bool) -> Finding:  # noqa: FBT001
    return Finding(
        code="deactivated-user",
        severity=Severity.WARNING,
        summary="a deactivated user has assignments",
        detail=f"{key_of(address)} is deactivated" + ("; new assignments are left out" if late else ""),
        remedy="remove the assignments, or activate the user again",
        address=address,
    )
