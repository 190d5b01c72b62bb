"""Keep of every privilege what the CRM has words for; each word that it lacks is a finding.

In: a projection in progress. Out: nothing; it is changed. Never: makes a scope wider, or leaves anything out silently.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from orgsync.finding import Finding, Severity
from orgsync.project.work import Privileges, Projection, as_json, privileges_of
from orgsync.resources import SCOPES, Address, Json, Kind


@dataclass(slots=True)
class _Lacks:
    """What one role or function states and the CRM has no word for; ``added``: what the CRM gives along."""

    objects: list[str] = field(default_factory=list)
    actions: list[str] = field(default_factory=list)
    scopes: dict[tuple[str, str], list[str]] = field(default_factory=lambda: defaultdict(list))
    added: list[str] = field(default_factory=list)


def check_privileges(work: Projection) -> None:
    able = work.capabilities
    any_word = able.privilege_actions is None and able.objects is None
    any_scope = able.scopes.issuperset(SCOPES) and not (able.action_scopes or able.object_scopes)
    if not able.manages_roles or (any_word and any_scope and not (able.needs or able.parents)):
        return
    for address, fields in work.of_kind(Kind.ROLE):
        lacks, kept = _Lacks(), dict(fields)
        if fields.get("privileges"):
            kept["privileges"] = as_json(_expressible(work, privileges_of(fields["privileges"]), lacks))
        if isinstance(used := fields.get("functions"), dict):
            levels = {
                key: _scope(work, f"function {key}", str(scope), lacks, able.scopes) for key, scope in used.items()
            }
            kept["functions"] = {key: level for key, level in levels.items() if level is not None}
        work.own[address] = kept
        work.findings += _findings(work, address, lacks)
    for address, fields in () if any_word else work.of_kind(Kind.FUNCTION):
        if isinstance(granted := fields.get("privileges"), dict):
            lacks = _Lacks()
            work.own[address] = {**fields, "privileges": _known(work, granted, lacks)}
            work.findings += _findings(work, address, lacks)


def _expressible(work: Projection, privileges: Privileges, lacks: _Lacks) -> Privileges:
    kept: Privileges = {}
    for subject, actions in privileges.items():
        known = {action: actions[action] for action in _actions(work, subject, actions, lacks)}
        given = {action: scope for action, scope in known.items() if scope in _scopes(work, subject, action)}
        _complete(work, given)
        for action, scope in known.items():
            if given.get(action) == scope:  # by itself, or since another action brings it along
                continue
            if (level := _scope(work, f"{subject}:{action}", scope, lacks, _scopes(work, subject, action))) is not None:
                _raise(given, action, level)
        _complete(work, given)
        lacks.added += [f"{subject}:{action} ({given[action]})" for action in given if _more(given, known, action)]
        if given:
            kept[subject] = given
    _read_parents(work, kept, lacks)
    return kept


def _read_parents(work: Projection, kept: Privileges, lacks: _Lacks) -> None:
    """Whoever reads a thing that belongs to another reads that, too: however many are above it."""
    waiting = [*kept]
    while waiting:
        child = waiting.pop()
        scope = kept[child].get(READ, SCOPES[0])
        for parent in sorted(work.capabilities.parents.get(child, ())):
            if _raise(kept.setdefault(parent, {}), READ, scope):
                _complete(work, kept[parent])
                lacks.added.append(f"{parent}:{READ} ({scope})")
                waiting.append(parent)


READ = "read"
"""The action that what belongs to another needs on that."""


def _scopes(work: Projection, subject: str, action: str) -> frozenset[str]:
    able = work.capabilities
    return able.object_scopes.get((subject, action), able.action_scopes.get(action, able.scopes))


def _complete(work: Projection, given: dict[str, str]) -> None:
    """With all that the CRM gives along: what comes along may bring more."""
    waiting = [*given.items()]
    while waiting:
        for action, scope in work.capabilities.needs.get(waiting.pop(), ()):
            if _raise(given, action, scope):
                waiting.append((action, scope))


def _raise(given: dict[str, str], action: str, scope: str) -> bool:
    if SCOPES.index(scope) <= SCOPES.index(given.get(action, SCOPES[0])):
        return False
    given[action] = scope
    return True


def _more(given: Mapping[str, str], stated: Mapping[str, str], action: str) -> bool:
    return SCOPES.index(given[action]) > SCOPES.index(stated.get(action, SCOPES[0]))


def _known(work: Projection, granted: Mapping[str, Json], lacks: _Lacks) -> Json:
    kept: dict[str, Json] = {}
    for subject, actions in granted.items():
        stated = [str(action) for action in actions] if isinstance(actions, list) else []
        if found := _actions(work, subject, stated, lacks):
            kept[subject] = [*found]
    return kept


def _actions(work: Projection, subject: str, actions: Iterable[str], lacks: _Lacks) -> list[str]:
    """Those of which the CRM knows both the object and the action."""
    objects, known = work.capabilities.objects, work.capabilities.privilege_actions
    if objects is not None and subject not in objects:
        lacks.objects.append(subject)
        return []
    scopes = work.capabilities.object_scopes
    able = {a for a in actions if (known is None or a in known) and scopes.get((subject, a)) != frozenset()}
    lacks.actions += [f"{subject}:{action}" for action in actions if action not in able]
    return [action for action in actions if action in able]


def _scope(work: Projection, privilege: str, scope: str, lacks: _Lacks, possible: frozenset[str]) -> str | None:
    """What to write; None for nothing: a CRM that has no word for "none" simply lacks the privilege."""
    if scope in possible:
        return scope
    if scope == SCOPES[0]:
        return None
    smaller = [level for level in SCOPES[: SCOPES.index(scope)] if level in possible]
    lacks.scopes[scope, smaller[-1] if smaller else SCOPES[0]].append(privilege)
    return smaller[-1] if work.narrower and smaller else None


def _findings(work: Projection, address: Address, lacks: _Lacks) -> list[Finding]:
    found = [_no_scope(work, address, *levels, lacking) for levels, lacking in lacks.scopes.items()]
    if lacks.objects:
        found.append(_no_object(work, address, lacks.objects))
    if lacks.actions:
        found.append(_no_action(work, address, lacks.actions))
    if lacks.added:
        found.append(_given_along(work, address, lacks.added))
    return found


_WITHOUT = "remove it, grant it through a role that the CRM already has (bind), or set inexpressible: omit"


def _severity(*, allowed: bool) -> Severity:
    return Severity.WARNING if allowed else Severity.ERROR


def _no_object(work: Projection, address: Address, lacking: Iterable[str]) -> Finding:
    return Finding(
        code="object-not-expressible",
        severity=_severity(allowed=work.omit),
        summary="the target cannot express this object",
        detail=f"{work.adapter} has nothing for {', '.join(lacking)}" + _left_out(work),
        remedy=_WITHOUT,
        address=address,
    )


def _no_action(work: Projection, address: Address, lacking: Iterable[str]) -> Finding:
    return Finding(
        code="action-not-expressible",
        severity=_severity(allowed=work.omit),
        summary="the target cannot express this action",
        detail=f"{work.adapter} has nothing for {', '.join(lacking)}" + _left_out(work),
        remedy=_WITHOUT,
        address=address,
    )


def _given_along(work: Projection, address: Address, added: Iterable[str]) -> Finding:
    return Finding(
        code="privilege-completed",
        severity=Severity.INFO,
        summary="the target gives more along with a privilege",
        detail=f"{work.adapter} has what {address} states only together with {', '.join(added)}",
        remedy="state these, too, so that the YAML says what people get",
        address=address,
    )


def _left_out(work: Projection) -> str:
    return "; left out" if work.omit else ""


def _no_scope(work: Projection, address: Address, scope: str, narrowed: str, lacking: Iterable[str]) -> Finding:
    return Finding(
        code="scope-not-expressible",
        severity=_severity(allowed=work.narrower),
        summary="the target cannot express this scope",
        detail=f"{work.adapter} has no scope {scope} for {', '.join(lacking)}"
        + (f"; {narrowed} is used" if work.narrower else f"; the next narrower one is {narrowed}"),
        remedy="state a scope that the target has, or set scopeFallback: narrower for this target",
        address=address,
    )
