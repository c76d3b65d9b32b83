"""Rooms we are in, and for a minute those we left: an M1 may name them, and no other."""

from passerby.discovery.recentrooms import GRACE, RecentRooms
from passerby.discovery.rooms import ANYBODY, room_of

A, B = room_of("test", 1), room_of("test", 2)


def test_inside_a_room_its_tag_is_known_for_as_long_as_we_stay() -> None:
    rooms = RecentRooms()
    rooms.note([A], 0.0)
    assert rooms.tag_of(A.key, 10 * GRACE) == ANYBODY
    assert rooms.tag_of(B.key, 0.0) is None


def test_a_room_we_left_is_known_a_minute_longer() -> None:
    rooms = RecentRooms(b"tag:chess")
    rooms.note([A, B], 0.0)
    rooms.note([B], 100.0)
    rooms.note([B], 150.0)
    assert rooms.tag_of(A.key, 100.0 + GRACE) == b"tag:chess"
    assert rooms.tag_of(A.key, 100.1 + GRACE) is None
    assert rooms.tag_of(B.key, 100.1 + GRACE) == b"tag:chess"


def test_rooms_long_left_are_forgotten() -> None:
    rooms = RecentRooms()
    rooms.note([A], 0.0)
    rooms.note([], 1.0)
    rooms.note([B], 2.0 + GRACE)
    rooms.note([], 3.0 + GRACE)
    assert rooms.tag_of(A.key, 3.0 + GRACE) is None
    assert rooms.tag_of(B.key, 3.0 + GRACE) == ANYBODY
