"""Among many seeds: strangers agree where to wait, whoever dies, and nobody is the guest of more than twelve."""

import random

import pytest

from passerby.discovery.rooms import room_of
from passerby.discovery.searching.levels import LevelMemory
from passerby.discovery.searching.seedbook import SeedBook
from support.searchworld import TRIP, UNIX, Person, SimulatedSeed, World

ROOM = room_of("main", int(UNIX // 600))


def nearest(world: World, count: int = 4) -> set[bytes]:
    target = int.from_bytes(ROOM.key, "big")
    return {seed.pid for seed in sorted(world.seeds.values(), key=lambda seed: seed.position ^ target)[:count]}


def inside(person: Person, world: World) -> set[bytes]:
    """Return the seeds with whom the person is in a room, by what the seeds think."""
    return {s.pid for s in world.seeds.values() if any(p is person for p in s.guests.values()) and s.room.counts()[1]}


@pytest.mark.parametrize("seeds", [20, 64, 200])
def test_strangers_who_know_different_seeds_wait_at_the_same_nearest(seeds: int) -> None:
    world, rng = World(seeds), random.Random(seeds)
    everybody = list(world.seeds.values())
    people = [world.arrive(number, knows=rng.sample(everybody, 5)) for number in range(1, 7)]
    for person in people:
        person.partner = b"nobody, but do not dial"
    world.run(5.0)
    assert all(inside(person, world) == nearest(world) for person in people)
    assert all(person.most_seeds <= 12 for person in people)
    world.run(30.0)
    assert all(inside(person, world) == nearest(world, 8) for person in people), "the four nearest may all lie"
    world.run(90.0)
    for person in people:
        assert nearest(world) < inside(person, world) <= nearest(world, 8)
        assert len(inside(person, world)) == 5


@pytest.mark.parametrize("seeds", [2, 6, 12, 40, 120])
def test_a_newcomer_is_matched_within_a_second_whatever_they_both_know(seeds: int) -> None:
    world, rng = World(seeds), random.Random(seeds)
    everybody = list(world.seeds.values())
    world.arrive(1, knows=rng.sample(everybody, min(seeds, 3)))
    world.run(20.0)
    second = world.arrive(2, knows=rng.sample(everybody, min(seeds, 3)))
    assert world.run(21.0, second.has_partner)


def one_who_waits(world: World, rng: random.Random) -> Person:
    person = world.arrive(1, knows=rng.sample(list(world.seeds.values()), 6))
    world.run(rng.uniform(0.1, 30.0))
    return person


@pytest.mark.parametrize("seed", range(12))
@pytest.mark.parametrize("seeds", [8, 40])
def test_killing_half_of_the_seeds_at_any_moment_costs_nobody_fifteen_seconds(seeds: int, seed: int) -> None:
    world, rng = World(seeds), random.Random(seed)
    first = one_who_waits(world, rng)
    for victim in rng.sample(list(world.seeds.values()), seeds // 2):
        world.kill(victim)
    alive = list(world.seeds.values())
    killed, first.partner = world.now, None
    second = world.arrive(2, knows=rng.sample(alive, 2))
    assert world.run(killed + 15.0, second.has_partner)


def test_killing_the_very_seeds_one_waits_at_is_mended_at_once() -> None:
    world = World(40)
    first = world.arrive(1)
    world.run(20.0)
    for pid in nearest(world):
        world.kill(world.seeds[pid])
    world.run(21.0)
    assert inside(first, world) == nearest(world, 8)


def test_all_seeds_restarting_are_found_again() -> None:
    world = World(5)
    first = world.arrive(1)
    world.run(20.0)
    numbers = range(5)
    for seed in list(world.seeds.values()):
        world.kill(seed)
    world.run(22.0)
    assert first.machine.view(world.now).up == 0
    for number in numbers:
        world.add(SimulatedSeed(world, number))
    assert world.run(40.0, lambda: first.machine.view(world.now).informed == 5)


def test_above_sixty_four_seeds_rooms_are_looked_up_once_an_epoch() -> None:
    world, book = World(200), SeedBook()
    first = world.arrive(1, book=book, knows=random.Random(3).sample(list(world.seeds.values()), 100))
    world.run(5.0)
    asked = first.finds
    assert 4 <= asked <= 60
    assert inside(first, world) == nearest(world)
    first.vanish()
    second = world.arrive(2, book=book, knows=[])
    world.run(10.0)
    assert second.finds == 0
    assert inside(second, world) == nearest(world)


def test_nothing_waits_for_a_lookup() -> None:
    world, rng = World(200), random.Random(3)
    some = rng.sample(list(world.seeds.values()), 100)
    world.arrive(1, knows=some)
    world.run(0.05)
    second = world.arrive(2, knows=some)
    assert world.run(0.05 + 1.0 + 10 * TRIP, second.has_partner)


def test_while_a_chat_goes_on_two_streams_stay_open_for_the_next_search() -> None:
    world = World(20)
    one, two = world.arrive(1), world.arrive(2)
    assert world.run(5.0, one.has_partner)
    world.run(10.0)
    assert len(one.links) == len(two.links) == 2
    third = world.arrive(3)
    world.run(30.0)
    one.again()
    begun = world.now
    assert world.run(40.0, third.has_partner)
    assert world.now - begun <= 5 * TRIP + 1e-6


def test_the_level_of_a_crowd_is_remembered_for_the_next_search() -> None:
    levels = LevelMemory()
    levels.note(b"", 6, 0.0)
    world = World(30)
    first = world.arrive(1, levels=levels)
    world.run(0.5)
    assert {room.level for room in first.machine.rooms(world.now)} == {6}
    second = world.arrive(2)
    assert world.run(30.0, second.has_partner), "who is misled by an old level meets all others at level 0"
