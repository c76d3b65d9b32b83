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

from passerby.discovery.addresses import Address, parse_seed
from passerby.discovery.limits import LOBBY_SEEDS
from passerby.node import remembered
from passerby.node.config import Settings
from passerby.node.localseed import PLACES, LocalSeed

FIRST_RETRY: Final = 5.0
LONGEST_RETRY: Final = 300.0
COME_BACK: Final = 0.5  # seconds after a seed that had answered went away: it may be starting again
LOCAL_SEED_WAIT: Final = 1.5  # seconds that named seeds have before this machine is searched too

Heard = Callable[[], None]
Visit = Callable[[Address, Heard], Awaitable[None]]


def known_seeds(settings: Settings) -> tuple[Sequence[Address], Sequence[Address]]:
    """Return the seeds that were named, and those remembered beside them. HomeError if the memory cannot be read."""
    room = LOBBY_SEEDS - len(PLACES)  # the others are for this machine
    named = [parse_seed(text) for text in settings.seeds][:room]
    others = [parse_seed(text) for text in remembered.load(settings.folders, settings.network)]
    return named, [seed for seed in others if seed not in named][: room - len(named)]


class Contacts:
    """The seeds of one run: those that were named or remembered, and the local one."""

    def __init__(
        self,
        named: Sequence[Address],
        others: Sequence[Address],
        local: LocalSeed | None,
        visit: Visit,
        changed: Heard,
    ) -> None:
        """`visit` is a guest of a seed until that is gone, and calls back when it is one; `changed`: look again.

        Seeds that the person `named` are missed when they are silent; `others` are a help where they answer, no more.
        """
        self._named = {address.peer for address in named}
        self._seeds: dict[bytes | None, list[Address]] = {}  # a seed may have several addresses: one is enough
        for address in (*named, *others):
            self._seeds.setdefault(address.peer, []).append(address)
        self._local = local
        self._visit = visit
        self._changed = changed
        self._began = math.inf
        self._inside: set[bytes | None] = set()
        self._retry_at: dict[bytes | None, float] = {}
        self._gone = trio.Event()
        self.answered: dict[str, bool] = {}
        """Per multiaddr that was tried, whether the seed answered there in this run."""

    @property
    def named(self) -> int:
        """How many seeds the person named, each counted once."""
        return len(self._named)

    def named_are_silent(self) -> bool:
        """Whether seeds were named, had the time to answer, and none of them is there."""
        return bool(self._named) and self._have_had_time() and not self._inside & self._named

    def _have_had_time(self) -> bool:
        return trio.current_time() - self._began >= LOCAL_SEED_WAIT

    def retry_at(self) -> float | None:
        """Return the moment of the next try at a named seed, on trio's clock; None if none is scheduled."""
        return min((at for peer, at in self._retry_at.items() if peer in self._named), default=None)

    async def run(self) -> None:
        """Stay in touch until cancelled."""
        self._began = trio.current_time()
        async with trio.open_nursery() as nursery:
            for peer in self._seeds:
                nursery.start_soon(self._stay_at, peer)
            if self._local is not None:
                nursery.start_soon(self._attend_local, self._local)

    async def _stay_at(self, peer: bytes | None) -> None:
        wait = FIRST_RETRY
        while True:
            if await self._be_at(peer):
                wait = FIRST_RETRY
                await trio.sleep(COME_BACK)
                continue
            self._retry_at[peer] = trio.current_time() + wait
            self._changed()
            await trio.sleep(wait)
            del self._retry_at[peer]
            wait = min(2 * wait, LONGEST_RETRY)

    async def _be_at(self, peer: bytes | None) -> bool:
        """Try the addresses of a seed in turn; be its guest at the first that answers, and tell whether one did."""
        for address in self._seeds[peer]:
            self.answered.setdefault(str(address), False)
            await self._visit(address, partial(self._heard, address))
            if peer in self._inside:
                self._inside.discard(peer)
                self._gone.set()
                self._gone = trio.Event()
                return True
        return False

    def _heard(self, address: Address) -> None:
        self._inside.add(address.peer)
        self.answered[str(address)] = True
        self._changed()

    async def _attend_local(self, local: LocalSeed) -> None:
        """Look for the local seed at once if no other is known, else when all others are silent."""
        if self._seeds:
            await trio.sleep(LOCAL_SEED_WAIT)
            while self._inside:
                await self._gone.wait()
            self._changed()
        await local.attend(self._visit)
