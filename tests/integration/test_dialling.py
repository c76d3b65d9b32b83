"""Somebody with several addresses: a dead one costs little, and a name in a record leads nowhere near."""

import secrets
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

import pytest
import trio

from passerby.discovery.addresses import Address, parse
from passerby.node.dialling import STAGGER, dial_first
from passerby.node.firstcontacts.names import Names
from passerby.node.host import Host
from passerby.node.seedlinks import SeedLinks

PATIENCE = 20.0
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


async def test_who_answers_first_is_the_only_one() -> None:
    with trio.fail_after(PATIENCE):
        async with host() as one, Host.open(secrets.token_bytes(32), listen=["/ip4/127.0.0.1/tcp/0"] * 1) as other:
            address = parse(other.addresses[0])
            assert await dial_first(one, other.peer_id, [address] * 4, 3.0) is not None
            assert len(one.connections()) == 1


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
