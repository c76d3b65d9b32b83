"""When a searching peer samples: after 1 s, 2 s, then every 5 s, after a minute every 15 s, never in step (4.1)."""

import math
import random

from passerby.discovery.limits import (
    FIRST_INTERVAL,
    FIRST_PERIOD,
    FIRST_SAMPLES,
    JITTER,
    LATER_INTERVAL,
    LONGEST_INTERVAL,
    RESAMPLE_GAP,
    SEEDS_PER_ROUND,
)


class Schedule:
    """The rounds of one search. In each, two of the seeds are asked, in turn."""

    def __init__(self, rng: random.Random) -> None:
        self._rng = rng
        self.start(0.0)

    def start(self, now: float) -> None:
        """Begin anew."""
        self._started = self._last = now
        self.beats = 0
        """How many rounds were made because it was time, and not because a sample was spent."""
        self._next = now + FIRST_SAMPLES[0]

    def due(self, *, at_once: bool) -> float:
        """Return when the next round is due; `at_once`: as soon as it is no flood."""
        return min(self._next, self._last + RESAMPLE_GAP) if at_once else self._next

    def advance(self, now: float) -> bool:
        """Take note that a round is made now; return whether it was time for one.

        One made because a sample was spent does not put off the beat: who only ever finds the busy would never widen
        the search.
        """
        self._last = now
        if now < self._next:
            return False
        self.beats += 1
        if self.beats < len(FIRST_SAMPLES):
            self._next = max(now, self._started + FIRST_SAMPLES[self.beats])
        else:
            self._next = now + self._interval(now) * self._rng.uniform(1 - JITTER, 1 + JITTER)
        return True

    def announced(self, now: float, seeds: int) -> int:
        """Return the interval to announce to a seed, in seconds: true of one seed, although `seeds` take turns.

        A seed hands our ticket out for 2.4 times this. With many seeds its turn comes rarely, so it is told half the
        longest time that may pass; at the end of the first minute already what holds after it.
        """
        longest = (1 + JITTER) * math.ceil(seeds / SEEDS_PER_ROUND)
        base = self._interval(now + longest * FIRST_INTERVAL)
        return min(LONGEST_INTERVAL, max(base, math.ceil(longest * base / 2)))

    def _interval(self, now: float) -> int:
        return FIRST_INTERVAL if now - self._started < FIRST_PERIOD else LATER_INTERVAL
