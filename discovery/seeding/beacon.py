"""What a seed says of itself by multicast in a local network (protocol.md 3.12). Pure: TXT data, in and out.

Three kinds of strings: `net=` with the mark of the network name, `dnsaddr=` with a multiaddr and its peer id, and any
others, which a reader leaves out. Nothing in it is the person's: key, name and port are new with each run.
"""

from collections.abc import Iterable, Iterator
from typing import Final

from passerby.crypto.keys import blake2b, length_prefixed
from passerby.discovery.addresses import Address, AddressError, Scope, may_dial, parse_seed
from passerby.discovery.limits import TICKET_ADDRESSES

SERVICE: Final = "_passerby._udp.local."
MARK_BYTES: Final = 4

_NETWORK: Final = "net="
_ADDRESS: Final = "dnsaddr="


def mark_of(network: str) -> str:
    """Return eight hex digits that tell networks apart, here and in the names of local files (protocol.md 3.7)."""
    return blake2b(b"pby1 local", length_prefixed(network.encode()))[:MARK_BYTES].hex()


def beacon(network: str, addresses: Iterable[Address]) -> bytes:
    """Return the TXT data of a seed at these addresses, of the LAN scope, each with its peer id."""
    strings = [f"{_NETWORK}{mark_of(network)}", *(f"{_ADDRESS}{address}" for address in addresses)]
    return b"".join(bytes([len(string)]) + string.encode() for string in strings)


def read_beacon(data: bytes, network: str) -> tuple[Address, ...]:
    """Return where a seed of this network says it is: one seed, at most two addresses that may be dialled in a LAN.

    Nothing if it is of another network, or if anything is amiss.
    """
    strings = list(_strings(data))
    if f"{_NETWORK}{mark_of(network)}" not in strings:
        return ()
    try:
        told = [parse_seed(text.removeprefix(_ADDRESS)) for text in strings if text.startswith(_ADDRESS)]
    except AddressError:
        return ()
    is_sound = len({address.peer for address in told}) == 1 and all(may_dial(each, Scope.LAN) for each in told)
    return tuple(dict.fromkeys(told))[:TICKET_ADDRESSES] if is_sound else ()


def _strings(data: bytes) -> Iterator[str]:
    while data:
        size = data[0]
        yield data[1 : 1 + size].decode(errors="replace")
        data = data[1 + size :]
