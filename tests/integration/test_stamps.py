"""Stamps between real hosts: a flood gets nothing for nothing, the honest are in within a second (protocol.md 7)."""

from collections import Counter
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from functools import partial
from secrets import randbits

import pytest
import trio

from passerby.crypto import stamp as stamps
from passerby.crypto.handshake import RefusalCode
from passerby.discovery.limits import STAMP_FIRST_BITS, TOLL_WINDOW
from passerby.discovery.rooms import ANYBODY
from passerby.discovery.tickets import Ticket
from passerby.node import stamps as shell
from passerby.node.attempt import Outbound
from passerby.node.events import Matched, Search, State, StateChanged
from passerby.node.limits import CHAT_TOLL_RATE
from passerby.node.messages import Hello
from passerby.node.slot import GoodReply, Refused
from support.people import Person, person, settings
from support.rawpeer import RawCaller, raw_caller, read_into, ticket_of_whoever_waits

PATIENCE = 60.0
FLOOD = 50
HONEST = 5
FREE = int(CHAT_TOLL_RATE * TOLL_WINDOW)
NOBODYS = stamps.Parties(stamps.Personal.CHAT, bytes(32), bytes(38), bytes(38))
GONE = (EOFError, trio.BrokenResourceError)


@asynccontextmanager
async def waiting() -> AsyncGenerator[tuple[Person, Ticket]]:
    """Let somebody wait; yield them and their ticket."""
    async with person(settings()) as victim:
        await victim.do(Search())
        await victim.expect(StateChanged, lambda event: event.state is State.EMPTY)
        yield victim, await ticket_of_whoever_waits(settings())


async def call(caller: RawCaller, ticket: Ticket, stamp: bytes | None = None) -> tuple[object, Outbound]:
    """Send M1 on a new stream; return what comes back."""
    stream, opened = await caller.open()
    attempt = Outbound(1, opened.binding, Hello(), room=ticket.room.key, tag=ANYBODY, stamp=stamp)
    await stream.write(attempt.first())
    return await read_into(attempt, stream), attempt


async def flood(ticket: Ticket, count: int) -> Counter[str]:
    """Call that often under as many identities, and hang up on every answer."""
    answers = Counter[str]()
    for _ in range(count):
        async with raw_caller(settings(), ticket) as caller:
            answer, attempt = await call(caller, ticket)
            match answer:
                case Refused(_, RefusalCode.STAMP):
                    assert attempt.price == STAMP_FIRST_BITS
                    answers["stamp"] += 1
                case Refused():
                    answers["busy"] += 1
                case _:
                    answers["taken"] += 1
    return answers


async def test_a_flood_is_asked_to_pay_and_the_honest_are_in_within_a_second() -> None:
    with trio.fail_after(PATIENCE):
        async with waiting() as (_, ticket):
            answers = await flood(ticket, FLOOD)
            assert answers["taken"] <= FREE
            assert answers["stamp"] >= FLOOD - FREE - answers["busy"] > 0
            waited = [await admitted_honestly(ticket) for _ in range(HONEST)]
    print(f"flood: {dict(answers)}; honest: {sorted(waited)}")
    assert min(waited) < 1  # the others wait for the machine: how long a stamp takes is measured by test_toll_flood.py


async def admitted_honestly(ticket: Ticket) -> float:
    """Call, be asked, pay, call again; return the seconds that took."""
    async with raw_caller(settings(), ticket) as honest:
        began = trio.current_time()
        _, asked = await call(honest, ticket)
        assert asked.price == STAMP_FIRST_BITS
        made = await shell.make_stamp(asked.parties, asked.price, shell.FIRST)
        answer, _ = await call(honest, ticket, made)
        assert answer == GoodReply(1)
        return trio.current_time() - began


async def test_a_person_pays_by_itself_and_is_matched(monkeypatch: pytest.MonkeyPatch) -> None:
    paid: list[int] = []

    def solve(challenge: bytes, difficulty: int, start: int, is_wanted: Callable[[], bool]) -> bytes | None:
        paid.append(difficulty)
        return stamps.solve(challenge, difficulty, start, is_wanted)

    monkeypatch.setattr(shell, "solve", solve)
    with trio.fail_after(PATIENCE):
        async with waiting() as (victim, ticket), person(settings()) as honest:
            await flood(ticket, FREE + 2)
            async with trio.open_nursery() as nursery:
                nursery.start_soon(partial(victim.expect, Matched))
                await honest.match()
            assert paid == [STAMP_FIRST_BITS]


async def test_a_stamp_that_nobody_asked_for_ends_all_calls_on_that_connection() -> None:
    with trio.fail_after(PATIENCE):
        async with waiting() as (_, ticket), raw_caller(settings(), ticket) as caller:
            for stamp in (bytes(16), None):
                with pytest.raises(GONE):
                    await call(caller, ticket, stamp)


async def test_a_false_stamp_ends_all_calls_on_that_connection() -> None:
    with trio.fail_after(PATIENCE):
        async with waiting() as (_, ticket):
            await flood(ticket, FREE + 1)
            async with raw_caller(settings(), ticket) as caller:
                _, asked = await call(caller, ticket)
                challenge = asked.parties.challenge(STAMP_FIRST_BITS, 1)
                for stamp in (lacking_work(challenge), None):
                    with pytest.raises(GONE):
                        await call(caller, ticket, stamp)


def lacking_work(challenge: bytes) -> bytes:
    """Return a stamp that passes the gate and no more."""
    while True:
        stamp = stamps.solve(challenge, 0, randbits(64), lambda: True)
        assert stamp is not None
        if not stamps.verify(challenge, stamp, STAMP_FIRST_BITS):
            return stamp


async def test_a_stamp_that_is_wanted_no_more_is_not_made_to_the_end(monkeypatch: pytest.MonkeyPatch) -> None:
    stopped, begun, token = trio.Event(), trio.Event(), trio.lowlevel.current_trio_token()

    def solve(challenge: bytes, difficulty: int, start: int, is_wanted: Callable[[], bool]) -> bytes | None:
        token.run_sync_soon(begun.set)
        made = stamps.solve(challenge, difficulty, start, is_wanted)
        token.run_sync_soon(stopped.set)
        return made

    monkeypatch.setattr(shell, "solve", solve)
    with trio.fail_after(PATIENCE):
        async with trio.open_nursery() as nursery:
            nursery.start_soon(shell.make_stamp, NOBODYS, 200, shell.FIRST)
            await begun.wait()
            nursery.cancel_scope.cancel()
        await stopped.wait()


async def test_a_stamp_that_takes_too_long_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shell, "SOLVE_TIMEOUT", 0.05)
    assert await shell.make_stamp(NOBODYS, 200, shell.FIRST) is None
