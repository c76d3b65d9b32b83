"""Many real seeds in this process, each knowing one or two of those before it, and which of them a room belongs to."""

import random
import time
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager

import trio

from passerby.crypto.keys import public_key_of
from passerby.discovery.rooms import RoomId, epoch_of, room_of, seed_position
from passerby.node.lab.chaos import Nature
from passerby.node.lab.run import breathe
from passerby.node.lab.town import Resident, Town
from support.people import settings

LOOK = 0.02


@asynccontextmanager
async def town(count: int, *liars: Nature) -> AsyncGenerator[Town]:
    """Run `count` honest seeds of the test's network, and these liars beside them, until the block ends."""
    async with trio.open_nursery() as nursery:
        seeds = Town(settings().network, nursery)
        for number, nature in enumerate([Nature.HONEST] * count + list(liars)):
            await breathe()
            await seeds.start(number, random.sample(range(number), min(2, number)), nature)
        await seeds.joined()
        yield seeds
        nursery.cancel_scope.cancel()


def room(seeds: Town, tag: bytes) -> RoomId:
    return room_of(seeds.network, epoch_of(time.time()), tag)


def homes(seeds: Town, tag: bytes, count: int = 4) -> set[int]:
    """Return the living seeds that a tag's room should be on: those whose places are nearest to it."""
    target = int.from_bytes(room(seeds, tag).key, "big")

    def distance(one: Resident) -> int:
        assert one.seed is not None, "it lives"
        return int.from_bytes(seed_position(public_key_of(one.seed.peer_id)), "big") ^ target

    return {one.number for one in sorted(seeds.alive, key=distance)[:count]}


def holders(seeds: Town, tag: bytes) -> set[int]:
    """Return the living seeds where somebody is in that room."""
    wanted = room(seeds, tag)
    return {
        one.number
        for one in seeds.alive
        if one.seed is not None and any(kept.id == wanted and kept.members for kept in one.seed.rooms())
    }


async def at_home(seeds: Town, tag: bytes, deadline: float, *, nowhere_else: bool) -> None:
    """Return once a tag's room is on its four seeds, and `nowhere_else` but on the next four.

    There it is too from the third re-sample of a search on (protocol.md 2).
    """

    def is_so() -> bool:
        here = holders(seeds, tag)
        return here >= homes(seeds, tag) and (here <= homes(seeds, tag, 8) or not nowhere_else)

    with trio.move_on_at(deadline):
        await until(is_so)
    assert is_so(), f"the room is on {holders(seeds, tag)}, and belongs to {homes(seeds, tag)}"


async def until(is_so: Callable[[], bool]) -> float:
    """Return how many seconds it took to be so: a seed tells nobody who looks on what changes in it."""
    began = trio.current_time()
    while not is_so():  # noqa: ASYNC110 - there is no event to wait for
        await trio.sleep(LOOK)
    return trio.current_time() - began
