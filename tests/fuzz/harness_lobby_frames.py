"""Frames of the lobby protocol, as a seed reads requests and a client reads answers (discovery/wire.py).

Input: one byte, even for a request, odd for an answer; then the frame.
"""

import contextlib
from typing import Final

from fuzz.framing import execute_frame, frame_seeds

from passerby.crypto.errors import RemoteProtocolError
from passerby.crypto.keys import SigningKey, peer_id_of
from passerby.discovery.frames import HEADER_BYTES
from passerby.discovery.rooms import room_of
from passerby.discovery.tickets import Ticket, read_ticket, sign_ticket
from passerby.discovery.wire import (
    Answer,
    Busy,
    Enter,
    Leave,
    Left,
    Reason,
    Refused,
    Request,
    Room,
    Sample,
    Unchanged,
    Unknown,
    Unsupported,
    decode_answer,
    decode_request,
    encode,
)

MAX_BYTES: Final = 17_000
_KEY: Final = SigningKey(bytes(range(32)))
_ROOM: Final = room_of("main", 3_000_000, b"tag:chess", 3, 5)


def seeds() -> list[bytes]:
    ticket = sign_ticket(_KEY, Ticket(peer_id_of(_KEY.public), _ROOM, relay=peer_id_of(_KEY.public)))
    requests: tuple[Request, ...] = (
        Enter(1, _ROOM, ticket),
        Enter(2, _ROOM, None),
        Enter(2, _ROOM, ticket, bytes(range(16))),
        Sample(3, _ROOM, 2, 5),
        Leave(4, _ROOM),
        Leave(0xFFFF, None),
    )
    answers: tuple[Answer, ...] = (
        Room(1, 7, 3, (ticket,) * 8, (b"record",) * 8, (b"record",) * 4),
        Room(2, 0),
        Unchanged(3),
        Left(4),
        Busy(5, (b"record",), 20),
        Refused(6, Reason.EPOCH),
        Refused(6, Reason.STAMP, 6),
        Unsupported(7),
    )
    return frame_seeds(encode, requests, answers)


def execute(data: bytes) -> None:
    with contextlib.suppress(RemoteProtocolError):
        execute_frame(data, _request, _answer)


def _request(body: bytes) -> None:
    message = decode_request(body)
    if not isinstance(message, Unknown):
        assert decode_request(encode(message)[HEADER_BYTES:]) == message
        if isinstance(message, Enter) and message.ticket is not None:
            read_ticket(message.ticket)


def _answer(body: bytes) -> None:
    message = decode_answer(body)
    assert decode_answer(encode(message)[HEADER_BYTES:]) == message
    if isinstance(message, Room):
        for ticket in message.tickets:
            read_ticket(ticket)
