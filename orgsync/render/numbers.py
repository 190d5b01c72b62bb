"""Numbers in sentences.

In: counts. Out: words. Never: loads what speaks of plans, which ``validate`` can do without.
"""

_PLURALS = {"person": "people", "business unit": "business units"}


def count(number: int, singular: str, plural: str = "") -> str:
    """``count(3000, "change")`` -> "3,000 changes"."""
    return f"{number:,} {singular if number == 1 else plural or _PLURALS.get(singular, singular + 's')}"
