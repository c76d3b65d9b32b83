"""A network in a box: everybody meets, also among liars, with wrong clocks and behind a network that loses all."""

import io
import json
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path
from secrets import token_bytes

import pytest
import trio

from passerby.node.host import DialError, Host
from passerby.node.lab import sockets
from passerby.node.lab.board import Lines
from passerby.node.lab.chaos import Nature
from passerby.node.lab.people import Person, settings_of
from passerby.node.lab.plan import Plan
from passerby.node.lab.run import Lab
from passerby.node.lab.summary import Summary
from passerby.node.lab.town import Town
from support.towns import town

PATIENCE = 120.0  # for a whole run, on a machine that is busy with other tests
A_LIE = 5.0  # seconds that a lying seed may cost
QUIET = 2.0  # what two people need who have nobody to lie to them, on such a machine


async def result_of(plan: Plan) -> tuple[Summary, str]:
    out = io.StringIO()
    with trio.fail_after(PATIENCE):
        lab = Lab(plan)
        await lab.run(Lines(out))
    return lab.summary(), out.getvalue()


async def test_everybody_meets_in_a_small_lab() -> None:
    summary, told = await result_of(Plan(8, 4, chaos=False, random_seed=1))
    assert summary.is_good
    assert (summary.matches, summary.people, summary.rounds, summary.mismatched) == (4, 8, 1, 0)
    assert summary.rooms in (1, 2)  # an epoch may have ended meanwhile
    assert summary.neighbours.min > 0 < summary.connections.min
    assert "8 seeds run" in told
    assert "4 of 4 pairs have talked" in told
    assert json.loads(summary.as_json())["ok"] is True


@pytest.mark.slow
async def test_forty_people_meet_among_forty_seeds() -> None:
    summary, _ = await result_of(Plan(40, 20, chaos=False, random_seed=1))
    assert summary.is_good, summary.lines()
    assert summary.matches == 20
    assert summary.neighbours.max < 30, "a seed that knows everybody joined by too much work"


@pytest.mark.slow
@pytest.mark.long
@pytest.mark.parametrize("random_seed", [1, 2, 3])
async def test_everybody_meets_whatever_goes_wrong(random_seed: int) -> None:
    summary, told = await result_of(Plan(24, 8, chaos=True, random_seed=random_seed))
    assert summary.is_good, summary.lines()
    assert summary.rounds >= 3
    assert told.count("killed") == summary.killed == 6
    assert told.count("started") == 6
    assert told.count("reached again") == summary.cut_off == 2 * sockets.CAN_CUT_OFF


@pytest.mark.slow  # people who met count again after 15 s
async def test_a_lab_of_one_seed_and_two_people() -> None:
    summary, _ = await result_of(Plan(1, 1, chaos=True, random_seed=1))
    assert summary.is_good
    assert summary.matches == 3, "with the same stranger, for there is no other"


@asynccontextmanager
async def person(seeds: Town, home: Path, *contacts: int, clock_error: float = 0.0) -> AsyncGenerator[Person]:
    """Run somebody who knows these seeds."""
    someone = Person(0, clock_error)
    async with trio.open_nursery() as nursery:
        known = [seeds.residents[number].address for number in contacts]
        nursery.start_soon(someone.live, settings_of(seeds.network, known, home))
        yield someone
        nursery.cancel_scope.cancel()


@pytest.mark.parametrize("nature", [nature for nature in Nature if nature is not Nature.HONEST])
async def test_seeds_that_lie_cost_a_search_5_s_at_most(nature: Nature, tmp_path: Path) -> None:
    with trio.fail_after(PATIENCE):
        async with town(6, nature, nature) as seeds:
            async with person(seeds, tmp_path / "first", 0, 6, 7) as first, trio.open_nursery() as nursery:
                nursery.start_soon(first.chat)
                async with person(seeds, tmp_path / "second", 0, 7) as second:
                    await second.chat()
            assert first.meetings[0].words == second.meetings[0].words
            assert second.meetings[0].milliseconds < 1000 * (QUIET + A_LIE)


@pytest.mark.parametrize("clock_error", [-900.0, 900.0])
async def test_somebody_whose_clock_is_wrong_is_found(clock_error: float, tmp_path: Path) -> None:
    with trio.fail_after(PATIENCE):
        async with (
            town(6) as seeds,
            person(seeds, tmp_path / "early", 0, clock_error=clock_error) as first,
            person(seeds, tmp_path / "right", 1) as second,
            trio.open_nursery() as nursery,
        ):
            nursery.start_soon(first.chat)
            nursery.start_soon(second.chat)


@pytest.mark.skipif(not sockets.CAN_CUT_OFF, reason="packets can be dropped so on Linux only")
async def test_a_seed_that_is_cut_off_is_silent_until_it_is_reached_again() -> None:
    with trio.fail_after(PATIENCE):
        async with town(1) as seeds, Host.open(token_bytes(32)) as host:
            address = seeds.residents[0].address
            assert address.peer is not None
            where = str(address.bare)
            seeds.cut_off(0)
            with pytest.raises(DialError, match="no answer in time"):
                await host.dial(where, address.peer, timeout=0.5)
            seeds.reach(0)
            (await host.dial(where, address.peer)).close()
