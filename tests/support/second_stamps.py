"""Stamps a second time, written from docs/protocol.md 7 and nothing else: hashlib and `cryptography`, no PyNaCl."""

import hashlib
from itertools import count

from cryptography.hazmat.primitives.kdf.argon2 import Argon2id


def challenge(personal: str, cb: bytes, asker: bytes, payer: bytes, d: int, number: int) -> bytes:
    said = cb + asker + payer + d.to_bytes(1, "big") + number.to_bytes(4, "big")
    return hashlib.blake2b(said, digest_size=32, person=personal.encode()).digest()


def work(chal: bytes, nonce: bytes) -> bytes:
    return Argon2id(salt=chal[:16], length=32, iterations=1, lanes=1, memory_cost=16_384).derive(chal + nonce)


def begins_with_zeros(digest: bytes, bits: int) -> bool:
    return f"{int.from_bytes(digest, 'big'):0{8 * len(digest)}b}".startswith("0" * bits)


def opens(chal: bytes, nonce: bytes, gate: bytes) -> bool:
    digest = hashlib.blake2b(chal + nonce + gate, digest_size=32, person=b"pby1 gate").digest()
    return begins_with_zeros(digest, 16)


def is_good(chal: bytes, d: int, stamp: bytes) -> bool:
    gate, nonce = stamp[:8], stamp[8:]
    return opens(chal, nonce, gate) and begins_with_zeros(work(chal, nonce), d)


def make(chal: bytes, d: int) -> bytes:
    numbers = (number.to_bytes(8, "big") for number in count(1_000))
    nonce = next(nonce for nonce in numbers if begins_with_zeros(work(chal, nonce), d))
    return next(gate for gate in numbers if opens(chal, nonce, gate)) + nonce
