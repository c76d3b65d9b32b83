"""Floods of every kind against a seed: what is kept stays bounded, and everybody else is served (security 4)."""

import random
import sys
import tracemalloc
from collections.abc import Callable

import pytest

from passerby.discovery import wire
from passerby.discovery.addresses import Scope
from passerby.discovery.limits import ROOMS_PER_STREAM, SEED_ROOMS
from passerby.discovery.rooms import RoomId, room_of
from passerby.discovery.seeding.seedevents import Asked, Closed, Connected, Limits
from passerby.discovery.seeding.waitingroom import WaitingRoom
from passerby.discovery.tickets import Ticket

UNIX = 600.0 * 1000 + 300
ROOM = room_of("main", 1000)
MIB = 1024 * 1024
PID_BYTES = 38
TICKET_BYTES = 200


def read(blob: bytes) -> Ticket:
    """A ticket of this test says who, and is good in the one room of the test."""
    return Ticket(blob[:PID_BYTES], ROOM, relay=b"relay")


def pid_of(number: int) -> bytes:
    return b"%038d" % number


def ticket_of(number: int, version: int = 0) -> bytes:
    return pid_of(number) + (b"%d" % version).ljust(TICKET_BYTES - PID_BYTES)


def seed_of(limits: Limits | None = None) -> WaitingRoom:
    return WaitingRoom(random.Random(1), UNIX, limits or Limits(), read=read)


def connect(seed: WaitingRoom, number: int, block: str, now: float = 0.0) -> None:
    seed.handle(Connected(number, pid_of(number), Scope.PUBLIC, block), now)


def enter(seed: WaitingRoom, number: int, now: float = 0.0, version: int = 0) -> wire.Room | None:
    answer = seed.handle(Asked(number, wire.Enter(1, ROOM, ticket_of(number, version))), now)
    return answer if isinstance(answer, wire.Room) else None


def visit(seed: WaitingRoom, number: int, room: RoomId, now: float = 0.0) -> bool:
    return isinstance(seed.handle(Asked(number, wire.Enter(1, room, None)), now), wire.Room)


def topic(number: int) -> RoomId:
    return RoomId(1000, number.to_bytes(32, "big"))


def test_who_is_in_is_told_apart() -> None:
    seed = seed_of()
    connect(seed, 1, "block")
    assert not seed.is_in(1)
    assert enter(seed, 1) is not None
    assert seed.is_in(1)
    seed.handle(Closed(1), 0.0)
    assert not seed.is_in(1)


def growth_of(flood: Callable[[], object]) -> int:
    tracemalloc.start()
    try:
        before, _ = tracemalloc.get_traced_memory()
        flood()
        after, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    return after - before


def honest(seed: WaitingRoom, count: int, now: float = 0.0, first: int = 1_000_000) -> list[int]:
    """So many people come, each from elsewhere; return those who were served."""
    numbers = range(first, first + count)
    for number in numbers:
        connect(seed, number, f"home {number}", now)
    return [number for number in numbers if enter(seed, number, now) is not None]


def test_thousands_of_tickets_from_one_block_leave_the_room_to_the_others() -> None:
    seed = seed_of()

    def flood() -> None:
        for number in range(5000):
            connect(seed, number, "flood")
            enter(seed, number)

    assert growth_of(flood) < 4 * MIB
    assert len(honest(seed, 250)) == 250
    connect(seed, 9000, "asker")
    met = 0
    for _ in range(200):
        answer = enter(seed, 9000)
        assert answer is not None
        assert len(answer.tickets) == 8
        met += sum(int(blob[:PID_BYTES]) >= 1_000_000 for blob in answer.tickets)
    assert met >= 0.99 * 1600


def test_one_stream_with_ever_new_tickets_is_one_ticket() -> None:
    seed = seed_of()
    connect(seed, 1, "flood")

    def flood() -> None:
        for version in range(5000):
            assert enter(seed, 1, version=version)

    assert growth_of(flood) < MIB // 8
    connect(seed, 2, "home")
    answer = enter(seed, 2)
    assert answer is not None
    assert answer.tickets == (ticket_of(1, 4999),)


def test_who_was_told_of_tickets_does_not_keep_those_of_the_dead() -> None:
    seed = seed_of()
    told: list[bytes] = []
    for number in range(50):
        connect(seed, number, f"listener {number}")
        visit(seed, number, ROOM)
        tellers = range(1000 + 8 * number, 1008 + 8 * number)
        for teller in tellers:
            connect(seed, teller, f"teller {teller % 8}")
            enter(seed, teller)
        answer = seed.handle(Asked(number, wire.Sample(2, ROOM, 8, 5)), 0.0)
        assert isinstance(answer, wire.Room)
        told += answer.tickets
        del answer
        for teller in tellers:
            seed.handle(Closed(teller), 0.0)
    control = [ticket_of(1)]
    assert len(told) == 400
    assert {sys.getrefcount(ticket) for ticket in told} == {sys.getrefcount(ticket) for ticket in control}


def test_a_flood_of_rooms_leaves_places_for_those_of_others() -> None:
    seed = seed_of()

    def flood() -> None:
        for number in range(150):
            connect(seed, number, "flood")
            for room in range(ROOMS_PER_STREAM):
                visit(seed, number, topic(ROOMS_PER_STREAM * number + room))

    assert growth_of(flood) < 10 * MIB
    assert seed.counts()[1] == SEED_ROOMS // 2
    for number in range(1000):
        connect(seed, 10_000 + number, f"home {number}")
        assert all(visit(seed, 10_000 + number, topic(100_000 + 10 * number + room)) for room in range(5))
    assert seed.counts()[1] <= SEED_ROOMS


def test_when_all_streams_are_in_many_rooms_each_further_one_gets_fewer() -> None:
    seed = seed_of(Limits(places_at_ease=100))
    entered: list[int] = []
    for number in range(6):
        connect(seed, number, f"home {number}")
        entered.append(sum(visit(seed, number, topic(room)) for room in range(40)))
    assert entered == [32, 32, 32, 8, 8, 8]
    for number in range(3):
        seed.handle(Closed(number), 0.0)
    assert visit(seed, 5, topic(39))


def test_floods_of_rooms_from_many_blocks_make_room_for_a_newcomer() -> None:
    seed = seed_of(Limits(rooms=400))
    for number in range(40):
        connect(seed, number, f"flood {number % 10}")
        for room in range(ROOMS_PER_STREAM):
            visit(seed, number, topic(ROOMS_PER_STREAM * number + room))
    assert len(honest(seed, 50)) == 50
    for number in range(50):
        connect(seed, 5000 + number, f"home of {number}")
        assert visit(seed, 5000 + number, topic(50_000 + number))


def test_blocks_that_fill_the_seed_make_room_for_a_newcomer() -> None:
    seed = seed_of()
    for number in range(4000):
        connect(seed, number, f"flood {number % 16}")
        enter(seed, number)
    assert seed.counts()[0] == 3277
    assert len(honest(seed, 1000)) == 1000
    assert seed.counts()[0] == 3277
    assert len(set(seed.evicted)) == len(seed.evicted) == 1000
    assert all(number < 4000 for number in seed.evicted)
    answer = seed.handle(Asked(seed.evicted[0], wire.Sample(2, ROOM, 8, 5)), 0.0)
    assert answer == wire.Busy(2)


def test_idle_streams_take_nobodys_place() -> None:
    seed = seed_of(Limits(streams=1000))
    for number in range(3000):
        connect(seed, number, "flood")
    assert len(honest(seed, 800)) == 800


def test_more_streams_than_there_can_be_are_not_even_remembered() -> None:
    seed = seed_of(Limits(streams=10))
    for number in range(50):
        connect(seed, number, f"block {number}")
    assert enter(seed, 39) is not None
    assert seed.handle(Asked(40, wire.Enter(1, ROOM, None)), 0.0) == wire.Busy(1)
    seed.handle(Closed(40), 0.0)


@pytest.mark.parametrize("members", [10, 1000])
def test_what_a_sample_costs_does_not_grow_with_the_room(members: int) -> None:
    """Counted in draws, which are what it does: two tickets are two draws of a block, and two within it at most."""
    rng = Counted()
    seed = WaitingRoom(rng, UNIX, read=read)
    honest(seed, members)
    rng.calls = 0
    seed.handle(Asked(1_000_001, wire.Sample(2, ROOM, 2, 5)), 0.0)
    assert rng.calls <= 8


class Counted(random.Random):
    """Counts what is drawn from it."""

    calls = 0

    def getrandbits(self, k: int, /) -> int:
        self.calls += 1
        return super().getrandbits(k)


def test_silence_and_return_of_thousands_leave_no_trace() -> None:
    seed = seed_of()
    assert len(honest(seed, 300)) == 300

    clock = [0.0]

    def come_and_go() -> None:
        for _ in range(8):
            now = clock[0] = clock[0] + 13.0
            for number in range(1_000_000, 1_000_300):
                seed.handle(Asked(number, wire.Sample(2, ROOM, 2, 1 + 49 * (number % 2))), now)

    come_and_go()
    assert growth_of(come_and_go) < MIB // 8
