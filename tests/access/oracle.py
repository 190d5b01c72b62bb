"""Effective access again, slowly and plainly: every path is walked for every user, every reach is a set of places.

In: resources. Out: what each user reaches, as sets. Never: shares, remembers or shortens anything.
"""

from collections.abc import Iterator, Mapping
from typing import cast

from orgsync.resources import SCOPES, Address, Fields

Resources = Mapping[Address, Fields]
Place = tuple[str, str]
"""("in", unit) its records; ("below", unit) those of units that will be below it; ("own", ""), ("everywhere", "")."""
Coverage = dict[tuple[str, str], set[Place]]
Parents = Mapping[str, str | None]


def units_of(*sides: Resources) -> set[str]:
    """Those too that only a membership or a grant speaks of."""
    speak_of_one = ("unit/", "membership/", "grant/")
    return {address.split("/")[1] for side in sides for address in side if address.startswith(speak_of_one)} | {"-"}


def parents_of(resources: Resources, other: Resources) -> Parents:
    """Where each unit of either side stands; one that is not here stands where it stands there."""
    return {
        unit: _parent(unit, resources if f"unit/{unit}" in resources else other) for unit in units_of(resources, other)
    }


def _parent(unit: str, resources: Resources) -> str | None:
    parent = resources.get(f"unit/{unit}", {}).get("parent")
    return parent if isinstance(parent, str) and f"unit/{parent}" in resources else None


def users_of(resources: Resources) -> set[str]:
    return {address.split("/")[2] for address in resources if address.split("/")[0] in {"membership", "grant"}}


def coverage(resources: Resources, user: str, today: str, parents: Parents, unknown: frozenset[Address]) -> Coverage:
    found: Coverage = {}
    for privilege, scope, unit in granted(resources, user, today, unknown):
        found.setdefault(privilege, set()).update(places(scope, unit, parents))
    return {privilege: reached for privilege, reached in found.items() if reached}


def granted(
    resources: Resources, user: str, today: str, unknown: frozenset[Address]
) -> Iterator[tuple[tuple[str, str], str, str]]:
    """(privilege, scope, unit) of every single path."""
    if resources.get(f"user/{user}", {}).get("active") is False:
        return
    for unit, role in held(resources, user, today):
        for privilege, scope in allowed(resources, role, unknown, []):
            yield privilege, scope, unit


def held(resources: Resources, user: str, today: str) -> Iterator[tuple[str, str]]:
    """(unit, role) however it is held."""
    mine = [
        address.split("/") for address in resources if f"/{user}" in address and not _ended(resources, address, today)
    ]
    members = [parts[1] for parts in mine if parts[0] == "membership"]
    grants = [(parts[1], parts[3]) for parts in mine if parts[0] == "grant"]
    for unit in members:
        yield from ((unit, role) for role in _listed(resources.get(f"unit/{unit}", {}).get("roles")))
    yield from ((unit, role) for unit, role in grants if unit != "-")
    known = {*members, *(unit for unit, _ in grants if unit != "-")} or {"-"}
    yield from ((unit, role) for folded, role in grants if folded == "-" for unit in known)


def _ended(resources: Resources, address: Address, today: str) -> bool:
    """A grant ends with its membership."""
    kind, unit, user, *_ = address.split("/") if address.count("/") > 1 else (address, "", "")
    return _is_over(resources[address], today) or (
        kind == "grant" and _is_over(resources.get(f"membership/{unit}/{user}", {}), today)
    )


def _is_over(fields: Fields, today: str) -> bool:
    until = fields.get("until")
    return until is not None and str(until) < today


def allowed(
    resources: Resources, role: str, unknown: frozenset[Address], above: list[str]
) -> Iterator[tuple[tuple[str, str], str]]:
    """(privilege, scope), once for every chain of inclusions."""
    if role in above:
        return
    if f"role/{role}" in unknown or f"role/{role}" not in resources:
        yield ("?", role), "unknown"
        return
    fields = resources[f"role/{role}"]
    for thing, actions in _mapped(fields.get("privileges")).items():
        for action, scope in _mapped(actions).items():
            yield (thing, action), str(scope)
    for function, scope in _mapped(fields.get("functions")).items():
        covered = _mapped(resources.get(f"function/{function}", {}).get("privileges"))
        for thing, words in covered.items():
            for word in _listed(words):
                yield (thing, word), str(scope)
    for included in _listed(fields.get("includes")):
        yield from allowed(resources, included, unknown, [*above, role])


def places(scope: str, unit: str, parents: Parents) -> set[Place]:
    """Everything that a scope reaches which is granted in this unit."""
    if scope == "none":
        return set()
    if scope == "unknown":
        return {("unknown", "")}
    reached: set[Place] = {("own", "")}
    if scope == "unit":
        reached.add(("in", unit))
    if scope == "subtree":
        reached |= {(word, one) for one in parents if _is_below(one, unit, parents) for word in ("in", "below")}
    if scope == "organization":
        reached |= {(word, one) for one in parents for word in ("in", "below")} | {("everywhere", "")}
    return reached


def _is_below(one: str | None, unit: str, parents: Parents) -> bool:
    for _ in range(len(parents) + 1):
        if one == unit:
            return True
        one = parents.get(one) if one is not None else None
    return False


def highest(scopes: Iterator[str]) -> str:
    return max(scopes, key=(*SCOPES, "unknown").index)


def _listed(value: object) -> list[str]:
    return cast("list[str]", value) if isinstance(value, list) else []


def _mapped(value: object) -> dict[str, object]:
    return cast("dict[str, object]", value) if isinstance(value, dict) else {}
