"""The list of the release is well-formed, and names public seeds only."""

import tomllib
from importlib.resources import files

import pytest

from passerby.discovery.addresses import Address, AddressError, Scope
from passerby.discovery.searching.seednames import SeedName
from passerby.node.firstcontacts.shipped import FILE, shipped_seeds

LISTED = """
main = ["/dnsaddr/seeds.example", "/ip4/1.1.1.1/tcp/7171/p2p/12D3KooWPhZRP5jzPLPoVF6XTXVLKw1deQBXY83yMmsKwn1f9rWe"]
"""


def test_every_seed_of_the_release_is_one() -> None:
    listed = tomllib.loads(files("passerby.discovery").joinpath(FILE).read_text())
    assert "main" in listed
    for network in listed:
        for seed in shipped_seeds(network):
            assert not isinstance(seed, Address) or seed.scope in (Scope.PUBLIC, None), f"{seed} is not for everybody"


def test_a_list_is_read_by_network() -> None:
    named, address = shipped_seeds("main", LISTED)
    assert named == SeedName("seeds.example")
    assert isinstance(address, Address)
    assert shipped_seeds("other", LISTED) == []


def test_a_list_with_a_slip_is_noticed() -> None:
    with pytest.raises(AddressError):
        shipped_seeds("main", 'main = ["/ip4/1.1.1.1/tcp/7171"]')
