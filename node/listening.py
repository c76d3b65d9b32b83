"""Where a host listens: whether it does, why it cannot, and what others would have to dial.

Addresses are multiaddrs of TCP over IPv4 or IPv6. The library starts without those that it cannot
have, and says nothing.
"""
# pyright: reportMissingTypeStubs=false, reportUnknownMemberType=false

# before anything of libp2p, because it brings the library in the right way:
import passerby.node.libp2p_081.importing  # noqa: F401 - for its effect  # pyright: ignore[reportUnusedImport]

# isort: split

import errno
from collections.abc import Iterator, Sequence
from typing import Final

import trio
from libp2p.host.basic_host import BasicHost
from libp2p.utils.address_validation import get_available_interfaces
from multiaddr import Multiaddr  # type: ignore[import-untyped]  # it has no types

from passerby.crypto.errors import LocalProtocolError

_LOOPBACK: Final = {"ip4": "127.0.0.1", "ip6": "::1"}


class ListenError(OSError):
    """The host cannot listen on an address."""


class PortBusyError(ListenError):
    """Another program listens on that port."""


def parse_multiaddr(address: str) -> Multiaddr:
    """Return the library's form of an address; LocalProtocolError if it is none."""
    try:
        return Multiaddr(address)
    except ValueError as error:
        raise LocalProtocolError("not a multiaddr") from error


async def require_listening(host: BasicHost, wanted: Sequence[Multiaddr]) -> None:
    """Raise ListenError unless the host listens on each address: the library starts without, and says nothing."""
    if len(host.get_transport_addrs()) >= len(wanted):
        return
    for address in wanted:
        family, ip, port = _parts(address)
        with trio.socket.socket(trio.socket.AF_INET6 if family == "ip6" else trio.socket.AF_INET) as probe:
            try:
                await probe.bind((ip, port))
                probe.listen(1)
            except OSError as error:
                kind = PortBusyError if error.errno == errno.EADDRINUSE else ListenError
                raise kind(error.errno, f"cannot listen on {address}: {error.strerror}") from error
    raise ListenError(errno.EADDRNOTAVAIL, "cannot listen: the addresses exclude each other")


def _parts(address: Multiaddr) -> tuple[str, str, int]:
    """Split `/ip4/127.0.0.1/tcp/4001` into "ip4", "127.0.0.1" and 4001. Raises LocalProtocolError for another shape."""
    _, family, ip, transport, port, *_ = [*str(address).split("/"), "", "", "", ""]
    if family not in ("ip4", "ip6") or transport != "tcp":
        raise LocalProtocolError("only /ip4/…/tcp/… and /ip6/…/tcp/… can be listened on")
    return family, ip, int(port)


def concrete(addresses: Sequence[Multiaddr]) -> Iterator[str]:
    """Put the addresses of the machine's interfaces in place of 0.0.0.0 and ::, which nobody can dial."""
    for address in addresses:
        family, ip, port = _parts(address)
        if ip not in ("0.0.0.0", "::"):  # noqa: S104 - compared, not bound
            yield str(address)
            continue
        interfaces = [str(interface) for interface in get_available_interfaces(port)]
        own = f"/{family}/{_LOOPBACK[family]}/tcp/{port}"  # left out where an interface of either family has no other
        yield from dict.fromkeys([*(each for each in interfaces if each.startswith(f"/{family}/")), own])
