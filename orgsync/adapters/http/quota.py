"""How long to wait before the next call, from the headers of the last answer: waiting is better than being refused."""

import re
from collections.abc import Mapping

_EPOCH = 1_000_000_000
"""A reset beyond this many seconds (31 years) is a moment and no duration."""
_SHORT = 10
"""Seconds of a window within which calls are spread evenly."""
_STRUCTURED = re.compile(r";\s*r=(\d+).*?;\s*t=(\d+)")
_POLICY = re.compile(r"(?:^|;\s*q=|,\s*)(\d+)\s*;(?:[^,]*;)?\s*w=(\d+)")


def common_quota(headers: Mapping[str, str], now: float) -> float:
    """Seconds; 0 while calls remain or nobody says. ``now``: seconds since 1970.

    Understands RateLimit-Remaining and -Reset, the same with X-, and RateLimit with ``r`` and ``t`` (IETF draft
    "RateLimit header fields for HTTP"). An adapter whose CRM counts otherwise passes a function of its own.
    """
    found = common_left(headers, now)
    return found[1] if found is not None and found[0] < 1 else 0


def common_left(headers: Mapping[str, str], now: float) -> tuple[float, float] | None:
    """(calls left, seconds until there are all of them again), of the limit that ends last among the tightest."""
    if found := _STRUCTURED.search(headers.get("RateLimit", "")):
        return _left(found[1], found[2], now)
    told = [
        left
        for name in ("RateLimit", "X-RateLimit")
        if (left := _left(headers.get(f"{name}-Remaining", ""), headers.get(f"{name}-Reset", ""), now)) is not None
    ]
    return min(told, key=lambda one: (one[0], -one[1]), default=None)


def _left(remaining: str, reset: str, now: float) -> tuple[float, float] | None:
    try:
        left, seconds = float(remaining), float(reset)
    except ValueError:
        return None
    return left, max(seconds - now if seconds > _EPOCH else seconds, 0)


def common_rate(headers: Mapping[str, str]) -> tuple[int, int] | None:
    """(calls, seconds in which they may be made): the slowest of what RateLimit-Policy states (same draft).

    Of a long window the calls that are left may be made at once, so that it is no rate to keep to.
    """
    stated = [(int(calls), int(seconds)) for calls, seconds in _POLICY.findall(headers.get("RateLimit-Policy", ""))]
    short = [(calls, seconds) for calls, seconds in stated if calls and 0 < seconds <= _SHORT]
    return min(short, key=lambda one: one[0] / one[1], default=None)
