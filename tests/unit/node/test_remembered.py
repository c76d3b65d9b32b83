"""Seeds of earlier runs: what is kept, in which order, and when one is given up."""

import os

import msgspec
import pytest

from passerby.node.home import locate
from passerby.node.remembered import FAILURES, SEEDS, Seed, decode, load, save, updated

PEER = "12D3KooWDpJ7As7BWAwRMfu1VU2WCqNjvq387JEYKDBj4kx6nXTN"


def address(port: int) -> str:
    return f"/ip4/127.0.0.1/tcp/{port}/p2p/{PEER}"


def test_a_seed_that_answered_is_remembered_and_one_that_never_did_is_not() -> None:
    assert updated([], "main", {address(1): True, address(2): False}) == [Seed(0, address(1), "main")]


def test_silence_counts_and_an_answer_forgives() -> None:
    seeds = [Seed(2, address(1), "main")]
    assert updated(seeds, "main", {address(1): False}) == [Seed(3, address(1), "main")]
    assert updated(seeds, "main", {address(1): True}) == [Seed(0, address(1), "main")]
    assert updated(seeds, "main", {}) == seeds


def test_a_seed_silent_for_too_many_runs_is_forgotten() -> None:
    assert updated([Seed(FAILURES - 1, address(1), "main")], "main", {address(1): False}) == []


def test_networks_are_kept_apart() -> None:
    seeds = [Seed(1, address(1), "other")]
    assert updated(seeds, "main", {address(1): True}) == [Seed(0, address(1), "main"), Seed(1, address(1), "other")]


def test_the_best_are_kept() -> None:
    results = {address(port): True for port in range(1, 2 * SEEDS)}
    assert len(updated([Seed(1, address(9999), "main")], "main", results)) == SEEDS
    assert Seed(1, address(9999), "main") not in updated([Seed(1, address(9999), "main")], "main", results)


@pytest.mark.parametrize("content", [None, b"", b"{", b'{"a": 1}', b"[1]"])
def test_a_file_that_is_none_counts_as_empty(content: bytes | None) -> None:
    assert decode(content) == []


def test_an_address_that_is_none_is_left_out() -> None:
    seeds = [Seed(0, "nonsense", "main"), Seed(0, address(1), "main")]
    assert decode(msgspec.json.encode(seeds)) == [seeds[1]]


def test_what_is_saved_is_loaded_and_nothing_new_is_not_written() -> None:
    folders = locate(os.environ)
    save(folders, "main", {address(1): True})
    assert load(folders, "main") == (address(1),)
    assert load(folders, "other") == ()
    before = (folders.state / "seeds.json").stat()
    save(folders, "main", {address(1): True})
    assert (folders.state / "seeds.json").stat() == before
