"""Numbers in sentences.

In: counts, findings. Out: words. Never: loads what speaks of plans or knows rich, which ``validate`` can do without.
"""

from collections import Counter
from collections.abc import Sequence

from orgsync.finding import Finding, Severity

_PLURALS = {"person": "people", "business unit": "business units"}


def count(number: int, singular: str, plural: str = "") -> str:
    """``count(3000, "change")`` -> "3,000 changes"."""
    return f"{number:,} {singular if number == 1 else plural or _PLURALS.get(singular, singular + 's')}"


def tally(found: Sequence[Finding]) -> str:
    """``2 errors, 1 warning``; "no findings" without any."""
    counted = Counter(finding.severity for finding in found)
    words = {Severity.ERROR: "error", Severity.WARNING: "warning", Severity.INFO: "note"}
    return ", ".join(count(counted[one], words[one]) for one in Severity if counted[one]) or "no findings"
