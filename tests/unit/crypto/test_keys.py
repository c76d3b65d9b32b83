"""Hashes, keys and peer ids: right sizes in, right values out, and the right side blamed for anything else."""

import hashlib

import pytest
from libp2p.crypto.ed25519 import create_new_key_pair
from libp2p.peer.id import ID  # pyright: ignore[reportMissingTypeStubs] (libp2p/peer says nothing of types)

from passerby.crypto.errors import LocalProtocolError, RemoteProtocolError
from passerby.crypto.keys import (
    EphemeralKey,
    SigningKey,
    blake2b,
    equal,
    length_prefixed,
    peer_id_of,
    public_key_of,
    verify,
)

PREFIX = b"pby1 ticket\0"


def test_a_hash_is_blake2b_256_with_a_personal_string() -> None:
    expected = hashlib.blake2b(b"data", digest_size=32, person=b"pby1 room".ljust(16, b"\0")).digest()
    assert blake2b(b"pby1 room", b"data") == expected


def test_a_mac_is_keyed_blake2b_256() -> None:
    key = bytes(range(32))
    expected = hashlib.blake2b(b"data", digest_size=32, key=key, person=b"pby1 confirm".ljust(16, b"\0")).digest()
    assert blake2b(b"pby1 confirm", b"data", key=key) == expected


@pytest.mark.parametrize("size", [0, 31, 33, 64])
def test_a_mac_takes_32_bytes_of_key_and_never_silently_none(size: int) -> None:
    with pytest.raises(LocalProtocolError):
        blake2b(b"pby1 confirm", b"data", key=bytes(size))


def test_a_length_prefix_has_two_bytes() -> None:
    assert length_prefixed(b"") == b"\0\0"
    assert length_prefixed(b"ab") == b"\0\2ab"
    assert length_prefixed(bytes(0xFFFF))[:2] == b"\xff\xff"
    with pytest.raises(LocalProtocolError):
        length_prefixed(bytes(0x10000))


def test_equal_compares_contents_and_lengths() -> None:
    assert equal(b"abc", b"abc")
    assert not equal(b"abc", b"abd")
    assert not equal(b"abc", b"abc\0")


def test_two_ephemeral_keys_agree() -> None:
    one, other = EphemeralKey.generate(), EphemeralKey.generate()
    assert one.public != other.public
    assert one.exchange(other.public) == other.exchange(one.public)


@pytest.mark.parametrize("size", [0, 31, 33])
def test_key_lengths_are_checked_before_libsodium_reads_past_the_end(size: int) -> None:
    with pytest.raises(LocalProtocolError):
        EphemeralKey(bytes(size))
    with pytest.raises(LocalProtocolError):
        SigningKey.from_seed(bytes(size))
    with pytest.raises(RemoteProtocolError):
        EphemeralKey.generate().exchange(bytes(size))


def test_no_repr_shows_a_secret() -> None:
    secret = bytes(range(32))
    ephemeral, signing = EphemeralKey(secret), SigningKey.from_seed(secret)
    for key in (ephemeral, signing):
        assert key.public.hex() in repr(key)
        assert secret.hex() not in repr(key)
        assert repr(secret)[2:-1] not in repr(key)


def test_a_signature_holds_for_its_key_prefix_and_payload_only() -> None:
    key, other = SigningKey.from_seed(bytes(32)), SigningKey.from_seed(bytes(31) + b"\1")
    signature = key.sign(PREFIX, b"payload")
    assert len(signature) == 64
    assert verify(key.public, PREFIX, b"payload", signature)
    assert not verify(other.public, PREFIX, b"payload", signature)
    assert not verify(key.public, b"pby1 seed\0", b"payload", signature)
    assert not verify(key.public, PREFIX, b"payloae", signature)
    assert not verify(key.public, PREFIX, b"payload", bytes(64))


@pytest.mark.parametrize("size", [0, 63, 65])
def test_a_signature_or_key_of_another_length_is_a_wrong_one(size: int) -> None:
    key = SigningKey.from_seed(bytes(32))
    assert not verify(key.public, PREFIX, b"payload", bytes(size))
    assert not verify(bytes(size), PREFIX, b"payload", key.sign(PREFIX, b"payload"))


@pytest.mark.parametrize("prefix", [b"", b"\0", b"pby1 ticket", b"pby1\0ticket\0", b"pby1 ticket\0x"])
def test_a_prefix_that_could_run_into_the_payload_is_refused(prefix: bytes) -> None:
    with pytest.raises(LocalProtocolError):
        SigningKey.from_seed(bytes(32)).sign(prefix, b"payload")
    with pytest.raises(LocalProtocolError):
        verify(bytes(32), prefix, b"payload", bytes(64))


def test_a_peer_id_is_the_one_libp2p_gives_the_key() -> None:
    pair = create_new_key_pair()
    peer_id = ID.from_pubkey(pair.public_key).to_bytes()
    assert peer_id_of(pair.public_key.to_bytes()) == peer_id
    assert public_key_of(peer_id) == pair.public_key.to_bytes()
    assert len(peer_id) == 38


def test_only_ed25519_peer_ids_have_a_public_key() -> None:
    good = peer_id_of(bytes(32))
    secp256k1 = bytes.fromhex("00250802122102") + bytes(32)
    rsa = b"\x12\x20" + bytes(32)
    for wrong in (b"", good[:-1], good + b"\0", b"\1" + good[1:], good[:3] + b"\0" + good[4:], secp256k1, rsa):
        with pytest.raises(RemoteProtocolError):
            public_key_of(wrong)
    with pytest.raises(LocalProtocolError):
        peer_id_of(bytes(31))
