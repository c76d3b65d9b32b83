"""`passerby lab` as people and scripts run it (product.md 2, 5, 6)."""

import json
import signal

import pytest
import trio

from support.programs import PASSERBY, run

PATIENCE = 90.0


async def test_one_json_object_is_all_that_stdout_has() -> None:
    with trio.fail_after(PATIENCE):
        result = await run("lab", "-n", "5", "--pairs", "2", "--json")
    assert result.returncode == 0
    (line,) = result.stdout.decode().splitlines()
    told = json.loads(line)
    assert told["ok"] is True
    assert (told["seeds"], told["people"], told["matches"], told["left"]) == (5, 4, 2, [])
    assert 0 < told["match_ms"]["median"] <= told["match_ms"]["p95"]
    assert b"2 of 2 pairs have talked" in result.stderr


async def test_on_a_pipe_a_line_for_each_thing_that_happened_and_a_summary() -> None:
    with trio.fail_after(PATIENCE):
        result = await run("lab", "-n", "3", "--pairs", "1")
    assert result.returncode == 0
    assert result.stderr == b""
    lines = result.stdout.decode().splitlines()
    assert [line[10:] for line in lines[:3:2]] == ["3 seeds run", "round 1: 2 people come"]
    assert [line.split()[0] for line in lines[-5:]] == ["seeds", "rooms", "matches", "match", "left"]
    assert lines[-1].endswith("nobody")


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("-n", "0"), b"0 is not in the range x>=1"),
        (("--pairs", "-1"), b"-1 is not in the range x>=1"),
        (("-n", "many"), b"'many' is not a valid integer"),
        (("-n", "1000000"), b"open files, and this process may have"),
        (("--random-seed", "-3"), b"-3 is not in the range x>=0"),
    ],
)
async def test_what_cannot_be_done_is_said_and_exits_2(arguments: tuple[str, ...], sentence: bytes) -> None:
    with trio.fail_after(PATIENCE):
        result = await run("lab", *arguments)
    assert result.returncode == 2
    assert sentence in result.stderr
    assert result.stdout == b""


async def test_interrupted_it_ends_without_a_traceback() -> None:
    with trio.fail_after(PATIENCE):
        process = await trio.lowlevel.open_process([str(PASSERBY), "lab", "-n", "3"], stdout=-1, stderr=-1)
        assert process.stdout is not None
        assert process.stderr is not None
        await process.stdout.receive_some()
        process.send_signal(signal.SIGINT)
        assert await process.wait() == 130
        assert await process.stderr.receive_some() == b""
        await process.stdout.aclose()
        await process.stderr.aclose()
