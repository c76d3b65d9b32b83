"""How long a round of the lab is waited for. Pure."""

from typing import Final

from passerby.node.lab.plan import LONGEST

LOOK: Final = 0.25  # seconds between two looks


class Patience:
    """Is over after `seconds` without a match, and after `LONGEST` times as many whatever happens.

    What counts are looks, not the clock: a process that is late with them because it has too much to do has had less
    time than the clock says, and so had the people in it.
    """

    def __init__(self, seconds: float, now: float) -> None:
        """Begin at the monotonic time `now`."""
        self._looks = self._left = round(seconds / LOOK)
        self._latest = now + LONGEST * seconds
        self._matches = 0

    def is_over(self, now: float, matches: int) -> bool:
        """Look, LOOK seconds after the last time or later; `matches` is how many there were until now."""
        self._left = self._looks if matches != self._matches else self._left - 1
        self._matches = matches
        return self._left <= 0 or now >= self._latest
