"""Who breaks the protocol, or vanishes again and again, gets no further: connection and peer are barred (4.2, 5.9)."""

from contextlib import suppress
from secrets import token_bytes

import pytest
import trio

from passerby.crypto.handshake import RefusalCode
from passerby.node.events import Ended, EndReason, Matched, Search
from passerby.node.host import Host
from passerby.node.slot import Refused
from support.people import Person, person, settings
from support.rawpeer import RawCaller, raw_caller, read_into, ticket_of_whoever_waits

PATIENCE = 30.0


async def assert_barred(caller: RawCaller) -> None:
    """A good M1 on the same connection is not even refused: the stream is reset unread."""
    stream, attempt = await caller.open()
    with suppress(trio.BrokenResourceError):
        await stream.write(attempt.first())
    with pytest.raises((EOFError, trio.BrokenResourceError)):
        await stream.read_exactly(2)


async def search(someone: Person) -> None:
    await someone.do(Search())


async def test_a_malformed_first_message() -> None:
    with trio.fail_after(PATIENCE):
        async with person(settings()) as waiting:
            await search(waiting)
            ticket = await ticket_of_whoever_waits(settings())
            async with raw_caller(settings(), ticket) as caller:
                stream, _ = await caller.open()
                await stream.write(b"\x00\x4a" + bytes(74))
                with pytest.raises((EOFError, trio.BrokenResourceError)):
                    await stream.read_exactly(1)
                await assert_barred(caller)


async def test_a_broken_record_in_a_chat() -> None:
    with trio.fail_after(PATIENCE):
        async with person(settings()) as waiting:
            await search(waiting)
            ticket = await ticket_of_whoever_waits(settings())
            async with raw_caller(settings(), ticket) as caller:
                stream = await caller.match()
                await waiting.expect(Matched)
                await stream.write(b"\x01\x11" + bytes(273))
                assert (await waiting.expect(Ended)).reason is EndReason.REFUSED
                await search(waiting)
                await assert_barred(caller)


async def test_who_matches_and_vanishes_is_not_matched_for_ever() -> None:
    with trio.fail_after(PATIENCE):
        async with person(settings()) as waiting:
            await search(waiting)
            ticket = await ticket_of_whoever_waits(settings())
            async with Host.open(token_bytes(32)) as host:
                for _ in range(2):  # the third time the peer is refused for a minute, on whatever connection
                    caller = await RawCaller.dial(host, settings(), ticket)
                    (await caller.match()).reset()
                    assert (await waiting.expect(Ended)).before_any_text
                    await assert_barred(caller)
                stream, attempt = await (await RawCaller.dial(host, settings(), ticket)).open()
                await stream.write(attempt.first())
                assert await read_into(attempt, stream) == Refused(1, RefusalCode.BUSY)
            assert len(waiting.all(Matched)) == 2
