"""A seed among seeds: its connections to others, and what it answers over the DHT protocol; a shell.

Each scope has a view of its own (discovery/seeding/neighbours.py), with its own record and connections: what is known
in one is never told in another (protocol.md 0).
"""

import math
import random
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from typing import Final, assert_never

import trio

from passerby.crypto.keys import SigningKey
from passerby.discovery import dhtwire
from passerby.discovery.addresses import Address, Scope
from passerby.discovery.asking import DHT, serve
from passerby.discovery.limits import CLOCK_JUMP, NEARER_PER_ANSWER, RECORD_ADDRESSES
from passerby.discovery.rooms import NO_WORK
from passerby.discovery.searching.seednames import by_seed
from passerby.discovery.seeding import neighbourevents
from passerby.discovery.seeding.neighbourevents import (
    Call,
    CheckedWork,
    CheckWork,
    ClockSet,
    Gone,
    HangUp,
    Introduced,
    Knocked,
    Moved,
    Remembered,
    Silent,
    Tick,
    Told,
)
from passerby.discovery.seeding.neighbours import Neighbours
from passerby.discovery.seeding.service import Clock, LobbyServer
from passerby.discovery.seeding.table import Contact
from passerby.discovery.seedrecord import SeedRecord, check_work, sign_record
from passerby.node.connection import Stream
from passerby.node.firstcontacts.names import Names
from passerby.node.host import Host
from passerby.node.seeding.dialback import Dialback
from passerby.node.seeding.ownaddresses import by_scope
from passerby.node.seedlinks import Link, SeedLinks

STEP: Final = 10.0  # seconds; the longest time between two looks at the clocks

Puzzle = tuple[int, bytes]  # the nonce that solves the id puzzle, and its work


class View:
    """What a seed knows of the others in one scope, and its connections to them."""

    def __init__(
        self, host: Host, scope: Scope, sign: Callable[[int], bytes], check: Callable[[SeedRecord], bool],
        nursery: trio.Nursery, clock: Clock, names: Names,
    ) -> None:  # fmt: skip
        self._nursery = nursery
        self._clock = clock
        self._check = check
        self._links = SeedLinks(host, nursery, names, linger=math.inf)
        self._watched: dict[bytes, Link] = {}  # those whose end is still news
        self._worker = trio.CapacityLimiter(1)
        self._news = trio.Event()
        self._offset = clock()
        self.machine: Final = Neighbours(
            scope=scope, sign=sign, unix_minus_now=self._offset, rng=random.SystemRandom(), now=trio.current_time()
        )

    def handle(self, event: neighbourevents.Event) -> None:
        """Tell the machine what happened, and do what follows."""
        for effect in self.machine.handle(event, trio.current_time()):
            match effect:
                case Call():
                    self._nursery.start_soon(self._call, effect)
                case CheckWork(record):
                    self._nursery.start_soon(self._check_work, record)
                case HangUp(pid):
                    self._watched.pop(pid, None)
                    self._links.close(pid)
                case _:
                    assert_never(effect)
        self._news.set()
        self._news = trio.Event()

    async def run(self) -> None:
        """Let time pass in the machine, for ever."""
        while True:
            now = trio.current_time()
            if abs((offset := self._clock()) - self._offset) > CLOCK_JUMP:
                self._offset = offset
                self.handle(ClockSet(offset))
            if (due := self.machine.deadline(now)) <= now:
                self.handle(Tick())
                continue
            with trio.move_on_at(min(due, now + STEP)):
                await self._news.wait()

    async def _call(self, call: Call) -> None:
        answer: dhtwire.Answer | None = None
        link = self._links.get(call.pid)
        if link is not None and link.address not in call.addresses:
            self._links.close(call.pid)  # what it answers there says nothing about these
        link = None
        with trio.move_on_after(call.patience) as patience:
            async with self._links.lease(call.pid, call.addresses) as link:
                if link is not None:
                    self._watch(call.pid, link)
                    answer = await link.ask(call.request)
        if link is None:
            self.handle(Silent(call.pid, late=patience.cancelled_caught))
        elif self._watched.get(call.pid) is link:  # else we hung up, or its end was told
            silent = Silent(call.pid, late=patience.cancelled_caught)
            self.handle(silent if answer is None else Told(call.pid, link.block, link.address, answer))

    def _watch(self, pid: bytes, link: Link) -> None:
        if self._watched.get(pid) is not link:
            self._watched[pid] = link
            self._nursery.start_soon(self._await_end, pid, link)

    async def _await_end(self, pid: bytes, link: Link) -> None:
        await link.connection.wait_closed()
        if self._watched.get(pid) is link:
            del self._watched[pid]
            self.handle(Gone(pid))

    async def _check_work(self, record: SeedRecord) -> None:
        passed = await trio.to_thread.run_sync(self._check, record, limiter=self._worker)
        self.handle(CheckedWork(record, passed))


class Neighbourhood:
    """All views of one seed. `run` keeps them; `nearest` is asked by the waiting room, `serve` answers others."""

    def __init__(
        self, host: Host, key: SigningKey, network: str, bits: int, solve: Callable[[], Puzzle], clock: Clock
    ) -> None:
        """Know nobody yet. `bits` is the network's id puzzle; `solve`, run in a thread, returns our own solution."""
        self._clock = clock
        self._host = host
        self._key = key
        self._check = partial(check_work, network=network, bits=bits)
        self._solve = solve
        self._views: dict[Scope, View] = {}
        self._first: dict[Scope, list[neighbourevents.Event]] = {}
        self._ours: dict[Scope, tuple[Address, ...]] = {}
        self._moved = trio.Event()
        self._dialback = Dialback()
        self._names = Names()

    def counts(self) -> dict[Scope, int]:
        """Return how many other seeds are verified, by scope."""
        return {scope: len(view.machine) for scope, view in self._views.items()}

    def contacts(self) -> Iterator[tuple[Scope, Contact]]:
        """Return the verified seeds, by scope."""
        for scope, view in self._views.items():
            for contact in view.machine.contacts():
                yield scope, contact

    def tell(self, scope: Scope, event: Introduced | Remembered) -> None:
        """Take a first contact, or a memory of an earlier run; kept for later where we are no seed of `scope` yet."""
        if (view := self._views.get(scope)) is not None:
            view.handle(event)
        else:
            self._first.setdefault(scope, []).append(event)

    def introduce(self, addresses: Iterable[Address]) -> None:
        """Take first contacts: addresses, each with its peer id."""
        for pid, scope, where in by_seed(addresses):
            self.tell(scope, Introduced(pid, where))

    def nearest(self, scope: Scope, target: bytes) -> tuple[bytes, ...]:
        """Return the records of the seeds nearest to a room key, as the waiting room tells them."""
        view = self._views.get(scope)
        return () if view is None else view.machine.nearest(target, NEARER_PER_ANSWER)

    async def run(self, addresses: Callable[[], Iterable[Address]], contacts: Iterable[Address]) -> None:
        """Be known at our own `addresses`, asked for anew whenever they may have changed, and join others; for ever."""
        self.introduce(contacts)
        async with trio.open_nursery() as nursery:
            while True:
                self._take_addresses(addresses(), nursery)
                await self._moved.wait()
                self._moved = trio.Event()

    def moved(self) -> None:
        """Take that our own addresses may have changed."""
        self._moved.set()

    def _take_addresses(self, addresses: Iterable[Address], nursery: trio.Nursery) -> None:
        """Be a seed of each scope that we have addresses in; one without any, all of a sudden, keeps those it had."""
        for scope, named in by_scope(addresses).items():
            before, self._ours[scope] = self._ours.get(scope), named
            if before is None:
                nursery.start_soon(self._take_part, scope)
            elif before != named and scope in self._views:
                self._views[scope].handle(Moved())

    async def _take_part(self, scope: Scope) -> None:
        nonce, work = (0, NO_WORK) if scope is not Scope.PUBLIC else await trio.to_thread.run_sync(self._solve)

        def sign(issued: int) -> bytes:
            return sign_record(
                self._key, SeedRecord(self._key.public, self._ours[scope][:RECORD_ADDRESSES], issued, nonce, work)
            )

        async with trio.open_nursery() as nursery:
            view = self._views[scope] = View(self._host, scope, sign, self._check, nursery, self._clock, self._names)
            for event in self._first.pop(scope, ()):
                view.handle(event)
            await view.run()

    async def serve(self, stream: Stream, scope: Scope, block: str, lobby: LobbyServer) -> None:
        """Answer the questions of one stream until it ends; `lobby` knows how busy we are."""
        view, remote = self._views.get(scope), stream.connection.remote_address
        if view is None or remote is None:
            stream.reset()  # we are no seed of that scope, or not yet
            return
        host, port = remote

        async def answer(request: dhtwire.Request) -> dhtwire.Answer:
            if isinstance(request, dhtwire.Dialback):
                result = await self._dialback.dial(host, request.port, stream.peer_id, block)
                return dhtwire.Dialled(request.request, result)
            if isinstance(request, dhtwire.Find) and request.record is not None:
                view.handle(Knocked(stream.peer_id, host, request.record))
            return view.machine.answer(
                request,
                trio.current_time(),
                observed=dhtwire.pack_observed(host, port),
                measured=lobby.hint(scope),
                load=lobby.load(),
            )

        await serve(stream, DHT, answer, lambda: None)
