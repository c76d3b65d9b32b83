"""`/next` with the lobby open: people who have met before take turns, so that each meeting is a first one.

Whoever is pivot meets one after the other of those that were not pivot yet; the stranger waits already.
"""

from contextlib import AsyncExitStack
from typing import Final

import trio
from benchmarks.harness import OURS, Child, Size, child, seed, surroundings

SETTLE: Final = 0.4  # seconds: the stranger's ticket is at the seed, the last chat's stream is closed


async def run(size: Size) -> list[float | None]:
    """Return the seconds from `/next` to the later of both `matched`."""
    async with AsyncExitStack() as stack:
        env = stack.enter_context(surroundings(await stack.enter_async_context(seed())))
        people = [await stack.enter_async_context(child(OURS, env)) for _ in range(size.people)]
        for someone in people:
            await someone.hear("ready")
        await _meet(people[0], people[1], "go", "go")
        known = {0, 1}
        times: list[float | None] = []
        for pivot, stranger in _turns(size.people):
            words = ["go" if number not in known else "search" for number in (pivot, stranger)]
            known |= {pivot, stranger}
            times.append(await _meet(people[pivot], people[stranger], *words))
        return times


def _turns(people: int) -> list[tuple[int, int]]:
    """Every pair but (0, 1), each next to one that shares its pivot."""
    pairs = [(0, stranger) for stranger in range(2, people)]
    for pivot in range(people - 1, 1, -1):
        pairs += [(pivot, stranger) for stranger in range(1, pivot)]
    return pairs


async def _meet(pivot: Child, stranger: Child, first: str, second: str) -> float:
    await stranger.tell(second)
    await stranger.hear("state", state="empty")
    await trio.sleep(SETTLE)
    await pivot.tell(first)
    began = (await pivot.hear("searched")).at
    return max((await pivot.hear("matched")).at, (await stranger.hear("matched")).at) - began
