"""Rooms: what people wait in, named so that a seed learns neither the network nor the tag (protocol.md 2).

    tid  = H["pby1 tag"](lp(network) || u32 epoch || lp(tag))
    room = H["pby1 room"](tid || u8 level || u32 shard)

A room lives for one epoch of 600 s. At the edge a searching peer is in two rooms: it enters the next at a random
moment of the last two minutes and leaves the old one at a random moment of the second minute after. So nobody is lost
to a clock that differs, and there is no moment at which all move.
"""

from typing import Final

from msgspec import Struct

from passerby.crypto.keys import HASH_BYTES, blake2b, length_prefixed
from passerby.discovery.limits import EDGE_ACCEPT, EPOCH, LEVELS

ANYBODY: Final = b""  # the tag of those who will talk to anybody
NO_WORK: Final = bytes(32)  # stands for the id puzzle's work in the machine and LAN scopes, which have none
_HIGHEST_EPOCH: Final = 0xFFFFFFFF


class RoomId(Struct, frozen=True, array_like=True, gc=False):
    """A room as it is named on the wire: `[epoch u32, tid bin 32, level u8, shard u32]`.

    The epoch is a claim, since `tid` hides it: it lets a seed refuse, before anything is kept, a peer whose clock is
    off; who lies about it waits in a room of his own. ValueError unless level <= 20 and shard < 2^level.
    """

    epoch: int
    tid: bytes
    level: int = 0
    shard: int = 0

    def __post_init__(self) -> None:
        if not 0 <= self.epoch <= _HIGHEST_EPOCH:
            raise ValueError("epoch out of range")
        if len(self.tid) != HASH_BYTES:
            raise ValueError("a tid has 32 bytes")
        if not (0 <= self.level <= LEVELS and 0 <= self.shard < 1 << self.level):
            raise ValueError("level or shard out of range")

    @property
    def key(self) -> bytes:
        """The room key, 32 bytes: the point that its seeds are nearest to."""
        return blake2b(b"pby1 room", self.tid + self.level.to_bytes(1, "big") + self.shard.to_bytes(4, "big"))


def epoch_of(unix: float) -> int:
    """Return the epoch at a moment of wall time, in seconds since 1970."""
    return int(unix // EPOCH)


def tid_of(network: str, epoch: int, tag: bytes = ANYBODY) -> bytes:
    """Return the 32-byte `tid` of a tag in normal form."""
    return blake2b(b"pby1 tag", length_prefixed(network.encode()) + epoch.to_bytes(4, "big") + length_prefixed(tag))


def room_of(network: str, epoch: int, tag: bytes = ANYBODY, level: int = 0, shard: int = 0) -> RoomId:
    """Return the room of a tag; ValueError if level or shard is out of range."""
    return RoomId(epoch, tid_of(network, epoch, tag), level, shard)


def epochs_at(unix: float, lead: float, stay: float) -> tuple[int, ...]:
    """Return the epochs to be in: this one, and its neighbour near an edge.

    Both are drawn anew for each epoch: `lead`, from 0 to EDGE_ENTER seconds, is how long before its end the next is
    entered, and `stay`, of EDGE_LEAVE, how long after its beginning the one before is left.
    """
    current = epoch_of(unix)
    start = current * EPOCH
    before = (current - 1,) if unix < start + stay and current else ()
    after = (current + 1,) if unix >= start + EPOCH - lead else ()
    return (*before, current, *after)


def next_edge(unix: float, lead: float, stay: float) -> float:
    """Return the next moment of wall time, after `unix`, at which `epochs_at` may change."""
    start = epoch_of(unix) * EPOCH
    moments = (start + stay, start + EPOCH - lead, start + EPOCH)
    return min(moment for moment in moments if moment > unix)


def accepts(epoch: int, unix: float) -> bool:
    """Tell whether a seed takes tickets of `epoch`: its own, or the neighbour within EDGE_ACCEPT of their edge."""
    return epoch in (epoch_of(unix - EDGE_ACCEPT), epoch_of(unix), epoch_of(unix + EDGE_ACCEPT))


def seed_position(public: bytes, work: bytes = NO_WORK) -> bytes:
    """Return a seed's place among the room keys, 32 bytes, from its public key and its work (protocol.md 1)."""
    return blake2b(b"pby1 node", public + work)
