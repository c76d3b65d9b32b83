"""Seeds behind names: lists in TXT records, asked for at a real name server; hosts, looked up as the system does."""

import socket

import pytest
import trio
import trio.abc

from passerby.crypto.keys import SigningKey, peer_id_of
from passerby.discovery.addresses import parse
from passerby.discovery.peerids import peer_id_text
from passerby.discovery.searching.seednames import ANSWERS, parse_named
from passerby.node.events import Ended, Failed, Finished, Search, State, StateChanged, Warned
from passerby.node.firstcontacts import contacts, names
from passerby.node.firstcontacts.names import Names
from support.nameserver import name_server
from support.people import matched, person, settings
from support.seeds import seed as open_seed

PATIENCE = 30.0
ONE, OTHER = (peer_id_text(peer_id_of(SigningKey.from_seed(bytes([number]) * 32).public)) for number in range(2))
PUBLIC = f"/ip4/1.1.1.1/tcp/7171/p2p/{ONE}"
NAMED = parse_named("/dnsaddr/seeds.example")


async def test_the_seeds_of_a_list_are_found() -> None:
    second = f"/ip6/2600::1/tcp/7171/p2p/{OTHER}"
    records = {"_dnsaddr.seeds.example": [f"dnsaddr={PUBLIC}", f"dnsaddr={second}", "something else"]}
    with trio.fail_after(PATIENCE):
        async with name_server(records) as server:
            assert set(await Names([server.address]).find(NAMED)) == {parse(PUBLIC), parse(second)}  # in any order
            (only,) = await Names([server.address]).find(parse_named(f"/dnsaddr/seeds.example/p2p/{OTHER}"))
            assert only == parse(second)


async def test_names_behind_names_are_followed_once() -> None:
    records = {
        "_dnsaddr.seeds.example": ["dnsaddr=/dnsaddr/more.example", f"dnsaddr={PUBLIC}"],
        "_dnsaddr.more.example": [f"dnsaddr={PUBLIC.replace('1.1.1.1', '1.1.1.2')}", "dnsaddr=/dnsaddr/far.example"],
        "_dnsaddr.far.example": [f"dnsaddr={PUBLIC.replace('1.1.1.1', '1.1.1.3')}"],
    }
    with trio.fail_after(PATIENCE):
        async with name_server(records) as server:
            found = await Names([server.address]).find(NAMED)
            assert [address.host for address in found] == ["1.1.1.1", "1.1.1.2"]
            assert server.asked == ["_dnsaddr.seeds.example", "_dnsaddr.more.example"]


async def test_a_name_that_leads_to_itself_ends() -> None:
    records = {"_dnsaddr.seeds.example": ["dnsaddr=/dnsaddr/seeds.example"] * 20}
    with trio.fail_after(PATIENCE):
        async with name_server(records) as server:
            assert await Names([server.address]).find(NAMED) == ()
            assert len(server.asked) <= 1 + ANSWERS


async def test_a_long_list_comes_over_tcp_and_sixteen_are_taken() -> None:
    many = [f"dnsaddr=/ip4/1.1.1.{number}/tcp/7171/p2p/{ONE}" for number in range(1, 60)]
    with trio.fail_after(PATIENCE):
        async with name_server({"_dnsaddr.seeds.example": many}, truncates=True) as server:
            assert len(await Names([server.address]).find(NAMED)) == ANSWERS


async def test_of_all_that_a_list_leads_to_sixteen_are_taken() -> None:
    lists = {
        f"_dnsaddr.list{number}.example": [f"dnsaddr=/ip4/1.1.{number}.{n}/tcp/7171/p2p/{ONE}" for n in range(1, 10)]
        for number in range(1, 30)
    }
    names = [f"dnsaddr=/dnsaddr/list{number}.example" for number in range(1, 30)]
    with trio.fail_after(PATIENCE):
        async with name_server({"_dnsaddr.seeds.example": names, **lists}) as server:
            assert len(await Names([server.address]).find(NAMED)) == ANSWERS == 16
            assert len(server.asked) == 1 + ANSWERS


async def test_no_answer_is_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(names, "LOOKUP_TIME", 0.5)  # instead of 5 s
    with trio.fail_after(PATIENCE):
        async with name_server({}) as server:
            assert await Names([server.address]).find(NAMED) == ()
        async with name_server({}, is_mute=True) as server:
            assert await Names([server.address]).find(NAMED) == ()


# ---- hosts


class Hosts(trio.abc.HostnameResolver):
    """What the system would answer, as the test has it."""

    def __init__(self) -> None:
        self.known: dict[str, str] = {}
        self.many: list[str] = []
        self.asked: list[str] = []

    async def getaddrinfo(  # type: ignore[override]
        self,
        host: bytes,
        port: int,
        family: int = 0,
        type: int = 0,  # noqa: A002 - its name is trio's
        proto: int = 0,
        flags: int = 0,
    ) -> list[tuple[socket.AddressFamily, socket.SocketKind, int, str, tuple[str, int]]]:
        name = host.decode()
        self.asked.append(name)
        if name not in self.known:
            raise socket.gaierror(socket.EAI_NONAME, "unknown")
        found = [self.known[name], *self.many]
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port)) for address in found]

    async def getnameinfo(self, sockaddr: tuple[str, int] | tuple[str, int, int, int], flags: int) -> tuple[str, str]:
        raise AssertionError("nobody is asked for the name of an address")


@pytest.fixture
def hosts() -> Hosts:
    return Hosts()


async def use(hosts: Hosts) -> None:
    trio.socket.set_custom_hostname_resolver(hosts)


async def test_a_host_is_looked_up_with_its_port_and_peer(hosts: Hosts) -> None:
    await use(hosts)
    hosts.known["seed.example"] = "1.1.1.1"
    assert await Names().find(parse_named(f"/dns4/seed.example/tcp/7171/p2p/{ONE}")) == (parse(PUBLIC),)
    assert await Names().find(parse_named(f"/dns4/other.example/tcp/7171/p2p/{ONE}")) == ()
    assert await Names().find(parse_named(PUBLIC)) == (parse(PUBLIC),)
    assert hosts.asked == ["seed.example", "other.example"]


async def test_of_the_addresses_of_a_host_sixteen_are_taken(hosts: Hosts) -> None:
    await use(hosts)
    hosts.known["seed.example"], hosts.many = "1.1.1.1", [f"1.1.2.{number}" for number in range(60)]
    assert len(await Names().find(parse_named(f"/dns4/seed.example/tcp/7171/p2p/{ONE}"))) == ANSWERS


async def test_people_meet_at_a_seed_whose_host_was_named(hosts: Hosts) -> None:
    await use(hosts)
    with trio.fail_after(PATIENCE):
        async with open_seed() as seed:
            hosts.known["seed.example"] = "127.0.0.1"
            address = str(seed.addresses[0]).replace("/ip4/127.0.0.1", "/dns4/seed.example")
            named = settings(network_seeds=(address,), network_local=False)
            async with person(named) as one, person(named) as other:
                await matched(one, other)
                assert one.all(StateChanged)[-1].named == 1


async def test_a_host_that_nobody_knows_is_a_silent_seed(hosts: Hosts) -> None:
    await use(hosts)
    with trio.fail_after(PATIENCE):
        named = settings(network_seeds=(f"/dns4/seed.example/tcp/7171/p2p/{ONE}",), network_local=False)
        async with person(named) as one:
            await one.do(Search())
            told = await one.expect(StateChanged, lambda event: event.state is State.NO_SEED and event.named == 1)
            assert told.retry is not None


@pytest.mark.parametrize(("host", "code"), [("1.1.1.1", "needs-relay"), ("10.0.0.1", "needs-lan")])
async def test_a_host_out_of_reach_is_refused_once_it_is_known(hosts: Hosts, host: str, code: str) -> None:
    await use(hosts)
    hosts.known["seed.example"] = host
    with trio.fail_after(PATIENCE):
        async with person(settings(network_seeds=(f"/dns4/seed.example/tcp/7171/p2p/{ONE}",))) as one:
            assert (await one.expect(Failed)).code == code
            assert (await one.expect(Finished)).exit_code == 7


async def test_a_host_that_turns_out_to_be_out_of_reach_ends_no_chat(
    hosts: Hosts, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(contacts, "FIRST_RETRY", 0.3)  # instead of 5 s
    await use(hosts)
    named = settings(network_seeds=(f"/dns4/seed.example/tcp/7171/p2p/{ONE}",))
    with trio.fail_after(PATIENCE):
        async with person(named) as one, person(named) as other:
            await matched(one, other)
            hosts.known["seed.example"] = "1.1.1.1"
            await one.expect(Warned, lambda event: "seed.example" in event.text)
            await one.say("still here?")
            assert await other.hear(1) == ["still here?"]
            for someone in (one, other):
                assert not someone.all(Ended) + someone.all(Failed) + someone.all(Finished)
