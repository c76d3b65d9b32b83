"""All rooms of a seed, each in its scope, shared out among the blocks that open them (protocol.md 0, 3.4).

A room is kept while somebody is in it. Below half of what the seed keeps anybody opens rooms; above it, a block that
has opened most gets no more than one stream may have; and when no place is left a newcomer closes a room of the block
that has most: of a few drawn at random the one with the fewest blocks in it, so that a flood's empty rooms go first.
"""

import random
from collections.abc import Iterator
from math import ceil, inf
from typing import Final

from passerby.discovery.addresses import Scope
from passerby.discovery.hints import Hint
from passerby.discovery.limits import HINT_ENTERS, ROOMS_PER_STREAM
from passerby.discovery.rooms import RoomId, tid_of
from passerby.discovery.seeding.blocks import Blocks
from passerby.discovery.seeding.seedroom import Place, SeedRoom, Stream

_LOOKED_AT: Final = 8  # rooms of the fullest block, to find one that nobody misses


class RoomTable:
    """Rooms by scope and name: none of what is in a room is seen in another scope's room of that name."""

    def __init__(self, network: str, most: int, room_tickets: int, rng: random.Random) -> None:
        """Keep at most `most` rooms of `room_tickets` tickets each; `network` tells which are those of anybody."""
        self.places = 0  # of all streams in all rooms
        self._network = network
        self._most = most
        self._room_tickets = room_tickets
        self._rng = rng
        self._rooms: dict[tuple[Scope, RoomId], SeedRoom] = {}
        self._anybody: dict[Scope, dict[RoomId, SeedRoom]] = {scope: {} for scope in Scope}
        self._opened: Blocks[SeedRoom] = Blocks(rng)
        self._measured: dict[Scope, tuple[float, int | None]] = {}

    def __len__(self) -> int:
        return len(self._rooms)

    def __iter__(self) -> Iterator[SeedRoom]:
        return iter(list(self._rooms.values()))

    def get(self, scope: Scope, room: RoomId) -> SeedRoom | None:
        """Return a room, if it is open."""
        return self._rooms.get((scope, room))

    def open(self, stream: Stream, name: RoomId, now: float) -> SeedRoom | None:
        """Return the room of that name in the stream's scope, opened for it if need be; None if there is no place."""
        room = self._rooms.get((stream.scope, name))
        if room is not None:
            return room
        if not self._make_place(stream.block):
            return None
        room = SeedRoom(stream.scope, name, self._room_tickets, self._rng, now)
        room.charged = self._opened.add(stream.block, room)
        self._rooms[stream.scope, name] = room
        if name.tid == tid_of(self._network, name.epoch):
            self._anybody[stream.scope][name] = room
        return room

    def enter(self, room: SeedRoom, stream: Stream, ticket: bytes | None) -> Place:
        """Make a stream a member of a room that is open; see SeedRoom.enter."""
        before = len(room)
        place = room.enter(stream, ticket)
        self.places += len(room) - before
        return place

    def leave(self, place: Place) -> None:
        """Take a place away, and close the room if it was the last."""
        place.room.leave(place)
        self.places -= 1
        if not place.room:
            self.close(place.room)

    def close(self, room: SeedRoom) -> None:
        """Close a room; whoever is in it is out."""
        self.places -= len(room)
        room.empty()
        del self._rooms[room.scope, room.id]
        self._anybody[room.scope].pop(room.id, None)
        assert room.charged is not None
        self._opened.remove(room.charged)

    def hint(self, scope: Scope, now: float) -> Hint | None:
        """Return the level of the empty tag as measured here; None without a room of it that enough have entered.

        Measured once a second at most: whoever floods the shards of that tag does not make each ping dear.
        """
        measured, level = self._measured.get(scope, (-inf, None))
        if now - measured >= 1:
            measured, level = self._measured[scope] = now, self._measure(scope, now)
        return None if level is None else Hint(level, ceil(now - measured))

    def _measure(self, scope: Scope, now: float) -> int | None:
        rooms = self._anybody[scope].values()
        busiest = max(rooms, key=lambda room: room.rate.count(now), default=None)
        if busiest is None or busiest.rate.count(now) < HINT_ENTERS:
            return None
        return busiest.rate.level_of(busiest.id.level, now)

    def _make_place(self, block: str) -> bool:
        if 2 * len(self._rooms) < self._most:
            return True
        lead = self._opened.most - self._opened.count(block)
        if len(self._rooms) < self._most:
            return lead > 0 or self._opened.most < ROOMS_PER_STREAM
        if lead < 2:
            return False
        drawn = [self._opened.of_fullest() for _ in range(_LOOKED_AT)]
        self.close(min(drawn, key=lambda room: room.blocks))
        return True
