"""Asking name servers where seeds are (discovery/searching/seednames.py); a shell.

Hosts are looked up as every program of this machine does, so its hosts file and split name service hold; TXT records,
which the operating system does not look up, at the name servers that it uses. All lookups have deadlines, and whatever
goes wrong is no answer.
"""

import socket
from collections.abc import Sequence
from dataclasses import replace
from ipaddress import ip_address
from typing import Final

import trio

from passerby.discovery.addresses import Address, Family
from passerby.discovery.searching.seednames import ANSWERS, DEPTH, PREFIX, SeedName, needs_lookup, read_answer

LOOKUP_TIME: Final = 5.0  # seconds for a name and all that it leads to: a resolver's usual patience

_FAMILIES: Final = {Family.DNS4: (socket.AF_INET, Family.IP4), Family.DNS6: (socket.AF_INET6, Family.IP6)}


class Names:
    """What names lead to."""

    def __init__(self, servers: Sequence[tuple[str, int]] = ()) -> None:
        """Ask these name servers (address, port) for TXT records, in place of those that this machine uses."""
        self._servers = servers

    async def find(self, seed: Address | SeedName) -> tuple[Address, ...]:
        """Return where to dial, each with the peer id of who must answer there; nothing if nobody knows.

        An IP address is its own answer. Of a host's addresses none is left out: whether whoever wrote the name may aim
        at them is the caller's to judge. Those that TXT records list have passed `is_believed`.
        """
        if not needs_lookup(seed):
            assert isinstance(seed, Address), "all others are names"
            return (seed,)
        found: dict[Address, None] = {}
        with trio.move_on_after(LOOKUP_TIME):  # what was found by then counts
            if isinstance(seed, Address):
                return await _hosts(seed)
            await self._follow(seed, found, DEPTH)
        return tuple(found)[:ANSWERS]

    async def _follow(self, name: SeedName, found: dict[Address, None], depth: int) -> None:
        seeds, names = read_answer(await self._texts(PREFIX + name.name), name)
        found.update(dict.fromkeys(seeds))
        if depth > 1:
            for further in names:
                await self._follow(further, found, depth - 1)

    async def _texts(self, name: str) -> list[str]:
        """Return the TXT records of a name, each with its parts joined."""
        from dns import asyncbackend, asyncresolver  # 50 ms, for the few who need it
        from dns.exception import DNSException
        from dns.nameserver import Do53Nameserver
        from dns.rdtypes.ANY.TXT import TXT

        try:
            resolver = asyncresolver.Resolver(configure=not self._servers)
            if self._servers:
                resolver.nameservers = [Do53Nameserver(host, port) for host, port in self._servers]
            answer = await resolver.resolve(
                name + ".", "TXT", lifetime=LOOKUP_TIME, search=False, backend=asyncbackend.get_backend("trio")
            )
        except (DNSException, OSError):
            return []
        return [b"".join(r.strings).decode(errors="replace") for r in answer if isinstance(r, TXT)]


async def _hosts(seed: Address) -> tuple[Address, ...]:
    kind, family = _FAMILIES[seed.family]
    try:
        answers = await trio.socket.getaddrinfo(seed.host, seed.port, kind, socket.SOCK_STREAM)
    except OSError:
        return ()
    hosts = dict.fromkeys(str(answer[4][0]) for answer in answers)
    plain = [host for host in hosts if "%" not in host]  # who answers from a link is not told apart by a multiaddr
    return tuple(replace(seed, family=family, host=str(ip_address(host))) for host in plain)[:ANSWERS]
