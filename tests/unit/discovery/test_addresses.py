"""Addresses: the shapes that are read, the scope and the block of each, and what others may make us dial."""

import ipaddress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from passerby.crypto.keys import peer_id_of
from passerby.discovery.addresses import (
    Address,
    AddressError,
    Family,
    Scope,
    block_of,
    may_dial,
    parse,
    parse_seed,
    scope_of,
)
from passerby.discovery.peerids import peer_id_text

PEER = peer_id_of(bytes(32))
P2P = f"/p2p/{peer_id_text(PEER)}"
ONION = "a" * 56

PORTS = st.integers(0, 65535)
PEERS = st.none() | st.binary(min_size=32, max_size=32).map(peer_id_of)
HOSTS = st.one_of(
    st.ip_addresses(v=4).map(lambda host: (Family.IP4, str(host))),
    st.ip_addresses(v=6).map(lambda host: (Family.IP6, str(host))),
    st.sampled_from(["localhost", "seed.example.org", "a-b.c_d.x1"]).map(lambda host: (Family.DNS4, host)),
    st.sampled_from(["localhost", "7seas.example"]).map(lambda host: (Family.DNS6, host)),
    st.text("abcdefghijklmnopqrstuvwxyz234567", min_size=56, max_size=56).map(lambda host: (Family.ONION3, host)),
)


@given(HOSTS, PORTS, PEERS, st.booleans())
def test_every_shape_reads_back(host: tuple[Family, str], port: int, peer: bytes | None, circuit: bool) -> None:
    address = Address(*host, port, peer, circuit and peer is not None)
    assert parse(str(address)) == address


@given(st.text(max_size=140) | st.text("/ip46dns.tcp2:0159af%", max_size=60).map(lambda text: "/ip6/" + text))
def test_garbage_is_an_address_error_or_an_address(text: str) -> None:
    try:
        address = parse(text)
    except AddressError:
        return
    assert parse(str(address)) == address


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "looks like"),
        ("127.0.0.1:4001", "looks like"),
        ("/ip4/127.0.0.1/udp/4001/quic-v1", "looks like"),
        ("/ip4/127.0.0.1/tcp", "looks like"),
        ("ip4/127.0.0.1/tcp/4001", "looks like"),
        ("/ip4/127.0.0.01/tcp/4001", "not an ip4 address"),
        ("/ip4/localhost/tcp/4001", "not an ip4 address"),
        ("/ip6/127.0.0.1/tcp/4001", "not an ip6 address"),
        ("/ip6/fe80::1%eth0/tcp/4001", "not an ip6 host"),
        ("/dns4/127.0.0.1/tcp/4001", "not an dns4 host"),
        ("/dns4/a..b/tcp/4001", "not an dns4 host"),
        ("/dns6/-a/tcp/4001", "not an dns6 host"),
        ("/dns6//tcp/4001", "not an dns6 host"),
        ("/dns4/ex\u0430mple.org/tcp/4001", "not an dns4 host"),
        ("/ip4/127.0.0.1/tcp/65536", "not a TCP port"),
        ("/ip4/127.0.0.1/tcp/04001", "not a TCP port"),
        ("/ip4/127.0.0.1/tcp/+1", "not a TCP port"),
        ("/ip4/127.0.0.1/tcp/\u0661", "not a TCP port"),
        ("/ip4/127.0.0.1/tcp/4001/p2p/QmYyQSo1c1Ym7orWxLYvCrM2EmxFTANf8wXmmE7DWjhx5N", "Ed25519"),
        ("/ip4/127.0.0.1/tcp/4001/p2p/", "peer id"),
        ("/ip4/127.0.0.1/tcp/4001/ws", "may follow"),
        ("/ip4/127.0.0.1/tcp/4001/p2p-circuit", "may follow"),
        (f"/ip4/127.0.0.1/tcp/4001{P2P}{P2P}", "may follow"),
        (f"/ip4/127.0.0.1/tcp/4001{P2P}/", "may follow"),
        (f"/onion3/{ONION[1:]}:4001", "56"),
        (f"/onion3/{ONION}", "not a TCP port"),
        ("/dns4/" + "a" * 64 + "/tcp/4001", "not an dns4 host"),
        ("/dns4/" + "a." * 127 + "a/tcp/4001", "not an dns4 host"),
        ("/dns4/" + "a" * 500 + "/tcp/4001", "512"),
        ("/ip4/127.0.0.1/tcp/4001\n", "not a TCP port"),
    ],
)
def test_says_what_is_wrong(text: str, words: str) -> None:
    with pytest.raises(AddressError, match=words):
        parse(text)


def test_a_seed_has_a_peer_id_a_port_and_no_relay_before_it() -> None:
    good = f"/ip4/127.0.0.1/tcp/80{P2P}"
    assert parse_seed(good) == Address(Family.IP4, "127.0.0.1", 80, PEER)
    for text, words in [
        ("/ip4/127.0.0.1/tcp/80", "peer id is missing"),
        (good + "/p2p-circuit", "directly"),
        (f"/ip4/127.0.0.1/tcp/0{P2P}", "port 0"),
    ]:
        with pytest.raises(AddressError, match=words):
            parse_seed(text)


SCOPES = [
    ("127.0.0.1", Scope.MACHINE),
    ("127.255.0.9", Scope.MACHINE),
    ("::1", Scope.MACHINE),
    ("::ffff:127.0.0.1", Scope.MACHINE),
    ("10.1.2.3", Scope.LAN),
    ("172.31.0.1", Scope.LAN),
    ("192.168.1.1", Scope.LAN),
    ("169.254.9.9", Scope.LAN),
    ("100.64.0.1", Scope.LAN),
    ("fd00::1", Scope.LAN),
    ("fe80::1", Scope.LAN),
    ("::ffff:10.0.0.1", Scope.LAN),
    ("172.32.0.1", Scope.PUBLIC),
    ("9.9.9.9", Scope.PUBLIC),
    ("2620:fe::fe", Scope.PUBLIC),
    ("224.0.0.1", Scope.PUBLIC),
]


@pytest.mark.parametrize(("host", "scope"), SCOPES)
def test_scope_of_an_address(host: str, scope: Scope) -> None:
    assert scope_of(host) is scope
    family = Family.IP6 if ":" in host else Family.IP4
    assert Address(family, host, 4001).scope is scope


def test_scope_of_names_and_onions() -> None:
    assert parse("/dns4/localhost/tcp/4001").scope is None
    assert parse(f"/onion3/{ONION}:4001").scope is Scope.TOR


@pytest.mark.parametrize(("host", "scope"), SCOPES[:-1])
def test_in_its_scope_and_no_other_an_address_of_others_is_dialled(host: str, scope: Scope) -> None:
    address = Address(Family.IP6 if ":" in host else Family.IP4, host, 4001)
    assert [other for other in Scope if may_dial(address, other)] == [scope]


@pytest.mark.parametrize(
    "host",
    [
        *("0.0.0.0", "192.0.0.9", "192.0.2.1", "192.88.99.1", "198.18.0.1", "198.51.100.7", "203.0.113.7"),
        *("224.0.0.1", "239.1.1.1", "240.0.0.1", "255.255.255.255", "::ffff:224.0.0.1"),
        *("::", "64:ff9b::1", "64:ff9b:1::1", "100::1", "2001::1", "2001:db8::1", "2002::1", "3fff::1", "5f00::1"),
        *("ff02::1", "fec0::1", "4000::1"),
    ],
)
def test_special_addresses_are_never_dialled_on_anothers_word(host: str) -> None:
    address = Address(Family.IP6 if ":" in host else Family.IP4, host, 4001)
    assert not any(may_dial(address, scope) for scope in Scope)


@given(st.ip_addresses())
def test_nothing_is_dialled_in_the_public_scope_that_python_calls_other_than_global(
    host: ipaddress.IPv4Address | ipaddress.IPv6Address,
) -> None:
    if may_dial(Address(Family.IP6 if host.version == 6 else Family.IP4, str(host), 4001), Scope.PUBLIC):
        assert host.is_global
        assert not host.is_multicast


@pytest.mark.parametrize(
    ("port", "allowed"), [(80, True), (443, True), (1024, True), (22, False), (1023, False), (0, False)]
)
def test_low_ports_are_not_dialled(port: int, allowed: bool) -> None:
    assert may_dial(Address(Family.IP4, "127.0.0.1", port), Scope.MACHINE) is allowed


def test_long_addresses_of_others_are_not_dialled() -> None:
    onion = Address(Family.ONION3, ONION, 65535, PEER, circuit=True)
    assert may_dial(onion, Scope.TOR) is False
    assert len(str(onion)) > 128
    assert may_dial(Address(Family.ONION3, ONION, 65535, PEER), Scope.TOR)


def test_names_of_others_are_not_dialled() -> None:
    assert not any(may_dial(parse("/dns4/localhost/tcp/4001"), scope) for scope in Scope)


@given(st.ip_addresses(), PORTS)
def test_packed_addresses_read_back(host: ipaddress.IPv4Address | ipaddress.IPv6Address, port: int) -> None:
    address = Address(Family.IP6 if host.version == 6 else Family.IP4, str(host), port)
    assert len(address.pack()) == (20 if host.version == 6 else 8)
    assert Address.unpack(address.pack()) == address


@given(st.binary(max_size=24) | st.binary(max_size=24).map(lambda tail: b"\x04\x7f\0\0\1\x06" + tail))
def test_packed_garbage_is_an_address_error_or_an_address(packed: bytes) -> None:
    try:
        address = Address.unpack(packed)
    except AddressError:
        return
    assert address.pack() == packed


@pytest.mark.parametrize("text", ["/dns4/localhost/tcp/4001", f"/ip4/127.0.0.1/tcp/4001{P2P}"])
def test_only_bare_addresses_are_packed(text: str) -> None:
    with pytest.raises(AddressError, match="bare"):
        parse(text).pack()


def test_packed_form_is_that_of_the_multiaddr_specification() -> None:
    assert parse("/ip4/127.0.0.1/tcp/4001").pack().hex() == "047f000001060fa1"
    assert parse("/ip6/::1/tcp/443").pack().hex() == "29" + "00" * 15 + "01" + "0601bb"


@pytest.mark.parametrize(
    ("host", "block"),
    [
        (None, f"peer {PEER.hex()}"),
        ("127.0.0.1", "connection 7"),
        ("::1", "connection 7"),
        ("192.168.1.9", "address 192.168.1.9"),
        ("::ffff:192.168.1.9", "address 192.168.1.9"),
        ("9.9.9.9", "network 9.9.9.0/24"),
        ("::ffff:9.9.9.9", "network 9.9.9.0/24"),
        ("2620:fe:0:1::9", "network 2620:fe::/48"),
    ],
)
def test_block_of_a_connection(host: str | None, block: str) -> None:
    assert block_of(host, pid=PEER, connection=7) == block
