"""Records and inner messages of the second PBY1 peer, from docs/protocol.md 5.10-5.12 and from nothing else.

ChaCha20 and Poly1305 are OpenSSL's; the secretstream is put together here, and no part of it is libsodium's.
"""

import hmac
import struct
from collections.abc import Container
from typing import Final, NamedTuple

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms
from cryptography.hazmat.primitives.poly1305 import Poly1305

TEXT, TYPING, CLOSE, PING, PONG, ACK, HELLO = range(1, 8)
REKEY, FINAL = 2, 3
BUCKETS: Final = (256, 1024, 4096)


class FailureError(Exception):
    """The other end broke a rule of 5.2-5.13: the stream is to be reset (5.9)."""


def demand(kept: bool, rule: str) -> None:
    """Fail unless `rule` was kept."""
    if not kept:
        raise FailureError(rule)


def chacha(key: bytes, nonce: bytes, block: int, x: bytes) -> bytes:
    return Cipher(algorithms.ChaCha20(key, block.to_bytes(4, "little") + nonce), None).encryptor().update(x)


def hchacha20(key: bytes, x: bytes) -> bytes:
    """From one finished block with x in place of counter and nonce, as 5.10 says."""
    block = struct.unpack("<16I", chacha(key, x[4:], int.from_bytes(x[:4], "little"), bytes(64)))
    added = struct.unpack("<8I", b"expand 32-byte k" + x)
    return struct.pack("<8I", *((b - a) % 2**32 for a, b in zip(added, block[:4] + block[12:], strict=True)))


class SecretStream:
    """One direction's state: k, c, i (5.10)."""

    def __init__(self, key: bytes, header: bytes) -> None:
        self.k = hchacha20(key, header[:16])
        self.c = 1
        self.i: bytes = header[16:]

    def nonce(self) -> bytes:
        return self.c.to_bytes(4, "little") + self.i

    def tag(self, a: bytes, b: bytes, x: bytes) -> bytes:
        padded = a + bytes(-len(a) % 16) + b + x + bytes(len(x) % 16)
        lengths = struct.pack("<QQ", len(a), 64 + len(x))
        return Poly1305.generate_tag(chacha(self.k, self.nonce(), 0, bytes(32)), padded + lengths)

    def push(self, m: bytes, a: bytes, t: int) -> bytes:
        b = chacha(self.k, self.nonce(), 1, bytes([t]) + bytes(63))
        x = chacha(self.k, self.nonce(), 2, m)
        sealed = self.tag(a, b, x)
        self.advance(sealed, t)
        return b[:1] + x + sealed

    def pull(self, out: bytes, a: bytes) -> tuple[bytes, int]:
        b = chacha(self.k, self.nonce(), 1, out[:1] + bytes(63))
        t, x, sealed = b[0], out[1:-16], out[-16:]
        demand(hmac.compare_digest(sealed, self.tag(a, out[:1] + b[1:], x)), "a record does not pull")
        m = chacha(self.k, self.nonce(), 2, x)
        self.advance(sealed, t)
        return m, t

    def advance(self, sealed: bytes, t: int) -> None:
        self.i = bytes(p ^ q for p, q in zip(self.i, sealed[:8], strict=True))
        self.c = (self.c + 1) % 2**32
        if t & REKEY or self.c == 0:
            fresh = chacha(self.k, self.nonce(), 0, self.k + self.i)
            self.k, self.i, self.c = fresh[:32], fresh[32:], 1


class Sealer:
    """The records that one end sends (5.11)."""

    def __init__(self, key: bytes, header: bytes) -> None:
        self.stream = SecretStream(key, header)
        self.ended = False

    def seal(self, inner: bytes, minimum_bucket: int = 256, final: bool = False) -> bytes:
        if self.ended or not inner:
            raise ValueError("nothing follows FINAL, and nothing is no message")
        self.ended = final
        bucket = next(b for b in BUCKETS if b > len(inner) and b >= minimum_bucket)
        length = (bucket + 17).to_bytes(2, "big")
        return length + self.stream.push((inner + b"\x80").ljust(bucket, b"\0"), length, FINAL if final else REKEY)


class Opened(NamedTuple):
    inner: bytes
    final: bool
    bucket: int


class Opener:
    """The records that one end receives; nothing is pulled after a failure or FINAL (5.11)."""

    def __init__(self, key: bytes, header: bytes) -> None:
        self.stream = SecretStream(key, header)
        self.ended = False

    def open(self, record: bytes) -> Opened:
        demand(not self.ended, "nothing is pulled any more")
        self.ended = True
        bucket = int.from_bytes(record[:2], "big") - 17
        demand(bucket in BUCKETS and len(record) == bucket + 19, "no such length")
        m, t = self.stream.pull(record[2:], record[:2])
        demand(t in {REKEY, FINAL}, "a tag that is never used")
        padded = m.rstrip(b"\0")
        demand(padded[-1:] == b"\x80" and len(padded) > 1, "padding")
        self.ended = t == FINAL
        return Opened(padded[:-1], t == FINAL, bucket)


def utf8(x: bytes) -> str:
    try:
        return x.decode("utf-8", "strict")
    except UnicodeDecodeError as error:
        raise FailureError("not UTF-8") from error


class Rules:
    """The order that 5.12 keeps in the messages of one direction; `sent` is how many TEXT went the other way."""

    def __init__(self) -> None:
        self.greeted, self.texts, self.sent = False, 0, 0

    def check(self, record: Opened) -> None:
        """Fail unless this is a message that may come next."""
        kind, body = record.inner[0], record.inner[1:]
        demand((kind == HELLO) != self.greeted, "HELLO comes first, and once")
        demand((kind == CLOSE) == record.final, "FINAL is on CLOSE and on nothing else")
        self.greeted = True
        if kind == HELLO:
            demand(record.bucket == 1024, "the bucket of HELLO")
            check_hello(body)
        elif kind == TEXT:
            self.check_text(body)
        elif kind == ACK:
            demand(len(body) == 4 and 0 < int.from_bytes(body, "big") <= self.sent, "ACK")
        else:
            demand(kind >= 0x80 or plain(kind, body), "no such message")

    def check_text(self, body: bytes) -> None:
        demand(4 <= len(body) <= 4 + 4000 and len(utf8(body[4:])) <= 2000, "length of TEXT")
        self.texts += 1
        demand(int.from_bytes(body[:4], "big") == self.texts, "id of TEXT")


def plain(kind: int, body: bytes) -> bool:
    """Whether this is a TYPING, CLOSE, PING or PONG as 5.12 has it."""
    if kind in {PING, PONG}:
        return len(body) == 8
    return len(body) == 1 and body[0] <= {TYPING: 1, CLOSE: 3}.get(kind, -1)


def check_hello(body: bytes) -> None:
    """Fail unless the fields of HELLO after its type fill `body` exactly."""
    rest = body[1:]
    lang, rest = sized(rest, range(9))
    demand(lang.isascii(), "lang")
    _, rest = sized(rest, (0, 38))
    demand(rest[:1] != b"" and rest[0] <= 8, "count")
    count, rest = rest[0], rest[1:]
    for _ in range(count):
        interest, rest = sized(rest, range(1, 49))
        utf8(interest)
    demand(rest == b"", "trailing bytes")


def sized(x: bytes, legal: Container[int]) -> tuple[bytes, bytes]:
    """Split off a field that one byte of length precedes."""
    demand(x != b"" and x[0] in legal and len(x) > x[0], "a field of HELLO")
    return x[1 : 1 + x[0]], x[1 + x[0] :]
