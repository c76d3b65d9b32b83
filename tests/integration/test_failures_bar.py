"""A failure ends the stream and bars the connection: no further chat stream on it (protocol.md 5.9)."""

from contextlib import suppress

import pytest
import trio

from passerby.node.events import Ended, EndReason, Matched, Search
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
                stream, attempt = await caller.open()
                await stream.write(attempt.first())
                await read_into(attempt, stream)
                await stream.write(attempt.proof())
                await read_into(attempt, stream)
                await stream.write(attempt.hello())
                await waiting.expect(Matched)
                await stream.write(b"\x01\x11" + bytes(273))
                assert (await waiting.expect(Ended)).reason is EndReason.REFUSED
                await search(waiting)
                await assert_barred(caller)
