"""Each attack of tests/support/attackers.py, aimed at a program that waits: an honest stranger finds it all the same.

The attackers know what any searching peer can learn: the ticket. The honest stranger comes while the attack goes on.
"""

from collections.abc import Awaitable, Callable
from contextlib import suppress
from functools import partial

import psutil
import pytest
import trio

from passerby.crypto.handshake import CHAT_PROTOCOL
from passerby.discovery.tickets import Ticket
from support import attackers
from support.people import person, settings
from support.programs import chat
from support.rawpeer import ticket_of_whoever_waits

pytestmark = pytest.mark.usefixtures("consented")
PATIENCE = 60.0
MATCHED_WITHIN = 20.0  # two busy cores, one of them the attacker's
GROWTH = 32 * 1024 * 1024
PROTOCOLS = [CHAT_PROTOCOL, "/passerby/lobby/1.0.0", "/ipfs/id/1.0.0", "/ipfs/ping/1.0.0", "/nobody/speaks/this", ""]

Attack = Callable[[str, bytes], Awaitable[object]]


def plaintext(address: str, _: bytes) -> Awaitable[object]:
    return attackers.attack_plaintext(address, ["/plaintext/2.0.0", "/tls/1.0.0"])


def silence(address: str, _: bytes) -> Awaitable[object]:
    return attackers.attack_silence(address, attackers.MULTISTREAM[:5], 40, pause=0.5)


ATTACKS: dict[str, Attack] = {
    "plaintext": plaintext,
    "negotiations that stop": silence,
    "300 connections in turn": attackers.attack_in_turn,
    "garbage on every protocol": partial(attackers.attack_garbage, protocols=PROTOCOLS),
    "64 MiB into one stream": partial(attackers.attack_window, protocol=CHAT_PROTOCOL, size=64 * 1024 * 1024),
    "a frame of 16 MiB": partial(attackers.attack_frame, protocol=CHAT_PROTOCOL, size=16 * 1024 * 1024),
    "3000 streams": partial(attackers.attack_streams, protocol=CHAT_PROTOCOL, count=3000),
}


async def repeat(attack: Attack, ticket: Ticket) -> None:
    while True:
        with suppress(*attackers.GONE):  # thrown out, as it should be: come again
            await attack(str(ticket.addresses[0]), ticket.pid)
        await trio.sleep(0.05)


@pytest.mark.parametrize("name", ATTACKS)
async def test_an_honest_stranger_still_finds_who_waits(name: str) -> None:
    with trio.fail_after(PATIENCE):
        async with chat() as waiting:
            await waiting.state("empty")
            ticket = await ticket_of_whoever_waits(settings())
            process = psutil.Process(waiting.process.pid)
            before = process.memory_info().rss
            async with trio.open_nursery() as nursery:
                nursery.start_soon(repeat, ATTACKS[name], ticket)
                await trio.sleep(2)  # let the attack get going: there is no event for that
                with trio.fail_after(MATCHED_WITHIN):
                    async with person(settings()) as honest:
                        await honest.match()
                        await honest.say("hello")
                        assert await waiting.hear(1) == ["hello"]
                nursery.cancel_scope.cancel()
            assert process.memory_info().rss - before <= GROWTH
            assert waiting.errors == b""
