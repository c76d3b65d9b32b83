"""What is around a chatting peer, whatever its identity: networks, seeds, and the memory of them; a shell."""

from collections.abc import Callable
from functools import partial
from typing import Final

import trio

from passerby.discovery.addresses import Scope
from passerby.node.config import Settings
from passerby.node.events import Failed
from passerby.node.firstcontacts import remembered
from passerby.node.firstcontacts.contacts import Contacts, Near, Sources, Tell
from passerby.node.firstcontacts.interfaces import NetworkWatch
from passerby.node.firstcontacts.lan import Lan, listening_at
from passerby.node.firstcontacts.localseed import LocalSeed
from passerby.node.home import HomeError
from passerby.node.lobby import Person
from passerby.node.presence import LISTEN

FIRST_MEMORY: Final = 10.0  # seconds until the seeds that answered are first written down; then twice that ...
LATER_MEMORY: Final = 300.0  # ... and so on up to this

Moved = Callable[[frozenset[str], bool], None]
"""Told the addresses of the machine, and whether it is to listen elsewhere now."""


class Surroundings:
    """What is around one run. `tell` reaches its searcher, `refuse` ends it, `warn` says a sentence to the person."""

    def __init__(
        self,
        settings: Settings,
        first: Sources,
        person: Person,
        tell: Tell,
        refuse: Callable[[Failed], None],
        warn: Callable[[str], None],
    ) -> None:
        self._settings = settings
        self._book = person.seeds
        self._refuse = refuse
        self._warn = warn
        self._has_met = False
        self._watch = NetworkWatch(person.clock)
        local = LocalSeed(settings.network, settings.folders, warn) if settings.local else None
        self._lan = Lan(settings.network, settings.folders, warn) if settings.lan else None
        self.contacts: Final = Contacts(
            first, Near(local, self._lan), self._book, tell, self._refused, person.names, self._watch
        )

    @property
    def listen(self) -> tuple[str, ...]:
        """Where to listen for strangers."""
        return (*LISTEN, *(() if self._lan is None else listening_at(self._lan.hosts)))

    @property
    def scope(self) -> Scope:
        """How far we look."""
        return Scope.LAN if self._lan is not None and self._lan.hosts else Scope.MACHINE

    def met(self) -> None:
        """Take that somebody was met."""
        self._has_met = True

    def _refused(self, failed: Failed) -> None:
        """End the run before the first chat only: whoever answers for a name is not to choose when a chat ends."""
        if self._has_met:
            self._warn(failed.text)
        else:
            self._refuse(failed)

    async def run(self, moved: Moved) -> None:
        """Attend to all of it until cancelled; `moved` is told of other networks, and of having slept."""

        def changed(hosts: frozenset[str]) -> None:
            moved(hosts, self._lan is not None and self._lan.look_again())

        async with trio.open_nursery() as nursery:
            nursery.start_soon(self.contacts.run)
            nursery.start_soon(self._watch.run, changed)
            nursery.start_soon(self._remember_early)

    async def remember(self, *, over: bool = True) -> None:
        """Write down which seeds answered, and once the run is `over` which did not."""
        save = partial(remembered.save, self._settings.folders, self._settings.network, self._book.seeds(), over=over)
        try:
            await trio.to_thread.run_sync(save)
        except HomeError as error:
            self._warn(f"The seeds of this run are not remembered: {error}")

    async def _remember_early(self) -> None:
        """While nobody was met yet write down which seeds answered: a long wait may end by a signal.

        Later nothing is written before the end: no file is touched while there is a chat.
        """
        pause = FIRST_MEMORY
        while True:
            await trio.sleep(pause)
            if self._has_met:
                return
            await self.remember(over=False)
            pause = min(2 * pause, LATER_MEMORY)
