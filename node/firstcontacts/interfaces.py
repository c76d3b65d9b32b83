"""The machine's addresses: which there are, and whether the network changed; a shell.

They are read every POLL seconds: 0.2 ms of CPU, which is 0.01 % of a core, and the same on every system. The same look
finds a clock that jumped: while a machine sleeps its monotonic clock stands still, and every deadline would be met late
by as long as was left of it.
"""

import socket
from collections.abc import Callable
from contextlib import suppress
from typing import Final

import psutil
import trio

from passerby.discovery.limits import CLOCK_JUMP
from passerby.discovery.seeding.service import Clock
from passerby.node.firstcontacts.lanhosts import Interface, lan_hosts, reaching

POLL: Final = 2.0  # seconds; what a person notices of a network that came back is mostly other things


def read_interfaces() -> list[Interface]:
    """Return what the operating system says now. OSError if it says nothing, as when no descriptor is left."""
    stats = psutil.net_if_stats()
    found: list[Interface] = []
    for name, addresses in psutil.net_if_addrs().items():
        flags = stats[name].flags.split(",") if name in stats else []
        running = name in stats and stats[name].isup
        shared = not flags or ("loopback" not in flags and "pointopoint" not in flags)
        found += [
            Interface(address.address, running, shared)
            for address in addresses
            if address.family in (socket.AF_INET, socket.AF_INET6)
        ]
    return found


def own_lan_hosts() -> tuple[str, ...]:
    """Return `lan_hosts` of this machine that can be listened on now: one that IPv6 is still probing cannot.

    OSError if nobody can tell now.
    """
    return tuple(host for host in lan_hosts(read_interfaces(), _speaking_from()) if _can_listen(host))


class NetworkWatch:
    """Notices that the network changed, or that the machine slept."""

    def __init__(self, clock: Clock, read: Callable[[], list[Interface]] = read_interfaces) -> None:
        self._clock = clock
        self._read = read
        self._news = trio.Event()

    async def run(self, changed: Callable[[frozenset[str]], None]) -> None:
        """Tell the addresses there are now after each change, for ever.

        A look that fails is none: the next is compared with the last that did not. OSError of `changed`, which may have
        to look closer, is such a failure too: it is told again.
        """
        last: tuple[frozenset[str], float] | None = None
        with suppress(OSError):
            last = self._look()
        while True:
            await trio.sleep(POLL)
            with suppress(OSError):
                now = self._look()
                if last is None or now[0] != last[0] or abs(now[1] - last[1]) > CLOCK_JUMP:
                    changed(now[0])
                    self._news.set()
                    self._news = trio.Event()
                last = now

    def _look(self) -> tuple[frozenset[str], float]:
        return reaching(self._read()), self._clock()

    async def changed_within(self, seconds: float) -> bool:
        """Wait for a change; False if there is none for so long."""
        with trio.move_on_after(seconds):
            await self._news.wait()
            return True
        return False


def _speaking_from() -> str:
    """Return the address that this machine would use towards the Internet, or nothing; no packet is sent."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("192.0.2.1", 9))  # reserved for documentation: any address beyond the LAN would do
        except OSError:
            return ""
        return str(probe.getsockname()[0])


def _can_listen(host: str) -> bool:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        try:
            probe.bind((host, 0))
        except OSError:
            return False
        return True
