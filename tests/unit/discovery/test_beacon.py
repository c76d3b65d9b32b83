"""What seeds tell by multicast: the same out as in, nothing of other networks, nothing that must not be dialled."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from passerby.crypto.keys import SigningKey, peer_id_of
from passerby.discovery.addresses import Scope, may_dial, parse
from passerby.discovery.peerids import peer_id_text
from passerby.discovery.seeding.beacon import beacon, mark_of, read_beacon

ONE, OTHER = (peer_id_text(peer_id_of(SigningKey.from_seed(bytes([number]) * 32).public)) for number in range(2))
FOUR = parse(f"/ip4/192.168.1.5/tcp/40001/p2p/{ONE}")
SIX = parse(f"/ip6/fd00::5/tcp/40001/p2p/{ONE}")


def test_a_seed_is_read_as_it_told() -> None:
    assert read_beacon(beacon("main", [FOUR, SIX]), "main") == (FOUR, SIX)


def test_the_bytes() -> None:
    told = beacon("main", [FOUR])
    assert mark_of("main") == "4a5b9ca2"
    assert told == b"\x0cnet=4a5b9ca2\x5bdnsaddr=/ip4/192.168.1.5/tcp/40001/p2p/" + ONE.encode()


def test_another_network_is_none_of_ours() -> None:
    assert read_beacon(beacon("other", [FOUR]), "main") == ()


@pytest.mark.parametrize(
    "address",
    [
        f"/ip4/127.0.0.1/tcp/40001/p2p/{ONE}",
        f"/ip4/1.1.1.1/tcp/40001/p2p/{ONE}",
        f"/ip4/192.168.1.5/tcp/22/p2p/{ONE}",
        f"/dns4/seed.example/tcp/40001/p2p/{ONE}",
        f"/ip4/192.168.1.5/tcp/40001/p2p/{OTHER}",
    ],
)
def test_one_address_amiss_and_nothing_is_taken(address: str) -> None:
    assert read_beacon(beacon("main", [FOUR, parse(address)]), "main") == ()


def test_what_is_no_address_is_nothing() -> None:
    assert read_beacon(beacon("main", []) + b"\x09dnsaddr=/", "main") == ()
    assert read_beacon(beacon("main", []), "main") == ()


def test_no_more_than_two_addresses() -> None:
    third = parse(f"/ip4/192.168.1.6/tcp/40001/p2p/{ONE}")
    assert read_beacon(beacon("main", [FOUR, SIX, third]), "main") == (FOUR, SIX)


@given(st.binary(max_size=400))
def test_no_bytes_do_harm(data: bytes) -> None:
    for told in (data, beacon("main", [FOUR]) + data):
        assert all(may_dial(address, Scope.LAN) for address in read_beacon(told, "main"))
