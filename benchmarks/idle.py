"""Waiting for a stranger: processor and bytes, counted by a relay of TCP between the person and the seed.

Measured in the first minute, when a search beats fastest. Beside it a bare node that is connected and does nothing.
"""

import re
from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial
from typing import Final

import psutil
import trio
from benchmarks.harness import BARE, CHAT, Row, Size, child, consent, figure, seed, surroundings

SETTLE: Final = 2.0
PORT: Final = re.compile(r"/tcp/(\d+)")


class Meter:
    """Counts what passes, both ways."""

    def __init__(self) -> None:
        self.bytes = 0

    async def pass_on(self, port: int, client: trio.SocketStream) -> None:
        """Join a client with the server at `port`."""
        async with client, await trio.open_tcp_stream("127.0.0.1", port) as server, trio.open_nursery() as nursery:
            nursery.start_soon(self._copy, client, server)
            await self._copy(server, client)
            nursery.cancel_scope.cancel()

    async def _copy(self, source: trio.SocketStream, target: trio.SocketStream) -> None:
        try:
            async for chunk in source:
                self.bytes += len(chunk)
                await target.send_all(chunk)
        except trio.BrokenResourceError:
            return


@asynccontextmanager
async def metered(address: str) -> AsyncGenerator[tuple[str, Meter], None]:
    """Yield the multiaddr of a relay before `address`, and what counts there."""
    found = PORT.search(address)
    assert found is not None
    meter = Meter()
    async with trio.open_nursery() as nursery:
        serve = partial(trio.serve_tcp, partial(meter.pass_on, int(found[1])), 0, host="127.0.0.1")
        listeners: list[trio.SocketListener] = await nursery.start(serve)
        port = listeners[0].socket.getsockname()[1]
        yield PORT.sub(f"/tcp/{port}", address, count=1), meter
        nursery.cancel_scope.cancel()


async def run(size: Size) -> list[Row]:
    """Watch a person who waits and a bare node, at the same time."""
    async with AsyncExitStack() as stack:
        there, seen = await stack.enter_async_context(metered(await stack.enter_async_context(seed())))
        env = stack.enter_context(surroundings(there))
        consent(env)
        someone = await stack.enter_async_context(child(CHAT, env))
        nodes = [await stack.enter_async_context(child(BARE, env)) for _ in range(2)]
        target, bare_seen = await stack.enter_async_context(metered((await nodes[1].hear("listening")).address))
        await nodes[0].tell(f"dial {target}")
        await nodes[0].hear("connected")
        await someone.hear("state", state="empty")
        await trio.sleep(SETTLE)
        pids, meters = (someone.pid, nodes[0].pid), (seen, bare_seen)
        before = [(_processor(pid), meter.bytes) for pid, meter in zip(pids, meters, strict=True)]
        await trio.sleep(size.idle)
        after = [(_processor(pid), meter.bytes) for pid, meter in zip(pids, meters, strict=True)]
        await someone.tell("/quit")
    busy = [figure([100 * (late[0] - early[0]) / size.idle]) for early, late in zip(before, after, strict=True)]
    sent = [figure([0.06 * (late[1] - early[1]) / size.idle]) for early, late in zip(before, after, strict=True)]
    return [
        Row("idle-processor", "waiting: share of one core", "%", busy[0], busy[1], "≤ 2 %", "value", 2.0),
        Row("idle-bytes", "waiting: bytes a minute, both ways", "kB", sent[0], sent[1], "≤ 20 kB", "value", 20.0),
    ]


def _processor(pid: int) -> float:
    times = psutil.Process(pid).cpu_times()
    return float(times.user + times.system)
