"""The rooms of a seed: apart by scope, shared out among blocks under pressure, and what they say of the empty tag."""

import random

from passerby.discovery.addresses import Scope
from passerby.discovery.hints import Hint
from passerby.discovery.rooms import RoomId, room_of
from passerby.discovery.seeding.roomtable import RoomTable
from passerby.discovery.seeding.seedroom import SeedRoom, Stream

ANYBODY = room_of("main", 1000)


def stream(name: str, block: str, scope: Scope = Scope.PUBLIC) -> Stream:
    return Stream(0, name.encode(), scope, block, heard=0.0)


def rooms(most: int = 8) -> RoomTable:
    return RoomTable("main", most, 256, random.Random(1))


def topic(number: int) -> RoomId:
    return room_of("main", 1000, f"tag:{number}".encode())


def enter(table: RoomTable, one: Stream, name: RoomId, now: float = 0.0) -> SeedRoom | None:
    room = table.open(one, name, now)
    if room is not None:
        table.enter(room, one, one.pid)
        room.rate.enter(one.block, now)
    return room


def test_one_name_in_two_scopes_is_two_rooms() -> None:
    table = rooms()
    here, there = stream("a", "x"), stream("b", "y", Scope.LAN)
    assert enter(table, here, ANYBODY) is not enter(table, there, ANYBODY)
    assert table.get(Scope.PUBLIC, ANYBODY) is here.places[ANYBODY].room
    assert table.get(Scope.TOR, ANYBODY) is None
    assert len(table) == 2


def test_below_half_one_block_opens_as_many_as_it_likes_and_above_half_as_many_as_one_stream_may() -> None:
    table = rooms(100)
    flood = stream("flood", "one")
    opened = [enter(table, flood, topic(number)) is not None for number in range(60)]
    assert opened == [True] * 50 + [False] * 10
    assert enter(table, stream("a", "other"), topic(70)) is not None
    modest = RoomTable("main", 40, 256, random.Random(1))
    assert all(enter(modest, stream("a", "one"), topic(number)) for number in range(32))
    assert enter(modest, stream("a", "one"), topic(33)) is None


def test_a_full_table_closes_a_room_of_the_fullest_block_and_rather_one_that_nobody_misses() -> None:
    table = rooms()
    crowd = [stream(f"p{number}", f"block {number}") for number in range(5)]
    flood = stream("flood", "one")
    for number in range(6):
        assert enter(table, flood, topic(number))
    for one in crowd:
        enter(table, one, topic(0))
    assert enter(table, stream("a", "two"), topic(6))
    assert enter(table, stream("a", "two"), topic(7))
    for number in range(10, 12):
        assert enter(table, stream(f"b{number}", f"late {number}"), topic(number))
        assert len(table) == 8
        assert table.get(Scope.PUBLIC, topic(0)) is not None
    assert len(flood.places) == 4
    for number in range(20, 30):
        enter(table, stream(f"c{number}", f"later {number}"), topic(number))
    assert list(flood.places) == [topic(0)]  # the last comers got nothing: nobody had two more than they
    assert (table.get(Scope.PUBLIC, topic(6)) is None) != (table.get(Scope.PUBLIC, topic(7)) is None)


def test_closing_a_room_puts_everybody_out() -> None:
    table = rooms()
    people = [stream(name, name) for name in "abc"]
    for one in people:
        enter(table, one, ANYBODY)
    (room,) = table
    assert table.places == 3
    table.close(room)
    assert table.places == 0
    assert [one.places for one in people] == [{}, {}, {}]
    assert (len(table), len(room)) == (0, 0)
    assert table.hint(Scope.PUBLIC, 10.0) is None


def test_the_hint_is_the_level_of_the_room_of_anybody_that_most_enter() -> None:
    table = rooms(100)
    for number in range(200):
        enter(table, stream(f"p{number}", f"block {number}"), ANYBODY, 0.05 * number)
        enter(table, stream(f"q{number}", f"block {number}"), topic(1), 0.05 * number)
    enter(table, stream("x", "x"), room_of("main", 1000, level=5, shard=3), 10.0)
    assert table.hint(Scope.PUBLIC, 10.0) == Hint(2)  # 20 a second: between 2 and 4 times 8
    assert table.hint(Scope.LAN, 10.0) is None


def test_a_hint_is_measured_once_a_second_and_says_its_age() -> None:
    table = rooms(100)
    assert table.hint(Scope.PUBLIC, 0.0) is None
    for number in range(5):
        enter(table, stream(f"p{number}", f"block {number}"), ANYBODY, 0.1)
    assert table.hint(Scope.PUBLIC, 0.5) is None
    assert table.hint(Scope.PUBLIC, 6.0) == Hint(0, 0)
    assert table.hint(Scope.PUBLIC, 6.5) == Hint(0, 1)
    assert table.hint(Scope.PUBLIC, 60.0) is None  # of five Enters fewer than three are left


def test_a_young_room_has_no_opinion_to_hint() -> None:
    table = rooms(100)
    for number in range(4):
        enter(table, stream(f"p{number}", f"block {number}"), ANYBODY, 0.1)
    assert table.hint(Scope.PUBLIC, 1.0) is None
