"""From the start of a search to a chat that both sides confirmed; and `/next`.

Fresh processes that know the seed; their hosts have just been opened, and no seed was dialled yet. A bare newcomer does
the same with py-libp2p's Kademlia DHT of 20 nodes: his node is up and has joined; he finds who provides a key, connects
and gets an echo.
"""

import secrets
import sys
from contextlib import AsyncExitStack
from typing import Final

import trio
from benchmarks import following, together
from benchmarks.harness import OURS, BenchmarkError, Figure, Row, Size, child, figure, seed, surroundings

KAD: Final = (sys.executable, "-m", "benchmarks.kad")
DHT_NODES: Final = 20
SETTLE: Final = 0.4  # seconds: the ticket of who waits is at the seed
Times = list[float | None]

PATIENCE: Final = 15.0  # a pair that did not meet by then is a miss
NEWCOMER: Final = 0.063  # Hyperswarm's 30 ms beside py-libp2p's 475 ms on one machine
TOGETHER: Final = 0.24  # Hyperswarm's 115 ms, its application helping, beside the same 475 ms
NEXT: Final = 0.5


async def run(size: Size) -> list[Row]:
    """Measure matches by fresh processes, by many pairs in one process, and by people who go on to the next."""
    arrivals: list[float | None] = []
    collisions: list[float | None] = []
    bare: list[float | None] = []
    async with AsyncExitStack() as stack:
        address = await stack.enter_async_context(seed())
        bootstrap = await _dht(stack)
        for _ in range(size.starts):
            arrivals.append(await _meet(address, one_waits=True))
            bare.append(await _meet_bare(bootstrap))
            collisions.append(await _meet(address, one_waits=False))
    async with seed() as address:
        inside = await together.arrivals(address, size.starts)
        pairs = await together.collisions(address, size.matches)
    return _rows(arrivals, collisions, inside, pairs, bare, await following.run(size))


def _rows(arrivals: Times, collisions: Times, inside: Times, pairs: Times, bare: Times, nexts: Times) -> list[Row]:
    second, newcomer = figure(arrivals, scale=1000), figure(bare, scale=1000)

    def row(key: str, what: str, ours: Figure, goal: str = "", limit: float = 0.0) -> Row:
        judged = "ratio" if goal else ""
        return Row(key, what, "ms", ours, newcomer, goal, judged, limit, against="bare newcomer")

    join = f"≤ {NEWCOMER} × bare newcomer (Hyperswarm)"
    collide = f"0 misses; ≤ {TOGETHER} × bare newcomer (Hyperswarm)"
    return [
        row("match-second", "match: a newcomer joins who waits", second, join, NEWCOMER),
        row("match-second-inside", "… all in one process", figure(inside, scale=1000)),
        row("match-together", "match: both join at once", figure(collisions, scale=1000), collide, TOGETHER),
        row("match-together-inside", "… all in one process", figure(pairs, scale=1000)),
        Row(
            "next",
            "/next with the lobby open",
            "ms",
            figure(nexts, scale=1000),
            second,
            f"≤ {NEXT} × the first match",
            "ratio",
            NEXT,
            against="first match",
        ),
    ]


async def _dht(stack: AsyncExitStack) -> str:
    env = stack.enter_context(surroundings())
    servers = await stack.enter_async_context(child([*KAD, "network", str(DHT_NODES)], env))
    return (await servers.hear("listening")).address


async def _meet(address: str, *, one_waits: bool) -> float | None:
    """Return the seconds from the second search to the later of both matches, None if they missed each other."""
    async with AsyncExitStack() as stack:
        env = stack.enter_context(surroundings(address))
        one, other = [await stack.enter_async_context(child(OURS, env)) for _ in range(2)]
        for someone in (one, other):
            await someone.hear("ready")
        await one.tell("go")
        if one_waits:
            await one.hear("state", state="empty")
            await trio.sleep(SETTLE)
        await other.tell("go")
        try:
            matched = [await someone.hear("matched", patience=PATIENCE) for someone in (one, other)]
        except BenchmarkError:
            return None
        return max(told.at for told in matched) - max(told.at - told.value for told in matched)


async def _meet_bare(bootstrap: str) -> float | None:
    """Return the seconds from the second start to the newcomer's echo, None if it finds nobody."""
    key = secrets.token_hex(32)
    async with AsyncExitStack() as stack:
        env = stack.enter_context(surroundings())
        one, other = [await stack.enter_async_context(child([*KAD, "person", bootstrap], env)) for _ in range(2)]
        for someone in (one, other):
            await someone.hear("ready")
        await one.tell(f"wait {key}")
        await one.hear("waiting")
        await trio.sleep(SETTLE)
        await other.tell(f"join {key}")
        began = (await other.hear("searched")).at
        try:
            return (await other.hear("matched", patience=PATIENCE)).at - began
        except BenchmarkError:
            return None
