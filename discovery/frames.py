"""Frames, which the lobby's and the DHT's streams have in common (protocol.md 3.1).

A frame is `u16 length || body`, the length big-endian; the body is one MessagePack array `[type u8, request id u16,
…]`. Every request gets exactly one answer, which repeats its request id. Requests have at most 4 KiB, answers 16.

Further elements are ignored; the type and the request id are read before the rest, so a request of a type that is
unknown here can be answered `Unsupported`. Anything malformed is RemoteProtocolError: the stream is reset.
"""

from collections.abc import Mapping
from typing import Annotated, Final, TypeVar

import msgspec
from msgspec import Meta, Struct

from passerby.crypto.errors import LocalProtocolError, RemoteProtocolError
from passerby.discovery.limits import ANSWER_BYTES, RECORD_BYTES, REQUEST_BYTES

HEADER_BYTES: Final = 2

RequestId = Annotated[int, Meta(ge=0, le=0xFFFF)]
Byte = Annotated[int, Meta(ge=0, le=0xFF)]
Record = Annotated[bytes, Meta(max_length=RECORD_BYTES)]
"""A seed record as it was signed (seedrecord.py), carried unread."""

_Message = TypeVar("_Message")


class Unknown(Struct, frozen=True, array_like=True):
    """A request of a type that we do not know: to be answered Unsupported. Also the head of every message."""

    type: Byte
    request: RequestId


class Unsupported(Struct, frozen=True, array_like=True, tag=70):
    """Whoever was asked does not know requests of that type."""

    request: RequestId


_head: Final = msgspec.msgpack.Decoder(Unknown)


def request_frame(message: Struct) -> bytes:
    """Return the whole frame of a request; LocalProtocolError if it is longer than its receiver accepts."""
    return _frame(message, REQUEST_BYTES)


def answer_frame(message: Struct) -> bytes:
    """Return the whole frame of an answer; LocalProtocolError if it is longer than its receiver accepts."""
    return _frame(message, ANSWER_BYTES)


def _frame(message: Struct, most: int) -> bytes:
    body = msgspec.msgpack.encode(message)
    if len(body) > most:
        raise LocalProtocolError(f"a {type(message).__name__} of {len(body)} bytes")
    return len(body).to_bytes(HEADER_BYTES, "big") + body


def request_length(header: bytes) -> int:
    """Return the length of a request's body from the two bytes before it, to be asked *before* the body is read.

    RemoteProtocolError if it is longer than a request may be.
    """
    return _length(header, REQUEST_BYTES)


def answer_length(header: bytes) -> int:
    """Return the length of an answer's body from the two bytes before it; RemoteProtocolError if it is too long."""
    return _length(header, ANSWER_BYTES)


def _length(header: bytes, most: int) -> int:
    if len(header) != HEADER_BYTES:
        raise LocalProtocolError("a frame's header has two bytes")
    length = int.from_bytes(header, "big")
    if length > most:
        raise RemoteProtocolError(f"a frame of {length} bytes, {most} are allowed")
    return length


def read_request(body: bytes, decoders: Mapping[int, msgspec.msgpack.Decoder[_Message]]) -> _Message | Unknown:
    """Read a request's body with the decoder of its type; RemoteProtocolError if it is malformed."""
    try:
        head = _head.decode(body)
        decoder = decoders.get(head.type)
        return head if decoder is None else decoder.decode(body)
    except (ValueError, RecursionError) as error:  # arrays nested by the thousand end in the latter
        raise RemoteProtocolError("malformed request") from error


def read_answer(body: bytes, decoder: msgspec.msgpack.Decoder[_Message]) -> _Message:
    """Read an answer's body; RemoteProtocolError if it is malformed, or of a type that answers no request of ours."""
    try:
        return decoder.decode(body)
    except (ValueError, RecursionError) as error:
        raise RemoteProtocolError("malformed answer") from error
