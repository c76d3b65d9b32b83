"""Codes of private lobbies: whoever knows the code meets whoever knows it, and nobody else (protocol.md 2).

    tag  = "code:" || argon2id(code, salt, 64 MiB, t=3, out 32)
    salt = H["pby1 lobby"](lp(network))[:16]

The code is taken in the normal form of a tag, since it is read out over telephones: case, width and spaces do not
count. A seed that holds the room cannot read the code from the tag, and cannot even see the tag, but it can try codes
until one leads to the room; the work makes each try cost a fifth of a second, and a code made here has 54 bits, so
trying them all takes 10^8 years. A weak code has no such wall, which is why `is_weak` exists.
"""

import secrets
from collections.abc import Callable
from typing import Final

from nacl import pwhash

from passerby.crypto.keys import HASH_BYTES, blake2b, length_prefixed
from passerby.crypto.words import TABLE
from passerby.discovery.tags import normal_form

CODE_BYTES: Final = 128  # of UTF-8, in normal form: the longest code made here has 98
CODE_WORDS: Final = 9  # of 6 bits each: 54
WORK_BYTES: Final = 64 * 1024 * 1024
WORK_PASSES: Final = 3
SALT_BYTES: Final = 16
STRONG_LENGTH: Final = 16  # code points: sixteen letters drawn by lot have 75 bits, a shorter phrase of a person's few
STRONG_VARIETY: Final = 8  # different ones among them

Work = Callable[[bytes, bytes], bytes]
"""(password, 16 bytes of salt) -> 32 bytes."""


def argon2id(password: bytes, salt: bytes) -> bytes:
    """Return the 32 bytes of argon2id (RFC 9106) with 64 MiB, three passes, one lane: 0.2 s of one core."""
    return pwhash.argon2id.kdf(HASH_BYTES, password, salt, opslimit=WORK_PASSES, memlimit=WORK_BYTES)


def new_code() -> str:
    """Draw a code to be read out over a telephone: nine words of the verification table, one space between them."""
    return " ".join(secrets.choice(TABLE)[0] for _ in range(CODE_WORDS))


def read_code(text: str) -> str:
    """Return the one spelling of a code that somebody typed, 1 to 128 bytes of UTF-8. Raises TagError."""
    return normal_form(text, CODE_BYTES)


def is_weak(code: str) -> bool:
    """Whether a code in normal form is surely guessed in the end: short, or of few different characters.

    False is no praise: a line of a song is long and known.
    """
    return len(code) < STRONG_LENGTH or len(set(code)) < STRONG_VARIETY


def code_work(code: str, network: str, work: Work = argon2id) -> bytes:
    """Return the tag of a private lobby, 37 bytes. Slow, and hungry for memory, by intention. Raises TagError."""
    salt = blake2b(b"pby1 lobby", length_prefixed(network.encode()))[:SALT_BYTES]
    return b"code:" + work(read_code(code).encode(), salt)
