"""Which seeds to be a guest of, and of those which to be in which room with (protocol.md 2, 3, 4.1).

Strangers meet because both choose alike: the seeds nearest to the room. But what is near is known only by hearsay until
it answers, so two things are told apart:

    targets   the R nearest of all that may be tried: to these we connect
    inside    the R nearest of all that are connected: in these we wait

As targets connect, `inside` becomes the targets; until then nothing waits, and whoever invents near seeds gains none.
A seed that keeps us waiting, or refuses, is not counted: the next nearest is taken beside it.

At the beginning of a search not all targets are connected at once: opening.py says which of them, and when the others.
"""

from collections.abc import Callable, Iterable, Mapping, Set
from dataclasses import dataclass
from enum import Enum, auto
from itertools import zip_longest

from passerby.discovery.addresses import Scope
from passerby.discovery.limits import (
    EDGE_SEEDS,
    ENTER_ALL_SEEDS,
    IDLE_SEEDS,
    LOBBY_SEEDS,
    ROOM_SEEDS,
    WIDE_ROOM_SEEDS,
)
from passerby.discovery.rooms import RoomId
from passerby.discovery.searching.guests import Guest
from passerby.discovery.searching.knownseed import Known
from passerby.discovery.searching.opening import Opening
from passerby.discovery.searching.seedbook import SeedBook
from passerby.discovery.searching.wantedrooms import Turn, Wanted


@dataclass(frozen=True, slots=True)
class Plan:
    """`seeds` to be a guest of, the most important first, at most LOBBY_SEEDS; `inside`: per room, with which.

    `known` is how many seeds are counted on in the scope that has most.
    """

    seeds: tuple[bytes, ...]
    inside: Mapping[RoomId, tuple[bytes, ...]]
    known: int


class Breadth(Enum):
    """How far a search looks. It widens while that is short-lived, and keeps of it what finds those who do so later."""

    NARROW = auto()
    """The R seeds of a room."""
    WIDE = auto()
    """Its 8 nearest: the R nearest may all lie."""
    LASTING = auto()
    """The R, and one of ranks 5 to 8, where a newcomer who has become WIDE finds us; at an edge as many for two."""


class Homes:
    """Makes plans from a book; rankings are kept until the book changes."""

    def __init__(self, book: SeedBook) -> None:
        """Plan by what is in `book`."""
        self._book = book
        self._version = -1
        self._rankings: dict[tuple[Scope, RoomId], list[Known]] = {}

    def plan(
        self,
        wanted: Iterable[Wanted],
        guests: Mapping[bytes, Guest],
        now: float,
        breadth: Breadth,
        opening: Opening,
    ) -> Plan:
        """Return whom to be with."""
        if self._book.version != self._version:
            self._version = self._book.version
            self._rankings.clear()
        local, scopes = self._book.local(now), self._book.scopes()
        up = {pid for pid, guest in guests.items() if guest.up}
        columns: list[list[bytes]] = []
        inside: dict[RoomId, tuple[bytes, ...]] = {}
        known = 0
        for want in wanted:
            here = [pid for pid in local if pid in up]
            for scope in scopes:
                choice = _Choice(self._ranking(scope, want, now), want, guests, up, now, breadth)
                columns.append(opening.narrow(want, scope, choice.targets(), guests, now))
                here += choice.inside()
                known = max(known, choice.proven)
            inside[want.room] = tuple(here)
        by_rank = (pid for rank in zip_longest(*columns) for pid in rank if pid is not None)
        return Plan(tuple(dict.fromkeys((*local, *by_rank)))[:LOBBY_SEEDS], inside, known)

    def idle(self, plan: Plan, guests: Mapping[bytes, Guest], now: float) -> Plan:
        """Return what is left of a plan while nobody is searched: no room, and two open streams for the next search."""
        local = self._book.local(now)
        up = [pid for pid in dict.fromkeys((*plan.seeds, *guests)) if pid in guests and guests[pid].up]
        seeds = [pid for pid in dict.fromkeys((*up, *plan.seeds)) if pid not in local]
        return Plan((*local, *seeds[:IDLE_SEEDS]), {}, plan.known)

    def _ranking(self, scope: Scope, want: Wanted, now: float) -> list[Known]:
        ranking = self._rankings.get((scope, want.room))
        if ranking is None:
            ranking = self._rankings[scope, want.room] = self._book.ranking(scope, want.target, now)
        return ranking


class _Choice:
    """The choice of one room's seeds in one scope."""

    def __init__(
        self,
        ranking: list[Known],
        want: Wanted,
        guests: Mapping[bytes, Guest],
        up: Set[bytes],
        now: float,
        breadth: Breadth,
    ) -> None:
        self.proven = sum(known.is_proven for known in ranking)
        self._want = want
        self._guests = guests
        self._up = up
        self._now = now
        self._enters_all = self.proven <= ENTER_ALL_SEEDS
        self._count = WIDE_ROOM_SEEDS if breadth is Breadth.WIDE else want.seeds
        self._order = self._ranking = ranking
        if not self._enters_all and breadth is not Breadth.WIDE:
            self._order = _preferred(ranking, want, up)
        if breadth is Breadth.LASTING:
            self._last()

    def _last(self) -> None:
        """Be with one seed more than R, also where two rooms share them.

        Before an edge nobody hurries: the next seed of a fresh room is gone to when the nearer ones have let us in and
        told of nobody nearer. So hardly anybody is visited who is not one of the nearest.
        """
        match self._want.turn:
            case Turn.ALONE:
                self._order = _with_outpost(self._order, self._ranking, self._want)
                self._count += 1
            case Turn.OLD:
                self._count = EDGE_SEEDS
            case _:
                most, self._count = max(EDGE_SEEDS, self._count - 1), 1
                while self._count < most and all(map(self._is_settled, self._first(self._order, self._may_try))):
                    self._count += 1

    def targets(self) -> list[bytes]:
        """Return whom to connect to: of a few all, and the nearest of those only heard of."""
        if not self._enters_all:
            return self._first(self._order, self._may_try)
        heard = [known for known in self._order if not known.is_proven]
        return [known.pid for known in self._order if known.is_proven] + self._first(heard, self._may_try)

    def inside(self) -> list[bytes]:
        """Return with whom to be in the room, of those that are connected."""
        up = [known for known in self._order if known.pid in self._up]
        return [known.pid for known in up] if self._enters_all else self._first(up, self._may_try)

    def _first(self, order: list[Known], counts: Callable[[Known], bool]) -> list[bytes]:
        """Return the first `count` that count, and those passed over; of one block one, unless that is too few."""
        chosen: list[bytes] = []
        others: list[Known] = []
        blocks: set[str] = set()
        left = self._count
        for known in order:
            if not left:
                break
            if known.is_resting(self._now):
                continue
            if known.block and known.block in blocks:
                others.append(known)
                continue
            blocks.add(known.block)
            chosen.append(known.pid)
            left -= counts(known)
        return chosen + [known.pid for known in others[:left]]

    def _is_settled(self, pid: bytes) -> bool:
        """Whether a seed let us in, or is not counted on."""
        guest = self._guests.get(pid)
        if guest is None:
            return False
        return guest.is_in(self._want.room) or not guest.counts_in(self._want.room, self._now)

    def _may_try(self, known: Known) -> bool:
        guest = self._guests.get(known.pid)
        return guest is None or guest.counts_in(self._want.room, self._now)


def _preferred(ranking: list[Known], want: Wanted, up: Set[bytes]) -> list[Known]:
    """Return the seeds in the order in which to take them; whom we are a guest of already spares both sides work.

    Above level 0 any of the four nearest will do, so they share the load.
    """
    if want.room.level:
        near = [ranking[place] for place in want.lot if place < min(ROOM_SEEDS, len(ranking))]
        return _up_first(near, up) + ranking[ROOM_SEEDS:]
    return ranking


def _with_outpost(order: list[Known], ranking: list[Known], want: Wanted) -> list[Known]:
    """Return the order with one of the seeds behind the nearest four put first, drawn by lot for this search.

    One of a block with one of these it is not: it would take its place.
    """
    blocks = {known.block for known in ranking[:ROOM_SEEDS] if known.block}
    outposts = [known for known in ranking[ROOM_SEEDS:WIDE_ROOM_SEEDS] if known.block not in blocks]
    outpost = [outposts[place] for place in want.lot if place < len(outposts)][:1]
    return outpost + [known for known in order if known not in outpost]


def _up_first(seeds: list[Known], up: Set[bytes]) -> list[Known]:
    return sorted(seeds, key=lambda known: known.pid not in up)
