"""When a search makes a plan of its seeds, and how far that looks: anew after what may change it, or once time does."""

from collections.abc import Iterable, Mapping
from math import inf

from passerby.discovery.limits import FIRST_PERIOD, WIDE_ROUNDS
from passerby.discovery.searching.guests import Guest
from passerby.discovery.searching.homes import Breadth, Homes, Plan
from passerby.discovery.searching.opening import Opening
from passerby.discovery.searching.seedbook import SeedBook
from passerby.discovery.searching.wantedrooms import Wanted, WantedRooms


class Planning:
    """The plans of one peer id, made from `book`, `rooms` and `guests`; the searcher tells what else changed."""

    def __init__(self, book: SeedBook, rooms: WantedRooms, guests: Mapping[bytes, Guest]) -> None:
        """Have no plan yet."""
        self._book = book
        self._rooms = rooms
        self._guests = guests
        self._homes = Homes(book)
        self._breadth = Breadth.NARROW
        self._is_stale = True
        self._seen = (-1, -1)
        self._until = inf
        self.opening = Opening()

    def start(self, now: float) -> None:
        """Begin a search."""
        self._breadth = Breadth.NARROW
        self.opening.start(now)

    def change(self) -> None:
        """Take that something happened on which the plan depends."""
        self._is_stale = True

    def hold_nothing_back(self, now: float) -> bool:
        """Take that the first seeds do not do; return whether others were held back."""
        was_held = self.opening.holds_back(now)
        if was_held:
            self.opening.end()
            self._is_stale = True
        return was_held

    def found(self, *, anybody: bool) -> None:
        """Take whether there is anybody to dial."""
        self._is_stale = self.opening.found(anybody=anybody) or self._is_stale

    def widen(self, beats: int, searched: float) -> bool:
        """Look further once a search has gone on for so many beats, less far again later; return whether further."""
        before = self._breadth
        if beats >= WIDE_ROUNDS:
            self._breadth = Breadth.WIDE if searched < FIRST_PERIOD else Breadth.LASTING
        self._is_stale = self._is_stale or self._breadth is not before
        return self._breadth is not before and self._breadth is Breadth.WIDE

    def due(self, now: float) -> float:
        """Return when a plan is to be made; it may be long past."""
        moment = min(self._until, self._rooms.until, self._book.refresh(now))
        is_stale = self._is_stale or self._seen != (self._book.version, self._rooms.version)
        return -inf if is_stale else moment

    def make(self, wanted: Iterable[Wanted], now: float) -> Plan:
        """Return a plan that takes all into account; `done` is to be told once it is followed."""
        return self._homes.plan(wanted, self._guests, now, self._breadth, self.opening)

    def idle(self, plan: Plan, now: float) -> Plan:
        """Return what is left of a plan while nobody is searched."""
        return self._homes.idle(plan, self._guests, now)

    def done(self, now: float) -> None:
        """Take that all is as planned."""
        self._is_stale = False
        self._seen = self._book.version, self._rooms.version
        changes = (guest.next_change(now) for guest in self._guests.values())
        self._until = min((self.opening.next_change(now), *changes))
