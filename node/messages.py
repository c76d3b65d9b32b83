"""The messages inside a chat's records: ``type u8 || body`` of exact length (protocol.md 5, Records).

One value has one encoding: what `encode` returns, `decode` gives back, and bytes that `encode` would not produce are
refused, with two doors left open for later versions: unknown types from 0x80 on, and unknown flags of HELLO. Close
reasons are no such door: a goodbye that nobody can explain to the person must first be agreed on as a feature.
"""

import struct
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import IntEnum
from types import MappingProxyType
from typing import Final

from passerby.crypto.errors import LocalProtocolError, RemoteProtocolError
from passerby.crypto.keys import PEER_ID_BYTES
from passerby.crypto.records import BUCKETS, OVERHEAD
from passerby.node.limits import TEXT_BYTES, TEXT_CODE_POINTS

NONCE_BYTES: Final = 8
LANG_BYTES: Final = 8
INTERESTS: Final = 8
INTEREST_BYTES: Final = 48
FIRST_IGNORED: Final = 0x80

_TEXT, _TYPING, _CLOSE, _PING, _PONG, _ACK, _HELLO = range(1, 8)
_BOT: Final = 1
_LENGTH_PREFIX: Final = 2


class CloseReason(IntEnum):
    """Why the sender says goodbye."""

    LEFT = 0
    FLOOD = 1
    LIMIT = 2
    SAFETY = 3


@dataclass(frozen=True, slots=True)
class Text:
    """One message of the person: at most 4 000 bytes of UTF-8 and 2 000 code points; ids count from 1."""

    id: int
    text: str


@dataclass(frozen=True, slots=True)
class Typing:
    """The person began (`on`) or ceased to type."""

    on: bool


@dataclass(frozen=True, slots=True)
class Close:
    """Goodbye: the only message of a FINAL record, and always in one."""

    reason: CloseReason


@dataclass(frozen=True, slots=True)
class Ping:
    """Asks for a PONG with the same 8 bytes."""

    nonce: bytes


@dataclass(frozen=True, slots=True)
class Pong:
    """Answers a PING."""

    nonce: bytes


@dataclass(frozen=True, slots=True)
class Ack:
    """Every TEXT up to `id` was decrypted and shown."""

    id: int


@dataclass(frozen=True, slots=True)
class Hello:
    """The first message, sent once: `lang` is an ASCII language tag or empty, `relay` a 38-byte peer id."""

    bot: bool = False
    lang: str = ""
    relay: bytes | None = None
    interests: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Ignored:
    """A type (0x80 to 0xff) of a later version; its body was dropped."""

    type: int


Message = Text | Typing | Close | Ping | Pong | Ack | Hello | Ignored


def encode(message: Message) -> bytes:
    """Return the inner bytes; LocalProtocolError if `decode` would not give the same message back."""
    try:
        inner = _encode(message)
        same = decode(inner) == message
    except (ValueError, OverflowError, struct.error, RemoteProtocolError) as error:
        raise LocalProtocolError("a message that may not be sent") from error
    if not same:
        raise LocalProtocolError("a message with a second meaning")
    return inner


def decode(inner: bytes) -> Message:
    """Return the message of a record's inner bytes; RemoteProtocolError if they are not exactly one message."""
    body = _Body(inner)
    kind = body.u8()
    if kind >= FIRST_IGNORED:
        return Ignored(kind)
    parse = _PARSERS.get(kind)
    if parse is None:
        raise RemoteProtocolError(f"unknown message type {kind}")
    message = parse(body)
    body.end()
    return message


def record_bytes(inner: bytes) -> int:
    """Return the size on the wire of the record that will carry these inner bytes (any message but HELLO)."""
    return _LENGTH_PREFIX + OVERHEAD + next(bucket for bucket in BUCKETS if len(inner) < bucket)


def _encode(message: Message) -> bytes:
    match message:
        case Text(number, text):
            return struct.pack("!BI", _TEXT, number) + text.encode()
        case Typing(on):
            return bytes((_TYPING, on))
        case Close(reason):
            return bytes((_CLOSE, reason))
        case Ping(nonce):
            return bytes((_PING,)) + nonce
        case Pong(nonce):
            return bytes((_PONG,)) + nonce
        case Ack(number):
            return struct.pack("!BI", _ACK, number)
        case Hello():
            return _encode_hello(message)
        case _:
            return bytes((message.type,))


def _encode_hello(hello: Hello) -> bytes:
    strings = (hello.lang.encode(), hello.relay or b"")
    interests = [interest.encode() for interest in hello.interests]
    return b"".join(
        (
            bytes((_HELLO, _BOT if hello.bot else 0)),
            *(bytes((len(string),)) + string for string in strings),
            bytes((len(interests),)),
            *(bytes((len(interest),)) + interest for interest in interests),
        )
    )


class _Body:
    """A reader that never reads past the end and knows whether it stands there."""

    __slots__ = ("_at", "_inner")

    def __init__(self, inner: bytes) -> None:
        self._inner = inner
        self._at = 0

    def take(self, count: int) -> bytes:
        taken = self._inner[self._at : self._at + count]
        if len(taken) != count:
            raise RemoteProtocolError("a message is cut short")
        self._at += count
        return taken

    def rest(self) -> bytes:
        return self.take(len(self._inner) - self._at)

    def u8(self) -> int:
        return self.take(1)[0]

    def number(self) -> int:
        number = int.from_bytes(self.take(4), "big")
        if not number:
            raise RemoteProtocolError("ids count from 1")
        return number

    def flag(self) -> bool:
        flag = self.u8()
        if flag > 1:
            raise RemoteProtocolError(f"{flag} is neither 0 nor 1")
        return bool(flag)

    def end(self) -> None:
        if self._at != len(self._inner):
            raise RemoteProtocolError("bytes after the end of a message")


def _decode_text(body: _Body) -> Text:
    number = body.number()
    raw = body.rest()
    if len(raw) > TEXT_BYTES:
        raise RemoteProtocolError(f"a text of {len(raw)} bytes")
    text = _string(raw, "utf-8")
    if len(text) > TEXT_CODE_POINTS:
        raise RemoteProtocolError(f"a text of {len(text)} code points")
    return Text(number, text)


def _decode_close(body: _Body) -> Close:
    try:
        return Close(CloseReason(body.u8()))
    except ValueError as error:
        raise RemoteProtocolError("unknown close reason") from error


def _decode_hello(body: _Body) -> Hello:
    bot = bool(body.u8() & _BOT)
    lang = _string(body.take(_within(body.u8(), 0, LANG_BYTES)), "ascii")
    relay_bytes = body.u8()
    if relay_bytes not in (0, PEER_ID_BYTES):
        raise RemoteProtocolError(f"a relay's id of {relay_bytes} bytes")
    relay = body.take(relay_bytes) or None
    count = _within(body.u8(), 0, INTERESTS)
    interests = tuple(_string(body.take(_within(body.u8(), 1, INTEREST_BYTES)), "utf-8") for _ in range(count))
    return Hello(bot, lang, relay, interests)


def _within(length: int, least: int, most: int) -> int:
    if not least <= length <= most:
        raise RemoteProtocolError(f"a length of {length} where {least} to {most} are allowed")
    return length


def _string(raw: bytes, encoding: str) -> str:
    try:
        return raw.decode(encoding)
    except UnicodeDecodeError as error:
        raise RemoteProtocolError(f"not {encoding}") from error


_PARSERS: Final[Mapping[int, Callable[[_Body], Message]]] = MappingProxyType(
    {
        _TEXT: _decode_text,
        _TYPING: lambda body: Typing(body.flag()),
        _CLOSE: _decode_close,
        _PING: lambda body: Ping(body.take(NONCE_BYTES)),
        _PONG: lambda body: Pong(body.take(NONCE_BYTES)),
        _ACK: lambda body: Ack(body.number()),
        _HELLO: _decode_hello,
    }
)
