"""Dials beside a slow one, at real hosts under a clock that stands still: who is dialled, when, and who is dropped.

Nothing here depends on how fast the machine is: time passes where a test says so, and only there.
"""

import secrets
from collections.abc import AsyncGenerator, Collection
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from functools import partial

import pytest
import trio
from trio.testing import MockClock

from passerby.crypto import stamp as stamps
from passerby.crypto.handshake import CHAT_PROTOCOL, Binding
from passerby.crypto.keys import SigningKey, peer_id_of
from passerby.discovery.addresses import parse
from passerby.discovery.rooms import ANYBODY, room_of
from passerby.discovery.tickets import Ticket
from passerby.node import stamps as shell
from passerby.node.attempt import Inbound, stamp_wanted
from passerby.node.connection import Stream
from passerby.node.host import Host
from passerby.node.limits import HEDGE_AFTER, HEDGE_GAP
from passerby.node.lobby import Lobby
from passerby.node.matching import Match, Matching
from passerby.node.messages import Hello
from passerby.node.stamps import make_stamp
from support.people import settings
from support.rawpeer import somebody

PATIENCE = 60.0
STUCK = 3.0  # seconds in which nothing at all happens; then the clock goes on by itself, so that a test can fail
INSTANT = 0.01
BITS = 1  # of a stamp; how long it takes, the test says


def ticket_of(peer: bytes, address: str) -> Ticket:
    return Ticket(peer, room_of("anywhere", 1), addresses=(parse(address),))


@dataclass
class Ghost:
    """Somebody of whom nothing is left but a socket on which nothing is said. `held`: connections not closed yet."""

    ticket: Ticket
    news: trio.Event
    held: int = 0
    dials: int = 0

    async def serve(self, stream: trio.SocketStream) -> None:
        self.count(1)
        self.dials += 1
        with suppress(trio.BrokenResourceError):
            while await stream.receive_some():
                pass
        self.count(-1)

    def count(self, change: int) -> None:
        self.held += change
        self.news.set()
        self.news = trio.Event()

    async def holds(self, number: int) -> None:
        while self.held != number:
            await self.news.wait()


@asynccontextmanager
async def ghosts(number: int) -> AsyncGenerator[list[Ghost]]:
    async with trio.open_nursery() as nursery:
        all_: list[Ghost] = []
        for _ in range(number):
            (listener,) = await trio.open_tcp_listeners(0, host="127.0.0.1")
            peer = peer_id_of(SigningKey.from_seed(secrets.token_bytes(32)).public)
            address = f"/ip4/127.0.0.1/tcp/{listener.socket.getsockname()[1]}"
            all_.append(Ghost(ticket_of(peer, address), trio.Event()))
            nursery.start_soon(partial(trio.serve_listeners, all_[-1].serve, [listener]))
        yield all_
        nursery.cancel_scope.cancel()


@dataclass
class Toller:
    """A stranger who wants a stamp for every M1 that has none, and takes his time with the others."""

    host: Host
    ticket: Ticket
    asked: int = 0
    paid: trio.Event = field(default_factory=trio.Event)

    async def serve(self, stream: Stream) -> None:
        binding = Binding(settings().network, stream.peer_id, self.host.peer_id, stream.connection.channel_binding())
        attempt = Inbound(1, binding, Hello(), tag_of=lambda _: ANYBODY)
        attempt.receive(await stream.read_exactly(int.from_bytes(await stream.read_exactly(2))))
        self.asked += 1
        if attempt.stamp is None:
            await stream.write(stamp_wanted(BITS))
            await stream.close_write()
        else:
            self.paid.set()
            await trio.sleep_forever()


@asynccontextmanager
async def toller() -> AsyncGenerator[Toller]:
    async with Host.open(secrets.token_bytes(32), listen=["/ip4/127.0.0.1/tcp/0"]) as host:
        stranger = Toller(host, ticket_of(host.peer_id, host.addresses[0]))
        host.set_stream_handler(CHAT_PROTOCOL, stranger.serve)
        yield stranger


class Named(Lobby):
    """A lobby whose seeds name these people, in this order; `chosen` are those whom the slot was given."""

    people: tuple[Ticket, ...]
    chosen: list[Ticket]
    news: trio.Event

    def choose(self, dialled: Collection[bytes] = ()) -> Ticket | None:
        ticket = next((ticket for ticket in self.people if ticket.pid not in dialled), None)
        self.chosen += [] if ticket is None else [ticket]
        return ticket


@asynccontextmanager
async def searching(*people: Ticket) -> AsyncGenerator[tuple[Matching, Named]]:
    """Search among these people; whoever is to be dialled first is."""
    key = secrets.token_bytes(32)

    async def talk(_: Match) -> None:
        raise AssertionError("nobody here says more than that a stamp is wanted")

    async with Host.open(key) as host, trio.open_nursery() as nursery:
        lobby = Named(host, SigningKey.from_seed(key), somebody(settings()), nursery, lambda: None)
        lobby.people, lobby.chosen = people, []
        lobby.news = trio.Event()
        matching = Matching(
            host, lobby, settings().network, nursery, talk, lambda: True, changed=lambda: lobby.news.set()
        )
        matching.start(Hello())
        matching.advance()
        yield matching, lobby
        nursery.cancel_scope.cancel()


@pytest.fixture(autouse=True)
def clock(mock_clock: MockClock) -> MockClock:
    mock_clock.autojump_threshold = STUCK
    return mock_clock


@dataclass
class Work:
    """The one stamp of a test: it is `begun`, is not made before it `may_end`, and is `made`."""

    begun: trio.Event = field(default_factory=trio.Event)
    may_end: trio.Event = field(default_factory=trio.Event)
    made: trio.Event = field(default_factory=trio.Event)

    async def make(self, parties: stamps.Parties, difficulty: int, count: int) -> bytes | None:
        self.begun.set()
        await self.may_end.wait()
        stamp = await make_stamp(parties, difficulty, count)
        self.made.set()
        return stamp


@pytest.fixture
def work(monkeypatch: pytest.MonkeyPatch) -> Work:
    work = Work()
    monkeypatch.setattr(shell, "make_stamp", work.make)
    return work


async def test_the_only_one_there_is_dialled_once_however_silent(clock: MockClock) -> None:
    with trio.fail_after(PATIENCE):
        async with ghosts(1) as (ghost,), searching(ghost.ticket) as (matching, lobby):
            await ghost.holds(1)
            for passed in (HEDGE_AFTER, HEDGE_GAP, HEDGE_GAP):
                clock.jump(passed)
                matching.advance()
            assert lobby.chosen == [ghost.ticket]
            assert (ghost.held, ghost.dials) == (1, 1)


async def test_a_silent_dial_is_dropped_at_the_moment_in_which_somebody_else_is_reached(clock: MockClock) -> None:
    with trio.fail_after(PATIENCE):
        async with ghosts(1) as (ghost,), toller() as good, searching(ghost.ticket, good.ticket) as (matching, _):
            began = trio.current_time()
            await ghost.holds(1)
            clock.jump(HEDGE_AFTER)
            matching.advance()
            await ghost.holds(0)
            assert trio.current_time() == began + HEDGE_AFTER, "it was not dropped but given up"


async def test_a_moment_that_comes_between_two_looks_at_the_clock_is_not_slept_through(clock: MockClock) -> None:
    with trio.fail_after(PATIENCE):
        async with ghosts(2) as (one, two), searching(one.ticket, two.ticket) as (matching, lobby):
            clock.jump(HEDGE_AFTER - INSTANT)
            matching.advance()
            assert lobby.chosen == [one.ticket]
            clock.jump(2 * INSTANT)  # the moment comes after `advance`, and before it is asked when the next is due
            due = matching.deadline()
            assert due is not None
            assert due <= trio.current_time()
            matching.advance()
            assert lobby.chosen == [one.ticket, two.ticket]
            due = matching.deadline()
            assert due is not None
            assert due > trio.current_time(), "what was used is awaited no more"


async def test_who_is_being_paid_is_not_dialled_beside_that(clock: MockClock, work: Work) -> None:
    with trio.fail_after(PATIENCE):
        async with toller() as stranger, searching(stranger.ticket) as (matching, lobby):
            await work.begun.wait()
            for passed in (INSTANT, HEDGE_AFTER, HEDGE_GAP):
                clock.jump(passed)
                matching.advance()
            assert lobby.chosen == [stranger.ticket]
            assert stranger.asked == 1


async def test_the_dial_of_a_made_stamp_brings_a_deadline_that_is_told_of(clock: MockClock, work: Work) -> None:
    with trio.fail_after(PATIENCE):
        async with toller() as stranger, searching(stranger.ticket) as (matching, lobby):
            await work.begun.wait()
            clock.jump(INSTANT)
            matching.advance()
            assert matching.deadline() is None, "nothing is under way"
            lobby.news = trio.Event()
            work.may_end.set()
            await lobby.news.wait()
            assert matching.deadline() is not None


async def test_who_was_paid_comes_next_beside_a_dial_that_is_slow(clock: MockClock, work: Work) -> None:
    with trio.fail_after(PATIENCE):
        async with (
            ghosts(2) as (slow, other),
            toller() as stranger,
            searching(stranger.ticket, slow.ticket, other.ticket) as (matching, lobby),
        ):
            await work.begun.wait()
            matching.advance()
            await slow.holds(1)
            work.may_end.set()
            await work.made.wait()
            clock.jump(HEDGE_AFTER)
            began = trio.current_time()
            matching.advance()
            assert lobby.chosen == [stranger.ticket, slow.ticket], "the turn is that of the stamp"
            await stranger.paid.wait()
            assert trio.current_time() == began, "it waited for the end of the slow dial"
            await slow.holds(0)
            assert (slow.dials, other.dials, stranger.asked) == (1, 0, 2)
