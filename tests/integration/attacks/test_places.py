"""Whoever takes many places of a host or a seed keeps nobody else out: idle connections end, address blocks share.

On one machine every connection is a block of its own; here the address that somebody dials from is his block, and all
of 127.0.0.0/8 is ours to dial from.
"""

import os
import resource
import subprocess
from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack, asynccontextmanager, suppress

import pytest
import trio
from trio.testing import wait_all_tasks_blocked

from passerby.discovery import wire
from passerby.discovery.limits import BLOCK_STREAMS
from passerby.node.connection import Stream
from passerby.node.host import Host
from passerby.node.libp2p_081 import inbound
from passerby.node.libp2p_081.inbound import OUTBOUND_SHARE
from passerby.node.libp2p_081.yamux import FRAMES_AT_ONCE, OPENED_AT_ONCE, BoundedYamux
from passerby.node.limits import SEED_CONNECTIONS
from passerby.node.seeding import crowd
from passerby.node.seeding import seed as seeds
from passerby.node.seeding.seed import Seed
from passerby.node.seeding.seedrun import FILES_BESIDE
from support.attackers import GONE, RST, WINDOW_UPDATE, Session, session
from support.lobbyattackers import a_room, ask, attacker, ticket_of
from support.people import settings
from support.programs import PASSERBY
from support.seeds import seed

MUTE = "/test/mute/1"
PLACES = 16
INBOUND = PLACES - PLACES // OUTBOUND_SHARE
FLOOD = "127.0.0.66"
PATIENCE = 10.0


async def mute(stream: Stream) -> None:
    await stream.connection.wait_closed()


@asynccontextmanager
async def listening() -> AsyncGenerator[Host]:
    with trio.fail_after(PATIENCE):
        async with Host.open(os.urandom(32), listen=["/ip4/127.0.0.1/tcp/0"], max_connections=PLACES) as host:
            host.set_stream_handler(MUTE, mute)
            yield host


@pytest.fixture
def blocks_by_address(monkeypatch: pytest.MonkeyPatch) -> None:
    def block_of(host: str | None, *, pid: bytes, connection: int) -> str:
        assert host is not None
        return host

    monkeypatch.setattr(inbound, "block_of", block_of)
    monkeypatch.setattr(seeds, "block_of", block_of)


async def carrying(stack: AsyncExitStack, host: Host, source: str) -> Session:
    """Hold a connection from an address with a stream on it."""
    peer = await stack.enter_async_context(session(host.addresses[0], host.peer_id, source=source))
    await peer.open(1, MUTE)
    await peer.receive()
    return peer


# ---- one connection --------------------------------------------------------------------------------------------------


async def test_who_opens_stream_after_stream_loses_the_connection() -> None:
    async with listening() as host, session(host.addresses[0], host.peer_id) as peer:
        with suppress(*GONE):
            for number in range(1, 2 * (OPENED_AT_ONCE + 50), 2):
                await peer.open(number, MUTE)
                await peer.send(WINDOW_UPDATE, RST, number, 0)
        assert not await peer.is_alive()


async def test_frames_that_have_arrived_wait_for_others_in_between() -> None:
    taken = 0

    class Endless(BoundedYamux):
        """A connection on which the next frame has always arrived."""

        async def _take_frame(self) -> None:
            nonlocal taken
            taken += 1
            if taken > 100 * FRAMES_AT_ONCE:
                raise AssertionError("nobody else had a turn")

    async with listening() as host, Host.open(os.urandom(32)) as client:
        connection = await client.dial(host.addresses[0], host.peer_id)
        inner = connection.inner.muxed_conn
        assert isinstance(inner, BoundedYamux)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(Endless(inner.secured_conn, inner.peer_id).handle_incoming)
            await trio.lowlevel.checkpoint()
            await trio.lowlevel.checkpoint()
            nursery.cancel_scope.cancel()
    assert taken <= 4 * FRAMES_AT_ONCE


# ---- connections that carry nothing ----------------------------------------------------------------------------------


async def test_a_connection_that_carries_nothing_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(inbound, "IDLE", 0.5)
    monkeypatch.setattr(inbound, "IDLE_LOOK", 0.1)
    async with listening() as host, AsyncExitStack() as stack:
        busy = await carrying(stack, host, "127.0.0.1")
        async with session(host.addresses[0], host.peer_id) as idle:
            assert await idle.is_alive()
            began = trio.current_time()
            await ended(idle)
            assert trio.current_time() - began > 0.3
        assert await busy.is_alive()


async def ended(peer: Session) -> None:
    """Return when the other side says goodbye, or is gone."""
    while await peer.is_alive():
        pass


async def test_of_too_many_connections_that_carry_nothing_the_oldest_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    most = 4
    monkeypatch.setattr(inbound, "IDLE_MOST", most)
    async with listening() as host, AsyncExitStack() as stack:
        busy = await carrying(stack, host, "127.0.0.1")
        idle = [await stack.enter_async_context(session(host.addresses[0], host.peer_id)) for _ in range(most + 2)]
        await ended(idle[0])
        await ended(idle[1])
        assert await idle[-1].is_alive()
        assert await busy.is_alive()


# ---- blocks ----------------------------------------------------------------------------------------------------------


@pytest.mark.usefixtures("blocks_by_address")
async def test_a_block_that_took_all_places_gives_them_to_others(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(crowd, "FAIR_SHARE", PLACES)
    async with listening() as host, AsyncExitStack() as stack:
        for _ in range(INBOUND):
            await carrying(stack, host, FLOOD)
        honest = [await carrying(stack, host, f"127.0.0.{number}") for number in range(2, 8)]
        for peer in honest:
            assert await peer.is_alive()


@pytest.mark.usefixtures("blocks_by_address")
async def test_a_block_that_has_most_gets_no_more_than_half(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(crowd, "FAIR_SHARE", 2)
    async with listening() as host, AsyncExitStack() as stack:
        for _ in range(INBOUND // 2):
            await carrying(stack, host, FLOOD)
        with pytest.raises(Exception):  # noqa: B017, PT011 - whatever the library makes of a socket that is closed
            await carrying(stack, host, FLOOD)
        assert await (await carrying(stack, host, "127.0.0.2")).is_alive()


@pytest.mark.usefixtures("blocks_by_address")
async def test_tickets_by_the_hundred_from_one_block_leave_room_for_others_and_hide_nobody() -> None:
    room = a_room(settings().network)
    with trio.fail_after(60):
        async with seed() as server, AsyncExitStack() as stack:

            async def enter(source: str) -> tuple[wire.Answer, bytes]:
                peer, key = await stack.enter_async_context(attacker(server.addresses[0], source))
                ticket = ticket_of(key, room)
                body = await ask(peer, 1, wire.PROTOCOL, wire.encode(wire.Enter(1, room, ticket)))
                return wire.decode_answer(body), ticket

            answers = [(await enter(FLOOD))[0] for _ in range(BLOCK_STREAMS + 20)]
            assert all(isinstance(answer, wire.Room) for answer in answers[:BLOCK_STREAMS])
            assert all(isinstance(answer, wire.Busy) for answer in answers[BLOCK_STREAMS:])
            _, waiting = await enter("127.0.0.2")
            for number in range(3, 13):
                answer, _ = await enter(f"127.0.0.{number}")
                assert isinstance(answer, wire.Room)
                assert number > 8 or waiting in answer.tickets  # eight are told, one of each block first


async def test_what_an_attack_took_is_given_back(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(inbound, "IDLE_LOOK", 0.1)

    async def attack(server: Seed, connections: int) -> int:
        """Return how many tasks there are when it is over."""
        async with AsyncExitStack() as stack:
            for number in range(connections):
                peer, key = await stack.enter_async_context(attacker(server.addresses[0]))
                room = a_room(settings().network, number)
                await ask(peer, 1, wire.PROTOCOL, wire.encode(wire.Enter(1, room, ticket_of(key, room))))
            assert server.counts() == (connections,) * 3
        while server.counts() != (0, 0, 0):  # noqa: ASYNC110 - the seed tells nobody
            await trio.sleep(0.05)
        await wait_all_tasks_blocked(0.3)
        return trio.lowlevel.current_statistics().tasks_living

    with trio.fail_after(60):
        async with seed() as server:
            assert await attack(server, 1) == await attack(server, 40)


async def test_a_seed_may_open_as_many_files_as_it_has_places() -> None:
    command = f"ulimit -Sn 256; exec {PASSERBY} seed run --listen /ip4/127.0.0.1/tcp/0"
    process = await trio.lowlevel.open_process(command, shell=True, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    assert process.stdout is not None
    async with process.stdout:
        with trio.fail_after(30):
            await process.stdout.receive_some(4096)
        soft, hard = resource.prlimit(process.pid, resource.RLIMIT_NOFILE)
        process.terminate()
        with trio.fail_after(10):
            await process.wait()
    assert soft == min(SEED_CONNECTIONS + FILES_BESIDE, hard)
