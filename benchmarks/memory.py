"""Memory: a person's program after a match, and a bare node after it connected and got an echo."""

from contextlib import AsyncExitStack

import psutil
import trio
from benchmarks.harness import BARE, CHAT, Row, Size, child, consent, figure, seed, surroundings

MIB = 1024 * 1024
SETTLE = 1.0


async def run(size: Size) -> list[Row]:
    """Measure resident memory of two processes of each kind, by turns."""
    ours: list[float] = []
    bare: list[float] = []
    async with seed() as address:
        for _ in range(max(2, size.starts // 2)):
            ours += await _after_a_match(address)
            bare += await _after_an_echo()
    return [Row("memory", "memory after a match", "MiB", figure(ours), figure(bare), "≤ 1.1 × bare", "ratio", 1.1)]


async def _after_a_match(address: str) -> list[float]:
    async with AsyncExitStack() as stack:
        env = stack.enter_context(surroundings(address))
        consent(env)
        people = [await stack.enter_async_context(child(CHAT, env)) for _ in range(2)]
        for someone in people:
            await someone.hear("matched")
        await trio.sleep(SETTLE)
        memory = [_resident(someone.pid) for someone in people]
        for someone in people:
            await someone.tell("/quit")
        return memory


async def _after_an_echo() -> list[float]:
    async with AsyncExitStack() as stack:
        env = stack.enter_context(surroundings())
        one, other = [await stack.enter_async_context(child(BARE, env)) for _ in range(2)]
        await one.tell(f"dial {(await other.hear('listening')).address}")
        await one.hear("connected")
        await one.tell("ping 1")
        await one.hear("pong")
        await trio.sleep(SETTLE)
        return [_resident(node.pid) for node in (one, other)]


def _resident(pid: int) -> float:
    return float(psutil.Process(pid).memory_info().rss) / MIB
