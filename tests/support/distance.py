"""Hosts on one machine as if they were far apart: a TCP proxy that delays, and counts flights.

A *flight* is one way from one place to another. Each place knows the longest chain of flights that has reached it: what
it sends then is one flight further (Lamport's clock). So the count tells what waited for what, whatever the machine's
speed, as long as it answers within the delay; two flights are a round trip. TCP's own round trip is counted and waited
for, although the kernel's takes place before the proxy sees the connection.
"""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from functools import partial
from math import inf

import trio

CHUNK = 64 * 1024


@dataclass(slots=True)
class Place:
    """Somebody's end of the lines: how many flights the longest chain to it has taken."""

    flights: int = 0

    @property
    def round_trips(self) -> float:
        return self.flights / 2


@dataclass(frozen=True, slots=True)
class _Flight:
    data: bytes  # empty: the sender finished
    lands: float
    number: int


@dataclass(frozen=True, slots=True)
class _Way:
    """One direction of a connection; `opened` and `first` are when, and after how many flights, it may be used."""

    source: trio.SocketStream
    target: trio.SocketStream
    sender: Place
    receiver: Place
    delay: float
    opened: float
    first: int

    async def run(self) -> None:
        departures, arrivals = trio.open_memory_channel[_Flight](inf)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self._depart, departures)
            with suppress(OSError, trio.BrokenResourceError, trio.ClosedResourceError):
                async for flight in arrivals:
                    await self._land(flight)
            nursery.cancel_scope.cancel()

    async def _depart(self, departures: trio.MemorySendChannel[_Flight]) -> None:
        async with departures:
            data = b"to begin with"
            while data:
                try:
                    data = await self.source.receive_some(CHUNK)
                except (trio.BrokenResourceError, trio.ClosedResourceError):
                    data = b""
                departures.send_nowait(self._flight(data, trio.current_time()))

    def _flight(self, data: bytes, now: float) -> _Flight:
        before = max(self.sender.flights, self.first if now < self.opened else 0)
        return _Flight(data, max(now, self.opened) + self.delay, before + 1)

    async def _land(self, flight: _Flight) -> None:
        await trio.sleep_until(flight.lands)
        if flight.data:
            self.receiver.flights = max(self.receiver.flights, flight.number)
            await self.target.send_all(flight.data)
        else:
            await self.target.send_eof()


class Distance:
    """Lines with a delay of so many seconds one way."""

    def __init__(self, delay: float, nursery: trio.Nursery) -> None:
        self.delay = delay
        self._nursery = nursery

    async def between(self, dialler: Place, listener: Place, address: str) -> str:
        """Return an address at which `dialler` reaches who listens at `address` (`/ip4/…/tcp/…`), as from far away."""
        _, _, host, _, port = address.split("/")
        [door] = await trio.open_tcp_listeners(0, host="127.0.0.1")
        take = partial(self._take, dialler, listener, host, int(port))
        self._nursery.start_soon(trio.serve_listeners, take, [door])
        return f"/ip4/127.0.0.1/tcp/{door.socket.getsockname()[1]}"

    async def _take(self, dialler: Place, listener: Place, host: str, port: int, near: trio.SocketStream) -> None:
        opened, first = trio.current_time() + 2 * self.delay, dialler.flights + 2
        with suppress(OSError):
            far = await trio.open_tcp_stream(host, port)
            async with near, far, trio.open_nursery() as nursery:
                nursery.start_soon(_Way(near, far, dialler, listener, self.delay, opened, first).run)
                nursery.start_soon(_Way(far, near, listener, dialler, self.delay, opened, 0).run)


@asynccontextmanager
async def distance(delay: float = 0.05) -> AsyncGenerator[Distance, None]:
    """Keep hosts apart until the block ends."""
    async with trio.open_nursery() as nursery:
        yield Distance(delay, nursery)
        nursery.cancel_scope.cancel()
