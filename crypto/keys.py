"""Hashes, keys and peer ids: the few primitives that every layout of Passerby is made of.

Everything here is libsodium's, through PyNaCl; this file fixes sizes, personal strings and whose fault an error is.
The notation ``H[p](x)``, ``MAC[p](k, x)`` and ``lp(x)`` is that of protocol.md, Notation.
"""

from typing import Final, Self

from nacl import bindings, exceptions, signing
from nacl.bindings import (
    crypto_generichash_blake2b_salt_personal,
    crypto_scalarmult,
    crypto_scalarmult_base,
)
from nacl.utils import random

from passerby.crypto.errors import LocalProtocolError, RemoteProtocolError

KEY_BYTES: Final = 32  # X25519 and Ed25519 keys, and BLAKE2b-256 keys
HASH_BYTES: Final = 32
SIGNATURE_BYTES: Final = 64

# An identity multihash (00) of 36 bytes (24): the protobuf PublicKey of libp2p, type Ed25519 (08 01), 32 bytes (12 20).
PEER_ID_PREFIX: Final = bytes.fromhex("002408011220")
PEER_ID_BYTES: Final = len(PEER_ID_PREFIX) + KEY_BYTES


def blake2b(person: bytes, data: bytes, *, key: bytes | None = None) -> bytes:
    """Return ``H[person](data)``, or ``MAC[person](key, data)`` when a key is given: BLAKE2b-256, 32 bytes (RFC 7693).

    ``person`` is the personal string, at most 16 ASCII bytes, one per purpose. The key has exactly 32 bytes; anything
    else raises LocalProtocolError, since BLAKE2b takes an empty key for none at all.
    """
    if key is not None:
        require_length("BLAKE2b key", key, KEY_BYTES)
    return crypto_generichash_blake2b_salt_personal(data, digest_size=HASH_BYTES, key=key or b"", person=person)


def length_prefixed(data: bytes) -> bytes:
    """Return ``lp(data)``: a 16-bit big-endian length and the bytes; LocalProtocolError above 65 535 bytes."""
    if len(data) > 0xFFFF:
        raise LocalProtocolError(f"{len(data)} bytes do not fit a 16-bit length")
    return len(data).to_bytes(2, "big") + data


def equal(one: bytes, other: bytes) -> bool:
    """Compare in time that depends on the lengths only."""
    return bindings.sodium_memcmp(one, other)


def require_length(what: str, value: bytes, size: int) -> None:
    """Raise LocalProtocolError unless ``value``, which we supplied ourselves, has ``size`` bytes."""
    if len(value) != size:
        raise LocalProtocolError(f"{what}: {len(value)} bytes instead of {size}")


class EphemeralKey:
    """An X25519 key pair for one handshake (RFC 7748)."""

    __slots__ = ("_secret", "public")

    public: bytes
    """32 bytes, for the other side."""

    def __init__(self, secret: bytes) -> None:
        """Take the 32 secret bytes; LocalProtocolError if they are not 32."""
        require_length("X25519 secret", secret, KEY_BYTES)
        self._secret = secret
        self.public = crypto_scalarmult_base(secret)

    @classmethod
    def generate(cls) -> Self:
        """Draw a new key from the system's random source."""
        return cls(random(KEY_BYTES))

    def exchange(self, peer_public: bytes) -> bytes:
        """Return the 32-byte shared secret with the other side's public key (protocol.md 5, Checks).

        RemoteProtocolError if that key has not 32 bytes, has its highest bit set (two encodings of one key would give
        one secret to two transcripts), or is of small order (the secret would be zero whatever ours is).
        """
        if len(peer_public) != KEY_BYTES:
            # libsodium's call takes a bare pointer: a short key would make it read past the end.
            raise RemoteProtocolError(f"X25519 public key of {len(peer_public)} bytes")
        if peer_public[31] & 0x80:
            raise RemoteProtocolError("X25519 public key with its highest bit set")
        try:
            return crypto_scalarmult(self._secret, peer_public)
        except exceptions.RuntimeError as error:
            raise RemoteProtocolError("X25519 public key of small order") from error

    def __repr__(self) -> str:
        return f"EphemeralKey(public={self.public.hex()})"


class SigningKey:
    """An Ed25519 key that signs tickets and seed records (protocol.md 3; RFC 8032)."""

    __slots__ = ("_key", "public")

    public: bytes
    """32 bytes; the key inside this peer's id."""

    def __init__(self, seed: bytes) -> None:
        """Take the 32-byte seed; LocalProtocolError if it is not 32 bytes."""
        require_length("Ed25519 seed", seed, KEY_BYTES)
        self._key = signing.SigningKey(seed)
        self.public = bytes(self._key.verify_key)

    @classmethod
    def from_seed(cls, seed: bytes) -> Self:
        """Make the key from its 32-byte seed (RFC 8032 calls it the private key)."""
        return cls(seed)

    def sign(self, prefix: bytes, payload: bytes) -> bytes:
        """Return the 64-byte signature over ``prefix || payload``.

        The prefix names what is signed and ends in its only NUL byte, else LocalProtocolError: so no signature made
        under one prefix can be read as one under another.
        """
        return self._key.sign(_prefixed(prefix, payload)).signature

    def __repr__(self) -> str:
        return f"SigningKey(public={self.public.hex()})"


def verify(public: bytes, prefix: bytes, payload: bytes, signature: bytes) -> bool:
    """Tell whether ``signature`` is that of ``public`` over ``prefix || payload``.

    Bytes of the wrong length are a wrong signature; a malformed prefix is ours and raises LocalProtocolError.
    """
    signed = _prefixed(prefix, payload)
    if len(public) != KEY_BYTES or len(signature) != SIGNATURE_BYTES:
        return False
    try:
        signing.VerifyKey(public).verify(signed, signature)
    except exceptions.BadSignatureError:
        return False
    return True


def _prefixed(prefix: bytes, payload: bytes) -> bytes:
    if prefix.find(b"\0") != len(prefix) - 1 or len(prefix) < 2:
        raise LocalProtocolError("a signature's prefix ends in its only NUL byte")
    return prefix + payload


def peer_id_of(public_key: bytes) -> bytes:
    """Return the 38-byte binary libp2p peer id of a 32-byte Ed25519 public key (libp2p peer ids specification).

    LocalProtocolError if the key has not 32 bytes.
    """
    require_length("Ed25519 public key", public_key, KEY_BYTES)
    return PEER_ID_PREFIX + public_key


def public_key_of(peer_id: bytes) -> bytes:
    """Return the 32-byte Ed25519 public key inside a binary peer id.

    RemoteProtocolError for any other kind of peer id, or none: Passerby knows Ed25519 peers only (protocol.md 1).
    """
    if len(peer_id) != PEER_ID_BYTES or not peer_id.startswith(PEER_ID_PREFIX):
        raise RemoteProtocolError("not an Ed25519 peer id")
    return peer_id.removeprefix(PEER_ID_PREFIX)
