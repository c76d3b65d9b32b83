"""Forty real seeds: who waits where, and what is lost when half of them die in one moment (protocol.md 2, 3)."""

import random
from contextlib import AsyncExitStack
from math import inf

import pytest
import trio

from passerby.node.events import Matched, Search
from passerby.node.lab.town import Town
from passerby.node.wishes import wishes_of
from support.people import Person, person, settings
from support.towns import at_home, homes, town

CALM = 30.0  # seconds for a room to be where it should, on a machine that is busy with other tests
LOST = 15.0  # for nobody longer, whatever dies
WORDS = ("tea", "chess", "rain", "owls", "maps", "salt")
NEAREST = 4


def tag(word: str) -> bytes:
    return wishes_of((word,), "", inf).tags[0]


async def search(seeds: Town, stack: AsyncExitStack, contacts: list[int]) -> Person:
    """Bring somebody who knows these seeds."""
    known = tuple(str(seeds.residents[number].address) for number in contacts)
    return await stack.enter_async_context(person(settings(network_seeds=known, network_local=False)))


def strangers_to(seeds: Town, word: str) -> list[int]:
    """Return four seeds that a room does not belong to: with its own four they are too many to enter them all."""
    return random.sample(sorted({one.number for one in seeds.alive} - homes(seeds, tag(word), 2 * NEAREST)), NEAREST)


def doomed(seeds: Town, spared: set[int]) -> list[int]:
    """Draw half of the seeds, all homes of two rooms first: for those who wait there nothing worse can happen."""
    worst = (homes(seeds, tag(WORDS[0])) | homes(seeds, tag(WORDS[1]))) - spared
    others = sorted({one.number for one in seeds.alive} - worst - spared)
    return [*worst, *random.sample(others, len(seeds.alive) // 2 - len(worst))]


@pytest.mark.parametrize("count", [20, pytest.param(40, marks=pytest.mark.slow)])
async def test_rooms_are_where_they_should_be_and_half_of_the_seeds_may_die(count: int) -> None:
    async with AsyncExitStack() as stack:
        seeds = await stack.enter_async_context(town(count))
        wishes = {word: Search(wishes_of((word,), "", inf)) for word in WORDS}
        waiting: dict[str, Person] = {}
        spared: set[int] = set()
        for word in WORDS:
            contacts = strangers_to(seeds, word)
            spared.add(contacts[0])  # who knows none but the dead can ask nobody
            waiting[word] = await search(seeds, stack, contacts)
            await waiting[word].do(wishes[word])
            await at_home(seeds, tag(word), trio.current_time() + CALM, nowhere_else=True)
        met, alone = WORDS[::2], WORDS[1::2]
        dying = doomed(seeds, spared)
        alive = sorted({one.number for one in seeds.alive} - set(dying))
        newcomers = {word: await search(seeds, stack, [random.choice(alive)]) for word in met}
        seeds.kill(*dying)
        deadline = trio.current_time() + LOST
        for word, newcomer in newcomers.items():
            await newcomer.do(wishes[word])
        for word in alone:
            await at_home(seeds, tag(word), deadline, nowhere_else=False)
        with trio.fail_at(deadline):
            for word in met:
                await waiting[word].expect(Matched)
