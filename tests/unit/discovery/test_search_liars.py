"""A seed that lies costs a search at most five seconds: empty answers, invented seeds or people, a wrong time."""

import random
from itertools import count

import pytest

from passerby.crypto.keys import SigningKey
from passerby.discovery import dhtwire, wire
from passerby.discovery.addresses import Address
from passerby.discovery.rooms import RoomId, room_of
from passerby.discovery.seedrecord import SeedRecord, sign_record
from support.searchworld import HERE, UNIX, Liar, Person, SimulatedSeed, World, forged_ticket

HONEST_COST = 1.0
LIE_COST = 5.0
ROOM = room_of("main", int(UNIX // 600))


class Empty(Liar):
    """Says that nobody is there, and hides who is."""


class Silent(Liar):
    """Takes every request and answers none."""

    def answer(self, number: int, request: wire.Request) -> wire.Answer | None:
        return None


class Ghosts(Liar):
    """Hands out new tickets of people who are not there, in every answer."""

    numbers = count()

    def says(self, room: RoomId) -> wire.Room:
        return wire.Room(0, 8, tickets=tuple(forged_ticket(next(self.numbers), room) for _ in range(8)))


class Inventor(Liar):
    """Names new seeds in every answer, all nearer than any other, none of which is there."""

    numbers = count()

    def invented(self, room_key: bytes) -> tuple[bytes, ...]:
        target = int.from_bytes(room_key, "big")
        keys = [SigningKey.from_seed(b"none" + next(self.numbers).to_bytes(28, "big")) for _ in range(60)]
        records = [(SeedRecord(key.public, (Address(HERE.family, "127.9.9.9", 4001),), int(UNIX)), key) for key in keys]
        records.sort(key=lambda pair: int.from_bytes(pair[0].position, "big") ^ target)
        return tuple(sign_record(key, record) for record, key in records[:4])

    def says(self, room: RoomId) -> wire.Room:
        return wire.Room(0, 0, nearer=self.invented(room.key))

    def ask(self, request: dhtwire.Request) -> dhtwire.Answer | None:
        return dhtwire.Nodes(0, self.invented(request.target)) if isinstance(request, dhtwire.Find) else None


class Exaggerator(Liar):
    """Says that the room is as hot as can be."""

    def says(self, room: RoomId) -> wire.Room:
        return wire.Room(0, 0, level=20)


class Closer(Liar):
    """Refuses as busy."""

    def says(self, room: RoomId) -> wire.Room:
        return wire.Busy(0)  # type: ignore[return-value]  # what this one says is no Room


LIARS = [Empty, Silent, Ghosts, Inventor, Exaggerator, Closer]


def near(world: World, liar: type[Liar], count: int = 1) -> list[SimulatedSeed]:
    """Add liars that are the nearest of all to the room, as if they had picked their places."""
    target = int.from_bytes(ROOM.key, "big")
    best = sorted((liar(world, number) for number in range(10_000, 10_400)), key=lambda seed: seed.position ^ target)
    return [world.add(seed) for seed in best[:count]]


def search(world: World, seed: int) -> tuple[Person, float]:
    rng = random.Random(seed)
    honest = [s for s in world.seeds.values() if not isinstance(s, Liar)]
    liars = [s for s in world.seeds.values() if isinstance(s, Liar)]
    world.arrive(2 * seed + 1, knows=[*liars, *rng.sample(honest, min(5, len(honest)))])
    world.run(rng.uniform(3, 20))
    second = world.arrive(2 * seed + 2, knows=[*liars, *rng.sample(honest, min(5, len(honest)))])
    return second, world.now


@pytest.mark.parametrize("liar", LIARS)
@pytest.mark.parametrize("seeds", [2, 5, 30])
@pytest.mark.parametrize("seed", range(4))
def test_one_lying_seed_costs_at_most_five_seconds(liar: type[Liar], seeds: int, seed: int) -> None:
    world = World(seeds)
    near(world, liar)
    second, begun = search(world, seed)
    assert world.run(begun + HONEST_COST + LIE_COST, second.has_partner)


@pytest.mark.parametrize("liar", LIARS)
def test_even_four_liars_nearest_to_the_room_do_not_prevent_a_match(liar: type[Liar]) -> None:
    world = World(30)
    near(world, liar, 4)
    second, begun = search(world, 1)
    assert world.run(begun + 45.0, second.has_partner)


def test_seeds_that_are_invented_endlessly_are_soon_not_believed() -> None:
    world = World(10)
    near(world, Inventor)
    person = world.arrive(1)
    world.run(120.0)
    assert len(person.book) <= 11 + 8


def test_a_seed_whose_people_are_never_there_is_asked_last() -> None:
    world = World(3)
    near(world, Ghosts)
    waiting = world.arrive(1)
    world.run(60.0)
    assert len(waiting.dials) >= 3
    second = world.arrive(2)
    assert world.run(60.0 + 6.0, second.has_partner)


@pytest.mark.parametrize("skew", [-900.0, 900.0])
def test_a_clock_a_quarter_of_an_hour_off_is_told_and_costs_no_match(skew: float) -> None:
    world = World(5)
    next(iter(world.seeds.values())).clock_error = 10_000.0  # one of the three asked may lie
    first = world.arrive(1)
    second = world.arrive(2, skew)
    assert world.run(5.0, second.has_partner)
    assert first.warnings == []
    (warning,) = second.warnings
    assert warning.code == "clock"
    assert abs(warning.seconds - skew) < 2.0


@pytest.mark.parametrize("seeds", [1, 2])
def test_where_there_is_no_majority_the_seeds_are_believed_about_the_time_too(seeds: int) -> None:
    world = World(seeds)
    world.arrive(1)
    second = world.arrive(2, 900.0)
    assert world.run(5.0, second.has_partner)
