"""A second PBY1 peer, written from docs/protocol.md (its notation and section 5) and from nothing else.

It has no line and no library in common with the shipped one. Numbers in comments are sections of that page. Every wait
is an object of its own, which takes the one message that may come next and becomes the next wait, so a step cannot be
skipped, and what a step no longer needs goes with it (5.9).
"""

import hashlib
import hmac
import re
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Final, NamedTuple

from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey

from support.second_records import FailureError, Opener, Sealer, demand

PROTO: Final = b"/passerby/chat/1.0.0"
BUSY, STAMP, VERSION = 1, 2, 3
DOCUMENT: Final = Path(__file__).parents[2] / "docs" / "protocol.md"


def lp(x: bytes) -> bytes:
    return len(x).to_bytes(2, "big") + x


def digest(person: str, x: bytes) -> bytes:
    return hashlib.blake2b(x, digest_size=32, person=person.encode()).digest()


def mac(person: str, key: bytes, x: bytes) -> bytes:
    return hashlib.blake2b(x, digest_size=32, person=person.encode(), key=key).digest()


def public(esk: bytes) -> bytes:
    return X25519PrivateKey.from_private_bytes(esk).public_key().public_bytes_raw()


def exchange(esk: bytes, epk: bytes) -> bytes:
    """Shared secret with a valid public key of the other end (5.3)."""
    demand(epk != public(esk), "our own key came back")
    demand(epk[31] < 0x80, "bit 7 of byte 31 is set")
    try:
        return X25519PrivateKey.from_private_bytes(esk).exchange(X25519PublicKey.from_public_bytes(epk))
    except ValueError as error:  # how OpenSSL tells 32 zero bytes
        raise FailureError("the shared secret is zero") from error


def extract(shared: bytes, th3: bytes) -> bytes:
    return digest("pby1 extract", shared + th3)


def expand(prk: bytes, label: str) -> bytes:
    """K(label) of 5.8."""
    return mac("pby1 expand", prk, label.encode())


@cache
def table() -> tuple[tuple[str, str], ...]:
    """The words and their emoji, read out of 5.15 itself."""
    section = DOCUMENT.read_text(encoding="utf-8").split("### 5.15 ")[1].split("### 5.16 ")[0]
    found = sorted(
        (int(no), word, emoji) for no, word, emoji in re.findall(r"\| (\d+) \| ([a-z]+) \| (\S+) (?=\|)", section)
    )
    return tuple((word, emoji) for _, word, emoji in found)


def picks(sas: bytes) -> tuple[int, ...]:
    n = int.from_bytes(sas[:6], "big")
    return tuple((n >> (42 - 6 * j)) & 63 for j in range(7))


@dataclass(frozen=True, slots=True)
class Given:
    """What the connection tells both ends (5.1)."""

    network: str
    pid_i: bytes
    pid_r: bytes
    cb: bytes

    def __post_init__(self) -> None:
        if self.pid_i == self.pid_r or (len(self.pid_i), len(self.pid_r), len(self.cb)) != (38, 38, 32):
            raise ValueError("two peer ids of 38 bytes that differ, and a binding of 32")

    def th0(self, room: bytes, tag: bytes) -> bytes:
        parts = lp(PROTO) + lp(self.network.encode()) + lp(self.pid_i) + lp(self.pid_r) + lp(self.cb)
        return digest("pby1 t0", parts + room + lp(tag))

    def order(self) -> int:
        return int.from_bytes(digest("pby1 order", self.cb + self.pid_i), "big")


@dataclass(frozen=True, slots=True)
class Own:
    """What one end speaks and what it draws for one stream (5.3, 5.10)."""

    versions: tuple[int, ...] = (1,)
    features: int = 0
    esk: bytes = field(default_factory=lambda: secrets.token_bytes(32), repr=False)
    nonce: bytes = field(default_factory=lambda: secrets.token_bytes(32))
    header: bytes = field(default_factory=lambda: secrets.token_bytes(24))

    def spoken(self) -> bytes:
        return bytes([len(self.versions), *self.versions]) + self.features.to_bytes(4, "big")


class Spoken(NamedTuple):
    """The fields `nver`, `versions` and `features` of M1 and M2, and the offset after them."""

    versions: tuple[int, ...]
    features: int
    end: int


def heard(body: bytes, at: int, rest: int) -> Spoken:
    """Read the versions and features that begin at `at` and leave `rest` bytes after them (5.4)."""
    count = body[at]
    demand(1 <= count <= 8 and len(body) == at + 1 + count + 4 + rest, "length and nver disagree")
    versions, features = body[at + 1 : at + 1 + count], body[at + 1 + count : at + 5 + count]
    demand(0 not in versions and list(versions) == sorted(set(versions)), "versions not ascending from 1")
    return Spoken(tuple(versions), int.from_bytes(features, "big"), at + 5 + count)


@dataclass(frozen=True, slots=True)
class Refusal:
    """R's answer instead of M2 (5.5)."""

    code: int
    argument: int = 0

    def body(self) -> bytes:
        return bytes([self.code, self.argument])


def refused(body: bytes) -> Refusal:
    code, argument = body
    demand(code == STAMP or (code in {BUSY, VERSION} and argument == 0), "no such refusal")
    return Refusal(code, argument)


class Session:
    """What a finished handshake leaves to one end."""

    def __init__(self, prk: bytes, th3: bytes, sealer: Sealer, opener: Opener, version: int, features: int) -> None:
        self.transcript, self.version, self.features = th3, version, features
        self.sealer, self.opener = sealer, opener
        self.words = tuple(table()[index][0] for index in picks(expand(prk, "sas")))


def commitment(epk_i: bytes, n_i: bytes, th0: bytes, head: bytes) -> bytes:
    return digest("pby1 commit", epk_i + n_i + digest("pby1 head", th0 + head))


@dataclass(frozen=True, slots=True)
class AwaitingM2:
    """I has sent `m1`."""

    own: Own
    th0: bytes
    m1: bytes

    def receive(self, m2: bytes) -> "AwaitingM4 | Refusal":
        """Check M2 and answer it with M3 (5.5, 5.6)."""
        if len(m2) == 2:
            return refused(m2)
        demand(71 <= len(m2) <= 78, "length of M2")
        spoken = heard(m2, 1, 64)
        chosen = max(set(spoken.versions) & set(self.own.versions), default=0)
        demand(m2[0] == chosen != 0, "not the highest common version")
        shared = exchange(self.own.esk, m2[spoken.end + 32 :])
        opening = public(self.own.esk) + self.own.nonce
        th2 = digest("pby1 t2", digest("pby1 t1", self.th0 + self.m1) + m2)
        th3 = digest("pby1 t3", th2 + opening)
        prk = extract(shared, th3)
        mac_i = mac("pby1 confirm", expand(prk, "kc i"), th3 + self.own.header)
        m3 = opening + self.own.header + mac_i
        return AwaitingM4(m3, prk, th3, chosen, spoken.features & self.own.features)


@dataclass(frozen=True, slots=True)
class AwaitingM4:
    """I has sent `m3`."""

    m3: bytes
    prk: bytes = field(repr=False)
    th3: bytes
    version: int
    features: int

    def receive(self, m4: bytes) -> Session:
        """Check M4 (5.7)."""
        demand(len(m4) == 56, "length of M4")
        told = mac("pby1 confirm", expand(self.prk, "kc r"), self.th3 + self.m3[88:] + m4[:24])
        demand(hmac.compare_digest(told, m4[24:]), "mac_R")
        sealer = Sealer(expand(self.prk, "i2r"), self.m3[64:88])
        opener = Opener(expand(self.prk, "r2i"), m4[:24])
        return Session(self.prk, self.th3, sealer, opener, self.version, self.features)


def initiate(given: Given, room: bytes, tag: bytes, own: Own, stamp: bytes = b"") -> AwaitingM2:
    """Make M1 (5.4), with the stamp that was asked for (7)."""
    th0 = given.th0(room, tag)
    head = b"PBY1" + own.spoken() + room
    return AwaitingM2(own, th0, head + commitment(public(own.esk), own.nonce, th0, head) + stamp)


@dataclass(frozen=True, slots=True)
class AwaitingM1:
    """R, with the tag of each room it waits in."""

    given: Given
    rooms: Mapping[bytes, bytes]
    own: Own
    free: bool = True
    stamped: bool = False

    def receive(self, m1: bytes) -> "AwaitingM3 | Refusal":
        """Check M1 and answer it with M2 (5.4, 5.5)."""
        extra = 16 if self.stamped else 0
        demand(74 + extra <= len(m1) <= 81 + extra, "length of M1")
        demand(m1[:4] == b"PBY1", "magic")
        spoken = heard(m1, 4, 64 + extra)
        room, commit = m1[spoken.end : spoken.end + 32], m1[spoken.end + 32 : spoken.end + 64]
        demand(room in self.rooms, "a room we are not in")
        chosen = max(set(spoken.versions) & set(self.own.versions), default=0)
        if chosen == 0:
            return Refusal(VERSION)
        if not self.free:
            return Refusal(BUSY)
        th0 = self.given.th0(room, self.rooms[room])
        m2 = bytes([chosen]) + self.own.spoken() + self.own.nonce + public(self.own.esk)
        th2 = digest("pby1 t2", digest("pby1 t1", th0 + m1) + m2)
        head = m1[: spoken.end + 32]
        return AwaitingM3(self.own, m2, th0, head, commit, th2, chosen, spoken.features & self.own.features)


@dataclass(frozen=True, slots=True)
class AwaitingM3:
    """R has sent `m2`."""

    own: Own
    m2: bytes
    th0: bytes
    head: bytes
    commit: bytes
    th2: bytes
    version: int
    features: int

    def receive(self, m3: bytes) -> tuple[bytes, Session]:
        """Check M3 and answer it with M4 (5.6, 5.7)."""
        demand(len(m3) == 120, "length of M3")
        epk_i, n_i, hdr_i, mac_i = m3[:32], m3[32:64], m3[64:88], m3[88:]
        demand(hmac.compare_digest(self.commit, commitment(epk_i, n_i, self.th0, self.head)), "commit")
        th3 = digest("pby1 t3", self.th2 + epk_i + n_i)
        prk = extract(exchange(self.own.esk, epk_i), th3)
        demand(hmac.compare_digest(mac_i, mac("pby1 confirm", expand(prk, "kc i"), th3 + hdr_i)), "mac_I")
        hdr_r = self.own.header
        mac_r = mac("pby1 confirm", expand(prk, "kc r"), th3 + mac_i + hdr_r)
        sealer, opener = Sealer(expand(prk, "r2i"), hdr_r), Opener(expand(prk, "i2r"), hdr_i)
        return hdr_r + mac_r, Session(prk, th3, sealer, opener, self.version, self.features)
