"""Fold the desired organization into what a CRM can express; whatever would be lost is a finding.

In: the desired organization, a CRM's capabilities. Out: an organization in the CRM's own space, and findings.
Never: reads or changes anything; drops a difference silently. A second plan is empty because both sides of the
diff live in this space.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

from orgsync.adapter import Capabilities
from orgsync.finding import Finding, Severity
from orgsync.resources import (
    FIELDS,
    NO_FIELDS,
    NO_UNIT,
    SCOPES,
    Address,
    Fields,
    Json,
    Kind,
    Organization,
    kind_of,
    parts_of,
)

Privileges = dict[str, dict[str, str]]


@dataclass(slots=True)
class _Projection:
    """The work in progress: resources by address, and what was lost: (kind, field) -> addresses."""

    adapter: str
    capabilities: Capabilities
    fallback: bool
    resources: dict[Address, Fields]
    findings: list[Finding] = field(default_factory=list)
    lost: dict[tuple[Kind, str], list[Address]] = field(default_factory=dict)


def project(
    desired: Organization, capabilities: Capabilities, adapter: str, *, narrower: bool = False
) -> tuple[Organization, list[Finding]]:
    """``adapter``: whose ``bind`` entries count. ``narrower``: a scope the CRM lacks becomes the next smaller one."""
    work = _Projection(adapter, capabilities, narrower, dict(desired.resources))
    bound = bound_names(desired, adapter)
    _use_bound_roles(work, bound)
    _fold_functions(work)
    _fold_includes(work, bound)
    _check_privileges(work)
    _check_functions(work)
    _expand_unit_roles(work, desired.managed)
    _place_expiry(work)
    _fold_grants(work)
    _drop_what_is_not_stored(work)
    projected = replace(desired, resources=work.resources)
    return projected, [*work.findings, *_losses(work)]


def bound_names(desired: Organization, adapter: str) -> dict[Address, str]:
    """Role address -> name of the role that stands in for it in this adapter's CRM."""
    return {address: names[adapter] for address, names in desired.bound.items() if adapter in names}


def _of_kind(resources: Mapping[Address, Fields], kind: Kind) -> list[tuple[Address, Fields]]:
    prefix = f"{kind}/"
    return [(address, fields) for address, fields in resources.items() if address.startswith(prefix)]


def _use_bound_roles(work: _Projection, bound: Iterable[Address]) -> None:
    """A bound role is the CRM's own: nothing about it is stated, only grants refer to it."""
    for address in bound:
        if address in work.resources:
            work.resources[address] = NO_FIELDS


def _fold_functions(work: _Projection) -> None:
    """Where the CRM keeps no catalogue of functions, a role carries their privileges itself."""
    if Kind.FUNCTION in work.capabilities.kinds and "functions" in work.capabilities.of(Kind.ROLE).fields:
        return
    functions = dict(_of_kind(work.resources, Kind.FUNCTION))
    for address in functions if Kind.FUNCTION not in work.capabilities.kinds else ():
        del work.resources[address]
    for address, fields in _of_kind(work.resources, Kind.ROLE):
        if "functions" in fields:
            own = {name: value for name, value in fields.items() if name != "functions"}
            own["privileges"] = _as_json(_with_functions(fields, functions))
            work.resources[address] = own


def _with_functions(role: Fields, functions: Mapping[Address, Fields]) -> Privileges:
    privileges = _privileges(role.get("privileges"))
    used = role.get("functions")
    for key, scope in (used or {}).items() if isinstance(used, dict) else ():
        granted = functions.get(f"{Kind.FUNCTION}/{key}", NO_FIELDS).get("privileges")
        if isinstance(granted, dict):
            for subject, actions in granted.items():
                for action in actions if isinstance(actions, list) else ():
                    _raise_to(privileges, subject, str(action), str(scope))
    return privileges


def _fold_includes(work: _Projection, bound: Iterable[Address]) -> None:
    """Where roles cannot contain roles, a role carries the privileges of all that it includes."""
    if "includes" in work.capabilities.of(Kind.ROLE).fields or not work.capabilities.manages_roles:
        return
    roles = dict(_of_kind(work.resources, Kind.ROLE))
    for address, fields in roles.items():
        if fields.get("includes"):
            own = {name: value for name, value in fields.items() if name != "includes"}
            contained = _contained(address, roles)
            own["privileges"] = _as_json(_all_privileges(contained, roles))
            if used := _all_functions(contained, roles):
                own["functions"] = used
            work.resources[address] = own
            work.findings.extend(_includes_bound(address, one) for one in sorted(contained.intersection(bound)))


def _includes_bound(address: Address, bound: Address) -> Finding:
    return Finding(
        code="bound-role-included",
        summary="what a role of the CRM's own gives cannot be copied into another role",
        detail=f"{address} includes {bound}, which is bound, and the target has no inclusion",
        remedy="take it out of `includes` and grant both roles",
        address=address,
    )


def _contained(address: Address, roles: Mapping[Address, Fields]) -> set[Address]:
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
        for subject, actions in _privileges(roles[address].get("privileges")).items():
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


def _privileges(value: Json) -> Privileges:
    """A copy; of ``{}`` where none are stated."""
    if not isinstance(value, dict):
        return {}
    return {
        subject: {action: str(scope) for action, scope in actions.items()}
        for subject, actions in value.items()
        if isinstance(actions, dict)
    }


def _as_json(privileges: Privileges) -> Json:
    return {subject: dict(actions) for subject, actions in privileges.items()}


def _raise_to(privileges: Privileges, subject: str, action: str, scope: str) -> None:
    """Two statements of one privilege combine to the higher scope."""
    actions = privileges.setdefault(subject, {})
    if SCOPES.index(scope) >= SCOPES.index(actions.get(action, SCOPES[0])):
        actions[action] = scope


def _check_privileges(work: _Projection) -> None:
    known, scopes = work.capabilities.privilege_actions, work.capabilities.scopes
    if not work.capabilities.manages_roles or (known is None and scopes.issuperset(SCOPES)):
        return
    for address, fields in _of_kind(work.resources, Kind.ROLE):
        if fields.get("privileges"):
            kept = _expressible(work, address, _privileges(fields["privileges"]))
            work.resources[address] = {**fields, "privileges": _as_json(kept)}


def _expressible(work: _Projection, address: Address, privileges: Privileges) -> Privileges:
    known = work.capabilities.privilege_actions
    kept: Privileges = {}
    for subject, actions in privileges.items():
        for action, scope in actions.items():
            if known is not None and action not in known:
                work.findings.append(_no_action(work, address, f"{subject}:{action}"))
            elif (level := _scope(work, address, f"{subject}:{action}", scope)) is not None:
                kept.setdefault(subject, {})[action] = level
    return kept


def _check_functions(work: _Projection) -> None:
    """Where the CRM keeps functions, their scopes and actions must be known to it as those of privileges are."""
    capabilities = work.capabilities
    if not capabilities.manages_roles or "functions" not in capabilities.of(Kind.ROLE).fields:
        return
    for address, fields in _of_kind(work.resources, Kind.ROLE):
        used = fields.get("functions")
        if isinstance(used, dict) and not capabilities.scopes.issuperset(map(str, used.values())):
            levels = {key: _scope(work, address, f"function {key}", str(scope)) for key, scope in used.items()}
            kept: Json = {key: level for key, level in levels.items() if level is not None}
            work.resources[address] = {**fields, "functions": kept}
    for address, fields in (
        _of_kind(work.resources, Kind.FUNCTION) if capabilities.privilege_actions is not None else ()
    ):
        if isinstance(granted := fields.get("privileges"), dict):
            work.resources[address] = {**fields, "privileges": _known_actions(work, address, granted)}


def _known_actions(work: _Projection, address: Address, granted: Mapping[str, Json]) -> Json:
    known = work.capabilities.privilege_actions or frozenset()
    kept: dict[str, Json] = {}
    for subject, actions in granted.items():
        stated = [str(action) for action in actions] if isinstance(actions, list) else []
        work.findings.extend(
            _no_action(work, address, f"{subject}:{action}") for action in stated if action not in known
        )
        kept[subject] = [action for action in stated if action in known]
    return kept


def _scope(work: _Projection, address: Address, privilege: str, scope: str) -> str | None:
    """What to write; None for nothing: a CRM that has no word for "none" simply lacks the privilege."""
    if scope in work.capabilities.scopes:
        return scope
    if scope == SCOPES[0]:
        return None
    smaller = [level for level in SCOPES[: SCOPES.index(scope)] if level in work.capabilities.scopes]
    work.findings.append(_no_scope(work, address, privilege, scope, smaller[-1] if smaller else SCOPES[0]))
    return smaller[-1] if work.fallback and smaller else None


def _no_action(work: _Projection, address: Address, privilege: str) -> Finding:
    return Finding(
        code="action-not-expressible",
        summary="the target cannot express this action",
        detail=f"{work.adapter} has nothing for {privilege}",
        remedy="remove the privilege, or grant it through a role that the CRM already has (bind)",
        address=address,
    )


def _no_scope(work: _Projection, address: Address, privilege: str, scope: str, narrowed: str) -> Finding:
    return Finding(
        code="scope-not-expressible",
        severity=Severity.WARNING if work.fallback else Severity.ERROR,
        summary="the target cannot express this scope",
        detail=f"{work.adapter} has no scope {scope} for {privilege}"
        + (f"; {narrowed} is used" if work.fallback else f"; the next narrower one is {narrowed}"),
        remedy="state a scope that the target has, or set scopeFallback: narrower for this target",
        address=address,
    )


def _expand_unit_roles(work: _Projection, managed: frozenset[Address]) -> None:
    """Where roles cannot be attached to a unit, each of its members holds them."""
    if work.capabilities.unit_roles:
        return
    roles = {
        address: [str(key) for key in keys]
        for address, fields in _of_kind(work.resources, Kind.UNIT)
        if isinstance(keys := fields.get("roles"), list)
    }
    for address, fields in _of_kind(work.resources, Kind.UNIT):
        if "roles" in fields:
            work.resources[address] = {name: value for name, value in fields.items() if name != "roles"}
    work.findings.extend(_unlisted(address) for address, keys in roles.items() if keys and address not in managed)
    for address, _ in _of_kind(work.resources, Kind.MEMBERSHIP):
        unit, user = parts_of(address)
        for role in roles.get(f"{Kind.UNIT}/{unit}", ()):
            work.resources.setdefault(f"{Kind.GRANT}/{unit}/{user}/{role}", NO_FIELDS)


def _unlisted(address: Address) -> Finding:
    return Finding(
        code="unit-roles-without-assignments",
        summary="the roles of this unit reach nobody on this target",
        detail="the target grants roles per person, and the unit does not state its assignments",
        remedy="state the unit's assignments (an empty list if nobody is meant to belong to it)",
        address=address,
    )


def _place_expiry(work: _Projection) -> None:
    """Where the CRM ends grants rather than memberships, a grant ends with its membership."""
    if work.capabilities.expiry != "grant":
        return
    for address, fields in _of_kind(work.resources, Kind.GRANT):
        unit, user, _ = parts_of(address)
        membership = work.resources.get(f"{Kind.MEMBERSHIP}/{unit}/{user}", NO_FIELDS)
        if "until" in membership:
            work.resources[address] = {**fields, "until": membership["until"]}


def _fold_grants(work: _Projection) -> None:
    """Where grants know no unit, a user holds a role once, for as long as the longest of the folded grants."""
    if work.capabilities.unit_grants:
        return
    folded: dict[Address, list[Fields]] = {}
    for address, fields in _of_kind(work.resources, Kind.GRANT):
        _, user, role = parts_of(address)
        folded.setdefault(f"{Kind.GRANT}/{NO_UNIT}/{user}/{role}", []).append(fields)
        del work.resources[address]
    for address, grants in folded.items():
        work.resources[address] = (
            {"until": _longest(grants)} if any("until" in grant for grant in grants) else NO_FIELDS
        )


def _longest(grants: Iterable[Fields]) -> Json:
    ends = [grant.get("until") for grant in grants]
    return None if None in ends else max(str(end) for end in ends)


def _drop_what_is_not_stored(work: _Projection) -> None:
    for kind in Kind:
        stored = work.capabilities.of(kind).fields
        missing = FIELDS[kind].keys() - stored
        known = kind in work.capabilities.kinds or kind is Kind.USER  # people are referred to everywhere
        if known and not missing:
            continue
        for address, fields in _of_kind(work.resources, kind):
            if not known:
                work.lost.setdefault((kind, ""), []).append(address)
                del work.resources[address]
            elif not missing.isdisjoint(fields):
                _note_losses(work, address, fields, missing)
                work.resources[address] = {name: value for name, value in fields.items() if name in stored}


def _note_losses(work: _Projection, address: Address, fields: Fields, missing: Iterable[str]) -> None:
    kind = kind_of(address)
    for name in missing:
        if fields.get(name) not in (None, "", [], {}) and not FIELDS[kind][name].noted:
            work.lost.setdefault((kind, name), []).append(address)


def _losses(work: _Projection) -> list[Finding]:
    """One finding per kind and field, however many resources lose it."""
    return [_loss(work.adapter, kind, name, addresses) for (kind, name), addresses in sorted(work.lost.items())]


def _loss(adapter: str, kind: Kind, name: str, addresses: list[Address]) -> Finding:
    others = f" and {len(addresses) - 1} more" if len(addresses) > 1 else ""
    what = f"the field {name} of a {kind}" if name else f"the kind {kind}"
    return Finding(
        code="not-stored-by-target",
        severity=Severity.WARNING,
        summary="the target has no place for something that is declared",
        detail=f"{adapter} does not store {what}: {addresses[0]}{others}",
        remedy="nothing is lost in the YAML; choose another mapping in the target's settings where it has one",
        address=addresses[0],
    )
