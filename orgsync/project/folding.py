"""Fold what roles are made of: functions and inclusion, where a CRM has no place for them, become privileges.

In: a projection in progress. Out: nothing; it is changed. Never: gives less or more than was declared.
"""

from collections.abc import Iterable, Mapping

from orgsync.finding import Finding
from orgsync.project.work import Privileges, Projection, as_json, privileges_of
from orgsync.resources import NO_FIELDS, SCOPES, Address, Fields, Json, Kind, key_of


def fold_functions(work: Projection) -> None:
    """Where the CRM keeps no catalogue of functions, a role carries their privileges itself."""
    if Kind.FUNCTION in work.capabilities.kinds and "functions" in work.capabilities.of(Kind.ROLE).fields:
        return
    functions = dict(work.of_kind(Kind.FUNCTION))
    for address in functions if Kind.FUNCTION not in work.capabilities.kinds else ():
        del work.own[address]
    for address, fields in work.of_kind(Kind.ROLE):
        if "functions" in fields:
            own = {name: value for name, value in fields.items() if name != "functions"}
            own["privileges"] = as_json(_with_functions(fields, functions))
            work.own[address] = own


def _with_functions(role: Fields, functions: Mapping[Address, Fields]) -> Privileges:
    privileges = privileges_of(role.get("privileges"))
    used = role.get("functions")
    for key, scope in (used or {}).items() if isinstance(used, dict) else ():
        granted = functions.get(f"{Kind.FUNCTION}/{key}", NO_FIELDS).get("privileges")
        if isinstance(granted, dict):
            for subject, actions in granted.items():
                for action in actions if isinstance(actions, list) else ():
                    _raise_to(privileges, subject, str(action), str(scope))
    return privileges


def fold_includes(work: Projection, bound: Iterable[Address]) -> None:
    """Where roles cannot contain roles, a role carries the privileges of all that it includes.

    Where they can, but only one level deep, it includes everything itself.
    """
    if not work.capabilities.manages_roles:
        return
    if "includes" in work.capabilities.of(Kind.ROLE).fields:
        if not work.capabilities.nested_includes:
            _include_everything(work)
        return
    roles = dict(work.of_kind(Kind.ROLE))
    for address, fields in roles.items():
        if fields.get("includes"):
            own = {name: value for name, value in fields.items() if name != "includes"}
            inside = contained(address, roles)
            own["privileges"] = as_json(_all_privileges(inside, roles))
            if used := _all_functions(inside, roles):
                own["functions"] = used
            work.own[address] = own
            work.findings.extend(_includes_bound(address, one) for one in sorted(inside.intersection(bound)))


def _include_everything(work: Projection) -> None:
    roles = dict(work.of_kind(Kind.ROLE))
    for address, fields in roles.items():
        if fields.get("includes"):
            inside = contained(address, roles) - {address}
            work.own[address] = {**fields, "includes": [*sorted(map(key_of, inside))]}


def _includes_bound(address: Address, bound: Address) -> Finding:
    return Finding(
        code="bound-role-included",
        summary="what a role of the CRM's own gives cannot be copied into another role",
        detail=f"{address} includes {bound}, which is bound, and the target has no inclusion",
        remedy="take it out of `includes` and grant both roles",
        address=address,
    )


def contained(address: Address, roles: Mapping[Address, Fields]) -> set[Address]:
    """The role and all that it includes, however deep."""
    seen: set[Address] = set()
    waiting = [address]
    while waiting:
        current = waiting.pop()
        if current in seen or current not in roles:
            continue
        seen.add(current)
        included = roles[current].get("includes")
        waiting.extend(f"{Kind.ROLE}/{key}" for key in (included if isinstance(included, list) else ()))
    return seen


def _all_privileges(contained: Iterable[Address], roles: Mapping[Address, Fields]) -> Privileges:
    total: Privileges = {}
    for address in sorted(contained):
        for subject, actions in privileges_of(roles[address].get("privileges")).items():
            for action, scope in actions.items():
                _raise_to(total, subject, action, scope)
    return total


def _all_functions(contained: Iterable[Address], roles: Mapping[Address, Fields]) -> dict[str, Json]:
    total: Privileges = {}
    for address in sorted(contained):
        used = roles[address].get("functions")
        for key, scope in used.items() if isinstance(used, dict) else ():
            _raise_to(total, "", key, str(scope))
    return dict(total.get("", {}))


def _raise_to(privileges: Privileges, subject: str, action: str, scope: str) -> None:
    """Two statements of one privilege combine to the higher scope."""
    actions = privileges.setdefault(subject, {})
    if SCOPES.index(scope) >= SCOPES.index(actions.get(action, SCOPES[0])):
        actions[action] = scope
