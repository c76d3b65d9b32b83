"""Multiaddrs of the few shapes we dial, their scope, and the address block of a connection (protocol.md 0).

Shapes (security 3.12), each with `/tcp/PORT` behind the host, `onion3` apart:

    /ip4/HOST  /ip6/HOST  /dns4/NAME  /dns6/NAME   then   [/p2p/PEER-ID[/p2p-circuit]]
    /onion3/NAME:PORT

Two kinds of address are told apart. What a person types is dialled whatever its range and port (`parse`,
`parse_seed`); what others say passes `may_dial` first. Nothing here resolves a name or touches a socket, and nothing
heavy is imported: the command line checks `--seed` with it before libp2p is loaded.
"""

import re
from dataclasses import dataclass, replace
from enum import StrEnum
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from typing import Final, Self

from passerby.discovery.limits import (
    ADDRESS_BYTES,
    BLOCK_BITS_4,
    BLOCK_BITS_6,
    LOWEST_PORT,
    TYPED_ADDRESS_BYTES,
    WEB_PORTS,
)
from passerby.discovery.peerids import parse_peer_id, peer_id_text

_LABEL: Final = r"[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?"
# The last label has a letter: else `/dns4/127.0.0.1` would be an address that hides as a name.
_NAME: Final = re.compile(rf"(?=.{{1,253}}\Z)(?:{_LABEL}\.)*(?=[0-9]*[a-z_-]){_LABEL}")
_ONION: Final = re.compile(r"[a-z2-7]{56}")
_PORT: Final = re.compile(r"0|[1-9][0-9]{0,4}")
_HIGHEST_PORT: Final = 0xFFFF

_MACHINE: Final = tuple(ip_network(text) for text in ("127.0.0.0/8", "::1/128"))
_LAN: Final = tuple(
    ip_network(text)
    for text in (
        *("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "fc00::/7"),  # private (RFC 1918, RFC 4193)
        *("169.254.0.0/16", "fe80::/10"),  # link-local (RFC 3927, RFC 4291)
        "100.64.0.0/10",  # behind a carrier's translator (RFC 6598): reached from inside only, as a LAN is
    )
)
# What the registries of special addresses (RFC 6890) keep from the public Internet beside the ranges above.
_RESERVED: Final = tuple(
    ip_network(text)
    for text in (
        *("0.0.0.0/8", "192.0.0.0/24", "192.0.2.0/24", "192.88.99.0/24", "198.18.0.0/15", "198.51.100.0/24"),
        *("203.0.113.0/24", "224.0.0.0/4", "240.0.0.0/4"),
        *("2001::/23", "2001:db8::/32", "2002::/16", "3fff::/20"),  # Teredo and its like, examples, 6to4, examples
    )
)
_UNICAST_6: Final = ip_network("2000::/3")  # all that was ever given out; NAT64, multicast and the rest lie outside


class AddressError(ValueError):
    """The address is none of ours to dial; its text is a sentence for whoever typed it."""


class Scope(StrEnum):
    """How far an address reaches, and with it every seed, ticket and record that came from there (protocol.md 0)."""

    MACHINE = "machine"
    LAN = "lan"
    PUBLIC = "public"
    TOR = "tor"


class Family(StrEnum):
    """The first part of the multiaddr: what kind of host it names."""

    IP4 = "ip4"
    IP6 = "ip6"
    DNS4 = "dns4"
    DNS6 = "dns6"
    ONION3 = "onion3"


# Codes of the multiaddr specification's table, for the two shapes that a ticket may hold.
_PACKED_HOSTS: Final = {Family.IP4: (b"\x04", 4), Family.IP6: (b"\x29", 16)}
_PACKED_TCP: Final = b"\x06"


@dataclass(frozen=True, slots=True)
class Address:
    """Where to dial: a host in its usual spelling, a TCP port (0 only to listen), and who must answer there.

    `peer` is a binary peer id. With `circuit` it is the relay's, and the address leads through it.
    """

    family: Family
    host: str
    port: int
    peer: bytes | None = None
    circuit: bool = False

    def __str__(self) -> str:
        separator = ":" if self.family is Family.ONION3 else "/tcp/"
        whom = "" if self.peer is None else f"/p2p/{peer_id_text(self.peer)}"
        return f"/{self.family}/{self.host}{separator}{self.port}{whom}{'/p2p-circuit' if self.circuit else ''}"

    @property
    def scope(self) -> Scope | None:
        """The scope of the host; None for a name, whose scope is that of the address it turns out to have."""
        match self.family:
            case Family.IP4 | Family.IP6:
                return scope_of(self.host)
            case Family.ONION3:
                return Scope.TOR
            case _:
                return None

    @property
    def bare(self) -> Self:
        """The same without the peer that is to answer there: what a record names, and what is dialled."""
        return replace(self, peer=None, circuit=False)

    def pack(self) -> bytes:
        """Return the binary multiaddr, 8 or 20 bytes; AddressError unless it is bare `/ip4|ip6/…/tcp/…`."""
        if self.family not in _PACKED_HOSTS or self.peer is not None:
            raise AddressError(f"{self} is not a bare IP address and port")
        code, _ = _PACKED_HOSTS[self.family]
        return code + ip_address(self.host).packed + _PACKED_TCP + self.port.to_bytes(2, "big")

    @classmethod
    def unpack(cls, packed: bytes) -> Self:
        """Read what `pack` writes; AddressError for every other bytes."""
        for family, (code, size) in _PACKED_HOSTS.items():
            host, tcp, port = packed[1 : 1 + size], packed[1 + size : 2 + size], packed[2 + size :]
            if packed[:1] == code and tcp == _PACKED_TCP and len(port) == 2:
                return cls(family, str(ip_address(host)), int.from_bytes(port, "big"))
        raise AddressError("not a packed IP address and port")


def parse(text: str) -> Address:
    """Read a multiaddr of one of our shapes; AddressError, in words, for everything else."""
    if len(text) > TYPED_ADDRESS_BYTES:
        raise AddressError(f"longer than {TYPED_ADDRESS_BYTES} characters")
    match text.split("/"):
        case ["", ("ip4" | "ip6" | "dns4" | "dns6") as family, host, "tcp", port, *rest]:
            peer, circuit = _parse_rest(rest)
            return Address(Family(family), _parse_host(Family(family), host), _parse_port(port), peer, circuit)
        case ["", "onion3", onion, *rest]:
            name, _, port = onion.lower().partition(":")
            if not _ONION.fullmatch(name):
                raise AddressError("an onion3 name has 56 letters and digits")
            peer, circuit = _parse_rest(rest)
            return Address(Family.ONION3, name, _parse_port(port), peer, circuit)
        case _:
            raise AddressError("an address looks like /ip4/192.0.2.7/tcp/4001/p2p/12D3KooW…")


def parse_seed(text: str) -> Address:
    """Read the address of a seed that a person named: any range and port, but with the peer id of who must answer.

    AddressError, in words, for everything else.
    """
    address = parse(text)
    if address.peer is None:
        raise AddressError("its peer id is missing: /p2p/12D3KooW… belongs at the end")
    if address.circuit:
        raise AddressError("a seed is dialled directly, not through /p2p-circuit")
    if not address.port:
        raise AddressError("port 0 is for listening only")
    return address


def _parse_rest(parts: list[str]) -> tuple[bytes | None, bool]:
    match parts:
        case []:
            return None, False
        case ["p2p", peer] | ["p2p", peer, "p2p-circuit"]:
            try:
                return parse_peer_id(peer), len(parts) == 3
            except ValueError as error:
                raise AddressError(str(error)) from error
        case _:
            raise AddressError("only /p2p/PEER-ID and /p2p-circuit may follow the port")


def _parse_host(family: Family, text: str) -> str:
    try:
        if family is Family.IP4:
            return str(IPv4Address(text))
        if family is Family.IP6 and "%" not in text:
            return str(IPv6Address(text))
    except ValueError as error:
        raise AddressError(f"not an {family} address: {text}") from error
    name = text.lower()
    if family is Family.IP6 or not _NAME.fullmatch(name):
        raise AddressError(f"not an {family} host: {text}")
    return name


def _parse_port(text: str) -> int:
    if not _PORT.fullmatch(text) or int(text) > _HIGHEST_PORT:
        raise AddressError(f"not a TCP port: {text}")
    return int(text)


def _unwrap(host: str) -> IPv4Address | IPv6Address:
    """Return the address meant: an IPv4 one mapped into IPv6 (RFC 4291, 2.5.5.2) is the IPv4 one."""
    address = ip_address(host)
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    return mapped or address


def scope_of(host: str) -> Scope:
    """Return the scope of an IP address in text form; ValueError if it is none.

    Whatever is neither this machine's nor a LAN's counts as public: there the strictest rules hold.
    """
    address = _unwrap(host)
    if any(address in network for network in _MACHINE):
        return Scope.MACHINE
    if any(address in network for network in _LAN):
        return Scope.LAN
    return Scope.PUBLIC


def may_dial(address: Address, scope: Scope) -> bool:
    """Tell whether an address that somebody else named, heard in `scope`, may be dialled (security 3.13).

    Names are refused: they may come from a seed's own record only.
    """
    if address.scope is not scope or len(str(address)) > ADDRESS_BYTES:
        return False
    if not (address.port >= LOWEST_PORT or address.port in WEB_PORTS):
        return False
    if scope is not Scope.PUBLIC:
        return True
    host = _unwrap(address.host)
    if any(host in network for network in _RESERVED):
        return False
    return isinstance(host, IPv4Address) or host in _UNICAST_6


def block_of(host: str | None, *, pid: bytes, connection: int) -> str:
    """Return the block of an inbound connection, the key under which quotas count it (protocol.md 0).

    `host` is the socket address that we observed, in text form, or None for a connection that came through a relay:
    the relay counts its own, we count the dialler's peer id. `connection` is any number that no other connection has:
    in the machine scope each is a block of its own. Blocks never leave the node.
    """
    if host is None:
        return f"peer {pid.hex()}"
    address = _unwrap(host)
    match scope_of(host):
        case Scope.MACHINE:
            return f"connection {connection}"
        case Scope.LAN:
            return f"address {address}"
        case _:
            bits = BLOCK_BITS_4 if isinstance(address, IPv4Address) else BLOCK_BITS_6
            return f"network {ip_network((address, bits), strict=False)}"
