"""Many matches: at the same instant, and one after the other against one seed that must forget them all."""

import gc
from math import inf

import psutil
import pytest
import trio

from passerby.node.config import Settings
from passerby.node.events import Matched
from passerby.node.seeding.seed import Seed
from support.people import matched, person, settings
from support.seeds import seed as open_seed

WARM = 50  # matches after which caches are full
GROWTH = 10 * 1024 * 1024
A_MATCH = 10.0  # seconds on a machine that is busy with other tests


async def meet(named: Settings) -> None:
    """Let two new people search at the same instant; both are in one chat at the end, or it fails."""
    with trio.fail_after(A_MATCH):
        async with person(named) as one, person(named) as other:
            await matched(one, other)
            (ours,), (theirs,) = one.all(Matched), other.all(Matched)
            assert ours.verify == theirs.verify


@pytest.mark.parametrize("count", [10, pytest.param(200, marks=pytest.mark.slow)])
async def test_both_search_at_the_same_instant(count: int) -> None:
    async with open_seed() as seed:
        named = settings(network_seeds=(str(seed.addresses[0]),), network_local=False)
        for _ in range(count):
            await meet(named)


def tasks_living() -> int:
    return trio.lowlevel.current_statistics().tasks_living


async def settled(seed: Seed, tasks: float = inf) -> None:
    """Return when the seed has no connection left, and no more tasks than that: closing takes the library a moment."""
    with trio.fail_after(A_MATCH):
        while seed.counts() != (0, 0, 0) or tasks_living() > tasks:  # noqa: ASYNC110 - the library tells nobody
            await trio.sleep(0.05)


@pytest.mark.slow
async def test_five_hundred_in_a_row_leave_nothing_behind() -> None:
    process = psutil.Process()
    tasks_outside = tasks_living()
    async with open_seed() as seed:
        named = settings(network_seeds=(str(seed.addresses[0]),), network_local=False)
        tasks = before = 0
        for number in range(500):
            if number == WARM:
                await settled(seed)
                gc.collect()
                before = process.memory_info().rss
                tasks = tasks_living()
            await meet(named)
        await settled(seed, tasks)
        gc.collect()
        assert process.memory_info().rss - before <= GROWTH
    assert tasks_living() == tasks_outside
