"""One room as a seed keeps it: who is in it, some of their tickets, and fair samples of those (protocol.md 3).

Two things are kept apart. *Members* are all streams that entered, counted so that `waiting` is true in a crowd too.
*Held* tickets are those that may be handed out, at most 256: which they are does not depend on who came first, and a
block of addresses that floods the room displaces itself.
"""

import random
from collections import Counter
from dataclasses import dataclass, field

from passerby.discovery.addresses import Scope
from passerby.discovery.limits import FIRST_INTERVAL, HEARD_WINDOW
from passerby.discovery.rooms import RoomId

Told = tuple[int, frozenset[bytes]]  # of a room: how many wait, and whose tickets


@dataclass(eq=False, slots=True)
class Stream:
    """A lobby stream: who is at its other end, when it was last heard, and what it was last told of each room."""

    pid: bytes
    scope: Scope
    block: str
    heard: float
    interval: float = FIRST_INTERVAL
    admitted: bool = False
    rooms: dict[RoomId, tuple[int, frozenset[bytes]]] = field(
        default_factory=dict[RoomId, tuple[int, frozenset[bytes]]]
    )

    def is_live(self, now: float) -> bool:
        """Tell whether its owner kept the beat announced: only then is a ticket of its worth a dial."""
        return now - self.heard <= HEARD_WINDOW * self.interval


class SeedRoom:
    """The members of one room, by peer id: one each, so a second stream of a peer takes the place of its first."""

    def __init__(self, capacity: int, rng: random.Random) -> None:
        """Hold at most `capacity` tickets."""
        self._capacity = capacity
        self._rng = rng
        self._members: dict[bytes, Stream] = {}
        self._announced: set[bytes] = set()
        self._held: dict[bytes, tuple[Stream, bytes]] = {}
        self._blocks: Counter[str] = Counter()

    def __len__(self) -> int:
        return len(self._members)

    def enter(self, stream: Stream, ticket: bytes | None) -> Stream | None:
        """Make a stream a member, with its ticket if it has one; return another stream that it displaced, if any."""
        pid = stream.pid
        old = self._members.get(pid)
        again = old is stream and pid in self._announced
        if again and ticket is not None and (pid in self._held or self._is_crowded):
            # The same person once more: neither a lost place nor a second chance.
            if pid in self._held:
                self._held[pid] = stream, ticket
            return None
        self.leave(pid)
        self._members[pid] = stream
        if ticket is not None:
            self._announced.add(pid)
            self._hold(stream, ticket)
        return None if old is stream else old

    def leave(self, pid: bytes) -> None:
        """Forget a member and its ticket, if there are such."""
        self._members.pop(pid, None)
        self._announced.discard(pid)
        if pid in self._held:
            self._release(pid)

    def wants_ticket(self, pid: bytes) -> bool:
        """Tell whether a member's ticket, turned away from a crowd, has a place now: else the last two never met."""
        return pid in self._announced and pid not in self._held and not self._is_crowded

    def sample(self, asker: bytes, count: int, now: float) -> tuple[int, tuple[bytes, ...]]:
        """Return how many others wait, and at most `count` of their tickets: fair by block, then within the block.

        Neither includes the asker, nor somebody whose held ticket was not refreshed in time.
        """
        silent = 0
        groups: dict[str, list[bytes]] = {}
        for pid, (stream, ticket) in self._held.items():
            if pid == asker:
                continue
            if stream.is_live(now):
                groups.setdefault(stream.block, []).append(ticket)
            else:
                silent += 1
        waiting = len(self._announced) - (asker in self._announced) - silent
        return waiting, tuple(self._draw(groups, count))

    def _draw(self, groups: dict[str, list[bytes]], count: int) -> list[bytes]:
        """Take one ticket from each of as many blocks as are wanted, then a second from each, and so on."""
        drawn: list[bytes] = []
        while groups and len(drawn) < count:
            for block in self._rng.sample(list(groups), min(len(groups), count - len(drawn))):
                group = groups[block]
                drawn.append(group.pop(self._rng.randrange(len(group))))
                if not group:
                    del groups[block]
        return drawn

    @property
    def _is_crowded(self) -> bool:
        return 2 * len(self._held) >= self._capacity

    def _hold(self, stream: Stream, ticket: bytes) -> None:
        """Hold a newcomer's ticket if the quotas let it (protocol.md 0): they bind above half of the capacity.

        Above it a block that holds most gets no further place. In a full room a newcomer displaces a random ticket of
        such a block: always where the block holds much more than the newcomer's, else as often as keeps a reservoir
        uniform, so that neither the first nor the last to come gains.
        """
        if self._is_crowded:
            most, own = max(self._blocks.values()), self._blocks[stream.block]
            if own >= most:
                return
            if len(self._held) >= self._capacity:
                if most - own == 1 and self._rng.random() * len(self._announced) >= self._capacity:
                    return
                crowd = [pid for pid, (other, _) in self._held.items() if self._blocks[other.block] == most]
                self._release(self._rng.choice(crowd))
        self._held[stream.pid] = stream, ticket
        self._blocks[stream.block] += 1

    def _release(self, pid: bytes) -> None:
        stream, _ = self._held.pop(pid)
        self._blocks[stream.block] -= 1
        if not self._blocks[stream.block]:
            del self._blocks[stream.block]
