"""Proof of work: stamps, which a node under load asks for, and the id puzzle of seeds (protocol.md 7, 1).

Both are argon2id with 16 MiB and one pass, so that a graphics card has little advantage over the machine of somebody
who chats. A stamp has a gate besides, sixteen bits of a plain hash: who receives one rejects garbage in a microsecond,
and spends the 16 MiB only on what cost its sender tens of thousands of hashes.

Whoever calls runs the slow functions (`solve`, `verify`, `puzzle_work`, `solve_puzzle`) in a worker thread. The work
itself is an argument: a simulation puts a free one in its place.
"""

import hashlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import Enum
from typing import Final

from nacl.pwhash import argon2id as _argon2id

from passerby.crypto.errors import LocalProtocolError
from passerby.crypto.keys import HASH_BYTES, PEER_ID_BYTES, blake2b, length_prefixed, require_length
from passerby.crypto.transcript import CHANNEL_BINDING_BYTES

STAMP_BYTES: Final = 16
GATE_BITS: Final = 16
WORK_BYTES: Final = 16 * 1024 * 1024  # of memory: what a phone can spare, and more than a graphics card has per core
WORK_PASSES: Final = 1
MOST_BITS: Final = 255  # a difficulty is one byte

_NUMBER_BYTES: Final = 8
_SALT_BYTES: Final = 16
_NUMBERS: Final = 1 << 64
_LOOK_EVERY: Final = 4_096  # gates tried, 2 ms, between two looks at whether the stamp is still wanted
_GATE: Final = b"pby1 gate"
_OPEN: Final = bytes(GATE_BITS // 8)
_ID: Final = b"pby1 id"

Work = Callable[[bytes, bytes], bytes]
"""From a password and a 16-byte salt to 32 bytes, at a price."""


def argon2id(password: bytes, salt: bytes) -> bytes:
    """Return 32 bytes of argon2id (RFC 9106, version 1.3) with 16 MiB, one pass, one lane; the salt has 16 bytes."""
    return _argon2id.kdf(HASH_BYTES, password, salt, opslimit=WORK_PASSES, memlimit=WORK_BYTES)


def solves(work: bytes, bits: int) -> bool:
    """Tell whether 32 bytes begin with `bits` zero bits, bit 7 of byte 0 first."""
    return int.from_bytes(work, "big") >> (8 * HASH_BYTES - bits) == 0


# ---- stamps ---------------------------------------------------------------------------------------------------------


class Personal(Enum):
    """What a stamp admits to, told by the personal string of its challenge."""

    CHAT = b"pby1 pow"
    ENTER = b"pby1 pow enter"


@dataclass(frozen=True, slots=True)
class Parties:
    """Between whom a stamp is good, and for what; all of it from the authenticated connection.

    `asker` asks for the stamp and `payer` solves it: binary peer ids of 38 bytes. `channel_binding` is the 32-byte
    Noise handshake hash of their connection. LocalProtocolError if a length is wrong.
    """

    personal: Personal
    channel_binding: bytes
    asker: bytes
    payer: bytes

    def __post_init__(self) -> None:
        require_length("channel binding", self.channel_binding, CHANNEL_BINDING_BYTES)
        require_length("asker", self.asker, PEER_ID_BYTES)
        require_length("payer", self.payer, PEER_ID_BYTES)

    def challenge(self, difficulty: int, count: int) -> bytes:
        """Return the 32 bytes that a stamp of `difficulty` bits solves.

        `count` is how many stamps the asker has asked of the payer on this connection, this one included: so no stamp
        is good twice. LocalProtocolError if the difficulty is no u8 or the count no u32.
        """
        if not (0 <= difficulty <= MOST_BITS and 0 <= count < 1 << 32):
            raise LocalProtocolError(f"stamp {count} of {difficulty} bits")
        numbers = difficulty.to_bytes(1, "big") + count.to_bytes(4, "big")
        return blake2b(self.personal.value, self.channel_binding + self.asker + self.payer + numbers)


def _stamp_work(challenge: bytes, nonce: bytes, work: Work) -> bytes:
    return work(challenge + nonce, challenge[:_SALT_BYTES])


def _gate_hash(data: bytes) -> hashlib.blake2b:
    # hashlib's BLAKE2b: the call through PyNaCl costs ten times as much, and a stamp takes 65 536 of these
    return hashlib.blake2b(data, digest_size=HASH_BYTES, person=_GATE)


def passes_gate(challenge: bytes, stamp: bytes) -> bool:
    """Tell, within a microsecond or two, whether a stamp is worth the work of `verify`.

    A stamp is `gate u64 || nonce u64`; the gate makes 16 leading zero bits of ``H["pby1 gate"](challenge || nonce ||
    gate)``.
    """
    gate, nonce = stamp[:_NUMBER_BYTES], stamp[_NUMBER_BYTES:]
    return len(stamp) == STAMP_BYTES and _gate_hash(challenge + nonce + gate).digest().startswith(_OPEN)


def verify(challenge: bytes, stamp: bytes, difficulty: int, work: Work = argon2id) -> bool:
    """Tell whether a stamp, which passed the gate, has `difficulty` leading zero bits: one `work`."""
    return solves(_stamp_work(challenge, stamp[_NUMBER_BYTES:], work), difficulty)


def solve(
    challenge: bytes, difficulty: int, start: int, is_wanted: Callable[[], bool], work: Work = argon2id
) -> bytes | None:
    """Make a stamp of 16 bytes: about 2^difficulty works and 2^16 hashes. None as soon as it is wanted no more.

    The search begins at the number `start`. `is_wanted` is asked before each work and every few milliseconds of the
    gate, from the thread in which this runs.
    """
    nonce = _find_nonce(challenge, difficulty, start, is_wanted, work)
    if nonce is None:
        return None
    gate = _open_gate(challenge + nonce, start, is_wanted)
    return None if gate is None else gate + nonce


def _numbers(first: int, count: int) -> Iterator[bytes]:
    return ((number % _NUMBERS).to_bytes(_NUMBER_BYTES, "big") for number in range(first, first + count))


def _find_nonce(
    challenge: bytes, difficulty: int, start: int, is_wanted: Callable[[], bool], work: Work
) -> bytes | None:
    while is_wanted():
        (nonce,) = _numbers(start, 1)
        if solves(_stamp_work(challenge, nonce, work), difficulty):
            return nonce
        start += 1
    return None


def _open_gate(closed: bytes, start: int, is_wanted: Callable[[], bool]) -> bytes | None:
    """Find a gate for a challenge and nonce; the loop is bare because who solves waits for its 65 536 rounds."""
    begun = _gate_hash(closed)
    while is_wanted():
        for gate in _numbers(start, _LOOK_EVERY):
            tried = begun.copy()
            tried.update(gate)
            if tried.digest().startswith(_OPEN):
                return gate
        start += _LOOK_EVERY
    return None


# ---- the id puzzle --------------------------------------------------------------------------------------------------


def puzzle_work(public: bytes, nonce: int, network: str, work: Work = argon2id) -> bytes:
    """Return `w`, the 32 bytes that a seed's key and `nonce` (u64) come to in a network (protocol.md 1).

    A seed's place follows from `w`, so it cannot be known before the work is done. LocalProtocolError if the key has
    not 32 bytes.
    """
    require_length("public key", public, HASH_BYTES)
    salt = blake2b(_ID, length_prefixed(network.encode()) + public)[:_SALT_BYTES]
    return work(public + nonce.to_bytes(_NUMBER_BYTES, "big"), salt)


def solve_puzzle(
    public: bytes, network: str, bits: int, is_wanted: Callable[[], bool], work: Work = argon2id
) -> tuple[int, bytes] | None:
    """Return the first nonce whose work begins with `bits` zero bits, and that work; None once it is wanted no more.

    About 2^bits works; a nonce that solves is the seed's for good.
    """
    nonce = 0
    while is_wanted():
        found = puzzle_work(public, nonce, network, work)
        if solves(found, bits):
            return nonce, found
        nonce += 1
    return None
