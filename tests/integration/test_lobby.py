"""One identity's lobby at a real seed: what it leaves behind when it ends, or is left, and when the clock jumps."""

import math
import secrets
import time
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager

import pytest
import trio

from passerby.crypto.keys import SigningKey, peer_id_of
from passerby.discovery import wire
from passerby.discovery.addresses import Scope, parse
from passerby.discovery.limits import EPOCH
from passerby.discovery.rooms import ANYBODY, epoch_of, room_of
from passerby.discovery.searching.levels import LevelMemory
from passerby.discovery.searching.peerbook import PeerBook
from passerby.discovery.searching.searchevents import Answered, Introduced, Origin, Started, Withdrawn
from passerby.discovery.searching.seedbook import SeedBook
from passerby.discovery.seeding.service import Clock, unix_minus_now
from passerby.node import stamps
from passerby.node.host import Host
from passerby.node.lobby import Lobby, Person
from passerby.node.seeding.seed import Seed
from support.people import settings
from support.seeds import LISTEN
from support.seeds import seed as open_seed

PATIENCE = 20.0
NOBODY = peer_id_of(bytes(32))


def somebody(clock: Clock = unix_minus_now) -> Person:
    met, blocked = PeerBook(bytes(32), 1800.0), PeerBook(bytes(32), math.inf)
    return Person(settings().network, 0, met, blocked, SeedBook(), LevelMemory(), lambda _code, _by: None, clock)


class World:
    """A lobby, its seed, and a wait for what happens to them."""

    def __init__(self, person: Person, seed: Seed, host: Host, nursery: trio.Nursery) -> None:
        self.person = person
        self.seed = seed
        self.host = host
        self.nursery = nursery
        self._news = trio.Event()
        self.lobby = Lobby(host, SigningKey.from_seed(secrets.token_bytes(32)), person, nursery, self._changed)

    def _changed(self) -> None:
        self._news.set()
        self._news = trio.Event()

    async def until(self, done: Callable[[], bool]) -> None:
        while not done():
            await self._news.wait()

    def guests(self) -> int:
        known = self.person.seeds.get(self.seed.peer_id)
        return 0 if known is None else known.guests

    async def enter(self) -> None:
        """Search, and wait until the seed has let us in."""
        (where,) = self.seed.addresses
        assert where.scope is not None
        self.lobby.handle(Introduced(self.seed.peer_id, where.scope, (where.bare,), Origin.NAMED))
        self.lobby.handle(Started())
        await self.until(lambda: self.lobby.view().informed == 1)


@asynccontextmanager
async def world(person: Person | None = None) -> AsyncGenerator[World]:
    with trio.fail_after(PATIENCE):
        async with (
            open_seed() as seed,
            Host.open(secrets.token_bytes(32), listen=LISTEN) as host,
            trio.open_nursery() as nursery,
        ):
            yield World(person or somebody(), seed, host, nursery)
            nursery.cancel_scope.cancel()


async def test_an_identity_that_is_cancelled_is_nobodys_guest_in_the_book_that_outlives_it() -> None:
    async with world() as one:
        await one.enter()
        assert one.guests() == 1
        one.nursery.cancel_scope.cancel()
    assert one.guests() == 0


async def test_an_identity_that_is_over_is_nobodys_guest_either() -> None:
    async with world() as one:
        await one.enter()
        one.lobby.close()
        assert one.guests() == 0
    assert one.guests() == 0


# ---- stamps


async def test_a_stamp_for_a_seed_is_given_up_in_time_and_the_seed_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    begun, stopped, token = trio.Event(), trio.Event(), trio.lowlevel.current_trio_token()

    def endless(_challenge: bytes, _difficulty: int, _start: int, is_wanted: Callable[[], bool]) -> None:
        token.run_sync_soon(begun.set)
        while is_wanted():
            time.sleep(0.001)  # in a thread of its own
        token.run_sync_soon(stopped.set)

    monkeypatch.setattr(stamps, "solve", endless)
    monkeypatch.setattr(stamps, "SOLVE_TIMEOUT", 0.05)
    async with world() as one:
        await one.enter()
        room = room_of(settings().network, epoch_of(unix_minus_now() + trio.current_time()))
        one.lobby.handle(Answered(one.seed.peer_id, room, wire.Refused(1, wire.Reason.STAMP, 6)))
        with trio.fail_after(PATIENCE / 4):
            await begun.wait()
            await stopped.wait()
        assert one.lobby.view().up == 1


# ---- coming and going


async def test_who_comes_again_has_another_connection_for_the_seed_counts_stamps_by_connection() -> None:
    async with world() as one:
        await one.enter()
        (first,) = one.host.connections()
        one.lobby.handle(Withdrawn(one.seed.peer_id))
        await one.enter()
        assert one.host.connections() != [first]


class SetClock:
    """A wall clock that may be set."""

    def __init__(self) -> None:
        self.ahead = 0.0

    def __call__(self) -> float:
        return unix_minus_now() + self.ahead


async def test_when_the_wall_clock_is_set_the_rooms_are_others_and_what_failed_is_tried_at_once() -> None:
    clock = SetClock()
    async with world(somebody(clock)) as one:
        await one.enter()
        room = room_of(settings().network, epoch_of(clock() + trio.current_time()))
        later = room_of(settings().network, epoch_of(clock() + 4 * EPOCH + trio.current_time()))
        one.person.seeds.introduce(Introduced(NOBODY, Scope.MACHINE, (parse("/ip4/127.0.0.1/tcp/9"),), Origin.FOUND))
        one.person.seeds.failed(NOBODY, trio.current_time())
        one.lobby.advance()
        assert one.lobby.tag_of(room.key) == ANYBODY
        assert one.lobby.tag_of(later.key) is None
        clock.ahead = 4 * EPOCH
        one.lobby.advance()
        assert one.lobby.tag_of(later.key) == ANYBODY
        nobody = one.person.seeds.get(NOBODY)
        assert nobody is not None
        assert not nobody.failures
