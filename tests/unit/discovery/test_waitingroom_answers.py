"""What a seed's answers carry beside tickets: the scope's own, the level, nearer seeds; and what it says when busy."""

import random

import pytest

from passerby.discovery import wire
from passerby.discovery.addresses import Scope
from passerby.discovery.hints import Hint
from passerby.discovery.rooms import RoomId, room_of
from passerby.discovery.seeding.seedevents import Asked, ClockSet, Closed, Connected, Limits, Measured, Nearer
from passerby.discovery.seeding.waitingroom import WaitingRoom
from passerby.discovery.tickets import Ticket

UNIX = 600.0 * 1000 + 300
ROOM = room_of("main", 1000)
OWN = bytes(range(32))
RECORDS = (OWN + b"own", b"second that quotes " + OWN, b"third", b"fourth", b"fifth")


def knows_none(_scope: Scope, _key: bytes) -> tuple[bytes, ...]:
    return ()


def read(blob: bytes) -> Ticket:
    """A ticket of this test says who, and is relayed: good in the public scope, in whatever room it is shown."""
    pid, level = blob[:-1], blob[-1]
    return Ticket(pid, room_of("main", 1000, level=level), relay=b"relay")


def whose(record: bytes) -> bytes:
    """A record of this test begins with its key."""
    return record[:32]


def seed_with(nearer: Nearer | None = None, limits: Limits | None = None) -> WaitingRoom:
    return WaitingRoom(
        random.Random(1), UNIX, limits or Limits(), public=OWN, nearer=nearer or knows_none, read=read, whose=whose
    )


def come(seed: WaitingRoom, number: int, now: float = 0.0, room: RoomId = ROOM, scope: Scope = Scope.PUBLIC) -> object:
    seed.handle(Connected(number, b"%d" % number, scope, f"block {number}"), now)
    return enter(seed, number, now, room)


def enter(seed: WaitingRoom, number: int, now: float = 0.0, room: RoomId = ROOM) -> object:
    return seed.handle(Asked(number, wire.Enter(1, room, b"%d" % number + bytes([room.level]))), now)


def sample(seed: WaitingRoom, number: int, now: float = 0.0, room: RoomId = ROOM) -> object:
    return seed.handle(Asked(number, wire.Sample(2, room, 8, 5)), now)


def test_tickets_never_cross_scopes() -> None:
    seed = seed_with()
    assert come(seed, 1, scope=Scope.PUBLIC) == wire.Room(1, 0)
    assert come(seed, 2, scope=Scope.TOR) == wire.Room(1, 0)
    assert come(seed, 3, scope=Scope.TOR) == wire.Room(1, 1, tickets=(b"2\0",))
    assert sample(seed, 1) == wire.Unchanged(2)
    assert seed.counts() == (3, 2)
    assert seed.hint(Scope.LAN, 0.0) is None


def test_a_room_tells_its_level_once_it_can_know_it() -> None:
    seed = seed_with()
    levels: list[object] = []
    for number in range(400):
        answer = come(seed, number, number / 40)
        assert isinstance(answer, wire.Room)
        levels.append(answer.level)
    assert levels[:30] == [None] * 30
    assert levels[-1] == 3  # 40 a second of T = 8
    assert seed.hint(Scope.PUBLIC, 10.0) == Hint(3)


def test_a_deeper_room_tells_the_level_of_the_whole_tag() -> None:
    seed = seed_with()
    deep = room_of("main", 1000, level=4, shard=0)
    answers = [come(seed, number, number / 3.5, deep) for number in range(80)]
    assert isinstance(answers[-1], wire.Room)
    assert answers[-1].level == 3  # 3.5 a second in one of 16 shards: 56 a second of the tag


def test_a_level_that_changes_is_told_though_the_tickets_have_not() -> None:
    seed = seed_with()
    come(seed, 1)
    assert sample(seed, 1, 4.0) == wire.Unchanged(2)
    assert sample(seed, 1, 8.0) == wire.Room(2, 0, 0)
    assert sample(seed, 1, 12.0) == wire.Unchanged(2)


def test_nearer_seeds_are_told_once_and_again_when_they_change() -> None:
    asked: list[tuple[Scope, bytes]] = []
    near = list(RECORDS[1:])

    def nearer(scope: Scope, key: bytes) -> tuple[bytes, ...]:
        asked.append((scope, key))
        return tuple(near)

    seed = seed_with(nearer)
    assert come(seed, 1) == wire.Room(1, 0, nearer=RECORDS[1:])
    assert sample(seed, 1, 1.0) == wire.Unchanged(2)
    assert come(seed, 2, 2.0) == wire.Room(1, 1, tickets=(b"1\0",), nearer=RECORDS[1:])
    assert sample(seed, 1, 3.0) == wire.Room(2, 1, tickets=(b"2\0",))
    assert asked == [(Scope.PUBLIC, ROOM.key)]
    near.pop()
    assert sample(seed, 1, 9.9) == wire.Room(2, 1, 0, (b"2\0",))
    assert sample(seed, 1, 10.0) == wire.Room(2, 1, 0, (b"2\0",), nearer=RECORDS[1:4])
    assert sample(seed, 1, 10.1) == wire.Unchanged(2)


def test_no_more_than_four_nearer_seeds_are_told() -> None:
    seed = seed_with(lambda _scope, _key: RECORDS)
    assert come(seed, 1) == wire.Room(1, 0, nearer=RECORDS[:4])


@pytest.mark.parametrize("known", [True, False])
def test_who_finds_it_full_hears_of_other_seeds_and_of_the_level_if_the_room_is_ours(known: bool) -> None:
    seed = seed_with(lambda _scope, _key: RECORDS[:4], Limits(streams=100))
    for number in range(80):
        come(seed, number, 0.1 * number, ROOM if known else room_of("main", 1000, level=1))
    assert come(seed, 99, 8.0) == wire.Busy(1, RECORDS[1:4], 1 if known else None)


def test_enters_that_are_refused_count_for_the_level_too() -> None:
    seed = seed_with(limits=Limits(streams=100))
    for number in range(80):
        come(seed, number, 0.1 * number)
    answers = [come(seed, number, 8.0 + 0.01 * number) for number in range(100, 400)]
    assert isinstance(answers[-1], wire.Busy)
    assert answers[-1].level == 3  # eighty would be 2


def test_when_answers_are_late_newcomers_are_refused_at_once_and_the_others_served() -> None:
    seed = seed_with()
    come(seed, 1)
    seed.handle(Measured(10, 2.5), 6.0)
    assert come(seed, 2, 6.0) == wire.Busy(1, (), 0)
    assert enter(seed, 1, 6.0, room_of("main", 1000, level=1)) == wire.Busy(1)
    assert enter(seed, 1, 6.0) == wire.Room(1, 0, 0)
    assert sample(seed, 1, 6.0) == wire.Unchanged(2)
    assert seed.load(6.0) == 100
    assert enter(seed, 2, 11.1) == wire.Room(1, 1, 0, (b"1\0",))
    assert seed.load(11.1) < 100


def test_a_ticket_that_is_held_already_is_not_verified_again() -> None:
    verified: list[bytes] = []

    def counted(blob: bytes) -> Ticket:
        verified.append(blob)
        return read(blob)

    seed = WaitingRoom(random.Random(1), UNIX, read=counted)
    come(seed, 1)
    enter(seed, 1)
    assert verified == [b"1\0"]


def test_a_seed_that_was_told_of_another_clock_drops_what_is_of_no_epoch() -> None:
    seed = seed_with()
    come(seed, 1)
    come(seed, 2)
    seed.handle(ClockSet(UNIX + 3600), 1.0)
    assert seed.counts() == (2, 0)
    assert sample(seed, 1, 1.0) == wire.Refused(2, wire.Reason.NOT_ENTERED)
    seed.handle(Closed(1), 1.0)
    assert seed.counts() == (1, 0)
