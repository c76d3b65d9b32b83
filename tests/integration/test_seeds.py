"""First contacts: named seeds, remembered ones, and what happens when they are silent or come back."""

import secrets
import socket

import trio

from passerby.crypto.keys import SigningKey, peer_id_of
from passerby.discovery.addresses import Scope, parse_seed
from passerby.discovery.peerids import peer_id_text
from passerby.discovery.searching.knownseed import Known
from passerby.discovery.searching.searchevents import Origin
from passerby.node.events import Ended, Failed, Finished, Matched, Search, State, StateChanged, Stop
from passerby.node.firstcontacts import remembered
from passerby.node.firstcontacts.remembered import decode
from passerby.node.seeding.seed import Seed
from support.people import matched, person, settings
from support.seeds import LISTEN
from support.seeds import seed as open_seed

PATIENCE = 30.0


def silent_seed() -> str:
    """Return an address of this machine where nobody answers: port 9 is the discard service, which nobody runs."""
    peer = peer_id_of(SigningKey.from_seed(secrets.token_bytes(32)).public)
    return f"/ip4/127.0.0.1/tcp/9/p2p/{peer_id_text(peer)}"


async def test_people_meet_at_a_named_seed_and_it_is_remembered() -> None:
    with trio.fail_after(PATIENCE):
        async with open_seed() as seed:
            address = str(seed.addresses[0])
            named = settings(network_seeds=(address,), network_local=False)
            async with person(named) as one, person(named) as other:
                await matched(one, other)
                assert one.all(StateChanged)[-1].named == 1
                assert not one.all(Ended)
            (known,) = remembered.load(named.folders, named.network)
            assert known.addresses == (seed.addresses[0].bare,)
            again = settings(network_local=False)
            async with person(again) as one, person(again) as other:
                await matched(one, other)


async def test_a_remembered_seed_that_is_gone_is_not_missed() -> None:
    with trio.fail_after(PATIENCE):
        of = settings()
        gone = parse_seed(silent_seed())
        assert gone.peer is not None
        answered = Known(gone.peer, Scope.MACHINE, Origin.NAMED, (gone.bare,), answered=1.0)
        remembered.save(of.folders, of.network, [answered])
        async with person(of) as one:
            await one.do(Search())
            told = await one.expect(StateChanged, lambda event: event.state is State.EMPTY)
            assert told.named == 0
            assert all(event.state is not State.NO_SEED for event in one.all(StateChanged))
        (left,) = decode((of.folders.state / "seeds.json").read_bytes())
        assert left.failures == 1


async def test_a_seed_that_is_named_by_two_addresses_is_one_seed() -> None:
    gone = trio.Event()
    ready, seeds = trio.open_memory_channel[Seed](1)

    async def serve() -> None:
        async with open_seed(listen=(*LISTEN, "/ip6/::1/tcp/0")) as seed:
            await ready.send(seed)
            await gone.wait()

    with trio.fail_after(PATIENCE):
        async with trio.open_nursery() as nursery:
            nursery.start_soon(serve)
            seed = await seeds.receive()
            named = settings(network_seeds=tuple(map(str, seed.addresses)), network_local=False)
            async with person(named) as one, person(named) as other:
                await matched(one, other)
                assert one.all(StateChanged)[-1].named == 1
                gone.set()
                await one.say("the seed is gone")
                assert await other.hear(1) == ["the seed is gone"]
                await one.do(Stop())
                await one.do(Search())
                await one.expect(StateChanged, lambda event: event.state is State.NO_SEED)


async def test_a_silent_seed_is_told_of_once_a_try() -> None:
    with trio.fail_after(PATIENCE):
        async with person(settings(network_seeds=(silent_seed(),))) as one:
            await one.do(Search())
            await one.expect(StateChanged, lambda event: event.state is State.NO_SEED)
            await one.expect(StateChanged, lambda event: event.state is State.NO_SEED and event.seeds == 1)
            with trio.move_on_after(1.5):  # the local seed is asked meanwhile; the next try is further away
                await one.expect(StateChanged)
                raise AssertionError("nothing changed but the clock")


async def test_where_the_named_seed_is_silent_this_machine_is_searched_too() -> None:
    with trio.fail_after(PATIENCE):
        named = settings(network_seeds=(silent_seed(),))
        async with person(named) as one, person(named) as other:
            await one.do(Search())
            told = await one.expect(StateChanged, lambda event: event.state is State.NO_SEED)
            assert told.named == 1
            await matched(other)
            await one.expect(Matched)


async def test_somebody_else_at_the_address_of_a_seed_is_no_seed() -> None:
    with trio.fail_after(PATIENCE):
        async with open_seed() as seed:
            stranger = silent_seed().rpartition("/")[2]
            address = f"{str(seed.addresses[0]).rpartition('/')[0]}/{stranger}"
            async with person(settings(network_seeds=(address,), network_local=False)) as one:
                await one.do(Search())
                await one.expect(StateChanged, lambda event: event.state is State.NO_SEED)
            assert seed.counts()[1:] == (0, 0)


def free_port() -> int:
    """Return a port that nobody listens on at this moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


async def test_a_seed_that_comes_back_has_its_guests_back() -> None:
    with trio.fail_after(PATIENCE):
        key = secrets.token_bytes(32)
        place = f"/ip4/127.0.0.1/tcp/{free_port()}"
        address = f"{place}/p2p/{peer_id_text(peer_id_of(SigningKey.from_seed(key).public))}"
        named = settings(network_seeds=(address,), network_local=False)
        async with person(named) as one, person(named) as other:
            async with open_seed(key=key, listen=(place,)):
                await one.do(Search())
                await one.expect(StateChanged, lambda event: event.state is State.EMPTY)
            await one.expect(StateChanged, lambda event: event.state is State.NO_SEED)
            async with open_seed(key=key, listen=(place,)):
                await matched(other)
                await one.expect(Matched)


async def test_a_seed_beyond_this_machine_is_refused_until_there_are_relays() -> None:
    with trio.fail_after(PATIENCE):
        peer = silent_seed().rpartition("/")[2]
        for seed, code in (
            (f"/ip4/192.0.2.7/tcp/7171/p2p/{peer}", "needs-relay"),
            ("/dnsaddr/seeds.example", "needs-relay"),
            (f"/ip4/192.168.1.7/tcp/7171/p2p/{peer}", "needs-lan"),
        ):
            async with person(settings(network_seeds=(seed,))) as one:
                assert (await one.expect(Failed)).code == code
                assert (await one.expect(Finished)).exit_code == 7


async def test_a_seed_remembered_from_out_of_reach_is_passed_over() -> None:
    with trio.fail_after(PATIENCE):
        of = settings()
        far = parse_seed(silent_seed().replace("127.0.0.1", "192.168.1.7"))
        assert far.peer is not None
        remembered.save(of.folders, of.network, [Known(far.peer, Scope.LAN, Origin.NAMED, (far.bare,), answered=1.0)])
        async with person(of) as one, person(of) as other:
            await matched(one, other)
