"""Messages of `/passerby/lobby/1.0.0` (protocol.md 3.2); their frames are those of frames.py.

| type | request | further elements                                                                      |
|------|---------|---------------------------------------------------------------------------------------|
| 1    | Enter   | room, ticket (bin 65-256) or nil, stamp (bin 16) or nil                              |
| 2    | Sample  | room, max u8 <= 8, the asker's interval in seconds u8 1..50                           |
| 3    | Leave   | room, or nil for all                                                                  |

| type | answer      | further elements                                                                  |
|------|-------------|-----------------------------------------------------------------------------------|
| 65   | Room        | waiting u32, level u8 or nil, <= 8 tickets, <= 8 records, <= 4 nearer seeds       |
| 66   | Unchanged   | none: what Room last said of this room holds                                      |
| 67   | Left        | none                                                                              |
| 68   | Busy        | <= 4 other near seeds, level u8 or nil                                            |
| 69   | Refused     | reason u8: 1 the epoch (a clock is off), 2 not in that room, 3 no place, 4 stamp; |
|      |             | argument u8: for 4 the difficulty, else 0                                         |
| 70   | Unsupported | none: the type of the request is unknown here                                     |

A room is `[epoch u32, tid bin 32, level u8, shard u32]` (rooms.py); a ticket is laid out in tickets.py; records, near
and nearer seeds are seed records (seedrecord.py), `bin` of at most 1 024 bytes each, carried unread.
"""

from enum import IntEnum
from typing import Annotated, Final

import msgspec
from msgspec import Meta, Struct

from passerby.crypto.keys import SIGNATURE_BYTES
from passerby.crypto.stamp import STAMP_BYTES
from passerby.discovery.frames import (
    Byte,
    Record,
    RequestId,
    Unknown,
    Unsupported,
    answer_frame,
    read_answer,
    read_request,
    request_frame,
)
from passerby.discovery.limits import (
    BUSY_SEEDS,
    LEVELS,
    LONGEST_INTERVAL,
    NEARER_PER_ANSWER,
    RECORDS_PER_ANSWER,
    TICKET_BYTES,
    TICKETS_PER_ANSWER,
)
from passerby.discovery.rooms import RoomId

__all__ = (
    "PROTOCOL",
    "Answer",
    "Busy",
    "Enter",
    "Leave",
    "Left",
    "Reason",
    "Refused",
    "Request",
    "Room",
    "Sample",
    "Unchanged",
    "Unknown",
    "Unsupported",
    "decode_answer",
    "decode_request",
    "encode",
)

PROTOCOL: Final = "/passerby/lobby/1.0.0"

_Level = Annotated[int, Meta(ge=0, le=LEVELS)]
_Ticket = Annotated[bytes, Meta(min_length=SIGNATURE_BYTES + 1, max_length=TICKET_BYTES)]
_Stamp = Annotated[bytes, Meta(min_length=STAMP_BYTES, max_length=STAMP_BYTES)]


class Reason(IntEnum):
    """Why a seed refuses; each leaves the stream as it was, and one that we do not know means no more than that."""

    EPOCH = 1
    NOT_ENTERED = 2
    NO_PLACE = 3
    STAMP = 4


class Enter(Struct, frozen=True, array_like=True, tag=1):
    """Be in a room, with a ticket if there is one yet; again: with this ticket instead.

    `stamp` is the proof of work that a seed under load asked for (protocol.md 7).
    """

    request: RequestId
    room: RoomId
    ticket: _Ticket | None
    stamp: _Stamp | None = None


class Sample(Struct, frozen=True, array_like=True, tag=2):
    """Ask who else is in a room that we entered; `interval` is how soon, in seconds, we mean to be heard of again."""

    request: RequestId
    room: RoomId
    maximum: Annotated[int, Meta(ge=0, le=TICKETS_PER_ANSWER)]
    interval: Annotated[int, Meta(ge=1, le=LONGEST_INTERVAL)]


class Leave(Struct, frozen=True, array_like=True, tag=3):
    """Leave a room, or all."""

    request: RequestId
    room: RoomId | None


class Room(Struct, frozen=True, array_like=True, tag=65):
    """What the seed knows of a room: how many *others* wait, and some of their tickets."""

    request: RequestId
    waiting: Annotated[int, Meta(ge=0, le=0xFFFFFFFF)]
    level: _Level | None = None
    tickets: Annotated[tuple[_Ticket, ...], Meta(max_length=TICKETS_PER_ANSWER)] = ()
    records: Annotated[tuple[Record, ...], Meta(max_length=RECORDS_PER_ANSWER)] = ()
    nearer: Annotated[tuple[Record, ...], Meta(max_length=NEARER_PER_ANSWER)] = ()


class Unchanged(Struct, frozen=True, array_like=True, tag=66):
    """What the seed last said of this room still holds."""

    request: RequestId


class Left(Struct, frozen=True, array_like=True, tag=67):
    """The ticket is withdrawn."""

    request: RequestId


class Busy(Struct, frozen=True, array_like=True, tag=68):
    """The seed takes nobody more for now; `seeds` may, and `level` is the one that Room would have told."""

    request: RequestId
    seeds: Annotated[tuple[Record, ...], Meta(max_length=BUSY_SEEDS)] = ()
    level: _Level | None = None


class Refused(Struct, frozen=True, array_like=True, tag=69):
    """The seed did not do what was asked; `argument` is the difficulty where the reason is STAMP."""

    request: RequestId
    reason: Byte
    argument: Byte = 0


Request = Enter | Sample | Leave
Answer = Room | Unchanged | Left | Busy | Refused | Unsupported

_requests: Final[dict[int, msgspec.msgpack.Decoder[Request]]] = {
    1: msgspec.msgpack.Decoder(Enter),
    2: msgspec.msgpack.Decoder(Sample),
    3: msgspec.msgpack.Decoder(Leave),
}
_answers: Final[msgspec.msgpack.Decoder[Answer]] = msgspec.msgpack.Decoder(Answer)


def encode(message: Request | Answer) -> bytes:
    """Return the whole frame; LocalProtocolError if it is longer than its receiver accepts."""
    return request_frame(message) if isinstance(message, Request) else answer_frame(message)


def decode_request(body: bytes) -> Request | Unknown:
    """Read a request's body; RemoteProtocolError if it is malformed."""
    return read_request(body, _requests)


def decode_answer(body: bytes) -> Answer:
    """Read an answer's body; RemoteProtocolError if it is malformed, or of a type that answers no request of ours."""
    return read_answer(body, _answers)
