"""Raw attacks against a waiting host: it serves others meanwhile (99 of 100) and grows by no more than 32 MiB.

The victim is a process of its own; `support.attackers` needs its address and peer id and nothing else, so the same
attacks can be aimed at any peer of the program.
"""
# pyright: reportUnknownMemberType=false

import os
import subprocess
import sys
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import psutil
import pytest
import trio

from passerby.node.host import Host
from support import attackers, victim
from support.victim import ECHO

ROUNDS = 100
GROWTH = 32 * 1024 * 1024
PROTOCOLS = [ECHO, "/ipfs/id/1.0.0", "/ipfs/ping/1.0.0", "/nobody/speaks/this", "\xff\xfe", "ls", "na", ""]


@dataclass(frozen=True, slots=True)
class Victim:
    address: str
    peer_id: bytes
    process: psutil.Process

    def memory(self) -> int:
        return int(self.process.memory_info().rss)


@asynccontextmanager
async def waiting_host() -> AsyncGenerator[Victim, None]:
    command = [sys.executable, str(Path(victim.__file__))]
    process = await trio.lowlevel.open_process(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert process.stdin is not None
    assert process.stdout is not None
    async with process.stdin, process.stdout:
        line = b""
        with trio.fail_after(30):
            while not line.endswith(b"\n"):
                line += await process.stdout.receive_some()
        address, peer_id = line.decode().split()
        yield Victim(address, bytes.fromhex(peer_id), psutil.Process(process.pid))
    with trio.fail_after(10):
        assert await process.wait() == 0


async def serve_others(target: Victim, rounds: int) -> int:
    """Connect, echo and leave `rounds` times; return how often it worked within 5 s."""
    served = 0
    async with Host.open(os.urandom(32)) as client:
        for _ in range(rounds):
            try:
                with trio.fail_after(5):
                    connection = await client.dial(target.address, target.peer_id, timeout=5)
                    stream = await client.open_stream(connection, ECHO)
                    await stream.write(b"honest")
                    served += await stream.read_exactly(6) == b"honest"
                    connection.close()
                    await connection.wait_closed()
            except (OSError, EOFError, trio.TooSlowError, trio.BrokenResourceError) as error:
                print(f"not served: {error!r}, {error.__cause__!r}")
    return served


Attack = Callable[[str, bytes], Awaitable[object]]


def silence(opening: bytes, count: int = 100) -> Attack:
    return lambda address, _: attackers.attack_silence(address, opening, count, pause=0.5)


def line_of_a_gibibyte(address: str, _: bytes) -> Awaitable[object]:
    return attackers.attack_negotiation(address, b"\x80\x80\x80\x80\x04" + bytes(999))


def plaintext(address: str, _: bytes) -> Awaitable[object]:
    return attackers.attack_plaintext(address, ["/plaintext/2.0.0", "/tls/1.0.0"])


ATTACKS: dict[str, Attack] = {
    "plaintext": plaintext,
    "lines of a gibibyte": line_of_a_gibibyte,
    "sockets that say nothing": silence(b""),
    "sockets that come again": silence(b"", 200),
    "negotiations that stop": silence(attackers.MULTISTREAM[:5]),
    "handshakes that stop": silence(attackers.MULTISTREAM + attackers.line("/noise") + b"\x00\x20"),
    "300 connections in turn": attackers.attack_in_turn,
    "connections that carry nothing": partial(attackers.attack_hoard, count=100, pause=5),
    "garbage": partial(attackers.attack_garbage, protocols=PROTOCOLS),
    "64 MiB into one stream": partial(attackers.attack_window, protocol=ECHO, size=64 * 1024 * 1024),
    "a frame of 16 MiB": partial(attackers.attack_frame, protocol=ECHO, size=16 * 1024 * 1024),
    "3000 streams": partial(attackers.attack_streams, protocol=ECHO, count=3000),
}


async def repeat(attack: Attack, target: Victim) -> None:
    while True:
        with suppress(*attackers.GONE):  # the victim throws us out, as it should: come again
            await attack(target.address, target.peer_id)
        await trio.sleep(0.05)


@pytest.mark.parametrize("name", ATTACKS)
async def test_others_are_served_and_memory_holds(name: str) -> None:
    async with waiting_host() as target:
        assert await serve_others(target, 10) == 10
        before = target.memory()
        async with trio.open_nursery() as nursery:
            nursery.start_soon(repeat, ATTACKS[name], target)
            served = await serve_others(target, ROUNDS)
            grown = target.memory() - before
            nursery.cancel_scope.cancel()
    print(f"{name}: {served} of {ROUNDS} served, {grown / 2**20:.1f} MiB more")
    assert served >= ROUNDS * 99 // 100
    assert grown <= GROWTH
