"""First contacts: what a name server or a local network says ends no run, and cuts no seed that is there."""

from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace

import pytest
import trio
from trio.testing import MockClock

from passerby.crypto.keys import SigningKey, peer_id_of
from passerby.discovery.addresses import Address, Family, Scope, parse
from passerby.discovery.limits import FIRST_RETRY
from passerby.discovery.searching.searchevents import Introduced, Origin, Tick, Withdrawn
from passerby.discovery.searching.seedbook import SeedBook
from passerby.discovery.searching.seednames import SeedName
from passerby.node.events import Failed
from passerby.node.firstcontacts.announced import IsSilent
from passerby.node.firstcontacts.contacts import Contacts, Near, Sources
from passerby.node.firstcontacts.interfaces import NetworkWatch
from passerby.node.firstcontacts.lan import Lan
from passerby.node.firstcontacts.localseed import Visit
from passerby.node.firstcontacts.mdns import Found
from passerby.node.firstcontacts.names import Names
from passerby.node.home import locate

PID = peer_id_of(SigningKey.from_seed(bytes(32)).public)
NAME = Address(Family.DNS4, "seed.example", 7171, PID)
HERE, THERE = "127.0.0.1", "127.0.0.2"


class NameServer(Names):
    """Answers with the addresses that the test sets, and does `meanwhile` before it answers."""

    def __init__(self, *hosts: str) -> None:
        super().__init__()
        self.hosts: Sequence[str] = hosts
        self.meanwhile: Callable[[], None] = lambda: None
        self.asked = 0

    async def find(self, seed: Address | SeedName) -> tuple[Address, ...]:
        assert isinstance(seed, Address)
        self.asked += 1
        self.meanwhile()
        return tuple(replace(seed, family=Family.IP4, host=host) for host in self.hosts)


class Run:
    """The first contacts of one run, and what they tell: a book takes it, as the searcher would have it."""

    def __init__(self, names: NameServer, sources: Sources, lan: Lan | None = None) -> None:
        self.book = SeedBook()
        self.told: list[Introduced | Withdrawn | Tick] = []
        self.known_when_told: list[int] = []
        self.refused: list[Failed] = []
        watch = NetworkWatch(lambda: 0.0, list)
        self.contacts = Contacts(sources, Near(lan=lan), self.book, self._tell, self.refused.append, names, watch)

    def _tell(self, event: Introduced | Withdrawn | Tick) -> None:
        self.told.append(event)
        if isinstance(event, Introduced):
            self.book.introduce(event)
        elif isinstance(event, Withdrawn):
            self.book.withdraw(event.seed)
        self.known_when_told.append(len(self.book))

    @property
    def hosts(self) -> list[str]:
        known = self.book.get(PID)
        return [] if known is None else [address.host for address in known.addresses]


@asynccontextmanager
async def running(names: NameServer) -> AsyncGenerator[Run]:
    run = Run(names, Sources(names=[NAME]))
    async with trio.open_nursery() as nursery:
        nursery.start_soon(run.contacts.run)
        await trio.testing.wait_all_tasks_blocked()
        yield run
        nursery.cancel_scope.cancel()


async def test_all_who_are_known_from_the_start_are_in_the_book_before_a_plan_is_made() -> None:
    pids = [peer_id_of(SigningKey.from_seed(bytes([number]) * 32).public) for number in range(5)]
    seeds = [Introduced(pid, Scope.MACHINE, (parse("/ip4/127.0.0.1/tcp/7171"),), Origin.REMEMBERED) for pid in pids]
    run = Run(NameServer(), Sources(seeds=seeds))
    await run.contacts.run()
    assert run.known_when_told == [5], "else the first alone is connected, whatever the lot"


# ---- names


@pytest.mark.parametrize(("host", "code"), [("10.0.0.1", "needs-lan"), ("1.1.1.1", "needs-relay")])
async def test_a_name_that_leads_out_of_reach_is_refused(host: str, code: str, autojump_clock: MockClock) -> None:
    async with running(NameServer(host)) as run:
        assert [failed.code for failed in run.refused] == [code]
        assert run.hosts == []


async def test_a_name_that_led_somewhere_ends_no_run_when_it_leads_out_of_reach(autojump_clock: MockClock) -> None:
    names = NameServer(HERE)
    async with running(names) as run:
        for host in ("10.0.0.1", "1.1.1.1"):
            names.hosts = [host]
            await trio.sleep(100 * FIRST_RETRY)
            assert (run.refused, run.hosts) == ([], [HERE])
        assert names.asked > 3


async def test_a_host_that_moved_is_tried_where_it_is_now(autojump_clock: MockClock) -> None:
    names = NameServer(HERE)
    async with running(names) as run:
        names.hosts = [THERE]
        await trio.sleep(FIRST_RETRY + 1)
        assert run.hosts == [THERE]


async def test_a_seed_that_came_while_its_name_was_looked_up_is_not_cut(autojump_clock: MockClock) -> None:
    names = NameServer(HERE)
    async with running(names) as run:
        names.hosts, names.meanwhile = [THERE], lambda: run.book.up(PID, "", 0.0)
        await trio.sleep(100 * FIRST_RETRY)
        assert names.asked == 2, "who is there is looked up no more"
        assert not any(isinstance(event, Withdrawn) for event in run.told)
        assert run.hosts == [THERE, HERE]


# ---- the local network


class Announcements(Lan):
    """A local network of which the test tells: what multicast would."""

    def __init__(self) -> None:
        super().__init__("test", locate({"PASSERBY_HOME": "nowhere"}), print)

    async def run(self, visit: Visit, found: Found, lost: Found, is_silent: IsSilent) -> None:
        self.found, self.lost, self.is_silent = found, lost, is_silent


SEED = (replace(parse("/ip4/10.0.0.5/tcp/4001"), peer=PID),)
LIE = (replace(parse("/ip4/10.0.0.66/tcp/4001"), peer=PID),)


async def near(*seeds: Introduced) -> tuple[Run, Announcements]:
    lan = Announcements()
    run = Run(NameServer(), Sources(seeds=seeds), lan)
    await run.contacts.run()
    return run, lan


async def test_a_seed_that_was_found_and_said_goodbye_is_forgotten() -> None:
    run, lan = await near()
    lan.found(SEED)
    assert run.hosts == ["10.0.0.5"]
    lan.lost(SEED)
    assert run.hosts == []


@pytest.mark.parametrize("origin", [Origin.NAMED, Origin.REMEMBERED, Origin.LOCAL])
async def test_a_goodbye_makes_nobody_forget_who_is_known_otherwise(origin: Origin) -> None:
    run, lan = await near(Introduced(PID, Scope.LAN, (SEED[0].bare,), origin))
    lan.found(LIE)
    lan.lost(LIE)
    assert "10.0.0.5" in run.hosts
    assert not any(isinstance(event, Withdrawn) for event in run.told)


async def test_a_goodbye_cuts_no_seed_that_is_there() -> None:
    run, lan = await near()
    lan.found(SEED)
    run.book.up(PID, "", 0.0)
    lan.lost(SEED)
    assert run.hosts == ["10.0.0.5"]


async def test_a_goodbye_of_nobody_is_nothing() -> None:
    run, lan = await near()
    lan.lost(SEED)
    assert run.told == [Tick()]


async def test_who_was_tried_in_vain_is_silent_and_who_is_there_is_not() -> None:
    run, lan = await near()
    assert not lan.is_silent(PID)
    lan.found(SEED)
    assert not lan.is_silent(PID)
    run.book.failed(PID, 0.0)
    assert lan.is_silent(PID)
    run.book.up(PID, "", 0.0)
    assert not lan.is_silent(PID)
