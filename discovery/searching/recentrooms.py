"""The rooms we wait in or did a moment ago: an M1 that names another is none of ours (protocol.md 5, M1)."""

from collections.abc import Mapping
from typing import Final

from passerby.discovery.rooms import RoomId

GRACE: Final = 60.0  # seconds: who sampled us may dial after we left


class RecentRooms:
    """Room keys and their tags, each good while we are inside and GRACE seconds longer."""

    def __init__(self) -> None:
        """Be in no room."""
        self._inside: Mapping[RoomId, bytes] = {}
        self._tags: dict[bytes, bytes] = {}
        self._left: dict[bytes, tuple[bytes, float]] = {}

    def note(self, rooms: Mapping[RoomId, bytes], now: float) -> None:
        """Take which rooms we are in from now on, each with its tag; the mapping itself is not to be changed after."""
        if rooms is self._inside or rooms == self._inside:
            return
        self._inside = rooms
        tags = {room.key: tag for room, tag in rooms.items()}
        self._left = {key: (tag, left) for key, (tag, left) in self._left.items() if now - left <= GRACE}
        self._left |= {key: (tag, now) for key, tag in self._tags.items() if key not in tags}
        self._tags = tags

    def tag_of(self, key: bytes, now: float) -> bytes | None:
        """Return the tag under which we wait, or waited just now, in the room of this key; None if we did not."""
        tag, left = self._left.get(key, (None, now))
        return self._tags.get(key, tag if now - left <= GRACE else None)
