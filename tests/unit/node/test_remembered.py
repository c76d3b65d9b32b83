"""Seeds of earlier runs: what is kept, in which order, what that tells, and when one is given up."""

import os
from collections.abc import Sequence

import msgspec
import pytest

from passerby.crypto.keys import SigningKey, peer_id_of
from passerby.discovery.addresses import Address, Scope, parse, parse_seed
from passerby.discovery.limits import RECORD_ADDRESSES, REMEMBERED_SEEDS
from passerby.discovery.peerids import peer_id_text
from passerby.discovery.searching.knownseed import Known
from passerby.discovery.searching.searchevents import Introduced, Origin
from passerby.node.firstcontacts import remembered
from passerby.node.firstcontacts.remembered import FAILURES, Seed, decode, load, save, updated
from passerby.node.home import locate

RECORD = b"\xc0 as it was signed"


def pid(number: int) -> bytes:
    return peer_id_of(SigningKey.from_seed(number.to_bytes(32, "big")).public)


def address(port: int) -> Address:
    return parse(f"/ip4/127.0.0.1/tcp/{port}")


def known(number: int, *, answered: float | None = None, failures: int = 0, origin: Origin = Origin.HEARD) -> Known:
    return Known(
        pid(number), Scope.MACHINE, origin, (address(number),), blob=RECORD, answered=answered, failures=failures
    )


def entry(number: int, network: str = "main", failures: int = 0) -> Seed:
    where = f"{address(number)}/p2p/{peer_id_text(pid(number))}"
    return Seed(network, Scope.MACHINE, (where,), failures, RECORD)


def after(before: Sequence[Seed], *run: Known) -> list[Seed]:
    return updated(before, "main", run)


def test_a_seed_that_answered_is_remembered_and_one_that_never_did_is_not() -> None:
    assert after([], known(1, answered=5.0), known(2, failures=3), known(3)) == [entry(1)]


def test_silence_counts_and_an_answer_forgives() -> None:
    before = [entry(1, failures=2)]
    assert after(before, known(1, failures=1)) == [entry(1, failures=3)]
    assert after(before, known(1, answered=5.0)) == [entry(1)]
    assert after(before, known(1)) == before, "it was not tried"
    assert after(before) == before


def test_who_failed_more_often_comes_later_and_is_the_first_to_go() -> None:
    before = [entry(3, failures=2), entry(4, failures=1)]
    kept = after(before, known(1, answered=5.0), known(2, answered=6.0))
    assert set(kept[:2]) == {entry(1), entry(2)}
    assert kept[2:] == [entry(4, failures=1), entry(3, failures=2)]
    many = [known(number, answered=5.0) for number in range(10, 9 + REMEMBERED_SEEDS)]
    assert entry(4, failures=1) in after(before, *many)
    assert entry(3, failures=2) not in after(before, *many)


def drawn(monkeypatch: pytest.MonkeyPatch, before: Sequence[Seed], *run: Known) -> list[list[Seed]]:
    """Return what is remembered in twenty runs that are all alike but for chance."""
    kept: list[list[Seed]] = []
    for luck in range(20):
        monkeypatch.setattr(remembered, "_LUCK", bytes([luck] * 16))
        kept.append(after(before, *run))
    return kept


def test_neither_what_is_kept_nor_its_order_tells_who_answered_when(monkeypatch: pytest.MonkeyPatch) -> None:
    """Who answered last, and most of those who answered in this run, are near the rooms of this run."""
    before = [entry(number) for number in range(100, 100 + REMEMBERED_SEEDS)]
    near = [known(number, answered=100.0 - number) for number in range(1, 33)]
    runs = drawn(monkeypatch, before, *near)
    assert len({tuple(kept) for kept in runs}) == len(runs)
    of_this_run = {entry(number) for number in range(1, 33)}
    share = sum(len(of_this_run & set(kept)) for kept in runs) / len(runs) / REMEMBERED_SEEDS
    assert 0.25 < share < 0.42, "a third of all that are known to answer"
    places = [kept.index(entry(1)) for kept in runs if entry(1) in kept]
    assert min(places) < 20
    assert max(places) > 40


def test_in_one_run_chance_decides_once() -> None:
    run = [known(number, answered=float(number)) for number in range(1, 2 * REMEMBERED_SEEDS)]
    assert after(after([], *run), *run) == after([], *reversed(run))


def test_of_few_seeds_all_are_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    half = REMEMBERED_SEEDS // 2
    before = [entry(number) for number in range(100, 100 + half)]
    run = [known(number, answered=1.0) for number in range(1, half + 1)]
    everybody = {*before, *(entry(number) for number in range(1, half + 1))}
    assert all(set(kept) == everybody for kept in drawn(monkeypatch, before, *run))


def test_a_seed_silent_for_too_many_runs_is_forgotten() -> None:
    assert after([entry(1, failures=FAILURES - 1)], known(1, failures=1)) == []


def test_networks_and_scopes_are_kept_apart() -> None:
    before = [entry(1, "other", 1), msgspec.structs.replace(entry(1), scope=Scope.LAN)]
    kept = after(before, known(1, answered=5.0))
    assert set(kept[:2]) == {entry(1), before[1]}
    assert kept[2:] == [before[0]]


def test_of_one_seed_the_first_addresses_are_kept() -> None:
    many = tuple(address(port) for port in range(2000, 2010))
    (kept,) = after([], Known(pid(1), Scope.MACHINE, Origin.NAMED, many[:3], answered=5.0))
    assert len(kept.addresses) == 3
    seed = Known(pid(1), Scope.MACHINE, Origin.NAMED, many[:3], answered=5.0)
    seed.is_also_at(many[3:], Origin.FOUND)
    (kept,) = after([], seed)
    assert [parse_seed(text).port for text in kept.addresses] == list(range(2000, 2000 + RECORD_ADDRESSES))


@pytest.mark.parametrize("content", [None, b"", b"{", b'{"a": 1}', b"[1]", b"\xff", b'[{"x":' + b"[" * 5000])
def test_a_file_that_is_none_counts_as_empty(content: bytes | None) -> None:
    assert decode(content) == []


@pytest.mark.parametrize(
    "addresses", [(), ("nonsense",), (entry(1).addresses[0], entry(2).addresses[0])], ids=["none", "nonsense", "two"]
)
def test_an_entry_that_is_no_seed_is_left_out(addresses: tuple[str, ...]) -> None:
    seeds = [msgspec.structs.replace(entry(1), addresses=addresses), entry(2)]
    assert decode(msgspec.json.encode(seeds)) == [entry(2)]


@pytest.mark.parametrize(
    ("scope", "addresses", "is_kept"),
    [
        (Scope.MACHINE, ("/ip4/127.0.0.1/tcp/1", "/ip6/::1/tcp/1"), True),
        (Scope.MACHINE, ("/ip4/8.8.8.8/tcp/4001",), False),
        (Scope.MACHINE, ("/ip4/127.0.0.1/tcp/1", "/ip4/8.8.8.8/tcp/4001"), False),
        (Scope.MACHINE, ("/dns4/seed.example/tcp/4001",), False),
        (Scope.LAN, ("/ip4/127.0.0.1/tcp/1",), False),
        (Scope.LAN, ("/ip4/10.0.0.1/tcp/4001",), True),
        (Scope.PUBLIC, ("/ip4/10.0.0.1/tcp/4001",), False),
        (Scope.PUBLIC, ("/ip4/8.8.8.8/tcp/4001", "/dns4/seed.example/tcp/4001"), True),
    ],
)
def test_an_entry_is_of_the_scope_of_all_its_addresses(scope: Scope, addresses: tuple[str, ...], is_kept: bool) -> None:
    told = tuple(f"{text}/p2p/{peer_id_text(pid(1))}" for text in addresses)
    assert bool(decode(msgspec.json.encode([Seed("main", scope, told)]))) is is_kept


def test_an_entry_with_more_addresses_than_a_seed_can_have_is_left_out() -> None:
    many = tuple(f"{address(port)}/p2p/{peer_id_text(pid(1))}" for port in range(1, RECORD_ADDRESSES + 2))
    assert decode(msgspec.json.encode([Seed("main", Scope.MACHINE, many)])) == []
    assert len(decode(msgspec.json.encode([Seed("main", Scope.MACHINE, many[1:])]))) == 1


def test_silence_counts_when_the_run_is_over_and_not_before() -> None:
    before = [entry(1, failures=2)]
    assert updated(before, "main", [known(1, failures=1)], over=False) == before
    assert updated([], "main", [known(1, answered=5.0)], over=False) == [entry(1)]


@pytest.mark.parametrize(
    ("origin", "is_kept"),
    [
        (Origin.LOCAL, False),
        (Origin.NAMED, True),
        (Origin.REMEMBERED, True),
        (Origin.FOUND, False),
        (Origin.HEARD, False),
    ],
)
def test_the_passing_seeds_of_a_local_network_are_not_remembered(origin: Origin, is_kept: bool) -> None:
    folders = locate(os.environ)
    near = Known(pid(1), Scope.LAN, origin, (parse("/ip4/10.0.0.1/tcp/4001"),), answered=5.0)
    save(folders, "main", [near])
    assert bool(load(folders, "main")) is is_kept


def test_another_order_alone_is_not_written() -> None:
    folders = locate(os.environ)
    save(folders, "main", [known(1, answered=5.0), known(2, answered=6.0)])
    before = (folders.state / "seeds.json").stat()
    save(folders, "main", [known(1, answered=6.0), known(2, answered=5.0)])
    assert (folders.state / "seeds.json").stat() == before


def test_what_is_saved_is_loaded_and_nothing_new_is_not_written() -> None:
    folders = locate(os.environ)
    run = [known(1, answered=5.0), known(2, answered=5.0, origin=Origin.LOCAL)]
    save(folders, "main", run)
    assert load(folders, "main") == [Introduced(pid(1), Scope.MACHINE, (address(1),), Origin.REMEMBERED, RECORD)]
    assert load(folders, "other") == []
    before = (folders.state / "seeds.json").stat()
    save(folders, "main", run)
    assert (folders.state / "seeds.json").stat() == before
