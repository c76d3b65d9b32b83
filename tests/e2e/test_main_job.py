"""The main job, scripted: two programs that share one home, fed by pipes, nothing configured."""

import json
import signal
from pathlib import Path

import jsonschema
import pytest
import trio

from passerby.node.limits import SILENCE
from support.programs import Program, chat, matched, run

pytestmark = pytest.mark.usefixtures("consented")
SCHEMA = Path(__file__).parents[2] / "docs" / "ndjson.schema.json"
PATIENCE = 60.0
LINES = 100
AT_ONCE = 5.0  # a killed process closes its sockets; silence alone would take ninety seconds


def check_schema(*programs: Program) -> None:
    schema = json.loads(SCHEMA.read_text())
    for program in programs:
        assert program.errors == b""
        for line in program.events:
            jsonschema.validate(line, schema)


async def test_a_hundred_lines_each_way_in_order_and_none_lost() -> None:
    with trio.fail_after(PATIENCE):
        async with chat() as one, chat() as other:
            await matched(one, other)
            assert one.all("matched")[0]["verify"] == other.all("matched")[0]["verify"]
            async with trio.open_nursery() as nursery:
                nursery.start_soon(lambda: one.write(*(f"a{i}" for i in range(LINES))))
                nursery.start_soon(lambda: other.write(*(f"b{i}" for i in range(LINES))))
                assert await one.hear(LINES) == [f"b{i}" for i in range(LINES)]
                assert await other.hear(LINES) == [f"a{i}" for i in range(LINES)]
            await one.seen("delivered", lambda line: line["id"] == LINES)
            await one.close_stdin()
            assert (await other.expect("ended"))["reason"] == "left"
            assert await one.exit_code() == 0
            await other.close_stdin()
            assert await other.exit_code() == 0
            check_schema(one, other)


async def test_a_killed_stranger_is_lost_at_once() -> None:
    with trio.fail_after(PATIENCE):
        async with chat("--once") as one, chat() as other:
            await matched(one, other)
            await other.write("here")
            assert await one.hear(1) == ["here"]
            other.process.kill()
            with trio.fail_after(AT_ONCE):
                assert (await one.expect("ended"))["reason"] == "lost"
            assert await one.exit_code() == 5
            check_schema(one)


@pytest.mark.slow
async def test_a_frozen_stranger_is_lost_within_ninety_seconds() -> None:
    with trio.fail_after(3 * PATIENCE):
        async with chat("--once") as one, chat() as other:
            await matched(one, other)
            await other.write("here")
            assert await one.hear(1) == ["here"]
            other.send_signal(signal.SIGSTOP)
            with trio.fail_after(SILENCE + 1.0):
                assert (await one.expect("ended"))["reason"] == "lost"
            assert await one.exit_code() == 5


@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 143), (signal.SIGHUP, 129)])
async def test_a_signal_says_goodbye(number: signal.Signals, code: int) -> None:
    with trio.fail_after(PATIENCE):
        async with chat() as one, chat("--once") as other:
            await matched(one, other)
            one.send_signal(number)
            assert (await other.expect("ended"))["reason"] == "left"
            assert await one.exit_code() == code
            assert await other.exit_code() == 0
            check_schema(one, other)


async def test_interrupted_twice_says_goodbye() -> None:
    with trio.fail_after(PATIENCE):
        async with chat() as one, chat("--once") as other:
            await matched(one, other)
            one.send_signal(signal.SIGINT)
            one.send_signal(signal.SIGINT)
            assert (await other.expect("ended"))["reason"] == "left"
            assert await one.exit_code() == 130


@pytest.mark.slow
async def test_three_hundred_lines_piped_in_arrive_whole_and_never_as_a_flood() -> None:
    with trio.fail_after(3 * PATIENCE):
        async with chat() as reader, chat() as sender:
            await sender.write(*(f"line {i}" for i in range(300)))
            await sender.close_stdin()
            assert await reader.hear(300) == [f"line {i}" for i in range(300)]
            assert (await reader.expect("ended"))["reason"] == "left"
            assert await sender.exit_code() == 0
            check_schema(reader, sender)


async def test_echo_into_once_meets_who_comes_and_leaves() -> None:
    with trio.fail_after(PATIENCE):
        async with chat() as reader:
            done = await run("chat", "--json", "--once", stdin=b"hi\n")
            assert done.returncode == 0, done.stderr
            assert await reader.hear(1) == ["hi"]
            assert (await reader.expect("ended"))["reason"] == "left"


async def test_nobody_in_time_is_exit_4() -> None:
    with trio.fail_after(PATIENCE):
        async with chat("--once", "--timeout", "2") as alone:
            assert (await alone.expect("ended"))["reason"] == "timeout"
            assert await alone.exit_code() == 4
            check_schema(alone)


async def test_input_that_ends_at_once_ends_at_once() -> None:
    with trio.fail_after(PATIENCE):
        done = await run("chat", "--json", "--no-input")
        assert done.returncode == 0
        assert done.stderr == b""


async def test_the_local_seed_is_killed_and_chats_go_on_and_the_waiting_meet() -> None:
    with trio.fail_after(PATIENCE):
        async with chat() as owner:
            await owner.state("empty")
            await owner.write("/stop")
            await owner.state("stopped")
            async with chat() as one, chat() as other:
                await matched(one, other)
                async with chat() as third:
                    await third.state("empty", "busy")
                    owner.process.kill()
                    await one.write("still here?")
                    assert await other.hear(1) == ["still here?"]
                    async with chat() as fourth:
                        await matched(third, fourth)
                assert not one.all("ended")


async def test_three_programs_and_no_double_match() -> None:
    with trio.fail_after(PATIENCE):
        async with chat() as one, chat() as other:
            await matched(one, other)
            async with chat() as third:
                await third.state("empty", "busy")
                await one.write("/next")
                assert (await other.expect("ended"))["reason"] == "left"
                await matched(one, third)
                assert [len(p.all("matched")) for p in (one, other, third)] == [2, 1, 1]
                check_schema(one, other, third)
