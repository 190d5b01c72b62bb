"""Findings as SARIF 2.1.0, for code scanning.

In: findings and plans. Out: a JSON-ready dictionary. Never: absolute paths.
"""

from collections.abc import Sequence
from typing import Any
from urllib.parse import quote

from orgsync import __version__
from orgsync.finding import Finding, Position, Severity
from orgsync.plan import Plan
from orgsync.render.access import risky
from orgsync.render.escape import visible
from orgsync.render.view import refused

_LEVELS = {Severity.ERROR: "error", Severity.WARNING: "warning", Severity.INFO: "note"}
_NOWHERE = Position(file="orgsync.yaml")
"""For what stands in no file: code scanning refuses results without a place, and limits and targets stand there."""


def plan(plan: Plan) -> dict[str, Any]:
    """The plan's findings, a warning for each risky gain of access, and an error for each guard that refuses it."""
    refusals = (
        Finding(
            code=guard.name,
            summary="a guard refuses this plan",
            detail=guard.text,
            remedy=f"if this is meant: --accept {guard.name}",
        )
        for guard in refused(plan)
    )
    return findings([*plan.findings, *risky(plan), *refusals])


def findings(found: Sequence[Finding]) -> dict[str, Any]:
    """One run; one rule per code, in the order of the codes."""
    rules = {finding.code: finding.summary for finding in sorted(found, key=lambda one: one.code)}
    index = {code: number for number, code in enumerate(rules)}
    driver = {
        "name": "orgsync",
        "version": __version__,
        "rules": [{"id": code, "shortDescription": {"text": summary}} for code, summary in rules.items()],
    }
    return {
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [
            {
                "tool": {"driver": driver},
                "columnKind": "unicodeCodePoints",
                "results": [_result(finding, index[finding.code]) for finding in found],
            }
        ],
    }


def _plain(text: str) -> str:
    """One line that a viewer shows as it is; in SARIF ``[words](address)`` is a link even in a plain message."""
    return visible(text).replace("](", "] (")


def _result(finding: Finding, rule: int) -> dict[str, Any]:
    said = f"{finding.summary}: {finding.detail}" if finding.detail else finding.summary
    text = "\n".join(map(_plain, [said, *filter(None, finding.remedy.split("\n"))]))
    at = finding.position or _NOWHERE
    location: dict[str, Any] = {
        "physicalLocation": {
            "artifactLocation": {"uri": quote(at.file), "uriBaseId": "%SRCROOT%"},
            "region": {"startLine": at.line, "startColumn": at.column},
        }
    }
    if finding.address:
        location["logicalLocations"] = [{"fullyQualifiedName": finding.address}]
    waived = {"suppressions": [{"kind": "external", "justification": _plain(f"waived {finding.waiver}")}]}
    return {
        "ruleId": finding.code,
        "ruleIndex": rule,
        "level": _LEVELS[finding.severity],
        "message": {"text": text},
        "locations": [location],
        **(waived if finding.waiver else {}),
    }
