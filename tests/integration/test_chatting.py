"""Two people meet through the local seed and talk: real hosts, one process, nothing configured."""

import trio

from passerby.node.events import (
    Delivered,
    Ended,
    EndReason,
    Finished,
    Matched,
    NoMoreInput,
    Quit,
    Search,
    State,
    StateChanged,
    Stop,
)
from support.people import ended, matched, person, settings

PATIENCE = 30.0
LINES = 100


async def test_both_have_the_same_words_and_hear_everything_in_order() -> None:
    with trio.fail_after(PATIENCE):
        async with person(settings()) as one, person(settings()) as other:
            await matched(one, other)
            assert one.all(Matched)[0].verify == other.all(Matched)[0].verify
            assert len(one.all(Matched)[0].verify) == 7
            async with trio.open_nursery() as nursery:
                nursery.start_soon(lambda: one.say(*(f"a{i}" for i in range(10))))
                nursery.start_soon(lambda: other.say(*(f"b{i}" for i in range(10))))
                assert await one.hear(10) == [f"b{i}" for i in range(10)]
                assert await other.hear(10) == [f"a{i}" for i in range(10)]
            await one.seen(Delivered(10))


async def test_goodbye_is_told_apart_by_who_said_it() -> None:
    with trio.fail_after(PATIENCE):
        async with person(settings()) as one, person(settings()) as other:
            await matched(one, other)
            await one.do(Stop())
            assert (await ended(one)).reason is EndReason.YOU
            assert (await ended(other)).reason is EndReason.LEFT


async def test_the_end_of_input_leaves_when_all_was_acknowledged() -> None:
    with trio.fail_after(PATIENCE):
        async with person(settings()) as one, person(settings()) as other:
            await matched(one, other)
            await one.say("only this")
            await one.do(NoMoreInput())
            assert await other.hear(1) == ["only this"]
            assert (await ended(other)).reason is EndReason.LEFT
            assert (await ended(one)).reason is EndReason.YOU
            assert one.all(Delivered) == [Delivered(1)]


async def test_what_was_said_before_the_match_is_sent_after_it() -> None:
    with trio.fail_after(PATIENCE):
        async with person(settings()) as one, person(settings()) as other:
            await one.do(Search())
            await one.say("early", "bird")
            await other.match()
            assert await other.hear(2) == ["early", "bird"]


async def test_the_owner_of_the_local_seed_leaves_and_nobody_is_lost() -> None:
    with trio.fail_after(PATIENCE):
        async with person(settings()) as owner:
            await owner.do(Search())
            async with person(settings()) as one:
                await matched(one)
                await owner.do(Stop())
                await ended(one)
                async with person(settings()) as other:
                    await matched(one, other)
                    async with person(settings()) as third:
                        await third.do(Search())
                        await owner.do(Quit())
                        await owner.expect(Finished)
                        await one.say("still here?")
                        assert await other.hear(1) == ["still here?"]
                        async with person(settings()) as fourth:
                            await matched(fourth)
                            await third.expect(Matched)
                        assert (await ended(third)).reason is EndReason.LEFT
                        assert all(event.state is not State.NO_SEED for event in third.all(StateChanged))


async def test_of_three_the_odd_one_waits_and_is_matched_by_next() -> None:
    with trio.fail_after(PATIENCE):
        async with person(settings()) as one, person(settings()) as other, person(settings()) as third:
            await matched(one, other)
            await third.do(Search())
            await one.do(Search())
            assert (await ended(other)).reason is EndReason.LEFT
            async with trio.open_nursery() as nursery:
                nursery.start_soon(third.expect, Matched)
                nursery.start_soon(one.expect, Matched)
            assert [len(someone.all(Matched)) for someone in (one, other, third)] == [2, 1, 1]
            assert not third.all(Ended)
