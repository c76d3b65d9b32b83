"""Records: everything after the handshake, one libsodium secretstream per direction (protocol.md 5, Records).

A record is ``u16 L || ciphertext``. L takes one of three values, so a record shows which bucket its content fell into
and nothing finer; the two length bytes are authenticated as additional data. Every record carries the tag REKEY: the
key that opened it is gone after it. The last one carries FINAL, so that a cut line cannot look like a goodbye.

This file knows no record types: what ``inner`` means is the chat machine's business.
"""

from typing import Final

from nacl import bindings, exceptions

from passerby.crypto.errors import LocalProtocolError, RemoteProtocolError
from passerby.crypto.keys import KEY_BYTES, require_length

BUCKETS: Final = (256, 1024, 4096)
HEADER_BYTES: Final = bindings.crypto_secretstream_xchacha20poly1305_HEADERBYTES
OVERHEAD: Final = bindings.crypto_secretstream_xchacha20poly1305_ABYTES
LEGAL_RECORD_LENGTHS: Final = frozenset(bucket + OVERHEAD for bucket in BUCKETS)
"""The values of L: 273, 1041 and 4113."""
INNER_BYTES: Final = BUCKETS[-1] - 1  # the padding takes at least one byte

FAILURE: Final = "the record stream failed"  # one face for every cause

_REKEY: Final = bindings.crypto_secretstream_xchacha20poly1305_TAG_REKEY
_FINAL: Final = bindings.crypto_secretstream_xchacha20poly1305_TAG_FINAL
_FINAL_OF_TAG: Final = {_REKEY: False, _FINAL: True}


def check_record_length(length: int) -> None:
    """Raise RemoteProtocolError unless L is legal: to be asked before a byte of the record is read or kept."""
    if length not in LEGAL_RECORD_LENGTHS:
        raise RemoteProtocolError(FAILURE) from ValueError(f"a record of {length} bytes")


class Sealer:
    """Our direction of a session: inner bytes in, whole records out."""

    __slots__ = ("_state", "header")

    header: bytes
    """24 bytes that the other side's Opener needs; they travel in M3 or M4."""

    def __init__(self, key: bytes) -> None:
        """Start a stream under a 32-byte key; LocalProtocolError for any other length."""
        require_length("secretstream key", key, KEY_BYTES)
        state = bindings.crypto_secretstream_xchacha20poly1305_state()
        self.header = bindings.crypto_secretstream_xchacha20poly1305_init_push(state, key)
        self._state: bindings.crypto_secretstream_xchacha20poly1305_state | None = state

    def seal(self, inner: bytes, *, minimum_bucket: int = BUCKETS[0], final: bool = False) -> bytes:
        """Return the whole record ``u16 L || ct`` of 1 to 4 095 inner bytes.

        It has the smallest bucket of 256, 1 024 and 4 096 that holds them and is not below ``minimum_bucket``.
        LocalProtocolError if the inner bytes are none or too many, or if a final record has been sealed already.
        """
        if self._state is None:
            raise LocalProtocolError("nothing can be sealed after the final record")
        bucket = _bucket(len(inner), minimum_bucket)
        length = (bucket + OVERHEAD).to_bytes(2, "big")
        ciphertext = bindings.crypto_secretstream_xchacha20poly1305_push(
            self._state, bindings.sodium_pad(inner, bucket), length, _FINAL if final else _REKEY
        )
        if final:
            self._state = None
        return length + ciphertext


class Opener:
    """The other side's direction of a session: records in, inner bytes out."""

    __slots__ = ("_state",)

    def __init__(self, key: bytes, header: bytes) -> None:
        """Follow the Sealer with this 32-byte key and 24-byte header; LocalProtocolError for other lengths."""
        require_length("secretstream key", key, KEY_BYTES)
        require_length("secretstream header", header, HEADER_BYTES)
        state = bindings.crypto_secretstream_xchacha20poly1305_state()
        bindings.crypto_secretstream_xchacha20poly1305_init_pull(state, header, key)
        self._state: bindings.crypto_secretstream_xchacha20poly1305_state | None = state

    def open(self, length: int, ciphertext: bytes) -> tuple[bytes, bool]:
        """Return the inner bytes of a record (1 to 4 095) and whether it was the final one.

        RemoteProtocolError if anything about it is wrong, with one text whatever that is: it ends this direction.
        LocalProtocolError after such a failure and after the final record: nothing is pulled any more.
        """
        if self._state is None:
            raise LocalProtocolError("nothing can be opened after the final record or a failure")
        # libsodium would go on after a failed pull; the machine must not. So the state goes first and comes back last.
        state, self._state = self._state, None
        try:
            inner, final = _pull(state, length, ciphertext)
        except (ValueError, exceptions.CryptoError) as error:
            raise RemoteProtocolError(FAILURE) from error
        if not final:
            self._state = state
        return inner, final


def _pull(
    state: bindings.crypto_secretstream_xchacha20poly1305_state, length: int, ciphertext: bytes
) -> tuple[bytes, bool]:
    if length not in LEGAL_RECORD_LENGTHS or len(ciphertext) != length:
        raise ValueError(f"a record of {len(ciphertext)} bytes under length {length}")
    padded, tag = bindings.crypto_secretstream_xchacha20poly1305_pull(state, ciphertext, length.to_bytes(2, "big"))
    if tag not in _FINAL_OF_TAG:
        raise ValueError(f"secretstream tag {tag}")
    inner = bindings.sodium_unpad(padded, length - OVERHEAD)
    if not inner:
        raise ValueError("an empty record")
    return inner, _FINAL_OF_TAG[tag]


def _bucket(inner_bytes: int, minimum: int) -> int:
    if not inner_bytes:
        raise LocalProtocolError("an empty record")
    for bucket in BUCKETS:
        if bucket >= minimum and inner_bytes + 1 <= bucket:
            return bucket
    raise LocalProtocolError(f"{inner_bytes} bytes fit no record of {minimum} bytes or more")
