"""Workflow commands of GitHub Actions, which show findings beside the lines of a pull request.

In: findings and plans. Out: lines such as ``::error file=units/a.yaml,line=3,col=5,title=…::…``. Never: a line break
or a percent sign of somebody else's that would start a command of its own.
"""

from collections.abc import Iterable

from orgsync.finding import Finding, Severity
from orgsync.plan import Plan
from orgsync.render.access import headline, risky
from orgsync.render.escape import annotation, annotation_property
from orgsync.render.view import header, refused, short_digest, summary_line

_COMMANDS = {Severity.ERROR: "error", Severity.WARNING: "warning", Severity.INFO: "notice"}


def findings(found: Iterable[Finding]) -> str:
    return "".join(map(_finding, found))


def plan(plan: Plan) -> str:
    """The plan's findings, risky gains of access, its refused guards, and one notice with the summary."""
    refusing = "".join(
        _command("error", f"{guard.text}\nif this is meant: --accept {guard.name}", title=f"guard {guard.name}")
        for guard in refused(plan)
    )
    access = "" if plan.access.empty else f"\naccess: {headline(plan.access)}"
    said = f"{summary_line(plan)} · digest {short_digest(plan.change_digest)}\n{header(plan)}{access}"
    return (
        findings([*plan.findings, *risky(plan)])
        + refusing
        + _command("notice", said, title=f"orgsync plan {plan.target.name}")
    )


def _finding(finding: Finding) -> str:
    remedy = f"waived {finding.waiver}" if finding.waiver else finding.remedy
    said = "\n".join(filter(None, (finding.detail or finding.summary, remedy)))
    place = {}
    if finding.position is not None:
        at = finding.position
        place = {"file": at.file, "line": str(at.line), "col": str(at.column)}
    return _command(_COMMANDS[finding.severity], said, **place, title=f"{finding.summary} [{finding.code}]")


def _command(name: str, message: str, **properties: str) -> str:
    listed = ",".join(f"{key}={annotation_property(value)}" for key, value in properties.items())
    return f"::{name} {listed}::{annotation(message)}\n"
