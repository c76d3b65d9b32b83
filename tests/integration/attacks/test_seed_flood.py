"""Raw attacks against a seed: it serves others meanwhile (99 of 100) and grows by no more than 32 MiB.

The seed is the program itself, `passerby seed run`, so that its memory is its own. The honest do what a search does:
one waits in a room with a ticket, the other enters it and is told of him.
"""

import os
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass

import psutil
import pytest
import trio

from passerby.crypto.keys import SigningKey
from passerby.discovery import wire
from passerby.discovery.addresses import Address, parse_seed
from passerby.discovery.asking import LOBBY, Asker
from passerby.discovery.rooms import RoomId
from passerby.node.host import Host
from support.lobbyattackers import ATTACKS, a_room, ticket_of
from support.people import settings
from support.programs import PASSERBY

ROUNDS = 100
FEW = 5  # rounds of every run of the tests; all ROUNDS, and the other attacks, are for make soak
FIRST = ("400 idle connections", "streams opened and ended", "fresh ids that enter", "who never reads")
DEADLINE = 5.0  # seconds for coming, entering and looking around, on a machine that attacks itself at the same time
GROWTH = 32 * 1024 * 1024
CLEARED = 10.0  # seconds in which all that an attack held has to be given back


@dataclass(frozen=True, slots=True)
class Victim:
    address: Address
    process: psutil.Process

    def memory(self) -> int:
        return int(self.process.memory_info().rss)

    def files(self) -> int:
        return int(self.process.num_fds())


@asynccontextmanager
async def running_seed() -> AsyncGenerator[Victim]:
    command = [str(PASSERBY), "seed", "run", "--listen", "/ip4/127.0.0.1/tcp/0"]
    process = await trio.lowlevel.open_process(command, stdout=-1, stderr=-3)
    assert process.stdout is not None
    async with process.stdout:
        with trio.fail_after(30):
            line = await process.stdout.receive_some(4096)
        yield Victim(parse_seed(line.decode().strip()), psutil.Process(process.pid))
        process.terminate()
        with trio.fail_after(10):
            assert await process.wait() == 0


@asynccontextmanager
async def guest(seed: Address) -> AsyncGenerator[tuple[SigningKey, Asker[wire.Request, wire.Answer]]]:
    """Be a guest under a fresh identity."""
    secret = os.urandom(32)
    assert seed.peer is not None
    async with Host.open(secret) as host, trio.open_nursery() as nursery:
        connection = await host.dial(str(seed.bare), seed.peer, timeout=DEADLINE)
        asker = Asker(await host.open_stream(connection, wire.PROTOCOL), LOBBY)
        nursery.start_soon(asker.run)
        yield SigningKey.from_seed(secret), asker
        nursery.cancel_scope.cancel()


async def enter(key: SigningKey, asker: Asker[wire.Request, wire.Answer], room: RoomId) -> wire.Answer | None:
    return await asker.ask(wire.Enter(0, room, ticket_of(key, room)))


async def serve_others(seed: Address, rounds: int) -> int:
    """Let one wait and others come to him; return how many were told of him in time."""
    served, room = 0, a_room(settings().network, 4711)
    async with guest(seed) as (waiting, asker):
        assert isinstance(await enter(waiting, asker, room), wire.Room)
        ours = ticket_of(waiting, room)
        for number in range(rounds):
            with trio.move_on_after(DEADLINE):
                try:
                    async with guest(seed) as (key, other):
                        answer = await enter(key, other, room)
                        looked = await asker.ask(wire.Sample(0, room, 2, 5))
                        served += isinstance(answer, wire.Room) and ours in answer.tickets and looked is not None
                except (OSError, ExceptionGroup) as error:
                    print(f"{number} was not served: {error!r}")
    return served


async def attacked(name: str, rounds: int) -> None:
    async with running_seed() as seed:
        assert await serve_others(seed.address, 5) == 5
        memory, files = seed.memory(), seed.files()
        async with trio.open_nursery() as nursery:
            nursery.start_soon(ATTACKS[name], seed.address, settings().network)
            served = await serve_others(seed.address, rounds)
            grown, held = seed.memory() - memory, seed.files() - files
            nursery.cancel_scope.cancel()
        with trio.fail_after(CLEARED):
            while seed.files() > files:  # noqa: ASYNC110 - another process tells of nothing
                await trio.sleep(0.05)
    print(f"{name}: {served} of {rounds} served, {grown / 2**20:.1f} MiB and {held} files more")
    assert served >= rounds * 99 // 100
    assert grown <= GROWTH


@pytest.mark.parametrize("name", FIRST)
async def test_others_are_served_and_memory_holds(name: str) -> None:
    await attacked(name, FEW)


@pytest.mark.slow
@pytest.mark.long
@pytest.mark.parametrize("name", ATTACKS)
async def test_others_are_served_under_a_long_attack(name: str) -> None:
    await attacked(name, ROUNDS)
