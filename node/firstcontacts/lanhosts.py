"""Which of a machine's addresses reach how far. Pure."""

from collections.abc import Iterable
from dataclasses import dataclass
from ipaddress import ip_address
from typing import Final

from passerby.discovery.addresses import Scope, scope_of
from passerby.discovery.limits import TICKET_ADDRESSES

_LINK_LOCAL_4: Final = "169.254."


@dataclass(frozen=True, slots=True)
class Interface:
    """One address of the machine, in text form; a link-local one of IPv6 has `%` and its zone behind it.

    `running`: it is up and has a carrier; `shared`: a medium with others, no tunnel and no loopback.
    """

    host: str
    running: bool = True
    shared: bool = True


def reaching(interfaces: Iterable[Interface]) -> frozenset[str]:
    """Return the addresses through which the world beyond this machine can be reached at all."""
    return frozenset(
        each.host
        for each in interfaces
        if each.running and "%" not in each.host and scope_of(each.host) is not Scope.MACHINE
    )


def lan_hosts(interfaces: Iterable[Interface], preferred: str = "") -> tuple[str, ...]:
    """Return the at most two addresses at which others in the local network can dial us, the best first.

    `preferred` is the one that this machine speaks from by itself. IPv4 comes before IPv6, which a local network has
    besides; what a host gave itself because nobody gave it another (RFC 3927) comes last.
    """
    hosts = [
        each.host
        for each in interfaces
        if each.running and each.shared and "%" not in each.host and scope_of(each.host) is Scope.LAN
    ]
    hosts.sort(key=lambda host: (host.startswith(_LINK_LOCAL_4), host != preferred, ip_address(host).version))
    return tuple(dict.fromkeys(hosts))[:TICKET_ADDRESSES]
