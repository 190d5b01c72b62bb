"""What a doctor says of a target.

In: words. Out: findings. Never: asks a CRM.
"""

from orgsync.finding import Finding, Severity


def fact(summary: str, detail: str) -> Finding:
    return Finding(code="doctor", severity=Severity.INFO, summary=summary, detail=detail)


def warning(summary: str, detail: str, remedy: str) -> Finding:
    return Finding(code="doctor", severity=Severity.WARNING, summary=summary, detail=detail, remedy=remedy)


def trouble(detail: str, remedy: str) -> Finding:
    return Finding(code="doctor", summary="the target cannot be used", detail=detail, remedy=remedy)
