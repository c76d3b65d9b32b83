"""The primitives are what their documents say: published vectors, and the behaviours of libsodium that we lean on."""

import hashlib

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from nacl import bindings, exceptions

from passerby.crypto.errors import RemoteProtocolError
from passerby.crypto.keys import EphemeralKey, SigningKey, blake2b, verify

P = 2**255 - 19
SECRETS = [bytes(32), b"\xff" * 32, *(hashlib.sha256(bytes([n])).digest() for n in range(6))]

# ---- X25519: RFC 7748 and the points that no exchange may accept -----------------------------------------------------


def public(u: int) -> bytes:
    return u.to_bytes(32, "little")


@pytest.mark.parametrize(
    ("scalar", "u", "result"),
    [
        (
            "a546e36bf0527c9d3b16154b82465edd62144c0ac1fc5a18506a2244ba449ac4",
            "e6db6867583030db3594c1a424b15f7c726624ec26b3353b10a903a6d0ab1c4c",
            "c3da55379de9c6908e94ea4df28d084f32eccf03491c71f754b4075577a28552",
        ),
        (  # the document's u has its highest bit set, to be masked; PBY1 refuses such a key, so here it is masked
            "4b66e9d4d1b4673c5ad22691957d6af5c11b6421e0ea01d42ca4169e7918ba0d",
            "e5210f12786811d3f4b7959d0538ae2c31dbe7106fc03c3efc4cd549c715a413",
            "95cbde9476e8907d7aade45cb4b873f88b595a68799fa152e6f8f7647aac7957",
        ),
    ],
)
def test_rfc_7748_section_5_2(scalar: str, u: str, result: str) -> None:
    assert EphemeralKey(bytes.fromhex(scalar)).exchange(bytes.fromhex(u)).hex() == result


def test_rfc_7748_section_5_2_iterated_a_thousand_times() -> None:
    k = u = public(9)
    seen: list[bytes] = []
    for _ in range(1000):
        k, u = bindings.crypto_scalarmult(k, u), k
        seen.append(k)
    assert seen[0].hex() == "422c8e7a6227d7bca1350b3e2bb7279f7897b87bb6854b783c60e80311ae3079"
    assert seen[-1].hex() == "684cf59ba83309552800ef566f2f4d3c1c3887c49360e3875f2eb94d99532c51"


def test_rfc_7748_section_6_1() -> None:
    alice = EphemeralKey(bytes.fromhex("77076d0a7318a57d3c16c17251b26645df4c2f87ebc0992ab177fba51db92c2a"))
    bob = EphemeralKey(bytes.fromhex("5dab087e624a8a4b79e17f8b83800ee66f3bb1292618b6fd1c2f8b27ff88e0eb"))
    assert alice.public.hex() == "8520f0098930a754748b7ddcb43ef75a0dbf3a0d26381af4eba4a98eaa9b4e6a"
    assert bob.public.hex() == "de9edb7d7b7dc1b4d35b61c2ece435373f8343c85b78674dadfc7e146f882b4f"
    shared = "4a5d9d5ba4ce2de1728e3bf480350f25e07e21c947d19e3376f09b3c1e161742"
    assert alice.exchange(bob.public).hex() == bob.exchange(alice.public).hex() == shared


SMALL_ORDER = {
    "order 4: u = 0": public(0),
    "order 1 on the twist: u = 1": public(1),
    "order 8": bytes.fromhex("e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800"),
    "order 8, the other": bytes.fromhex("5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157"),
    "u = -1": public(P - 1),
    "0, not reduced": public(P),
    "1, not reduced": public(P + 1),
}


@pytest.mark.parametrize("point", SMALL_ORDER.values(), ids=list(SMALL_ORDER))
def test_a_point_of_small_order_is_refused_whatever_our_secret(point: bytes) -> None:
    for secret in SECRETS:
        with pytest.raises(RemoteProtocolError) as raised:
            EphemeralKey(secret).exchange(point)
        assert isinstance(raised.value.__cause__, exceptions.RuntimeError)


@pytest.mark.parametrize("point", [*SMALL_ORDER.values(), public(9), public(P - 2), b"\x7f" * 32])
def test_a_public_key_with_its_highest_bit_set_is_refused(point: bytes) -> None:
    for secret in SECRETS:
        with pytest.raises(RemoteProtocolError):
            EphemeralKey(secret).exchange(point[:31] + bytes([point[31] | 0x80]))


@pytest.mark.parametrize("small", range(2, 19))
def test_a_coordinate_that_is_not_reduced_means_the_reduced_one(small: int) -> None:
    """RFC 7748, 5: accepted and reduced. The transcript holds the bytes as sent, so they are not interchangeable."""
    for secret in SECRETS:
        key = EphemeralKey(secret)
        assert key.exchange(public(P + small)) == key.exchange(public(small))


def test_points_of_the_twist_and_next_to_the_special_ones_are_accepted() -> None:
    for u in (2, 3, 4, 9, P - 2, P - 3, 2**254, 2**255 - 22):
        for secret in SECRETS:
            assert any(EphemeralKey(secret).exchange(public(u)))


def test_clamping_makes_equal_keys_of_secrets_that_differ_in_the_clamped_bits() -> None:
    secret = bytearray(SECRETS[2])
    expected = EphemeralKey(bytes(secret)).public
    secret[0] ^= 0x07
    secret[31] ^= 0x80
    assert EphemeralKey(bytes(secret)).public == expected


# ---- BLAKE2b: RFC 7693 -----------------------------------------------------------------------------------------------


def test_rfc_7693_appendix_a() -> None:
    digest = bindings.crypto_generichash_blake2b_salt_personal(b"abc", digest_size=64)
    assert digest.hex() == (
        "ba80a53f981c4d0d6a2797b69f12f6e94c212f14685ac4b74b12bb6fdbffa2d1"
        "7d87c5392aab792dc252d5de4533cc9518d38aa8dbf1925ab92386edd4009923"
    )


def fibonacci(length: int, seed: int) -> bytes:
    """The input of the RFC's self-test."""
    a, b = 0xDEAD4BAD * seed & 0xFFFFFFFF, 1
    out = bytearray()
    for _ in range(length):
        a, b = b, a + b & 0xFFFFFFFF
        out.append(b >> 24)
    return bytes(out)


def test_rfc_7693_appendix_e_keyed_and_unkeyed() -> None:
    total = hashlib.blake2b(digest_size=32)
    for size in (20, 32, 48, 64):
        for length in (0, 3, 128, 129, 255, 1024):
            data = fibonacci(length, length)
            for key in (b"", fibonacci(size, size)):
                total.update(bindings.crypto_generichash_blake2b_salt_personal(data, digest_size=size, key=key))
    assert total.hexdigest() == "c23a7800d98123bd10f506c61e29da5603d763b8bbad2e737f5e765a7bccd475"


@pytest.mark.parametrize("key", [None, bytes(range(32))], ids=["unkeyed", "keyed"])
@pytest.mark.parametrize("person", [b"", b"pby1 t0", b"pby1 sixteen oct"])
def test_a_personal_string_is_padded_with_zeros_as_hashlib_pads_it(person: bytes, key: bytes | None) -> None:
    for length in range(260):
        data = fibonacci(length, length)
        assert (
            blake2b(person, data, key=key)
            == hashlib.blake2b(data, digest_size=32, person=person, key=key or b"").digest()
        )


def test_a_personal_string_has_at_most_16_bytes() -> None:
    with pytest.raises(exceptions.ValueError):
        blake2b(b"pby1 seventeen oct", b"")


# ---- Ed25519: RFC 8032 -----------------------------------------------------------------------------------------------


def test_rfc_8032_public_key_and_signatures_equal_to_openssl() -> None:
    seed = bytes.fromhex("9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60")
    key = SigningKey.from_seed(seed)
    assert key.public.hex() == "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a"
    for length in range(70):
        signature = Ed25519PrivateKey.from_private_bytes(seed).sign(b"pby1 seed\0" + bytes(length))
        assert key.sign(b"pby1 seed\0", bytes(length)) == signature


def test_a_signature_cannot_be_rewritten() -> None:
    """RFC 8032, 5.1.7: S is below the group order L. S + L would be a second signature over the same payload."""
    order = 2**252 + 27742317777372353535851937790883648493
    key = SigningKey.from_seed(SECRETS[2])
    signature = key.sign(b"pby1 seed\0", b"payload")
    larger = int.from_bytes(signature[32:], "little") + order
    assert not verify(key.public, b"pby1 seed\0", b"payload", signature[:32] + larger.to_bytes(32, "little"))


@pytest.mark.parametrize("point", [bytes(32), b"\1" + bytes(31), public(P - 1)])
def test_a_public_key_of_small_order_signs_nothing(point: bytes) -> None:
    assert not verify(point, b"pby1 seed\0", b"payload", point + bytes(32))
    assert not verify(point, b"pby1 seed\0", b"payload", b"\1" + bytes(63))


# ---- libsodium's secretstream ----------------------------------------------------------------------------------------

REKEY = bindings.crypto_secretstream_xchacha20poly1305_TAG_REKEY
FINAL = bindings.crypto_secretstream_xchacha20poly1305_TAG_FINAL
State = bindings.crypto_secretstream_xchacha20poly1305_state
push = bindings.crypto_secretstream_xchacha20poly1305_push
pull = bindings.crypto_secretstream_xchacha20poly1305_pull


def streams() -> tuple[State, State]:
    sender, receiver = State(), State()
    header = bindings.crypto_secretstream_xchacha20poly1305_init_push(sender, bytes(32))
    bindings.crypto_secretstream_xchacha20poly1305_init_pull(receiver, header, bytes(32))
    return sender, receiver


def snapshot(state: State) -> bytes:
    return bytes(state.statebuf)  # pyright: ignore[reportUnknownArgumentType,reportUnknownMemberType] (cffi is untyped)


def test_final_rekeys_too_and_each_header_is_new() -> None:
    assert (FINAL & REKEY, FINAL == REKEY) == (REKEY, False)
    headers = {bindings.crypto_secretstream_xchacha20poly1305_init_push(State(), bytes(32)) for _ in range(50)}
    assert len(headers) == 50


def test_sender_and_receiver_have_one_state_before_and_after_each_record() -> None:
    """So a push under a chosen header can be had from init_pull; the vectors are made that way."""
    sender, receiver = streams()
    assert snapshot(sender) == snapshot(receiver)
    for tag in (0, 1, REKEY, FINAL):
        assert pull(receiver, push(sender, b"m", b"ad", tag), b"ad") == (b"m", tag)
        assert snapshot(sender) == snapshot(receiver)


def test_a_failed_pull_leaves_the_state_and_libsodium_would_go_on() -> None:
    """The reason why Opener gives its state up first."""
    sender, receiver = streams()
    sealed = push(sender, b"m", b"ad", REKEY)
    with pytest.raises(exceptions.RuntimeError):
        pull(receiver, sealed[:-1] + bytes([sealed[-1] ^ 1]), b"ad")
    assert pull(receiver, sealed, b"ad") == (b"m", REKEY)


def test_libsodium_would_go_on_after_final() -> None:
    sender, receiver = streams()
    pull(receiver, push(sender, b"m", None, FINAL))
    assert pull(receiver, push(sender, b"more", None, REKEY)) == (b"more", REKEY)


def test_the_key_of_a_record_is_gone_after_it() -> None:
    sender, receiver = streams()
    before = snapshot(receiver)[:32]
    pull(receiver, push(sender, b"m", None, REKEY))
    assert snapshot(receiver)[:32] != before


def test_additional_data_order_and_repetition_are_authenticated() -> None:
    for wrong in (b"", b"AD", b"ad\0"):
        sender, receiver = streams()
        with pytest.raises(exceptions.RuntimeError):
            pull(receiver, push(sender, b"m", b"ad", REKEY), wrong)
    sender, receiver = streams()
    first, second = push(sender, b"1", None, REKEY), push(sender, b"2", None, REKEY)
    with pytest.raises(exceptions.RuntimeError):
        pull(receiver, second)
    pull(receiver, first)
    with pytest.raises(exceptions.RuntimeError):
        pull(receiver, first)
