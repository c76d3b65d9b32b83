"""Who looks on sees which rooms a seed keeps, and who is in them."""

import random

from passerby.discovery import wire
from passerby.discovery.addresses import Scope
from passerby.discovery.rooms import room_of
from passerby.discovery.seeding.seedevents import Asked, Closed, Connected
from passerby.discovery.seeding.waitingroom import WaitingRoom

UNIX = 600.0 * 1000 + 300
ROOM = room_of("main", 1000)


def test_rooms_and_members_come_and_go_with_streams() -> None:
    seed = WaitingRoom(random.Random(1), UNIX)
    assert list(seed.rooms()) == []
    for number in (1, 2):
        seed.handle(Connected(number, b"peer %d" % number, Scope.PUBLIC, "block"), 0.0)
        seed.handle(Asked(number, wire.Enter(1, ROOM, None)), 0.0)
    (room,) = seed.rooms()
    assert (room.id, room.members) == (ROOM, (b"peer 1", b"peer 2"))
    seed.handle(Closed(1), 1.0)
    assert room.members == (b"peer 2",)
    seed.handle(Closed(2), 2.0)
    assert list(seed.rooms()) == []
