"""Peer ids as text: base58 (Bitcoin alphabet) of the binary id, as libp2p's peer ids specification writes them.

The other form of that specification, a CID, is not read: every program prints this one.
"""

from typing import Final

from passerby.crypto.errors import RemoteProtocolError
from passerby.crypto.keys import PEER_ID_BYTES, public_key_of

_ALPHABET: Final = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"
_DIGITS: Final = {letter: value for value, letter in enumerate(_ALPHABET)}
_LONGEST: Final = 52  # 38 bytes that begin with one zero byte: checked before the quadratic arithmetic


def peer_id_text(peer_id: bytes) -> str:
    """Return the text of a binary peer id: `12D3KooW` and 44 more characters for an Ed25519 one."""
    zeros = len(peer_id) - len(peer_id.lstrip(b"\0"))
    number = int.from_bytes(peer_id, "big")
    letters: list[str] = []
    while number:
        number, digit = divmod(number, len(_ALPHABET))
        letters.append(_ALPHABET[digit])
    return _ALPHABET[0] * zeros + "".join(reversed(letters))


def parse_peer_id(text: str) -> bytes:
    """Return the binary Ed25519 peer id (38 bytes) that `text` writes; ValueError for everything else."""
    if not 0 < len(text) <= _LONGEST or not _DIGITS.keys() >= set(text):
        raise ValueError("a peer id looks like 12D3KooW…, 52 letters and digits")
    number = 0
    for letter in text:
        number = number * len(_ALPHABET) + _DIGITS[letter]
    zeros = len(text) - len(text.lstrip(_ALPHABET[0]))
    try:
        peer_id = bytes(zeros) + number.to_bytes(PEER_ID_BYTES, "big").lstrip(b"\0")
        public_key_of(peer_id)
    except (OverflowError, RemoteProtocolError) as error:
        raise ValueError("not the id of an Ed25519 peer") from error
    return peer_id
