"""Nobody aims a seed, or those who hear of it, at a victim; and nobody keeps it from verifying others."""

import random

import pytest
from vectors.make_lobby import SIGNED

from passerby.discovery.addresses import Address, Scope, parse
from passerby.discovery.dhtwire import Nodes
from passerby.discovery.limits import BUCKET_SPARES, VERIFY_AT_ONCE
from passerby.discovery.seeding.neighbourevents import (
    Call,
    CheckedWork,
    CheckWork,
    Effect,
    Gone,
    HangUp,
    Introduced,
    Knocked,
    Remembered,
    Silent,
    Tick,
    Told,
)
from passerby.discovery.seeding.neighbours import Neighbours
from passerby.discovery.seeding.table import Table, place_of
from passerby.discovery.seedrecord import SeedRecord, sign_record
from support.seednet import UNIX, key_of, read, record_of

PUBLIC, LAN, MACHINE = Scope.PUBLIC, Scope.LAN, Scope.MACHINE
VICTIM = "/ip4/20.9.9.9/tcp/8080"


def seed_of(scope: Scope = PUBLIC) -> Neighbours:
    return Neighbours(
        scope=scope,
        sign=lambda issued: record_of(0, scope, issued),
        unix_minus_now=UNIX,
        rng=random.Random(0),
        now=0.0,
    )


def pid(number: int) -> bytes:
    return read(record_of(number)).pid


def record(number: int, *addresses: str, work: bytes = bytes(32), later: int = 0) -> bytes:
    key = key_of(number)
    return sign_record(key, SeedRecord(key.public, tuple(map(parse, addresses)), int(UNIX) + later, work=work))


def knocked(blob: bytes, host: str) -> Knocked:
    return Knocked(read(blob).pid, host, blob)


def worked(blob: bytes, *, passed: bool = True) -> CheckedWork:
    return CheckedWork(read(blob), passed)


def told(number: int, address: str, *records: bytes) -> Told:
    return Told(pid(number), "b", parse(address), Nodes(0, records))


def dialled(effects: list[Effect]) -> list[tuple[Address, ...]]:
    return [effect.addresses for effect in effects if isinstance(effect, Call)]


def checked(effects: list[Effect]) -> bool:
    return any(isinstance(effect, CheckWork) for effect in effects)


# ---- where a record leads


def test_in_public_a_seed_is_none_before_every_host_of_its_record_answered_as_it() -> None:
    seed = seed_of()
    one, two, three = "/ip4/20.1.1.1/tcp/4001", "/ip4/20.1.1.1/tcp/4002", "/ip6/2a00::1/tcp/4001"
    blob = record(1, one, three, two)
    seed.handle(Remembered(blob), 0.0)
    assert dialled(seed.handle(worked(blob), 0.0)) == [(parse(one), parse(two))]
    effects = seed.handle(told(1, two), 0.0)
    assert effects[0] == HangUp(pid(1))  # its answers must come from there
    assert dialled(effects) == [(parse(three),)]
    assert len(seed) == 0
    seed.handle(told(1, three), 0.0)
    (contact,) = seed.contacts()
    assert contact.reached == (parse(three), parse(two))


def test_who_names_a_victim_beside_itself_is_never_told_on() -> None:
    seed = seed_of()
    blob = record(1, "/ip4/20.1.1.1/tcp/4001", VICTIM)
    seed.handle(knocked(blob, "20.1.1.1"), 0.0)
    seed.handle(worked(blob), 0.0)
    effects = seed.handle(told(1, "/ip4/20.1.1.1/tcp/4001"), 0.0)
    assert dialled(effects) == [(parse(VICTIM),)]
    assert dialled(seed.handle(Silent(pid(1)), 3.0)) == []
    assert len(seed) == 0


def test_an_answer_from_elsewhere_than_its_record_says_proves_nothing() -> None:
    seed = seed_of(LAN)
    seed.handle(Remembered(record(1, "/ip4/10.0.0.1/tcp/4001")), 0.0)
    assert seed.handle(told(1, "/ip4/10.0.0.2/tcp/4001"), 0.0) == [HangUp(pid(1))]
    seed.handle(Introduced(pid(2), (parse("/ip4/10.0.0.2/tcp/4001"),)), 0.0)
    effects = seed.handle(told(2, "/ip4/10.0.0.2/tcp/4001", record(2, "/ip4/10.0.0.3/tcp/4001")), 0.0)
    assert effects[0] == HangUp(pid(2))
    assert dialled(effects) == [(parse("/ip4/10.0.0.3/tcp/4001"),)]
    assert len(seed) == 0


def test_in_a_lan_one_address_of_many_is_enough_and_the_others_are_asked_no_more() -> None:
    seed = seed_of(LAN)
    here, bridge = "/ip4/10.0.0.1/tcp/4001", "/ip4/172.17.0.1/tcp/4001"
    blob = record(1, bridge, here)
    assert dialled(seed.handle(Remembered(blob), 0.0)) == [(parse(bridge), parse(here))]
    seed.handle(told(1, here), 0.0)
    assert len(seed) == 1
    seed.handle(Gone(pid(1)), 10.0)
    effects = [effect for now in range(11, 60) for effect in seed.handle(Tick(), float(now))]
    assert dialled(effects)[0] == (parse(here),)


def test_a_record_with_a_name_is_not_taken() -> None:
    seed = seed_of()
    blob = record(1, "/dns4/x.example/tcp/4001", "/ip4/20.1.1.1/tcp/4001")
    assert seed.handle(knocked(blob, "20.1.1.1"), 0.0) == []
    seed.handle(Introduced(pid(1), (parse("/dns4/x.example/tcp/4001"),)), 0.0)
    assert seed.handle(told(1, "/dns4/x.example/tcp/4001", blob), 0.0) == [HangUp(pid(1))]


def test_the_public_record_of_the_protocols_examples_is_one_that_is_told_on() -> None:
    seed = seed_of()
    lea = read(SIGNED["lea"])
    assert checked(seed.handle(Remembered(SIGNED["lea"]), 130.0))
    for address in lea.addresses:
        seed.handle(CheckedWork(lea, True), 130.0)
        seed.handle(Told(lea.pid, "b", address, Nodes(0)), 130.0)
    assert SIGNED["lea"] in seed.nearest(bytes(32), 2)


def test_a_contact_that_moves_is_verified_at_its_new_address_on_a_new_connection() -> None:
    seed = seed_of(LAN)
    old, new = "/ip4/10.0.0.1/tcp/4001", "/ip4/10.0.0.7/tcp/4001"
    seed.handle(Remembered(record(1, old)), 0.0)
    seed.handle(told(1, old), 0.0)
    seed.handle(told(1, old), 0.0)
    liar = record(9, new)
    seed.handle(Remembered(liar), 1.0)  # somebody else named the new host just before
    seed.handle(Silent(pid(9)), 1.0)
    effects = seed.handle(knocked(record(1, new, later=5), "10.0.0.7"), 5.0)
    assert effects[0] == HangUp(pid(1))
    assert dialled(effects) == [(parse(new),)]
    assert HangUp(pid(1)) in seed.handle(told(1, old), 5.1)  # a crossing answer of the old connection
    assert len(seed) == 0


def test_a_host_named_meanwhile_by_another_is_not_dialled_a_second_time() -> None:
    seed = seed_of()
    one, two = record(1, "/ip4/20.1.1.1/tcp/4001", VICTIM), record(2, VICTIM)
    seed.handle(Remembered(one), 0.0)
    seed.handle(worked(one), 0.0)
    seed.handle(Remembered(two), 0.0)
    assert dialled(seed.handle(worked(two), 0.0)) == [(parse(VICTIM),)]
    assert seed.handle(told(1, "/ip4/20.1.1.1/tcp/4001"), 0.0) == [HangUp(pid(1))]


def test_who_knocks_through_a_relay_is_not_heard() -> None:
    assert seed_of().handle(knocked(record(1, "/ip4/20.1.1.1/tcp/4001"), ""), 0.0) == []


# ---- who may only have been slow


def test_a_seed_that_was_late_is_tried_once_more_if_somebody_tells_of_it_again() -> None:
    def calls_in_a_minute(seed: Neighbours) -> int:
        return sum(len(dialled(seed.handle(Tick(), float(now)))) for now in range(20, 80))

    blob = record(1, "/ip4/20.1.1.1/tcp/4001")
    for late, is_named_again, expected in ((True, True, 1), (True, False, 0), (False, True, 0)):
        seed = seed_of()
        seed.handle(Remembered(blob), 0.0)
        assert dialled(seed.handle(worked(blob), 0.0))
        seed.handle(Silent(pid(1), late=late), 3.0)
        if is_named_again:
            assert dialled(seed.handle(Remembered(blob), 10.0)) == []
        assert calls_in_a_minute(seed) == expected
        if expected:
            seed.handle(Silent(pid(1), late=True), 83.0)
            assert dialled(seed.handle(Remembered(blob), 84.0) + seed.handle(Tick(), 600.0)) == []


def test_a_first_contact_that_was_late_is_asked_again_as_any() -> None:
    seed = seed_of()
    where = parse("/ip4/20.1.1.1/tcp/4001")
    seed.handle(Introduced(pid(1), (where,)), 0.0)
    assert seed.handle(Silent(pid(1), late=True), 3.0) == [HangUp(pid(1))]
    assert dialled(seed.handle(Tick(), 5.0)) == [(where,)]


# ---- checks of work


def test_a_verdict_counts_for_the_record_that_was_checked_only() -> None:
    seed = seed_of()
    one, two = "/ip4/20.1.1.1/tcp/4001", "/ip4/20.1.2.1/tcp/4001"
    good, forged = record(1, one, work=b"\0" * 31 + b"1"), record(1, two, work=b"\0" * 31 + b"2", later=1)
    seed.handle(Introduced(pid(1), (parse(one),)), 0.0)
    assert checked(seed.handle(told(1, one, good), 0.0))
    seed.handle(Gone(pid(1)), 0.1)
    assert not checked(seed.handle(knocked(forged, "20.1.2.1"), 0.2))  # one check of a key, whatever it invents
    assert seed.handle(worked(good), 0.3) == []
    assert checked(seed.handle(knocked(forged, "20.1.2.1"), 700.0) + seed.handle(Tick(), 720.0))
    assert seed.handle(worked(good), 721.0) == []
    assert seed.handle(worked(forged, passed=False), 722.0)[0] == HangUp(pid(1))
    assert len(seed) == 0


def test_a_first_contact_whose_key_was_checked_just_now_has_to_come_again() -> None:
    seed = seed_of()
    where = "/ip4/20.1.1.1/tcp/4001"
    bad, other = record(1, where), record(1, where, work=b"\0" * 31 + b"2", later=1)
    seed.handle(Remembered(bad), 0.0)
    seed.handle(worked(bad, passed=False), 0.0)
    seed.handle(Introduced(pid(1), (parse(where),)), 1.0)
    assert seed.handle(told(1, where, other), 1.0) == [HangUp(pid(1))]


def test_who_did_no_work_keeps_us_from_no_host() -> None:
    seed = seed_of()
    hosts = [f"/ip4/20.1.{number}.1/tcp/4001" for number in range(4)]
    liar = record(66, *hosts, work=b"\0" * 31 + b"1")
    assert checked(seed.handle(knocked(liar, "20.6.6.6"), 0.0))
    seed.handle(worked(liar, passed=False), 0.0)
    for number, host in enumerate(hosts):
        assert checked(seed.handle(Remembered(record(number + 1, host)), 1.0 + number))


def test_one_key_and_a_thousand_invented_hosts_keep_nobody_out() -> None:
    seed, checks = seed_of(), 0
    for number in range(256):
        hosts = [f"/ip4/20.{number}.{other}.1/tcp/4001" for other in range(4)]
        liar = record(66, *hosts, work=number.to_bytes(32, "big"), later=number)
        checks += checked(seed.handle(knocked(liar, "20.6.6.6"), number / 10))
        seed.handle(worked(liar, passed=False), number / 10)
    assert checks == 1
    assert checked(seed.handle(Remembered(record(1, "/ip4/21.1.1.1/tcp/4001")), 30.0))
    assert checked(seed.handle(knocked(record(2, "/ip4/21.2.2.2/tcp/4001"), "21.2.2.2"), 31.0))


# ---- places among the spares


def test_on_one_machine_those_who_knock_do_not_share_a_block() -> None:
    seed = seed_of(MACHINE)
    table = Table(read(record_of(0)).position)
    far = [n for n in range(1, 99) if table.bucket_of(place_of(read(record_of(n)).position)) == 0][:8]
    waiting: list[Effect] = []
    for number in far:
        waiting += seed.handle(knocked(record_of(number), "127.0.0.1"), 0.0)
    while waiting:
        call = waiting.pop()
        assert isinstance(call, Call)
        told = Told(call.pid, call.pid.hex(), call.addresses[0], Nodes(0))
        is_new = len(seed) < len(far)
        waiting += seed.handle(told, 0.0) if is_new else []
    assert len(seed) == len(far)


@pytest.mark.parametrize("named", ["20.6.6.6", "20.{0}.{1}.1"])
def test_one_address_does_not_shut_hearsay_out_of_the_far_buckets(named: str) -> None:
    seed = seed_of()
    table = Table(read(record_of(0, PUBLIC)).position)
    held = dict.fromkeys(range(4), 0)
    number = 1_000
    while min(held.values()) < BUCKET_SPARES:
        number += 1
        host = named.format(number // 200, number % 200)
        blob = record(number, f"/ip4/{host}/tcp/4001", "/ip4/20.6.6.6/tcp/4001")
        bucket = table.bucket_of(place_of(read(blob).position))
        if held.get(bucket, BUCKET_SPARES) < BUCKET_SPARES:
            held[bucket] += 1
            seed.handle(knocked(blob, "20.6.6.6"), 1.0)
            seed.handle(worked(blob, passed=False), 1.0)
    heard = [record(n, f"/ip4/21.{n}.3.4/tcp/4001") for n in range(1, 40)]
    far = [blob for blob in heard if table.bucket_of(place_of(read(blob).position)) in held]
    assert len(far) > 4 * VERIFY_AT_ONCE
    for moment, blob in enumerate(far, 2):
        (effect,) = (one for one in seed.handle(Remembered(blob), float(moment)) if isinstance(one, CheckWork))
        seed.handle(CheckedWork(effect.record, False), float(moment))
