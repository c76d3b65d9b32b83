"""How hot rooms are: measured by a seed, rounded to a level, heard of from others (protocol.md 2.5).

A hot room is split into 2^level shards. What burns its seeds is not the number of those who wait but the new ones, so
a seed counts Enters, in a sum that decays: of n Enters so counted in a room of age a the rate is

    n / (tau (1 - e^(-a / tau))),        tau = 20 s

and the level follows from what the whole tag would do at one seed, 2^L times the rate of a room of level L.
"""

from bisect import insort
from collections import Counter
from math import ceil, exp, log2
from typing import Annotated, Final

from msgspec import Meta, Struct

from passerby.discovery.limits import (
    HINT_AGE,
    HINTS_JUDGED,
    LEVELS,
    OPINION_AGE,
    RATE_BLOCKS,
    RATE_DECAY,
    RATE_PER_BLOCK,
    RATE_TARGET,
    RATE_WINDOW,
)

_SHORTEST_AGE: Final = 1.0  # a restarted seed is entered by all its guests at once: that is no rate


class Hint(Struct, frozen=True, array_like=True, gc=False):
    """The level of the empty tag, and how many seconds ago it was measured: `[level u8 <= 20, age u16]`."""

    level: Annotated[int, Meta(ge=0, le=LEVELS)]
    age: Annotated[int, Meta(ge=0, le=0xFFFF)] = 0


class EnterRate:
    """The Enters of one room at one seed. `now` is any clock that only goes forward, in seconds."""

    __slots__ = ("_blocks", "_born", "_count", "_counted_at", "_window")

    def __init__(self, now: float) -> None:
        """Start with a room that opens now."""
        self._born = now
        self._count = 0.0
        self._counted_at = now
        self._window = now
        self._blocks: Counter[str] = Counter()

    def enter(self, block: str, now: float) -> None:
        """Count one Enter from a block of addresses, unless that block has had its four in these 10 s."""
        if now - self._window >= RATE_WINDOW:
            self._window = now
            self._blocks.clear()
        counted = self._blocks[block]  # a Counter keeps nothing by being asked
        if counted >= RATE_PER_BLOCK or (not counted and len(self._blocks) >= RATE_BLOCKS):
            return
        self._blocks[block] = counted + 1
        self._count = self.count(now) + 1
        self._counted_at = now

    def count(self, now: float) -> float:
        """Return n, the decayed number of Enters."""
        return self._count * exp((self._counted_at - now) / RATE_DECAY)

    def level_of(self, own_level: int, now: float) -> int | None:
        """Return the level that the tag needs, from what came to this room of it; None if it is too early to say.

        Without that silence every change of the epoch, with its new and empty rooms, would set the level to 0.
        """
        count, age = self.count(now), now - self._born
        if age < OPINION_AGE and count < OPINION_AGE * RATE_TARGET:
            return None
        age = max(age, _SHORTEST_AGE)
        rate = count / (RATE_DECAY * (1 - exp(-age / RATE_DECAY)))
        load = rate * 2**own_level / RATE_TARGET
        return 0 if load <= 1 else min(LEVELS, ceil(log2(load)))


class Hints:
    """What others said, one hint for each of their blocks. Only the three freshest can ever count, so no more are kept.

    A hint grows old here as elsewhere: one that came with age a at time t has age a + (now - t).
    """

    __slots__ = ("_max_age", "_newest")

    def __init__(self, max_age: float = HINT_AGE) -> None:
        """Start with none; `max_age` is in seconds."""
        self._max_age = max_age
        self._newest: list[tuple[float, str, int]] = []  # when measured, block, level; the oldest first

    def hear(self, block: str, hint: Hint, now: float) -> None:
        """Take a hint; of one block the one measured last counts."""
        measured = now - hint.age
        old = next((entry for entry in self._newest if entry[1] == block), None)
        if old is not None:
            if old[0] >= measured:
                return
            self._newest.remove(old)
        insort(self._newest, (measured, block, hint.level))
        del self._newest[:-HINTS_JUDGED]

    def median(self, now: float) -> Hint | None:
        """Return, of the three freshest that are not too old, the one of middle level, aged; of two the lower.

        Its age is rounded up: on its way from seed to seed a hint never gets younger.
        """
        fresh = [(level, measured) for measured, _, level in self._newest if now - measured <= self._max_age]
        if not fresh:
            return None
        level, measured = sorted(fresh)[(len(fresh) - 1) // 2]
        return Hint(level, ceil(now - measured))
