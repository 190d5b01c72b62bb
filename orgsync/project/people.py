"""Where roles, grants and dates live in a CRM: on a unit or on each member, on a membership or on a grant, one or many.

In: a projection in progress. Out: nothing; it is changed. Never: gives anybody a role for longer than was declared.
"""

from collections.abc import Iterable, Mapping

from orgsync.finding import Finding, Severity
from orgsync.project.folding import contained
from orgsync.project.work import Projection
from orgsync.resources import NO_FIELDS, NO_UNIT, Address, Fields, Json, Kind, key_of, parts_of


def expand_unit_roles(work: Projection, managed: frozenset[Address]) -> None:
    """Where roles cannot be attached to a unit, each of its members holds them."""
    if work.capabilities.unit_roles:
        return
    roles = {
        address: [str(key) for key in keys]
        for address, fields in work.of_kind(Kind.UNIT)
        if isinstance(keys := fields.get("roles"), list)
    }
    for address, fields in work.of_kind(Kind.UNIT):
        if "roles" in fields:
            work.own[address] = {name: value for name, value in fields.items() if name != "roles"}
    work.findings.extend(_unlisted(address) for address, keys in roles.items() if keys and address not in managed)
    for address, _ in work.of_kind(Kind.MEMBERSHIP):
        unit, user = parts_of(address)
        for role in roles.get(f"{Kind.UNIT}/{unit}", ()):
            work.own.setdefault(f"{Kind.GRANT}/{unit}/{user}/{role}", NO_FIELDS)


def _unlisted(address: Address) -> Finding:
    return Finding(
        code="unit-roles-without-assignments",
        summary="the roles of this unit reach nobody on this target",
        detail="the target grants roles per person, and the unit does not state its assignments",
        remedy="state the unit's assignments (an empty list if nobody is meant to belong to it)",
        address=address,
    )


def place_expiry(work: Projection) -> None:
    """Where the CRM ends grants, a grant ends with its membership."""
    if work.capabilities.expiry not in {"grant", "both"}:
        return
    for address, fields in work.of_kind(Kind.GRANT):
        unit, user, _ = parts_of(address)
        membership = work.resources.get(f"{Kind.MEMBERSHIP}/{unit}/{user}", NO_FIELDS)
        if "until" in membership:
            work.own[address] = {**fields, "until": membership["until"]}


def fold_grants(work: Projection) -> None:
    """Where grants know no unit, a user holds a role once, for as long as the longest of the folded grants."""
    if work.capabilities.unit_grants:
        return
    folded: dict[Address, list[Fields]] = {}
    for address, fields in work.of_kind(Kind.GRANT):
        _, user, role = parts_of(address)
        folded.setdefault(f"{Kind.GRANT}/{NO_UNIT}/{user}/{role}", []).append(fields)
        del work.own[address]
    for address, grants in folded.items():
        work.own[address] = {"until": _longest(grants)} if any("until" in grant for grant in grants) else NO_FIELDS


def _longest(grants: Iterable[Fields]) -> Json:
    ends = [grant.get("until") for grant in grants]
    return None if None in ends else max(str(end) for end in ends)


def keep_one_role(work: Projection, declared: Mapping[Address, Fields]) -> None:
    """Where a person has one role at most: the one that includes their others, or the first, and it is said.

    ``declared``: the roles with all that they include, those among them that are bound.
    """
    if not work.capabilities.one_role:
        return
    held: dict[str, dict[Address, Address]] = {}
    for address, _ in work.of_kind(Kind.GRANT):
        _, user, role = parts_of(address)
        held.setdefault(user, {})[f"{Kind.ROLE}/{role}"] = address
    for user, grants in held.items():
        inside = {role: contained(role, declared) - {role} for role in grants}
        kept, *lost = sorted(role for role in grants if not any(role in inside[other] for other in grants))
        for role in grants.keys() - {kept}:
            del work.own[grants[role]]
        if lost:
            work.findings.append(_more_than_one(work, user, [kept, *lost]))


def _more_than_one(work: Projection, user: str, roles: list[Address]) -> Finding:
    return Finding(
        code="one-role-only",
        severity=Severity.WARNING if work.omit else Severity.ERROR,
        summary="the target gives nobody more than one role",
        detail=f"{user} is to have {', '.join(map(key_of, roles))}"
        + (f"; {key_of(roles[0])} is given" if work.omit else ""),
        remedy="grant one role that includes them, or set inexpressible: omit",
        address=f"{Kind.USER}/{user}",
    )
