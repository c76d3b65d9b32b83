"""Finding seeds by multicast in a local network, and being found (protocol.md 3.12); a shell around python-zeroconf.

It has a thread of its own, and every call of it waits: so all calls are made from worker threads, and what it finds
comes back to trio's. Nothing of it is loaded, and no packet is sent, before `Mdns.open`.
"""

import secrets
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from ipaddress import ip_address
from typing import TYPE_CHECKING, Final

import trio

from passerby.discovery.addresses import Address
from passerby.discovery.seeding.beacon import SERVICE, beacon, read_beacon

if TYPE_CHECKING:
    from zeroconf import ServiceInfo, ServiceStateChange, Zeroconf

ASK_TIME: Final = 3.0  # seconds for what a seed that was heard of says of itself
CLOSE_TIME: Final = 1.0  # seconds for the goodbye, which spares others a dial in vain
NAME_BYTES: Final = 8
FOUND_AT_ONCE: Final = 64  # seeds of one local network; more are somebody's joke

Found = Callable[[tuple[Address, ...]], None]


class MdnsError(OSError):
    """There is no multicast here; its text is a sentence."""


class Mdns:
    """What multicast tells of the seeds of one network; made by `Mdns.open` and good until that block ends."""

    def __init__(self, network: str, hosts: Sequence[str], found: Found, lost: Found) -> None:
        self._network = network
        self._hosts = hosts
        self._found = found
        self._lost = lost
        self._token = trio.lowlevel.current_trio_token()
        self._there: dict[str, tuple[Address, ...]] = {}

    @classmethod
    @asynccontextmanager
    async def open(cls, network: str, hosts: Sequence[str], found: Found, lost: Found) -> AsyncGenerator["Mdns"]:
        """Listen at the LAN addresses `hosts`, and tell the addresses of each seed that comes or goes. MdnsError."""
        mdns = cls(network, hosts, found, lost)
        await trio.to_thread.run_sync(mdns._start)
        try:
            yield mdns
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

    # ---- in the library's thread

    def _noticed(self, zeroconf: "Zeroconf", service_type: str, name: str, state_change: "ServiceStateChange") -> None:
        """Take, under the names that the library gives them, that a seed said something new, or left."""
        info = None
        if state_change.name != "Removed":
            info = zeroconf.get_service_info(service_type, name, timeout=int(1000 * ASK_TIME))
        self._tell(name, read_beacon(info.text or b"", self._network) if info is not None else ())

    def _tell(self, name: str, addresses: tuple[Address, ...]) -> None:
        with suppress(trio.RunFinishedError):
            self._token.run_sync_soon(self._take, name, addresses)

    # ---- in trio's

    def _take(self, name: str, addresses: tuple[Address, ...]) -> None:
        before = self._there.pop(name, ())
        if before and before != addresses:
            self._lost(before)
        if addresses and len(self._there) < FOUND_AT_ONCE:
            self._there[name] = addresses
            if before != addresses:
                self._found(addresses)
