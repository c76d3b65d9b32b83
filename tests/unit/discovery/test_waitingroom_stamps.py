"""A seed in a flood: who has brought many pays, once a stream; a check that nobody waits for ends like any other."""

import random

import pytest

from passerby.crypto.errors import RemoteProtocolError
from passerby.crypto.stamp import Parties, Personal
from passerby.discovery import wire
from passerby.discovery.addresses import Scope
from passerby.discovery.rooms import room_of
from passerby.discovery.seeding.seedevents import (
    Asked,
    CheckStamp,
    Closed,
    Connected,
    Disconnected,
    Heard,
    Limits,
    Measured,
    StampChecked,
)
from passerby.discovery.seeding.waitingroom import WaitingRoom
from passerby.discovery.tickets import Ticket

UNIX = 600.0 * 1000 + 300
ROOM = room_of("main", 1000)
STAMP = b"a stamp, 16 byte"
SEED = bytes(38)
NOW = 20.0


def parties_of(number: int) -> Parties:
    return Parties(Personal.ENTER, number.to_bytes(32, "big"), SEED, number.to_bytes(38, "big"))


def read(blob: bytes) -> Ticket:
    """A ticket of this test says who, and is good in the one room of the test."""
    return Ticket(blob, ROOM, relay=b"relay")


def connect(seed: WaitingRoom, number: int, block: str, now: float = NOW) -> None:
    seed.handle(Connected(number, parties_of(number).payer, Scope.PUBLIC, block, parties_of(number)), now)


def enter(seed: WaitingRoom, number: int, stamp: bytes | None = None, now: float = NOW) -> object:
    return seed.handle(Asked(number, wire.Enter(1, ROOM, parties_of(number).payer, stamp)), now)


def flooded(gate: bool = True, limits: Limits | None = None) -> WaitingRoom:
    """A seed to which one block has just sent a thousand, all gone again."""
    seed = WaitingRoom(random.Random(1), UNIX, limits or Limits(), read=read, gate=lambda _challenge, _stamp: gate)
    for number in range(1000):
        connect(seed, number, "flood", NOW - 5 + number / 200)
        enter(seed, number, None, NOW - 5 + number / 200)
        seed.handle(Closed(number), NOW)
    return seed


def check(seed: WaitingRoom, number: int) -> CheckStamp:
    connect(seed, number, "flood")
    assert enter(seed, number) == wire.Refused(1, wire.Reason.STAMP, 4)
    asked = enter(seed, number, STAMP)
    assert isinstance(asked, CheckStamp)
    return asked


def test_a_flood_pays_and_somebody_else_does_not() -> None:
    seed = flooded()
    connect(seed, 5001, "flood")
    assert enter(seed, 5001) == wire.Refused(1, wire.Reason.STAMP, 4)
    connect(seed, 5002, "elsewhere")
    assert isinstance(enter(seed, 5002), wire.Room)


def test_a_good_stamp_lets_the_stream_in_and_is_asked_for_once() -> None:
    seed = flooded()
    asked = check(seed, 5001)
    assert (asked.check.stamp, asked.check.difficulty) == (STAMP, 4)
    assert isinstance(seed.handle(StampChecked(5001, asked.enter, good=True), NOW), wire.Room)
    assert isinstance(enter(seed, 5001), wire.Room)
    assert seed.counts() == (1, 1)


def test_a_stamp_that_is_wrong_costs_the_stream() -> None:
    seed = flooded()
    asked = check(seed, 5001)
    with pytest.raises(RemoteProtocolError):
        seed.handle(StampChecked(5001, asked.enter, good=False), NOW)
    assert seed.counts() == (0, 0)


def test_garbage_costs_the_stream_and_no_work() -> None:
    seed = flooded(gate=False)
    connect(seed, 5001, "flood")
    enter(seed, 5001)
    with pytest.raises(RemoteProtocolError):
        enter(seed, 5001, STAMP)


def test_a_stamp_that_nobody_asked_for_costs_the_stream() -> None:
    seed = WaitingRoom(random.Random(1), UNIX)
    connect(seed, 1, "somebody")
    with pytest.raises(RemoteProtocolError):
        enter(seed, 1, STAMP)


def test_only_a_few_stamps_wait_to_be_checked_and_one_of_a_stream_that_went_frees_its_place() -> None:
    seed = flooded()
    waiting = [check(seed, 5001 + number) for number in range(4)]
    connect(seed, 5005, "flood")
    enter(seed, 5005)
    assert isinstance(enter(seed, 5005, STAMP), wire.Busy)
    seed.handle(Closed(5001), NOW)
    assert seed.handle(StampChecked(5001, waiting[0].enter, good=True), NOW) is None
    assert check(seed, 5006)


def test_who_paid_and_found_the_seed_full_need_not_pay_again() -> None:
    seed = flooded()
    asked = check(seed, 5001)
    seed.handle(Measured(4000, 0.0), NOW)
    assert isinstance(seed.handle(StampChecked(5001, asked.enter, good=True), NOW), wire.Busy)
    seed.handle(Measured(0, 0.0), NOW)
    assert isinstance(enter(seed, 5001), wire.Room)


def test_who_was_silent_while_his_stamp_was_checked_is_counted_once() -> None:
    seed = flooded()
    asked = check(seed, 5001)
    seed.handle(Measured(0, 0.0), NOW + 13.0)
    seed.handle(StampChecked(5001, asked.enter, good=True), NOW + 13.5)
    seed.handle(Heard(5001), NOW + 14.0)
    connect(seed, 5002, "elsewhere", NOW + 14.0)
    assert enter(seed, 5002, now=NOW + 14.0) == wire.Room(1, 1, tickets=(parties_of(5001).payer,))
    seed.handle(Closed(5001), NOW + 14.0)
    assert enter(seed, 5002, now=NOW + 14.0) == wire.Room(1, 0)


def test_a_connection_that_ends_is_forgotten() -> None:
    seed = flooded()
    connect(seed, 5001, "flood")
    for _ in range(2):
        assert enter(seed, 5001) == wire.Refused(1, wire.Reason.STAMP, 4)
    seed.handle(Disconnected(parties_of(5001)), NOW)
    enter(seed, 5001)
    asked = enter(seed, 5001, STAMP)
    assert isinstance(asked, CheckStamp)
    assert asked.check.challenge == parties_of(5001).challenge(4, 1)


def test_who_had_to_make_room_pays_again() -> None:
    seed = flooded(limits=Limits(streams=5))
    for number in range(5001, 5005):
        asked = check(seed, number)
        seed.handle(StampChecked(number, asked.enter, good=True), NOW)
    assert seed.counts()[0] == 4
    connect(seed, 6000, "elsewhere")
    assert isinstance(enter(seed, 6000), wire.Room)
    (gone,) = seed.evicted
    connect(seed, 6001, "a third place")
    assert isinstance(enter(seed, 6001), wire.Room)
    seed.handle(Closed(6000), NOW)
    seed.handle(Closed(6001), NOW)
    assert enter(seed, gone) == wire.Refused(1, wire.Reason.STAMP, 4)
