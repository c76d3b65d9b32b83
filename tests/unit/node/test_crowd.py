"""Connections by address block: everybody while there is room, then shares, then one for another."""

import random

import pytest

from passerby.discovery.seeding.blocks import Entry
from passerby.node.seeding import crowd
from passerby.node.seeding.crowd import Crowd

PLACES = 20


@pytest.fixture(autouse=True)
def _small_shares(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(crowd, "FAIR_SHARE", 4)


def fill(people: Crowd[str], block: str, count: int) -> list[Entry[str]]:
    return [people.enter(block, f"{block} {number}") for number in range(count)]


def empty() -> Crowd[str]:
    return Crowd(PLACES, random.Random(1))


def test_below_half_of_the_places_one_block_may_have_them_all() -> None:
    people = empty()
    fill(people, "campus", PLACES // 2 - 1)
    assert people.admits("campus")
    assert people.displaced("campus") is None


def test_above_half_the_block_that_has_most_gets_no_more() -> None:
    people = empty()
    fill(people, "flood", PLACES // 2)
    assert not people.admits("flood")
    assert people.admits("other")


def test_above_half_a_block_has_its_fair_share_all_the_same() -> None:
    people = empty()
    for block in range(PLACES // 2):
        fill(people, f"home {block}", 1)
    fill(people, "campus", 3)
    assert people.admits("campus")
    fill(people, "campus", 1)
    assert not people.admits("campus")


def test_when_all_places_are_taken_the_fullest_block_gives_one() -> None:
    people = empty()
    fill(people, "flood", PLACES)
    assert people.admits("other")
    fill(people, "other", 1)
    assert str(people.displaced("other")).startswith("flood")


def test_nobody_goes_for_his_equal() -> None:
    people = empty()
    for block in range(PLACES + 1):
        fill(people, f"home {block}", 1)
    assert people.displaced("home 0") is None


def test_a_place_that_was_left_is_free() -> None:
    people = empty()
    flood = fill(people, "flood", PLACES)
    for entry in flood:
        people.leave(entry)
    assert not len(people)
    assert people.admits("flood")
