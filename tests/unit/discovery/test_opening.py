"""The opening of a search: one seed by lot, another each second, all once there is nobody to dial."""

from itertools import permutations
from math import inf

import pytest

from passerby.discovery.addresses import Scope
from passerby.discovery.rooms import RoomId, room_of
from passerby.discovery.searching.guests import Guest, Place, Standing
from passerby.discovery.searching.opening import Opening
from passerby.discovery.searching.wantedrooms import Turn, Wanted

ROOM, OTHER = room_of("main", 7), room_of("main", 8)
SEEDS = [b"a", b"b", b"c", b"d", b"e", b"f"]
HERE = Scope.PUBLIC
Guests = dict[bytes, Guest]


def want(lot: tuple[int, ...] = (2, 0, 3, 1), room: RoomId = ROOM) -> Wanted:
    return Wanted(room, b"", 0, 4, lot, Turn.ALONE)


def guest(pid: bytes, place: Place | None = None, *, up: bool = True) -> Guest:
    return Guest(pid, HERE, 0.0, up=up, places={} if place is None else {ROOM: place})


def started(now: float = 0.0) -> Opening:
    opening = Opening()
    opening.start(now)
    return opening


INSIDE = Place(Standing.INSIDE, entered=True)


@pytest.mark.parametrize("lot", list(permutations(range(4))))
def test_a_search_begins_with_one_seed_of_the_four_by_lot(lot: tuple[int, ...]) -> None:
    opening = started()
    assert opening.narrow(want(lot), HERE, SEEDS, {}, 0.0) == [SEEDS[lot[0]]]
    assert opening.holds_back(0.0)


@pytest.mark.parametrize("began", [0.0, 0.3, 1e9 / 3])
def test_each_second_brings_one_more_and_the_third_all(began: float) -> None:
    opening, now = started(began), began
    for count in (1, 2, 3, 6):
        assert len(opening.narrow(want(), HERE, SEEDS, {}, now)) == count
        assert opening.holds_back(now) == (count < 6)
        now, before = opening.next_change(now), now
        assert now > before
    assert now == inf


def test_a_seed_that_refuses_is_passed_over_and_one_that_is_to_be_asked_again_is_not() -> None:
    opening, guests = started(), {b"c": guest(b"c", Place(retry_at=15.0))}
    assert opening.narrow(want(), HERE, SEEDS, guests, 0.1) == [b"c", b"a"]
    guests = {b"c": guest(b"c", Place(retry_at=0.1))}
    assert opening.narrow(want(), HERE, SEEDS, guests, 0.1) == [b"c"]


def test_a_connection_that_stands_comes_before_the_lot_and_one_being_made_before_none() -> None:
    opening = started()
    guests = {b"d": guest(b"d", up=False)}
    assert opening.narrow(want(), HERE, SEEDS, guests, 0.0) == [b"d"]
    guests[b"b"] = guest(b"b")
    assert opening.narrow(want(), HERE, SEEDS, guests, 0.0) == [b"b"]
    assert opening.narrow(want(), HERE, SEEDS, guests, 1.0) == [b"b", b"d"]


def test_whoever_is_let_in_and_finds_nobody_goes_to_all_and_stays() -> None:
    opening, guests = started(), {b"c": guest(b"c", Place(Standing.ENTERING))}
    assert opening.narrow(want(), HERE, SEEDS, guests, 0.1) == [b"c"]
    guests = {b"c": guest(b"c", INSIDE)}
    assert opening.narrow(want(), HERE, SEEDS, guests, 0.2) == SEEDS
    assert not opening.found(anybody=True)
    assert opening.narrow(want(), HERE, SEEDS, guests, 0.3) == SEEDS
    assert not opening.holds_back(0.3)
    assert opening.narrow(want(room=OTHER), HERE, SEEDS, guests, 0.3) == [b"c"], "each room is opened for itself"


def test_whoever_finds_somebody_needs_no_other_seed_until_nobody_is_left() -> None:
    opening, guests = started(), {b"c": guest(b"c", INSIDE)}
    assert not opening.found(anybody=True)
    assert opening.narrow(want(), HERE, SEEDS, guests, 0.2) == [b"c"]
    assert opening.found(anybody=False)
    assert not opening.found(anybody=False), "it is told once"
    assert opening.narrow(want(), HERE, SEEDS, guests, 0.3) == SEEDS


def test_a_far_seed_that_knows_nobody_says_nothing_until_a_nearer_one_had_its_second() -> None:
    opening, guests = started(), {b"far": guest(b"far", INSIDE)}
    assert opening.narrow(want(), HERE, SEEDS, guests, 0.9) == [b"c"]
    elsewhere = {b"far": Guest(b"far", Scope.LAN, 0.0, up=True, places={ROOM: INSIDE})}
    assert len(opening.narrow(want(), HERE, SEEDS, elsewhere, 1.0)) == 2
    assert opening.narrow(want(), HERE, SEEDS, guests, 1.0) == SEEDS


def test_between_searches_two_of_the_same_lot_are_kept() -> None:
    opening = Opening()
    guests: Guests = {b"c": guest(b"c", INSIDE)}
    assert opening.narrow(want(), HERE, SEEDS, {}, 0.0) == [b"c", b"a"]
    assert opening.narrow(want(), HERE, SEEDS, guests, 9.0) == [b"c", b"a"]
    assert opening.next_change(0.0) == inf
    assert not opening.holds_back(0.0)
    opening.start(10.0)
    assert opening.narrow(want(), HERE, SEEDS, {}, 10.0) == [b"c"]
    opening.rest()
    assert opening.narrow(want(), HERE, SEEDS, {}, 11.0) == [b"c", b"a"]


def test_an_opening_that_is_over_holds_nothing_back_and_the_next_search_has_its_own() -> None:
    opening = started()
    opening.narrow(want(), HERE, SEEDS, {}, 0.0)
    opening.end()
    assert not opening.holds_back(0.0)
    assert opening.next_change(0.0) == inf
    assert opening.narrow(want(), HERE, SEEDS, {}, 0.0) == SEEDS
    opening.start(1.0)
    assert opening.narrow(want(), HERE, SEEDS, {}, 1.0) == [b"c"]


def test_where_there_is_one_seed_nothing_is_held_back() -> None:
    opening = started()
    assert opening.narrow(want(), HERE, [b"a"], {}, 0.0) == [b"a"]
    assert not opening.holds_back(0.0)
    assert opening.narrow(want(), HERE, [], {}, 0.0) == []


def test_nothing_is_held_back_any_more_once_all_are_chosen() -> None:
    opening = started()
    assert opening.narrow(want((1, 0)), HERE, SEEDS[:2], {}, 0.0) == [b"b"]
    assert opening.holds_back(0.9)
    assert opening.narrow(want((1, 0)), HERE, SEEDS[:2], {}, 1.0) == [b"b", b"a"]
    assert not opening.holds_back(1.0)
