"""Messages of the DHT: every one reads back, garbage is the other side's fault, every limit bites, answers fit."""

import contextlib

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from passerby.crypto.errors import LocalProtocolError, RemoteProtocolError
from passerby.discovery import dhtwire, frames
from passerby.discovery.hints import Hint

TARGET = bytes(range(32))
NONCE = bytes(range(8))
OLD = Hint(20, 0xFFFF)
IDS = st.integers(0, 0xFFFF)
RECORDS = st.binary(max_size=1024)
NONCES = st.binary(min_size=8, max_size=8)
HINTS = st.none() | st.builds(Hint, st.integers(0, 20), st.integers(0, 0xFFFF))
OBSERVED = st.none() | st.binary(min_size=6, max_size=6) | st.binary(min_size=18, max_size=18)

REQUESTS = st.one_of(
    st.builds(dhtwire.Find, IDS, st.binary(min_size=32, max_size=32), st.none() | RECORDS),
    st.builds(dhtwire.Ping, IDS, NONCES),
    st.builds(dhtwire.Dialback, IDS, NONCES, st.integers(1024, 0xFFFF)),
)
ANSWERS = st.one_of(
    st.builds(dhtwire.Nodes, IDS, st.lists(st.binary(max_size=900), max_size=16).map(tuple), HINTS),
    st.builds(dhtwire.Pong, IDS, NONCES, st.integers(0, 0xFFFFFFFF), OBSERVED, HINTS, st.integers(0, 100)),
    st.builds(dhtwire.Dialled, IDS, st.sampled_from(dhtwire.Result)),
    st.builds(dhtwire.Unsupported, IDS),
)


def body(*elements: object) -> bytes:
    return msgspec.msgpack.encode(elements)


def nodes_read_back(records: tuple[bytes, ...], hint: Hint | None) -> tuple[bytes, ...]:
    frame = dhtwire.encode(dhtwire.Nodes(0xFFFF, records, hint))
    assert frames.answer_length(frame[:2]) == len(frame) - 2
    answer = dhtwire.decode_answer(frame[2:])
    assert isinstance(answer, dhtwire.Nodes)
    assert (answer.request, answer.hint) == (0xFFFF, hint)
    return answer.records


@given(REQUESTS)
def test_requests_read_back(request: dhtwire.Request) -> None:
    frame = dhtwire.encode(request)
    assert frames.request_length(frame[:2]) == len(frame) - 2
    assert dhtwire.decode_request(frame[2:]) == request


@given(ANSWERS)
def test_answers_read_back(answer: dhtwire.Answer) -> None:
    frame = dhtwire.encode(answer)
    assert frames.answer_length(frame[:2]) == len(frame) - 2
    assert dhtwire.decode_answer(frame[2:]) == answer


@given(REQUESTS | ANSWERS, st.data())
def test_a_cut_message_is_malformed(message: dhtwire.Request | dhtwire.Answer, data: st.DataObject) -> None:
    whole = dhtwire.encode(message)[2:]
    decode = dhtwire.decode_request if whole[1] < 64 else dhtwire.decode_answer
    with pytest.raises(RemoteProtocolError):
        decode(whole[: data.draw(st.integers(0, len(whole) - 1))])


@given(st.binary(max_size=200) | st.tuples(st.sampled_from([1, 2, 3, 65, 66, 67]), st.binary(max_size=60)))
def test_garbage_is_the_other_sides_fault(garbage: bytes | tuple[int, bytes]) -> None:
    junk = garbage if isinstance(garbage, bytes) else bytes((0x94, garbage[0], 7)) + garbage[1]
    for decode in (dhtwire.decode_request, dhtwire.decode_answer):
        with contextlib.suppress(RemoteProtocolError):
            decode(junk)


def test_a_request_of_unknown_type_keeps_its_id() -> None:
    assert dhtwire.decode_request(body(4, 513, {"a": [1.5, None]})) == dhtwire.Unknown(4, 513)


def test_further_elements_are_ignored_and_optional_ones_may_be_missing() -> None:
    assert dhtwire.decode_request(body(1, 2, TARGET)) == dhtwire.Find(2, TARGET)
    assert dhtwire.decode_request(body(2, 2, NONCE, "new", 7)) == dhtwire.Ping(2, NONCE)
    assert dhtwire.decode_answer(body(65, 2)) == dhtwire.Nodes(2)
    assert dhtwire.decode_answer(body(65, 2, [], [3, 4, "new"], "new")) == dhtwire.Nodes(2, (), Hint(3, 4))
    assert dhtwire.decode_answer(body(66, 2, NONCE, 5)) == dhtwire.Pong(2, NONCE, 5)


@pytest.mark.parametrize(
    "elements",
    [
        (1, 1),
        (1, 1, bytes(31)),
        (1, 1, bytes(33)),
        (1, 1, "x" * 32),
        (1, 65536, TARGET),
        (1, 1, TARGET, bytes(1025)),
        (1, 1, TARGET, "text"),
        (2, 1),
        (2, 1, bytes(7)),
        (2, 1, bytes(9)),
        (3, 1, NONCE),
        (3, 1, NONCE, 1023),
        (3, 1, NONCE, 65536),
        (3, 1, bytes(7), 1024),
    ],
)
def test_requests_beyond_their_limits_are_malformed(elements: tuple[object, ...]) -> None:
    with pytest.raises(RemoteProtocolError, match="malformed request"):
        dhtwire.decode_request(body(*elements))


@pytest.mark.parametrize(
    "elements",
    [
        (65, 1, [b""] * 17),
        (65, 1, [bytes(1025)]),
        (65, 1, [], [21, 0]),
        (65, 1, [], [-1, 0]),
        (65, 1, [], [0, 65536]),
        (65, 1, [], []),
        (66, 1, NONCE),
        (66, 1, bytes(7), 5),
        (66, 1, NONCE, 1 << 32),
        (66, 1, NONCE, -1),
        (66, 1, NONCE, 5, bytes(5)),
        (66, 1, NONCE, 5, bytes(7)),
        (66, 1, NONCE, 5, bytes(17)),
        (66, 1, NONCE, 5, bytes(19)),
        (66, 1, NONCE, 5, b""),
        (66, 1, NONCE, 5, None, None, 101),
        (66, 1, NONCE, 5, None, None, -1),
        (67, 1),
        (67, 1, 256),
        (68, 1),
        (1, 1, TARGET),
    ],
)
def test_answers_beyond_their_limits_are_malformed(elements: tuple[object, ...]) -> None:
    with pytest.raises(RemoteProtocolError, match="malformed answer"):
        dhtwire.decode_answer(body(*elements))


def test_a_result_that_we_do_not_know_is_no_offence() -> None:
    assert dhtwire.decode_answer(body(67, 1, 200)) == dhtwire.Dialled(1, 200)


def test_trailing_records_that_do_not_fit_are_left_out() -> None:
    longest = tuple(bytes((number,)) * 1024 for number in range(16))
    assert nodes_read_back(longest, OLD) == longest[:15]


def test_sixteen_of_the_longest_records_of_today_fit() -> None:
    today = tuple(bytes((number,)) * 814 for number in range(16))
    assert nodes_read_back(today, OLD) == today


@given(st.lists(st.binary(min_size=900, max_size=1024), max_size=16).map(tuple), HINTS)
def test_nodes_always_fit_and_keep_the_nearest(records: tuple[bytes, ...], hint: Hint | None) -> None:
    kept = nodes_read_back(records, hint)
    assert kept == records[: len(kept)]
    assert len(kept) >= min(15, len(records))


def test_we_send_no_frame_that_its_receiver_must_refuse() -> None:
    with pytest.raises(LocalProtocolError, match="Find"):
        dhtwire.encode(dhtwire.Find(1, bytes(4096)))
    with pytest.raises(LocalProtocolError, match="Pong"):
        dhtwire.encode(dhtwire.Pong(1, bytes(16 * 1024), 5))


@pytest.mark.parametrize(
    ("host", "port", "packed"),
    [
        ("192.0.2.7", 40_001, "c0000207 9c41"),
        ("::ffff:192.0.2.7", 1, "c0000207 0001"),
        ("2001:db8::7", 65_535, "20010db8000000000000000000000007 ffff"),
        ("fe80::1%eth0", 80, "fe800000000000000000000000000001 0050"),
    ],
)
def test_an_observed_address_is_packed(host: str, port: int, packed: str) -> None:
    assert dhtwire.pack_observed(host, port) == bytes.fromhex(packed)


def test_a_name_is_no_observed_address() -> None:
    with pytest.raises(ValueError, match="localhost"):
        dhtwire.pack_observed("localhost", 1)


@pytest.mark.parametrize(
    ("message", "frame"),
    [
        (dhtwire.Find(1, b"\xaa" * 32), "0026940101c420" + "aa" * 32 + "c0"),
        (dhtwire.Ping(3, NONCE), "000d930203c4080001020304050607"),
        (dhtwire.Dialback(258, NONCE, 7171), "00129403cd0102c4080001020304050607cd1c03"),
        (dhtwire.Nodes(1, (b"r",), Hint(3, 20)), "000a94410191c40172920314"),
        (dhtwire.Pong(3, NONCE, 5, bytes(6), None, 12), "0018974203c408000102030405060705c406000000000000c00c"),
        (dhtwire.Dialled(4, dhtwire.Result.TIMEOUT), "000493430403"),
    ],
)
def test_bytes_are_the_documented_ones(message: dhtwire.Request | dhtwire.Answer, frame: str) -> None:
    assert dhtwire.encode(message).hex() == frame
