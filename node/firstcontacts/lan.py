"""The local network, for who asked for it with `--lan`: this machine's seed there, and those of others; a shell.

Of all chats with `--lan` of one home exactly one is also a seed for the local network, found as localseed.py says by
the others of this machine, and by multicast by those of other machines. All of these seeds know of each other, and
every chat of all, so they are a small lobby DHT (protocol.md 3.12).

Everything here lasts as long as the machine has the same addresses there, and begins anew when they change.
"""

from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from functools import partial
from typing import Final

import trio

from passerby.discovery.addresses import Address, Scope
from passerby.node.config import Folders
from passerby.node.firstcontacts.announced import IsSilent
from passerby.node.firstcontacts.interfaces import own_lan_hosts
from passerby.node.firstcontacts.localseed import TROUBLE, LocalSeed, Reach, Visit
from passerby.node.firstcontacts.mdns import Found, Mdns, MdnsError
from passerby.node.seeding.seed import Seed

NO_LAN: Final = "This machine is in no local network; until it is, only the machine itself is searched."


def listening_at(hosts: tuple[str, ...]) -> tuple[str, ...]:
    """Return the multiaddrs for listening at these hosts, any port."""
    return tuple(f"/{'ip6' if ':' in host else 'ip4'}/{host}/tcp/0" for host in hosts)


class Lan:
    """What one chat has to do with its local network. `trouble` is told, in words, what is not as it should be."""

    def __init__(self, network: str, folders: Folders, trouble: Callable[[str], None]) -> None:
        """Look where this machine is; nothing is sent before `run`."""
        self._network = network
        self._folders = folders
        self._trouble = trouble
        self._changed = trio.Event()
        self._others: dict[bytes | None, tuple[Address, ...]] = {}
        self._serving: set[Seed] = set()
        self.hosts = own_lan_hosts()
        """This machine's addresses in the local network, two at most; none where there is none."""

    def look_again(self) -> bool:
        """Look where this machine is now; tell whether that is somewhere else."""
        hosts = own_lan_hosts()
        if hosts == self.hosts:
            return False
        self.hosts = hosts
        self._changed.set()
        self._changed = trio.Event()
        return True

    async def run(self, visit: Visit, found: Found, lost: Found, is_silent: IsSilent) -> None:
        """Attend this machine's seed as `visit` does, and tell of all that come and go; for ever.

        `is_silent` tells of a peer id whether its seed was tried in vain.
        """
        while True:
            changed = self._changed
            async with trio.open_nursery() as nursery:
                if self.hosts:
                    nursery.start_soon(self._attend, self.hosts, visit, found, lost, is_silent)
                else:
                    self._trouble(NO_LAN)
                await changed.wait()
                nursery.cancel_scope.cancel()

    async def _attend(
        self, hosts: tuple[str, ...], visit: Visit, found: Found, lost: Found, is_silent: IsSilent
    ) -> None:
        while True:
            self._others.clear()
            try:
                async with Mdns.open(
                    self._network, hosts, partial(self._found, found), partial(self._lost, lost), is_silent
                ) as mdns:
                    reach = Reach("lan-seed", Scope.LAN, listening_at(hosts), partial(self._announced, mdns))
                    await LocalSeed(self._network, self._folders, self._trouble, reach).attend(visit)
            except MdnsError as error:
                self._trouble(str(error))
                await trio.sleep(TROUBLE)

    @asynccontextmanager
    async def _announced(self, mdns: Mdns, seed: Seed) -> AsyncGenerator[None]:
        """Have others know of our seed, and our seed of others."""
        self._serving.add(seed)
        for addresses in self._others.values():
            seed.introduce(addresses)
        try:
            async with mdns.announced(seed.addresses):
                yield
        finally:
            self._serving.discard(seed)

    def _found(self, found: Found, addresses: tuple[Address, ...]) -> None:
        self._others[addresses[0].peer] = addresses
        for seed in self._serving:
            seed.introduce(addresses)
        found(addresses)

    def _lost(self, lost: Found, addresses: tuple[Address, ...]) -> None:
        self._others.pop(addresses[0].peer, None)
        lost(addresses)
