"""A person's connection to a seed: dialled once, shared by the lobby stream and by questions, kept a little after."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Final, TypeVarTuple

from benchmarks.sim.model import CONNECTION_TRIPS, LOST_SYN, SILENT_SEED

from passerby.discovery import dhtwire

if TYPE_CHECKING:
    from benchmarks.sim.people import Person
    from benchmarks.sim.seeds import Seed

LINGER: Final = 5.0  # seedlinks.LINGER
_Args = TypeVarTuple("_Args")


class Link:
    """One connection. `stream` is the number of the lobby stream on it, 0 for none; messages keep their order."""

    __slots__ = ("_down_until", "_up_until", "asks", "is_closed", "is_up", "one_way", "person", "seed", "stream")

    def __init__(self, person: "Person", seed: "Seed") -> None:
        """Begin to dial."""
        world = person.world
        self.person = person
        self.seed = seed
        self.one_way = world.model.draw_trip(world.rng) / 2
        self.is_up = self.is_closed = False
        self.stream = 0
        self.asks: list[dhtwire.Request] = []
        self._up_until = self._down_until = 0.0
        clock = world.clock
        begun = person.work(clock.now)
        late = LOST_SYN if world.model.loss and world.rng.random() < world.model.loss else 0.0
        clock.at(begun + late + (2 * CONNECTION_TRIPS - 1) * self.one_way, self._arrived)
        clock.after(SILENT_SEED, self._timed_out)

    def _arrived(self) -> None:
        if self.is_closed:
            return
        if self.seed.is_alive:
            self.seed.connect(self, self._accepted)
        elif self.seed.refuses:
            self.to_person(self._failed)

    def _accepted(self) -> None:
        self.to_person(self._came_up)

    def _came_up(self) -> None:
        if not self.is_closed:
            self.is_up = True
            self.person.link_up(self)

    def _timed_out(self) -> None:
        if not self.is_up:
            self._failed()

    def turned_away(self) -> None:
        """Take that the seed closed the connection before it began."""
        self._failed()

    def _failed(self) -> None:
        if not self.is_closed:
            self.is_closed = True
            self.person.link_failed(self)

    def to_seed(self, what: Callable[[*_Args], None], *args: *_Args) -> None:
        """Let the seed do something when a message gets there, unless it is dead then."""
        world = self.person.world
        self._up_until = max(self._up_until, world.clock.now + world.model.delay(self.one_way, world.rng))
        world.clock.at(self._up_until, what, *args)

    def to_person(self, what: Callable[[*_Args], None], *args: *_Args) -> None:
        """Let the person do something when a message gets there."""
        world = self.person.world
        self._down_until = max(self._down_until, world.clock.now + world.model.delay(self.one_way, world.rng))
        world.clock.at(self._down_until, what, *args)

    def rest(self) -> None:
        """Close in a while unless there is a use for it then."""
        self.person.world.clock.after(LINGER, self._close_if_idle)

    def _close_if_idle(self) -> None:
        if not self.stream and not self.asks and self.person.links.get(self.seed.pid) is self:
            self.is_closed = True
            del self.person.links[self.seed.pid]
