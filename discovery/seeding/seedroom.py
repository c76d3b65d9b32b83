"""One room as a seed keeps it: who is in it, some of their tickets, and fair samples of those (protocol.md 3.4).

Two things are kept apart. *Members* are all streams that entered, counted so that `waiting` is true in a crowd too.
*Held* tickets are those that may be handed out, at most 256: which they are does not depend on who came first, and a
block of addresses that floods the room displaces itself.
"""

import random
from dataclasses import dataclass, field
from math import inf

from passerby.crypto.stamp import Parties
from passerby.discovery.addresses import Scope
from passerby.discovery.hints import EnterRate
from passerby.discovery.limits import FIRST_INTERVAL, HEARD_WINDOW, NEARER_AGE, NEARER_PER_ANSWER, SILENCE
from passerby.discovery.rooms import RoomId
from passerby.discovery.seeding.blocks import Blocks, Entry
from passerby.discovery.seeding.seedevents import Nearer


@dataclass(eq=False, slots=True)
class Stream:
    """A lobby stream: who is at its other end, when it was last heard, and its places in rooms."""

    number: int
    pid: bytes
    scope: Scope
    block: str
    heard: float
    parties: Parties | None = None
    interval: int = FIRST_INTERVAL
    asleep: bool = False
    paid: bool = False
    admitted: "Entry[Stream] | None" = None
    queued: float = inf
    places: "dict[RoomId, Place]" = field(default_factory=dict["RoomId", "Place"])

    @property
    def deadline(self) -> float:
        """Until when it may be silent: awake, for as long as its tickets are worth a dial; asleep, until it is out."""
        return self.heard + (SILENCE if self.asleep else HEARD_WINDOW * self.interval)


class Place:
    """What a stream has in a room: announced with a ticket or not, held (`entry`) or turned away, and what it knows."""

    __slots__ = ("announced", "entry", "nearer", "room", "stream", "ticket", "told")

    def __init__(self, room: "SeedRoom", stream: Stream) -> None:
        self.room = room
        self.stream = stream
        self.announced = False
        self.ticket = b""
        self.entry: Entry[Place] | None = None
        self.told = 0  # hashes: who kept the tickets that he was told of would keep those of the dead
        self.nearer = 0


class SeedRoom:
    """The members of one room, by peer id: one each, so a second stream of a peer takes the place of its first."""

    __slots__ = (
        *("_announced", "_awake", "_capacity", "_held", "_members", "_rng", "_seeds", "_seeds_due"),
        *("charged", "id", "rate", "scope", "seeds_mark"),
    )

    def __init__(self, scope: Scope, room: RoomId, capacity: int, rng: random.Random, now: float) -> None:
        """Open a room that holds at most `capacity` tickets."""
        self.scope = scope
        self.id = room
        self.rate = EnterRate(now)
        self.charged: Entry[SeedRoom] | None = None
        self._seeds: tuple[bytes, ...] = ()
        self.seeds_mark = 0
        self._seeds_due = -inf
        self._capacity = capacity
        self._rng = rng
        self._members: dict[bytes, Place] = {}
        self._announced = 0
        self._awake = 0
        self._held: Blocks[Place] = Blocks(rng)

    def __len__(self) -> int:
        return len(self._members)

    @property
    def members(self) -> tuple[bytes, ...]:
        """The peer ids of all who are here."""
        return tuple(self._members)

    @property
    def blocks(self) -> int:
        """How many blocks of addresses have a ticket held here."""
        return self._held.blocks

    def seeds_near(self, nearer: Nearer, now: float) -> tuple[bytes, ...]:
        """Return the records of the seeds nearest to the room, looked up every NEARER_AGE seconds."""
        if now >= self._seeds_due:
            self._seeds = nearer(self.scope, self.id.key)[:NEARER_PER_ANSWER]
            self.seeds_mark = hash(self._seeds)
            self._seeds_due = now + NEARER_AGE
        return self._seeds

    def enter(self, stream: Stream, ticket: bytes | None) -> Place:
        """Make a stream a member, with its ticket if it has one; who had its peer's place is out."""
        old = self._members.get(stream.pid)
        if old is not None and self._is_same(old, stream, ticket):
            return old
        if old is not None:
            self.leave(old)
        place = self._members[stream.pid] = stream.places[self.id] = Place(self, stream)
        if ticket is not None:
            place.announced = True
            self._announced += 1
            self._awake += 1
            self._hold(place, ticket)
        return place

    def _is_same(self, place: Place, stream: Stream, ticket: bytes | None) -> bool:
        """Tell whether this is the same person once more: neither a lost place nor a second chance."""
        if place.stream is not stream or not place.announced or ticket is None:
            return False
        if place.entry is not None:
            place.ticket = ticket
            return True
        return self._is_crowded

    def leave(self, place: Place) -> None:
        """Forget a member and its ticket."""
        del self._members[place.stream.pid]
        del place.stream.places[self.id]
        if place.announced:
            self._announced -= 1
            self._awake -= not place.stream.asleep
        if place.entry is not None:
            self._held.remove(place.entry)
            place.entry = None

    def empty(self) -> None:
        """Forget all."""
        for place in list(self._members.values()):
            self.leave(place)

    def hush(self, place: Place) -> None:
        """A member fell silent, `stream.asleep` is set: neither count nor hand it out."""
        self._awake -= place.announced
        if place.entry is not None:
            self._held.hush(place.entry)

    def wake(self, place: Place) -> None:
        """A silent member is heard again."""
        self._awake += place.announced
        if place.entry is not None:
            self._held.wake(place.entry)

    def wants_ticket(self, place: Place) -> bool:
        """Tell whether a member's ticket, turned away from a crowd, has a place now: else the last two never met."""
        return place.announced and place.entry is None and not self._is_crowded

    def sample(self, asker: Place, count: int) -> tuple[int, tuple[bytes, ...]]:
        """Return how many others wait, and at most `count` of their tickets: fair by block, then within the block.

        Neither includes the asker, who is awake, since it was just heard, nor who is silent.
        """
        own = asker.entry
        if own is not None:
            self._held.hush(own)
        drawn = self._held.draw(count)
        if own is not None:
            self._held.wake(own)
        return self._awake - asker.announced, tuple(place.ticket for place in drawn)

    @property
    def _is_crowded(self) -> bool:
        return 2 * len(self._held) >= self._capacity

    def _hold(self, place: Place, ticket: bytes) -> None:
        """Hold a newcomer's ticket if the quotas let it (protocol.md 0.2): they bind above half of the capacity.

        Above it a block that holds most gets no further place. In a full room a newcomer displaces a random ticket of
        such a block: always where the block holds much more than the newcomer's, else as often as keeps a reservoir
        uniform, so that neither the first nor the last to come gains.
        """
        held, block = self._held, place.stream.block
        if self._is_crowded:
            lead = held.most - held.count(block)
            if lead <= 0:
                return
            if len(held) >= self._capacity:
                if lead == 1 and self._rng.random() * self._announced >= self._capacity:
                    return
                displaced = held.take_of_fullest()
                displaced.entry, displaced.ticket = None, b""
        place.ticket = ticket
        place.entry = held.add(block, place)
