"""A seed's own addresses: it serves whatever its interfaces have, and says where it is reached."""

import secrets

import pytest
import trio
import trio.testing
from multiaddr import Multiaddr  # type: ignore[import-untyped]  # it has no types

from passerby.crypto.keys import SigningKey
from passerby.discovery.addresses import Address, Scope, parse
from passerby.discovery.rooms import NO_WORK
from passerby.discovery.seeding.service import unix_minus_now
from passerby.node import listening
from passerby.node.firstcontacts.names import Names
from passerby.node.host import Host
from passerby.node.seeding.joining import Joining
from passerby.node.seeding.neighbourhood import Neighbourhood
from passerby.node.seeding.seed import Seed
from support.people import settings
from support.seeds import seed

PATIENCE = 20.0
TUNNELS = ("/ip4/192.0.2.2", "/ip4/192.0.0.2", "/ip4/198.18.0.1", "/ip6/2002:c000:204::1", "/ip6/fec0::1")


async def test_a_seed_serves_although_an_interface_has_an_address_that_nobody_may_dial() -> None:
    key = secrets.token_bytes(32)
    ours = [parse(f"{host}/tcp/7171") for host in (*TUNNELS, "/ip4/10.0.0.7", "/ip4/127.0.0.1")]
    counted = trio.Event()

    def addresses() -> list[Address]:
        counted.set()
        return ours

    with trio.fail_after(PATIENCE):
        async with Host.open(key) as host, trio.open_nursery() as nursery:
            known = Neighbourhood(host, SigningKey.from_seed(key), "main", 0, lambda: (0, NO_WORK), unix_minus_now)
            nursery.start_soon(known.run, addresses, ())
            await counted.wait()
            await trio.testing.wait_all_tasks_blocked()
            assert known.counts() == {Scope.MACHINE: 0, Scope.LAN: 0}
            nursery.cancel_scope.cancel()


async def test_in_another_network_a_seed_tells_where_it_is_reached_there(monkeypatch: pytest.MonkeyPatch) -> None:
    moved: list[Seed] = []

    def note(one: Seed) -> None:
        moved.append(one)

    monkeypatch.setattr(Seed, "moved", note)
    with trio.fail_after(PATIENCE):
        async with seed() as one:
            joining = Joining(one, settings(), Names(), print)
            joining._network_changed(frozenset())  # pyright: ignore[reportPrivateUsage]  # only a machine that moves calls it
            assert moved == [one]


@pytest.mark.parametrize(("family", "loopback"), [("ip4", "127.0.0.1"), ("ip6", "::1")])
def test_where_a_machine_has_no_other_address_its_loopback_is_told(
    family: str, loopback: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    everything = {"ip4": "/ip4/0.0.0.0/tcp/7171", "ip6": "/ip6/::/tcp/7171"}[family]
    own = f"/{family}/{loopback}/tcp/7171"

    def one_interface(port: int) -> list[Multiaddr]:
        return [Multiaddr(f"/ip4/10.0.0.7/tcp/{port}")]

    def only_loopback(_port: int) -> list[Multiaddr]:
        return [Multiaddr(own)]

    monkeypatch.setattr(listening, "get_available_interfaces", one_interface)
    others = ["/ip4/10.0.0.7/tcp/7171"] if family == "ip4" else []
    assert list(listening.concrete([Multiaddr(everything)])) == [*others, own]
    monkeypatch.setattr(listening, "get_available_interfaces", only_loopback)
    assert list(listening.concrete([Multiaddr(everything)])) == [own], "and once"
