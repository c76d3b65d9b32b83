"""Which of its own addresses a seed tells others of, whatever its interfaces have, and what its owner hears."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from passerby.crypto.keys import SigningKey
from passerby.discovery.addresses import Address, Scope, parse
from passerby.discovery.seedrecord import SeedRecord
from passerby.node.seeding.ownaddresses import by_scope, untold

PEER = "12D3KooWD3eckifWpRn9wQpMG9R9hX3sD158z7EqHWmweQAJU5SA"
PUBLIC = SigningKey.from_seed(bytes(32)).public


def at(host: str, port: int = 7171) -> Address:
    return parse(f"/{'ip6' if ':' in host else 'ip4'}/{host}/tcp/{port}/p2p/{PEER}")


@pytest.mark.parametrize(
    "host", ["192.0.2.2", "192.0.0.2", "198.18.0.1", "2002:c000:204::1", "2001:db8::2", "fec0::1", "64:ff9b::1"]
)
def test_an_address_that_nobody_may_dial_is_left_out_and_named_to_the_owner(host: str) -> None:
    machine = at("127.0.0.1")
    assert by_scope([machine, at(host)]) == {Scope.MACHINE: (machine.bare,)}
    assert untold([machine, at(host)]) == [f"Nobody is told of {host}: on the Internet such addresses lead nowhere."]


def test_each_scope_has_its_own_and_the_internet_hears_of_ipv4_alone() -> None:
    machine, lan, four, six = at("127.0.0.1"), at("10.0.0.7"), at("1.1.1.1"), at("2606:4700::1")
    assert by_scope([four, six, lan, machine]) == {
        Scope.MACHINE: (machine.bare,),
        Scope.LAN: (lan.bare,),
        Scope.PUBLIC: (four.bare,),
    }
    assert by_scope([six]) == {Scope.PUBLIC: (six.bare,)}
    assert untold([four, six, lan, machine]) == []


def test_a_name_has_no_scope() -> None:
    assert by_scope([parse("/dns4/seed.example/tcp/7171")]) == {}


def test_a_port_that_nobody_dials_is_told_once_and_those_of_the_web_are_dialled() -> None:
    assert by_scope([at("127.0.0.1", 22), at("1.1.1.1", 22)]) == {}
    assert untold([at("127.0.0.1", 22), at("192.0.2.2", 22)]) == [
        "Nobody is told of port 22: below 1024 others dial 80 and 443 only. Choose another with --listen."
    ]
    assert untold([at("127.0.0.1", 80), at("1.1.1.1", 443)]) == []
    assert untold([at("1.1.1.1", 1024)]) == []


hosts = st.ip_addresses().map(str)


@given(st.lists(st.builds(at, hosts, st.integers(1, 65_535)), max_size=8))
def test_what_is_told_makes_a_record_whatever_the_interfaces_have(addresses: list[Address]) -> None:
    for scope, told in by_scope(addresses).items():
        assert SeedRecord(PUBLIC, told[:4], issued=0).scope is scope
        assert len({address.family for address in told}) == 1 or scope is not Scope.PUBLIC
