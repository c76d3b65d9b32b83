"""Connections shared out among address blocks: a quota that binds only when places are scarce (protocol.md 0).

A machine. Below half of the places everybody comes in. Above it a block that already has most, and more than
`FAIR_SHARE`, gets no more; and when all places are taken, a newcomer takes that of a random connection of the block
that has most, if his own has at least two fewer. So one block cannot keep others out, and a campus behind one address
notices nothing while there is room.
"""

import random
from typing import Final, Generic, TypeVar

from passerby.discovery.seeding.blocks import Blocks, Entry

FAIR_SHARE: Final = (
    64  # connections that any one block may have while there are places: a campus, a carrier's translator
)
_UNEQUAL: Final = 2  # in fewer: who takes a place from his equal would be next to lose it

T = TypeVar("T")


class Crowd(Generic[T]):
    """Who is in, by block; `places` in all."""

    def __init__(self, places: int, rng: random.Random) -> None:
        """Start empty; a secret `rng` (random.SystemRandom) draws who has to go."""
        self._places = places
        self._blocks: Blocks[T] = Blocks(rng)

    def __len__(self) -> int:
        return len(self._blocks)

    def admits(self, block: str) -> bool:
        """Tell whether one more of that block may come in; if all places are taken, `displaced` says for whom."""
        if 2 * len(self._blocks) < self._places:
            return True
        lead = self._blocks.most - self._blocks.count(block)
        return lead > 0 or self._blocks.most < FAIR_SHARE

    def enter(self, block: str, who: T) -> Entry[T]:
        """Let somebody in; give the result to `leave`."""
        return self._blocks.add(block, who)

    def displaced(self, block: str) -> T | None:
        """Return who has to go for a newcomer of that block, who is in already; None if nobody has more than it."""
        unequal = self._blocks.most - (self._blocks.count(block) - 1) >= _UNEQUAL
        return self._blocks.of_fullest() if len(self._blocks) > self._places and unequal else None

    def leave(self, entry: Entry[T]) -> None:
        """Take somebody out."""
        self._blocks.remove(entry)
