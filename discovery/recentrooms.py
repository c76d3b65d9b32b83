"""The rooms we wait in or did a moment ago: an M1 that names another is none of ours (protocol.md 5, M1)."""

from collections.abc import Iterable
from typing import Final

from passerby.discovery.rooms import ANYBODY, RoomId

GRACE: Final = 60.0  # seconds: who sampled us may dial after we left


class RecentRooms:
    """Room keys, each good while we are inside and GRACE seconds longer."""

    def __init__(self, tag: bytes = ANYBODY) -> None:
        """All rooms of one search have the one tag."""
        self._tag = tag
        self._inside: frozenset[RoomId] = frozenset()
        self._left: dict[bytes, float] = {}

    def note(self, rooms: Iterable[RoomId], now: float) -> None:
        """Take which rooms we are in from now on."""
        inside = frozenset(rooms)
        if inside == self._inside:
            return
        self._left = {key: left for key, left in self._left.items() if now - left <= GRACE}
        self._left |= {room.key: now for room in self._inside - inside}
        self._inside = inside

    def tag_of(self, key: bytes, now: float) -> bytes | None:
        """Return the tag under which we wait, or waited just now, in the room of this key; None if we did not."""
        if any(room.key == key for room in self._inside) or now - self._left.get(key, now - 2 * GRACE) <= GRACE:
            return self._tag
        return None
