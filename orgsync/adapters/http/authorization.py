"""The Authorization header: a fixed one, or one that is fetched again when the server no longer takes it.

How a token is got (OAuth, a login by JSON-RPC) is the adapter's business: it passes a function. Never: shows a token.
"""

from base64 import b64encode
from collections.abc import Callable
from dataclasses import dataclass, field
from threading import Lock
from typing import Protocol


class Authorization(Protocol):
    def header(self, *, stale: str = "") -> str:
        """The header's value. ``stale``: the one that the server has just refused: another one, if there is any."""
        ...


@dataclass(frozen=True, slots=True)
class Fixed:
    """A key or token that nobody renews."""

    value: str = field(repr=False)

    def header(self, *, stale: str = "") -> str:  # noqa: ARG002  (there is no other)
        return self.value


class Renewed:
    """``fetch``: gets a new header value; asked before the first call, and once for all threads after a 401."""

    def __init__(self, fetch: Callable[[], str]) -> None:
        self._fetch, self._current, self._lock = fetch, "", Lock()

    def header(self, *, stale: str = "") -> str:
        with self._lock:
            if self._current in {"", stale}:
                self._current = self._fetch()
            return self._current


def bearer(token: str) -> Fixed:
    return Fixed(f"Bearer {token}")


def basic(user: str, password: str) -> Fixed:
    return Fixed(f"Basic {b64encode(f'{user}:{password}'.encode()).decode()}")
