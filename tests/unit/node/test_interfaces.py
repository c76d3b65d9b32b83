"""Which of the machine's addresses a local network can use, and when the network counts as changed."""

import errno
import resource
from collections.abc import Generator
from contextlib import contextmanager

import pytest
import trio
import trio.testing

from passerby.node.firstcontacts.interfaces import POLL, NetworkWatch, own_lan_hosts, read_interfaces
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
        self.fails = 0
        self.watch = NetworkWatch(lambda: self.offset, self.read)

    def read(self) -> list[Interface]:
        self.fail()
        return self.interfaces

    def fail(self) -> None:
        """Have no descriptor left, `fails` times."""
        if self.fails:
            self.fails -= 1
            raise OSError(errno.EMFILE, "Too many open files")


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


@contextmanager
def no_descriptor_left() -> Generator[None]:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (0, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def test_who_cannot_look_does_not_take_it_for_no_network() -> None:
    with no_descriptor_left(), pytest.raises(OSError, match="Too many open files"):
        own_lan_hosts()


async def test_a_look_that_fails_changes_nothing_and_the_next_one_counts(
    autojump_clock: trio.testing.MockClock,
) -> None:
    world = World()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(world.watch.run, world.told.append)
        await trio.sleep(POLL / 2)
        world.fails = 3
        await trio.sleep(10 * POLL)
        assert (world.fails, world.told) == (0, [])
        world.interfaces, world.fails = [Interface("10.0.0.9")], 3
        await trio.sleep(10 * POLL)
        assert world.told == [{"10.0.0.9"}]
        nursery.cancel_scope.cancel()


async def test_who_could_not_look_at_first_is_told_what_is_there(autojump_clock: trio.testing.MockClock) -> None:
    world = World()
    world.fails = 1
    async with trio.open_nursery() as nursery:
        nursery.start_soon(world.watch.run, world.told.append)
        await trio.sleep(10 * POLL)
        assert world.told == [{"192.168.1.5"}]
        nursery.cancel_scope.cancel()


async def test_who_has_to_look_closer_and_cannot_is_told_again(autojump_clock: trio.testing.MockClock) -> None:
    world = World()
    looks = 0

    def changed(hosts: frozenset[str]) -> None:
        nonlocal looks
        looks += 1
        if looks < 3:
            raise OSError(errno.EMFILE, "Too many open files")
        world.told.append(hosts)

    async with trio.open_nursery() as nursery:
        nursery.start_soon(world.watch.run, changed)
        await trio.sleep(POLL / 2)
        world.interfaces = [Interface("10.0.0.9")]
        await trio.sleep(10 * POLL)
        assert looks == 3
        assert world.told == [{"10.0.0.9"}]
        nursery.cancel_scope.cancel()
