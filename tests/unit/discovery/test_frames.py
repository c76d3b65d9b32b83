"""Frames: a length is judged before the body, and nothing that is inside one raises anything but our own error."""

import contextlib

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import Struct

from passerby.crypto.errors import LocalProtocolError, RemoteProtocolError
from passerby.discovery import dhtwire, frames, wire


class Blob(Struct, frozen=True, array_like=True, tag=1):
    """A message as long as one likes."""

    request: int
    data: bytes


BLOBS = msgspec.msgpack.Decoder(Blob)
REQUESTS = {1: BLOBS}
OVERHEAD = 6  # array, type, request id, and the three bytes before a `bin` of this size


def test_a_length_is_judged_before_the_body_is_read() -> None:
    assert frames.request_length((4096).to_bytes(2, "big")) == 4096
    assert frames.answer_length((16384).to_bytes(2, "big")) == 16384
    with pytest.raises(RemoteProtocolError, match="4097"):
        frames.request_length((4097).to_bytes(2, "big"))
    with pytest.raises(RemoteProtocolError, match="16385"):
        frames.answer_length((16385).to_bytes(2, "big"))


@pytest.mark.parametrize("header", [b"", b"\0", b"\0\0\0"])
def test_a_header_has_two_bytes(header: bytes) -> None:
    for length_of in (frames.request_length, frames.answer_length):
        with pytest.raises(LocalProtocolError):
            length_of(header)


def test_we_send_exactly_what_a_receiver_accepts() -> None:
    for write, length_of, most in (
        (frames.request_frame, frames.request_length, 4096),
        (frames.answer_frame, frames.answer_length, 16384),
    ):
        frame = write(Blob(1, bytes(most - OVERHEAD)))
        assert length_of(frame[:2]) == most == len(frame) - 2
        with pytest.raises(LocalProtocolError, match=f"a Blob of {most + 1} bytes"):
            write(Blob(1, bytes(most - OVERHEAD + 1)))


def test_both_protocols_are_framed_alike() -> None:
    assert wire.encode(wire.Unsupported(513)) == dhtwire.encode(dhtwire.Unsupported(513))
    assert wire.decode_request(b"\x92\x63\x07") == dhtwire.decode_request(b"\x92\x63\x07") == frames.Unknown(99, 7)


@given(st.integers(0, 255), st.integers(0, 0xFFFF), st.lists(st.none() | st.text(), max_size=3))
def test_a_type_without_decoder_is_unknown_and_keeps_its_id(kind: int, request: int, rest: list[object]) -> None:
    assert frames.read_request(msgspec.msgpack.encode([kind, request, *rest]), {}) == frames.Unknown(kind, request)


@given(st.binary(max_size=100))
def test_junk_is_read_or_is_the_other_sides_fault(junk: bytes) -> None:
    with contextlib.suppress(RemoteProtocolError):
        request = frames.read_request(junk, REQUESTS)
        assert isinstance(request, Blob | frames.Unknown)
    with contextlib.suppress(RemoteProtocolError):
        answer = frames.read_answer(junk, BLOBS)
        assert isinstance(answer, Blob)


def test_the_cause_of_a_refusal_stays_chained() -> None:
    with pytest.raises(RemoteProtocolError) as caught:
        frames.read_answer(b"\x91\x02", BLOBS)
    assert isinstance(caught.value.__cause__, msgspec.ValidationError)


@pytest.mark.parametrize("depth", [500, 1000, 4000, 16000])
def test_nesting_is_malformed_and_no_crash(depth: int) -> None:
    nested = b"\x94\x01\x07\xc4\x00" + b"\x91" * depth  # in an element that is ignored
    with pytest.raises(RemoteProtocolError, match="malformed request"):
        frames.read_request(nested, REQUESTS)
    with pytest.raises(RemoteProtocolError, match="malformed answer"):
        frames.read_answer(nested, BLOBS)
