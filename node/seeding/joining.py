"""How a seed that is run by somebody finds the other seeds (protocol.md 3.6, 3.10); a shell.

From what its settings name, what name servers and the list of the release tell, and what it knew in its last run: with
that memory it joins again although none of the others is there any more. What comes of it is the seed's to find out
(discovery/seeding/neighbours.py).
"""

from collections.abc import Callable, Iterable
from dataclasses import replace
from functools import partial
from typing import Final

import trio

from passerby.discovery.addresses import Address, Scope
from passerby.discovery.limits import FIRST_RETRY, LONELY, LONGEST_RETRY
from passerby.discovery.searching.knownseed import Known, Origin
from passerby.discovery.searching.searchevents import Introduced
from passerby.discovery.searching.seednames import SeedName, is_believed, needs_lookup, parse_named
from passerby.discovery.seeding.table import Contact
from passerby.node.config import Settings
from passerby.node.firstcontacts import remembered
from passerby.node.firstcontacts.interfaces import NetworkWatch
from passerby.node.firstcontacts.names import Names
from passerby.node.firstcontacts.shipped import shipped_seeds
from passerby.node.home import HomeError
from passerby.node.seeding.seed import Seed

FIRST_MEMORY: Final = 60.0  # seconds until it is first written down whom the seed knows: by then it has joined
ANSWER: Final = 15.0  # seconds after which it is said that nobody answers: a few tries
LOOK: Final = 0.5  # seconds between two looks at whether somebody does
MEMORY: Final = 600.0  # and after that: seeds live for days


class Joining:
    """What one seed does to know others. `say` is told, in words, what is not as it should be."""

    def __init__(self, seed: Seed, settings: Settings, names: Names, say: Callable[[str], None]) -> None:
        self._say = say
        self._seed = seed
        self._folders, self._network = settings.folders, settings.network
        self._names = names
        self._watch = NetworkWatch(seed.clock)
        self._named = settings.seeds
        self._typed = [parse_named(text) for text in settings.seeds]
        self._shipped = shipped_seeds(settings.network) if settings.directory else []

    async def run(self, earlier: Iterable[Introduced]) -> None:
        """Find others, beginning with those of `earlier` runs, and remember them, for ever."""
        self._recall(earlier)
        async with trio.open_nursery() as nursery:
            for name in filter(needs_lookup, [*self._typed, *self._shipped]):
                nursery.start_soon(self._keep_looked_up, name)
            nursery.start_soon(self._watch.run, self._network_changed)
            nursery.start_soon(self._tell_whether_joined)
            self._introduce_known()
            await trio.sleep(FIRST_MEMORY)
            while True:
                await self.remember()
                await trio.sleep(MEMORY)

    async def remember(self) -> None:
        """Write down whom the seed knows."""
        known = [_known(scope, contact) for scope, contact in self._seed.contacts()]
        save = partial(remembered.save, self._folders, self._network, known, over=False)
        try:
            await trio.to_thread.run_sync(save)
        except HomeError as error:
            self._say(f"The seeds of this run are not remembered: {error}")

    async def _tell_whether_joined(self) -> None:
        """Say once that the seed is not alone any more; and before that, that those who were named are silent."""
        with trio.move_on_after(ANSWER):
            await self._joined()
        if self._named and not self._count():
            self._say(f"No answer yet from {', '.join(self._named)}; trying on.")
        await self._joined()
        count = self._count()
        self._say(f"Joined: {count} other seed{'' if count == 1 else 's'}.")

    async def _joined(self) -> None:
        while not self._count():  # noqa: ASYNC110 - a seed tells nobody
            await trio.sleep(LOOK)

    def _count(self) -> int:
        return sum(1 for _ in self._seed.contacts())

    def _recall(self, earlier: Iterable[Introduced]) -> None:
        for seed in earlier:
            if seed.record is not None:
                self._seed.remind(seed.scope, seed.record)
            self._seed.introduce([replace(address, peer=seed.seed) for address in seed.addresses])

    def _network_changed(self, _hosts: frozenset[str]) -> None:
        self._seed.moved()
        self._introduce_known()

    def _introduce_known(self) -> None:
        """Have those asked, now, whose address needs no look-up: at the start, and in another network."""
        self._introduce(seed for seed in [*self._typed, *self._shipped] if not needs_lookup(seed))

    def _introduce(self, seeds: Iterable[Address | SeedName]) -> None:
        self._seed.introduce([seed for seed in seeds if isinstance(seed, Address)])

    async def _keep_looked_up(self, name: Address | SeedName) -> None:
        """Look a name up until the seed knows enough others, and again whenever it does not."""
        pause = FIRST_RETRY
        while True:
            if self._count() < LONELY:
                found = await self._names.find(name)
                self._introduce(each for each in found if name in self._typed or is_believed(each))
            changed = await self._watch.changed_within(pause)
            pause = FIRST_RETRY if changed else min(LONGEST_RETRY, 2 * pause)


def _known(scope: Scope, contact: Contact) -> Known:
    where = contact.record.addresses
    return Known(contact.pid, scope, Origin.HEARD, where, blob=contact.blob, answered=contact.answered)
