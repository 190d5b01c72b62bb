"""Where a CRM wants one home per person: the unit, business unit and manager that their primary assignment gives them.

In: a projection in progress, user -> home unit. Out: nothing; users state ``unit``, ``businessUnit`` and ``manager``
where the CRM stores them. Never: guesses a home; makes anybody their own manager, however far up.
"""

from collections.abc import Iterator, Mapping
from graphlib import CycleError, TopologicalSorter

from orgsync.finding import Finding, Severity
from orgsync.project.work import Projection
from orgsync.resources import NO_FIELDS, Address, Fields, Kind, key_of


def derive_homes(work: Projection, primary: Mapping[Address, str]) -> None:
    stored = work.capabilities.of(Kind.USER).fields
    if stored.isdisjoint({"unit", "businessUnit", "manager"}):
        return
    units = dict(work.of_kind(Kind.UNIT))
    homeless: list[Address] = []
    for user, fields in work.of_kind(Kind.USER):
        if user not in primary:
            homeless.append(user)
            continue
        home: dict[str, str] = {"unit": primary[user]} if "unit" in stored else {}
        if "businessUnit" in stored and (boundary := units[f"{Kind.UNIT}/{primary[user]}"].get("businessUnit")):
            home["businessUnit"] = str(boundary)
        if "manager" in stored and (manager := next(_owners(primary[user], key_of(user), units), "")):
            home["manager"] = manager
        work.own[user] = {**fields, **home}
    _refer_to_managers(work)
    _break_rings(work)
    if homeless:
        work.findings.append(_no_home(homeless))


def derive_nodes(work: Projection) -> None:
    """Where the CRM keeps units in a hierarchy of people, too: the node has the unit's name and place."""
    if "node" in work.capabilities.of(Kind.UNIT).fields:
        for unit, fields in work.of_kind(Kind.UNIT):
            node = {_NODE[name]: value for name, value in fields.items() if name in _NODE}
            work.own[unit] = {**fields, **node}


_NODE = {"name": "node", "parent": "nodeParent"}


def _owners(unit: str | None, login: str, units: Mapping[Address, Fields]) -> Iterator[str]:
    """From the unit upwards, without the person themselves."""
    while isinstance(unit, str) and (fields := units.get(f"{Kind.UNIT}/{unit}")) is not None:
        owner, above = fields.get("owner"), fields.get("parent")
        if isinstance(owner, str) and owner != login:
            yield owner
        unit = above if isinstance(above, str) else None


def _refer_to_managers(work: Projection) -> None:
    """An owner need not be assigned anywhere, but has to exist."""
    for _, fields in work.of_kind(Kind.USER):
        if isinstance(manager := fields.get("manager"), str):
            work.own.setdefault(f"{Kind.USER}/{manager}", NO_FIELDS)


def _break_rings(work: Projection) -> None:
    graph = {
        user: {f"{Kind.USER}/{fields['manager']}"} for user, fields in work.of_kind(Kind.USER) if fields.get("manager")
    }
    while ring := _ring(graph):
        first = min(ring)
        del graph[first]
        work.own[first] = {name: value for name, value in work.resources[first].items() if name != "manager"}
        work.findings.append(_managers_in_a_ring(first, ring))


def _ring(graph: Mapping[Address, set[Address]]) -> list[Address]:
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        ring: list[Address] = error.args[1]
        return ring
    return []


def _managers_in_a_ring(user: Address, ring: list[Address]) -> Finding:
    return Finding(
        code="manager-ring",
        severity=Severity.WARNING,
        summary="the owners of units would be each other's managers",
        detail=f"{' → '.join(map(key_of, ring))}: the manager of {key_of(user)} is left alone",
        remedy="mark another assignment as primary, or let somebody else own one of the units",
        address=user,
    )


def _no_home(users: list[Address]) -> Finding:
    others = f" and {len(users) - 1} more" if len(users) > 1 else ""
    return Finding(
        code="no-primary-assignment",
        severity=Severity.WARNING,
        summary="the target wants one home per person",
        detail=f"nothing says which unit is the home of {key_of(users[0])}{others}: what follows from it stays",
        remedy="write primary: true at one of their assignments",
        address=users[0],
    )
