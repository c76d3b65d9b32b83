"""What a lookup found is remembered for the epoch and its neighbour, and no longer."""

from passerby.discovery.rooms import room_of
from passerby.discovery.searching.lookupmemory import LookupMemory


def test_a_lookup_is_remembered_until_its_epoch_is_past() -> None:
    memory = LookupMemory()
    rooms = [room_of("main", 1000 + epoch) for epoch in range(4)]
    for room in rooms[:2]:
        memory.note(room, (room.key,))
    assert all(memory.has(room) for room in rooms[:2])
    memory.note(rooms[3], ())
    assert [memory.has(room) for room in rooms] == [False, False, False, True]


def test_no_more_lookups_are_remembered_than_a_client_has_rooms() -> None:
    memory = LookupMemory()
    rooms = [room_of("main", 1000, b"tag:%d" % number) for number in range(40)]
    for room in rooms:
        memory.note(room, (room.key,))
    assert len(memory.seeds()) == 32
    assert memory.has(rooms[-1])


def test_a_lookup_with_too_few_left_is_forgotten_and_one_that_found_few_is_not() -> None:
    memory = LookupMemory()
    many, few = (room_of("main", 1000, tag) for tag in (b"many", b"few"))
    memory.note(many, (b"1", b"2", b"3", b"4", b"5"))
    memory.note(few, (b"6",))
    memory.lose(b"1")
    assert memory.has(many)
    assert memory.seeds() == {b"2", b"3", b"4", b"5", b"6"}
    memory.lose(b"1")
    assert memory.has(many)
    memory.lose(b"2")
    assert not memory.has(many)
    assert memory.has(few)
