"""Two machines of one local network: with `--lan` strangers meet there, without it nothing leaves a machine."""

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
import trio

from support.lan import CABLE, Machine, lan, missing
from support.programs import PASSERBY, matched

PATIENCE = 60.0
LACKING = missing()

pytestmark = [pytest.mark.natlab, pytest.mark.skipif(bool(LACKING), reason=LACKING)]


@pytest.fixture
def machines(tmp_path: Path) -> Iterator[list[Machine]]:
    with lan(tmp_path, 2) as both:
        yield both


async def test_two_machines_meet_without_configuration(machines: list[Machine]) -> None:
    here, there = machines
    with trio.fail_after(PATIENCE):
        async with here.chat("--lan") as one, there.chat("--lan") as other:
            mine, theirs = await one.expect("matched"), await other.expect("matched")
            assert (mine["exposure"], mine["address"]) == ("lan", "10.77.0.1")
            assert (theirs["exposure"], theirs["address"]) == ("lan", "10.77.0.2")
            assert mine["verify"] == theirs["verify"]
            await one.write("hello")
            assert await other.hear(1) == ["hello"]


async def test_they_meet_however_late_the_second_comes(machines: list[Machine]) -> None:
    here, there = machines
    with trio.fail_after(PATIENCE):
        async with here.chat("--lan") as one:
            state = await one.state("empty")
            assert state["scope"] == "lan"
            async with there.chat("--lan") as other:
                await matched(one, other)


async def test_two_of_one_machine_and_one_of_another_find_each_other(machines: list[Machine]) -> None:
    here, there = machines
    with trio.fail_after(PATIENCE):
        async with here.chat("--lan") as one, here.chat("--lan") as two:
            await matched(one, two)
            async with here.chat("--lan") as three, there.chat("--lan") as four:
                await matched(three, four)


async def test_without_it_no_packet_leaves_and_nobody_listens(machines: list[Machine]) -> None:
    here, there = machines
    with trio.fail_after(PATIENCE):
        async with here.chat() as one, there.chat("--lan", "--timeout", "6") as other:
            await one.state("empty")
            assert await other.exit_code() == 4
            assert not one.all("matched")
            assert here.datagrams_sent() == 0
            assert here.listening_beyond_loopback() == []
            assert there.datagrams_sent() > 0, "else the count proves nothing"


async def test_who_moves_to_another_address_is_found_there(machines: list[Machine]) -> None:
    here, there = machines
    with trio.fail_after(PATIENCE):
        async with here.chat("--lan") as one:
            await one.state("empty")
            here.have(99)
            async with there.chat("--lan") as other:
                assert (await one.expect("matched"))["address"] == "10.77.0.99"
                await matched(other)


async def test_who_had_no_network_is_found_when_it_is_there(machines: list[Machine]) -> None:
    here, there = machines
    with trio.fail_after(PATIENCE):
        here.ip("link", "set", CABLE, "down")
        async with here.chat("--lan") as one, there.chat("--lan") as other:
            await one.expect("warning", lambda line: "no local network" in str(line["text"]))
            assert (await one.state("empty"))["scope"] == "machine"
            await other.state("empty")
            here.ip("link", "set", CABLE, "up")
            await matched(one, other)


async def test_a_seed_in_the_local_network_wants_lan(machines: list[Machine]) -> None:
    here, there = machines
    with trio.fail_after(PATIENCE):
        command = [*here.within, str(PASSERBY), "seed", "run", "--listen", "/ip4/10.77.0.1/tcp/7171"]
        process = await trio.lowlevel.open_process(command, stdout=subprocess.PIPE, env=here.env)
        try:
            assert process.stdout is not None
            address = (await process.stdout.receive_some()).decode().strip()
            async with there.chat("--seed", address) as refused:
                assert (await refused.expect("error"))["code"] == "needs-lan"
                assert await refused.exit_code() == 7
            async with here.chat("--seed", address, "--lan") as one, there.chat("--seed", address, "--lan") as other:
                await matched(one, other)
        finally:
            process.terminate()
            await process.wait()
