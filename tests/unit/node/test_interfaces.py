"""Which of the machine's addresses a local network can use, and when the network counts as changed."""

import pytest
import trio
import trio.testing

from passerby.node.firstcontacts.interfaces import POLL, NetworkWatch, read_interfaces
from passerby.node.firstcontacts.lanhosts import Interface, lan_hosts, reaching

WIFI = Interface("192.168.1.5")


@pytest.mark.parametrize(
    ("interfaces", "preferred", "hosts"),
    [
        ([], "", ()),
        ([Interface("127.0.0.1"), Interface("::1"), Interface("fe80::1%eth0")], "", ()),
        ([Interface("1.1.1.1"), Interface("2600::1")], "1.1.1.1", ()),
        ([Interface("fd00::5"), WIFI], "", ("192.168.1.5", "fd00::5")),
        ([Interface("10.0.0.1"), WIFI], "192.168.1.5", ("192.168.1.5", "10.0.0.1")),
        ([Interface("169.254.9.9"), Interface("fd00::5")], "", ("fd00::5", "169.254.9.9")),
        ([Interface("10.0.0.1"), Interface("10.0.0.2"), Interface("10.0.0.3")], "10.0.0.3", ("10.0.0.3", "10.0.0.1")),
        ([Interface("172.17.0.1", running=False), WIFI], "", ("192.168.1.5",)),
        ([Interface("10.8.0.2", shared=False), WIFI], "10.8.0.2", ("192.168.1.5",)),
        ([WIFI, WIFI], "", ("192.168.1.5",)),
    ],
)
def test_the_best_two_that_others_can_dial(interfaces: list[Interface], preferred: str, hosts: tuple[str, ...]) -> None:
    assert lan_hosts(interfaces, preferred) == hosts


def test_what_reaches_beyond_the_machine() -> None:
    there = [WIFI, Interface("1.1.1.1"), Interface("10.8.0.2", shared=False)]
    away = [Interface("127.0.0.1"), Interface("fe80::1%eth0"), Interface("10.0.0.1", running=False)]
    assert reaching(there + away) == {"192.168.1.5", "1.1.1.1", "10.8.0.2"}


def test_the_real_ones_have_loopback() -> None:
    assert Interface("127.0.0.1", running=True, shared=False) in read_interfaces()


class World:
    """A machine whose addresses and wall clock are as the test says."""

    def __init__(self) -> None:
        self.interfaces = [WIFI]
        self.offset = 1000.0
        self.told: list[frozenset[str]] = []
        self.watch = NetworkWatch(lambda: self.offset, lambda: self.interfaces)


async def test_a_change_is_told_once(autojump_clock: trio.testing.MockClock) -> None:
    world = World()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(world.watch.run, world.told.append)
        await trio.sleep(10 * POLL)
        assert world.told == []
        world.interfaces = [Interface("10.0.0.9")]
        assert await world.watch.changed_within(2 * POLL)
        assert not await world.watch.changed_within(10 * POLL)
        assert world.told == [{"10.0.0.9"}]
        nursery.cancel_scope.cancel()


async def test_a_machine_that_slept_counts_as_elsewhere(autojump_clock: trio.testing.MockClock) -> None:
    world = World()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(world.watch.run, world.told.append)
        await trio.sleep(2 * POLL)
        world.offset += 0.5
        assert not await world.watch.changed_within(2 * POLL), "clocks drift"
        world.offset += 3600
        assert await world.watch.changed_within(2 * POLL)
        assert world.told == [{"192.168.1.5"}]
        nursery.cancel_scope.cancel()
