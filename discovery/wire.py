"""Messages of `/passerby/lobby/1.0.0` and their frames (protocol.md 3).

A frame is `u16 length || body`, the length big-endian; the body is one MessagePack array `[type u8, request id u16,
…]`. Every request gets exactly one answer, which repeats its request id.

| type | request | further elements                                                                      |
|------|---------|---------------------------------------------------------------------------------------|
| 1    | Enter   | room, ticket (bin <= 256) or nil                                                      |
| 2    | Sample  | room, max u8 <= 8, the asker's interval in seconds u8 1..50                           |
| 3    | Leave   | room, or nil for all                                                                  |

| type | answer      | further elements                                                                  |
|------|-------------|-----------------------------------------------------------------------------------|
| 65   | Room        | waiting u32, level u8 or nil, <= 8 tickets, <= 8 records, <= 4 nearer seeds       |
| 66   | Unchanged   | none: what Room last said of this room holds                                      |
| 67   | Left        | none                                                                              |
| 68   | Busy        | <= 4 other near seeds                                                             |
| 69   | Refused     | reason u8: 1 the epoch (a clock is off), 2 not in that room, 3 no place           |
| 70   | Unsupported | none: the type of the request is unknown here                                     |

A room is `[epoch u32, tid bin 32, level u8, shard u32]` (rooms.py); a ticket is laid out in tickets.py; records and
nearer seeds are seed records, `bin` of at most 1 024 bytes each, carried unread until seeds know each other.

Requests have at most 4 KiB, answers 16. Further elements are ignored; the type and the request id are read before the
rest, so an unknown request can be answered. Anything malformed is RemoteProtocolError: the stream is reset.
"""

from enum import IntEnum
from typing import Annotated, Final

import msgspec
from msgspec import Meta, Struct

from passerby.crypto.errors import LocalProtocolError, RemoteProtocolError
from passerby.discovery.limits import (
    ANSWER_BYTES,
    BUSY_SEEDS,
    LEVELS,
    LONGEST_INTERVAL,
    NEARER_PER_ANSWER,
    RECORD_BYTES,
    RECORDS_PER_ANSWER,
    REQUEST_BYTES,
    TICKET_BYTES,
    TICKETS_PER_ANSWER,
)
from passerby.discovery.rooms import RoomId

PROTOCOL: Final = "/passerby/lobby/1.0.0"
HEADER_BYTES: Final = 2

_RequestId = Annotated[int, Meta(ge=0, le=0xFFFF)]
_Level = Annotated[int, Meta(ge=0, le=LEVELS)]
_Ticket = Annotated[bytes, Meta(max_length=TICKET_BYTES)]
_Record = Annotated[bytes, Meta(max_length=RECORD_BYTES)]


class Reason(IntEnum):
    """Why a seed refuses; each leaves the stream as it was, and one that we do not know means no more than that."""

    EPOCH = 1
    NOT_ENTERED = 2
    NO_PLACE = 3


class Enter(Struct, frozen=True, array_like=True, tag=1):
    """Be in a room, with a ticket if there is one yet; again: with this ticket instead."""

    request: _RequestId
    room: RoomId
    ticket: _Ticket | None


class Sample(Struct, frozen=True, array_like=True, tag=2):
    """Ask who else is in a room that we entered; `interval` is how soon, in seconds, we mean to be heard of again."""

    request: _RequestId
    room: RoomId
    maximum: Annotated[int, Meta(ge=0, le=TICKETS_PER_ANSWER)]
    interval: Annotated[int, Meta(ge=1, le=LONGEST_INTERVAL)]


class Leave(Struct, frozen=True, array_like=True, tag=3):
    """Leave a room, or all."""

    request: _RequestId
    room: RoomId | None


class Room(Struct, frozen=True, array_like=True, tag=65):
    """What the seed knows of a room: how many *others* wait, and some of their tickets."""

    request: _RequestId
    waiting: Annotated[int, Meta(ge=0, le=0xFFFFFFFF)]
    level: _Level | None = None
    tickets: Annotated[tuple[_Ticket, ...], Meta(max_length=TICKETS_PER_ANSWER)] = ()
    records: Annotated[tuple[_Record, ...], Meta(max_length=RECORDS_PER_ANSWER)] = ()
    nearer: Annotated[tuple[_Record, ...], Meta(max_length=NEARER_PER_ANSWER)] = ()


class Unchanged(Struct, frozen=True, array_like=True, tag=66):
    """What the seed last said of this room still holds."""

    request: _RequestId


class Left(Struct, frozen=True, array_like=True, tag=67):
    """The ticket is withdrawn."""

    request: _RequestId


class Busy(Struct, frozen=True, array_like=True, tag=68):
    """The seed takes nobody more for now."""

    request: _RequestId
    seeds: Annotated[tuple[_Record, ...], Meta(max_length=BUSY_SEEDS)] = ()


class Refused(Struct, frozen=True, array_like=True, tag=69):
    """The seed did not do what was asked."""

    request: _RequestId
    reason: Annotated[int, Meta(ge=0, le=255)]


class Unsupported(Struct, frozen=True, array_like=True, tag=70):
    """The seed does not know requests of that type."""

    request: _RequestId


class Unknown(Struct, frozen=True, array_like=True):
    """A request of a type that we do not know: to be answered Unsupported. Also the head of every message."""

    type: Annotated[int, Meta(ge=0, le=255)]
    request: _RequestId


Request = Enter | Sample | Leave
Answer = Room | Unchanged | Left | Busy | Refused | Unsupported

_head = msgspec.msgpack.Decoder(Unknown)
_requests: Final[dict[int, msgspec.msgpack.Decoder[Request]]] = {
    1: msgspec.msgpack.Decoder(Enter),
    2: msgspec.msgpack.Decoder(Sample),
    3: msgspec.msgpack.Decoder(Leave),
}
_answers: Final[msgspec.msgpack.Decoder[Answer]] = msgspec.msgpack.Decoder(Answer)


def encode(message: Request | Answer) -> bytes:
    """Return the whole frame; LocalProtocolError if it is longer than its receiver accepts."""
    body = msgspec.msgpack.encode(message)
    if len(body) > (REQUEST_BYTES if isinstance(message, Request) else ANSWER_BYTES):
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


def decode_request(body: bytes) -> Request | Unknown:
    """Read a request's body; RemoteProtocolError if it is malformed."""
    try:
        head = _head.decode(body)
        decoder = _requests.get(head.type)
        return head if decoder is None else decoder.decode(body)
    except (ValueError, RecursionError) as error:  # arrays nested by the thousand end in the latter
        raise RemoteProtocolError("malformed request") from error


def decode_answer(body: bytes) -> Answer:
    """Read an answer's body; RemoteProtocolError if it is malformed, or of a type that answers no request of ours."""
    try:
        return _answers.decode(body)
    except (ValueError, RecursionError) as error:
        raise RemoteProtocolError("malformed answer") from error
