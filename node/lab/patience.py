"""How long a round of the lab is waited for. Pure."""

from typing import Final

from passerby.discovery.limits import LONGEST_RETRY

LOOK: Final = 0.25  # seconds between two looks
LATE: Final = 1.0  # seconds by which one may be late: a dial takes several such steps, and 3 s are what it is given
LONGEST: Final = 600.0  # seconds for a round, whatever happens


def stretched(seconds: float, late: float) -> float:
    """Return how long to wait where a look was as `late` as that.

    Then seeds were taken for dead that are not, and are tried again after LONGEST_RETRY.
    """
    return seconds if late <= LATE else seconds + LONGEST_RETRY


class Patience:
    """Is over after `seconds` without a match, and after LONGEST whatever happens.

    What counts are looks, not the clock: a process that is late with them because it has too much to do has had less
    time than the clock says, and so had the people in it.
    """

    def __init__(self, seconds: float, now: float) -> None:
        """Begin at the monotonic time `now`."""
        self._looks = self._left = round(seconds / LOOK)
        self._latest = now + LONGEST
        self._matches = 0

    def is_over(self, now: float, matches: int) -> bool:
        """Look, LOOK seconds after the last time or later; `matches` is how many there were until now."""
        self._left = self._looks if matches != self._matches else self._left - 1
        self._matches = matches
        return self._left <= 0 or now >= self._latest
