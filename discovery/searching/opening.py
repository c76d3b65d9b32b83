"""With how many of a room's seeds a search begins: with one, and with others where that does not do (protocol.md 4.1).

A connection costs a seed fifty times what a request does, and each of a room's seeds knows some of the people in it:
who finds somebody at the first needs no more. Who finds nobody there is connected to all at once, since waiting is in
all of them. And as slow may be a seed that lies, is dead or has too much to do, each second brings one more.

The first is drawn by lot, so that a crowd is shared out among the seeds of its room. A connection that stands costs
nothing, so it comes before the lot. Before a search, the streams that stay open for it are of the same lot.
"""

from collections.abc import Iterable, Mapping
from math import inf
from typing import Final

from passerby.discovery.addresses import Scope
from passerby.discovery.limits import IDLE_SEEDS, ROOM_SEEDS
from passerby.discovery.rooms import RoomId
from passerby.discovery.searching.guests import Guest
from passerby.discovery.searching.wantedrooms import Wanted

STEP: Final = 1.0  # seconds until one seed more: with 0.5 a crowd of 100/s at four seeds waits half as long again
FURTHER: Final = tuple(STEP * number for number in range(1, ROOM_SEEDS))  # after the last nothing is held back


class Opening:
    """What is held back at the beginning of one search after the other; until the first, as between two."""

    def __init__(self) -> None:
        """Be between two searches."""
        self._began: float | None = None
        self._is_alone = True
        self._open: set[tuple[Scope, RoomId]] = set()
        self._held: set[tuple[Scope, RoomId]] = set()

    def rest(self) -> None:
        """Take that nobody is searched: connect to as many as the next search may begin with."""
        self._began = None

    def start(self, now: float) -> None:
        """Begin a search."""
        self._began = now
        self._is_alone = True
        self._open.clear()
        self._held.clear()

    def end(self) -> None:
        """Hold nothing back in this search any more."""
        self._began = -inf

    def holds_back(self, now: float) -> bool:
        """Whether the search holds a seed back, as the last plan had it."""
        return self._began is not None and now < self._began + FURTHER[-1] and bool(self._held)

    def found(self, *, anybody: bool) -> bool:
        """Take whether there is anybody to dial at the moment; return whether there was and is no more."""
        was_alone, self._is_alone = self._is_alone, not anybody
        return self._is_alone and not was_alone

    def narrow(
        self, want: Wanted, scope: Scope, seeds: list[bytes], guests: Mapping[bytes, Guest], now: float
    ) -> list[bytes]:
        """Return to which of a room's seeds in a scope to connect; one that refuses is passed over."""
        if self._began is None:
            return _first(IDLE_SEEDS, want, seeds, guests, now)
        place = scope, want.room
        if now >= self._began + FURTHER[-1]:
            chosen = seeds
        else:
            chosen = _first(1 + sum(now >= self._began + after for after in FURTHER), want, seeds, guests, now)
            if place in self._open or self._is_in_vain(place, chosen, guests, now):
                self._open.add(place)
                chosen = seeds
        if len(chosen) < len(seeds):
            self._held.add(place)
        else:
            self._held.discard(place)
        return chosen

    def next_change(self, now: float) -> float:
        """Return the next moment at which time alone brings another seed; infinity if none does."""
        if self._began is None:
            return inf
        return min((self._began + after for after in FURTHER if self._began + after > now), default=inf)

    def _is_in_vain(
        self, place: tuple[Scope, RoomId], chosen: list[bytes], guests: Mapping[bytes, Guest], now: float
    ) -> bool:
        """Whether a seed has answered and there is nobody to dial.

        At first the answer must be of one that was chosen. A far one knows nobody, but names those that are nearer: of
        these too the first is enough, unless it was invented, which shows within the second.
        """
        assert self._began is not None, "a search is on"
        scope, room = place
        asked: Iterable[Guest | None] = map(guests.get, chosen)
        if now >= self._began + STEP:
            asked = (guest for guest in guests.values() if guest.scope is scope)
        return self._is_alone and any(guest is not None and guest.is_in(room) for guest in asked)


def _first(count: int, want: Wanted, seeds: list[bytes], guests: Mapping[bytes, Guest], now: float) -> list[bytes]:
    """Return so many seeds by lot, first those that are connected, then those that are being, and those that refuse."""
    by_lot = [seeds[place] for place in want.lot if place < len(seeds)] + seeds[len(want.lot) :]
    by_lot.sort(key=lambda pid: 2 if pid not in guests else not guests[pid].up)
    chosen: list[bytes] = []
    for pid in by_lot:
        if count <= 0:
            break
        chosen.append(pid)
        count -= not (pid in guests and guests[pid].refuses(want.room, now))
    return chosen
