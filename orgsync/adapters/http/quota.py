"""How long to wait before the next call, from the headers of the last answer: waiting is better than being refused."""

import re
from collections.abc import Mapping

_EPOCH = 1_000_000_000
"""A reset beyond this many seconds (31 years) is a moment and no duration."""
_STRUCTURED = re.compile(r";\s*r=(\d+).*?;\s*t=(\d+)")


def common_quota(headers: Mapping[str, str], now: float) -> float:
    """Seconds; 0 while calls remain or nobody says. ``now``: seconds since 1970.

    Understands RateLimit-Remaining and -Reset, the same with X-, and RateLimit with ``r`` and ``t`` (IETF draft
    "RateLimit header fields for HTTP"). An adapter whose CRM counts otherwise passes a function of its own.
    """
    if found := _STRUCTURED.search(headers.get("RateLimit", "")):
        return _wait(found[1], found[2], now)
    return max(
        _wait(headers.get(f"{name}-Remaining", ""), headers.get(f"{name}-Reset", ""), now)
        for name in ("RateLimit", "X-RateLimit")
    )


def _wait(remaining: str, reset: str, now: float) -> float:
    try:
        left, seconds = float(remaining), float(reset)
    except ValueError:
        return 0
    if left >= 1:
        return 0
    return max(seconds - now, 0) if seconds > _EPOCH else max(seconds, 0)
