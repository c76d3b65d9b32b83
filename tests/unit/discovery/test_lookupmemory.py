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
