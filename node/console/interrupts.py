"""Ctrl-C twice (product.md 3). Pure."""

from typing import Final

TWICE_WITHIN: Final = 5.0  # seconds: long enough to read what the first one is answered, too short for two accidents


class Interrupts:
    """Counts presses of Ctrl-C; the first does something harmless, the second quits."""

    def __init__(self) -> None:
        self._last = -TWICE_WITHIN

    def press(self, now: float) -> bool:
        """Whether this press, at `now` seconds, is the second."""
        is_second = now - self._last < TWICE_WITHIN
        self._last = now
        return is_second
