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
from dataclasses import dataclass
from difflib import get_close_matches
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

FEWEST_TO_JUDGE: Final = 4  # words: with fewer, a phrase may have words of the table by chance
_WORDS: Final = tuple(word for word, _ in TABLE)

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


@dataclass(frozen=True, slots=True)
class Slip:
    """What tells that somebody meant a code made here and mistyped it.

    `word` is the first that is none of the table's, `meant` the nearest of the table; both empty where all are and only
    their number, `words`, is wrong.
    """

    words: int
    word: str = ""
    meant: str = ""


def slip(code: str) -> Slip | None:
    """Return what is wrong with a code in normal form that most words of the table make up; None if nothing seems so.

    Phrases of a person are not made of these words, and a code of a person may be anything: this is a guess, to be
    asked about, never a reason to refuse. Who waits under a mistyped code waits for ever, and sees no reason.
    """
    words = code.split()
    strange = [word for word in words if word not in _WORDS]
    if 2 * len(strange) >= len(words) or len(words) < FEWEST_TO_JUDGE:
        return None
    if strange:
        return Slip(len(words), strange[0], *get_close_matches(strange[0], _WORDS, n=1))
    return None if len(words) == CODE_WORDS else Slip(len(words))


def is_weak(code: str) -> bool:
    """Whether a code in normal form is surely guessed in the end: short, or of few different characters.

    False is no praise: a line of a song is long and known.
    """
    return len(code) < STRONG_LENGTH or len(set(code)) < STRONG_VARIETY


def code_work(code: str, network: str, work: Work = argon2id) -> bytes:
    """Return the tag of a private lobby, 37 bytes. Slow, and hungry for memory, by intention. Raises TagError."""
    salt = blake2b(b"pby1 lobby", length_prefixed(network.encode()))[:SALT_BYTES]
    return b"code:" + work(read_code(code).encode(), salt)
