"""Which rooms a search is in: every tag, at the epochs of this moment, at the levels of the tag (protocol.md 2).

They change when a tag is added, a level is, or the clock passes an edge; in between they are kept, since the searcher
asks after every event.
"""

import random
from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum, auto
from math import inf

from passerby.discovery.limits import (
    CLOCK_MARGIN,
    DEEP_ROOM_SEEDS,
    EDGE_ENTER,
    EDGE_LEAVE,
    ENTER_ALL_SEEDS,
    EPOCH,
    FURTHER_TAG_SEEDS,
    LEVELS,
    ROOM_SEEDS,
    SHARD_NUMBERS,
)
from passerby.discovery.rooms import ANYBODY, RoomId, epoch_of, epochs_at, next_edge, room_of
from passerby.discovery.searching.levels import LevelMemory, TagLevels


class Turn(Enum):
    """Whether a room is given up for that of another epoch, or takes another's place."""

    ALONE = auto()
    """We are in the rooms of one epoch."""
    OLD = auto()
    """Those of the next are entered already."""
    FRESH = auto()
    """Those of the one before are not yet left."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """A room to be in. `target` is its key as a number, `seeds` is R.

    `lot` is the order in which this search takes seeds that are as good as one another: any four, or all of a few.
    """

    room: RoomId
    tag: bytes
    target: int
    seeds: int
    lot: tuple[int, ...]
    turn: Turn


@dataclass(slots=True)
class _Tag:
    name: bytes
    levels: TagLevels


class WantedRooms:
    """The rooms of one search after the other."""

    def __init__(self, network: str, memory: LevelMemory, rng: random.Random) -> None:
        """Want nothing yet but, from `start` on, anybody."""
        self._network = network
        self._memory = memory
        self._rng = rng
        self._names: tuple[bytes, ...] = (ANYBODY,)
        self._fallback = inf
        self._tags: list[_Tag] = []
        self._numbers: dict[bytes, dict[int, tuple[int, ...]]] = {}  # of tags that had a room lately, per epoch
        self._number = 0  # which of them this search goes by: their low bits are the shards
        self._epoch = -1
        self._lead = self._stay = 0.0
        self._until = -inf
        self._wanted: dict[RoomId, Wanted] = {}
        self._names_of_rooms: Mapping[RoomId, bytes] = {}
        self.version = 0
        """Grows whenever the rooms change."""

    def interests(self, names: tuple[bytes, ...], fallback: float | None) -> None:
        """Take the tags of this search and the next, each once."""
        self._names = tuple(dict.fromkeys(names))
        self._fallback = inf if fallback is None or ANYBODY in names else fallback
        self._tags = [tag for tag in self._tags if tag.name in self._names]
        self._until = -inf

    def start(self) -> None:
        """Begin a search: levels are those remembered, shards those of a few that know us already, by lot."""
        self._tags = []
        self._number = self._rng.randrange(SHARD_NUMBERS)
        self._wanted = {}  # and lots are drawn anew
        self._epoch = -1
        self._until = -inf

    def update(self, now: float, unix: float, searched: float) -> Mapping[RoomId, Wanted]:
        """Return the rooms at a moment, `unix` of wall time and `searched` seconds into the search.

        While nothing changes it is the same mapping as before, and `version` the same.
        """
        if now >= self._until:
            self._follow(now, unix, searched)
        return self._wanted

    @property
    def tags(self) -> Mapping[RoomId, bytes]:
        """The rooms as last updated, each with its tag."""
        return self._names_of_rooms

    @property
    def until(self) -> float:
        """The moment at which `update` may return others."""
        return self._until

    def clock_set(self) -> None:
        """Look at the wall time anew."""
        self._until = -inf

    def hear(self, seed: bytes, room: RoomId, level: int | None, now: float, *, found: bool) -> None:
        """Take the level that a seed told of a room's tag."""
        tag = self._tag_of(room)
        if tag is None:
            return
        if tag.levels.hear(seed, level, found=found):
            self._until = -inf
        if level is not None and (told := tag.levels.told) is not None:
            self._memory.note(tag.name, told, now)

    def unmatched(self) -> None:
        """Note that a re-sample found nobody free."""
        for tag in self._tags:
            if tag.levels.unmatched():
                self._until = -inf

    def _tag_of(self, room: RoomId) -> _Tag | None:
        wanted = self._wanted.get(room)
        return None if wanted is None else next((tag for tag in self._tags if tag.name == wanted.tag), None)

    def _follow(self, now: float, unix: float, searched: float) -> None:
        self._complete_tags(now, searched)
        if epoch_of(unix) != self._epoch:
            self._draw_edges(unix)
        epochs = epochs_at(unix, self._lead, self._stay)
        turns = (Turn.ALONE,) if len(epochs) == 1 else (Turn.OLD, Turn.FRESH)
        self._numbers = {name: drawn for name, drawn in self._numbers.items() if max(drawn) >= epochs[0]}
        old, self._wanted = self._wanted, {}
        for tag in self._tags:
            drawn = self._numbers.get(tag.name, {})
            numbers = self._numbers[tag.name] = {epoch: drawn.get(epoch) or self._draw() for epoch in epochs}
            for epoch, turn in zip(epochs, turns, strict=True):
                for level in tag.levels.levels:
                    shard = numbers[epoch][self._number] & ((1 << level) - 1)
                    room = room_of(self._network, epoch, tag.name, level, shard)
                    self._wanted[room] = self._want(room, tag, old.get(room), turn)
        edge = now + next_edge(unix, self._lead, self._stay) - unix + CLOCK_MARGIN
        fallback = now + self._fallback - searched + CLOCK_MARGIN
        self._until = min(edge, fallback) if searched < self._fallback else edge
        if old != self._wanted:
            self.version += 1
            self._names_of_rooms = {room: wanted.tag for room, wanted in self._wanted.items()}

    def _draw_edges(self, unix: float) -> None:
        """Draw when to enter the next epoch's rooms, at once for a search that begins so late, and to leave the last's.

        Who waits long is in the old rooms with few seeds by then, and a newcomer should not have to rely on those.
        """
        self._epoch = epoch_of(unix)
        is_late = unix >= (self._epoch + 1) * EPOCH - EDGE_ENTER
        self._lead = EDGE_ENTER if is_late else self._rng.uniform(0, EDGE_ENTER)
        self._stay = self._rng.uniform(*EDGE_LEAVE)

    def _complete_tags(self, now: float, searched: float) -> None:
        names = self._names if searched < self._fallback else (*self._names, ANYBODY)
        there = {tag.name: tag for tag in self._tags}
        self._tags = [there.get(name) or _Tag(name, TagLevels(self._memory.start(name, now))) for name in names]

    def _draw(self) -> tuple[int, ...]:
        return tuple(self._rng.getrandbits(LEVELS) for _ in range(SHARD_NUMBERS))

    def _want(self, room: RoomId, tag: _Tag, old: Wanted | None, turn: Turn) -> Wanted:
        target = int.from_bytes(room.key, "big") if old is None else old.target
        shallow = ROOM_SEEDS if tag is self._tags[0] else FURTHER_TAG_SEEDS
        seeds = DEEP_ROOM_SEEDS if room.level else shallow
        lot = tuple(self._rng.sample(range(ENTER_ALL_SEEDS), ENTER_ALL_SEEDS)) if old is None else old.lot
        return Wanted(room, tag.name, target, seeds, lot, turn)
