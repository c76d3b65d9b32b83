"""Which rooms were looked up, and what was found: so that a second search in the epoch costs no lookup."""

from passerby.discovery.limits import LOOKUPS_KEPT, ROOM_SEEDS
from passerby.discovery.rooms import RoomId


class LookupMemory:
    """The lookups of a person, for as long as their rooms last."""

    __slots__ = ("_found",)

    def __init__(self) -> None:
        """Remember none."""
        self._found: dict[RoomId, tuple[bytes, ...]] = {}

    def note(self, room: RoomId, seeds: tuple[bytes, ...]) -> None:
        """Remember the seeds that a lookup found, and forget rooms of epochs past."""
        self._found = {other: pids for other, pids in self._found.items() if other.epoch >= room.epoch - 1}
        while len(self._found) >= LOOKUPS_KEPT:
            del self._found[next(iter(self._found))]
        self._found[room] = seeds

    def lose(self, seed: bytes) -> None:
        """Take that a seed is known no more; rooms that are left with too few are to be looked up again."""
        for room, pids in list(self._found.items()):
            left = tuple(pid for pid in pids if pid != seed)
            if left != pids and len(left) < ROOM_SEEDS:
                del self._found[room]
            else:
                self._found[room] = left

    def has(self, room: RoomId) -> bool:
        """Tell whether a room needs no lookup."""
        return room in self._found

    def seeds(self) -> set[bytes]:
        """Return all seeds that were found."""
        return {pid for pids in self._found.values() for pid in pids}
