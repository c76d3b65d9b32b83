"""Where a searching peer stands with each of its seeds: connected or not yet, and in which rooms. Values, no logic.

    ConnectSeed -> SeedUp -> EnterRoom -> Room: inside -> SampleRoom -> Room or Unchanged: inside ...
                                       '-> refused, or our ticket changed: outside until `retry_at`, then EnterRoom

Waits that come to nothing are told by the shell; what is here is how long one counts on them.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import Enum, auto
from math import inf

from passerby.discovery.addresses import Scope
from passerby.discovery.limits import CONNECT_PATIENCE, ENTER_PATIENCE, STAMP_VALIDITY
from passerby.discovery.rooms import RoomId


class Standing(Enum):
    """Where we stand with one room of one seed."""

    ENTERING = auto()
    INSIDE = auto()
    SAMPLING = auto()
    OUTSIDE = auto()


@dataclass(slots=True)
class Place:
    """One room at one seed. `since` is when Enter was sent; `waiting` how many others are there, as last answered.

    `entered`: for all we know the seed counts us in, so leaving must be told.
    """

    standing: Standing = Standing.OUTSIDE
    entered: bool = False
    retry_at: float = -inf
    since: float = inf
    waiting: int | None = None

    @property
    def is_inside(self) -> bool:
        """Whether the seed let us in."""
        return self.standing in (Standing.INSIDE, Standing.SAMPLING)

    def refuse(self, until: float) -> None:
        """Take that the seed did not let us in, or not any more."""
        self.standing, self.entered, self.retry_at = Standing.OUTSIDE, False, until

    def refuses(self, now: float) -> bool:
        """Whether the seed does not let us in, and is not asked again yet."""
        return self.standing is Standing.OUTSIDE and now < self.retry_at

    def counts(self, now: float) -> bool:
        """Whether to count on it: not refused for now, not waiting for an answer for longer than a good seed takes."""
        if self.standing is Standing.OUTSIDE:
            return not self.refuses(now)
        return self.standing is not Standing.ENTERING or now < self.since + ENTER_PATIENCE

    def next_change(self) -> float:
        """Return when `counts` changes of itself; it may have."""
        if self.standing is Standing.OUTSIDE:
            return self.retry_at
        return self.since + ENTER_PATIENCE if self.standing is Standing.ENTERING else inf


@dataclass(slots=True)
class Toll:
    """What a seed under load asks of our Enters (protocol.md 7)."""

    refusals: int = 0
    """How many Enters this connection has carried that were refused for want of a stamp: the challenge's count."""
    difficulty: int = 0
    """Of the stamp that the next Enter must bring; 0: none."""
    until: float = -inf
    """Till then the seed takes a stamp for what it last demanded."""
    solving: int = 0
    """The count for which a stamp is being solved; 0: none is."""
    stamp: bytes | None = None

    def refused(self) -> None:
        """Take that an Enter was refused for want of a stamp, also one that matters no more: the seed counts it."""
        self.refusals += 1
        self.stamp = None  # it was for an earlier count

    def demand(self, difficulty: int, now: float) -> None:
        """Take what is asked for an Enter that still matters, and was `refused`."""
        self.difficulty = difficulty
        self.until = now + STAMP_VALIDITY / 2  # the seed's time began earlier, and a stamp too late ends the stream

    def settle(self) -> bytes | None:
        """Return the stamp for an Enter that is sent now; it is good for one."""
        stamp, self.stamp, self.difficulty = self.stamp, None, 0
        return stamp

    def give_up(self) -> None:
        """Owe nothing."""
        self.difficulty = self.solving = 0
        self.stamp = None


@dataclass(eq=False, slots=True)
class Guest:
    """One seed that we are, or try to be, a guest of. `since` is when the connecting began, `up` whether it is done."""

    pid: bytes
    scope: Scope
    since: float
    up: bool = False
    answered: float | None = None
    places: dict[RoomId, Place] = field(default_factory=dict[RoomId, Place])
    toll: Toll = field(default_factory=Toll)

    def counts(self, now: float) -> bool:
        """Whether to count on it: connected, or not trying for longer than that takes with a good seed."""
        return self.up or now < self.since + CONNECT_PATIENCE

    def counts_in(self, room: RoomId, now: float) -> bool:
        """Whether to count on it in a room."""
        place = self.places.get(room)
        return self.counts(now) and (place is None or place.counts(now))

    def refuses(self, room: RoomId, now: float) -> bool:
        """Whether it does not let us into a room, and is not asked again yet."""
        place = self.places.get(room)
        return place is not None and place.refuses(now)

    def is_in(self, room: RoomId) -> bool:
        """Whether it lets us in a room."""
        place = self.places.get(room)
        return place is not None and place.is_inside

    @property
    def is_entering(self) -> bool:
        """Whether an answer to an Enter is due."""
        return any(place.standing is Standing.ENTERING for place in self.places.values())

    @property
    def is_inside(self) -> bool:
        """Whether it lets us in some room, or is asked to."""
        return any(place.entered for place in self.places.values())

    def next_change(self, now: float) -> float:
        """Return the next moment after `now` at which something here may change of itself."""
        moments: Iterable[float] = (place.next_change() for place in self.places.values())
        own = self.toll.until if self.up else self.since + CONNECT_PATIENCE
        return min((moment for moment in (own, *moments) if moment > now), default=inf)
