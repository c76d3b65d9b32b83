"""Verification words: seven words that two strangers compare over another channel (protocol.md 5, Words).

The idea is that of Matrix's short authentication string; the table is our own. 64 words carry 6 bits each, so seven
carry 42: enough, because the handshake commits the initiator before it sees the responder's key (as ZRTP does), which
leaves somebody in the middle one guess in 2^42 and no search.

The words are short and common, begin with three letters that no other begins with, and differ from each other in three
letters or more. Each emoji is one code point that terminals draw two cells wide, from Unicode 11 or earlier.
"""

from typing import Final

from passerby.crypto.keys import HASH_BYTES, require_length

WORD_COUNT: Final = 7
_WORD_BITS: Final = 6

TABLE: Final[tuple[tuple[str, str], ...]] = (
    ("alien", "👽"),
    ("ambulance", "🚑"),
    ("avocado", "🥑"),
    ("backpack", "🎒"),
    ("battery", "🔋"),
    ("bridge", "🌉"),
    ("camera", "📷"),
    ("castle", "🏰"),
    ("cheese", "🧀"),
    ("compass", "🧭"),
    ("cookie", "🍪"),
    ("crown", "👑"),
    ("diamond", "💎"),
    ("dolphin", "🐬"),
    ("dragon", "🐉"),
    ("drum", "🥁"),
    ("duck", "🦆"),
    ("egg", "🥚"),
    ("factory", "🏭"),
    ("fountain", "⛲"),
    ("frog", "🐸"),
    ("ghost", "👻"),
    ("giraffe", "🦒"),
    ("gorilla", "🦍"),
    ("grapes", "🍇"),
    ("hedgehog", "🦔"),
    ("helicopter", "🚁"),
    ("kangaroo", "🦘"),
    ("koala", "🐨"),
    ("ladybug", "🐞"),
    ("lantern", "🏮"),
    ("lemon", "🍋"),
    ("lightning", "⚡"),
    ("lobster", "🦞"),
    ("magnet", "🧲"),
    ("microphone", "🎤"),
    ("monkey", "🐵"),
    ("newspaper", "📰"),
    ("palm", "🌴"),
    ("pancake", "🥞"),
    ("parrot", "🦜"),
    ("piano", "🎹"),
    ("pineapple", "🍍"),
    ("popcorn", "🍿"),
    ("puzzle", "🧩"),
    ("rainbow", "🌈"),
    ("sailboat", "⛵"),
    ("sandwich", "🥪"),
    ("scorpion", "🦂"),
    ("shark", "🦈"),
    ("skateboard", "🛹"),
    ("snowman", "⛄"),
    ("squid", "🦑"),
    ("suitcase", "🧳"),
    ("sunflower", "🌻"),
    ("telescope", "🔭"),
    ("tent", "⛺"),
    ("tiger", "🐯"),
    ("tractor", "🚜"),
    ("tulip", "🌷"),
    ("violin", "🎻"),
    ("volcano", "🌋"),
    ("wolf", "🐺"),
    ("zebra", "🦓"),
)
"""Word and emoji of each 6-bit value, in order; the table is part of the protocol (both sides must show the same)."""


def verification_words(sas_key: bytes) -> tuple[str, ...]:
    """Return the seven words of the 32-byte key K("sas"): its first 42 bits, big-endian, 6 a word.

    LocalProtocolError if the key has not 32 bytes.
    """
    return tuple(TABLE[index][0] for index in _indices(sas_key))


def verification_emoji(sas_key: bytes) -> tuple[str, ...]:
    """Return the seven emoji that stand beside the words of the same key, in the same order."""
    return tuple(TABLE[index][1] for index in _indices(sas_key))


def _indices(sas_key: bytes) -> list[int]:
    require_length("SAS key", sas_key, HASH_BYTES)
    bits = int.from_bytes(sas_key, "big") >> (8 * HASH_BYTES - WORD_COUNT * _WORD_BITS)
    shifts = range((WORD_COUNT - 1) * _WORD_BITS, -1, -_WORD_BITS)
    return [bits >> shift & (1 << _WORD_BITS) - 1 for shift in shifts]
