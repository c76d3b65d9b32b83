"""Somebody with several addresses: a dead one costs little, and a name in a record leads nowhere near."""

import secrets
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from typing import cast

import pytest
import trio

from passerby.discovery.addresses import Address, parse
from passerby.node.connection import Connection
from passerby.node.dialling import STAGGER, dial_first
from passerby.node.firstcontacts.names import Names
from passerby.node.host import Host
from passerby.node.seedlinks import SeedLinks

PATIENCE = 20.0
PROMPT = 5.0  # seconds; a connection that nobody uses is closed by the other side after 10
REFUSING = parse("/ip4/127.0.0.1/tcp/9")


@asynccontextmanager
async def mute() -> AsyncGenerator[Address]:
    """Listen where nobody answers: the connection comes about, and nothing is said on it."""
    async with trio.open_nursery() as nursery:
        (listener,) = await trio.open_tcp_listeners(0, host="127.0.0.1")
        async with listener:
            yield parse(f"/ip4/127.0.0.1/tcp/{listener.socket.getsockname()[1]}")
        nursery.cancel_scope.cancel()


@asynccontextmanager
async def host() -> AsyncGenerator[Host]:
    async with Host.open(secrets.token_bytes(32), listen=["/ip4/127.0.0.1/tcp/0"]) as one:
        yield one


@pytest.mark.parametrize("dead", ["mute", "refusing"])
async def test_a_dead_address_costs_little(dead: str) -> None:
    with trio.fail_after(PATIENCE):
        async with mute() as silent, host() as one, host() as other:
            await one.dial(other.addresses[0], other.peer_id)  # so that nothing is done for the first time
            first = silent if dead == "mute" else REFUSING
            began = trio.current_time()
            connection = await dial_first(one, other.peer_id, [first, parse(other.addresses[0])], 3.0)
            took = trio.current_time() - began
            assert connection is not None
            assert connection.peer_id == other.peer_id
            assert took < (1.5 if dead == "mute" else STAGGER), "one after the other it would take 3 s"


async def test_nobody_there_is_none_and_leaves_nothing_behind() -> None:
    with trio.fail_after(PATIENCE):
        async with mute() as silent, host() as one, host() as other:
            assert await dial_first(one, other.peer_id, [REFUSING, silent], 0.2) is None
            assert await dial_first(one, other.peer_id, [], 3.0) is None
            assert one.connections() == []


class Together:
    """A host whose dials all answer in the same moment, once `count` of them could."""

    def __init__(self, host: Host, count: int, then: Callable[[], None] = lambda: None) -> None:
        self._host = host
        self._left = count
        self._then = then
        self._now = trio.Event()
        self.answered: list[Connection] = []

    async def dial(self, address: str, peer: bytes, *, timeout: float) -> Connection:  # noqa: ASYNC109 - as Host has it
        connection = await self._host.dial(address, peer, timeout=timeout)
        self._left -= 1
        if self._left:
            await self._now.wait()
        else:
            self._now.set()
            self._then()
        self.answered.append(connection)
        return connection


async def test_of_those_who_answer_in_the_same_moment_one_is_kept() -> None:
    with trio.fail_after(PATIENCE):
        async with host() as one, host() as other:
            together = Together(one, 3)
            there = [parse(other.addresses[0])] * 3
            kept = await dial_first(cast("Host", together), other.peer_id, there, PATIENCE)
            assert kept in together.answered
            assert len(together.answered) == 3
            with trio.fail_after(PROMPT):
                for each in together.answered:
                    if each is not kept:
                        await each.wait_closed()
            assert one.connections() == [kept]


async def test_who_answers_in_the_moment_of_giving_up_is_not_kept() -> None:
    with trio.fail_after(PATIENCE):
        async with host() as one, host() as other:
            scope = trio.CancelScope()
            together = Together(one, 1, scope.cancel)
            with scope:
                await dial_first(cast("Host", together), other.peer_id, [parse(other.addresses[0])], PATIENCE)
            assert scope.cancelled_caught
            (connection,) = together.answered
            with trio.fail_after(PROMPT):
                await connection.wait_closed()


class Liar(Names):
    """A name server for which every name is this machine."""

    def __init__(self, port: int) -> None:
        super().__init__()
        self.port = port

    async def find(self, seed: object) -> tuple[Address, ...]:
        return (parse(f"/ip4/127.0.0.1/tcp/{self.port}"),)


async def test_a_name_in_a_record_does_not_lead_into_our_own_network() -> None:
    with trio.fail_after(PATIENCE):
        async with host() as one, host() as other, trio.open_nursery() as nursery:
            address = parse(other.addresses[0])
            links = SeedLinks(one, nursery, Liar(address.port))
            name = parse(f"/dns4/seed.example/tcp/{address.port}")
            async with links.lease(other.peer_id, [name]) as link:
                assert link is None
            async with links.lease(other.peer_id, [name, address]) as link:
                assert link is not None, "where an address was told, it counts"
            nursery.cancel_scope.cancel()
