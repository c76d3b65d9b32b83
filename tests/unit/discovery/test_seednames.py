"""Names that lead to seeds: what may be named, and what is taken of a name server's answer."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from passerby.crypto.keys import SigningKey, peer_id_of
from passerby.discovery.addresses import AddressError, Scope, parse
from passerby.discovery.peerids import peer_id_text
from passerby.discovery.searching.seednames import (
    ANSWERS,
    SeedName,
    by_seed,
    is_believed,
    needs_lookup,
    parse_named,
    read_answer,
)

PIDS = [peer_id_of(SigningKey.from_seed(bytes([number]) * 32).public) for number in range(3)]
ONE, OTHER, _ = (peer_id_text(pid) for pid in PIDS)
ANY = SeedName("seeds.example")
PUBLIC = f"/ip4/1.1.1.1/tcp/7171/p2p/{ONE}"


@pytest.mark.parametrize(
    "text", ["/dnsaddr/seeds.example", f"/dnsaddr/seeds.example/p2p/{ONE}", f"/dns4/seeds.example/tcp/7171/p2p/{ONE}"]
)
def test_a_name_is_read_and_written_alike(text: str) -> None:
    seed = parse_named(text)
    assert str(seed) == text
    assert needs_lookup(seed)


def test_an_address_is_no_name() -> None:
    assert parse_named(PUBLIC) == parse(PUBLIC)
    assert not needs_lookup(parse_named(PUBLIC))


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("/dnsaddr/", "not a name"),
        ("/dnsaddr/192.0.2.7", "not a name"),
        ("/dnsaddr/a b", "not a name"),
        ("/dnsaddr/seeds.example/tcp/7171", "only /p2p/PEER-ID may follow"),
        ("/dnsaddr/seeds.example/p2p/Qm", "Ed25519"),
        ("/dnsaddr/" + "a." * 300, "longer than"),
        ("/dns4/seeds.example/tcp/7171", "its peer id is missing"),
        ("seeds.example", "an address looks like"),
    ],
)
def test_what_is_no_name_is_refused_in_words(text: str, why: str) -> None:
    with pytest.raises(AddressError, match=why):
        parse_named(text)


def test_seeds_and_further_names_are_told_apart() -> None:
    seeds, names = read_answer([f"dnsaddr={PUBLIC}", "dnsaddr=/dnsaddr/more.example"], ANY)
    assert seeds == [parse(PUBLIC)]
    assert names == [SeedName("more.example")]


@pytest.mark.parametrize(
    "text",
    [
        PUBLIC,  # no key
        "dnsaddr=",
        "dnsaddr=/ip4/1.1.1.1/tcp/7171",  # nobody could say who answers there
        f"dnsaddr=/ip4/1.1.1.1/udp/7171/quic-v1/p2p/{ONE}",
        f"dnsaddr=/ip4/10.0.0.1/tcp/7171/p2p/{ONE}",
        f"dnsaddr=/ip4/127.0.0.1/tcp/7171/p2p/{ONE}",
        f"dnsaddr=/ip6/::ffff:10.0.0.1/tcp/7171/p2p/{ONE}",
        f"dnsaddr=/ip4/224.0.0.1/tcp/7171/p2p/{ONE}",
        f"dnsaddr=/ip4/1.1.1.1/tcp/22/p2p/{ONE}",
        f"dnsaddr=/dns4/seed.example/tcp/7171/p2p/{ONE}",
        f"dnsaddr=/ip4/1.1.1.1/tcp/7171/p2p/{ONE}/p2p-circuit",
    ],
)
def test_what_must_not_be_dialled_on_hearsay_is_left_out(text: str) -> None:
    assert read_answer([text, f"dnsaddr={PUBLIC}"], ANY) == ([parse(PUBLIC)], [])


def test_only_who_was_named_is_taken() -> None:
    answer = [f"dnsaddr={PUBLIC}", f"dnsaddr={PUBLIC.replace(ONE, OTHER)}", "dnsaddr=/dnsaddr/more.example"]
    seeds, names = read_answer(
        [*answer, f"dnsaddr=/dnsaddr/more.example/p2p/{OTHER}"], SeedName("seeds.example", PIDS[0])
    )
    assert seeds == [parse(PUBLIC)]
    assert names == [SeedName("more.example", PIDS[0])]


def test_an_answer_has_no_more_than_sixteen() -> None:
    answer = [f"dnsaddr=/ip4/1.1.1.{number}/tcp/7171/p2p/{ONE}" for number in range(1, 100)]
    assert len(read_answer(answer, ANY)[0]) == ANSWERS


@given(st.lists(st.text(max_size=80)))
def test_no_answer_does_harm(texts: list[str]) -> None:
    for text in (texts, [f"dnsaddr={text}" for text in texts], [f"dnsaddr=/dnsaddr/{text}" for text in texts]):
        seeds, _ = read_answer(text, ANY)
        assert all(is_believed(seed) for seed in seeds)


def test_the_addresses_of_a_seed_come_together_and_scopes_do_not() -> None:
    near, far = parse(f"/ip4/10.0.0.1/tcp/7171/p2p/{ONE}"), parse(PUBLIC)
    name = parse(f"/dns4/seeds.example/tcp/7171/p2p/{ONE}")
    assert by_seed([far, near, name, far, parse("/ip4/1.1.1.1/tcp/1")]) == [
        (PIDS[0], Scope.PUBLIC, (far.bare, name.bare)),
        (PIDS[0], Scope.LAN, (near.bare,)),
    ]
