"""Two ways to say "not more than": so many at a steady rate with a burst, and so many bytes in any stretch of time.

Both take `now` in seconds of one monotonic clock and tell when there is room again. Whoever waits until `ready_at`
finds room: the answer and the check are the same figure, so no rounding makes a machine wake up in vain.
"""

from collections import deque
from typing import Final

_ROUNDING: Final = 1e-6  # seconds: a hundred times 1 / 8 is not exactly 12.5


class Pace:
    """A token bucket: `burst` at once, `rate` a second in the long run.

    Kept as one moment (the generic cell rate algorithm, ITU-T I.371): when the bucket will be full again.
    """

    __slots__ = ("_full_at", "_interval", "_slack")

    def __init__(self, rate: float, burst: int) -> None:
        """Start full."""
        self._interval = 1 / rate
        self._slack = (burst - 1) / rate + _ROUNDING
        self._full_at = float("-inf")

    def ready_at(self) -> float:
        """Return when one more may go; it may be past."""
        return self._full_at - self._slack

    def take(self, now: float) -> None:
        """Let one go."""
        self._full_at = max(self._full_at, now) + self._interval


class Window:
    """At most `budget` bytes in any `span` seconds."""

    __slots__ = ("_budget", "_span", "_spent", "_total")

    def __init__(self, budget: int, span: float) -> None:
        """Start empty."""
        self._budget = budget
        self._span = span
        self._spent: deque[tuple[float, int]] = deque()
        self._total = 0

    def ready_at(self, size: int) -> float:
        """Return when `size` bytes more fit; it may be past. `size` is at most the budget."""
        total, ready = self._total, float("-inf")
        for leaves, spent in self._spent:
            if total + size <= self._budget:
                break
            total, ready = total - spent, leaves
        return ready

    def add(self, size: int, now: float) -> None:
        """Count `size` bytes, whether they fit or not."""
        while self._spent and self._spent[0][0] <= now:
            self._total -= self._spent.popleft()[1]
        self._spent.append((now + self._span, size))
        self._total += size

    def clear(self) -> None:
        """Begin anew."""
        self._spent.clear()
        self._total = 0
