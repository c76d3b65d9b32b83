"""An iterative lookup: which seeds are nearest to a room key, asked of the seeds themselves (protocol.md 3.11).

Kademlia's, along disjoint paths (S/Kademlia, Baumgart and Mies 2007). Each path begins at first contacts of its own
blocks and goes on with what it was told itself; nobody is asked twice, so a liar leads astray the one path that came
to it. A path ends when the nearest it knows of have all answered, or at its share of the queries; never because
somebody says that there is no more. What came out is the nearest of all that answered, on whatever path.

Three things keep invented seeds from crowding out real ones. They do not answer, and only who answered counts. Whoever
told of three more that failed than of such that answered is believed no further, though what others told too stands.
And half of the wanted is all that one block of addresses gets, unless there are no others.

A machine: `ask` says whom to query now, until `is_over`; the shell reports each query once, as `answered` or `failed`
(after `limits.QUERY_PATIENCE` at the latest). `result` may be asked for at any time, also before the end.
"""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import Enum, auto
from functools import lru_cache
from typing import Final, Self

from passerby.crypto.errors import LocalProtocolError
from passerby.discovery.addresses import Address, Scope, block_of
from passerby.discovery.limits import (
    LOOKUP_ALPHA,
    LOOKUP_DOUBTS,
    LOOKUP_NEW,
    LOOKUP_PATHS,
    LOOKUP_QUERIES,
    LOOKUP_TIME,
    ROOM_SEEDS,
)
from passerby.discovery.seeding.table import PLACE_BITS, place_of
from passerby.discovery.seedrecord import SeedRecord

_NOWHERE: Final = 1 << PLACE_BITS  # farther than every distance: where a seed is whose position is not known


@lru_cache(maxsize=1024)  # the same few seeds are told of again and again
def block_at(address: Address, pid: bytes) -> str:
    """Return the block that a seed will be counted under if it is reached at an address (protocol.md 0).

    In the machine scope each is a block of its own, and a name is one until a dial has shown its address.
    """
    host = address.host if address.scope in (Scope.LAN, Scope.PUBLIC) else None
    return block_of(host, pid=pid, connection=0)


@dataclass(frozen=True, slots=True)
class Candidate:
    """A seed that might be asked: where to dial it, and its record, read and as received, if we have one."""

    pid: bytes
    addresses: tuple[Address, ...]
    block: str
    record: SeedRecord | None = None
    blob: bytes = b""

    @classmethod
    def of(cls, record: SeedRecord, blob: bytes) -> Self:
        """Make one of a record, counted under the block of its first address."""
        return cls(record.pid, record.addresses, block_at(record.addresses[0], record.pid), record, blob)


class _Status(Enum):
    FRESH = auto()
    ASKED = auto()
    ANSWERED = auto()
    FAILED = auto()


@dataclass(slots=True, eq=False)
class _Seed:
    candidate: Candidate
    distance: int
    block: str
    status: _Status = _Status.FRESH
    asker: "_Path | None" = None
    is_first: bool = False
    informants: set[bytes] = field(default_factory=set[bytes])


@dataclass(slots=True, eq=False)
class _Path:
    known: dict[bytes, _Seed] = field(default_factory=dict[bytes, _Seed])  # the nearest first
    asked: int = 0
    pending: int = 0

    def know(self, seeds: Iterable[_Seed]) -> None:
        self.known.update((seed.candidate.pid, seed) for seed in seeds)
        self.known = dict(sorted(self.known.items(), key=lambda item: item[1].distance))


class Lookup:
    """One lookup of `target`, a room key of 32 bytes, for the `count` nearest seeds; `now` in seconds, going forward.

    `first` are those to begin with: verified seeds, or those that a person named.
    """

    def __init__(self, target: bytes, first: Iterable[Candidate], now: float, count: int = ROOM_SEEDS) -> None:
        self._target = place_of(target)
        self._count = count
        self._ends = now + LOOKUP_TIME
        self._seeds: dict[bytes, _Seed] = {}
        self._doubts: Counter[bytes] = Counter()
        self._paths = self._begin(first)

    def ask(self, now: float) -> list[Candidate]:
        """Return whom to ask now `Find(target)`; each counts as one query."""
        asked: list[Candidate] = []
        free = LOOKUP_ALPHA - sum(path.pending for path in self._paths)
        while now < self._ends and len(asked) < free:
            choices = [(path, seed) for path in self._paths if (seed := self._next(path)) is not None]
            if not choices:
                break
            path, seed = min(choices, key=lambda choice: (choice[0].pending, choice[0].asked))
            seed.status, seed.asker = _Status.ASKED, path
            path.asked += 1
            path.pending += 1
            asked.append(seed.candidate)
        return asked

    def answered(self, pid: bytes, told: Iterable[Candidate], block: str | None = None) -> None:
        """Take the seeds that somebody told of who was asked; `block`, if given, is where it was reached.

        LocalProtocolError if it was not asked. Its own record among them is not news, but tells its position.
        """
        seed, path = self._asked(pid)
        if seed.status is not _Status.ANSWERED:
            self._settle(seed, path, _Status.ANSWERED)
            self._doubts.subtract(seed.informants)
        seed.block = block or seed.block
        news: list[_Seed] = []
        for candidate in told:
            known = self._learn(candidate)
            known.informants.add(pid)
            if candidate.pid not in path.known:
                news.append(known)
        path.know(sorted(news, key=_distance)[:LOOKUP_NEW])

    def failed(self, pid: bytes) -> None:
        """Take that somebody who was asked did not answer, or answered and then turned out to have done no work.

        LocalProtocolError if it was not asked.
        """
        seed, path = self._asked(pid)
        if seed.status is not _Status.FAILED:
            if seed.status is _Status.ANSWERED:
                self._doubts.update(seed.informants)  # what was told well no longer counts as such
            self._settle(seed, path, _Status.FAILED)
            self._doubts.update(seed.informants)

    def is_over(self, now: float) -> bool:
        """Tell whether nothing more is to be waited for; a `failed` of somebody who answered may undo it."""
        return now >= self._ends or not any(path.pending or self._next(path) for path in self._paths)

    def result(self) -> list[Candidate]:
        """Return the nearest of those that answered, nearest first, at most `count`."""
        answered = [seed for seed in self._seeds.values() if seed.status is _Status.ANSWERED]
        near = sorted((seed for seed in answered if seed.distance < _NOWHERE), key=_distance)
        return [seed.candidate for seed in self._diverse(near)]

    def deadline(self, now: float) -> float | None:
        """Return when it is over at the latest; None if it is."""
        return None if self.is_over(now) else self._ends

    def _begin(self, first: Iterable[Candidate]) -> list[_Path]:
        """Deal the first contacts out, block by block, so that no two paths begin in one block."""
        blocks: dict[str, list[_Seed]] = {}
        for seed in sorted(map(self._learn, first), key=_distance):
            seed.is_first = True
            blocks.setdefault(seed.block, []).append(seed)
        paths = [_Path() for _ in range(min(LOOKUP_PATHS, len(blocks)))]
        for number, seeds in enumerate(blocks.values()):
            paths[number % len(paths)].know(seeds)
        return paths

    def _learn(self, candidate: Candidate) -> _Seed:
        """Return what is known of a seed, after taking its record if that is newer."""
        seed = self._seeds.get(candidate.pid)
        if seed is None:
            seed = self._seeds[candidate.pid] = _Seed(candidate, self._distance_of(candidate), candidate.block)
        elif _issued(candidate) > _issued(seed.candidate):
            has_moved = candidate.addresses != seed.candidate.addresses
            seed.candidate, seed.distance = candidate, self._distance_of(candidate)
            if has_moved and seed.status is _Status.FAILED:
                seed.status = _Status.FRESH  # its old address failed: an old record spoils a seed for nobody
        return seed

    def _distance_of(self, candidate: Candidate) -> int:
        return _NOWHERE if candidate.record is None else place_of(candidate.record.position) ^ self._target

    def _asked(self, pid: bytes) -> tuple[_Seed, _Path]:
        seed = self._seeds.get(pid)
        if seed is None or seed.asker is None:
            raise LocalProtocolError("a seed that was not asked")
        return seed, seed.asker

    def _settle(self, seed: _Seed, path: _Path, status: _Status) -> None:
        path.pending -= seed.status is _Status.ASKED
        seed.status = status

    def _next(self, path: _Path) -> _Seed | None:
        """Return whom a path would ask next: the nearest, of the `count` it counts on, that nobody has asked."""
        if path.asked >= LOOKUP_QUERIES // len(self._paths):
            return None
        living = (seed for seed in path.known.values() if self._may_live(seed))
        return next((seed for seed in self._diverse(living) if seed.status is _Status.FRESH), None)

    def _may_live(self, seed: _Seed) -> bool:
        """Tell whether to count on a seed: it did not fail, and somebody told of it who is still believed."""
        if seed.status is not _Status.FRESH:
            return seed.status is not _Status.FAILED
        return seed.is_first or any(self._doubts[pid] < LOOKUP_DOUBTS for pid in seed.informants)

    def _diverse(self, nearest_first: Iterable[_Seed]) -> list[_Seed]:
        """Return the first `count`, nearest first; of one block at most half, unless that leaves too few."""
        blocks: Counter[str] = Counter()
        chosen: list[_Seed] = []
        others: list[_Seed] = []
        for seed in nearest_first:
            blocks[seed.block] += 1
            (chosen if blocks[seed.block] <= max(1, self._count // 2) else others).append(seed)
            if len(chosen) == self._count:
                return chosen
        return sorted(chosen + others[: self._count - len(chosen)], key=_distance)


def _distance(seed: _Seed) -> int:
    return seed.distance


def _issued(candidate: Candidate) -> int:
    return -1 if candidate.record is None else candidate.record.issued
