"""A seed's own addresses: which others may be told, by scope, and what its owner should know of the rest. Pure."""

from collections.abc import Iterable, Mapping

from passerby.discovery.addresses import Address, Family, Scope, may_dial
from passerby.discovery.limits import LOWEST_PORT, WEB_PORTS


def by_scope(addresses: Iterable[Address]) -> Mapping[Scope, tuple[Address, ...]]:
    """Return the addresses that a record may name, bare, under their scopes (protocol.md 3.8).

    An interface may have others: a tunnel's, a translator's, 6to4, those of examples. Nobody would dial them, and a
    record that names one is none. In the public scope only IPv4 is named, if there is any.
    """
    found: dict[Scope, tuple[Address, ...]] = {}
    for address in addresses:
        scope = address.scope
        if scope is not None and _may_be_told(address):
            found[scope] = (*found.get(scope, ()), address.bare)
    if Scope.PUBLIC in found:
        found[Scope.PUBLIC] = _of_one_family(found[Scope.PUBLIC])
    return found


def untold(addresses: Iterable[Address]) -> list[str]:
    """Return sentences on those addresses that other seeds, and people, are not told of; none if there are none."""
    left = [address for address in addresses if not _may_be_told(address)]
    closed = sorted({address.port for address in left if not _is_open(address.port)})
    reserved = sorted({address.host for address in left if _is_open(address.port)})
    told = [f"Nobody is told of port {port}: {_PORTS}. Choose another with --listen." for port in closed]
    if reserved:
        told.append(f"Nobody is told of {', '.join(reserved)}: on the Internet such addresses lead nowhere.")
    return told


_PORTS = f"below {LOWEST_PORT} others dial {' and '.join(map(str, sorted(WEB_PORTS)))} only"


def _is_open(port: int) -> bool:
    return port >= LOWEST_PORT or port in WEB_PORTS


def _may_be_told(address: Address) -> bool:
    scope = address.scope
    return scope is not None and may_dial(address.bare, scope)


def _of_one_family(addresses: tuple[Address, ...]) -> tuple[Address, ...]:
    """Return the IPv4 addresses, if there are any: who has no IPv6 could not verify a record of both (3.10)."""
    return tuple(address for address in addresses if address.family is Family.IP4) or addresses
