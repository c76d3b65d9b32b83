"""Nobody dials a peer that left: its tickets vanish with its streams, however it ended (protocol.md 3)."""

import signal

import pytest
import trio

from passerby.discovery.rooms import ANYBODY
from passerby.node.events import Search, State, StateChanged
from passerby.node.lab.town import Town
from support.people import person, settings
from support.programs import chat
from support.towns import holders, homes, town, until

PATIENCE = 60.0
GONE = 0.2  # seconds after kill -9 from which on a search dials nobody
SEEDS = 8


def addresses(seeds: Town, *numbers: int) -> tuple[str, ...]:
    return tuple(str(seeds.residents[number].address) for number in numbers)


@pytest.mark.usefixtures("consented")
async def test_a_search_200_ms_after_kill_9_dials_nobody() -> None:
    with trio.fail_after(PATIENCE):
        async with town(SEEDS) as seeds:
            known = addresses(seeds, *range(SEEDS))
            named = settings(network_seeds=known, network_local=False)
            async with chat(*(word for address in known for word in ("--seed", address))) as program:
                await program.state("empty")
                await until(lambda: holders(seeds, ANYBODY) >= homes(seeds, ANYBODY))
                program.send_signal(signal.SIGKILL)
                await program.process.wait()
                with trio.fail_after(GONE):
                    await until(lambda: not holders(seeds, ANYBODY))
                async with person(named) as newcomer:
                    await newcomer.do(Search())
                    await newcomer.expect(StateChanged, lambda event: event.state is State.EMPTY)
                    assert all(event.seen == 0 for event in newcomer.all(StateChanged))
