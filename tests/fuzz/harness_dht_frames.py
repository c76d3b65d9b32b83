"""Frames of the DHT's protocol, as a seed reads requests and anybody reads answers (discovery/dhtwire.py).

Input: one byte, even for a request, odd for an answer; then the frame.
"""

import contextlib
from typing import Final

from fuzz.framing import execute_frame, frame_seeds

from passerby.crypto.errors import RemoteProtocolError
from passerby.crypto.keys import SigningKey
from passerby.discovery.addresses import parse
from passerby.discovery.dhtwire import (
    Answer,
    Dialback,
    Dialled,
    Find,
    Nodes,
    Ping,
    Pong,
    Request,
    Result,
    Unknown,
    Unsupported,
    decode_answer,
    decode_request,
    encode,
    pack_observed,
)
from passerby.discovery.frames import HEADER_BYTES
from passerby.discovery.hints import Hint, Hints
from passerby.discovery.seedrecord import SeedRecord, read_record, sign_record

MAX_BYTES: Final = 17_000
_KEY: Final = SigningKey(bytes(range(32)))
_NONCE: Final = bytes(range(8))


def seeds() -> list[bytes]:
    record = sign_record(_KEY, SeedRecord(_KEY.public, (parse("/ip4/127.0.0.1/tcp/7171"),), 1_800_000_000))
    requests: tuple[Request, ...] = (
        Find(1, bytes(32)),
        Find(2, bytes(32), record),
        Ping(3, _NONCE),
        Dialback(0xFFFF, _NONCE, 7_171),
    )
    answers: tuple[Answer, ...] = (
        Nodes(1, (record,) * 16, Hint(20, 60)),
        Nodes(2),
        Pong(3, _NONCE, 1_800_000_000, pack_observed("192.0.2.7", 40_001), Hint(0), 100),
        Pong(4, _NONCE, 0, pack_observed("2001:db8::7", 40_001)),
        Dialled(5, Result.TIMEOUT),
        Unsupported(6),
    )
    return frame_seeds(encode, requests, answers)


def execute(data: bytes) -> None:
    with contextlib.suppress(RemoteProtocolError):
        execute_frame(data, _request, _answer)


def _request(body: bytes) -> None:
    message = decode_request(body)
    if not isinstance(message, Unknown):
        assert decode_request(encode(message)[HEADER_BYTES:]) == message
        if isinstance(message, Find) and message.record is not None:
            read_record(message.record)


def _answer(body: bytes) -> None:
    message = decode_answer(body)
    again = decode_answer(encode(message)[HEADER_BYTES:])
    if isinstance(message, Nodes):
        assert isinstance(again, Nodes)
        assert again.hint == message.hint
        assert again.records == message.records[: len(again.records)]  # by a few bytes fewer may fit
        _take(message.hint)
        for record in message.records:
            read_record(record)
        return
    assert again == message
    if isinstance(message, Pong):
        _take(message.hint)


def _take(hint: Hint | None) -> None:
    if hint is not None:
        hints = Hints()
        hints.hear("somebody", hint, 100.0)
        assert (hints.median(100.0) == hint) == (hint.age <= 60)
