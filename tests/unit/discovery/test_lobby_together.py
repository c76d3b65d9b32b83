"""Both machines joined in memory, under a virtual clock: whoever waits is found, and an epoch's edge loses nobody."""

import pytest

from passerby.discovery import wire
from passerby.discovery.addresses import Scope
from passerby.discovery.rooms import epoch_of, room_of
from passerby.discovery.searching.searchview import state_of
from passerby.discovery.seeding.seedevents import Asked, Closed, Connected
from support.searchworld import TRIP, World


@pytest.mark.parametrize("seeds", [1, 3, 6, 9])
def test_of_two_the_later_finds_the_earlier_at_once(seeds: int) -> None:
    world = World(seeds)
    first = world.arrive(1)
    world.run(30.0)
    assert state_of(first.machine.view(world.now)) == "empty"
    begun = world.now = 30.0
    second = world.arrive(2)
    assert world.run(60.0, lambda: second.partner == first.pid)
    assert world.now - begun <= 7 * TRIP + 1e-6  # two to connect, two to enter, three to dial


def test_two_who_come_at_once_meet() -> None:
    for pair in range(1, 40, 2):
        world = World(2)
        one, two = world.arrive(pair), world.arrive(pair + 1)
        assert world.run(10.0, one.has_partner)
        assert (one.partner, two.partner) == (two.pid, one.pid)


def test_a_crowd_that_comes_within_a_second_is_paired_in_seconds() -> None:
    world = World(4)
    for number in range(60):
        world.run(number / 60)
        world.now = number / 60
        world.arrive(number + 1)
    people = list(world.people.values())
    assert world.run(20.0, lambda: all(person.partner for person in people))
    assert all(world.people[person.partner].partner == person.pid for person in people if person.partner)
    assert world.now < 10.0


def test_the_odd_one_out_is_found_when_somebody_is_free_again() -> None:
    world = World(1)
    people = [world.arrive(number) for number in (1, 2, 3)]
    world.run(20.0)
    odd = next(person for person in people if person.partner is None)
    world.run(90.0)
    assert state_of(odd.machine.view(world.now)) in ("empty", "busy")
    world.now = 90.0
    free = next(person for person in people if person.partner is not None)
    free.again()
    assert world.run(95.0, lambda: odd.partner == free.pid)


def test_two_alone_meet_again_after_fifteen_seconds() -> None:
    world = World(1)
    one, two = world.arrive(1), world.arrive(2)
    assert world.run(5.0, lambda: one.partner is not None)
    one.again()
    two.again()
    begun = world.now
    assert world.run(60.0, lambda: one.partner is not None)
    assert 15.0 <= world.now - begun < 17.0


def test_nobody_dials_one_who_left() -> None:
    world = World(2)
    ghost = world.arrive(1)
    world.run(20.0)
    ghost.vanish()
    world.now = 20.0
    late = world.arrive(2)
    world.run(40.0)
    people = late.machine.view(world.now).people
    assert (people.seen, people.unreachable) == (0, 0)
    assert state_of(late.machine.view(world.now)) == "empty"


def test_a_seed_that_is_lost_costs_nothing_while_another_is_there() -> None:
    world = World(2)
    first = world.arrive(1)
    world.run(20.0)
    world.kill(next(iter(world.seeds.values())))
    world.now = 20.0
    second = world.arrive(2)
    assert world.run(21.0, lambda: second.partner == first.pid)


@pytest.mark.parametrize("skew", [0.0, 55.0, -55.0])
@pytest.mark.parametrize("moment", [-59.0, -30.0, -1.0, 0.0, 1.0, 30.0, 59.0, 61.0])
def test_whoever_comes_near_the_edge_of_an_epoch_meets_one_whose_clock_differs(moment: float, skew: float) -> None:
    world = World(3)
    first = world.arrive(1, skew)
    world.run(400.0 + moment)
    world.now = 400.0 + moment
    second = world.arrive(2)
    assert world.run(world.now + 1.0, lambda: second.partner == first.pid)


def test_at_every_moment_around_the_edge_one_who_waits_is_handed_out() -> None:
    world = World(4)
    world.arrive(1)
    for tenth in range(5000, 7000, 7):
        now = tenth / 10 - 200
        world.run(now)
        world.now = max(world.now, now)
        for room in [seed.room for seed in world.seeds.values()]:
            room.handle(Connected(-1, b"somebody", Scope.MACHINE, "another"), world.now)
            epochs = (epoch_of(world.unix + world.now + near) for near in (-60, 0, 60))
            requests = [wire.Enter(1, room_of("main", epoch), None) for epoch in epochs]
            answers = [room.handle(Asked(-1, request), world.now) for request in requests]
            room.handle(Closed(-1), world.now)
            assert any(isinstance(answer, wire.Room) and answer.tickets for answer in answers) or tenth < 5010


def test_waiting_costs_a_seed_few_requests() -> None:
    world = World(4)
    person = world.arrive(1)
    world.run(130.0)
    assert person.requests <= 4 + 2 * (2 + 60 // 3.75 + 70 // 11.25 + 2)
