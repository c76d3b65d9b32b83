"""Records: three sizes and no other, one final, and nothing opened after anything went wrong."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from nacl import bindings

from passerby.crypto.errors import LocalProtocolError, RemoteProtocolError
from passerby.crypto.records import FAILURE, LEGAL_RECORD_LENGTHS, Opener, Sealer, check_record_length

KEY = bytes(range(32))


def stream() -> tuple[Sealer, Opener]:
    sealer = Sealer(KEY)
    return sealer, Opener(KEY, sealer.header)


def open_whole(opener: Opener, record: bytes) -> tuple[bytes, bool]:
    return opener.open(int.from_bytes(record[:2], "big"), record[2:])


def sealed_raw(padded: bytes, tag: int = 2, claimed: int | None = None) -> tuple[Opener, bytes]:
    """A record by somebody who has the key and breaks the rules."""
    state = bindings.crypto_secretstream_xchacha20poly1305_state()
    header = bindings.crypto_secretstream_xchacha20poly1305_init_push(state, KEY)
    length = (claimed or len(padded) + 17).to_bytes(2, "big")
    sealed = bindings.crypto_secretstream_xchacha20poly1305_push(state, padded, length, tag)
    return Opener(KEY, header), length + sealed


def assert_dead(opener: Opener) -> None:
    with pytest.raises(LocalProtocolError):
        opener.open(273, bytes(273))


def test_the_legal_lengths() -> None:
    assert frozenset({273, 1041, 4113}) == LEGAL_RECORD_LENGTHS
    for length in range(0x10000):
        if length in LEGAL_RECORD_LENGTHS:
            check_record_length(length)
        else:
            with pytest.raises(RemoteProtocolError, match=FAILURE):
                check_record_length(length)


@pytest.mark.parametrize(
    ("inner", "length"), [(1, 273), (255, 273), (256, 1041), (1023, 1041), (1024, 4113), (4095, 4113)]
)
def test_the_smallest_bucket_that_holds_the_inner_bytes_and_their_padding(inner: int, length: int) -> None:
    sealer, opener = stream()
    record = sealer.seal(bytes(inner))
    assert len(record) == 2 + length == 2 + int.from_bytes(record[:2], "big")
    assert open_whole(opener, record) == (bytes(inner), False)


@pytest.mark.parametrize(("inner", "length"), [(1, 1041), (255, 1041), (1023, 1041), (1024, 4113)])
def test_a_minimum_bucket_hides_that_the_content_is_short(inner: int, length: int) -> None:
    sealer, opener = stream()
    record = sealer.seal(bytes(inner), minimum_bucket=1024)
    assert len(record) == 2 + length
    assert open_whole(opener, record) == (bytes(inner), False)


@given(st.lists(st.binary(min_size=1, max_size=4095), max_size=5), st.booleans())
def test_what_is_sealed_is_opened(inners: list[bytes], final: bool) -> None:
    sealer, opener = stream()
    for inner in inners:
        assert open_whole(opener, sealer.seal(inner)) == (inner, False)
    assert open_whole(opener, sealer.seal(b"\x03\0", final=final)) == (b"\x03\0", final)


@pytest.mark.parametrize(("inner", "minimum"), [(0, 256), (4096, 256), (1, 4097)])
def test_what_fits_no_record_is_our_own_mistake(inner: int, minimum: int) -> None:
    sealer, opener = stream()
    with pytest.raises(LocalProtocolError):
        sealer.seal(bytes(inner), minimum_bucket=minimum)
    assert open_whole(opener, sealer.seal(b"still in step")) == (b"still in step", False)


def test_nothing_is_sealed_or_opened_after_the_final_record() -> None:
    sealer, opener = stream()
    assert open_whole(opener, sealer.seal(b"\x03\0", final=True)) == (b"\x03\0", True)
    with pytest.raises(LocalProtocolError):
        sealer.seal(b"more")
    assert_dead(opener)


def test_equal_contents_make_different_records() -> None:
    sealer, _ = stream()
    other, _ = stream()
    assert len({sealer.seal(b"a"), sealer.seal(b"a"), other.seal(b"a")}) == 3


def test_every_bit_of_a_record_is_authenticated() -> None:
    sealer = Sealer(KEY)
    record = sealer.seal(b"text")
    for bit in range(8 * len(record)):
        opener = Opener(KEY, sealer.header)
        changed = bytearray(record)
        changed[bit // 8] ^= 1 << bit % 8
        with pytest.raises(RemoteProtocolError, match=FAILURE) as raised:
            open_whole(opener, bytes(changed))
        assert raised.value.__cause__ is not None
        assert_dead(opener)


@pytest.mark.parametrize("length", [0, 1, 16, 17, 18, 272, 274, 1041, 4113, 65535])
def test_a_length_that_is_not_the_bytes_is_refused(length: int) -> None:
    sealer, opener = stream()
    record = sealer.seal(b"text")
    with pytest.raises(RemoteProtocolError, match=FAILURE):
        opener.open(length, record[2:])
    assert_dead(opener)


@pytest.mark.parametrize("size", range(0, 273, 16))
def test_a_truncated_record_is_refused(size: int) -> None:
    sealer, opener = stream()
    with pytest.raises(RemoteProtocolError, match=FAILURE):
        opener.open(273, sealer.seal(b"text")[2 : 2 + size])
    assert_dead(opener)


def test_a_record_cannot_move_to_another_bucket() -> None:
    """The length is additional data: what was sealed for 273 bytes does not open as part of a longer one."""
    sealer, opener = stream()
    with pytest.raises(RemoteProtocolError):
        opener.open(1041, sealer.seal(b"text")[2:].ljust(1041, b"\0"))
    assert_dead(opener)


@pytest.mark.parametrize("played", [(1,), (0, 0), (0, 2), (0, 1, 0)], ids=["early", "twice", "skipped", "old"])
def test_lost_repeated_and_reordered_records_are_refused(played: tuple[int, ...]) -> None:
    sealer, opener = stream()
    records = [sealer.seal(bytes([n])) for n in range(1, 4)]
    *good, bad = played
    for n in good:
        open_whole(opener, records[n])
    with pytest.raises(RemoteProtocolError, match=FAILURE):
        open_whole(opener, records[bad])
    assert_dead(opener)


def test_another_key_or_header_opens_nothing() -> None:
    sealer = Sealer(KEY)
    record = sealer.seal(b"text")
    for key, header in ((bytes(32), sealer.header), (KEY, Sealer(KEY).header)):
        with pytest.raises(RemoteProtocolError):
            open_whole(Opener(key, header), record)


@pytest.mark.parametrize("size", [0, 255, 257, 512, 2048, 8192])
def test_a_well_sealed_record_of_another_size_is_refused(size: int) -> None:
    opener, record = sealed_raw(b"text\x80".ljust(size, b"\0")[:size])
    with pytest.raises(RemoteProtocolError, match=FAILURE):
        open_whole(opener, record)
    assert_dead(opener)


@pytest.mark.parametrize(("size", "claimed"), [(256, 1041), (1024, 273), (4096, 273), (512, 273)])
def test_a_well_sealed_record_under_another_length_is_refused(size: int, claimed: int) -> None:
    opener, record = sealed_raw(b"t" * (size - 1) + b"\x80", claimed=claimed)  # padded for any bucket
    with pytest.raises(RemoteProtocolError, match=FAILURE):
        open_whole(opener, record)
    assert_dead(opener)


@pytest.mark.parametrize("tag", [0, 1])
def test_a_record_without_rekey_is_refused(tag: int) -> None:
    opener, record = sealed_raw(bindings.sodium_pad(b"text", 256), tag)
    with pytest.raises(RemoteProtocolError, match=FAILURE):
        open_whole(opener, record)
    assert_dead(opener)


@pytest.mark.parametrize(
    "padded", [bytes(256), b"\x80" + bytes(255), b"text" + bytes(252), b"text\x81" + bytes(251)], ids=repr
)
@pytest.mark.parametrize("final", [False, True])
def test_an_empty_record_and_one_without_padding_are_refused(padded: bytes, final: bool) -> None:
    opener, record = sealed_raw(padded, 3 if final else 2)
    with pytest.raises(RemoteProtocolError, match=FAILURE):
        open_whole(opener, record)
    assert_dead(opener)


def test_keys_and_headers_of_other_lengths_are_our_own_mistake() -> None:
    header = Sealer(KEY).header
    for build in (lambda: Sealer(KEY[1:]), lambda: Opener(KEY[1:], header), lambda: Opener(KEY, header[1:])):
        with pytest.raises(LocalProtocolError):
            build()
