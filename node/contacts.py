"""First contacts: being a guest of every seed that we know of, and of the local one where that helps (protocol.md 3).

    a seed answers -> its guest until it is gone -> at once again
    no answer -> again after 5, 10, 20 ... 300 s

Which peer is the guest may change (a new identity): `visit` is asked anew each time.
"""

import math
from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from typing import Final

import trio

from passerby.discovery.addresses import Address
from passerby.node.localseed import LocalSeed

FIRST_RETRY: Final = 5.0
LONGEST_RETRY: Final = 300.0
COME_BACK: Final = 0.5  # seconds after a seed that had answered went away: it may be starting again
LOCAL_SEED_WAIT: Final = 1.5  # seconds that named seeds have before this machine is searched too

Heard = Callable[[], None]
Visit = Callable[[Address, Heard], Awaitable[None]]


class Contacts:
    """The seeds of one run: those that were named or remembered, and the local one."""

    def __init__(self, seeds: Sequence[Address], local: LocalSeed | None, visit: Visit, changed: Heard) -> None:
        """`visit` is a guest of a seed until that is gone, and calls back when it is one; `changed`: look again."""
        self._seeds = seeds
        self._local = local
        self._visit = visit
        self._changed = changed
        self._began = math.inf
        self._inside: set[Address] = set()
        self._retry_at: dict[Address, float] = {}
        self._gone = trio.Event()
        self.answered: dict[str, bool] = {str(address): False for address in seeds}
        """Per multiaddr whether the seed answered in this run."""

    @property
    def named(self) -> int:
        """How many seeds are known beside the local one."""
        return len(self._seeds)

    def are_silent(self) -> bool:
        """Whether seeds are known, had the time to answer, and none is there."""
        waited = trio.current_time() - self._began >= LOCAL_SEED_WAIT
        return bool(self._seeds) and waited and not self._inside

    def retry_in(self) -> float | None:
        """Return the seconds to the next try; None if none is scheduled."""
        if not self._retry_at:
            return None
        return max(0.0, min(self._retry_at.values()) - trio.current_time())

    async def run(self) -> None:
        """Stay in touch until cancelled. HomeError if the local seed's folder cannot be used."""
        self._began = trio.current_time()
        async with trio.open_nursery() as nursery:
            for address in self._seeds:
                nursery.start_soon(self._stay_at, address)
            if self._local is not None:
                nursery.start_soon(self._attend_local, self._local)

    async def _stay_at(self, address: Address) -> None:
        wait = FIRST_RETRY
        while True:
            await self._visit(address, partial(self._heard, address))
            if address in self._inside:
                self._inside.discard(address)
                self._gone.set()
                self._gone = trio.Event()
                wait = FIRST_RETRY
                await trio.sleep(COME_BACK)
                continue
            self._retry_at[address] = trio.current_time() + wait
            self._changed()
            await trio.sleep(wait)
            del self._retry_at[address]
            wait = min(2 * wait, LONGEST_RETRY)

    def _heard(self, address: Address) -> None:
        self._inside.add(address)
        self.answered[str(address)] = True
        self._changed()

    async def _attend_local(self, local: LocalSeed) -> None:
        """Look for the local seed at once if no other is known, else when all others are silent."""
        if self._seeds:
            await trio.sleep(LOCAL_SEED_WAIT)
            while not self.are_silent():
                await self._gone.wait()
            self._changed()
        await local.attend(self._visit_local)

    async def _visit_local(self, address: Address) -> None:
        await self._visit(address, self._changed)
