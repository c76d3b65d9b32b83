"""Messages of the lobby: every one reads back, garbage is the other side's fault, every limit bites."""

import contextlib

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from passerby.crypto.errors import LocalProtocolError, RemoteProtocolError
from passerby.discovery import frames, wire
from passerby.discovery.rooms import RoomId

ROOM = RoomId(5, bytes(32), 1, 1)
IDS = st.integers(0, 0xFFFF)
TICKETS = st.binary(min_size=65, max_size=256)
RECORDS = st.lists(st.binary(max_size=1024), max_size=4).map(tuple)
LEVELS = st.none() | st.integers(0, 20)
STAMPS = st.none() | st.binary(min_size=16, max_size=16)

REQUESTS = st.one_of(
    st.builds(wire.Enter, IDS, st.just(ROOM), st.none() | TICKETS, STAMPS),
    st.builds(wire.Sample, IDS, st.just(ROOM), st.integers(0, 8), st.integers(1, 50)),
    st.builds(wire.Leave, IDS, st.none() | st.just(ROOM)),
)
ANSWERS = st.one_of(
    st.builds(
        wire.Room,
        IDS,
        st.integers(0, 0xFFFFFFFF),
        LEVELS,
        st.lists(TICKETS, max_size=8).map(tuple),
        st.lists(st.binary(max_size=1024), max_size=8).map(tuple),
        RECORDS,
    ),
    st.builds(wire.Unchanged, IDS),
    st.builds(wire.Left, IDS),
    st.builds(wire.Busy, IDS, RECORDS, LEVELS),
    st.builds(wire.Refused, IDS, st.sampled_from(wire.Reason), st.integers(0, 255)),
    st.builds(wire.Unsupported, IDS),
)


def body(*elements: object) -> bytes:
    return msgspec.msgpack.encode(elements)


@given(REQUESTS)
def test_requests_read_back(request: wire.Request) -> None:
    frame = wire.encode(request)
    assert frames.request_length(frame[:2]) == len(frame) - 2
    assert wire.decode_request(frame[2:]) == request


@given(ANSWERS)
def test_answers_read_back(answer: wire.Answer) -> None:
    frame = wire.encode(answer)
    assert frames.answer_length(frame[:2]) == len(frame) - 2
    assert wire.decode_answer(frame[2:]) == answer


@given(REQUESTS, st.data())
def test_a_cut_request_is_malformed(request: wire.Request, data: st.DataObject) -> None:
    whole = wire.encode(request)[2:]
    with pytest.raises(RemoteProtocolError):
        wire.decode_request(whole[: data.draw(st.integers(0, len(whole) - 1))])


@given(st.binary(max_size=200) | st.binary(max_size=80).map(lambda tail: b"\x94\x01\x07" + tail))
def test_garbage_is_the_other_sides_fault(garbage: bytes) -> None:
    for decode in (wire.decode_request, wire.decode_answer):
        with contextlib.suppress(RemoteProtocolError):
            decode(garbage)


@pytest.mark.parametrize("count", [1000, 4000, 16000])
def test_nesting_is_malformed_and_no_crash(count: int) -> None:
    for decode in (wire.decode_request, wire.decode_answer):
        with pytest.raises(RemoteProtocolError):
            decode(b"\x94\x01\x07" + b"\x91" * count)


def test_a_request_of_unknown_type_keeps_its_id_whatever_follows() -> None:
    assert wire.decode_request(body(9, 513, {"a": [1.5, None]}, b"x")) == wire.Unknown(9, 513)
    assert wire.decode_request(body(65, 1)) == wire.Unknown(65, 1)


def test_an_answer_of_unknown_type_is_malformed() -> None:
    with pytest.raises(RemoteProtocolError):
        wire.decode_answer(body(99, 1))


def test_further_elements_are_ignored() -> None:
    room = [5, bytes(32), 1, 1, "new"]
    assert wire.decode_request(body(1, 2, room, None, None, "new", 7)) == wire.Enter(2, ROOM, None)
    assert wire.decode_answer(body(66, 2, "new")) == wire.Unchanged(2)


def test_a_message_may_end_before_its_optional_elements() -> None:
    assert wire.decode_request(body(1, 2, ROOM_LIST, None)) == wire.Enter(2, ROOM, None)
    assert wire.decode_answer(body(65, 2, 3)) == wire.Room(2, 3)
    assert wire.decode_answer(body(68, 2)) == wire.Busy(2)
    assert wire.decode_answer(body(69, 2, 1)) == wire.Refused(2, wire.Reason.EPOCH)


ROOM_LIST = [5, bytes(32), 1, 1]


@pytest.mark.parametrize(
    "elements",
    [
        (),
        (1,),
        (256, 1),
        (-1, 1),
        (True, 1),
        (1.0, 1),
        (1, 65536, ROOM_LIST, None),
        (1, -1, ROOM_LIST, None),
        (1, 1, ROOM_LIST),
        (1, 1, ROOM_LIST, bytes(257)),
        (1, 1, ROOM_LIST, bytes(64)),
        (1, 1, ROOM_LIST, "text"),
        (1, 1, None, None),
        (1, 1, [5, bytes(32), 1, 2], None),
        (1, 1, [5, bytes(32), 21, 0], None),
        (1, 1, [5, bytes(31), 0, 0], None),
        (1, 1, [1 << 32, bytes(32), 0, 0], None),
        (1, 1, {"epoch": 5}, None),
        (1, 1, ROOM_LIST, None, bytes(15)),
        (1, 1, ROOM_LIST, None, bytes(17)),
        (1, 1, ROOM_LIST, None, 0),
        (2, 1, ROOM_LIST, 9, 5),
        (2, 1, ROOM_LIST, 2, 0),
        (2, 1, ROOM_LIST, 2, 51),
        (3, 1),
        (3, 1, b"x"),
    ],
)
def test_requests_beyond_their_limits_are_malformed(elements: tuple[object, ...]) -> None:
    with pytest.raises(RemoteProtocolError, match="malformed request"):
        wire.decode_request(body(*elements))


@pytest.mark.parametrize(
    "elements",
    [
        (65, 1, -1),
        (65, 1, 1 << 32),
        (65, 1, 0, 21),
        (65, 1, 0, None, [bytes(65)] * 9),
        (65, 1, 0, None, [bytes(257)]),
        (65, 1, 0, None, [b""]),
        (65, 1, 0, None, [], [b""] * 9),
        (65, 1, 0, None, [], [bytes(1025)]),
        (65, 1, 0, None, [], [], [b""] * 5),
        (68, 1, [b""] * 5),
        (68, 1, [bytes(1025)]),
        (68, 1, [], 21),
        (69, 1, 256),
        (69, 1, 4, 256),
        (69, 1),
    ],
)
def test_answers_beyond_their_limits_are_malformed(elements: tuple[object, ...]) -> None:
    with pytest.raises(RemoteProtocolError, match="malformed answer"):
        wire.decode_answer(body(*elements))


def test_a_reason_that_we_do_not_know_is_no_offence() -> None:
    assert wire.decode_answer(body(69, 1, 200)) == wire.Refused(1, 200)


def test_the_longest_answer_there_can_be_fits() -> None:
    answer = wire.Room(65535, 1 << 31, 20, (bytes(256),) * 8, (bytes(1024),) * 8, (bytes(1024),) * 4)
    assert len(wire.encode(answer)) <= 2 + 16 * 1024


def test_we_send_no_frame_that_its_receiver_must_refuse() -> None:
    with pytest.raises(LocalProtocolError, match="Enter"):
        wire.encode(wire.Enter(1, ROOM, bytes(4096)))
    with pytest.raises(LocalProtocolError, match="Room"):
        wire.encode(wire.Room(1, 0, tickets=(bytes(4096),) * 4))


def test_an_invented_array_length_allocates_nothing() -> None:
    import tracemalloc

    tracemalloc.start()
    try:
        for elements in (b"\x96\x41\x05\x07\xc0\xdd\xff\xff\xff\xff", b"\xdd\xff\xff\xff\xff\x41\x05"):
            with pytest.raises(RemoteProtocolError):
                wire.decode_answer(elements)
        assert tracemalloc.get_traced_memory()[1] < 64 * 1024
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize(
    ("message", "frame"),
    [
        (wire.Leave(7, None), "0004930307c0"),
        (wire.Sample(258, RoomId(5, b"\xaa" * 32, 0, 0), 2, 5), "002d9502cd01029405c420" + "aa" * 32 + "00000205"),
        (wire.Room(1, 3), "000897410103c0909090"),
        (wire.Refused(1, wire.Reason.EPOCH), "00059445010100"),
        (wire.Refused(1, wire.Reason.STAMP, 6), "00059445010406"),
        (wire.Busy(1, level=2), "00059444019002"),
    ],
)
def test_bytes_are_the_documented_ones(message: wire.Request | wire.Answer, frame: str) -> None:
    assert wire.encode(message).hex() == frame
