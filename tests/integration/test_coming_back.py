"""Coming back without help: after sleep, after all seeds restarted; and what a killed program or a seed remembers."""

import secrets
import socket
import subprocess
from collections.abc import AsyncGenerator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager

import pytest
import trio

from passerby.crypto.keys import SigningKey, peer_id_of
from passerby.discovery.addresses import Scope
from passerby.discovery.peerids import peer_id_text
from passerby.discovery.seeding.service import unix_minus_now
from passerby.node.events import Matched, Search, State, StateChanged
from passerby.node.firstcontacts import remembered, surroundings
from passerby.node.firstcontacts.names import Names
from passerby.node.seeding.joining import Joining
from passerby.node.seeding.seed import Seed
from support.people import Person, person, settings
from support.programs import PASSERBY
from support.seeds import LISTEN
from support.seeds import seed as open_seed

PATIENCE = 60.0


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def place_of(key: bytes) -> tuple[str, str]:
    """Return a free address of this machine, bare, and with the peer id of a seed there."""
    where = f"/ip4/127.0.0.1/tcp/{free_port()}"
    return where, f"{where}/p2p/{peer_id_text(peer_id_of(SigningKey.from_seed(key).public))}"


async def empty(one: Person) -> None:
    await one.do(Search())
    await one.expect(StateChanged, lambda event: event.state is State.EMPTY)


# ---- seeds restart


@asynccontextmanager
async def running(*commands: Sequence[str]) -> AsyncGenerator[None]:
    """Run seeds as programs of their own, from when they serve; kill -9 at the end."""
    processes: list[trio.Process] = []
    try:
        for command in commands:
            processes.append(
                await trio.lowlevel.open_process(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
            )
        for process in processes:
            assert process.stdout is not None
            assert await process.stdout.receive_some()
        yield
    finally:
        with trio.CancelScope(shield=True):
            for process in processes:
                process.kill()
                await process.wait()
                if process.stdout is not None:
                    await process.stdout.aclose()


async def test_all_seeds_restart_and_who_waits_is_found_within_5_s(
    monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory
) -> None:
    commands: list[Sequence[str]] = []
    addresses: list[str] = []
    for _ in range(3):
        home = tmp_path_factory.mktemp("seed")
        key = secrets.token_bytes(32)
        (home / "key").write_bytes(key)
        where, address = place_of(key)
        addresses.append(address)
        env = f"PASSERBY_HOME={home}"
        commands.append(["env", env, str(PASSERBY), "seed", "run", "--listen", where, "--key", str(home / "key")])
    with trio.fail_after(PATIENCE):
        named = settings(network_seeds=tuple(addresses), network_local=False)
        async with AsyncExitStack() as people:
            async with running(*commands):
                one = await people.enter_async_context(person(named))
                await empty(one)
            await one.expect(StateChanged, lambda event: event.state is State.NO_SEED)
            async with running(*commands):
                back = trio.current_time()
                other = await people.enter_async_context(person(named))
                await other.do(Search())
                await one.expect(Matched)
                assert trio.current_time() - back < 5.0


# ---- sleep


class Clock:
    """A wall clock beside the monotonic one, which stands still while a machine sleeps."""

    def __init__(self, slept: float = 0.0) -> None:
        self.slept = slept

    def __call__(self) -> float:
        return unix_minus_now() + self.slept


async def test_who_slept_tries_at_once_what_had_failed() -> None:
    key, clock = secrets.token_bytes(32), Clock()
    where, address = place_of(key)
    with trio.fail_after(PATIENCE):
        async with person(settings(network_seeds=(address,), network_local=False), clock=clock) as one:
            await one.do(Search())
            awake = Clock(3600.0)
            failed = await one.expect(StateChanged, lambda event: event.state is State.NO_SEED and bool(event.retry))
            again = trio.current_time() + (failed.retry or 0.0)
            async with open_seed(key=key, listen=(where,), clock=awake):
                clock.slept = 3600.0
                await one.expect(StateChanged, lambda event: event.state is State.EMPTY)
                assert trio.current_time() < again, "it did not wait until the next try was due"


async def test_people_who_slept_over_an_edge_meet_in_the_room_of_now() -> None:
    clock = Clock()
    with trio.fail_after(PATIENCE):
        async with open_seed(clock=Clock(7 * 3600.0)) as seed:
            named = settings(network_seeds=(str(seed.addresses[0]),), network_local=False)
            async with person(named, clock=clock) as one:
                await one.do(Search())
                clock.slept = 7 * 3600.0
                async with person(named, clock=clock) as other:
                    await other.do(Search())
                    await one.expect(Matched)


# ---- memory


async def test_seeds_that_answered_are_remembered_by_who_is_killed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(surroundings, "FIRST_MEMORY", 0.3)  # instead of 10 s
    with trio.fail_after(PATIENCE):
        async with open_seed() as seed:
            of = settings(network_seeds=(str(seed.addresses[0]),), network_local=False)
            async with person(of) as one:
                await empty(one)
                while not remembered.load(of.folders, of.network):  # noqa: ASYNC110 - nobody is told of it
                    await trio.sleep(0.05)
                (known,) = remembered.load(of.folders, of.network)
                assert known.seed == seed.peer_id


async def test_nothing_is_written_once_somebody_was_met(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(surroundings, "FIRST_MEMORY", 1.0)
    with trio.fail_after(PATIENCE):
        async with open_seed() as seed:
            of = settings(network_seeds=(str(seed.addresses[0]),), network_local=False)
            async with person(of) as one, person(of) as other:
                await one.do(Search())
                await other.do(Search())
                await one.expect(Matched)
                await trio.sleep(1.5)  # the time of writing passes
                assert remembered.load(of.folders, of.network) == []
            assert remembered.load(of.folders, of.network) != []


async def joined(seed: Seed) -> None:
    while not seed.neighbours().get(Scope.MACHINE):  # noqa: ASYNC110 - nobody is told of it
        await trio.sleep(0.05)


async def test_a_seed_joins_again_although_nobody_names_the_others() -> None:
    of = settings()
    key = secrets.token_bytes(32)
    with trio.fail_after(PATIENCE):
        async with open_seed() as other:
            async with open_seed(other.addresses[0], key=key, listen=LISTEN) as seed:
                await joined(seed)
                await Joining(seed, of, Names(), print).remember()
            earlier = remembered.load(of.folders, of.network)
            assert [each.seed for each in earlier] == [other.peer_id]
            async with open_seed(key=key, listen=LISTEN) as seed, trio.open_nursery() as nursery:
                nursery.start_soon(Joining(seed, of, Names(), print).run, earlier)
                await joined(seed)
                nursery.cancel_scope.cancel()


async def test_a_seed_finds_the_others_that_its_settings_name() -> None:
    with trio.fail_after(PATIENCE):
        async with open_seed() as other, open_seed() as seed, trio.open_nursery() as nursery:
            of = settings(network_seeds=(str(other.addresses[0]).replace("/ip4/127.0.0.1", "/dns4/localhost"),))
            nursery.start_soon(Joining(seed, of, Names(), print).run, ())
            await joined(seed)
            nursery.cancel_scope.cancel()
