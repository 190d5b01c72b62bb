"""The JSON shapes that scripts may rely on.

In: the words. Out: JSON text. Never: the plan file's own shape (``orgsync.plan``), which ``plan --format json`` prints.
"""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from orgsync.access import AccessDiff, Allowance
from orgsync.access import to_json as diff_to_json
from orgsync.adapter import Changed, Foreign
from orgsync.change import Outcome, Status
from orgsync.explain import attributes
from orgsync.finding import Finding
from orgsync.plan import Plan, to_json
from orgsync.render.escape import inert


def text(value: object) -> str:
    """Indented JSON, ASCII only: safe on any terminal and in any log."""
    return inert(json.dumps(value, indent=2, default=dict), r"\u{:04x}") + "\n"


def plan(plan: Plan) -> dict[str, Any]:
    """The object that the plan file holds."""
    return to_json(plan, attributes)


def access_diff(diff: AccessDiff) -> dict[str, Any]:
    """As the member ``access`` of a plan, uncut."""
    return diff_to_json(diff)


def allowances(found: Sequence[Allowance]) -> list[dict[str, Any]]:
    """A path is a list of addresses, whose last is ``object:action:scope`` as it is granted there."""
    return [
        {
            "user": one.user,
            "object": one.object,
            "action": one.action,
            "scope": one.scope,
            "reach": [{"scope": scope, "unit": unit} for scope, unit in one.reaches],
            "paths": [[*path.steps, f"{one.object}:{one.action}:{path.scope}"] for path in one.paths],
        }
        for one in found
    ]


def findings(found: Sequence[Finding]) -> list[dict[str, object]]:
    """Without a position ``file``, ``line`` and ``column`` are null."""
    return [finding.to_json() for finding in found]


def drift(
    plan_: Plan, foreign: Sequence[Foreign], changed: Mapping[str, Changed], broken: Sequence[Finding] = ()
) -> dict[str, Any]:
    """As the plan that would take the CRM back, with who changed what, the foreign things, and broken policies."""
    value = plan(plan_)
    for member in [*value["changes"], *value["withheld"]]:
        member.update(_changed(changed.get(member["address"])))
    return {**value, "foreign": [_foreign(one) for one in foreign], "broken": findings(broken)}


def _changed(changed: Changed | None) -> dict[str, str | None]:
    return {
        "changedBy": changed.by or None if changed else None,
        "changedAt": changed.at.isoformat() if changed else None,
    }


def _foreign(one: Foreign) -> dict[str, str | None]:
    """Foreign things carry no key of ours: their address is made of the kind and the CRM's own id."""
    return {
        "address": f"{one.kind}/{one.id}",
        "kind": one.kind,
        "id": one.id,
        "name": one.name,
        **_changed(one.changed),
    }


def report(run: str, outcomes: Sequence[Outcome], differences: Sequence[Finding], journal: str = "") -> dict[str, Any]:
    """``run`` and ``journal`` (its head afterwards) are "" where there was nothing to do."""
    return {
        "run": run,
        "outcomes": [
            {
                "id": one.id,
                "address": one.address,
                "action": str(one.action),
                "status": str(one.status),
                "detail": one.detail,
            }
            for one in outcomes
        ],
        "summary": {str(status): sum(one.status is status for one in outcomes) for status in Status},
        "differences": findings(differences),
        "journal": journal,
    }
