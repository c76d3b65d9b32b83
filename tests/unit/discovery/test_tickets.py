"""Tickets: what is signed reads back, what was touched does not, and none names an address that it may not."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from passerby.crypto.errors import LocalProtocolError, RemoteProtocolError
from passerby.crypto.keys import SigningKey, peer_id_of
from passerby.discovery.addresses import Address, Family, Scope, parse
from passerby.discovery.rooms import RoomId, room_of
from passerby.discovery.tickets import Ticket, read_ticket, sign_ticket

KEY = SigningKey.from_seed(bytes(range(32)))
PID = peer_id_of(KEY.public)
RELAY = peer_id_of(b"r" * 32)
ROOM = room_of("main", 2_900_000)
HERE = parse("/ip4/127.0.0.1/tcp/4001")
HERE6 = parse("/ip6/::1/tcp/4001")
LAN = parse("/ip4/192.168.1.7/tcp/4001")

ROOMS = st.integers(0, 20).flatmap(
    lambda level: st.builds(
        RoomId,
        st.integers(0, 0xFFFFFFFF),
        st.binary(min_size=32, max_size=32),
        st.just(level),
        st.integers(0, (1 << level) - 1),
    )
)
VERSIONS = st.lists(st.integers(0, 255), min_size=1, max_size=4).map(tuple)
HOW = st.sampled_from([(RELAY, ()), (None, (HERE,)), (None, (HERE, HERE6)), (None, (LAN,)), (None, (LAN, LAN))])


@given(ROOMS, HOW, VERSIONS)
def test_what_is_signed_reads_back(
    room: RoomId, how: tuple[bytes | None, tuple[Address, ...]], versions: tuple[int, ...]
) -> None:
    ticket = Ticket(PID, room, *how, versions)
    blob = sign_ticket(KEY, ticket)
    assert len(blob) <= 200
    assert read_ticket(blob) == ticket


def test_every_flipped_bit_is_noticed() -> None:
    blob = sign_ticket(KEY, Ticket(PID, ROOM, addresses=(HERE,)))
    for bit in range(8 * len(blob)):
        touched = bytearray(blob)
        touched[bit // 8] ^= 1 << bit % 8
        with pytest.raises(RemoteProtocolError):
            read_ticket(bytes(touched))


def test_every_truncation_and_addition_is_noticed() -> None:
    blob = sign_ticket(KEY, Ticket(PID, ROOM, relay=RELAY))
    for other in [*(blob[:end] for end in range(len(blob))), blob + b"\0", b"\0" + blob, blob + bytes(64)]:
        with pytest.raises(RemoteProtocolError):
            read_ticket(other)


@given(st.binary(max_size=300))
def test_garbage_is_the_other_sides_fault(blob: bytes) -> None:
    with pytest.raises(RemoteProtocolError):
        read_ticket(blob)


def signed(*elements: object, pad: int = 0) -> bytes:
    payload = msgspec.msgpack.encode([*elements, *([bytes(pad)] if pad else [])])
    return payload + KEY.sign(b"pby1 ticket\0", payload)


def room(level: int = 0, shard: int = 0) -> list[object]:
    return [ROOM.epoch, ROOM.tid, level, shard]


def test_further_elements_are_ignored_up_to_256_bytes() -> None:
    assert read_ticket(signed(KEY.public, room(), None, [HERE.pack()], [1], "new")).addresses == (HERE,)
    short = len(signed(KEY.public, room(), None, [HERE.pack()], [1], pad=50))
    fits = signed(KEY.public, room(), None, [HERE.pack()], [1], pad=50 + 256 - short)
    assert len(fits) == 256
    assert read_ticket(fits).pid == PID
    with pytest.raises(RemoteProtocolError, match="257 bytes"):
        read_ticket(signed(KEY.public, room(), None, [HERE.pack()], [1], pad=51 + 256 - short))


@pytest.mark.parametrize(
    "elements",
    [
        (KEY.public, room(), None, [], [1]),  # neither relay nor addresses
        (KEY.public, room(), b"r" * 32, [HERE.pack()], [1]),  # both
        (KEY.public, room(), None, [parse("/ip4/9.9.9.9/tcp/4001").pack()], [1]),  # a public address
        (KEY.public, room(), None, [HERE.pack(), LAN.pack()], [1]),  # two scopes
        (KEY.public, room(), None, [parse("/ip4/127.0.0.1/tcp/22").pack()], [1]),  # a service's port
        (KEY.public, room(), None, [HERE.pack()] * 3, [1]),
        (KEY.public, room(), None, [b"\x04\x7f\0\0\1\x11\x0f\xa1"], [1]),  # udp
        (KEY.public, room(), None, [bytes(21)], [1]),
        (KEY.public, room(), None, ["/ip4/127.0.0.1/tcp/4001"], [1]),
        (KEY.public, room(), None, [HERE.pack()], []),
        (KEY.public, room(), None, [HERE.pack()], [1] * 5),
        (KEY.public, room(), None, [HERE.pack()], [256]),
        (KEY.public, room(), b"r" * 31, [], [1]),
        (KEY.public[:31], room(), None, [HERE.pack()], [1]),
        (KEY.public, room(21), None, [HERE.pack()], [1]),
        (KEY.public, room(1, 2), None, [HERE.pack()], [1]),
        (KEY.public, room(), None, [HERE.pack()]),
    ],
)
def test_a_good_signature_excuses_nothing(elements: tuple[object, ...]) -> None:
    with pytest.raises(RemoteProtocolError, match="malformed"):
        read_ticket(signed(*elements))


def test_nested_arrays_are_malformed() -> None:
    with pytest.raises(RemoteProtocolError):
        read_ticket(b"\x91" * 192 + bytes(64))


def test_a_signature_of_another_purpose_is_none() -> None:
    payload = sign_ticket(KEY, Ticket(PID, ROOM, relay=RELAY))[:-64]
    with pytest.raises(RemoteProtocolError, match="signature"):
        read_ticket(payload + KEY.sign(b"pby1 seed\0", payload))


def test_we_sign_only_our_own_and_only_what_others_accept() -> None:
    with pytest.raises(LocalProtocolError, match="owner"):
        sign_ticket(KEY, Ticket(RELAY, ROOM, relay=RELAY))
    for ticket in [
        Ticket(PID, ROOM, relay=RELAY, versions=()),
        Ticket(PID, ROOM, relay=RELAY, versions=(1,) * 5),
        Ticket(PID, ROOM, addresses=(HERE,) * 3),
    ]:
        with pytest.raises(LocalProtocolError, match="too many"):
            sign_ticket(KEY, ticket)


def test_a_ticket_fits_the_scope_that_its_addresses_are_of() -> None:
    def scopes(ticket: Ticket) -> set[Scope]:
        return {scope for scope in Scope if ticket.fits(scope)}

    assert scopes(Ticket(PID, ROOM, addresses=(HERE, HERE6))) == {Scope.MACHINE}
    assert scopes(Ticket(PID, ROOM, addresses=(LAN,))) == {Scope.LAN}
    assert scopes(Ticket(PID, ROOM, relay=RELAY)) == {Scope.PUBLIC, Scope.TOR}


def test_no_ticket_of_a_public_address_can_be_made() -> None:
    with pytest.raises(ValueError, match="all of"):
        Ticket(PID, ROOM, addresses=(Address(Family.IP4, "9.9.9.9", 4001),))
