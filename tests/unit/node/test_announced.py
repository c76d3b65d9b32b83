"""Announcements of a local network: nobody's names make others forget an honest seed, or keep one from being known."""

from dataclasses import replace
from random import Random

import pytest

from passerby.crypto.keys import SigningKey, peer_id_of
from passerby.discovery.addresses import Address, parse
from passerby.node.firstcontacts.announced import NAMES, STALE, Announced, Came, Went


def at(host: str, number: int = 1, port: int = 4001) -> tuple[Address, ...]:
    """Return where the seed with this number says it is."""
    pid = peer_id_of(SigningKey.from_seed(number.to_bytes(32, "big")).public)
    return (replace(parse(f"/ip4/{host}/tcp/{port}"), peer=pid),)


HONEST, LIED = at("10.0.0.5"), at("10.0.0.66")
LIAR = "10.0.0.66"


def announced(seed: int = 1, silent: tuple[Address, ...] = ()) -> Announced:
    return Announced(lambda pid: pid in {address.peer for address in silent}, Random(seed))


def test_a_seed_comes_and_goes_once() -> None:
    there = announced()
    assert there.take("a", HONEST) == [Came(HONEST)]
    assert there.take("a", HONEST) == []
    assert there.take("a", ()) == [Went(HONEST)]
    assert there.take("a", ()) == []


def test_a_second_name_adds_its_address_behind_and_takes_nothing_with_it() -> None:
    there = announced()
    there.take("honest", HONEST)
    assert there.take("liar", LIED) == [Came(HONEST + LIED)]
    assert there.take("liar", ()) == []
    assert there.take("honest", HONEST) == []
    assert there.take("honest", ()) == [Went(HONEST + LIED)]


def test_a_second_name_that_comes_and_goes_tells_nothing_twice() -> None:
    there = announced()
    there.take("honest", HONEST)
    there.take("liar", LIED)
    for _ in range(100):
        assert there.take("liar", ()) + there.take("liar", LIED) == []


def test_who_tells_of_ever_new_addresses_does_not_make_them_pile_up() -> None:
    there = announced()
    told: list[Came | Went] = there.take("honest", HONEST)
    for port in range(1024, 1224):
        told += there.take("liar", at(LIAR, port=port))
    kept: set[Address] = set()  # by who takes all that is told
    for news in told:
        kept = kept | set(news.addresses) if isinstance(news, Came) else set()
        assert len(kept) <= STALE + 2
        assert news.addresses[0] == HONEST[0], "what was named first is dialled first"
    assert sum(isinstance(news, Went) for news in told) <= 200 // STALE
    assert HONEST[0] in kept


def test_a_name_that_tells_of_another_peer_leaves_the_first() -> None:
    there = announced()
    there.take("a", HONEST)
    other = at("10.0.0.5", 2)
    assert there.take("a", other) == [Went(HONEST), Came(other)]


def full(there: Announced, host: str = LIAR) -> Announced:
    for number in range(NAMES):
        there.take(f"liar{number}", at(host, 100 + number))
    return there


def test_so_many_are_there_at_once() -> None:
    there = announced()
    told = [news for number in range(NAMES) for news in there.take(str(number), at(LIAR, number))]
    assert [type(news) for news in told] == [Came] * NAMES
    assert sorted(type(news).__name__ for news in there.take("more", at(LIAR, 999))) == ["Came", "Went"]
    assert NAMES == 64


@pytest.mark.parametrize("seed", range(10))
def test_names_of_one_host_neither_keep_another_out_nor_push_it_out(seed: int) -> None:
    there = full(announced(seed))
    went, came = there.take("honest", HONEST)
    assert isinstance(went, Went)
    assert went.addresses[0].host == LIAR
    assert came == Came(HONEST)
    for number in range(200):
        assert Went(HONEST) not in there.take(f"more{number}", at(LIAR, 1000 + number))


@pytest.mark.parametrize("seed", range(10))
def test_where_every_host_has_one_a_random_one_gives_way(seed: int) -> None:
    there = announced(seed)
    for number in range(NAMES):
        there.take(str(number), at(f"10.0.1.{number}", 100 + number))
    went, came = there.take("honest", HONEST)
    assert isinstance(went, Went)
    assert came == Came(HONEST)


@pytest.mark.parametrize("seed", range(10))
def test_a_host_s_second_name_takes_the_place_of_its_first(seed: int) -> None:
    there = announced(seed)
    for number in range(NAMES):
        there.take(str(number), at(f"10.0.1.{number}", 100 + number))
    assert there.take("second", at("10.0.1.7", 999)) == [Went(at("10.0.1.7", 107)), Came(at("10.0.1.7", 999))]


def test_who_does_not_answer_gives_way_first() -> None:
    dead = at("10.0.0.7", 3)
    there = announced(silent=dead)
    there.take("dead", dead)
    there.take("honest", HONEST)
    for number in range(NAMES - 2):
        there.take(f"liar{number}", at(LIAR, 100 + number))
    assert there.take("more", at("10.0.0.8", 4))[0] == Went(dead)


def test_what_is_told_again_displaces_nobody() -> None:
    there = full(announced())
    assert there.take("liar0", at(LIAR, 100)) == []
    assert there.take("liar0", at(LIAR, 100, 5000)) == [Came(at(LIAR, 100, 5000))]
