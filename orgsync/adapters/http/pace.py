"""When the next call may go: none comes so early that it is refused, and none waits longer than it must.

In: calls that begin and end, what answers say about calls left, holds. Out: seconds to wait. Never: sleeps, sends.
"""

from collections.abc import Callable, Mapping
from threading import Condition

from orgsync.adapters.http.quota import common_left, common_rate

_SLACK = 0.1
"""Share of the stated calls that may be caught up at once by whoever came late: a server counts over its window."""
_SAME_WINDOW = 1.0
"""Seconds by which two answers may differ about the end of one window: most servers round."""


class Pace:
    """Safe for several threads, which share what the server allows."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock, self._changed = clock, Condition()
        self._held_until = self._turn = 0.0
        self._rate = self._slack = 0.0
        self._left: float | None = None
        self._most = self._until = 0.0
        self._over = float("-inf")
        self._flying = 0

    def hold(self, seconds: float) -> None:
        """For every thread: the server counts the calls of all of them."""
        with self._changed:
            self._held_until = max(self._held_until, self._clock() + seconds)

    @property
    def held(self) -> bool:
        """By the server's own word: nobody has to guess how long to wait."""
        with self._changed:
            return self._held_until > self._clock()

    def turn(self) -> float:
        """Seconds until the turn of one more call, where the server states a rate.

        Turns follow each other evenly whenever they are taken, so that whoever wakes up late loses no call.
        """
        with self._changed:
            if not self._rate:
                return 0
            now = self._clock()
            mine = max(self._turn, now - self._slack)
            self._turn = mine + 1 / self._rate
            return mine - now

    def begin(self, waited: float = 0) -> float:
        """0: go, and say so when it has ended. Else when to ask again, having ``waited`` until then: whoever wakes up
        late may find that the others have used up what there was meanwhile, and waits for a later moment."""
        with self._changed:
            while self._flying and self._short():  # the answers that are due say how many are left
                self._changed.wait(_SAME_WINDOW)
            moment = max(self._held_until, self._until if self._short() else 0)
            if moment > max(self._clock(), waited):
                return moment
            self._flying += 1
            return 0

    def _short(self) -> bool:
        """Whether those that fly may take all that is left: a server counts a call only when it comes."""
        if self._left is not None and (now := self._clock()) >= self._until:
            self._left, self._until = (self._most, float("inf")) if self._most >= 1 else (None, 0)
            self._over = now
        return self._left is not None and self._left - self._flying < 1

    def end(self) -> None:
        with self._changed:
            self._flying -= 1
            self._changed.notify_all()

    def heed(self, headers: Mapping[str, str], wall: float, began: float) -> None:
        """``wall``: seconds since 1970; ``began``: the clock when the call was sent. Answers overtake each other: in
        one window the lowest figure counts, and a call that was sent before it may have been counted in either.
        """
        if (found := common_left(headers, wall)) is not None:
            left, until = found[0], self._clock() + found[1]
            with self._changed:
                if began < self._over and self._left is not None:
                    self._left = min(self._left, max(self._left - 1, 1))  # with the last one somebody has to ask
                elif self._left is None or left < self._left or until > self._until + _SAME_WINDOW:
                    self._left, self._until, self._most = left, until, max(self._most, left)
                elif self._until == float("inf"):
                    self._until = until
        if (stated := common_rate(headers)) is not None:
            calls, seconds = stated
            with self._changed:
                self._rate, self._slack = calls / seconds, seconds * _SLACK
