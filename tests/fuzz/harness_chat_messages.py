"""The inner bytes of records, as node/messages.py reads them: one message has one encoding, and its text is cleaned."""

from typing import Final

from fuzz.vectors import handshakes

from passerby.crypto.errors import RemoteProtocolError
from passerby.node.messages import (
    Ack,
    Close,
    CloseReason,
    Hello,
    Ignored,
    Message,
    Ping,
    Pong,
    Text,
    Typing,
    decode,
    encode,
)
from passerby.node.text import clean, label

MAX_BYTES: Final = 4_200
_HELLO: Final = 7
_KNOWN_FLAGS: Final = 1


def seeds() -> list[bytes]:
    messages: tuple[Message, ...] = (
        Text(1, "hello"),
        Text(0xFFFFFFFF, "שָׁלוֹם \x1b[2J 👩‍👩‍👧"),
        Text(7, "é" * 2_000),
        Typing(on=True),
        *map(Close, CloseReason),
        Ping(b"8 octets"),
        Pong(b"8 octets"),
        Ack(3),
        Hello(),
        Hello(bot=True, lang="pt-BR", relay=handshakes()[0].binding.responder, interests=("chess", "संगीत", "日本")),
    )
    return [encode(message) for message in messages] + [
        b"\x80\x01\x02",
        b"\x00",
        b"\x01\0\0\0\1\xff",
        b"\x07\xfe\0\0\0",
    ]


def execute(data: bytes) -> None:
    try:
        message = decode(data)
    except RemoteProtocolError:
        return
    match message:
        case Ignored():
            return
        case Hello():
            assert encode(message) == bytes((_HELLO, data[1] & _KNOWN_FLAGS)) + data[2:]
            for interest in message.interests:
                label(interest, 48)
        case Text(_, text):
            assert encode(message) == data
            clean(text)
        case _:
            assert encode(message) == data
