"""What seeds know of each other, as if all had long joined: the shipped table, filled by sorting; hints by the clock.

The shipped machine that keeps such a table while seeds come and go, `Neighbours`, is simulated itself in the scenario
`joining`; five thousand of them joining would take longer than all the rest.
"""

import random
from bisect import bisect_left
from typing import TYPE_CHECKING, Final

from passerby.discovery.hints import Hint, Hints
from passerby.discovery.limits import BUCKET_SEEDS, NEIGHBOURHOOD, PING_ROUND, PING_SHARE
from passerby.discovery.seeding.table import Contact, Table, place_of

if TYPE_CHECKING:
    from benchmarks.sim.seeds import Seed

BITS: Final = 256
HEARD_OF: Final = 3  # times the places there are: of more than it keeps a table chooses by block


class Map:
    """All places, in order, so that the nearest by XOR are found without looking at each."""

    def __init__(self, seeds: "list[Seed]") -> None:
        """Take the seeds."""
        self._seeds = sorted(seeds, key=lambda seed: seed.place)
        self._places = [seed.place for seed in self._seeds]

    def nearest(self, target: int, count: int) -> "list[Seed]":
        """Return the `count` seeds nearest to a target, nearest first.

        Places that share a prefix are neighbours in the list: the longest shared prefix that enough of them have is
        sought by halving, and only those are sorted.
        """
        low, high = 0, BITS
        while low < high:
            shared = (low + high + 1) // 2
            first, last = self._range(target, shared)
            if last - first >= count:
                low = shared
            else:
                high = shared - 1
        first, last = self._range(target, low)
        return sorted(self._seeds[first:last], key=lambda seed: seed.place ^ target)[:count]

    def bucket(self, place: int, shared: int) -> "list[Seed]":
        """Return the seeds that share exactly so many bits with a place."""
        first, last = self._range(place ^ 1 << (BITS - 1 - shared), shared + 1)
        return self._seeds[first:last]

    def _range(self, target: int, shared: int) -> tuple[int, int]:
        rest = BITS - shared
        base = target >> rest << rest
        return bisect_left(self._places, base), bisect_left(self._places, base + (1 << rest))


class StaticSky:
    """The table of one seed, and what it hears of levels."""

    __slots__ = ("_hints", "_own", "_table")

    def __init__(self, own: "Seed", everybody: Map, rng: random.Random) -> None:
        """Hear of some seeds at each distance and of all that are near, and keep what the table wants."""
        self._own = own
        self._table = Table(own.record.position)
        self._hints = Hints()
        near = everybody.nearest(own.place, HEARD_OF * NEIGHBOURHOOD)
        heard = {seed.pid: seed for seed in near if seed is not own}
        for shared in range(min(BITS, BITS + 1 - (near[-1].place ^ own.place).bit_length())):
            bucket = everybody.bucket(own.place, shared)
            for seed in rng.sample(bucket, min(HEARD_OF * BUCKET_SEEDS, len(bucket))):
                heard[seed.pid] = seed
        told = list(heard.values())
        rng.shuffle(told)
        for seed in told:
            if self._table.wants(seed.place, seed.block):
                self._table.add(Contact(seed.record, seed.blob, seed.block, 0.0, seed.record.addresses))

    def nearest(self, target: bytes, count: int) -> tuple[bytes, ...]:
        """Return the records of the nearest seeds, the own where it ranks; an end that is told is seen at once."""
        place = place_of(target)
        seeds = self._own.world.seeds
        near = [(contact.place ^ place, contact.blob) for contact in self._table.nearest(target, count + NEIGHBOURHOOD)
                if (seed := seeds.get(contact.pid)) is not None and (seed.is_alive or not seed.refuses)]  # fmt: skip
        near.append((self._own.place ^ place, self._own.blob))
        near.sort()
        return tuple(blob for _, blob in near[:count])

    def hint(self, now: float) -> Hint | None:
        """Return what others say of the level."""
        return self._hints.median(now)

    def ping(self) -> None:
        """Ask a quarter of the table for hints, as one routine round does; due every PING_ROUND."""
        clock, rng, seeds = self._own.world.clock, self._own.world.rng, self._own.world.seeds
        contacts = self._table.oldest(len(self._table))
        for contact in rng.sample(contacts, -(-len(contacts) // PING_SHARE)):
            seed = seeds.get(contact.pid)
            if seed is not None and seed.is_alive and (hint := seed.hint()) is not None:
                self._hints.hear(seed.block, hint, clock.now)
        clock.after(PING_ROUND * (0.75 + 0.5 * rng.random()), self.ping)


def join_at_once(seeds: "list[Seed]", rng: random.Random) -> Map:
    """Give each seed the table that it would have after long enough."""
    everybody = Map(seeds)
    for seed in seeds:
        sky = StaticSky(seed, everybody, rng)
        seed.sky = sky
        seed.world.clock.after(rng.uniform(0, PING_ROUND), sky.ping)
    return everybody
