"""Rooms: their names byte for byte, and the edge of an epoch seen from a client and from a seed."""

import hashlib
import math

import msgspec
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from passerby.discovery.rooms import (
    RoomId,
    accepts,
    epoch_of,
    epochs_at,
    next_edge,
    room_of,
    seed_position,
    tid_of,
)

UNIX = st.floats(1e6, 4e9)
LEAD = st.floats(0, 120)
STAY = st.floats(60, 120)


def near_an_edge(epoch: int, since: float) -> float:
    return 600.0 * epoch + since


NEAR = st.builds(near_an_edge, st.integers(2_000, 6_000_000), st.floats(-200, 200))


def h(person: bytes, data: bytes) -> bytes:
    return hashlib.blake2b(data, digest_size=32, person=person.ljust(16, b"\0")).digest()


def test_names_are_the_documented_hashes() -> None:
    tid = h(b"pby1 tag", b"\0\4main" + (7).to_bytes(4, "big") + b"\0\x05tag:x")
    assert tid_of("main", 7, b"tag:x") == tid
    assert room_of("main", 7, b"tag:x", 3, 5).key == h(b"pby1 room", tid + b"\3" + (5).to_bytes(4, "big"))
    assert seed_position(b"k" * 32) == h(b"pby1 node", b"k" * 32 + bytes(32))


def test_anybody_of_two_networks_never_meets() -> None:
    assert room_of("main", 7) != room_of("test", 7)
    assert room_of("main", 7).key != room_of("test", 7).key


@pytest.mark.parametrize(
    "room",
    [
        (-1, bytes(32), 0, 0),
        (1 << 32, bytes(32), 0, 0),
        (0, bytes(31), 0, 0),
        (0, bytes(33), 0, 0),
        (0, bytes(32), 21, 0),
        (0, bytes(32), -1, 0),
        (0, bytes(32), 0, 1),
        (0, bytes(32), 3, 8),
        (0, bytes(32), 3, -1),
    ],
)
def test_impossible_rooms_are_neither_made_nor_read(room: tuple[int, bytes, int, int]) -> None:
    with pytest.raises(ValueError, match=r"range|32 bytes"):
        RoomId(*room)
    with pytest.raises(msgspec.ValidationError):
        msgspec.msgpack.decode(msgspec.msgpack.encode(list(room)), type=RoomId)


@given(UNIX | NEAR, LEAD, STAY)
def test_one_is_always_in_the_present_epoch_and_in_a_neighbour_near_the_edge_only(
    unix: float, lead: float, stay: float
) -> None:
    epochs = epochs_at(unix, lead, stay)
    now, since = epoch_of(unix), unix - epoch_of(unix) * 600
    assume(min(abs(since - stay), abs(600 - since - lead)) > 1e-6)  # sums of floats may fall on either side
    assert now in epochs
    assert (now - 1 in epochs) == (since < stay)
    assert (now + 1 in epochs) == (600 - since <= lead)
    assert len(epochs) <= 2


@given(UNIX | NEAR, LEAD, STAY)
def test_the_next_edge_is_where_the_epochs_change_next(unix: float, lead: float, stay: float) -> None:
    edge = next_edge(unix, lead, stay)
    assert unix < edge <= unix + 600
    assert epochs_at(math.nextafter(edge, 0), lead, stay) == epochs_at(unix, lead, stay)
    assert epochs_at(edge, lead, stay) != epochs_at(unix, lead, stay) or edge % 600 == 0


def test_there_is_no_epoch_before_the_first() -> None:
    assert epochs_at(0.0, 0.0, 60.0) == (0,)


@given(NEAR, st.floats(-60, 60), LEAD, STAY)
def test_a_seed_accepts_every_epoch_of_a_client_whose_clock_is_a_minute_off(
    unix: float, skew: float, lead: float, stay: float
) -> None:
    assert all(accepts(epoch, unix) for epoch in epochs_at(unix + skew, lead, stay))


@given(NEAR, st.floats(-60, 60), LEAD, STAY, LEAD, STAY)
def test_two_whose_clocks_are_a_minute_apart_always_share_an_epoch(
    unix: float, skew: float, lead: float, stay: float, other_lead: float, other_stay: float
) -> None:
    assert set(epochs_at(unix, lead, stay)) & set(epochs_at(unix + skew, other_lead, other_stay))


@pytest.mark.parametrize(
    ("since", "accepted"), [(0, {-1, 0}), (179, {-1, 0}), (181, {0}), (419, {0}), (421, {0, 1}), (599, {0, 1})]
)
def test_a_seed_accepts_the_neighbour_only_within_three_minutes_of_the_edge(since: int, accepted: set[int]) -> None:
    now = 1000
    assert {epoch - now for epoch in range(990, 1010) if accepts(epoch, now * 600.0 + since)} == accepted
