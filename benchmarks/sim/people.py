"""A simulated person: the shipped searcher and slot machine, joined as the shipped shells join them.

It moves events and decides nothing. One searcher is kept only while it searches, where the scenario wants no more.
"""

from typing import TYPE_CHECKING, Final

from benchmarks.sim.calls import Chatting
from benchmarks.sim.links import Link
from benchmarks.sim.model import CONNECTION_WORK, STAMP_WORK
from benchmarks.sim.tokens import FreeKey, Met

from passerby.crypto.keys import peer_id_of
from passerby.discovery import dhtwire, wire
from passerby.discovery.addresses import Scope
from passerby.discovery.rooms import ANYBODY, RoomId
from passerby.discovery.searching.levels import LevelMemory
from passerby.discovery.searching.searcher import Searcher
from passerby.discovery.searching.searchevents import (
    Answered,
    AskSeed,
    CheckWork,
    ConnectSeed,
    DisconnectSeed,
    Effect,
    EnterRoom,
    Event,
    Interests,
    Introduced,
    LeaveRoom,
    Origin,
    Reachable,
    Retired,
    SampleRoom,
    SeedDown,
    SeedFailed,
    SeedUp,
    SolveStamp,
    StampSolved,
    Started,
    Stopped,
    Tick,
    Told,
    WorkChecked,
)
from passerby.discovery.searching.seedbook import SeedBook
from passerby.node import slot

if TYPE_CHECKING:
    from benchmarks.sim.seeds import Seed
    from benchmarks.sim.world import World

NOBODY_BLOCKED: Final = Met(b"", 0.0)


class Person(Chatting):
    """Somebody who searches. `arrived` and `matched_at` are moments; what happened is told to the world."""

    def __init__(self, world: "World", number: int, block: str, memory: float) -> None:
        """Be nobody's guest; people met are remembered for `memory` seconds."""
        key = FreeKey(number)
        super().__init__(world, peer_id_of(key.public))
        self.number = number
        self.block = block
        self.book = SeedBook(read_record=world.records.read)
        self.levels = LevelMemory()
        self.links: dict[bytes, Link] = {}
        self.requests = 0
        self.dials = True
        self.searcher: Searcher | None = Searcher(
            key=key, network=world.network, unix_minus_now=world.unix,
            met=Met(b"", memory), blocked=NOBODY_BLOCKED, book=self.book, levels=self.levels, rng=world.rng,
            sign=world.tickets.sign, read=world.tickets.read,
        )  # fmt: skip
        self._core_free = 0.0
        self._alarm = float("inf")

    def work(self, now: float) -> float:
        """Do what a connection costs, after what is being done; return when it is done."""
        self._core_free = max(self._core_free, now) + CONNECTION_WORK
        return self._core_free

    # ---- what the person does

    def search(self, seeds: "list[Seed]", tags: tuple[bytes, ...] = (ANYBODY,), fallback: float | None = None) -> None:
        """Search for the first time, knowing these seeds from an earlier run."""
        for seed in seeds:
            record = seed.record
            self.book.introduce(Introduced(seed.pid, Scope.PUBLIC, record.addresses, Origin.REMEMBERED, seed.blob))
        self.tell(Reachable(Scope.PUBLIC, relay=self.pid))
        if tags != (ANYBODY,):
            self.tell(Interests(tags, fallback))
        self.search_again()

    def search_again(self) -> None:
        """Search."""
        self.arrived = self.world.clock.now
        self.tell(Started())
        self.feed(slot.Start())

    def leave(self) -> None:
        """Go, with a goodbye: every stream is closed."""
        self.feed(slot.Stop())
        if self.searcher is not None:
            self.tell(Stopped())
            self.tell(Retired())
        self.close_chats()
        self.retire()

    def vanish(self) -> None:
        """Go as a machine does whose cable is cut: nothing is said, and nothing answers."""
        self.is_there = False
        self.retire()
        for link in self.links.values():
            link.is_closed = True

    def retire(self) -> None:
        """Search no more, ever; what streams are open stay so."""
        self.searcher = None
        self.book = SeedBook(read_record=self.world.records.read)
        self.world.people.pop(self.pid, None)

    # ---- the searcher

    def tell(self, event: Event) -> None:
        """Tell the searcher what happened, and do what follows."""
        if self.searcher is None:
            return
        for effect in self.searcher.handle(event, self.world.clock.now):
            self._perform(effect)
        self.advance()

    def advance(self) -> None:
        """Dial the next stranger if there is one to dial, and be woken when it is time."""
        now, searcher = self.world.clock.now, self.searcher
        if searcher is None:
            return
        may_dial = self.dials and self.slot.may_choose(now)
        if may_dial and (ticket := searcher.choose(now, self.slot.dialled)) is not None:
            self.choose(ticket.pid)
        due = searcher.deadline(now)
        if due is not None and due < self._alarm:
            self._alarm = due
            self.world.clock.at(due, self._ring, due)

    def _ring(self, alarm: float) -> None:
        if alarm != self._alarm or self.searcher is None:
            return
        self._alarm = float("inf")
        due = self.searcher.deadline(self.world.clock.now)
        if due is not None and due <= self.world.clock.now:
            self.tell(Tick())
        else:
            self.advance()

    def _perform(self, effect: Effect) -> None:
        match effect:
            case EnterRoom(pid, room, ticket, stamp):
                self._send(pid, wire.Enter(0, room, ticket, stamp))
            case SampleRoom(pid, room, maximum, interval):
                self._send(pid, wire.Sample(0, room, maximum, interval))
            case LeaveRoom(pid, room):
                self._send(pid, wire.Leave(0, room))
            case ConnectSeed(pid):
                self._connect(pid)
            case DisconnectSeed(pid):
                self._disconnect(pid)
            case AskSeed(pid, _, request):
                self._ask(pid, request)
            case CheckWork(pid, record):
                self.world.costs.counts["argon2 by people"] += 1
                self.world.clock.after(STAMP_WORK, self.tell, WorkChecked(pid, record, good=True))
            case SolveStamp(pid, difficulty):
                works = 2**difficulty
                self.world.costs.counts["argon2 by people"] += works
                self.world.clock.after(works * STAMP_WORK, self.tell, StampSolved(pid, bytes(16)))
            case _:
                self.world.costs.counts["warnings"] += 1

    # ---- links

    def _connect(self, pid: bytes) -> None:
        link = self._link(pid)
        link.stream = self.world.new_number()
        if link.is_up:
            link.to_seed(self._open_later, link, link.stream)

    def _open_later(self, link: Link, number: int) -> None:
        """Open a stream on a connection that is there: the seed's part of the round trip."""
        if link.stream == number and link.seed.is_alive:
            link.seed.open(link, number)
            link.to_person(self._opened, link, number)

    def _link(self, pid: bytes) -> Link:
        link = self.links.get(pid)
        if link is None:
            link = self.links[pid] = Link(self, self.world.find_seed(pid))
        return link

    def link_up(self, link: Link) -> None:
        """Use a connection that is through."""
        if link.stream:
            link.seed.open(link, link.stream)
            self._opened(link, link.stream)
        asks, link.asks = link.asks, []
        for request in asks:
            self._ask(link.seed.pid, request)
        if not asks and not link.stream:
            link.rest()

    def _opened(self, link: Link, number: int) -> None:
        if link.stream == number:
            self.tell(SeedUp(link.seed.pid, Scope.PUBLIC, link.seed.block))

    def link_failed(self, link: Link) -> None:
        """Give up a connection that did not come about."""
        del self.links[link.seed.pid]
        if link.stream:
            self.tell(SeedFailed(link.seed.pid))
        for request in link.asks:
            self.tell(Told(link.seed.pid, request, None))

    def lost_stream(self, link: Link, number: int) -> None:
        """Take that the seed ended a lobby stream."""
        if link.stream == number:
            link.stream = 0
            if self.links.get(link.seed.pid) is link:
                link.is_closed = True
                del self.links[link.seed.pid]
            self.tell(SeedDown(link.seed.pid))

    def _disconnect(self, pid: bytes) -> None:
        link = self.links.get(pid)
        if link is None:
            return
        number, link.stream = link.stream, 0
        if link.is_up:
            link.to_seed(link.seed.close, number)
            link.rest()
        elif not link.asks:
            link.is_closed = True
            del self.links[pid]

    def _send(self, pid: bytes, request: wire.Request) -> None:
        self.requests += 1
        link = self.links[pid]
        link.to_seed(link.seed.ask, link, link.stream, request)

    def answered(self, link: Link, number: int, room: RoomId, answer: wire.Answer) -> None:
        """Take the answer to a lobby request."""
        if link.stream == number:
            self.tell(Answered(link.seed.pid, room, answer))

    def _ask(self, pid: bytes, request: dhtwire.Request) -> None:
        link = self._link(pid)
        link.asks.append(request)
        if link.is_up:
            self.requests += 1
            link.to_seed(link.seed.inquire, link, request)

    def told(self, link: Link, request: dhtwire.Request, answer: dhtwire.Answer | None) -> None:
        """Take the answer to a question of the DHT protocol."""
        if request in link.asks:
            link.asks.remove(request)
        if not link.stream and not link.asks:
            link.rest()
        self.tell(Told(link.seed.pid, request, answer))
