"""Stamps at a seed's door: a check that fails or is given up frees its place, and a connection's debts end with it."""

import threading
from dataclasses import dataclass, field
from math import inf

import pytest
import trio
from trio.testing import MemoryReceiveStream, MemorySendStream, MockClock, memory_stream_pair

from passerby.crypto.keys import peer_id_of
from passerby.crypto.stamp import Parties, Personal, solve
from passerby.discovery import wire
from passerby.discovery.addresses import Scope
from passerby.discovery.limits import STAMP_CHECKS
from passerby.discovery.rooms import epoch_of, room_of
from passerby.discovery.seeding.service import MEASURE, LobbyServer, unix_minus_now
from passerby.discovery.toll import Check

SEED = peer_id_of(bytes(32))
CROWD = 400  # within a moment: more than a seed takes without asking for stamps
BLOCKS = 80  # so that each has had its free arrivals
DEADLINE = 60.0
Ends = trio.StapledStream[MemorySendStream, MemoryReceiveStream]


def passes(_check: Check) -> bool:
    return True


class Visit:
    """The seed's end of a lobby stream, on a connection of its own; `asks` is at the other end."""

    def __init__(self, number: int) -> None:
        self._ours, self._theirs = memory_stream_pair()
        self.peer_id = peer_id_of((number + 1).to_bytes(32, "big"))
        self.parties = Parties(Personal.ENTER, number.to_bytes(32, "big"), asker=SEED, payer=self.peer_id)
        self.block = f"block {number % BLOCKS}"
        self.connection = self
        self.is_closed = False

    async def read_exactly(self, count: int) -> bytes:
        data = b""
        while len(data) < count:
            if not (more := await self._ours.receive_some(count - len(data))):
                raise EOFError
            data += more
        return data

    async def write(self, data: bytes) -> None:
        await self._ours.send_all(data)

    def reset(self) -> None:
        self._ours.send_stream.close()
        self._ours.receive_stream.close()

    async def asks(self, stamp: bytes | None = None) -> wire.Answer | None:
        """Send an Enter and return the answer, or None if the stream ends."""
        room = room_of("main", epoch_of(unix_minus_now() + trio.current_time()))
        await self._theirs.send_all(wire.encode(wire.Enter(1, room, None, stamp)))
        frame = bytes(await self._theirs.receive_some())
        return wire.decode_answer(frame[2:]) if frame else None

    async def owes(self, count: int = 1) -> bytes:
        """Ask in vain, and return a stamp that passes the gate."""
        assert await self.asks() == wire.Refused(1, wire.Reason.STAMP, 4)
        paid = solve(self.parties.challenge(4, count), 4, 0, lambda: True, lambda _password, _salt: bytes(32))
        assert paid is not None
        return paid


@dataclass
class FloodedSeed:
    """A lobby at which so many have come that whoever comes next has to pay."""

    nursery: trio.Nursery
    errors: list[Exception] = field(default_factory=list[Exception])

    def __post_init__(self) -> None:
        self.lobby = LobbyServer("main", SEED, lambda _scope, _key: (), lambda: 1, unix_minus_now)
        self.visits = 0

    async def flood(self) -> None:
        for _ in range(CROWD):
            await self.visit().asks()

    def visit(self, scope: trio.CancelScope | None = None) -> Visit:
        visit = Visit(self.visits)
        self.visits += 1
        self.nursery.start_soon(self.attend, visit, scope or trio.CancelScope())
        return visit

    async def attend(self, visit: Visit, scope: trio.CancelScope) -> None:
        with scope:
            try:
                await self.lobby.serve(visit, Scope.PUBLIC, visit.block, visit.parties)
            except RuntimeError as error:
                self.errors.append(error)


async def test_a_check_that_fails_ends_its_stream_and_frees_its_place(monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(_check: Check) -> bool:
        raise RuntimeError("no memory")

    with trio.fail_after(DEADLINE):
        async with trio.open_nursery() as nursery:
            seed = FloodedSeed(nursery)
            await seed.flood()
            monkeypatch.setattr(Check, "is_good", fails)
            for _ in range(STAMP_CHECKS):
                visit = seed.visit()
                assert await visit.asks(await visit.owes()) is None
            assert len(seed.errors) == STAMP_CHECKS
            monkeypatch.setattr(Check, "is_good", passes)
            visit = seed.visit()
            assert isinstance(await visit.asks(await visit.owes()), wire.Room)
            nursery.cancel_scope.cancel()


async def test_a_check_that_nobody_waits_for_any_more_frees_its_place(monkeypatch: pytest.MonkeyPatch) -> None:
    begun, held = threading.Event(), threading.Event()

    def waits(_check: Check) -> bool:
        begun.set()
        return held.wait(DEADLINE)

    with trio.fail_after(DEADLINE):
        async with trio.open_nursery() as nursery:
            seed = FloodedSeed(nursery)
            await seed.flood()
            monkeypatch.setattr(Check, "is_good", waits)
            scopes = [trio.CancelScope() for _ in range(STAMP_CHECKS)]
            for scope in scopes:
                visit = seed.visit(scope)
                nursery.start_soon(visit.asks, await visit.owes())
            await trio.to_thread.run_sync(begun.wait)
            await trio.testing.wait_all_tasks_blocked()
            for scope in scopes:
                scope.cancel()
            held.set()
            visit = seed.visit()
            stamp = await visit.owes()
            await trio.testing.wait_all_tasks_blocked()
            assert isinstance(await visit.asks(stamp), wire.Room)
            assert [scope.cancelled_caught for scope in scopes[1:]] == [True] * (STAMP_CHECKS - 1)
            nursery.cancel_scope.cancel()


async def test_what_a_connection_was_asked_is_forgotten_when_it_ends(
    monkeypatch: pytest.MonkeyPatch, autojump_clock: MockClock
) -> None:
    monkeypatch.setattr(Check, "is_good", passes)
    with trio.fail_after(DEADLINE):
        async with trio.open_nursery() as nursery:
            seed = FloodedSeed(nursery)
            nursery.start_soon(seed.lobby.run)
            await seed.flood()
            visit = seed.visit()
            await visit.owes()
            await trio.sleep(2 * MEASURE)
            await visit.owes(2)
            visit.is_closed = True
            await trio.sleep(2 * MEASURE)
            autojump_clock.autojump_threshold = inf  # a thread checks the stamp: no time passes meanwhile
            assert isinstance(await visit.asks(await visit.owes(1)), wire.Room)
            nursery.cancel_scope.cancel()
