"""Which seeds a local network's announcements tell of, whoever sends them (protocol.md 3.12). Pure.

An announcement has a name, and whoever sends one chooses it, and the peer id in it, freely. So a peer is there as long
as any name tells of it, and however many names come, none of them keeps another host's out for good.
"""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from random import Random
from typing import Final

from passerby.discovery.addresses import Address

NAMES: Final = 64  # seeds of one local network; more are somebody's joke
STALE: Final = 8  # addresses that nobody tells of any more, after which a peer's are told anew

IsSilent = Callable[[bytes], bool]
"""Whether the seed of a peer id was tried and did not answer."""


@dataclass(frozen=True, slots=True)
class Came:
    """A peer is there, at these addresses, which hold its peer id: those that were named first come first."""

    addresses: tuple[Address, ...]


@dataclass(frozen=True, slots=True)
class Went:
    """No name tells any more of the peer at these addresses."""

    addresses: tuple[Address, ...]


@dataclass(slots=True)
class Announced:
    """The names there are, and what was told of them. Every method returns what is to be told next."""

    is_silent: IsSilent
    random: Random
    _names: dict[str, tuple[Address, ...]] = field(default_factory=dict[str, tuple[Address, ...]])
    _told: dict[bytes | None, tuple[Address, ...]] = field(default_factory=dict[bytes | None, tuple[Address, ...]])

    def take(self, name: str, addresses: tuple[Address, ...]) -> list[Came | Went]:
        """Take what a name says now: addresses of one peer; nothing if it is gone, or says nothing that counts."""
        before = self._names.get(name, ())
        if not addresses:
            self._names.pop(name, None)
            return self._settle(before)
        displaced: tuple[Address, ...] = ()
        if not before and len(self._names) >= NAMES:
            displaced = self._names.pop(self._displaced_by(addresses[0].host))
        self._names[name] = addresses
        return self._settle(displaced) + self._settle(before) + self._settle(addresses)

    def _displaced_by(self, host: str) -> str:
        """Return a random name of those whose seed is silent, else of the host that has most."""
        peers = {name: addresses[0].peer for name, addresses in self._names.items()}
        silent = [name for name, peer in peers.items() if peer is not None and self.is_silent(peer)]
        held = Counter([host, *(addresses[0].host for addresses in self._names.values())])
        held_by = {name: held[addresses[0].host] for name, addresses in self._names.items()}
        most = max(held_by.values())
        return self.random.choice(silent or [name for name, count in held_by.items() if count == most])

    def _settle(self, of: tuple[Address, ...]) -> list[Came | Went]:
        """Tell what is new of the peer of these addresses.

        Of one that stays no address is taken back, lest whoever tells of it too could cut a dial to it short.
        """
        if not of:
            return []
        peer = of[0].peer
        told = self._told.pop(peer, ())
        there = dict.fromkeys(each for addresses in self._names.values() for each in addresses if each.peer == peer)
        if not there:
            return [Went(told)] if told else []
        if there.keys() <= set(told):
            self._told[peer] = told
            return []
        stale = [address for address in told if address not in there]
        anew = len(stale) > STALE
        self._told[peer] = (*there, *([] if anew else stale))
        return [*([Went(told)] if anew else []), Came(tuple(there))]
