"""What somebody who runs a seed hears of its joining others."""

import pytest
import trio

from passerby.node.firstcontacts.names import Names
from passerby.node.seeding import joining
from passerby.node.seeding.joining import Joining
from support.people import settings
from support.seeds import seed

PATIENCE = 30.0
SILENT = "/ip4/127.0.0.1/tcp/9/p2p/12D3KooWDpJ7As7BWAwRMfu1VU2WCqNjvq387JEYKDBj4kx6nXTN"


async def first_said(*named: str) -> str:
    """Return the first thing that is said by a new seed which knows those."""
    send, said = trio.open_memory_channel[str](10)
    async with seed() as one, trio.open_nursery() as nursery:
        chosen = settings(network_seeds=named)
        nursery.start_soon(Joining(one, chosen, Names(), send.send_nowait).run, ())
        sentence = await said.receive()
        nursery.cancel_scope.cancel()
    return sentence


async def test_it_is_told_that_another_seed_was_found() -> None:
    with trio.fail_after(PATIENCE):
        async with seed() as other:
            assert await first_said(str(other.addresses[0])) == "Joined: 1 other seed."


async def test_it_is_told_that_a_named_seed_is_silent(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(joining, "ANSWER", 0.1)
    with trio.fail_after(PATIENCE):
        assert await first_said(SILENT) == f"No answer yet from {SILENT}; trying on."


async def test_who_is_alone_and_named_nobody_hears_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(joining, "ANSWER", 0.1)
    with trio.move_on_after(1.0) as waiting:
        await first_said()
    assert waiting.cancelled_caught
