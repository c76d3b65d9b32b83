"""Messages of 100 bytes one way: sealed records over a stream of ours, plain writes over a stream of a bare node."""

import sys
from collections.abc import Sequence
from contextlib import AsyncExitStack
from typing import Final

from benchmarks.harness import BARE, Child, Row, Size, child, figure, surroundings

RECORDS: Final = (sys.executable, "-m", "benchmarks.records")
FLOW: Final = 3000


async def run(size: Size) -> list[Row]:
    """Let both send by turns; each side checks that nothing was lost or reordered."""
    async with AsyncExitStack() as stack:
        ours, bare = await _pair(stack, RECORDS), await _pair(stack, BARE)
        rates: tuple[list[float], list[float]] = ([], [])
        for _ in range(size.flows):
            for pair, values in zip((ours, bare), rates, strict=True):
                await pair.tell(f"flow {FLOW}")
                values.append(FLOW / (await pair.hear("flowed")).value)
    here, there = (figure(values) for values in rates)
    return [Row("one-way", "messages one way, 100 B", "1/s", here, there, "≥ 0.8 × bare", "ratio", 0.8, more=True)]


async def _pair(stack: AsyncExitStack, command: Sequence[str]) -> Child:
    env = stack.enter_context(surroundings())
    one = await stack.enter_async_context(child(command, env))
    other = await stack.enter_async_context(child(command, env))
    await one.tell(f"dial {(await other.hear('listening')).address}")
    await one.hear("connected")
    return one
