"""A message of 100 bytes there and back: at node/peer.py, through the console's bridge, and on a bare stream.

By turns, a burst of each, as many as a chat's flood control lets pass at once; the next burst when it has recovered.
"""

from contextlib import AsyncExitStack
from typing import Final

import trio
from benchmarks.harness import BARE, OURS, Child, Row, Size, child, figure, seed, surroundings

from passerby.node.limits import SEND_BURST, SEND_RATE

BEAT: Final = 1.05 * SEND_BURST / SEND_RATE  # seconds from burst to burst


async def run(size: Size) -> list[Row]:
    """Let three pairs of processes echo by turns."""
    async with AsyncExitStack() as stack:
        address = await stack.enter_async_context(seed())
        pairs = [await _people(stack, address), await _people(stack, address, "--bridge"), await _bare(stack)]
        times: list[list[float]] = [[], [], []]
        for _ in range(size.bursts):
            began = trio.current_time()
            for pair, values in zip(pairs, times, strict=True):
                await pair.tell(f"ping {SEND_BURST}")
                values += [(await pair.hear("pong")).value for _ in range(SEND_BURST)]
            await trio.sleep_until(began + BEAT)
    peer, bridge, bare = (figure(values, scale=1000) for values in times)
    return [
        Row("round-trip", "round trip, 100 B, at node/peer.py", "ms", peer, bare, "≤ 1.25 × bare", "ratio", 1.25),
        Row("round-trip-bridge", "… through the console bridge", "ms", bridge, bare, "≤ 1.7 × bare", "ratio", 1.7),
    ]


async def _people(stack: AsyncExitStack, address: str, *flags: str) -> Child:
    """Two people in a chat, of whom the second echoes; returns the first."""
    env = stack.enter_context(surroundings(address))
    one = await stack.enter_async_context(child([*OURS, *flags], env))
    other = await stack.enter_async_context(child([*OURS, *flags, "--echo"], env))
    for someone in (one, other):
        await someone.tell("go")
    for someone in (one, other):
        await someone.hear("matched")
    return one


async def _bare(stack: AsyncExitStack) -> Child:
    env = stack.enter_context(surroundings())
    one = await stack.enter_async_context(child(BARE, env))
    other = await stack.enter_async_context(child(BARE, env))
    await one.tell(f"dial {(await other.hear('listening')).address}")
    await one.hear("connected")
    return one
