"""Over the edge of an epoch, among many seeds: nobody is lost though clocks differ, and who waits moves quietly.

The edge is 400 s into each world. Whoever waits for longer than a minute keeps to five streams all the way.
"""

import math
import random
from collections.abc import Iterator
from functools import partial

import pytest

from passerby.discovery import wire
from passerby.discovery.rooms import RoomId, epoch_of, room_of
from support.searchworld import UNIX, Person, SimulatedSeed, World

EDGE = 400.0
OLD, NEXT = (room_of("main", epoch_of(UNIX) + epoch) for epoch in (0, 1))
SEEDS = 40
ALONE = b"nobody, but do not dial"
VISITED = 6  # of which three are needed


def nearest(world: World, room: RoomId, count: int) -> set[bytes]:
    target = int.from_bytes(room.key, "big")
    return {seed.pid for seed in sorted(world.seeds.values(), key=lambda seed: seed.position ^ target)[:count]}


def places(world: World, person: Person, room: RoomId) -> set[bytes]:
    """Return the seeds that have the person in a room."""
    rooms = ((seed.pid, each) for seed in world.seeds.values() for each in seed.room.rooms())
    return {pid for pid, each in rooms if each.id == room and person.pid in each.members}


def waiting(world: World, skew: float = 0.0, number: int = 1, *, knows: int = SEEDS) -> Person:
    some = random.Random(number).sample(list(world.seeds.values()), knows)
    person = world.arrive(number, skew, knows=some)
    person.partner = ALONE
    return person


def seconds(world: World, first: float, last: float) -> Iterator[float]:
    for second in range(int(first), int(last)):
        world.run(float(second))
        yield float(second)


@pytest.mark.parametrize("number", range(1, 7))
def test_who_waits_long_has_five_streams_before_at_and_after_an_edge(number: int) -> None:
    world = World(SEEDS)
    person = waiting(world, number=number, knows=12)
    world.run(100.0)
    both = 0
    for second in seconds(world, 100, 600):
        assert len(person.links) <= 6, "five, and one that is only just being replaced"
        old, new = places(world, person, OLD), places(world, person, NEXT)
        if second < EDGE - 120:
            assert (len(old), len(new)) == (5, 0)
        elif new and old and len(new) == 3:
            assert old == nearest(world, OLD, 2)
            both += 1
        elif second > EDGE + 121:
            assert not old
            assert nearest(world, NEXT, 4) < new
            assert len(new) == 5
    assert both >= 58, "a minute at least, but for the way there"
    assert places(world, person, NEXT) >= nearest(world, NEXT, 3)


def test_hardly_anybody_is_visited_on_the_way_to_the_next_room_but_its_nearest() -> None:
    visited: list[int] = []
    for number in range(1, 11):
        world = World(200)
        person = waiting(world, number=number, knows=20)
        world.run(EDGE - 121.0)
        visits = set[bytes]()
        world.run(EDGE + 59.0, partial(_note_visits, world, person, visits))
        assert places(world, person, NEXT) == nearest(world, NEXT, 3)
        visited.append(len(visits))
    assert sum(visited) / len(visited) < VISITED


def _note_visits(world: World, person: Person, visits: set[bytes]) -> bool:
    visits |= places(world, person, NEXT)
    return False


@pytest.mark.parametrize("skew", [0.0, 60.0, -60.0])
@pytest.mark.parametrize("moment", [-125.0, -119.0, -90.0, -61.0, -59.0, -1.0, 1.0, 59.0, 61.0, 119.0, 121.0, 179.0])
def test_a_newcomer_meets_one_who_waits_though_their_clocks_are_a_minute_apart(moment: float, skew: float) -> None:
    for number in range(1, 6):
        world = World(SEEDS)
        first = world.arrive(number, skew)
        world.run(EDGE + moment)
        second = world.arrive(100 + number)
        assert world.run(world.now + 1.0, second.has_partner)
        assert second.partner == first.pid


@pytest.mark.parametrize("skew", [0.0, 60.0, -60.0])
def test_two_who_wait_long_share_a_room_at_two_seeds_at_every_moment(skew: float) -> None:
    for number in range(1, 4):
        world = World(SEEDS)
        one, two = waiting(world, skew, number), waiting(world, 0.0, 50 + number)
        for _ in seconds(world, 100, 600):
            assert any(len(places(world, one, room) & places(world, two, room)) >= 2 for room in (OLD, NEXT))


@pytest.mark.parametrize("moment", [-60.0, -10.0, 10.0, 50.0])
def test_the_two_seeds_left_of_the_old_room_may_die(moment: float) -> None:
    world = World(SEEDS)
    first = world.arrive(1)
    world.run(EDGE + moment)
    for pid in nearest(world, OLD, 2):
        world.kill(world.seeds[pid])
    world.run(EDGE + moment + 2.0)
    second = world.arrive(2, -60.0)
    assert world.run(world.now + 1.0, lambda: second.partner == first.pid)


def test_a_search_that_begins_in_the_last_two_minutes_is_in_the_next_room_at_once() -> None:
    for number in range(1, 6):
        world = World(SEEDS)
        world.run(EDGE - 119.0)
        person = waiting(world, number=number)
        world.run(EDGE - 118.0)
        for room in (OLD, NEXT):
            assert places(world, person, room) == nearest(world, room, 4)


class Unwilling(SimulatedSeed):
    """Lets nobody into the next rooms: it says nothing, or refuses."""

    says: wire.Answer | None = None

    def answer(self, number: int, request: wire.Request) -> wire.Answer | None:
        if isinstance(request, wire.Enter) and request.room == NEXT:
            return self.says
        return super().answer(number, request)


@pytest.mark.parametrize("reason", [None, wire.Reason.EPOCH, wire.Reason.NO_PLACE])
def test_a_nearest_seed_that_lets_nobody_in_holds_up_who_walks_from_one_to_the_next_for_seconds(
    reason: wire.Reason | None,
) -> None:
    world = World(SEEDS)
    (first,) = nearest(world, NEXT, 1)
    unwilling = next(seed for number in range(SEEDS) if (seed := Unwilling(world, number)).pid == first)
    unwilling.says = None if reason is None else wire.Refused(1, reason)
    world.add(unwilling)
    person = waiting(world)
    began = three = math.inf
    for second in seconds(world, 270, 520):
        if NEXT in person.machine.rooms(second):
            began = min(began, second)
        if len(places(world, person, NEXT)) >= 3:
            three = min(three, second)
    assert three - began <= 20, "three others, though the walk begins at that one"
