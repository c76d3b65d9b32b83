"""First contacts: whom the person named, who answered in earlier runs, and who is near (protocol.md 3.6, 3.7, 3.12).

They are introduced to the searcher, which tries them, comes back to them and ranks them. What is left to do here is to
ask name servers, to look for seeds of this machine and of the local network, and to be one where nobody else is.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Final

import trio

from passerby.discovery.addresses import Address, Scope
from passerby.discovery.limits import FIRST_RETRY, LONGEST_RETRY
from passerby.discovery.searching.searchevents import Introduced, Origin, Tick, Withdrawn
from passerby.discovery.searching.seedbook import SeedBook
from passerby.discovery.searching.seednames import SeedName, by_seed, needs_lookup, parse_named
from passerby.node.config import Settings
from passerby.node.events import Failed
from passerby.node.firstcontacts import reach, remembered
from passerby.node.firstcontacts.interfaces import NetworkWatch
from passerby.node.firstcontacts.lan import Lan
from passerby.node.firstcontacts.localseed import Heard, LocalSeed
from passerby.node.firstcontacts.names import Names

LOCAL_SEED_WAIT: Final = 1.5  # seconds that other seeds have to answer before this machine is searched too

Tell = Callable[[Introduced | Withdrawn | Tick], None]


@dataclass(frozen=True, slots=True)
class Sources:
    """Whom a run begins with: seeds that can be tried at once, and hosts whose names have to be looked up first."""

    seeds: Sequence[Introduced] = ()
    names: Sequence[Address] = ()


def sources(settings: Settings) -> Sources | Failed:
    """Return the seeds that were named, and those remembered beside them; why not, if a named one is out of reach.

    HomeError if the memory cannot be read.
    """
    named = [parse_named(text) for text in settings.seeds]
    for seed in named:
        scope = Scope.PUBLIC if isinstance(seed, SeedName) else seed.scope  # TXT records list public seeds only
        if scope is not None and not reach.is_open(scope, lan=settings.lan):
            return reach.refusal(seed, scope)
    known = [seed for seed in named if isinstance(seed, Address)]
    numbers = by_seed(seed for seed in known if not needs_lookup(seed))
    earlier = remembered.load(settings.folders, settings.network)
    return Sources(
        [Introduced(*seed, Origin.NAMED) for seed in numbers]
        + [seed for seed in earlier if reach.is_open(seed.scope, lan=settings.lan)],
        [seed for seed in known if needs_lookup(seed)],
    )


@dataclass(frozen=True, slots=True)
class Near:
    """What is looked for close by: this machine's own seed, and the local network's; None: it is not."""

    local: LocalSeed | None = None
    lan: Lan | None = None


class Contacts:
    """The first contacts of one run. `note` is to be called after everything that may have changed the book."""

    def __init__(
        self,
        sources: Sources,
        near: Near,
        book: SeedBook,
        tell: Tell,
        refuse: Callable[[Failed], None],
        names: Names,
        watch: NetworkWatch,
    ) -> None:
        """`tell` reaches the searcher of whatever identity is present; `refuse` ends the run."""
        self._sources = sources
        self._near = near
        self._book = book
        self._tell = tell
        self._refuse = refuse
        self._names = names
        self._watch = watch
        self._began = trio.current_time()
        self._retries: dict[Address, float] = {}
        self._led: set[Address] = set()
        self._news = trio.Event()

    @property
    def named(self) -> int:
        """How many seeds the person named, each counted once."""
        return self._book.named + len(self._unknown())

    def named_are_silent(self) -> bool:
        """Whether seeds were named, had the time to answer, and none of them is there."""
        if trio.current_time() - self._began < LOCAL_SEED_WAIT:
            return False
        return self._book.named_are_silent() if self._book.named else bool(self._sources.names)

    def retry_at(self) -> float | None:
        """Return the moment of the next try at a named seed, on trio's clock; None if none is scheduled."""
        moments = [at for name, at in self._retries.items() if name.peer in self._unknown()]
        retry = self._book.named_retry(trio.current_time())
        return min(moments if retry is None else [retry, *moments], default=None)

    def note(self) -> None:
        """Look at the book again."""
        self._news.set()
        self._news = trio.Event()

    async def run(self) -> None:
        """Introduce everybody, and attend to those near, until cancelled."""
        self._began = trio.current_time()
        for introduced in self._sources.seeds:
            self._book.introduce(introduced)
        self._tell(Tick())  # all are known before the first plan: else all who know the same would begin at its first
        async with trio.open_nursery() as nursery:
            for name in self._sources.names:
                nursery.start_soon(self._keep_looked_up, name)
            if self._near.lan is not None:
                visit = partial(self._visit, Origin.FOUND)
                nursery.start_soon(self._near.lan.run, visit, self._found, self._lost, self._is_silent)
            if self._near.local is not None:
                nursery.start_soon(self._attend_local, self._near.local)

    # ---- names

    def _unknown(self) -> set[bytes | None]:
        """Return the seeds that were named and whose addresses nobody has told yet."""
        return {name.peer for name in self._sources.names if name.peer and self._book.get(name.peer) is None}

    async def _keep_looked_up(self, name: Address) -> None:
        """Look a host up until its seed is there, and again when it is not: it may have moved."""
        assert name.peer is not None, "a seed's address names its peer"
        pause = FIRST_RETRY
        while True:
            known = self._book.get(name.peer)
            if known is None or not known.guests:
                self._take(name, await self._names.find(name))
            self._retries[name] = trio.current_time() + pause
            changed = await self._watch.changed_within(pause)
            pause = FIRST_RETRY if changed else min(LONGEST_RETRY, 2 * pause)

    def _take(self, name: Address, found: Sequence[Address]) -> None:
        """Introduce a named host at its addresses, whatever they are: it was meant. But not out of reach.

        Once a name led to a seed, an answer out of reach is none: else whoever answers for it could end the run.
        """
        seeds = by_seed(found)
        within = [seed for seed in seeds if reach.is_open(seed[1], lan=self._near.lan is not None)]
        if seeds and not within and name not in self._led:
            self._refuse(reach.refusal(name, seeds[0][1]))
        for pid, scope, addresses in within[:1]:
            self._led.add(name)
            known = self._book.get(pid)
            if known is not None and not known.guests and not set(addresses) <= set(known.addresses):
                self._tell(Withdrawn(pid))
            self._tell(Introduced(pid, scope, addresses, Origin.NAMED))

    # ---- those near

    def _found(self, addresses: tuple[Address, ...]) -> None:
        for seed in by_seed(addresses):
            self._tell(Introduced(*seed, Origin.FOUND))

    def _lost(self, addresses: tuple[Address, ...]) -> None:
        """Forget who left, or was said to, unless we are there."""
        for pid, _, _ in by_seed(addresses):
            known = self._book.get(pid)
            if known is not None and known.origin is Origin.FOUND and not known.guests:
                self._tell(Withdrawn(pid))

    def _is_silent(self, pid: bytes) -> bool:
        known = self._book.get(pid)
        return known is not None and not known.guests and known.failures > 0

    async def _attend_local(self, local: LocalSeed) -> None:
        """Look for the local seed at once if no other is known, else when all others are silent.

        Who looks around in the local network does not forget this machine: not everybody here has asked for that.
        """
        if (self._sources.seeds or self._sources.names) and self._near.lan is None:
            await trio.sleep(LOCAL_SEED_WAIT)
            while any(known.guests for known in self._book.seeds()):
                await self._news.wait()
        await local.attend(partial(self._visit, Origin.LOCAL))

    async def _visit(self, origin: Origin, address: Address, heard: Heard) -> None:
        """Have the searcher be a guest at `address` until that seed is gone, or does not answer."""
        assert address.peer is not None, "a seed's address names its peer"
        assert address.scope is not None, "a local seed's address is a number"
        self._tell(Introduced(address.peer, address.scope, (address.bare,), origin))
        was_there = False
        try:
            while (known := self._book.get(address.peer)) is not None:
                if known.guests and not was_there:
                    was_there = True
                    heard()
                if not known.guests and (was_there or known.failures):
                    return
                await self._news.wait()
        finally:
            self._tell(Withdrawn(address.peer))
