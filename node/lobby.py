"""A searching peer's dealings with its seeds: the searcher in the middle, connections and streams around it; a shell.

The searcher (discovery/searching/) decides which seeds to be a guest of and what to send to which; its searchevents.py
lists what is owed to it for each effect.
"""

import random
from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from functools import partial
from typing import assert_never

import trio

from passerby.crypto.keys import SigningKey
from passerby.crypto.stamp import Parties, Personal
from passerby.discovery import wire
from passerby.discovery.addresses import Address
from passerby.discovery.asking import LOBBY, Asker
from passerby.discovery.limits import CLOCK_JUMP
from passerby.discovery.rooms import RoomId
from passerby.discovery.searching.levels import LevelMemory
from passerby.discovery.searching.peerbook import PeerBook
from passerby.discovery.searching.recentrooms import RecentRooms
from passerby.discovery.searching.searcher import Searcher
from passerby.discovery.searching.searchevents import (
    Answered,
    AskSeed,
    CheckWork,
    ClockSet,
    ConnectSeed,
    DisconnectSeed,
    Effect,
    EnterRoom,
    Event,
    LeaveRoom,
    NetworkChanged,
    Retired,
    SampleRoom,
    SeedDown,
    SeedFailed,
    SeedUp,
    SolveStamp,
    StampSolved,
    Tick,
    Told,
    View,
    Warn,
    WorkChecked,
)
from passerby.discovery.searching.seedbook import SeedBook
from passerby.discovery.seeding.service import Clock, unix_minus_now
from passerby.discovery.seedrecord import check_work
from passerby.discovery.tickets import Ticket
from passerby.node.firstcontacts.names import Names
from passerby.node.host import Host, StreamError
from passerby.node.seedlinks import Link, SeedLinks
from passerby.node.stamps import make_stamp


@dataclass(frozen=True, slots=True)
class Person:
    """What outlives an identity: whom and which seeds the person knows, and what the person wants to be told."""

    network: str
    puzzle_bits: int
    met: PeerBook
    blocked: PeerBook
    seeds: SeedBook
    levels: LevelMemory
    warn: Callable[[str, float], None]
    """Told a code of searchevents.Warn and its seconds."""
    clock: Clock = unix_minus_now
    names: Names = field(default_factory=Names)


@dataclass(slots=True, eq=False)
class _Guest:
    """Our being a guest of one seed, or the dial on the way to it."""

    scope: trio.CancelScope
    asker: Asker[wire.Request, wire.Answer] | None = None
    link: Link | None = None


class Lobby:
    """One peer's searcher and its seeds. `changed` is called after everything that may change whom to dial."""

    def __init__(
        self, host: Host, key: SigningKey, person: Person, nursery: trio.Nursery, changed: Callable[[], None]
    ) -> None:
        self._host = host
        self._person = person
        self._nursery = nursery
        self._changed = changed
        self._links = SeedLinks(host, nursery, person.names)
        self._guests: dict[bytes, _Guest] = {}
        self._workers = trio.CapacityLimiter(1)
        self._solving = trio.Lock()
        self._offset = person.clock()
        self._searcher = Searcher(
            key=key,
            network=person.network,
            unix_minus_now=self._offset,
            met=person.met,
            blocked=person.blocked,
            book=person.seeds,
            levels=person.levels,
            rng=random.SystemRandom(),
        )
        self._recent = RecentRooms()

    def handle(self, event: Event) -> None:
        """Tell the searcher what happened, and its seeds what follows."""
        now = trio.current_time()
        for effect in self._searcher.handle(event, now):
            self._perform(effect)
        self._recent.note(self._searcher.rooms(now), now)
        self._changed()

    def choose(self, dialled: Collection[bytes] = ()) -> Ticket | None:
        """Draw whom to dial now beside those `dialled` already, or None."""
        return self._searcher.choose(trio.current_time(), dialled)

    def tag_of(self, room: bytes) -> bytes | None:
        """Return the tag of a room key if we wait in that room or did a minute ago."""
        return self._recent.tag_of(room, trio.current_time())

    def deadline(self, now: float) -> float | None:
        """Return when `Tick` is due; `now` is when it last was: a later one would pass over what came in between."""
        return self._searcher.deadline(now)

    def view(self) -> View:
        """Return what is known, for the status line."""
        return self._searcher.view(trio.current_time())

    def advance(self) -> None:
        """Let time pass; notice a wall clock that was set, or a machine that slept: rooms follow wall time."""
        offset = self._person.clock()
        if abs(offset - self._offset) > CLOCK_JUMP:
            self._offset = offset
            self.handle(ClockSet(offset))
            self.handle(NetworkChanged())
        now = trio.current_time()
        due = self.deadline(now)
        if due is not None and now >= due:
            self.handle(Tick())

    def moved(self, hosts: Collection[str]) -> None:
        """Take that the network changed: the machine has the addresses `hosts` now."""
        self._links.drop_stranded(hosts)
        self.handle(NetworkChanged())

    def close(self) -> None:
        """Leave every seed, for good."""
        self.handle(Retired())

    # ---- effects

    def _perform(self, effect: Effect) -> None:
        match effect:
            case ConnectSeed(seed, addresses):
                guest = self._guests[seed] = _Guest(trio.CancelScope())
                self._nursery.start_soon(self._be_guest, seed, addresses, guest)
            case DisconnectSeed(seed):
                self._leave(seed)
            case EnterRoom(seed, room, ticket, stamp):
                self._post(seed, room, wire.Enter(0, room, ticket, stamp))
            case SampleRoom(seed, room, maximum, interval):
                self._post(seed, room, wire.Sample(0, room, maximum, interval))
            case LeaveRoom(seed, room):
                self._post(seed, None, wire.Leave(0, room))
            case AskSeed():
                self._nursery.start_soon(self._ask, effect)
            case CheckWork():
                self._nursery.start_soon(self._check_work, effect)
            case SolveStamp():
                self._nursery.start_soon(self._solve, effect)
            case Warn(code, seconds):
                self._person.warn(code, seconds)
            case _:
                assert_never(effect)

    def _post(self, seed: bytes, room: RoomId | None, request: wire.Request) -> None:
        guest = self._guests.get(seed)
        if guest is not None and guest.asker is not None:
            guest.asker.post(request, partial(self._heard, seed, guest, room))

    def _heard(self, seed: bytes, guest: _Guest, room: RoomId | None, answer: wire.Answer) -> None:
        if room is not None and self._guests.get(seed) is guest:
            self.handle(Answered(seed, room, answer))

    def _leave(self, seed: bytes) -> None:
        guest = self._guests.pop(seed, None)
        if guest is not None:
            guest.scope.cancel()
            if guest.link is not None:
                self._links.leave(seed, guest.link)  # stamps are counted by connection: the next visit has a new one

    # ---- being a guest

    async def _be_guest(self, seed: bytes, addresses: tuple[Address, ...], guest: _Guest) -> None:
        try:
            with guest.scope:
                async with self._links.lease(seed, addresses) as guest.link:
                    if guest.link is not None:
                        await self._stay(seed, guest, guest.link)
        except BaseException:
            self.close()  # it was not this scope that was cancelled but all: the person's book outlives us
            raise
        if self._guests.get(seed) is guest:
            self._leave(seed)
            self.handle(SeedFailed(seed) if guest.asker is None else SeedDown(seed))

    async def _stay(self, seed: bytes, guest: _Guest, link: Link) -> None:
        try:
            guest.asker = Asker(await link.open_stream(wire.PROTOCOL), LOBBY)
        except StreamError:
            return
        if self._guests.get(seed) is guest:  # else it is wanted no more, and the next wait is the last
            self.handle(SeedUp(seed, link.scope, link.block))
        await guest.asker.run()

    async def _ask(self, effect: AskSeed) -> None:
        async with self._links.lease(effect.seed, effect.addresses) as link:
            answer = None if link is None else await link.ask(effect.request)
        self.handle(Told(effect.seed, effect.request, answer, "" if link is None else link.block))

    # ---- work

    async def _check_work(self, effect: CheckWork) -> None:
        good = await trio.to_thread.run_sync(
            check_work, effect.record, self._person.network, self._person.puzzle_bits, limiter=self._workers
        )
        self.handle(WorkChecked(effect.seed, effect.record, good))

    async def _solve(self, effect: SolveStamp) -> None:
        guest = self._guests.get(effect.seed)
        async with self._solving:
            stamp = await self._stamp(effect, guest)
        if self._guests.get(effect.seed) is guest:  # else there is another connection, and another stamp
            self.handle(StampSolved(effect.seed, stamp))

    async def _stamp(self, effect: SolveStamp, guest: _Guest | None) -> bytes | None:
        """Make a stamp, unless those before it took so long that the seed would not have it."""
        now = trio.current_time()
        is_wanted = partial(self._searcher.wants_stamp, effect.seed, now)
        if guest is None or guest.link is None or not is_wanted():
            return None
        binding = guest.link.connection.channel_binding()
        parties = Parties(Personal.ENTER, binding, asker=effect.seed, payer=self._host.peer_id)
        return await make_stamp(parties, effect.difficulty, effect.count, is_wanted)
