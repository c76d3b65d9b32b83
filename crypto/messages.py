"""The four messages of the PBY1 handshake as bytes (protocol.md 5): layouts and lengths, no keys.

    M1  I->R  head || commit[32] [|| stamp[16]]
              head = "PBY1" || nver u8 || versions || features u32 || room[32]
    M2  R->I  chosen u8 || nver u8 || versions || features u32 || n_R[32] || epk_R[32]
              or a refusal: code u8 || arg u8
    M3  I->R  epk_I[32] || n_I[32] || hdr_I[24] || mac_I[32]
    M4  R->I  hdr_R[24] || mac_R[32]

On the stream each body stands behind a 16-bit length. Whatever does not parse raises RemoteProtocolError; its text is
for us, the machines of handshake.py show the peer's caller one text for all.
"""

from dataclasses import dataclass
from enum import Enum, IntEnum
from itertools import pairwise
from types import MappingProxyType
from typing import Final, Self

from passerby.crypto.errors import LocalProtocolError, RemoteProtocolError
from passerby.crypto.keys import HASH_BYTES, KEY_BYTES
from passerby.crypto.records import HEADER_BYTES
from passerby.crypto.stamp import STAMP_BYTES

FAILURE: Final = "the handshake failed"  # one face for every cause

MAGIC: Final = b"PBY1"
ROOM_BYTES: Final = 32
NONCE_BYTES: Final = 32
MAX_VERSIONS: Final = 8
_FEATURES_BYTES: Final = 4
_VERSION_COUNTS: Final = range(1, MAX_VERSIONS + 1)

_M1_FIXED: Final = len(MAGIC) + 1 + _FEATURES_BYTES + ROOM_BYTES + HASH_BYTES  # 73
_M2_FIXED: Final = 2 + _FEATURES_BYTES + NONCE_BYTES + KEY_BYTES  # 70
_REFUSAL_BYTES: Final = 2
_M3_BYTES: Final = KEY_BYTES + NONCE_BYTES + HEADER_BYTES + HASH_BYTES  # 120
_M4_BYTES: Final = HEADER_BYTES + HASH_BYTES  # 56


class Message(Enum):
    """Which of the four messages a reader waits for."""

    FIRST = "M1"
    REPLY = "M2"
    PROOF = "M3"
    CONFIRMATION = "M4"


LEGAL_LENGTHS: Final = MappingProxyType(
    {
        Message.FIRST: frozenset(_M1_FIXED + n + stamp for n in _VERSION_COUNTS for stamp in (0, STAMP_BYTES)),
        Message.REPLY: frozenset({_REFUSAL_BYTES, *(_M2_FIXED + n for n in _VERSION_COUNTS)}),
        Message.PROOF: frozenset({_M3_BYTES}),
        Message.CONFIRMATION: frozenset({_M4_BYTES}),
    }
)
"""Per message the body lengths, in bytes, that can be right."""


def check_length(message: Message, length: int) -> None:
    """Raise RemoteProtocolError unless a body of this length can be right: to be asked before a byte of it is read."""
    if length not in LEGAL_LENGTHS[message]:
        raise RemoteProtocolError(FAILURE) from ValueError(f"{message.value} of {length} bytes")


def frame(body: bytes) -> bytes:
    """Return what goes on the stream: ``u16 n || body``. LocalProtocolError if no message has that length."""
    if not any(len(body) in lengths for lengths in LEGAL_LENGTHS.values()):
        raise LocalProtocolError(f"no handshake message has {len(body)} bytes")
    return len(body).to_bytes(2, "big") + body


class RefusalCode(IntEnum):
    """Why a responder will not go on; a refusal is no failure."""

    BUSY = 1
    STAMP = 2
    VERSION = 3


@dataclass(frozen=True, slots=True)
class Refusal:
    """The other answer to M1. ``argument`` is the difficulty in bits of the stamp asked for, else 0."""

    code: RefusalCode
    argument: int = 0

    def __post_init__(self) -> None:
        if not 0 <= self.argument <= 0xFF or (self.argument and self.code is not RefusalCode.STAMP):
            raise LocalProtocolError(f"{self.code.name} with argument {self.argument}")

    def encode(self) -> bytes:
        """Return the two bytes of the body."""
        return bytes((self.code, self.argument))

    @classmethod
    def parse(cls, body: bytes) -> Self:
        """Read a body of two bytes; RemoteProtocolError for an unknown code or an argument that it does not take."""
        code, argument = body
        try:
            return cls(RefusalCode(code), argument)
        except (ValueError, LocalProtocolError) as error:
            raise RemoteProtocolError(f"refusal {code} with argument {argument}") from error


def refusal(code: RefusalCode, argument: int = 0) -> bytes:
    """Return the body with which a responder answers M1 when it will not go on.

    LocalProtocolError for an argument outside 0..255, or one of a code that takes none.
    """
    return Refusal(code, argument).encode()


def encode_head(versions: tuple[int, ...], features: int, room: bytes) -> bytes:
    """Return the front of M1, which the commitment covers."""
    return MAGIC + _encode_versions(versions) + features.to_bytes(_FEATURES_BYTES, "big") + room


@dataclass(frozen=True, slots=True, kw_only=True)
class FirstMessage:
    """M1: where the initiator wants to meet, and its promise not to change its mind about its key."""

    room: bytes
    versions: tuple[int, ...]
    features: int
    commitment: bytes
    stamp: bytes | None

    @property
    def head(self) -> bytes:
        """Everything before the commitment, as it travelled."""
        return encode_head(self.versions, self.features, self.room)

    @classmethod
    def parse(cls, body: bytes) -> Self:
        """Read a body; RemoteProtocolError unless length, magic and version list are right."""
        reader = _Reader(body)
        if reader.take(len(MAGIC)) != MAGIC:
            raise RemoteProtocolError("not PBY1")
        message = cls(
            versions=reader.take_versions(),
            features=reader.take_integer(_FEATURES_BYTES),
            room=reader.take(ROOM_BYTES),
            commitment=reader.take(HASH_BYTES),
            stamp=reader.take(STAMP_BYTES) if reader.left == STAMP_BYTES else None,
        )
        reader.finish()
        return message


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """M2: the responder's key, drawn before it knows the initiator's."""

    version: int
    versions: tuple[int, ...]
    features: int
    nonce: bytes
    public: bytes

    def encode(self) -> bytes:
        """Return the body."""
        features = self.features.to_bytes(_FEATURES_BYTES, "big")
        return bytes((self.version,)) + _encode_versions(self.versions) + features + self.nonce + self.public

    @classmethod
    def parse(cls, body: bytes) -> Self:
        """Read a body that is no refusal; RemoteProtocolError unless length and version list are right."""
        reader = _Reader(body)
        message = cls(
            version=reader.take_integer(1),
            versions=reader.take_versions(),
            features=reader.take_integer(_FEATURES_BYTES),
            nonce=reader.take(NONCE_BYTES),
            public=reader.take(KEY_BYTES),
        )
        reader.finish()
        return message


@dataclass(frozen=True, slots=True, kw_only=True)
class Proof:
    """M3: what the commitment hid, and that the initiator has the keys."""

    public: bytes
    nonce: bytes
    header: bytes
    mac: bytes

    def encode(self) -> bytes:
        """Return the body."""
        return self.public + self.nonce + self.header + self.mac

    @classmethod
    def parse(cls, body: bytes) -> Self:
        """Read a body; RemoteProtocolError if its length is wrong."""
        reader = _Reader(body)
        message = cls(
            public=reader.take(KEY_BYTES),
            nonce=reader.take(NONCE_BYTES),
            header=reader.take(HEADER_BYTES),
            mac=reader.take(HASH_BYTES),
        )
        reader.finish()
        return message


@dataclass(frozen=True, slots=True, kw_only=True)
class Confirmation:
    """M4: that the responder has the keys too."""

    header: bytes
    mac: bytes

    def encode(self) -> bytes:
        """Return the body."""
        return self.header + self.mac

    @classmethod
    def parse(cls, body: bytes) -> Self:
        """Read a body; RemoteProtocolError if its length is wrong."""
        reader = _Reader(body)
        message = cls(header=reader.take(HEADER_BYTES), mac=reader.take(HASH_BYTES))
        reader.finish()
        return message


def parse_reply(body: bytes) -> Reply | Refusal:
    """Read what answers M1; RemoteProtocolError if it is neither a reply nor a refusal."""
    return Refusal.parse(body) if len(body) == _REFUSAL_BYTES else Reply.parse(body)


def versions_are_legal(versions: tuple[int, ...]) -> bool:
    """Tell whether these are 1 to 8 versions of 1..255 in strictly ascending order."""
    ascending = all(low < high for low, high in pairwise((0, *versions, 0x100)))
    return len(versions) in _VERSION_COUNTS and ascending


def highest_common(ours: tuple[int, ...], theirs: tuple[int, ...]) -> int | None:
    """Return the version that both lists hold and that is the highest such, or None."""
    return max(set(ours) & set(theirs), default=None)


def _encode_versions(versions: tuple[int, ...]) -> bytes:
    return bytes((len(versions), *versions))


class _Reader:
    """Takes a body apart from the front. What is taken past its end comes out short, which ``finish`` notices."""

    def __init__(self, body: bytes) -> None:
        self._body = body
        self._position = 0

    @property
    def left(self) -> int:
        return len(self._body) - self._position

    def take(self, size: int) -> bytes:
        self._position += size
        return self._body[self._position - size : self._position]

    def take_integer(self, size: int) -> int:
        return int.from_bytes(self.take(size), "big")

    def take_versions(self) -> tuple[int, ...]:
        versions = tuple(self.take(self.take_integer(1)))
        if not versions_are_legal(versions):
            raise RemoteProtocolError(f"versions {versions}")
        return versions

    def finish(self) -> None:
        if self.left:
            raise RemoteProtocolError(f"{self._position} bytes expected, {len(self._body)} came")
