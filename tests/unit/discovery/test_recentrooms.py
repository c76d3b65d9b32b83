"""Rooms we are in, and for a minute those we left, each with its tag: an M1 may name them, and no other."""

from passerby.discovery.rooms import ANYBODY, room_of
from passerby.discovery.searching.recentrooms import GRACE, RecentRooms

A, B, CHESS = room_of("test", 1), room_of("test", 2), room_of("test", 1, b"tag:chess")


def test_inside_a_room_its_tag_is_known_for_as_long_as_we_stay() -> None:
    rooms = RecentRooms()
    rooms.note({A: ANYBODY, CHESS: b"tag:chess"}, 0.0)
    assert rooms.tag_of(A.key, 10 * GRACE) == ANYBODY
    assert rooms.tag_of(CHESS.key, 10 * GRACE) == b"tag:chess"
    assert rooms.tag_of(B.key, 0.0) is None


def test_a_room_we_left_is_known_a_minute_longer() -> None:
    rooms = RecentRooms()
    rooms.note({CHESS: b"tag:chess", B: ANYBODY}, 0.0)
    rooms.note({B: ANYBODY}, 100.0)
    rooms.note({B: ANYBODY}, 150.0)
    assert rooms.tag_of(CHESS.key, 100.0 + GRACE) == b"tag:chess"
    assert rooms.tag_of(CHESS.key, 100.1 + GRACE) is None
    assert rooms.tag_of(B.key, 100.1 + GRACE) == ANYBODY


def test_rooms_long_left_are_forgotten() -> None:
    rooms = RecentRooms()
    rooms.note({A: ANYBODY}, 0.0)
    rooms.note({}, 1.0)
    rooms.note({B: ANYBODY}, 2.0 + GRACE)
    rooms.note({}, 3.0 + GRACE)
    assert rooms.tag_of(A.key, 3.0 + GRACE) is None
    assert rooms.tag_of(B.key, 3.0 + GRACE) == ANYBODY


def test_a_room_entered_again_is_no_room_left() -> None:
    rooms = RecentRooms()
    for moment, inside in enumerate([{A: ANYBODY}, {}, {A: ANYBODY}]):
        rooms.note(inside, float(moment))
    assert rooms.tag_of(A.key, 1000.0) == ANYBODY
