"""Seed records: what is signed reads back, and whatever is forged, foreign, oversize, old or ill-aimed is refused."""

import contextlib
from dataclasses import replace
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from passerby.crypto.errors import LocalProtocolError, RemoteProtocolError
from passerby.crypto.keys import SigningKey, peer_id_of
from passerby.crypto.stamp import puzzle_work, solve_puzzle
from passerby.discovery.addresses import Address, Family, Scope, parse
from passerby.discovery.rooms import NO_WORK, seed_position
from passerby.discovery.seedrecord import SeedRecord, check_work, public_in, read_record, sign_record

KEY = SigningKey(bytes(range(32)))
OTHER = SigningKey(bytes(32))
PREFIX = b"pby1 seed\0"
UNIX = 1_800_000_123
LOOPBACK = parse("/ip4/127.0.0.1/tcp/7171")
LAN = parse("/ip4/192.168.1.7/tcp/7171")
PUBLIC = parse("/ip4/11.22.33.44/tcp/443")
PUBLIC_6 = parse("/ip6/2a00::7/tcp/4001")
NAMED = parse("/dns4/seed.example.org/tcp/4001")
RECORD = SeedRecord(
    KEY.public,
    (PUBLIC, PUBLIC_6, NAMED),
    UNIX,
    nonce=5,
    work=bytes(range(32)),
    versions=(1, 7),
    relay=True,
    contact="пост@example.org",
    family="example",
)
BLOB = sign_record(KEY, RECORD)
LONGEST = f"/dns4/{'n' * 63}.{'m' * 48}/tcp/65535"


def free_work(password: bytes, salt: bytes) -> bytes:
    """As cheap as the puzzle may be in a test, and different for each nonce and salt."""
    return (password[-1] ^ salt[0]).to_bytes(32, "little")


def elements(record: SeedRecord = RECORD) -> list[Any]:
    payload = sign_record(KEY, record)[:-64]
    return list(msgspec.msgpack.decode(payload))


def signed(content: list[Any] | bytes, key: SigningKey = KEY, prefix: bytes = PREFIX) -> bytes:
    payload = content if isinstance(content, bytes) else msgspec.msgpack.encode(content)
    return payload + key.sign(prefix, payload)


def changed(index: int, value: object) -> bytes:
    fields = elements()
    fields[index] = value
    return signed(fields)


# ---- what is signed reads back


PORTS = st.one_of(st.sampled_from([80, 443]), st.integers(1024, 65535))
ADDRESSES = st.one_of(
    st.lists(st.builds(Address, st.just(Family.IP4), st.just("127.0.0.1"), PORTS), min_size=1, max_size=4),
    st.lists(st.builds(Address, st.just(Family.IP4), st.just("10.1.2.3"), PORTS), min_size=1, max_size=4),
    st.lists(
        st.builds(Address, st.just(Family.IP6), st.just("2a00::7"), PORTS)
        | st.builds(Address, st.just(Family.DNS6), st.just("a.example"), PORTS),
        min_size=1,
        max_size=4,
    ),
).map(tuple)
TEXT = st.text(st.characters(exclude_categories=["Cc", "Cs"]), max_size=8)


@st.composite
def records(draw: st.DrawFn) -> SeedRecord:
    addresses = draw(ADDRESSES)
    is_public = addresses[0].scope in (None, Scope.PUBLIC)
    return SeedRecord(
        KEY.public,
        addresses,
        draw(st.integers(0, 0xFFFFFFFF)),
        draw(st.integers(0, (1 << 64) - 1)) if is_public else 0,
        draw(st.binary(min_size=32, max_size=32)) if is_public else NO_WORK,
        tuple(sorted(draw(st.sets(st.integers(1, 255), min_size=1, max_size=4)))),
        draw(st.booleans()),
        draw(TEXT),
        draw(TEXT),
    )


@given(records())
def test_a_record_reads_back(record: SeedRecord) -> None:
    blob = sign_record(KEY, record)
    assert len(blob) <= 1024
    again = read_record(blob)
    assert again == record
    assert (again.scope, again.pid, again.position) == (record.scope, record.pid, record.position)


def test_the_longest_record_there_can_be_is_within_the_limit() -> None:
    assert len(LONGEST) == 128
    longest = SeedRecord(
        KEY.public,
        (parse(LONGEST),) * 4,
        0xFFFFFFFF,
        (1 << 64) - 1,
        bytes(32),
        (252, 253, 254, 255),
        relay=True,
        contact="c" * 100,
        family="f" * 32,
    )
    assert len(sign_record(KEY, longest)) == 814
    assert read_record(sign_record(KEY, longest)) == longest


def test_id_and_place_follow_from_key_and_work() -> None:
    assert RECORD.pid == peer_id_of(KEY.public)
    assert RECORD.position == seed_position(KEY.public, RECORD.work)
    assert SeedRecord(KEY.public, (LOOPBACK,), UNIX).position == seed_position(KEY.public)
    assert replace(RECORD, nonce=6).position == RECORD.position
    assert replace(RECORD, work=bytes(32)).position != RECORD.position


def test_a_seed_signs_its_own_record_only() -> None:
    with pytest.raises(LocalProtocolError):
        sign_record(OTHER, RECORD)


def test_a_simulation_passes_a_signature_of_its_own() -> None:
    class Free:
        public = KEY.public

        def sign(self, prefix: bytes, payload: bytes) -> bytes:
            return prefix[:4].ljust(64, b"\0")

    def verify(public: bytes, prefix: bytes, payload: bytes, signature: bytes) -> bool:
        return (public, prefix[:4].ljust(64, b"\0")) == (KEY.public, signature)

    blob = sign_record(Free(), RECORD)
    assert read_record(blob, verify) == RECORD
    with pytest.raises(RemoteProtocolError, match="signature"):
        read_record(blob)


# ---- scope and age


@pytest.mark.parametrize(
    ("addresses", "scopes"),
    [
        ([LOOPBACK, parse("/ip6/::1/tcp/80")], {Scope.MACHINE}),
        ([LAN, parse("/ip6/fe80::1/tcp/1024")], {Scope.LAN}),
        ([PUBLIC, PUBLIC_6], {Scope.PUBLIC, Scope.TOR}),
        ([NAMED, PUBLIC], {Scope.PUBLIC, Scope.TOR}),
        ([PUBLIC, NAMED], {Scope.PUBLIC, Scope.TOR}),
        ([NAMED], {Scope.PUBLIC, Scope.TOR}),
    ],
)
def test_a_record_is_of_the_scope_of_its_addresses(addresses: list[Address], scopes: set[Scope]) -> None:
    record = SeedRecord(KEY.public, tuple(addresses), UNIX)
    assert {scope for scope in Scope if record.fits(scope)} == scopes
    assert read_record(sign_record(KEY, record)).scope in scopes


def test_a_record_counts_for_a_day_and_forgives_two_hours() -> None:
    hour = 3600
    for offset, is_current in (
        (-2 * hour, True),
        (-2 * hour - 1, False),
        (0, True),
        (26 * hour, True),
        (26 * hour + 1, False),
    ):
        assert RECORD.is_current(UNIX + offset) is is_current
    assert RECORD.is_current(UNIX - 7200.5) is False


# ---- what is refused


@pytest.mark.parametrize("size", [0, 1, 63, 64, 1025])
def test_a_record_of_illegal_length_is_refused(size: int) -> None:
    with pytest.raises(RemoteProtocolError, match=f"a seed record of {size} bytes"):
        read_record(bytes(size))


def test_a_record_of_exactly_the_longest_length_is_read() -> None:
    fields = elements()
    fill = 1024 - len(signed([*fields, b""])) - 1  # a bin this long has one byte more before it
    assert len(signed([*fields, bytes(fill)])) == 1024
    assert read_record(signed([*fields, bytes(fill)])) == RECORD
    with pytest.raises(RemoteProtocolError, match="1025 bytes"):
        read_record(signed([*fields, bytes(fill + 1)]))


@given(st.integers(0, 8 * len(BLOB) - 1))
def test_every_bit_counts(bit: int) -> None:
    forged = bytearray(BLOB)
    forged[bit // 8] ^= 1 << bit % 8
    with pytest.raises(RemoteProtocolError):
        read_record(bytes(forged))


@given(st.integers(0, len(BLOB) - 1), st.binary(max_size=9))
def test_a_cut_or_longer_record_is_refused(length: int, tail: bytes) -> None:
    with pytest.raises(RemoteProtocolError):
        read_record(BLOB[:length])
    if tail:
        with pytest.raises(RemoteProtocolError):
            read_record(BLOB + tail)


def test_a_record_signed_by_another_or_for_another_purpose_is_refused() -> None:
    for blob in (signed(elements(), OTHER), signed(elements(), prefix=b"pby1 ticket\0"), BLOB[:-64] + bytes(64)):
        with pytest.raises(RemoteProtocolError, match="signature"):
            read_record(blob)


def test_another_encoding_of_the_same_record_needs_another_signature() -> None:
    longer = BLOB[:-64].replace(b"\xce" + UNIX.to_bytes(4, "big"), b"\xcf" + UNIX.to_bytes(8, "big"))
    assert msgspec.msgpack.decode(longer) == msgspec.msgpack.decode(BLOB[:-64])
    with pytest.raises(RemoteProtocolError, match="signature"):
        read_record(longer + BLOB[-64:])
    assert read_record(signed(longer)) == RECORD  # its seed may choose any


def test_whose_record_it_is_is_read_from_its_place() -> None:
    assert public_in(signed([*elements(), "new"])) == KEY.public
    assert public_in(signed([bytes(32), *elements()[1:]])) == bytes(32)


def test_further_elements_are_ignored() -> None:
    assert read_record(signed([*elements(), "new", {"a": None}, [1.5]])) == RECORD


def test_no_signature_is_verified_of_what_breaks_a_limit() -> None:
    def verify(*_: bytes) -> bool:
        raise AssertionError("a signature costs more than a limit")

    for blob in (bytes(1025), changed(5, []), changed(1, ["/ip4/127.0.0.1/tcp/7171", "/ip4/192.168.1.7/tcp/7171"])):
        with pytest.raises(RemoteProtocolError):
            read_record(blob, verify)


@pytest.mark.parametrize(
    ("index", "value"),
    [
        (0, bytes(31)),
        (0, bytes(33)),
        (0, "x" * 32),
        (1, []),
        (1, ["/ip4/11.22.33.44/tcp/443"] * 5),
        (1, "/ip4/11.22.33.44/tcp/443"),
        (1, [b"/ip4/11.22.33.44/tcp/443"]),
        (1, [LONGEST.replace("m/", "mm/")]),
        (1, ["/dns4/\u212aelvin.example/tcp/443"]),
        (2, -1),
        (2, 1.0),
        (3, bytes(31)),
        (3, bytes(33)),
        (3, None),
        (4, -1),
        (4, 1 << 32),
        (4, "now"),
        (5, []),
        (5, [0]),
        (5, [1, 1]),
        (5, [2, 1]),
        (5, [1, 2, 3, 4, 5]),
        (5, [256]),
        (5, [-1]),
        (5, [True]),
        (6, 1),
        (6, None),
        (7, "c" * 101),
        (7, "ж" * 51),
        (7, b"bytes"),
        (7, "a\x1b[2Jb"),
        (7, "a\x85b"),
        (7, "a\x7fb"),
        (8, "f" * 33),
        (8, "two\nlines"),
    ],
)
def test_a_limit_broken_makes_it_malformed(index: int, value: object) -> None:
    with pytest.raises(RemoteProtocolError, match="malformed seed record"):
        read_record(changed(index, value))


@pytest.mark.parametrize(
    ("index", "value"),
    [
        (1, ["/ip4/11.22.33.44/tcp/443"] * 4),
        (1, [LONGEST]),
        (2, (1 << 64) - 1),
        (4, 0),
        (4, (1 << 32) - 1),
        (5, [255]),
        (5, [1, 2, 3, 255]),
        (7, "c" * 100),
        (7, "ж" * 50),
        (8, "f" * 32),
        (8, ""),
    ],
)
def test_a_limit_just_kept_is_read(index: int, value: object) -> None:
    assert read_record(changed(index, value)).pid == RECORD.pid


@pytest.mark.parametrize("count", range(9))
def test_a_record_that_ends_early_is_malformed(count: int) -> None:
    with pytest.raises(RemoteProtocolError, match="malformed seed record"):
        read_record(signed(elements()[:count]))


@pytest.mark.parametrize(
    "addresses",
    [
        ["/ip4/127.0.0.1/tcp/7171", "/ip4/11.22.33.44/tcp/443"],
        ["/ip4/11.22.33.44/tcp/443", "/ip4/192.168.1.7/tcp/7171"],
        ["/ip4/192.168.1.7/tcp/7171", "/ip4/127.0.0.1/tcp/7171"],
        ["/ip4/127.0.0.1/tcp/7171", "/dns4/seed.example.org/tcp/4001"],
        ["/dns4/seed.example.org/tcp/4001", "/ip4/192.168.1.7/tcp/7171"],
        ["/ip4/192.168.1.7/tcp/7171", "/dns6/seed.example.org/tcp/4001"],
        ["/ip4/11.22.33.44/tcp/22"],
        ["/ip4/11.22.33.44/tcp/0"],
        ["/ip4/127.0.0.1/tcp/1023"],
        ["/dns4/seed.example.org/tcp/25"],
        ["/dns4/seed.example.org/tcp/0"],
        ["/ip4/0.0.0.0/tcp/4001"],
        ["/ip4/224.0.0.1/tcp/4001"],
        ["/ip4/192.0.2.7/tcp/4001"],
        ["/ip6/2002:7f00:1::/tcp/4001"],
        ["/ip6/64:ff9b::7f00:1/tcp/4001"],
        ["/ip6/::ffff:127.0.0.1/tcp/4001", "/ip4/11.22.33.44/tcp/443"],
        [f"/onion3/{'a2' * 28}:7171"],
        ["/ip4/11.22.33.44/tcp/443/p2p/12D3KooWE86giP6irj7z3kxVdaxmSDfP4N5DrHUXJdYjAg6zJLnq"],
        ["/dns4/a.example/tcp/443/p2p/12D3KooWE86giP6irj7z3kxVdaxmSDfP4N5DrHUXJdYjAg6zJLnq"],
        ["/ip4/11.22.33.44/udp/443"],
        ["11.22.33.44:443"],
        [""],
    ],
)
def test_an_address_that_may_not_be_dialled_makes_the_record_unreadable(addresses: list[str]) -> None:
    fields = elements(SeedRecord(KEY.public, (PUBLIC,), UNIX))
    fields[1] = addresses
    with pytest.raises(RemoteProtocolError, match="malformed seed record"):
        read_record(signed(fields))


@pytest.mark.parametrize("address", [LOOPBACK, LAN])
@pytest.mark.parametrize(("nonce", "work"), [(1, NO_WORK), (0, b"\0" * 31 + b"\1")])
def test_where_no_work_is_asked_for_none_may_choose_a_place(address: Address, nonce: int, work: bytes) -> None:
    with pytest.raises(ValueError, match="work"):
        SeedRecord(KEY.public, (address,), UNIX, nonce, work)
    fields = elements(SeedRecord(KEY.public, (address,), UNIX))
    fields[2:4] = nonce, work
    with pytest.raises(RemoteProtocolError, match="malformed seed record"):
        read_record(signed(fields))


def test_what_cannot_be_written_is_refused_before_it_is_signed() -> None:
    for change in ({"contact": "\ud800"}, {"nonce": 1 << 64}, {"addresses": ()}, {"public": b""}, {"work": b""}):
        with pytest.raises(ValueError, match=r"."):
            replace(RECORD, **change)


@given(st.binary(max_size=1100) | st.binary(max_size=300).map(signed))
def test_junk_is_the_other_sides_fault(junk: bytes) -> None:
    with pytest.raises(RemoteProtocolError):
        read_record(junk)


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(1 << 63), (1 << 64) - 1) | st.floats() | st.text() | st.binary(),
    lambda inner: st.lists(inner, max_size=4),
    max_leaves=6,
)


@given(st.integers(0, 8), VALUES)
def test_whatever_a_seed_signs_is_read_or_is_its_fault(index: int, value: object) -> None:
    with contextlib.suppress(RemoteProtocolError):
        blob = changed(index, value)
        assert sign_record(KEY, read_record(blob)) == blob


def test_nesting_is_malformed_and_no_crash() -> None:
    def read_from(depth: int, blob: bytes) -> SeedRecord:
        return read_from(depth - 1, blob) if depth else read_record(blob)

    with pytest.raises(RemoteProtocolError):
        read_record(signed(b"\x91" * 950))
    ignored = signed(b"\x9a" + msgspec.msgpack.encode(elements())[1:] + b"\x91" * 700 + b"\xc0")
    with contextlib.suppress(RemoteProtocolError):  # as deep as the interpreter bears, which depends on its version
        assert read_from(400, ignored) == RECORD


# ---- the id puzzle


def test_work_is_that_of_key_nonce_and_network() -> None:
    solved = solve_puzzle(KEY.public, "main", 3, lambda: True, free_work)
    assert solved is not None
    record = replace(RECORD, nonce=solved[0], work=solved[1])
    assert check_work(record, "main", 3, free_work)
    assert check_work(record, "main", 0, free_work)
    assert not check_work(record, "other", 3, free_work)
    assert not check_work(replace(record, nonce=record.nonce + 1), "main", 3, free_work)
    assert not check_work(replace(record, public=OTHER.public), "main", 3, free_work)


def test_too_little_work_costs_nobody_anything() -> None:
    def work(password: bytes, salt: bytes) -> bytes:
        raise AssertionError("the zero bits are looked at first")

    claimed = replace(RECORD, work=b"\0\x7f" + bytes(30))
    assert not check_work(claimed, "main", 10, work)
    with pytest.raises(AssertionError):
        check_work(claimed, "main", 9, work)


def test_a_claim_of_all_zero_bits_is_not_believed() -> None:
    assert not check_work(replace(RECORD, work=bytes(32)), "main", 9)


def test_the_real_work_is_argon2id() -> None:
    assert check_work(replace(RECORD, work=puzzle_work(KEY.public, RECORD.nonce, "main")), "main", 0)


def test_outside_the_public_scope_there_is_no_puzzle() -> None:
    for address in (LOOPBACK, LAN):
        assert check_work(SeedRecord(KEY.public, (address,), UNIX), "main", 255)
