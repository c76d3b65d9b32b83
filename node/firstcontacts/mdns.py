"""Finding seeds by multicast in a local network, and being found (protocol.md 3.12); a shell around python-zeroconf.

It has threads of its own, and nearly every call of it waits: so those calls are made from worker threads, and what it
finds comes back to trio's. Nothing of it is loaded, and no packet is sent, before `Mdns.open`.

It tells of all names in one thread, so nothing waits there: whoever announces a seed says with its name where it is.
Names of which nothing more was heard are asked for beside that, few at once, and given up soon.
"""

import secrets
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from ipaddress import ip_address
from random import SystemRandom
from typing import TYPE_CHECKING, Final

import trio

from passerby.discovery.addresses import Address
from passerby.discovery.seeding.beacon import SERVICE, beacon, read_beacon
from passerby.node.firstcontacts.announced import Announced, Came, IsSilent

if TYPE_CHECKING:
    from zeroconf import ServiceInfo, ServiceStateChange, Zeroconf

ASK_TIME: Final = 0.5  # seconds for what a seed that was heard of says of itself: in a local network that is long
ASKED_AT_ONCE: Final = 8  # each takes a worker thread
WAITING: Final = 64  # names that wait to be asked for
CLOSE_TIME: Final = 1.0  # seconds for the goodbye, which spares others a dial in vain
NAME_BYTES: Final = 8

Found = Callable[[tuple[Address, ...]], None]


class MdnsError(OSError):
    """There is no multicast here; its text is a sentence."""


class Mdns:
    """What multicast tells of the seeds of one network; made by `Mdns.open` and good until that block ends."""

    def __init__(
        self, network: str, hosts: Sequence[str], found: Found, lost: Found, is_silent: IsSilent = lambda _: False
    ) -> None:
        self._network = network
        self._hosts = hosts
        self._found = found
        self._lost = lost
        self._token = trio.lowlevel.current_trio_token()
        self._announced = Announced(is_silent, SystemRandom())
        self._to_ask, self._asking = trio.open_memory_channel[str](WAITING)
        self._asked: set[str] = set()

    @classmethod
    @asynccontextmanager
    async def open(
        cls, network: str, hosts: Sequence[str], found: Found, lost: Found, is_silent: IsSilent = lambda _: False
    ) -> AsyncGenerator["Mdns"]:
        """Listen at the LAN addresses `hosts`, and tell the addresses of each seed that comes or goes. MdnsError.

        `is_silent` tells of a peer id whether its seed was tried in vain: such give way where there are too many.
        """
        mdns = cls(network, hosts, found, lost, is_silent)
        await trio.to_thread.run_sync(mdns._start)
        try:
            async with trio.open_nursery() as nursery:
                for _ in range(ASKED_AT_ONCE):
                    nursery.start_soon(mdns._ask_all)
                yield mdns
                nursery.cancel_scope.cancel()
        finally:
            with trio.move_on_after(CLOSE_TIME, shield=True):
                await trio.to_thread.run_sync(mdns._stop, abandon_on_cancel=True)

    @asynccontextmanager
    async def announced(self, addresses: Sequence[Address]) -> AsyncGenerator[None]:
        """Tell everybody of a seed of ours at these addresses, of LAN scope and with its peer id, while this lasts."""
        info = await trio.to_thread.run_sync(self._announce, addresses)
        try:
            yield
        finally:
            with trio.move_on_after(CLOSE_TIME, shield=True):
                await trio.to_thread.run_sync(self._withdraw, info, abandon_on_cancel=True)

    # ---- in worker threads

    def _start(self) -> None:
        from zeroconf import Error, IPVersion, ServiceBrowser, Zeroconf

        versions = {ip_address(host).version for host in self._hosts}
        try:
            self._zeroconf = Zeroconf(
                interfaces=list(self._hosts), ip_version=IPVersion.V4Only if versions == {4} else IPVersion.All
            )
            ServiceBrowser(self._zeroconf, SERVICE, handlers=[self._noticed])
        except (OSError, Error) as error:
            raise MdnsError(f"Seeds of this local network cannot be found: {error}.") from error

    def _announce(self, addresses: Sequence[Address]) -> "ServiceInfo":
        from zeroconf import Error, ServiceInfo

        name = secrets.token_hex(NAME_BYTES)
        info = ServiceInfo(
            SERVICE,
            f"{name}.{SERVICE}",
            port=addresses[0].port,
            properties=beacon(self._network, addresses),
            server=f"{name}.local.",
            parsed_addresses=[address.host for address in addresses],
        )
        try:
            self._zeroconf.register_service(info, cooperating_responders=True)  # its name is random: it is nobody's
        except Error as error:
            raise MdnsError(f"this local network cannot be told of it: {error}") from error
        return info

    def _withdraw(self, info: "ServiceInfo") -> None:
        with suppress(Exception):  # whatever is wrong there, we are leaving
            self._zeroconf.unregister_service(info)

    def _stop(self) -> None:
        with suppress(Exception):
            self._zeroconf.close()

    def _ask(self, name: str) -> bytes:
        """Return the TXT data of a name, or nothing if nobody tells it in time."""
        from zeroconf import ServiceInfo

        info = ServiceInfo(SERVICE, name)
        with suppress(Exception):  # the library closes while we wait, or cannot send
            info.request(self._zeroconf, 1000 * ASK_TIME)
        return info.text or b""

    # ---- in the library's thread

    def _noticed(self, zeroconf: "Zeroconf", service_type: str, name: str, state_change: "ServiceStateChange") -> None:
        """Take, under the names that the library gives them, that a seed said something new, or left."""
        from zeroconf import Error, ServiceInfo

        try:
            info = ServiceInfo(service_type, name)
        except Error:  # the name is none, and this thread must live
            return
        is_there = state_change.name != "Removed"
        if is_there:
            info.load_from_cache(zeroconf)
        with suppress(trio.RunFinishedError):
            if is_there and not info.text:
                self._token.run_sync_soon(self._want, name)
            else:
                self._token.run_sync_soon(self._hear, name, info.text or b"")

    # ---- in trio's

    def _want(self, name: str) -> None:
        """Ask for a name of which nothing more was heard; of too many those that come last are given up."""
        if name not in self._asked:
            with suppress(trio.WouldBlock):
                self._to_ask.send_nowait(name)
                self._asked.add(name)

    async def _ask_all(self) -> None:
        async for name in self._asking:
            text = await trio.to_thread.run_sync(self._ask, name, abandon_on_cancel=True)
            if name in self._asked:  # else it left meanwhile, or told by itself
                self._hear(name, text)

    def _hear(self, name: str, text: bytes) -> None:
        self._asked.discard(name)
        self._take(name, read_beacon(text, self._network))

    def _take(self, name: str, addresses: tuple[Address, ...]) -> None:
        for news in self._announced.take(name, addresses):
            tell = self._found if isinstance(news, Came) else self._lost
            tell(news.addresses)
