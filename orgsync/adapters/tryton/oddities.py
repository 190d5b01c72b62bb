"""What somebody tied to our records, so that more happens than is declared: told, never changed.

In: an index of the world. Out: findings (warnings). Never: stops a plan.
"""

from collections.abc import Iterator

from orgsync.adapter import Changed
from orgsync.adapters.tryton.convert import PRIVILEGES
from orgsync.adapters.tryton.index import BUSINESS_UNIT, ROLE, UNIT, Index, Parts
from orgsync.adapters.tryton.world import Group, User
from orgsync.finding import Finding, Severity
from orgsync.resources import Address, Kind


def odd_things(index: Index, acting: str) -> Iterator[Finding]:
    for group in index.world.groups.values():
        if group.mark is not None:
            yield from _odd_group(index, group, group.mark)
    for word, all_parts in ((UNIT, index.units), (ROLE, index.roles)):
        for key, parts in all_parts.items():
            yield from _foreign_groups(index, f"{word}/{key}", word, parts)
    yield from _spare_companies(index, acting)


def _odd_group(index: Index, group: Group, mark: tuple[str, str]) -> Iterator[Finding]:
    """A marker gives nothing and inherits from nothing but markers; a privilege group has access rows only."""
    word, key = mark
    found = list(group.extras)
    if word != PRIVILEGES:
        found += [f"{len(group.access)} access rows"] if group.access else []
        parent = index.world.groups.get(group.parent) if group.parent is not None else None
        if parent is not None and (parent.mark is None or parent.mark[0] != word):
            found.append(f'what the group "{parent.name}" gives')
    if found:
        yield _warning(
            "more-than-declared",
            "somebody tied more to a group of ours than is declared",
            f'"{group.name}" also has {", ".join(found)}{_who(group.changed)}',
            "take it off in Tryton, or give it through a group of its own",
            f"{ROLE if word == PRIVILEGES else word}/{key}",
        )


def _foreign_groups(index: Index, address: Address, word: str, parts: Parts) -> Iterator[Finding]:
    if parts.role is None:
        return
    expected = {UNIT: {UNIT, BUSINESS_UNIT, PRIVILEGES}, ROLE: {ROLE, PRIVILEGES}}[word]
    key = address.partition("/")[2]
    bound = {group for role in index.bound.values() for group in role.groups} if word == UNIT else set[int]()
    names = [
        group.name
        for number in sorted(parts.role.groups - bound)
        if (group := index.world.groups.get(number)) is not None
        and (group.mark is None or group.mark[0] not in expected or (word == ROLE and group.mark[1] != key))
    ]
    if names:
        yield _warning(
            "foreign-group",
            "somebody added a group to what is ours",
            f"{address} also gives {', '.join(names)}{_who(parts.role.changed)}",
            "take the group off in Tryton, or declare a role that gives the same",
            address,
        )


def _spare_companies(index: Index, acting: str) -> Iterator[Finding]:
    """A company in somebody's list is access to its data, whoever put it there."""
    ours = {parts.company.id: key for key, parts in index.business_units.items() if parts.company is not None}
    needed: dict[int, set[int]] = {}
    for kind, _, role in index.assigned_roles():
        company = index.company_of(role) if kind is Kind.UNIT else None
        for row in role.rows if company is not None else ():
            if row.holds(index.world.now) and company is not None:
                needed.setdefault(row.user, set()).add(company.id)
    for number, login in index.login.items():
        user = index.world.users[number]
        if not user.active or user.administrator or login == acting:
            continue
        for spare in sorted(user.companies & ours.keys() - needed.get(number, set())):
            yield _warning(
                "company-without-membership",
                "somebody sees a business unit that none of their units belongs to",
                f"{login} has the company of {BUSINESS_UNIT}/{ours[spare]}{_who(user.changed)}",
                "take the company off the user in Tryton",
                f"{Kind.USER}/{login}",
            )


def without_assignment(login: str, key: str, user: User) -> Finding:
    return _warning(
        "privileges-without-assignment",
        "somebody has privileges that no assignment gives",
        f"{login} has what {ROLE}/{key} gives{_who(user.changed)}",
        "plan: what is declared is assigned again, everything else is taken away",
        f"{ROLE}/{key}",
    )


def _who(changed: Changed | None) -> str:
    return f" (changed by {changed.by or 'nobody named'} at {changed.at:%Y-%m-%d %H:%M:%S} UTC)" if changed else ""


def _warning(code: str, summary: str, detail: str, remedy: str, address: Address) -> Finding:
    return Finding(code=code, severity=Severity.WARNING, summary=summary, detail=detail, remedy=remedy, address=address)
