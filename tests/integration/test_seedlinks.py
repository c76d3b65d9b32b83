"""Connections to seeds, shared and ended: nothing is left of a dial nobody waits for, nor of a link that was closed."""
# pyright: reportPrivateUsage=false

import secrets
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

import pytest
import trio
import trio.testing

from passerby.crypto.keys import SigningKey
from passerby.discovery import dhtwire
from passerby.discovery.addresses import Address, Scope, parse
from passerby.discovery.seeding import neighbourevents
from passerby.discovery.seeding.neighbourevents import Call, Gone, HangUp, Silent, Told
from passerby.discovery.seeding.service import unix_minus_now
from passerby.discovery.seedrecord import SeedRecord, sign_record
from passerby.node.firstcontacts.names import Names
from passerby.node.host import Host
from passerby.node.seeding.neighbourhood import View
from passerby.node.seedlinks import SeedLinks
from support.seeds import seed

PATIENCE = 20.0
LISTEN = ["/ip4/127.0.0.1/tcp/0"]
PING = dhtwire.Ping(0, bytes(8))


class Mute:
    """An address where a connection comes about and nothing is said on it."""

    def __init__(self, address: Address) -> None:
        self.address = address
        self.called = trio.Event()
        self.left = trio.Event()

    async def serve(self, stream: trio.SocketStream) -> None:
        self.called.set()
        async for _ in stream:
            pass
        self.left.set()


@asynccontextmanager
async def mute() -> AsyncGenerator[Mute]:
    (listener,) = await trio.open_tcp_listeners(0, host="127.0.0.1")
    silent = Mute(parse(f"/ip4/127.0.0.1/tcp/{listener.socket.getsockname()[1]}"))
    async with trio.open_nursery() as nursery:
        nursery.start_soon(trio.serve_listeners, silent.serve, [listener])
        yield silent
        nursery.cancel_scope.cancel()


@asynccontextmanager
async def links(linger: float = 5.0) -> AsyncGenerator[tuple[Host, SeedLinks]]:
    async with Host.open(secrets.token_bytes(32)) as host, trio.open_nursery() as nursery:
        yield host, SeedLinks(host, nursery, Names(), linger)
        nursery.cancel_scope.cancel()


async def test_a_dial_that_nobody_waits_for_any_more_is_given_up() -> None:
    peer = SigningKey.from_seed(bytes(32)).public
    with trio.fail_after(PATIENCE):
        async with mute() as silent, links(float("inf")) as (host, seeds):
            who = b"\x00\x24\x08\x01\x12\x20" + peer
            async with trio.open_nursery() as nursery:

                async def wait() -> None:
                    async with seeds.lease(who, [silent.address]):
                        raise AssertionError("nobody answers")

                nursery.start_soon(wait)
                await silent.called.wait()
                nursery.cancel_scope.cancel()
            with trio.fail_after(2.0):  # the dial itself would have three seconds
                await silent.left.wait()
            assert not host.connections()


async def test_what_is_closed_while_it_is_dialled_never_comes_about() -> None:
    with trio.fail_after(PATIENCE):
        async with mute() as silent, seed() as one, links() as (host, seeds):
            async with trio.open_nursery() as nursery:
                told: list[object] = []

                async def wait(address: Address) -> None:
                    async with seeds.lease(one.peer_id, [address]) as link:
                        told.append(link)

                nursery.start_soon(wait, silent.address)
                await silent.called.wait()
                seeds.close(one.peer_id)
                nursery.start_soon(wait, one.addresses[0].bare)
            assert told.count(None) == 1
            assert len(told) == 2
            assert len(host.connections()) == 1


async def test_a_link_that_is_left_ends_with_the_last_who_needs_it_and_who_comes_next_has_another() -> None:
    with trio.fail_after(PATIENCE):
        async with seed() as one, links(float("inf")) as (_, seeds):
            where = [one.addresses[0].bare]
            async with seeds.lease(one.peer_id, where) as link:
                assert link is not None
                seeds.leave(one.peer_id, link)
                async with seeds.lease(one.peer_id, where) as again:
                    assert again is not link
                assert isinstance(await link.ask(PING), dhtwire.Pong), "this block needs it"
            await link.connection.wait_closed()
            async with seeds.lease(one.peer_id, where) as again:
                assert again is not None
                seeds.leave(one.peer_id, link)
                assert seeds.get(one.peer_id) is again, "what is left is another"


@asynccontextmanager
async def view(told: list[neighbourevents.Event]) -> AsyncGenerator[View]:
    """A seed's view whose machine is told nothing: `told` is."""
    key = SigningKey.from_seed(secrets.token_bytes(32))
    ours = SeedRecord(key.public, (parse("/ip4/127.0.0.1/tcp/4001"),), 0)
    async with Host.open(secrets.token_bytes(32)) as host, trio.open_nursery() as nursery:
        one = View(
            host, Scope.MACHINE, lambda _: sign_record(key, ours), lambda _: True, nursery, unix_minus_now, Names()
        )
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(one, "handle", told.append)
            yield one
        nursery.cancel_scope.cancel()


async def test_what_a_seed_answers_at_one_address_says_nothing_of_another() -> None:
    told: list[neighbourevents.Event] = []
    with trio.fail_after(PATIENCE):
        async with mute() as silent, seed() as one, view(told) as ours:
            where = one.addresses[0].bare
            await ours._call(Call(one.peer_id, (where,), PING, 3.0))
            await ours._call(Call(one.peer_id, (silent.address,), PING, 0.5))
            first, *rest = told
            assert isinstance(first, Told)
            assert first.address == where
            assert Silent(one.peer_id, late=True) in rest
            assert not any(isinstance(event, Told) for event in rest)


async def test_only_who_lets_a_call_hang_is_late() -> None:
    told: list[neighbourevents.Event] = []
    with trio.fail_after(PATIENCE):
        async with mute() as silent, seed() as one, seed() as other, view(told) as ours:
            await ours._call(Call(one.peer_id, (silent.address,), PING, 0.5))
            await ours._call(Call(one.peer_id, (other.addresses[0].bare,), PING, 3.0))
            await ours._call(Call(one.peer_id, (parse("/ip4/127.0.0.1/tcp/1"),), PING, 3.0))
            assert told == [Silent(one.peer_id, late=True), Silent(one.peer_id), Silent(one.peer_id)]


async def test_after_hanging_up_a_call_has_a_connection_of_its_own_and_nothing_is_told_of_the_old() -> None:
    told: list[neighbourevents.Event] = []
    with trio.fail_after(PATIENCE):
        async with seed() as one, view(told) as ours:
            call = Call(one.peer_id, (one.addresses[0].bare,), PING, 3.0)
            await ours._call(call)
            ours.machine.handle = lambda event, now: [HangUp(one.peer_id), call]  # type: ignore[method-assign]
            View.handle(ours, neighbourevents.Tick())
            while len(told) < 2:
                await trio.testing.wait_all_tasks_blocked(0.05)
            assert all(isinstance(event, Told) for event in told)
            assert Gone(one.peer_id) not in told
