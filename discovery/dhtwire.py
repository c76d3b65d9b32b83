"""Messages of `/passerby/dht/1.0.0`, by which seeds know each other (protocol.md 3.9); frames are those of frames.py.

| type | request  | further elements                                                                     |
|------|----------|--------------------------------------------------------------------------------------|
| 1    | Find     | target (bin 32), the asker's own seed record or nil                                  |
| 2    | Ping     | nonce (bin 8)                                                                        |
| 3    | Dialback | nonce (bin 8), port u16 >= 1024                                                      |

| type | answer      | further elements                                                                  |
|------|-------------|-----------------------------------------------------------------------------------|
| 65   | Nodes       | <= 16 seed records, hint or nil                                                   |
| 66   | Pong        | nonce, time u32, observed (bin 6 or 18) or nil, hint or nil, load u8 0..100       |
| 67   | Dialled     | result u8: 1 ok, 2 refused, 3 timeout                                             |
| 70   | Unsupported | none: the type of the request is unknown here                                     |

A hint is `[level u8, age u16]` (hints.py); a seed record a `bin` of at most 1 024 bytes (seedrecord.py), carried
unread; `observed` the asker's socket address as the answerer sees it: 4 or 16 bytes and the port, big-endian.
"""

from enum import IntEnum
from ipaddress import IPv6Address, ip_address
from itertools import accumulate
from typing import Annotated, Final

import msgspec
from msgspec import Meta, Struct

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
from passerby.discovery.hints import Hint
from passerby.discovery.limits import ANSWER_BYTES, LOWEST_PORT, NODES_PER_ANSWER, PING_BYTES

__all__ = (
    "PROTOCOL",
    "Answer",
    "Dialback",
    "Dialled",
    "Find",
    "Nodes",
    "Ping",
    "Pong",
    "Request",
    "Result",
    "Unknown",
    "Unsupported",
    "decode_answer",
    "decode_request",
    "encode",
    "pack_observed",
)

PROTOCOL: Final = "/passerby/dht/1.0.0"
_PORT_BYTES: Final = 2
_OBSERVED: Final = (4 + _PORT_BYTES, 16 + _PORT_BYTES)
_NODES_HEAD: Final = 16  # more than all of Nodes but its records: array 1, type 1, id 3, records 3, hint 5
_RECORD_HEAD: Final = 3  # the longest that a `bin` of a record's size has

_Target = Annotated[bytes, Meta(min_length=32, max_length=32)]
_Nonce = Annotated[bytes, Meta(min_length=PING_BYTES, max_length=PING_BYTES)]


class Result(IntEnum):
    """How a dial back ended; one that we do not know says no more than that it was not OK."""

    OK = 1
    REFUSED = 2
    TIMEOUT = 3


class Find(Struct, frozen=True, array_like=True, tag=1):
    """Ask for the seeds nearest to `target`, a room key or a place.

    `record` is the asker's own if it is a seed, else None: so a newcomer becomes known, as one to be verified.
    """

    request: RequestId
    target: _Target
    record: Record | None = None


class Ping(Struct, frozen=True, array_like=True, tag=2):
    """Ask for a sign of life, the time, and how we look from there."""

    request: RequestId
    nonce: _Nonce


class Dialback(Struct, frozen=True, array_like=True, tag=3):
    """Ask to be dialled at our observed address and this port."""

    request: RequestId
    nonce: _Nonce
    port: Annotated[int, Meta(ge=LOWEST_PORT, le=0xFFFF)]


class Nodes(Struct, frozen=True, array_like=True, tag=65):
    """The nearest seeds that the answerer has verified, nearest first, and perhaps itself."""

    request: RequestId
    records: Annotated[tuple[Record, ...], Meta(max_length=NODES_PER_ANSWER)] = ()
    hint: Hint | None = None


class Pong(Struct, frozen=True, array_like=True, tag=66):
    """A sign of life: the nonce of the Ping, seconds since 1970, how we look from there, how busy it is (percent).

    ValueError if `observed` is neither an IPv4 nor an IPv6 address and port.
    """

    request: RequestId
    nonce: _Nonce
    time: Annotated[int, Meta(ge=0, le=0xFFFFFFFF)]
    observed: bytes | None = None
    hint: Hint | None = None
    load: Annotated[int, Meta(ge=0, le=100)] = 0

    def __post_init__(self) -> None:
        if self.observed is not None and len(self.observed) not in _OBSERVED:
            raise ValueError("an observed address has 6 or 18 bytes")


class Dialled(Struct, frozen=True, array_like=True, tag=67):
    """How the dial back ended: a Result."""

    request: RequestId
    result: Byte


Request = Find | Ping | Dialback
Answer = Nodes | Pong | Dialled | Unsupported

_requests: Final[dict[int, msgspec.msgpack.Decoder[Request]]] = {
    1: msgspec.msgpack.Decoder(Find),
    2: msgspec.msgpack.Decoder(Ping),
    3: msgspec.msgpack.Decoder(Dialback),
}
_answers: Final[msgspec.msgpack.Decoder[Answer]] = msgspec.msgpack.Decoder(Answer)


def encode(message: Request | Answer) -> bytes:
    """Return the whole frame; of Nodes as many records, from the first, as an answer has room for.

    LocalProtocolError if it is longer than its receiver accepts all the same.
    """
    match message:
        case Find() | Ping() | Dialback():
            return request_frame(message)
        case Nodes():
            return answer_frame(msgspec.structs.replace(message, records=_fitting(message.records)))
        case _:
            return answer_frame(message)


def _fitting(records: tuple[bytes, ...]) -> tuple[bytes, ...]:
    ends = accumulate(len(record) + _RECORD_HEAD for record in records)
    return records[: sum(end <= ANSWER_BYTES - _NODES_HEAD for end in ends)]


def decode_request(body: bytes) -> Request | Unknown:
    """Read a request's body; RemoteProtocolError if it is malformed."""
    return read_request(body, _requests)


def decode_answer(body: bytes) -> Answer:
    """Read an answer's body; RemoteProtocolError if it is malformed, or of a type that answers no request of ours."""
    return read_answer(body, _answers)


def pack_observed(host: str, port: int) -> bytes:
    """Return a socket address as Pong carries it, an IPv4 one mapped into IPv6 as IPv4; ValueError if it is none."""
    address = ip_address(host)
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    return (mapped or address).packed + port.to_bytes(_PORT_BYTES, "big")
