"""Multiaddrs and peer ids in text, as people and other peers write them (discovery/addresses.py)."""

import contextlib
from typing import Final

from fuzz.vectors import handshakes

from passerby.discovery.addresses import AddressError, Scope, block_of, may_dial, parse, parse_seed
from passerby.discovery.peerids import peer_id_text

MAX_BYTES: Final = 300


def seeds() -> list[bytes]:
    pid = peer_id_text(handshakes()[0].binding.initiator)
    texts = (
        f"/ip4/127.0.0.1/tcp/7171/p2p/{pid}",
        f"/ip6/2001:db8::1/tcp/443/p2p/{pid}/p2p-circuit",
        "/ip6/::ffff:10.0.0.1/tcp/0",
        f"/dns4/seed.example.com/tcp/80/p2p/{pid}",
        f"/onion3/{'a2' * 28}:7171/p2p/{pid}",
        "/ip6/fe80::1%eth0/tcp/1",
        "/dns6/127.0.0.1/tcp/1",
        f"/ip4/1.2.3.4/tcp/1/p2p/{'z' * 52}",
    )
    return [text.encode() for text in texts]


def execute(data: bytes) -> None:
    text = data.decode("utf-8", "surrogateescape")
    with contextlib.suppress(AddressError):
        parse_seed(text)
    try:
        address = parse(text)
    except AddressError:
        return
    assert parse(str(address)) == address
    for scope in Scope:
        may_dial(address, scope)
    if address.scope not in (None, Scope.TOR):
        block_of(address.host, pid=bytes(38), connection=1)
