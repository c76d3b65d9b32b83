"""Who may come in: a flood of one block makes room for others, and pays if it comes in haste; a crowd does neither."""

import random

import pytest

from passerby.crypto.stamp import Parties, Personal
from passerby.discovery.addresses import Scope
from passerby.discovery.seeding.door import Door, Full
from passerby.discovery.seeding.seedroom import Stream
from passerby.discovery.toll import Abort, Admit, Demand

SEED = bytes(38)


def stream(number: int, block: str = "", scope: Scope = Scope.PUBLIC, *, payable: bool = True) -> Stream:
    pid = number.to_bytes(38, "big")
    parties = Parties(Personal.ENTER, number.to_bytes(32, "big"), SEED, pid) if payable else None
    return Stream(number, pid, scope, block or f"block {number}", 0.0, parties)


def door(streams: int = 4096, block_streams: int = 256) -> Door:
    return Door(streams, block_streams, random.Random(1))


def come(at: Door, one: Stream, now: float = 0.0) -> object:
    verdict = at.asked(one, None, now)
    if verdict == Admit():
        at.let_in(one)
    return verdict


def test_a_full_seed_takes_a_newcomer_for_one_of_a_block_that_has_two_more() -> None:
    at = door(streams=10)
    flood = [stream(number, "one") for number in range(8)]
    assert [come(at, one) for one in flood] == [Admit()] * 8
    assert come(at, stream(8, "one")) == Full()
    honest = [stream(20 + number) for number in range(10)]
    assert [come(at, one) for one in honest] == [Admit()] * 7 + [Full()] * 3
    assert sum(one.admitted is not None for one in flood) == 1
    assert len(at) == 8


def test_who_has_to_go_is_told_to_its_owner_and_a_place_that_is_left_is_given_again() -> None:
    at = door(streams=5)
    flood = [stream(number, "one") for number in range(4)]
    assert [at.let_in(one) for one in flood] == [None] * 4
    displaced = at.let_in(stream(9))
    assert displaced in flood
    assert displaced.admitted is None
    at.left(displaced)
    assert len(at) == 4
    for one in flood:
        at.left(one)
    assert len(at) == 1
    assert at.let_in(stream(10)) is None


def test_a_block_has_a_number_of_streams() -> None:
    at = door(block_streams=2)
    assert [come(at, stream(number, "one")) for number in range(3)] == [Admit(), Admit(), Full()]


def test_connections_count_as_streams_do() -> None:
    at = door(streams=10)
    come(at, stream(1))
    at.measured(8, 0.0, 0.0)
    assert come(at, stream(2)) == Full()
    at.measured(7, 0.0, 1.0)
    assert come(at, stream(2)) == Admit()


def test_load_is_the_fullest_measure_and_lateness_is_forgotten_when_nobody_reports() -> None:
    at = door(streams=100)
    assert at.load(0.0) == 0
    for number in range(20):
        come(at, stream(number))
    assert at.load(0.0) == 25
    at.measured(40, 0.0, 0.0)
    assert at.load(0.0) == 50
    at.measured(40, 1.5, 0.0)
    assert (at.load(5.0), at.is_late(5.0)) == (75, False)
    at.measured(40, 2.1, 6.0)
    assert (at.load(6.0), at.is_late(11.0)) == (100, True)
    assert (at.load(11.1), at.is_late(11.1)) == (50, False)


# ---- stamps -------------------------------------------------------------------------------------------------------


def rush(at: Door, rate: float, seconds: float, block: str = "", first: int = 0, start: float = 0.0) -> list[object]:
    """Let somebody come `rate` times a second, and go again at once."""
    verdicts: list[object] = []
    for number in range(first, first + int(rate * seconds)):
        one = stream(number, block)
        verdicts.append(come(at, one, start + (number - first) / rate))
        at.left(one)
    return verdicts


def test_an_ordinary_evening_asks_nobody_for_a_stamp() -> None:
    assert rush(door(), rate=30, seconds=60) == [Admit()] * 1800
    assert rush(door(), rate=30, seconds=60, block="a campus") == [Admit()] * 1800


def test_a_crowd_of_many_blocks_never_pays() -> None:
    assert set(rush(door(), rate=200, seconds=30)) == {Admit()}


def test_a_flood_of_one_block_pays_and_the_others_come_in_free() -> None:
    at = door()
    verdicts = rush(at, rate=200, seconds=20, block="one")
    assert verdicts.index(Demand(4, 1)) <= 331
    assert verdicts[2000:].count(Admit()) == 4  # in ten seconds
    assert rush(at, rate=1, seconds=5, first=10_000, start=20.0) == [Admit()] * 5


def test_blocks_past_counting_pay(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("passerby.discovery.seeding.door.ARRIVAL_BLOCKS", 400)
    verdicts = rush(door(), rate=100, seconds=8)
    assert verdicts[:400] == [Admit()] * 400
    assert verdicts[400:] == [Demand(4, 1)] * 400


def test_who_paid_and_who_cannot_pay_and_this_machine_are_never_asked() -> None:
    at = door()
    rush(at, rate=200, seconds=5, block="one")
    paid = stream(5001, "one")
    paid.paid = True
    assert at.asked(paid, None, 5.0) == Admit()
    assert at.asked(stream(5002, "one", payable=False), None, 5.0) == Admit()
    assert at.asked(stream(5003, "one", Scope.MACHINE), None, 5.0) == Admit()
    assert at.asked(stream(5004, "one"), None, 5.0) == Demand(4, 1)


def test_who_asks_again_and_again_is_one_arrival() -> None:
    at = door(block_streams=1)
    assert come(at, stream(1, "one")) == Admit()
    refused, late = stream(2, "one"), stream(3)
    for number in range(2_000):
        assert come(at, refused, number / 100) == Full()
        at.turned_away(late, number / 100)
    assert come(at, stream(4), 20.0) == Admit()
    assert rush(at, rate=100, seconds=0.1, block="a campus", first=100, start=20.0) == [Admit()] * 10


def test_one_connection_is_one_arrival_whatever_its_streams() -> None:
    at = door(block_streams=4096)
    one = stream(1, "one")
    again = [Stream(number, one.pid, one.scope, one.block, 0.0, one.parties) for number in range(2, 2_000)]
    assert {come(at, other, other.number / 1_000) for other in (one, *again)} == {Admit()}


def test_connections_past_remembering_are_counted_each_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("passerby.discovery.seeding.door.TOLL_CONNECTIONS", 1)
    at = door()
    come(at, stream(1), 0.0)
    for _ in range(400):
        at.turned_away(stream(2, "one"), 0.0)
    assert come(at, stream(3, "one"), 0.0) == Demand(4, 1)


def test_how_often_a_connection_was_asked_is_forgotten_with_it_and_not_with_its_streams() -> None:
    at = door()
    rush(at, rate=200, seconds=5, block="one")
    one = stream(5_001, "one")
    assert one.parties is not None
    assert at.asked(one, None, 5.0) == Demand(4, 1)
    at.left(one)
    assert at.asked(one, None, 5.0) == Demand(4, 2)
    at.disconnected(one.parties)
    assert at.asked(one, None, 5.0) == Demand(4, 1)


def test_a_stamp_that_nobody_asked_for_is_a_failure_even_of_who_may_come_free() -> None:
    assert door().asked(stream(1), bytes(16), 0.0) == Abort()


def test_a_crowd_at_a_closed_door_is_load_too() -> None:
    at = door()
    for number in range(400):
        at.turned_away(stream(number), number / 200)
    verdicts = rush(at, rate=100, seconds=0.06, block="one", first=1000, start=2.0)
    assert verdicts == [Admit()] * 4 + [Demand(4, 1)] * 2
    full = door(streams=1)
    assert come(full, stream(1)) == Admit()
    assert [come(full, stream(number, "x"), 0.01 * number) for number in range(2, 400)] == [Full()] * 398
